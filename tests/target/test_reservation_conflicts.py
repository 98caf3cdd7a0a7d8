"""Which commands and copies of others pass a reservation.

The tables are SPC-4 tables 65 and 66 and SBC-4 table 13, column by column. The order of unit attentions and
conflicts is SAM-5's, which could not be checked.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from tests.target.bench import (
    BLOCK,
    GOOD,
    RESERVATION_CONFLICT,
    TEST_UNIT_READY,
    Bench,
    No,
    capable,
    copy_list,
    data_in,
    embedded,
    extended_copy,
    no,
    read_16,
    segment,
    write_16,
)
from tests.target.reservation_bench import (
    CLEAR,
    EA,
    EA_AR,
    EA_RO,
    KEY,
    ME,
    OTHER,
    OTHER_KEY,
    PREEMPT,
    PREEMPT_AND_ABORT,
    REGISTER,
    REGISTER_ANYWAY,
    RELEASE,
    RESERVE,
    THIRD,
    WE,
    WE_AR,
    WE_RO,
    conflicts,
    keys,
    out,
    registered,
    stranger,
)
from tests.target.results_bench import extended_copy_lid4, lid4_list

if TYPE_CHECKING:
    from cdb.command import Reply


@pytest.fixture
def array() -> Bench:
    """Two registered nexuses."""
    return registered((ME, KEY), (OTHER, OTHER_KEY))


# Which commands pass: Write Exclusive, Exclusive Access; of a registrants type from a registered nexus; and
# Write Exclusive and Exclusive Access of one from a nexus that is not registered

TABLE = {
    "INQUIRY": ("120000002400", "AAAAA"),
    "TEST UNIT READY": ("000000000000", "AAAAA"),
    "REQUEST SENSE": ("03000000fc00", "AAAAA"),
    "REPORT LUNS": ("a00000000000000001000000", "AAAAA"),
    "REPORT SUPPORTED OPERATION CODES": ("a30c00000000000001000000", "ACAAC"),
    "MODE SENSE(6)": ("1a003f00fc00", "ACAAC"),
    "MODE SENSE(10)": ("5a003f00000000010000", "ACAAC"),
    "MODE SELECT(6)": ("151000000000", "CCACC"),
    "MODE SELECT(10)": ("55100000000000000000", "CCACC"),
    "PERSISTENT RESERVE IN": ("5e000000000000010000", "AAAAA"),
    "EXTENDED COPY(LID1)": ("8300" + "00" * 14, "CCACC"),
    "EXTENDED COPY(LID4)": ("8301" + "00" * 14, "CCACC"),
    "POPULATE TOKEN": ("8310" + "00" * 14, "ACAAC"),
    "WRITE USING TOKEN": ("8311" + "00" * 14, "CCACC"),
    "RECEIVE COPY OPERATING PARAMETERS": ("8403" + "00" * 10 + "01000000", "AAAAA"),
    "REPORT ALL ROD TOKENS": ("8408" + "00" * 10 + "01000000", "AAAAA"),
    "COMPARE AND WRITE": ("89" + "00" * 15, "CCACC"),
    "GET LBA STATUS(16)": ("9e12" + "00" * 10 + "00010000", "ACAAC"),
    "READ(10)": ("28000000000000000000", "ACAAC"),
    "READ(12)": ("a80000000000000000000000", "ACAAC"),
    "READ(16)": ("88" + "00" * 15, "ACAAC"),
    "READ CAPACITY(10)": ("25000000000000000000", "AAAAA"),
    "READ CAPACITY(16)": ("9e10" + "00" * 10 + "00200000", "AAAAA"),
    "START STOP UNIT, start": ("1b0000000100", "AAAAA"),
    "START STOP UNIT, stop": ("1b0000000000", "CCACC"),
    "SYNCHRONIZE CACHE(10)": ("35000000000000000000", "CCACC"),
    "SYNCHRONIZE CACHE(16)": ("91" + "00" * 15, "CCACC"),
    "VERIFY(10)": ("2f000000000000000000", "ACAAC"),
    "VERIFY(16)": ("8f" + "00" * 15, "ACAAC"),
    "WRITE(10)": ("2a000000000000000000", "CCACC"),
    "WRITE(12)": ("aa0000000000000000000000", "CCACC"),
    "WRITE(16)": ("8a" + "00" * 15, "CCACC"),
}
# Of those that need data to go well, a refusal shows as well that no reservation was in the way.
COLUMNS = [
    (WE, OTHER, 0),
    (EA, OTHER, 1),
    (WE_RO, OTHER, 2),
    (EA_RO, OTHER, 2),
    (WE_AR, OTHER, 2),
    (EA_AR, OTHER, 2),
    (WE, THIRD, 0),
    (EA, THIRD, 1),
    (WE_RO, THIRD, 3),
    (WE_AR, THIRD, 3),
    (EA_RO, THIRD, 4),
    (EA_AR, THIRD, 4),
]


@pytest.mark.parametrize("name", TABLE)
def test_a_command_passes_a_reservation_of_another_as_the_table_has_it(name: str, array: Bench) -> None:
    cdb, columns = TABLE[name]
    stranger(array)
    for kind, nexus, column in COLUMNS:
        array.send(0, out(RESERVE, KEY, kind=kind))
        status = array.send(0, data_in(cdb, 256), nexus).status
        assert (status == RESERVATION_CONFLICT) == (columns[column] == "C"), (kind, nexus)
        array.send(0, out(RELEASE, KEY, kind=kind))
        for who in (OTHER, THIRD):
            array.send(0, TEST_UNIT_READY, who)


@pytest.mark.parametrize("kind", [WE, EA, WE_RO, EA_RO, WE_AR, EA_AR])
def test_a_holder_reads_and_writes(array: Bench, kind: int) -> None:
    array.send(0, out(RESERVE, KEY, kind=kind))
    assert array.send(0, write_16(0, b"x" * BLOCK)).status == GOOD
    assert array.send(0, read_16(0, 1)).data == b"x" * BLOCK


def test_a_command_that_a_reservation_stops_does_nothing(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE))
    assert conflicts(array.send(0, write_16(0, b"x" * BLOCK), OTHER))
    assert array.contents == array.before


# SPC-4 table 66: from a registered nexus, from one that is not; by the key that each has


@pytest.mark.parametrize(
    ("action", "columns"),
    [
        (CLEAR, "AC"),
        (PREEMPT, "AC"),
        (PREEMPT_AND_ABORT, "AC"),
        (REGISTER, "AA"),
        (REGISTER_ANYWAY, "AA"),
        (RELEASE, "AC"),
        (RESERVE, "CC"),
    ],
)
def test_a_service_action_passes_a_reservation_of_another_as_the_table_has_it(
    action: int, columns: str
) -> None:
    for column, (nexus, key) in zip(columns, ((OTHER, OTHER_KEY), (THIRD, 0)), strict=True):
        array = registered((ME, KEY), (OTHER, OTHER_KEY))
        stranger(array)
        array.send(0, out(RESERVE, KEY, kind=WE_RO))
        assert conflicts(array.send(0, out(action, key, KEY, kind=WE_RO), nexus)) == (column == "C")


# With unit attentions and copies


def test_a_conflict_comes_before_an_attention_that_is_no_reset_and_leaves_it(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=EA))
    array.array.resize(0, 255)
    assert conflicts(array.send(0, read_16(0, 1), OTHER))
    assert no(array.send(0, TEST_UNIT_READY, OTHER)) == No(6, 0x2A, 0x09)


def test_a_reset_comes_before_a_conflict(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=EA))
    array.array.reset(0)
    assert no(array.send(0, read_16(0, 1), OTHER)) == No(6, 0x29, 0x03)
    assert conflicts(array.send(0, read_16(0, 1), OTHER))


def copy_to(array: Bench, *segments: bytes, nexus: str = ME) -> Reply:
    """Copy from unit 1 to unit 0, by way of unit 1."""
    return array.send(1, extended_copy(copy_list(array.cscds(), list(segments))), nexus)


FROM_1_TO_0 = segment(0, 0, 4, source=1, destination=0)


def test_a_copy_is_a_nexus_of_its_own_so_even_the_holder_cannot_copy_there(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE))
    reply = copy_to(array, FROM_1_TO_0)
    assert no(reply)[:3] == (0xA, 0x0D, 0x01)
    assert embedded(reply) == ("destination", RESERVATION_CONFLICT, (0, 0, 0))
    assert array.contents == array.before


def test_a_copy_reads_what_is_reserved_against_writing_only(array: Bench) -> None:
    for kind, status in ((WE, GOOD), (EA, 2), (WE_RO, GOOD), (EA_AR, 2)):
        array.send(0, out(RESERVE, KEY, kind=kind))
        assert array.copy(segment(0, 0, 4, source=0, destination=1)).status == status
        array.send(0, out(RELEASE, KEY, kind=kind))
        array.send(0, TEST_UNIT_READY, OTHER)


def test_a_copy_may_be_as_the_initiator_that_asked_for_it() -> None:
    array = registered((ME, KEY), (OTHER, OTHER_KEY), copies_as_initiator=True)
    array.send(0, out(RESERVE, KEY, kind=WE))
    assert copy_to(array, FROM_1_TO_0).status == GOOD
    assert embedded(copy_to(array, FROM_1_TO_0, nexus=OTHER))[1] == RESERVATION_CONFLICT


def register_key(destination: int, key: int, new_key: int) -> bytes:
    """Segment descriptor 14h."""
    return struct.pack(">BBHHHQQ4x", 0x14, 0, 0x18, 0, destination, key, new_key)


WITH_14H = capable(implemented_types=(0x02, 0x14, 0xE4))


def test_a_copy_that_registers_a_key_passes_a_reservation_of_registrants() -> None:
    array = registered((ME, KEY), advertised=WITH_14H)
    array.send(0, out(RESERVE, KEY, kind=WE_RO))
    assert copy_to(array, register_key(0, 0, 0x99), FROM_1_TO_0).status == GOOD
    assert keys(array)[1] == [KEY, 0x99]
    assert copy_to(array, FROM_1_TO_0, register_key(0, 0x99, 0)).status == GOOD
    assert keys(array)[1] == [KEY]


def test_a_copy_that_registers_with_the_wrong_key_is_told_of_the_conflict() -> None:
    array = registered((ME, KEY), advertised=WITH_14H)
    reply = copy_to(array, register_key(0, 5, 0x99))
    assert (no(reply)[:3], embedded(reply)[:2]) == ((0xA, 0x0D, 0x01), ("destination", RESERVATION_CONFLICT))


@pytest.mark.parametrize(("action", "left"), [(PREEMPT, True), (PREEMPT_AND_ABORT, False)])
def test_preempt_and_abort_ends_the_copies_of_who_is_preempted(array: Bench, action: int, left: bool) -> None:
    ids = {"source": 1, "destination": 2}
    copy = extended_copy_lid4(lid4_list(array.cscds(), [segment(0, 0, 4, **ids)], list_id=9, immed=True))
    assert array.send(0, copy, OTHER).status == GOOD
    assert not conflicts(array.send(0, out(action, KEY, OTHER_KEY)))
    while array.array.work():
        pass
    assert (array.contents != array.before) == left
