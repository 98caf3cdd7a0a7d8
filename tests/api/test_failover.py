"""Copies between units with several paths, some of which fail: on a machine made of files and an array."""

from __future__ import annotations

import errno
import os
from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cdb.command import Command, NotSent, Silence
from tests.device.fake_sysfs import Machine
from xcopy import follow_up, paths
from xcopy.api import endpoint, safety
from xcopy.api.copy import prepare
from xcopy.api.endpoint import open_endpoint, split
from xcopy.api.failover import FailoverBlocks, Ways
from xcopy.api.options import Options
from xcopy.device import claims, topology
from xcopy.errors import AccessError, IoFailed, UnsafeError
from xcopy.job import Method
from xcopy.paths import PathChange, Paths
from xcopy.target.array import memory_array
from xcopy.target.attention import NEXUS_LOSS, POWER_ON
from xcopy.target.faults import Call, Fault, Step, check
from xcopy.target.identity import naa

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.command import Reply, TransportError
    from xcopy.api.copy import Report

BLOCKS = 2048
COPY, COPY_IN = 0x83, 0x84
UNITS = {"/dev/sdb": 0, "/dev/sdc": 0, "/dev/sdd": 1, "/dev/sde": 1}
OFFLINE = NotSent("offline", errno=errno.ENODEV)
BROKEN = Silence("DID_TRANSPORT_DISRUPTED", host=0x0E)
STANDBY = check(0x2, 0x04, 0x0B)
OPTIONS = Options(method=Method.OFFLOAD, jobs=1, segment=64 * 512, segments_per_command=1)


class After:
    """True from the so manieth EXTENDED COPY on, until `back`."""

    def __init__(self, copies: int) -> None:
        self.copies, self.back = copies, False

    def __call__(self, step: Step) -> bool:
        self.copies -= step.cdb[0] == COPY
        return self.copies <= 0 and not self.back


class Watched:
    """A way to a unit that notes by which path what was sent."""

    def __init__(self, bench: Bench, path: str) -> None:
        self._sent, self._path = bench.sent, path
        self._way = bench.array.open(bench.units[path], nexus=path)

    def send(self, command: Command) -> Reply:
        self._sent.append((self._path, command.cdb[0]))
        return self._way.send(command)

    def close(self) -> None:
        self._way.close()


