"""Sense data of both formats, as targets send it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.errors import DecodeError
from cdb.sense import DeviceSense, FieldPointer, Sense
from tests.cdb.independent import fixed_sense


def test_lio_says_unreachable_in_18_bytes_and_nothing_else() -> None:
    sense = Sense.unpack(fixed_sense(0xA, 0x0D, 0x02))
    assert sense.triple == (0xA, 0x0D, 0x02)
    assert sense.information is None
    assert sense.pointer is None
    assert sense.devices == ()


def test_lio_with_more_than_2_to_the_32_blocks_sends_descriptor_format_without_descriptors() -> None:
    sense = Sense.unpack(bytes.fromhex("720a0d0200000000"))
    assert sense.triple == (0xA, 0x0D, 0x02)
    assert sense.segment is None


def test_a_residual_and_a_segment_number() -> None:
    sense = Sense.unpack(fixed_sense(0xA, 0x0D, 0x01, information=100, specific=bytes([0, 0, 0, 3])))
    assert (sense.information, sense.segment) == (100, 3)


def test_a_field_pointer_into_the_segment() -> None:
    sense = Sense.unpack(fixed_sense(0xA, 0x00, 0x00, sks=bytes([0xA0, 0, 10])))
    assert sense.pointer == FieldPointer(sksv=True, segment=True, byte=10)
    assert "at byte 10 of the segment descriptor" in str(sense)


def test_a_field_pointer_into_the_cdb() -> None:
    sense = Sense.unpack(fixed_sense(0x5, 0x24, 0x00, sks=bytes([0xCF, 0, 1])))
    assert "at byte 1 bit 7 of the CDB" in str(sense)


def test_the_destinations_answer_is_found_behind_its_status_byte() -> None:
    inner = fixed_sense(0x7, 0x27, 0x00)
    sense = Sense.unpack(fixed_sense(0xA, 0x0D, 0x01, specific=bytes([0, 18, 0, 0]), tail=b"\x02" + inner))
    assert sense.devices == (DeviceSense(role="destination", status=2, sense=inner),)
    assert "the destination device answered status 02h with DATA PROTECT, WRITE PROTECTED" in str(sense)


def test_scst_points_at_the_sense_itself_and_puts_the_status_before_it() -> None:
    inner = fixed_sense(0x5, 0x21, 0x00)
    scst = bytearray(fixed_sense(0xA, 0x00, 0x00, specific=bytes([18, 0, 0, 1]), tail=inner))
    scst[17] = 0x02
    sense = Sense.unpack(bytes(scst))
    assert sense.segment == 1
    assert sense.devices == (DeviceSense(role="source", status=2, sense=inner),)


def test_descriptor_format_carries_the_same() -> None:
    inner = fixed_sense(0x5, 0x21, 0x00)
    descriptors = (
        bytes.fromhex("000a8000" + "0000000000000064")
        + bytes.fromhex("010a0000" + "0000000000000002")
        + bytes.fromhex("02060000" + "c00054" + "00")
        + bytes([0x0C, 2 + len(inner), 0x02, 0x02])
        + inner
    )
    sense = Sense.unpack(bytes([0x72, 0x0A, 0x0D, 0x01, 0, 0, 0, len(descriptors)]) + descriptors)
    assert (sense.information, sense.segment) == (100, 2)
    assert sense.pointer is not None
    assert sense.pointer.byte == 0x54
    assert sense.devices == (DeviceSense(role="destination", status=2, sense=inner),)


def test_scst_puts_the_segment_number_in_the_third_and_fourth_byte_of_its_descriptor() -> None:
    descriptor = bytes.fromhex("010a0000" + "0000000500000000")
    assert Sense.unpack(bytes([0x72, 0x0A, 0, 0, 0, 0, 0, 12]) + descriptor).segment == 5


def test_a_key_this_program_has_no_use_for_is_still_a_key() -> None:
    assert Sense.unpack(fixed_sense(0xC, 0x99, 0x77)).triple == (0xC, 0x99, 0x77)


@pytest.mark.parametrize("data", [b"", b"\x70", b"\x72", b"\x00" * 18, b"\x7f" + bytes(17)])
def test_bytes_that_are_no_sense_are_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        Sense.unpack(data)


@given(st.one_of(st.binary(max_size=252), st.binary(max_size=250).map(lambda b: b"\x70\x00" + b)))
def test_garbage_is_sense_or_a_decode_error_and_can_be_printed(data: bytes) -> None:
    try:
        assert str(Sense.unpack(data))
    except DecodeError:
        pass


@given(st.binary(max_size=244).map(lambda b: b"\x72\x0a\x0d\x01\x00\x00\x00" + b))
def test_garbage_descriptors_are_sense_or_a_decode_error(data: bytes) -> None:
    try:
        assert str(Sense.unpack(data))
    except DecodeError:
        pass


@given(
    key=st.integers(0, 15),
    asc=st.integers(0, 255),
    ascq=st.integers(0, 255),
    information=st.none() | st.integers(0, 2**32 - 1),
)
def test_fixed_format_is_read_as_it_was_built(key: int, asc: int, ascq: int, information: int | None) -> None:
    sense = Sense(key=key, asc=asc, ascq=ascq, information=information, segment=7 if key == 0xA else None)
    assert Sense.unpack(sense.pack_fixed()) == sense
