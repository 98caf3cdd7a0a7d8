"""Every command of the table, sent to the kernel's own target: it answers what was recorded.

A kernel that answers otherwise shows here; the emulated array is held to the recording, and so to the
real thing. What was answered goes into the test report, and `record_lio` makes the recording of it.
"""

from __future__ import annotations

import contextlib
import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rtslib_fb import LUN, TPG, FabricModule, Target

from cdb.command import Command
from tests.lio import luns as lio
from tests.target.lio_answers import RECORDED, before, designators, entry, recorded, take
from tests.target.lio_case import UNITS, TableUnit
from tests.target.lio_table import SECTIONS
from xcopy.device.sg import SgTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cdb.command import Reply
    from tests.target.lio_answers import Recorded
    from tests.target.lio_case import Names

PIECE = 512 * lio.KIB
TEST_UNIT_READY = Command(name="TEST UNIT READY", cdb=bytes(6))
READ, WRITE = 0x88, 0x8A
ATTENTIONS = 8  # unit attentions a new unit may have


class KernelBed:
    """The units of the table as LUNs of the kernel's target, reached through SG_IO."""

    def __init__(self, units: dict[str, lio.Lun]) -> None:
        self._open = {name: SgTransport(lun.sg) for name, lun in units.items()}
        for name in units:
            for _ in range(ATTENTIONS):
                if self.send(name, TEST_UNIT_READY).good:
                    break
            self.restore(name)
            assert self.contents(name) == before(name), name

    def send(self, unit: str, command: Command) -> Reply:
        """The answer of one unit."""
        return self._open[unit].send(command)

    def contents(self, unit: str) -> bytes:
        """What the windows of a unit hold."""
        return b"".join(
            self._done(unit, sixteen(READ, lba, blocks), blocks * UNITS[unit].block_size)
            for lba, blocks in pieces(UNITS[unit])
        )

    def restore(self, unit: str) -> None:
        """Give the windows of a unit their contents from before the case."""
        whole, at, size = memoryview(before(unit)), 0, UNITS[unit].block_size
        for lba, blocks in pieces(UNITS[unit]):
            self._done(unit, sixteen(WRITE, lba, blocks), 0, bytes(whole[at : at + blocks * size]))
            at += blocks * size

    def close(self) -> None:
        """Let go of every unit."""
        for transport in self._open.values():
            transport.close()

    def _done(self, unit: str, cdb: bytes, data_in: int, data_out: bytes = b"") -> bytes:
        reply = self.send(unit, Command(name="contents", cdb=cdb, data_in=data_in, data_out=data_out))
        assert reply.good, (unit, cdb.hex(), reply)
        return reply.data


def pieces(unit: TableUnit) -> Iterator[tuple[int, int]]:
    """First block and number of blocks of each transfer that moves a unit's windows."""
    step = PIECE // unit.block_size
    for window in unit.windows:
        for lba in window[::step]:
            yield lba, min(step, window.stop - lba)


def sixteen(opcode: int, lba: int, blocks: int) -> bytes:
    """The CDB of a READ(16) or WRITE(16)."""
    return bytes([opcode, 0]) + lba.to_bytes(8, "big") + blocks.to_bytes(4, "big") + bytes(2)


@lio.quietly()
def mapped(first: int) -> dict[str, lio.Lun]:
    """Make and map the units beside those that are there; `first` is a LUN number from which all are free."""
    fabric = FabricModule("loopback")
    groups = [TPG(Target(fabric, wwn, mode="lookup"), 1, mode="lookup") for wwn in lio.NEXUSES]
    addresses = [Path(group.path, "address").read_text().strip() for group in groups]
    seen = {}
    for number, unit in enumerate(UNITS.values(), first):
        recipe = lio.Recipe(f"table-{unit.name}", "file", unit.size, unit.block_size, nexuses=(unit.nexus,))
        storage = lio.make(recipe, iter(()))
        storage.set_attribute("block_size", unit.block_size)
        storage.set_attribute("emulate_3pc", int(unit.copies))
        LUN(groups[unit.nexus], number, storage)
        seen[unit.name] = lio.as_seen(recipe, unit.nexus, f"{addresses[unit.nexus]}:{number}")
    return seen


@pytest.fixture(scope="module")
def bed(luns: dict[str, lio.Lun]) -> Iterator[KernelBed]:
    """The table's units, in known contents; unmade with the LUNs they stand beside."""
    made = mapped(first=len(luns))
    lio.command("udevadm", "settle")
    with contextlib.closing(KernelBed(made)) as table:
        yield table


@pytest.fixture(scope="module")
def names(bed: KernelBed, record_testsuite_property: Callable[[str, object], None]) -> Names:
    """The units' designators, which go into the report with the kernel's name."""
    found = designators(bed, tuple(UNITS))
    said = {"kernel": platform.version(), "release": platform.release()}
    kept = said | {"designators": {name: value.hex() for name, value in found.items()}}
    record_testsuite_property("target", json.dumps(kept))
    return found


@pytest.fixture(scope="module")
def then() -> Recorded | None:
    """The recording; None while there is none."""
    return recorded() if RECORDED.exists() else None


@pytest.mark.parametrize("section", SECTIONS)
def test_the_kernel_s_target_answers_as_recorded(
    section: str,
    bed: KernelBed,
    names: Names,
    then: Recorded | None,
    record_testsuite_property: Callable[[str, object], None],
) -> None:
    otherwise = {}
    for case in SECTIONS[section]:
        sent = case.build(names)
        found = entry(case, sent, take(case, sent, bed))
        record_testsuite_property("answer", json.dumps(found))
        if then is None or found != then.entries.get(case.name):
            otherwise[case.name] = found
    assert then is not None, "nothing is recorded: python -m tests.lio.record_lio"
    assert otherwise == {}, f"recorded on {then.kernel}, now {platform.release()}"