class Bench:
    """sdb and sdc are paths to unit 0, sdd and sde to unit 1, of which dm-0 is the multipath map."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, root: Any) -> None:
        self.machine = Machine(root)
        self.array = memory_array(2, blocks=BLOCKS)
        self.units = dict(UNITS)  # where each path leads
        self.sent: list[tuple[str, int]] = []
        self.data = os.urandom(BLOCKS * 512)
        self.array.units[0].backing.write(0, self.data)
        for number, (path, unit) in enumerate(UNITS.items()):
            self.machine.disk(path[-3:], 16 * number, wwid=self.wwid(unit), sg=number)
        self.machine.mapped("dm-0", 0, on=["sdd", "sde"], uuid="mpath-31", dm_name="mpatha")
        monkeypatch.setattr(endpoint, "_transport", self.opener)
        monkeypatch.setattr(topology, "resolve", self.machine.resolve)
        for name in ("settle", "drop"):  # there are no nodes
            monkeypatch.setattr(f"xcopy.api.execution.{name}", lambda *_, **__: None)
        monkeypatch.setattr(claims, "claims", lambda _: ())
        monkeypatch.setattr(claims, "hold", lambda *_, **__: nullcontext())
        monkeypatch.setattr(safety, "at_stake", lambda *_: ((), ()))

    def wwid(self, unit: int) -> str:
        """What the kernel calls a unit."""
        return f"naa.{naa(self.array.array_id, unit).value.hex()}"

    def opener(self, _kind: str, path: str, *, read_only: bool) -> tuple[Callable[[], Any], None]:
        assert not read_only
        return lambda: Watched(self, path), None

    def fault(self, path: str, then: Reply | TransportError | Call, when: Any, **more: Any) -> None:
        self.array.faults.add(Fault(nexus=path, then=then, when=when, times=more.pop("times", None), **more))

    def copy(self, destination: str = "/dev/dm-0", options: Options = OPTIONS) -> Report:
        with prepare("/dev/sdb", destination, options) as copy:
            return copy.run()

    def copies(self) -> list[str]:
        """The paths of EXTENDED COPY commands, each as often as it was gone by."""
        return [path for path, opcode in self.sent if opcode == COPY]

    def asked(self) -> set[str]:
        """The paths by which a copy was asked after, once there was one."""
        since = [opcode for _, opcode in self.sent].index(COPY)
        return {path for path, opcode in self.sent[since:] if opcode == COPY_IN}

    def assert_copied(self, report: Report) -> None:
        assert report.complete, (report.stopped, report.not_durable)
        assert report.bytes["offload"] == BLOCKS * 512
        assert self.array.units[1].backing.read(0, BLOCKS * 512) == self.data


@pytest.fixture
def bench(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(paths, "AGAIN", 0.0)
    monkeypatch.setattr(follow_up, "_pauses", lambda _: iter([0.0] * 8))
    return Bench(monkeypatch, tmp_path)


def told(report: Report) -> list[tuple[str, str]]:
    return [(change.path, change.event) for change in report.path_changes]


def test_while_no_path_fails_one_is_gone_by_and_nothing_is_told(bench: Bench) -> None:
    report = bench.copy()
    bench.assert_copied(report)
    assert set(bench.copies()) == {"/dev/sdd"}
    assert report.path_changes == ()


@pytest.mark.parametrize("then", [OFFLINE, STANDBY])
def test_a_path_that_fails_halfway_hands_over_to_the_next(bench: Bench, then: Any) -> None:
    bench.fault("/dev/sdd", then, After(10))
    report = bench.copy()
    bench.assert_copied(report)
    assert bench.copies() == ["/dev/sdd"] * 10 + ["/dev/sde"] * 23
    assert told(report) == [("/dev/sdd", "failed"), ("/dev/sde", "took over")]
    assert {change.unit for change in report.path_changes} == {"/dev/dm-0"}


def test_with_many_commands_in_flight_each_block_is_copied_and_it_is_told_once(bench: Bench) -> None:
    bench.fault("/dev/sdd", OFFLINE, After(10))
    report = bench.copy(options=Options(method=Method.OFFLOAD, jobs=8, segment=16 * 512))
    bench.assert_copied(report)
    assert told(report) == [("/dev/sdd", "failed"), ("/dev/sde", "took over")]


def test_a_plain_disk_hands_over_to_the_other_path_to_its_unit(bench: Bench) -> None:
    bench.fault("/dev/sde", OFFLINE, After(3))
    report = bench.copy("/dev/sde")
    bench.assert_copied(report)
    assert told(report) == [("/dev/sde", "failed"), ("/dev/sdd", "took over")]


def test_an_sg_node_hands_over_to_an_sg_node(bench: Bench) -> None:
    bench.units.update({"/dev/sg2": 1, "/dev/sg3": 1})
    bench.fault("/dev/sg2", OFFLINE, After(3))
    report = bench.copy("/dev/sg2")
    bench.assert_copied(report)
    assert told(report) == [("/dev/sg2", "failed"), ("/dev/sg3", "took over")]


def test_the_better_one_of_two_others_takes_over(bench: Bench) -> None:
    bench.units["/dev/sdf"] = 1
    bench.machine.disk("sdf", 80, wwid=bench.wwid(1), access="active/optimized")
    for name in ("sdd", "sde"):
        (bench.machine.sysfs / f"class/block/{name}/device/access_state").write_text("active/non-optimized\n")
    bench.fault("/dev/sdd", OFFLINE, After(3))
    report = bench.copy("/dev/sdd")
    bench.assert_copied(report)
    assert told(report) == [("/dev/sdd", "failed"), ("/dev/sdf", "took over")]


def test_a_path_that_leads_to_another_unit_by_then_is_not_gone_by(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PATIENCE", 0.0)
    bench.array.open(0, nexus="/dev/sde").send(Command(name="TEST UNIT READY", cdb=bytes(6)))
    moved = Call(lambda: bench.units.update({"/dev/sde": 0}))
    bench.fault("/dev/sdd", moved, lambda step: step.cdb[0] == COPY, nth=5, times=1)
    bench.fault("/dev/sdd", OFFLINE, After(10))
    report = bench.copy()
    assert set(bench.copies()) == {"/dev/sdd"}
    assert not report.complete
    assert report.copied == 9 * 64 * 512
    assert bench.array.units[0].backing.read(0, BLOCKS * 512) == bench.data
    assert "/dev/sde leads to another unit than /dev/dm-0" in report.stopped


def test_a_path_that_leads_to_another_unit_from_the_beginning_is_told_and_never_gone_by(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PATIENCE", 0.0)
    bench.machine.disk("sdf", 80, wwid=bench.wwid(1))
    bench.units.update({"/dev/sdf": 0, "/dev/sde": 0})
    bench.fault("/dev/sdd", OFFLINE, After(10))
    report = bench.copy("/dev/sdd")
    assert set(bench.copies()) == {"/dev/sdd"}
    assert report.copied == 9 * 64 * 512
    assert told(report) == [("/dev/sde", "failed"), ("/dev/sdf", "failed"), ("/dev/sdd", "failed")]
    assert "leads to another unit than /dev/sdd" in report.path_changes[0].why


def test_what_a_path_had_kept_from_earlier_does_not_stop_the_copy(bench: Bench) -> None:
    open_endpoint(split("/dev/dm-0"))
    bench.array.attend(POWER_ON)
    bench.fault("/dev/sdd", OFFLINE, After(10))
    bench.assert_copied(bench.copy())


def test_a_reset_that_only_the_next_path_tells_of_stops_the_copy(bench: Bench) -> None:
    reset = Call(lambda: bench.array.attend(POWER_ON, number=1, nexus="/dev/sde"))
    bench.fault("/dev/sdd", reset, lambda step: step.cdb[0] == COPY, nth=5, times=1)
    bench.fault("/dev/sdd", OFFLINE, After(10))
    report = bench.copy()
    assert "the unit was reset during the copy" in report.stopped
    assert "/dev/sde" not in bench.copies()


def test_when_all_have_failed_and_one_comes_back_the_copy_goes_on(bench: Bench) -> None:
    first, second = After(10), After(5)
    bench.fault("/dev/sdd", OFFLINE, first)
    bench.fault("/dev/sde", OFFLINE, second)
    tries = 0

    def mended(_: Step) -> bool:
        nonlocal tries
        tries += second.copies <= 0
        first.back = tries > 6
        return False

    bench.fault("/dev/sdd", OFFLINE, mended)
    report = bench.copy()
    bench.assert_copied(report)
    assert told(report) == [
        ("/dev/sdd", "failed"),
        ("/dev/sde", "took over"),
        ("/dev/sde", "failed"),
        ("/dev/sdd", "took over"),
    ]


def test_a_path_that_was_lost_and_is_back_says_so_and_the_copy_goes_on(bench: Bench) -> None:
    cut = After(10)
    bench.fault("/dev/sdd", OFFLINE, cut)

    def mend() -> None:
        cut.back = True
        bench.array.attend(NEXUS_LOSS, nexus="/dev/sdd")

    bench.fault("/dev/sde", Call(mend), lambda _: cut.copies <= 0, times=1)
    bench.fault("/dev/sde", OFFLINE, lambda _: cut.copies <= 0)
    bench.assert_copied(bench.copy())


def test_when_none_comes_back_what_is_copied_is_known_and_each_path_s_reason(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "PATIENCE", 0.0)
    bench.fault("/dev/sdd", OFFLINE, After(10))
    bench.fault("/dev/sde", OFFLINE, After(5))
    report = bench.copy()
    assert report.copied == (9 + 4) * 64 * 512
    assert "no path to /dev/dm-0 is left: /dev/sdd: the path is offline or gone" in report.stopped
    assert "/dev/sde: the path is offline or gone" in report.stopped
    done = report.copied
    assert bench.array.units[1].backing.read(0, done) == bench.data[:done]


def test_a_named_path_that_is_dead_from_the_beginning_is_told_and_another_is_gone_by(bench: Bench) -> None:
    bench.fault("/dev/sdd", OFFLINE, lambda _: True)
    report = bench.copy()
    bench.assert_copied(report)
    assert told(report) == [("/dev/sdd", "failed"), ("/dev/sde", "took over")]


def test_where_no_path_answers_the_first_one_s_reason_is_given(bench: Bench) -> None:
    for path in ("/dev/sdd", "/dev/sde"):
        bench.fault(path, OFFLINE, lambda _: True)
    with pytest.raises(AccessError, match="/dev/dm-0 gave no answer: offline"):
        open_endpoint(split("/dev/dm-0"))


class TestSilence:
    """A command that was sent by a path that broke may still be at work."""

    @pytest.fixture
    def cut(self, bench: Bench) -> After:
        """The tenth command is carried out, and its answer is lost with the path."""
        cut = After(10)
        bench.fault("/dev/sdd", BROKEN, lambda step: step.cdb[0] == COPY and cut(step), times=1, after=True)
        return cut

    def test_it_is_asked_after_by_the_same_path_and_sent_again_when_it_is_over(
        self, bench: Bench, cut: After
    ) -> None:
        report = bench.copy()
        bench.assert_copied(report)
        assert cut.copies <= 0
        assert bench.copies() == ["/dev/sdd"] * 10 + ["/dev/sde"] * 23
        assert bench.asked() == {"/dev/sdd"}

    def test_a_path_that_is_away_is_asked_until_it_is_back(self, bench: Bench, cut: After) -> None:
        away = lambda step: step.cdb[0] == COPY_IN and cut.copies <= 0  # noqa: E731
        bench.fault("/dev/sdd", OFFLINE, away, times=3)
        report = bench.copy()
        bench.assert_copied(report)
        assert told(report) == [("/dev/sdd", "failed"), ("/dev/sde", "took over")]

    def test_when_it_does_not_come_back_the_copy_stops_and_its_blocks_are_not_claimed(
        self, bench: Bench, cut: After
    ) -> None:
        bench.fault("/dev/sdd", OFFLINE, lambda step: step.cdb[0] == COPY_IN and cut.copies <= 0)
        report = bench.copy(options=replace(OPTIONS, method=Method.AUTO))
        assert bench.copies() == ["/dev/sdd"] * 10
        assert report.copied == 9 * 64 * 512
        assert "may still be going on" in report.stopped
        assert bench.asked() == {"/dev/sdd"}

    def test_a_path_that_does_not_know_of_it_says_nothing_and_the_copy_stops(self, bench: Bench) -> None:
        cut = After(10)
        bench.fault("/dev/sdd", BROKEN, lambda step: step.cdb[0] == COPY and cut(step), times=1)
        report = bench.copy()
        assert report.copied == 9 * 64 * 512
        assert "the path was lost meanwhile" in report.stopped
        assert "/dev/sde" not in bench.copies()

    def test_a_path_that_lost_its_nexus_knows_nothing_and_the_copy_stops(
        self, bench: Bench, cut: After
    ) -> None:
        lose = Call(lambda: bench.array.lose("/dev/sdd"))
        bench.fault("/dev/sdd", lose, lambda step: step.cdb[0] == COPY_IN and cut.copies <= 0, times=1)
        report = bench.copy()
        assert report.copied == 9 * 64 * 512
        assert "the path was lost meanwhile" in report.stopped
        assert "/dev/sde" not in bench.copies()


class Blocks:
    """What a block node of a path does: a file that fails as the kernel would."""

    def __init__(self, kept: dict[int, bytes], errors: list[int]) -> None:
        self._kept, self._errors = kept, errors

    def _may(self) -> None:
        if self._errors:
            try:
                raise OSError(self._errors.pop(0), "failed")
            except OSError as error:
                raise IoFailed(f"I/O failed: {error}") from error

    def read(self, lba: int, blocks: int) -> memoryview:
        self._may()
        return memoryview(b"".join(self._kept[at] for at in range(lba, lba + blocks)))

    def write(self, lba: int, data: memoryview) -> None:
        self._may()
        self._kept[lba] = bytes(data)

    def flush(self) -> None:
        self._may()

    def close(self) -> None:
        pass


class TestBlocks:
    """The host reads and writes by another path too."""

    @pytest.fixture
    def errors(self) -> dict[str, list[int]]:
        """What happens next on each path."""
        return {"/dev/sdd": [], "/dev/sde": []}

    @pytest.fixture
    def ways(self, bench: Bench) -> Ways:
        unit = open_endpoint(split("/dev/dm-0")).parts[0].unit
        made = Paths("/dev/dm-0", "/dev/sdd", lambda: ["/dev/sdd", "/dev/sde"], 2)
        return Ways(unit, made, lambda path: Watched(bench, path), now=lambda: 0.0, sleep=lambda _: None)

    @pytest.fixture
    def blocks(self, ways: Ways, errors: dict[str, list[int]]) -> FailoverBlocks:
        kept = {5: b"five"}
        return FailoverBlocks(ways, lambda path: Blocks(kept, errors[path]))

    @pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.ENOLINK])
    def test_what_one_path_fails_the_next_one_does(
        self, ways: Ways, blocks: FailoverBlocks, errors: dict[str, list[int]], number: int
    ) -> None:
        errors["/dev/sdd"] = [number]
        blocks.write(6, memoryview(b"six!"))
        assert bytes(blocks.read(5, 2)) == b"fivesix!"
        assert [(change.path, change.event) for change in ways.paths.changes] == [
            ("/dev/sdd", "failed"),
            ("/dev/sde", "took over"),
        ]

    def test_a_bad_block_is_no_path_s_fault(
        self, ways: Ways, blocks: FailoverBlocks, errors: dict[str, list[int]]
    ) -> None:
        errors["/dev/sdd"] = [errno.ENODATA]
        with pytest.raises(IoFailed, match="failed"):
            blocks.read(5, 1)
        assert ways.paths.changes == []

    def test_what_fails_by_every_path_is_the_unit_s_fault_at_once(
        self, blocks: FailoverBlocks, errors: dict[str, list[int]]
    ) -> None:
        for path in errors:
            errors[path] = [errno.EIO] * 9
        with pytest.raises(IoFailed, match="I/O failed"):
            blocks.flush()
        assert sum(len(left) for left in errors.values()) == 18 - 3

    def test_a_path_to_another_unit_is_never_written_to(
        self,
        bench: Bench,
        ways: Ways,
        blocks: FailoverBlocks,
        errors: dict[str, list[int]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(paths, "PATIENCE", 0.0)
        bench.units["/dev/sde"] = 0
        assert not ways.leads_there("/dev/sde")  # and what it had kept is heard
        errors["/dev/sdd"] = [errno.EIO]
        with pytest.raises(IoFailed, match=r"no path to /dev/dm-0 is left.*leads to another unit"):
            blocks.write(5, memoryview(b"lost"))
        assert ways.paths.changes == [
            PathChange("/dev/dm-0", "/dev/sdd", "failed", ways.paths.changes[0].why),
            PathChange("/dev/dm-0", "/dev/sde", "failed", "/dev/sde leads to another unit than /dev/dm-0"),
        ]

    def test_a_reset_that_the_next_path_tells_of_ends_it(
        self, bench: Bench, blocks: FailoverBlocks, errors: dict[str, list[int]]
    ) -> None:
        errors["/dev/sdd"] = [errno.EIO]
        bench.array.attend(POWER_ON, nexus="/dev/sde")
        with pytest.raises(IoFailed, match="was reset"):
            blocks.write(5, memoryview(b"lost"))


def test_another_unit_is_refused_by_its_designator(bench: Bench) -> None:
    unit = open_endpoint(split("/dev/dm-0")).parts[0].unit
    ways = Ways(unit, Paths("", "", list, 1), lambda path: Watched(bench, path))
    assert ways.recognize("/dev/sde") is None
    bench.array.open(0, nexus="/dev/sdb").send(Command(name="TEST UNIT READY", cdb=bytes(6)))
    with pytest.raises(UnsafeError, match="/dev/sdb leads to another unit than /dev/dm-0"):
        ways.recognize("/dev/sdb")


def test_a_unit_of_another_size_by_the_same_designator_is_refused(bench: Bench) -> None:
    unit = open_endpoint(split("/dev/dm-0")).parts[0].unit
    larger = replace(unit, blocks=unit.blocks + 1)
    ways = Ways(larger, Paths("", "", list, 1), lambda path: Watched(bench, path))
    with pytest.raises(
        UnsafeError, match=r"/dev/sde says it is /dev/dm-0, with \d+ blocks .* two units by one name"
    ):
        ways.recognize("/dev/sde")
