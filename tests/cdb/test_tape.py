"""Tape commands: a second encoder with FreeBSD's byte numbers (scsi_sa.h), and data by hand.

No captured bytes of these commands were at hand; FreeBSD's structures and CERN's READ POSITION agree on every
byte number used here.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.catalogue import cdb_record
from cdb.tape import (
    BlockLengthLimits,
    Locate10,
    Read6,
    ReadBlockLimits,
    ReadPosition,
    Rewind,
    ShortPosition,
    Space6,
    Write6,
    WriteFilemarks6,
)
from tests.cdb.independent import laid_out
from tests.cdb.strategies import records


@given(records(Read6))
def test_read_has_sili_and_fixed_in_byte_1(cdb: Read6) -> None:
    assert cdb.pack() == laid_out(
        6, {"0": 0x08, "1.1": cdb.sili, "1.0": cdb.fixed, "2-4": cdb.transfer_length, "5": cdb.control}
    )


@given(records(Write6))
def test_write_has_fixed_in_byte_1(cdb: Write6) -> None:
    assert cdb.pack() == laid_out(
        6, {"0": 0x0A, "1.0": cdb.fixed, "2-4": cdb.transfer_length, "5": cdb.control}
    )


@given(records(WriteFilemarks6))
def test_write_filemarks_counts_in_24_bits(cdb: WriteFilemarks6) -> None:
    assert cdb.pack() == laid_out(6, {"0": 0x10, "1.0": cdb.immed, "2-4": cdb.filemarks, "5": cdb.control})


@given(records(Space6))
def test_space_has_its_code_in_byte_1_and_24_bits_of_count(cdb: Space6) -> None:
    assert cdb.pack() == laid_out(6, {"0": 0x11, "1.3-0": cdb.code, "2-4": cdb.count, "5": cdb.control})


def test_space_one_filemark_back_is_minus_one_in_24_bits() -> None:
    assert Space6(code=1, count=0xFFFFFF).pack() == bytes.fromhex("1101ffffff00")
    assert Space6.row("count").meaning(0xFFFFFF) == "1 backwards"


@given(records(Locate10))
def test_locate_has_the_address_in_bytes_3_to_6_and_the_partition_in_byte_8(cdb: Locate10) -> None:
    assert cdb.pack() == laid_out(
        10,
        {
            "0": 0x2B,
            "1.2": cdb.bt,
            "1.1": cdb.cp,
            "1.0": cdb.immed,
            "3-6": cdb.logical_object,
            "8": cdb.partition,
            "9": cdb.control,
        },
    )


@given(records(ReadPosition))
def test_read_position_has_the_form_in_byte_1_and_the_length_in_bytes_7_and_8(cdb: ReadPosition) -> None:
    assert cdb.pack() == laid_out(
        10, {"0": 0x34, "1.4-0": cdb.service_action, "7-8": cdb.allocation_length, "9": cdb.control}
    )


@given(records(ShortPosition))
def test_the_short_position_is_20_bytes_with_the_first_object_at_byte_4(data: ShortPosition) -> None:
    assert data.pack() == laid_out(
        20,
        {
            "0.7": data.bop,
            "0.6": data.eop,
            "0.5": data.locu,
            "0.4": data.bycu,
            "0.2": data.lolu,
            "0.1": data.perr,
            "0.0": data.bpew,
            "1": data.partition,
            "4-7": data.first,
            "8-11": data.last,
            "13-15": data.buffered_objects,
            "16-19": data.buffered_bytes,
        },
    )


@given(
    exponent=st.integers(0, 31), maximum=st.integers(0, (1 << 24) - 1), minimum=st.integers(0, (1 << 16) - 1)
)
def test_block_limits_are_6_bytes(exponent: int, maximum: int, minimum: int) -> None:
    data = BlockLengthLimits(granularity=exponent, maximum=maximum, minimum=minimum)
    assert data.pack() == laid_out(6, {"0.4-0": exponent, "1-3": maximum, "4-5": minimum})


@pytest.mark.parametrize(
    ("sent", "command"),
    [("010000000000", Rewind()), ("010100000000", Rewind(immed=True)), ("050000000000", ReadBlockLimits())],
)
def test_rewind_and_read_block_limits_are_six_bytes(sent: str, command: Rewind | ReadBlockLimits) -> None:
    assert command.pack() == bytes.fromhex(sent)


@pytest.mark.parametrize(
    ("sent", "record"),
    [
        ("010000000000", Rewind),
        ("050000000000", ReadBlockLimits),
        ("080200040000", Read6),
        ("0a0100000800", Write6),
        ("100000000200", WriteFilemarks6),
        ("1103000000" + "00", Space6),
        ("2b000000000007000000", Locate10),
        ("34000000000000000000", ReadPosition),
    ],
)
def test_a_tape_command_is_known_by_its_bytes(sent: str, record: type) -> None:
    assert cdb_record(bytes.fromhex(sent)) is record
