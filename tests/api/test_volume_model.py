"""Copies between whatever a machine has, against a model that counts sector by sector."""

from __future__ import annotations

import os
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.sector_model import SECTOR, World, expected, ranges_of
from tests.device.fake_sysfs import Machine
from xcopy.api import endpoint
from xcopy.api.copy import prepare
from xcopy.api.options import Options
from xcopy.api.request import RangeList
from xcopy.api.resume import resume
from xcopy.api.verify_only import prepare_verification
from xcopy.device import claims, topology
from xcopy.device.array_dir import create, open_array, unit_file
from xcopy.errors import UnsafeError, UnsupportedError, XcopyError
from xcopy.job import Method

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cdb.command import Command, Reply, Transport
    from tests.api.sector_model import Device
    from xcopy.api.endpoint import Part

EXTENDED_COPY = 0x83
SIZES = ([512] * 4, [512] * 4, [4096] * 4, [512, 512, 4096, 4096], [4096, 4096, 512, 512])


@dataclass
class Counted:
    """A way to a unit that tells of each copy before it goes."""

    way: Transport
    tell: Callable[[], object]

    def send(self, command: Command) -> Reply:
        if command.cdb[0] == EXTENDED_COPY:
            self.tell()
        return self.way.send(command)

    def close(self) -> None:
        self.way.close()


