"""The field a sense pointer points at, by name: bytes in, words out.

The lists are laid out by hand; where each field lies is SPC-4 6.4 and 6.5, not our rows.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.errors import DecodeError
from cdb.inquiry import StandardInquiry
from cdb.pointer import Field, field_at, field_named, pointed_field
from cdb.sense import FieldPointer, Sense
from tests.cdb.independent import (
    cscd_e4,
    extended_copy_cdb,
    fixed_sense,
    laid_out,
    lid1_list,
    segment_02,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

NAA = bytes.fromhex("600140500000000000000000000000aa"), bytes.fromhex("600140500000000000000000000000bb")
CSCDS = [cscd_e4(NAA[0], 512), cscd_e4(NAA[1], 4096)]
SEGMENTS = [segment_02(0, 1, 2048 * (n + 1), 4096 * n, 8192 * n) for n in range(4)]
LIST = lid1_list(7, 0b10, 3, CSCDS, SEGMENTS)
CDB = extended_copy_cdb(len(LIST))
FIRST_SEGMENT = 16 + 2 * 32


def lid4_list(cscds: Sequence[bytes], segments: Sequence[bytes]) -> bytes:
    body = b"".join(cscds) + b"".join(segments)
    head = {"0": 1, "2-3": 0x20, "15.1": 1, "16": 0xFF, "20-23": 9, "42-43": 32 * len(cscds),
            "44-45": 28 * len(segments)}  # fmt: skip
    return laid_out(48, head) + body


LIST4 = lid4_list(CSCDS, SEGMENTS)
CDB4 = struct.pack(">BBQIBB", 0x83, 1, 0, len(LIST4), 0, 0)


def refused(specific: str, *, cdb: bytes = CDB, sent: bytes = LIST) -> str | None:
    """What ILLEGAL REQUEST with these sense-key-specific bytes points at."""
    return field_named(Sense.unpack(fixed_sense(0x5, 0x26, 0, sks=bytes.fromhex(specific))), cdb, sent)


def aborted(specific: str, segment: int = 3, *, cdb: bytes = CDB, sent: bytes = LIST) -> str | None:
    """What COPY ABORTED in a segment points at."""
    command = bytes([0, 0]) + segment.to_bytes(2, "big")
    sense = fixed_sense(0xA, 0x26, 0, sks=bytes.fromhex(specific), specific=command)
    return field_named(Sense.unpack(sense), cdb, sent)


def test_a_field_of_the_segment_the_copy_stopped_in() -> None:
    assert aborted("a0000a") == (
        "segment 3 (block to block), byte 10: BLOCK DEVICE NUMBER OF BLOCKS, which was 8192 (2000h)"
    )


def test_the_same_field_counted_from_the_parameter_list() -> None:
    from_list = (FIRST_SEGMENT + 3 * 28 + 10).to_bytes(2, "big").hex()
    assert aborted("80" + from_list) == aborted("a0000a")
    assert refused("80" + from_list) == aborted("a0000a")


def test_a_bit_of_a_segment() -> None:
    named = aborted("a90001", 0)
    assert named is not None
    assert named.startswith("segment 0 (block to block), byte 1 bit 1: DC, which was 0")


def test_the_middle_of_a_field_is_that_field() -> None:
    wanted = "segment 1 (block to block), byte 15: SOURCE BLOCK DEVICE LOGICAL BLOCK ADDRESS, which was 4096"
    assert aborted("a0000f", 1) == f"{wanted} (1000h)"


@pytest.mark.parametrize(("byte", "number"), [(16, 0), (48, 1)])
def test_the_first_byte_of_a_cscd_descriptor_is_the_cscd_that_failed(byte: int, number: int) -> None:
    assert aborted(f"80{byte:04x}") == f"CSCD descriptor {number} (identification descriptor) as a whole"


def test_the_first_byte_of_a_cscd_descriptor_that_was_refused_is_its_type() -> None:
    assert refused("800030") == (
        "CSCD descriptor 1 (identification descriptor), byte 0: DESCRIPTOR TYPE CODE, which was 228 (E4h)"
    )


def test_a_bit_of_the_device_type_specific_parameters() -> None:
    assert refused("8a004c") == (
        "CSCD descriptor 1 (identification descriptor), byte 28 bit 2: PAD, which was 0"
    )


def test_a_designator_is_shown_as_bytes() -> None:
    named = refused("800018")
    assert named is not None
    assert named.endswith(f"byte 8: DESIGNATOR, which was {NAA[0].hex()}")


def test_a_field_of_the_header_with_what_its_value_means() -> None:
    assert refused("8c0001") == (
        "parameter list header, byte 1 bit 4: LIST ID USAGE, which was 2, hold status, discard data"
    )


def test_a_byte_that_fields_share_is_all_of_them_when_no_bit_is_told() -> None:
    assert refused("800001") == (
        "parameter list header, byte 1: STR, LIST ID USAGE, PRIORITY, which was 19 (13h)"
    )


def test_a_reserved_field_is_named_so_whether_it_was_zero_or_not() -> None:
    set_ = bytearray(LIST)
    set_[FIRST_SEGMENT + 28 + 9] = 1
    assert aborted("a80008", 1) == "segment 1 (block to block), byte 8 bit 0: Reserved, which was 0"
    assert aborted("a00009", 1, sent=bytes(set_)) == (
        "segment 1 (block to block), byte 9: Reserved, which was 1"
    )
    assert refused("8f004c") == (
        "CSCD descriptor 1 (identification descriptor), byte 28 bit 7: Reserved, which was 0"
    )


def test_a_field_of_the_cdb() -> None:
    assert refused("c0000a") == f"CDB, byte 10: PARAMETER LIST LENGTH, which was {len(LIST)} ({len(LIST):X}h)"
    assert refused("cc0001") == "CDB, byte 1 bit 4: SERVICE ACTION, which was 0"


def test_inline_data_belongs_to_no_descriptor() -> None:
    sent = lid1_list(0, 3, 1, CSCDS, SEGMENTS[:1], inline=b"\xab\xcd")
    assert refused(f"80{len(sent) - 2:04x}", sent=sent) == (
        f"parameter list, byte {len(sent) - 2}: INLINE DATA, which was abcd"
    )


def test_the_list_of_lid4_is_chosen_by_the_service_action() -> None:
    assert aborted("a0000a", 2, cdb=CDB4, sent=LIST4) == (
        "segment 2 (block to block), byte 10: BLOCK DEVICE NUMBER OF BLOCKS, which was 6144 (1800h)"
    )
    assert (
        refused("88000f", cdb=CDB4, sent=LIST4) == "parameter list header, byte 15 bit 0: IMMED, which was 0"
    )
    # Byte 80 is 16 + 32 x 2 (SPC-4 6.4.6.1, table 148): the second descriptor of a LID4 list has id 2.
    assert aborted("800050", cdb=CDB4, sent=LIST4) == (
        "CSCD descriptor 2 (identification descriptor) as a whole"
    )


def test_a_range_of_populate_token() -> None:
    ranges = laid_out(32, {"0-7": 5, "8-11": 1, "16-23": 9, "24-27": 0x200})
    sent = laid_out(16, {"0-1": 46, "14-15": 32}) + ranges
    cdb = laid_out(16, {"0": 0x83, "1": 0x10, "10-13": len(sent)})
    named = refused(f"80{16 + 24:04x}", cdb=cdb, sent=sent)
    assert named is not None
    assert named.endswith("1, byte 8: NUMBER OF LOGICAL BLOCKS, which was 512 (200h)")


def test_freebsds_pointer_at_the_destination_in_descriptor_format() -> None:
    """The shape of CTL's sense: segment number right-aligned, pointer from the list, forwarded sense."""
    sense = bytes.fromhex(
        "720a0d010000002a010a0000000000000000000202060000800030000c140202700003000000000a00000000110000000000"
    )
    assert field_named(Sense.unpack(sense), CDB, LIST) == (
        "CSCD descriptor 1 (identification descriptor) as a whole"
    )


