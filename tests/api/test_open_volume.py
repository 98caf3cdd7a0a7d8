"""A volume by its path: a machine made of files whose disks are units of an emulated array."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest

from tests.device.fake_sysfs import Machine
from xcopy.api import endpoint
from xcopy.api.copy import prepare
from xcopy.api.endpoint import open_endpoint, refuse_moved, split
from xcopy.api.options import Options
from xcopy.api.verify_only import prepare_verification
from xcopy.device import claims, topology
from xcopy.device.array_dir import create, open_array, unit_file
from xcopy.errors import UnsafeError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 2**20
LINEAR = "0 1000 linear 8:16 500; 1000 2000 linear 8:32 7"


class Bench:
    """sdb, sdc and sdd are units 0, 1 and 2; volumes are mapped on the machine."""

    def __init__(self, tmp_path: Path, **array: Any) -> None:
        self.machine = Machine(tmp_path / "machine")
        self.directory = tmp_path / "array"
        create(self.directory, units=3, size=MIB, **array)
        for number in range(3):
            unit_file(str(self.directory), number).write_bytes(os.urandom(MIB))
        self.array = open_array(str(self.directory))
        for number, name in enumerate(("sdb", "sdc", "sdd")):
            self.machine.disk(name, 16 * (number + 1), sg=number)

    def opener(self, _kind: str, path: str, *, read_only: bool) -> tuple[Callable[[], Any], None]:
        del read_only
        number = int(path[-1]) if path.startswith("/dev/sg") else "bcd".index(path[-1])
        return lambda: self.array.open(number), None


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    made = Bench(tmp_path)
    monkeypatch.setattr(endpoint, "_transport", made.opener)
    monkeypatch.setattr(topology, "resolve", made.machine.resolve)
    return made


def test_its_units_are_asked_and_its_blocks_are_counted_from_its_start(bench: Bench) -> None:
    bench.machine.mapped("dm-0", 0, on=["sdb", "sdc"], table=LINEAR)

    side = open_endpoint(split("/dev/dm-0"))

    assert [part.unit.name for part in side.parts] == [
        "/dev/sdb (below /dev/dm-0)",
        "/dev/sdc (below /dev/dm-0)",
    ]
    assert (side.base, side.blocks, side.name) == (0, 3000, "/dev/dm-0")
    assert side.mapping is not None
    assert [tuple(run) for run in side.mapping.whole] == [(0, 500, 1000), (1, 7, 2000)]


def test_the_same_unit_by_two_paths_that_the_kernel_takes_for_two_units_is_refused(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(endpoint, "_transport", lambda kind, _, **how: bench.opener(kind, "/dev/sdb", **how))
    bench.machine.mapped("dm-0", 0, on=["sdb", "sdc"], table=LINEAR)

    with pytest.raises(UnsafeError, match=r"/dev/sdb .* and /dev/sdc .* are one unit by two paths"):
        open_endpoint(split("/dev/dm-0"))


def test_a_unit_that_is_smaller_than_its_part_of_the_volume_is_refused(bench: Bench) -> None:
    bench.machine.mapped("dm-0", 0, on=["sdb"], table="0 100 linear 8:16 1949")

    with pytest.raises(UnsupportedError, match=r"/dev/dm-0 goes beyond the end of /dev/sdb .* 2048 blocks"):
        open_endpoint(split("/dev/dm-0"))


def test_pieces_that_are_no_whole_blocks_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(tmp_path, block_size=4096)
    monkeypatch.setattr(endpoint, "_transport", bench.opener)
    monkeypatch.setattr(topology, "resolve", bench.machine.resolve)
    bench.machine.mapped("dm-0", 0, on=["sdb"], table="0 80 linear 8:16 8")
    bench.machine.mapped("dm-1", 1, on=["sdb"], table="0 80 linear 8:16 4")
    bench.machine.mapped("dm-2", 2, on=["sdb", "sdc"], table="0 80 striped 2 4 8:16 0 8:32 0")

    assert open_endpoint(split("/dev/dm-0")).blocks == 10
    for path in ("/dev/dm-1", "/dev/dm-2"):
        with pytest.raises(UnsupportedError, match=f"{path} has pieces .* inside a block of 4096"):
            open_endpoint(split(path))


class TestMoved:
    """A volume is looked at again when it was copied."""

    def test_where_it_was_it_is_fine(self, bench: Bench) -> None:
        bench.machine.mapped("dm-0", 0, on=["sdb"], table="0 100 linear 8:16 0")

        refuse_moved(open_endpoint(split("/dev/dm-0")))

    @pytest.mark.parametrize("path", ["/dev/sdb", "/dev/sg0"])
    @pytest.mark.usefixtures("bench")
    def test_a_disk_is_not_moved(self, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
        side = open_endpoint(split(path))
        monkeypatch.delattr(topology, "resolve")

        refuse_moved(side)

    def test_what_is_called_otherwise_meanwhile_is_where_it_was(self, bench: Bench) -> None:
        bench.machine.mapped("dm-0", 0, on=["sdb"], table="0 100 linear 8:16 0")
        bench.machine.alias("/dev/vg/old", "dm-0")
        side = open_endpoint(split("/dev/vg/old"))

        bench.machine.forget("/dev/vg/old")

        refuse_moved(side)

    def test_a_comparison_with_what_was_moved_meanwhile_is_none(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.machine.mapped("dm-0", 0, on=["sdb"], table="0 100 linear 8:16 0")
        monkeypatch.setattr("xcopy.device.caches.settle", lambda _: None)
        monkeypatch.setattr(claims, "claims", lambda _: ())
        by_host = endpoint._blocks
        monkeypatch.setattr(endpoint, "_blocks", lambda _, *rest: by_host(None, *rest))
        verification = prepare_verification("/dev/sdb:0+100", "/dev/dm-0", Options())
        assert verification.run().equal

        bench.machine.dm.tables[253, 0] = ["0 100 linear 8:16 8"]

        found = verification.run()
        assert not found.equal
        assert "/dev/dm-0: its blocks were moved" in found.stopped

    @pytest.fixture
    def held(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What is held; there are no nodes, so nothing is flushed."""
        monkeypatch.setattr("xcopy.api.execution.settle", lambda *_, **__: None)
        monkeypatch.setattr("xcopy.api.execution.drop", lambda *_, **__: None)
        monkeypatch.setattr(claims, "claims", lambda _: ())
        paths: list[str] = []

        def hold(path: str, **_: bool) -> Any:
            paths.append(path)
            return nullcontext()

        monkeypatch.setattr(claims, "hold", hold)
        return paths

    def test_what_was_moved_before_it_was_held_is_not_written_to(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench.machine.mapped("dm-0", 0, on=["sdb"], table="0 100 linear 8:16 0")
        monkeypatch.setattr(claims, "claims", lambda _: ())

        def hold(*_: str, **__: bool) -> Any:
            bench.machine.dm.tables[253, 0] = ["0 100 linear 8:16 8"]
            return nullcontext()

        monkeypatch.setattr(claims, "hold", hold)
        with pytest.raises(UnsafeError, match="its blocks were moved to other places after it was opened"):
            prepare("/dev/sdc:0+100", "/dev/dm-0", Options())

    def test_a_copy_onto_what_was_moved_meanwhile_is_not_complete(
        self, bench: Bench, held: list[str]
    ) -> None:
        bench.machine.mapped("dm-0", 0, on=["sdb"], table="0 100 linear 8:16 0")
        with prepare("/dev/sdc:0+100", "/dev/dm-0", Options()) as copy:
            bench.machine.dm.tables[253, 0] = ["0 100 linear 8:16 8"]
            report = copy.run()

        assert held == ["/dev/dm-0"]
        assert not report.complete
        assert "/dev/dm-0: its blocks were moved to other places after it was opened" in report.not_durable
        with prepare("/dev/sdc:0+100", "/dev/dm-0", Options()) as copy:
            assert copy.run().complete
        written = unit_file(str(bench.directory), 0).read_bytes()
        assert written[8 * 512 : 108 * 512] == unit_file(str(bench.directory), 1).read_bytes()[: 100 * 512]

    @pytest.mark.parametrize(
        "now", ["0 100 linear 8:16 8", "0 100 mirror core 1 8 2 8:16 0 8:32 0", "0 101 linear 8:16 0"]
    )
    @pytest.mark.usefixtures("held")
    def test_what_is_moved_while_it_is_copied_is_written_to_no_more(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch, now: str
    ) -> None:
        monkeypatch.setattr("xcopy.api.execution.LAYOUT_LOOK", 0.0)
        bench.machine.mapped("dm-0", 0, on=["sdb"], table="0 100 linear 8:16 0")
        options = Options(jobs=1, segment=512, segments_per_command=1)
        with prepare("/dev/sdc:0+100", "/dev/dm-0", options) as copy:
            assert copy.job.limits is not None

            def move(_: object) -> None:
                bench.machine.dm.tables[253, 0] = [now]

            report = copy.run(move)

        assert "/dev/dm-0" in report.stopped
        assert report.commands["offload"] < 10
