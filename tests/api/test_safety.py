"""Overlap is found by identity: what units answer, and what the kernel knows where they answer nothing."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from dataclasses import replace
from typing import Any

import pytest

from cdb.command import Command, NotSent, Reply
from tests.xcopy.units import unit
from xcopy.api import safety
from xcopy.api.endpoint import Endpoint, Part
from xcopy.api.safety import Cleared
from xcopy.asked import Asked, Extent
from xcopy.claim import FORCIBLE, Claim
from xcopy.device import claims, initiator_ports
from xcopy.device.disk import Node
from xcopy.device.tree import Block
from xcopy.errors import IoFailed, UnsafeError
from xcopy.ranges import EndpointText

SDA = Block(name="sda", path="/dev/sda", major=8, minor=0)
SDB = Block(name="sdb", path="/dev/sdb", major=8, minor=16)


def node(disk: Block | None, **changes: Any) -> Node:
    values = {"path": disk.path if disk else "/dev/sg0", "kind": "disk", "sg": None, "major": 8, "minor": 0}
    return Node(disk=disk, **{**values, **changes})


def side(of: Node | None, number: int = 0, **changes: Any) -> Endpoint:
    made = unit(number, **changes)

    def closed(*_: object) -> Any:
        raise AssertionError("nothing is opened to find an overlap")

    return Endpoint(
        text=EndpointText(of.path if of else made.name),
        parts=(Part(made, closed, closed),),
        node=of,
        base=0,
        blocks=made.blocks,
        window=None,
    )


def one(source: Endpoint, destination: Endpoint, source_lba: int, lba: int, blocks: int = 100) -> Asked:
    return asked(source, destination, [(source_lba, blocks, lba)], file=None)


def asked(
    source: Endpoint, destination: Endpoint, ranges: list[tuple[int, int, int]], file: str | None = "list"
) -> Asked:
    extents = (
        Extent(side.name, side.base, side.blocks, side.unit.block_size) for side in (source, destination)
    )
    return Asked(*extents, enumerate(ranges, 1), file=file)


NAMELESS: dict[str, Any] = {"designators": ()}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (side(node(SDA)), side(node(SDB))),
        (side(node(SDA, siblings=(SDB,)), **NAMELESS), side(node(SDB, siblings=(SDA,)), **NAMELESS)),
        (side(node(SDA, wwid="naa.6"), **NAMELESS), side(node(SDB, wwid="naa.6"), **NAMELESS)),
        (side(node(SDA, sg="/dev/sg0"), **NAMELESS), side(node(None, sg="/dev/sg0"), **NAMELESS)),
        (side(node(SDA), **NAMELESS), side(node(SDA, path="/dev/sda1"), **NAMELESS)),
        (side(None), side(None)),
    ],
    ids=["one designator", "sysfs siblings", "one wwid", "sg and sd", "partition and disk", "emulated"],
)
def test_one_unit_by_two_names_overlaps_by_lba(first: Endpoint, second: Endpoint) -> None:
    for lbas in ((0, 0), (0, 99), (99, 0)):
        with pytest.raises(UnsafeError, match="overlap"):
            safety.refuse_overlap(first, second, one(first, second, *lbas))
    safety.refuse_overlap(first, second, one(first, second, 0, 100))
    safety.refuse_overlap(first, second, one(first, second, 100, 0))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (side(node(SDA), 0), side(node(SDB), 1)),
        (side(node(None, sg="/dev/sg0"), **NAMELESS), side(node(None, sg="/dev/sg1"), **NAMELESS)),
        (side(node(SDA), **NAMELESS), side(node(SDB), **NAMELESS)),
    ],
    ids=["two designators", "two sg nodes", "two disks"],
)
def test_two_units_never_overlap(first: Endpoint, second: Endpoint) -> None:
    safety.refuse_overlap(first, second, one(first, second, 0, 0))


def test_a_range_that_reads_what_another_writes_is_refused_with_both_lines() -> None:
    unit = side(None)
    ranges = [(0, 10, 100), (500, 0, 200), (300, 10, 400), (409, 10, 600), (20, 10, 110)]
    with pytest.raises(UnsafeError, match="list line 4 reads blocks that list line 3 writes"):
        safety.refuse_overlap(unit, unit, asked(unit, unit, ranges))
    ranges[3] = (410, 10, 600)
    safety.refuse_overlap(unit, unit, asked(unit, unit, ranges))
    with pytest.raises(UnsafeError, match="list line 1 reads blocks that it writes"):
        safety.refuse_overlap(unit, unit, asked(unit, unit, [(7, 1, 7)]))


def test_one_unit_with_two_block_sizes_is_a_riddle_and_refused() -> None:
    first, second = side(None), side(None, block_size=4096)
    with pytest.raises(UnsafeError, match="look like one unit"):
        safety.refuse_overlap(first, second, one(first, second, 0, 5000, 80))


class Reserving:
    """A unit that answers PERSISTENT RESERVE IN as told, by service action, and nothing else."""

    def __init__(self, **answers: Reply) -> None:
        self._answers = answers

    def send(self, command: Command) -> Reply:
        assert command.cdb[0] == 0x5E
        actions = {0: "keys", 1: "reservation", 3: "status"}
        return self._answers.get(actions[command.cdb[1]], Reply(data=bytes(8)))

    def close(self) -> None:
        pass


class Blocks:
    """Blocks of 512 bytes that are zero but for what is at some bytes; those from `bad` on cannot be read."""

    def __init__(self, at: dict[int, bytes], bad: int | None = None) -> None:
        self._at, self._bad = at, bad

    def read(self, lba: int, blocks: int) -> memoryview:
        if self._bad is not None and lba + blocks > self._bad:
            raise IoFailed(f"block {self._bad} is bad")
        data = bytearray(blocks * 512)
        for offset, content in self._at.items():
            here = offset - lba * 512
            if 0 <= here < len(data):
                data[here : here + len(content)] = content
        return memoryview(data)

    def write(self, *_: object) -> None:
        raise AssertionError("nothing is written to find out what is there")

    def flush(self) -> None:
        raise AssertionError("nothing is written to find out what is there")

    def close(self) -> None:
        pass


XFS = {0: b"XFSB"}
SDA1 = Block(name="sda1", path="/dev/sda1", major=8, minor=1, number=1, start=2048, length=4096)


class TestSecure:
    """A destination is refused while it is used, and what it holds is told."""

    @pytest.fixture(autouse=True)
    def _kernel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the kernel says, and which nodes it lets us hold."""
        self.claimed: tuple[Claim, ...] = ()
        self.busy: set[str] = set()
        self.held: list[str] = []
        monkeypatch.setattr(claims, "claims", lambda _: self.claimed)
        monkeypatch.setattr(claims, "hold", self._hold)

    def _hold(self, path: str, *, writing: bool) -> Any:
        if path in self.busy:
            raise UnsafeError(f"{path}: the kernel reports it in use")
        assert writing
        self.held.append(path)
        return nullcontext()

    def destination(
        self, of: Node | None = None, blocks: Blocks | None = None, way: Reserving | None = None
    ) -> Endpoint:
        made = side(of if of is not None else node(SDA), 1)
        part = Part(made.unit, lambda: way or Reserving(), lambda _: blocks or Blocks({}))  # type: ignore[arg-type]
        return replace(made, parts=(part,))

    def secure(
        self, end: Endpoint, *force: str, lba: int = 0, source: Endpoint | None = None, still: bool = False
    ) -> Cleared:
        start = source or side(None)
        ranges = asked(start, end, [(0, 100, lba)], file=None)
        with ExitStack() as stack:
            return safety.secure(start, end, ranges, stack, force=frozenset(force), still=still)

    def test_one_that_nobody_uses_is_held_by_every_path(self) -> None:
        of = node(SDA, siblings=(SDB,))
        assert self.secure(self.destination(of)) == Cleared([])
        assert self.held == ["/dev/sda", "/dev/sdb"]

    def test_a_read_only_one_is_refused_whatever_is_forced(self) -> None:
        locked = Block(name="sda", path="/dev/sda", major=8, minor=0, read_only=True)
        with pytest.raises(UnsafeError, match="read-only"):
            self.secure(self.destination(node(locked)), *FORCIBLE)

    def test_a_use_is_refused_with_the_word_that_overrides_it_and_nothing_is_held(self) -> None:
        self.claimed = (Claim("mounted", "/dev/sda1", "/srv"),)
        with pytest.raises(UnsafeError, match=r"/dev/sda1 is mounted on /srv.* --force=mounted "):
            self.secure(self.destination(), "swap", "lvm")
        assert not self.held

    def test_what_is_overridden_is_told(self) -> None:
        self.claimed = (Claim("mounted", "/dev/sda1", "/srv"),)
        self.busy = {"/dev/sda"}
        disk = node(replace(SDA, partitions=(SDA1,)))
        overridden, not_held = self.secure(self.destination(disk), "mounted").warnings
        assert overridden == "--force=mounted: writing to /dev/sda although /dev/sda1 is mounted on /srv"
        assert "not held open exclusively" in not_held

    def test_of_two_uses_both_have_to_be_overridden(self) -> None:
        self.claimed = (Claim("lvm", "/dev/sda1", "/dev/dm-0"), Claim("mounted", "/dev/dm-0", "/srv"))
        with pytest.raises(UnsafeError, match="--force=mounted,lvm "):
            self.secure(self.destination(), "lvm")
        assert len(self.secure(self.destination(), "lvm", "mounted").warnings) == 2

    def test_a_node_that_is_busy_for_no_known_reason_is_open_elsewhere(self) -> None:
        self.busy = {"/dev/sda"}
        with pytest.raises(UnsafeError, match=r"/dev/sda is open exclusively elsewhere.* --force=open "):
            self.secure(self.destination())
        assert len(self.secure(self.destination(), "open").warnings) == 1

    def test_a_use_of_one_path_does_not_explain_why_another_is_busy(self) -> None:
        self.claimed = (Claim("mounted", "/dev/sda", "/srv"),)
        self.busy = {"/dev/sdb"}
        with pytest.raises(UnsafeError, match=r"/dev/sdb is open exclusively elsewhere.* --force=open "):
            self.secure(self.destination(node(SDA, siblings=(SDB,))), "mounted")

    def test_what_is_only_written_on_it_does_not_explain_why_it_is_busy(self) -> None:
        self.busy = {"/dev/sda"}
        blocks = Blocks({512: b"LABELONE" + bytes(16) + b"LVM2 001"})
        with pytest.raises(UnsafeError, match=r"/dev/sda is open exclusively elsewhere.* --force=open "):
            self.secure(self.destination(blocks=blocks), "lvm")
        assert self.secure(self.destination(blocks=blocks), "lvm", "open").warnings

    def test_a_reservation_by_another(self) -> None:
        way = Reserving(reservation=Reply(data=HELD), status=Reply(data=STATUS))
        with pytest.raises(UnsafeError, match=r"reserved by naa\.5001405cc0de0002 .*--force=reserved "):
            self.secure(self.destination(way=way))
        (warning,) = self.secure(self.destination(way=way), "reserved").warnings
        assert "although unit1 is reserved by naa.5001405cc0de0002" in warning

    def test_a_reservation_of_our_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(initiator_ports, "own_ports", lambda: frozenset({"naa.5001405cc0de0002"}))
        way = Reserving(reservation=Reply(data=HELD), status=Reply(data=STATUS))
        with pytest.raises(UnsafeError, match=r"by this machine itself.*release.*--force=own-reservation "):
            self.secure(self.destination(way=way), "reserved")
        assert self.secure(self.destination(way=way), "own-reservation").warnings

    def test_registrations_without_a_reservation_are_told(self) -> None:
        keys = Reply(data=bytes.fromhex("00000005 00000010") + bytes(16))
        (warning,) = self.secure(self.destination(way=Reserving(keys=keys))).warnings
        assert "2 initiators are registered" in warning

    def test_a_unit_that_cannot_be_asked_is_told(self) -> None:
        class Mute(Reserving):
            def send(self, _command: Command) -> Reply:
                raise NotSent("not permitted")

        (warning,) = self.secure(self.destination(way=Mute())).warnings
        assert "whether unit1 is reserved is not known" in warning

    def test_a_file_system_that_is_overwritten_is_told(self) -> None:
        found = self.secure(self.destination(blocks=Blocks(XFS)))
        assert found.destroyed == ("/dev/sda: an XFS file system",)
        assert found.warnings == ["this will be destroyed: /dev/sda: an XFS file system"]

    def test_so_is_one_on_an_emulated_unit(self) -> None:
        end = replace(self.destination(blocks=Blocks(XFS)), node=None)
        assert self.secure(end).destroyed

    def test_one_on_a_partition_is_told_where_the_partition_is_written_to(self) -> None:
        disk = node(replace(SDA, partitions=(SDA1,)))
        blocks = Blocks({2048 * 512: b"XFSB"})
        assert self.secure(self.destination(disk, blocks), lba=6143).destroyed == (
            "/dev/sda1: an XFS file system",
        )
        assert not self.secure(self.destination(disk, blocks), lba=6144).destroyed
        assert not self.secure(self.destination(disk, blocks), lba=0).destroyed

    def test_one_that_begins_where_the_copy_begins_is_told(self) -> None:
        blocks = Blocks({5000 * 512: b"XFSB"})
        assert self.secure(self.destination(blocks=blocks), lba=5000).destroyed == (
            "/dev/sda, LBA 5000: an XFS file system",
        )

    def test_a_physical_volume_that_no_group_uses_is_a_use_by_itself(self) -> None:
        blocks = Blocks({512: b"LABELONE" + bytes(16) + b"LVM2 001"})
        with pytest.raises(UnsafeError, match=r"/dev/sda is a physical volume of LVM.*--force=lvm "):
            self.secure(self.destination(blocks=blocks), lba=100_000)
        assert self.secure(self.destination(blocks=blocks), "lvm").destroyed == ()

    def test_one_that_a_group_uses_is_told_once(self) -> None:
        self.claimed = (Claim("lvm", "/dev/sda", "/dev/dm-0"),)
        blocks = Blocks({512: b"LABELONE" + bytes(16) + b"LVM2 001"})
        assert len(self.secure(self.destination(blocks=blocks), "lvm").warnings) == 1

    def test_what_cannot_be_read_may_be_anything(self) -> None:
        (told,) = self.secure(self.destination(blocks=Blocks({}, bad=0)), lba=0).destroyed[:1]
        assert "block 0 is bad" in told

    def test_a_copy_of_nothing_destroys_nothing(self) -> None:
        start, end = side(None), self.destination(blocks=Blocks(XFS))
        with ExitStack() as stack:
            none = asked(start, end, [(0, 0, 0)], file=None)
            assert safety.secure(start, end, none, stack) == Cleared([])

    def test_a_source_in_use_is_a_warning_unless_it_will_be_frozen(self) -> None:
        self.claimed = (Claim("mounted", "/dev/sda1", "/srv"),)
        end = replace(self.destination(), node=None)
        (warning,) = self.secure(end, source=side(node(SDB))).warnings
        assert "/srv" in warning
        assert self.secure(end, source=side(node(SDB)), still=True).warnings == []


HELD = bytes.fromhex("00000005 00000010 00000000 0000abcd 00000000 00 01 0000")  # Write Exclusive, key ABCDh
STATUS = bytes.fromhex(  # one registration, the holder's, of a SAS port
    "00000005 00000030 000000000000abcd 00000000 01 01 0000 0000 0001 00000018"
    "06000000 5001405cc0de0002 000000000000000000000000"
)
