"""The emulated array with the `lio` profile answers as the kernel's own target does, to the whole table.

What it is compared with was recorded from the real thing (fixtures/lio_answers.json; tests/lio sends the same
table to a kernel anew). Every difference there may be is listed here, with its reason.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cdb.command import Command
from tests.target.lio_answers import Answer, before, designators, recorded, shown, take
from tests.target.lio_case import UNITS, TableUnit
from tests.target.lio_exceptions import DIFFERENT, OWN_PAGES
from tests.target.lio_table import TABLE
from xcopy.target.array import Array
from xcopy.target.backing import MemoryBacking
from xcopy.target.profiles import PROFILES
from xcopy.target.unit import Unit

if TYPE_CHECKING:
    from cdb.command import Reply
    from tests.target.lio_case import Case, Names

NEXUSES = ("first", "second")
THEN = recorded()


class SparseBacking:
    """A unit far larger than memory: only what was written is there, by block of 512."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._blocks: dict[int, bytes] = {}

    def read(self, offset: int, length: int) -> bytes:
        """Zeros where nothing was written."""
        numbers = range(offset // 512, (offset + length) // 512)
        return b"".join(self._blocks.get(number, bytes(512)) for number in numbers)

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Whole blocks."""
        for at in range(0, len(data), 512):
            self._blocks[(offset + at) // 512] = bytes(data[at : at + 512])

    def flush(self) -> None:
        """Nothing is kept back."""


class EmulatedBed:
    """The units of the table in an emulated array."""

    def __init__(self) -> None:
        self._numbers = {name: number for number, name in enumerate(UNITS)}
        self._backings = {
            unit.name: SparseBacking(unit.size) if unit.watched else MemoryBacking(bytes(unit.size))
            for unit in UNITS.values()
        }
        self.array = Array([self._unit(unit) for unit in UNITS.values()], PROFILES["lio"])
        for name in UNITS:
            self.send(name, Command(name="TEST UNIT READY", cdb=bytes(6)))
            self.restore(name)

    def _unit(self, unit: TableUnit) -> Unit:
        return Unit(
            number=self._numbers[unit.name],
            serial=unit.name,
            block_size=unit.block_size,
            blocks=unit.blocks,
            backing=self._backings[unit.name],
            third_party_copy=unit.copies,
            nexuses=frozenset({NEXUSES[unit.nexus]}),
        )

    def send(self, unit: str, command: Command) -> Reply:
        """The answer of one unit."""
        return self.array.open(self._numbers[unit], NEXUSES[UNITS[unit].nexus]).send(command)

    def contents(self, unit: str) -> bytes:
        """What the windows of a unit hold."""
        size = UNITS[unit].block_size
        return b"".join(
            self._backings[unit].read(window.start * size, len(window) * size)
            for window in UNITS[unit].windows
        )

    def restore(self, unit: str) -> None:
        """Give the windows of a unit their contents from before the case."""
        whole, at, size = before(unit), 0, UNITS[unit].block_size
        for window in UNITS[unit].windows:
            part = whole[at : at + len(window) * size]
            self._backings[unit].write(window.start * size, part)
            at += len(part)


@pytest.fixture(scope="module")
def bed() -> EmulatedBed:
    """One array for the whole table: a case leaves its units as they were."""
    return EmulatedBed()


@pytest.fixture(scope="module")
def names(bed: EmulatedBed) -> Names:
    """What the emulated units call themselves."""
    return designators(bed, tuple(UNITS))


def page_code(answer: Answer) -> Answer:
    """An answer with as much of a page as is nobody's own: its first two bytes."""
    return replace(answer, data=answer.data[:4], residual=0)


@pytest.mark.parametrize("case", [c for c in TABLE if c.name not in DIFFERENT], ids=lambda case: case.name)
def test_the_lio_profile_answers_as_the_kernel_s_target_did(
    case: Case, bed: EmulatedBed, names: Names
) -> None:
    found, then = take(case, case.build(names), bed), THEN.answer(case)
    if case.name in OWN_PAGES:
        found, then = page_code(found), page_code(then)
    assert found == then


@pytest.mark.parametrize("case", [c for c in TABLE if c.name in DIFFERENT], ids=lambda case: case.name)
def test_a_listed_difference_is_one(case: Case, bed: EmulatedBed, names: Names) -> None:
    found = take(case, case.build(names), bed)
    assert found != THEN.answer(case), f"no longer a difference: {DIFFERENT[case.name]}"


def test_what_the_table_sends_is_what_was_sent_to_the_kernel_s_target() -> None:
    for case in TABLE:
        sent, then = case.build(THEN.names), THEN.entries[case.name]
        asked = (case.to, sent.cdb.hex(), shown(sent.data_out), sent.data_in)
        assert asked == (then["to"], then["cdb"], then["data_out"], then["data_in"]), case.name


def test_the_recording_has_every_case_of_the_table_and_no_other() -> None:
    assert [case.name for case in TABLE] == list(THEN.entries)


def test_every_exception_is_one_of_a_case_of_the_table() -> None:
    assert set(DIFFERENT) | set(OWN_PAGES) <= {case.name for case in TABLE}


def test_a_case_that_changes_a_unit_leaves_it_as_it_was_before(bed: EmulatedBed, names: Names) -> None:
    case = next(case for case in TABLE if THEN.answer(case).changed)
    assert (
        take(case, case.build(names), bed)
        == take(case, case.build(names), bed)
        != Answer(status=0, sense="", data="", residual=0)
    )
    assert {unit: bed.contents(unit) for unit in UNITS} == {unit: before(unit) for unit in UNITS}