def test_a_list_that_breaks_is_named_up_to_where_it_breaks() -> None:
    broken = bytearray(LIST)
    broken[FIRST_SEGMENT + 28 + 3] = 0x17  # segment 1: DESCRIPTOR LENGTH
    assert aborted("a00002", 1, sent=bytes(broken)) == (
        "segment 1 (block to block), byte 2: DESCRIPTOR LENGTH, which was 23 (17h)"
    )
    assert aborted("a0000a", 3, sent=bytes(broken)) is None


@pytest.mark.parametrize(
    "named",
    [
        aborted("a0000a", 4),  # there is no such segment
        aborted("a0001c", 1),  # behind the end of the segment
        aborted("80ffff"),  # behind the end of the list
        refused("c00010"),  # behind the end of the CDB
        refused("00000a"),  # no pointer
        refused("c00001", cdb=bytes([0xEE]) + bytes(15)),  # no command that is known
        refused("800001", cdb=bytes([0xEE]) + bytes(15)),
        refused("800000", sent=b""),
    ],
    ids=lambda _: "",
)
def test_what_cannot_be_known_has_no_name(named: str | None) -> None:
    assert named is None


def test_the_parts_are_there_for_a_program() -> None:
    sense = Sense(key=0xA, segment=3, pointer=FieldPointer(sksv=True, segment=True, byte=10))
    assert pointed_field(sense, CDB, LIST) == Field(
        structure="segment 3",
        kind="block to block",
        byte=10,
        at=FIRST_SEGMENT + 3 * 28 + 10,
        label="BLOCK DEVICE NUMBER OF BLOCKS",
        value=8192,
    )