class Bench:
    """A machine whose disks are units of an emulated array, its volumes as `World` has them."""

    def __init__(self, root: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.random = Random(seed)
        self.machine = Machine(root / "machine")
        self.world = World(self.random, self.machine, self.random.choice(SIZES))
        self.directory, units = root / "array", len(self.world.sizes)
        create(self.directory, units=units, size=self.world.sectors * SECTOR, block_size=self.world.sizes)
        self.array = open_array(self.directory)
        self.before_copy: Callable[[], object] = lambda: None
        for unit in range(units):
            unit_file(self.directory, unit).write_bytes(self.random.randbytes(self.world.sectors * SECTOR))
        monkeypatch.setattr(endpoint, "_transport", self._opener)
        monkeypatch.setattr(endpoint, "_opens", lambda *_: False)  # there are no nodes
        monkeypatch.setattr(topology, "resolve", self.machine.resolve)
        monkeypatch.setattr(claims, "claims", lambda _: ())
        monkeypatch.setattr(claims, "hold", lambda *_, **__: nullcontext())
        for door in ("api.execution.settle", "api.execution.drop", "device.caches.settle"):
            monkeypatch.setattr(f"xcopy.{door}", lambda *_, **__: None)

    def _opener(self, _kind: str, path: str, *, read_only: bool) -> tuple[Callable[[], Any], None]:
        del read_only
        unit = self.world.disks[os.path.basename(path)]
        return lambda: Counted(self.array.open(unit), self._tell), None

    def _tell(self) -> None:
        self.before_copy()

    def unit(self, part: Part) -> int:
        """Which unit of the array this is."""
        return [unit.serial for unit in self.array.units.values()].index(part.unit.serial)

    def contents(self) -> list[bytes]:
        return [unit_file(self.directory, unit).read_bytes() for unit in range(len(self.world.sizes))]

    def pair(self) -> tuple[Device, Device]:
        devices = list(self.world.devices.values())
        volumes = [device for device in devices if device.lines] or devices
        found = [self.random.choice(volumes)]
        mine = self.world.ways(found[0]).keys()
        others = [device for device in devices if not self.world.ways(device).keys() & mine]
        found.append(self.random.choice(others if others and self.random.random() < 0.8 else devices))
        self.random.shuffle(found)
        return found[0], found[1]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> Bench:
    return Bench(tmp_path, seed, monkeypatch)


@pytest.mark.parametrize("seed", range(80))
def test_every_sector_is_where_the_model_has_it_or_nothing_is_written(bench: Bench, seed: int) -> None:
    del seed
    source, destination = bench.pair()
    ranges = ranges_of(bench.random, source, destination)
    model, before = expected(bench.world, source, destination, ranges), bench.contents()
    method = bench.random.choice([Method.AUTO, Method.AUTO, Method.HOST])
    options = Options(method=method, verify="whole", jobs=bench.random.choice([None, 1, 7]))
    what = f"{source} -> {destination} {ranges}"
    refused = ""
    try:
        with prepare(source.path, destination.path, options, RangeList(enumerate(ranges))) as copy:
            report = copy.run()
            assert copy.fault is None, what
    except XcopyError as error:
        refused = str(error)
    if refused:
        assert model.may_refuse, f"{what}: {refused}"
        assert bench.contents() == before
        return
    assert not model.must_refuse, what
    assert bench.contents() == model.carried_out(before), what
    assert report.complete, f"{what}: {report}"
    if method is Method.AUTO and source.block_size == destination.block_size:
        assert report.bytes["host"] == 0, what


@pytest.mark.parametrize("seed", range(1000, 1025))
def test_a_verification_finds_every_block_that_differs_and_no_other(bench: Bench, seed: int) -> None:
    del seed
    source, destination = bench.pair()
    ranges = ranges_of(bench.random, source, destination)
    model = expected(bench.world, source, destination, ranges)
    if model.must_refuse or not model.moves:
        return
    (from_unit, from_sector), (unit, sector) = bench.random.choice(model.moves)
    after = model.carried_out(bench.contents())
    for place in ((unit, sector), (from_unit, (from_sector + 1) % bench.world.sectors)):
        after[place[0]][place[1] * SECTOR + bench.random.randrange(SECTOR)] ^= 0xFF
    for number, data in enumerate(after):
        unit_file(bench.directory, number).write_bytes(data)
    scale = max(source.block_size, destination.block_size) // SECTOR
    sectors = [
        after[one][at * SECTOR : (at + 1) * SECTOR] != after[other][to * SECTOR : (to + 1) * SECTOR]
        for (one, at), (other, to) in model.moves
    ]
    differing = sum(any(sectors[at : at + scale]) for at in range(0, len(sectors), scale))
    with suppress(UnsafeError, UnsupportedError) if model.may_refuse else nullcontext():
        asked = RangeList(enumerate(ranges))
        found = prepare_verification(source.path, destination.path, Options(), asked).run()
        assert (found.differing, found.compared, found.stopped) == (differing, len(sectors) * SECTOR, "")
        assert found.differing > 0


@pytest.mark.parametrize("seed", range(2000, 2025))
def test_what_is_stopped_is_copied_as_far_as_it_is_told_and_goes_on_from_its_journal(
    bench: Bench, tmp_path: Path, seed: int
) -> None:
    del seed
    source, destination = bench.pair()
    ranges = ranges_of(bench.random, source, destination)
    model, before = expected(bench.world, source, destination, ranges), bench.contents()
    if model.may_refuse:
        return
    journal, left = tmp_path / "journal", bench.random.randint(0, 4)
    options = Options(jobs=2, segment=4096, segments_per_command=1, journal=str(journal))
    with prepare(source.path, destination.path, options, RangeList(enumerate(ranges))) as copy:

        def tell() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                copy.stop("enough")

        bench.before_copy = tell
        report = copy.run()
        assert copy.fault is None
        missing = sum(part.destination_blocks for part in report.not_copied) * destination.block_size
        assert report.copied + missing == report.total
        onto = [bench.unit(part) for part in copy.destination.parts]
    scale = destination.block_size // SECTOR
    untold = {
        (onto[part.pair % len(onto)], sector)
        for part in report.not_copied
        for sector in range(
            part.destination_lba * scale, (part.destination_lba + part.destination_blocks) * scale
        )
    }
    so_far = replace(model, moves=[move for move in model.moves if move[1] not in untold])
    assert bench.contents() == so_far.carried_out(before)
    bench.before_copy = lambda: None
    with resume(str(journal)) as copy:
        assert copy.run().complete
    assert bench.contents() == model.carried_out(before)