def test_any_structure_can_be_asked() -> None:
    field = field_at(StandardInquiry, bytes([0x05]) + bytes(95), 0, 4, name="INQUIRY data")
    assert field is not None
    assert (field.structure, field.label, field.value) == ("INQUIRY data", "PERIPHERAL DEVICE TYPE", 5)


@given(
    sense=st.binary(min_size=12, max_size=40).flatmap(
        lambda tail: st.sampled_from([0x5, 0xA]).map(lambda key: b"\x70\x00" + bytes([key]) + tail)
    ),
    cdb=st.sampled_from([CDB, CDB4]) | st.binary(max_size=20),
    sent=st.sampled_from([LIST, LIST4]) | st.binary(max_size=200),
    damage=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=4),
)
def test_garbage_has_a_name_or_none(
    sense: bytes, cdb: bytes, sent: bytes, damage: list[tuple[int, int]]
) -> None:
    sent = bytearray(sent)
    for at, value in damage:
        if at < len(sent):
            sent[at] = value
    try:
        decoded = Sense.unpack(sense)
    except DecodeError:
        return
    named = field_named(decoded, cdb, bytes(sent))
    assert named is None or "\n" not in named


@given(
    byte=st.integers(0, len(LIST) - 1),
    bit=st.none() | st.integers(0, 7),
    damage=st.lists(st.tuples(st.integers(0, len(LIST) - 1), st.integers(0, 255)), max_size=4),
)
def test_every_byte_of_a_whole_list_has_a_name_and_of_a_damaged_one_none_is_wrongly_placed(
    byte: int, bit: int | None, damage: list[tuple[int, int]]
) -> None:
    pointer = FieldPointer(sksv=True, bpv=bit is not None, bit=bit or 0, byte=byte)
    sent = bytearray(LIST)
    for at, value in damage:
        sent[at] = value
    whole = pointed_field(Sense(key=5, pointer=pointer), CDB, LIST)
    damaged = pointed_field(Sense(key=5, pointer=pointer), CDB, bytes(sent))
    assert whole is not None
    assert whole.label
    assert whole.at == byte
    assert damaged is None or damaged.at == byte
