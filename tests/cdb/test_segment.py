"""Segment descriptors lie byte for byte where T10's tables put them.

Bytes from outside exist for type 02h (commands captured from other initiators, in test_extended_copy, and
the bytes the tests of python-scsi expect) and, calculated from the code of libiscsi and FreeBSD, for 02h,
07h, 0Ah and 14h (fixtures/samples.json). No tool or test that is public prints any other segment, so those
are compared with a second encoder only. Its byte numbers are worked out from the order of the rows in SPC-4's
tables 147 to 170, and agree with QNAP's tpc_def.h (every type of SPC-4), FreeBSD's scsi_all.h (02h, 07h,
14h), python-scsi's layouts (00h, 01h, 02h) and the SPC-2 tables in Spectra Logic's S50 manual (03h to 06h,
10h, 11h). CODE of 11h is 3 bits wide in QNAP's header, while tape drives have made it 4 since.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import segment
from cdb.errors import DecodeError, EncodeError
from cdb.extended_copy import Lid1ParameterList
from cdb.segment_reservation import RegisterKey, ThirdPartyReservation
from cdb.segment_rod import PopulateRod, PopulateRodRange, RodRange
from cdb.segment_tape import Locate, Space, Spc5Tape, TapeImage, WriteFilemarks
from cdb.trace import Heading, Seen, Trace
from tests.cdb import samples
from tests.cdb.independent import laid_out
from tests.cdb.strategies import records

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.record import Record

    Places = dict[str, int | bytes]


def to(s: Any) -> Places:
    return {"0": s.descriptor_type, "6-7": s.destination_cscd}


def both(s: Any) -> Places:
    return {**to(s), "4-5": s.source_cscd}


def stream_and_block(s: Any) -> Places:
    return {
        **both(s), "1.0": int(s.cat), "9-11": s.stream_transfer_length, "14-15": s.blocks, "16-23": s.lba
    }  # fmt: skip


def stream_and_offset(s: Any) -> Places:
    return {
        **both(s), "1.0": int(s.cat), "9-11": s.stream_transfer_length, "12-15": s.byte_count,
        "16-23": s.lba, "26-27": s.byte_offset,
    }  # fmt: skip


FIXED: dict[type[Record], tuple[int, Callable[[Any], Places]]] = {
    segment.BlockToStream: (0x14, stream_and_block),
    segment.StreamToBlock: (0x14, stream_and_block),
    segment.BlockToBlock: (
        0x18,
        lambda s: {
            **both(s), "1.1": int(s.dc), "1.0": int(s.cat), "10-11": s.blocks, "12-19": s.source_lba,
            "20-27": s.destination_lba,
        },
    ),
    segment.StreamToStream: (
        0x10,
        lambda s: {
            **both(s), "1.0": int(s.cat), "9-11": s.source_transfer_length,
            "13-15": s.destination_transfer_length, "16-19": s.byte_count,
        },
    ),
    segment.InlineToStream: (
        0x10,
        lambda s: {
            **to(s), "1.0": int(s.cat), "9-11": s.stream_transfer_length, "12-15": s.inline_offset,
            "16-19": s.byte_count,
        },
    ),
    segment.StreamToDiscard: (
        0x0C,
        lambda s: {
            "0": s.descriptor_type, "1.0": int(s.cat), "4-5": s.source_cscd,
            "9-11": s.stream_transfer_length, "12-15": s.byte_count,
        },
    ),
    segment.VerifyCscd: (0x08, lambda s: {"0": 0x07, "4-5": s.source_cscd, "8.0": int(s.tur)}),
    segment.BlockOffsetToStream: (0x18, stream_and_offset),
    segment.StreamToBlockOffset: (0x18, stream_and_offset),
    segment.BlockOffsetToBlockOffset: (
        0x1C,
        lambda s: {
            **both(s), "1.0": int(s.cat), "8-11": s.byte_count, "12-19": s.source_lba,
            "20-27": s.destination_lba, "28-29": s.source_byte_offset, "30-31": s.destination_byte_offset,
        },
    ),
    WriteFilemarks: (0x08, lambda s: {**to(s), "8.0": int(s.w_immed), "9-11": s.filemarks}),
    Space: (0x08, lambda s: {**to(s), "8.2-0": s.code, "9-11": s.count}),
    Locate: (0x08, lambda s: {**to(s), "8-11": s.logical_object}),
    TapeImage: (0x08, lambda s: {**both(s), "8-11": s.count}),
    RegisterKey: (0x18, lambda s: {**to(s), "8-15": s.reservation_key, "16-23": s.service_action_key}),
    segment.BlockImage: (
        0x18,
        lambda s: {
            **both(s), "8-15": s.source_lba, "16-23": s.destination_lba, "24-27": s.blocks
        },
    ),
    PopulateRodRange: (0x10, lambda s: {**both(s), "8-15": s.lba, "16-19": s.blocks}),
}  # fmt: skip


def embedded(s: Any) -> tuple[int, Places, bytes]:
    places = {**to(s), "1.0": int(s.cat), "9-11": s.stream_transfer_length, "12-13": len(s.embedded_data)}
    return 16, places, s.embedded_data + bytes(-len(s.embedded_data) % 4)


def third_party(s: Any) -> tuple[int, Places, bytes]:
    places = {
        **to(s), "8-15": s.reservation_key, "16-23": s.service_action_key, "25.1": int(s.unreg),
        "25.0": int(s.aptpl), "26-27": s.relative_target_port, "28-31": len(s.transport_id),
    }  # fmt: skip
    return 32, places, s.transport_id


def populate(s: Any) -> tuple[int, Places, bytes]:
    ranges = [laid_out(16, {"0-7": r.lba, "8-11": r.blocks}) for r in s.ranges]
    return 16, {**both(s), "13": 1, "14-15": 16 * len(ranges)}, b"".join(ranges)


TAILED: dict[type[Record], Callable[[Any], tuple[int, Places, bytes]]] = {
    segment.EmbeddedToStream: embedded,
    ThirdPartyReservation: third_party,
    PopulateRod: populate,
    Spc5Tape: lambda s: (8, {**both(s), "1": s.flags}, s.contents),
    segment.UnknownSegment: lambda s: (8, {**both(s), "1.1": int(s.dc), "1.0": int(s.cat)}, s.parameters),
}


def test_every_segment_of_the_family_is_compared_with_the_second_encoder() -> None:
    known = {m.record for m in segment.SEGMENTS.members.values()} | {segment.UnknownSegment}
    assert known == {*FIXED, *TAILED}


@pytest.mark.parametrize("of", FIXED, ids=lambda r: r.__name__)
@given(data=st.data())
def test_a_second_encoder_makes_the_same_bytes(of: type[Record], data: st.DataObject) -> None:
    made = data.draw(records(of))
    length, places = FIXED[of]
    assert made.pack() == laid_out(length + 4, {**places(made), "2-3": length})


@pytest.mark.parametrize("of", TAILED, ids=lambda r: r.__name__)
@given(data=st.data())
def test_a_second_encoder_makes_the_same_bytes_of_segments_that_vary(
    of: type[Record], data: st.DataObject
) -> None:
    made = data.draw(records(of))
    size, places, tail = TAILED[of](made)
    assert made.pack() == laid_out(size, {**places, "2-3": size - 4 + len(tail)}) + tail


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x00, "block to stream"),
        (0x01, "stream to block"),
        (0x02, "block to block"),
        (0x03, "stream to stream"),
        (0x04, "inline to stream"),
        (0x05, "embedded to stream"),
        (0x06, "stream to discard"),
        (0x07, "verify CSCD"),
        (0x08, "block with offset to stream"),
        (0x09, "stream to block with offset"),
        (0x0A, "block with offset to block with offset"),
        (0x0B, "block to stream, data held"),
        (0x0C, "stream to block, data held"),
        (0x0D, "block to block, data held"),
        (0x0E, "stream to stream, data held"),
        (0x0F, "stream to discard, data held"),
        (0x10, "filemarks to tape"),
        (0x11, "space on tape"),
        (0x12, "locate on tape"),
        (0x13, "image of tape to tape"),
        (0x14, "register persistent reservation key"),
        (0x15, "third party persistent reservation"),
        (0x16, "image of block to block"),
        (0x17, "position tape (SPC-5)"),
        (0x18, "logical objects of tape to tape (SPC-5)"),
        (0x19, "mirror tape (SPC-5)"),
        (0x1A, ""),
        (0xBD, ""),
        (0xBE, "ROD from block ranges"),
        (0xBF, "ROD from one block range"),
    ],
)
def test_the_types_have_the_names_of_table_146(code: int, name: str) -> None:
    assert segment.SEGMENTS.name_of(code) == name


def test_the_segment_the_tests_of_python_scsi_expect_is_read_and_built_again() -> None:
    # tests/test_cdb_extended_copy_spc5.py: dc, 1 to 2, 1024 blocks from LBA 2048 to LBA 4096
    expected = bytes.fromhex("02020018000100020000040000000000000008000000000000001000")
    read = segment.BlockToBlock.unpack(expected)
    assert read == segment.BlockToBlock(
        dc=True, source_cscd=1, destination_cscd=2, blocks=1024, source_lba=2048, destination_lba=4096
    )
    assert read.pack() == expected


# What the sources of the samples call a field, and what it is called here.
TOLD = {
    "source CSCD": "source_cscd",
    "destination CSCD": "destination_cscd",
    "blocks": "blocks",
    "bytes": "byte_count",
    "source LBA": "source_lba",
    "destination LBA": "destination_lba",
    "source byte offset": "source_byte_offset",
    "destination byte offset": "destination_byte_offset",
    "reservation key": "reservation_key",
    "service action reservation key": "service_action_key",
    "TUR": "tur",
    "dc": "dc",
    "cat": "cat",
    "descriptor type": "descriptor_type",
}


@pytest.mark.parametrize("sample", samples.of("segment descriptor"), ids=lambda s: s.name)
def test_a_segment_from_outside_is_read_as_its_source_says_and_built_again(sample: samples.Sample) -> None:
    of = segment.SEGMENTS.record_of(sample.data[0])
    read: Any = of.unpack(sample.data)
    told = dict(sample.says)
    assert of.peek("descriptor_length", sample.data) == told.pop("descriptor length")
    assert {name: getattr(read, TOLD[name]) for name in told} == told
    assert read.pack() == sample.data


@pytest.mark.parametrize("of", FIXED, ids=lambda r: r.__name__)
@pytest.mark.parametrize("wrong", [-1, 1])
def test_a_length_that_is_not_the_types_own_is_named(of: type[Record], wrong: int) -> None:
    length, _ = FIXED[of]
    code = of.rows[0].allowed[0] if of.rows[0].allowed else of.rows[0].default
    told = bytes([code, 0]) + (length + wrong).to_bytes(2, "big") + bytes(length + wrong)
    with pytest.raises(
        DecodeError, match=f"DESCRIPTOR LENGTH at byte 2 is {length + wrong:#x}, expected {length:#x}"
    ):
        of.unpack(told)


def with_embedded(data: bytes) -> segment.EmbeddedToStream:
    return segment.EmbeddedToStream(destination_cscd=1, stream_transfer_length=512, embedded_data=data)


@pytest.mark.parametrize(
    ("data", "tail", "length"),
    [(b"", "", 12), (b"a", "61000000", 16), (b"abcd", "61626364", 16), (b"abcde", "6162636465000000", 20)],
)
def test_embedded_data_is_padded_to_four_bytes_and_the_padding_is_not_counted(
    data: bytes, tail: str, length: int
) -> None:
    expected = f"0500 {length:04x} 0000 0001 00000200 {len(data):04x} 0000 {tail}"
    assert with_embedded(data).pack() == bytes.fromhex(expected)
    assert segment.EmbeddedToStream.unpack(bytes.fromhex(expected)) == with_embedded(data)


def test_the_longest_embedded_data_fits_and_a_byte_more_is_refused() -> None:
    assert with_embedded(bytes(65520)).pack()[2:4] == bytes.fromhex("fffc")
    with pytest.raises(EncodeError, match="DESCRIPTOR LENGTH is 65536, more than 16 bits hold"):
        with_embedded(bytes(65521))


def test_more_embedded_data_than_the_descriptor_has_is_a_decode_error() -> None:
    told = bytes.fromhex("0500 0010 0000 0001 00000200 0005 0000 61626364")
    with pytest.raises(DecodeError, match="EMBEDDED DATA at byte 16 takes up 8 bytes, 4 are there"):
        segment.EmbeddedToStream.unpack(told)


def test_a_descriptor_longer_than_its_embedded_data_is_skipped_over() -> None:
    told = bytes.fromhex("0500 0018 0000 0001 00000200 0001 0000 61000000 ffffffff ffffffff")
    assert segment.EmbeddedToStream.unpack(told) == with_embedded(b"a")


def test_two_ranges_of_a_rod() -> None:
    made = PopulateRod(destination_cscd=1, ranges=(RodRange(lba=0x1122, blocks=8), RodRange(lba=1, blocks=2)))
    assert made.pack() == bytes.fromhex(
        "be00 002c ffff 0001 0000000000 01 0020"
        "0000000000001122 00000008 00000000"
        "0000000000000001 00000002 00000000"
    )


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (13, 0x02, "RANGE DESCRIPTOR TYPE at byte 13 is 0x2, expected 0x1"),
        (15, 0x11, "take.* up 17 bytes, 16 are there"),
        (15, 0x0F, "cut off"),
    ],
)
def test_ranges_that_cannot_be_are_a_decode_error(at: int, value: int, message: str) -> None:
    damaged = bytearray(PopulateRod(destination_cscd=1, ranges=(RodRange(lba=1, blocks=2),)).pack())
    damaged[at] = value
    with pytest.raises(DecodeError, match=message):
        PopulateRod.unpack(damaged)


def test_the_transport_id_of_a_third_party_reservation_is_shown_field_by_field() -> None:
    transport_id = bytes.fromhex("06000000 5000c50012345678 000000000000000000000000")  # SAS, SPC-4 table 507
    made = ThirdPartyReservation(
        destination_cscd=1,
        reservation_key=1,
        service_action_key=2,
        unreg=True,
        aptpl=False,
        relative_target_port=3,
        transport_id=transport_id,
    )
    assert made.pack() == bytes.fromhex(
        "1500 0034 0000 0001 0000000000000001 0000000000000002 00 02 0003 00000018"
    ) + transport_id  # fmt: skip
    trace = Trace()
    ThirdPartyReservation.trace(made.pack(), trace)
    address = [e for e in trace.entries if isinstance(e, Seen) and e.row.label == "SAS ADDRESS"]
    assert [(e.at, e.value) for e in address] == [(36, bytes.fromhex("5000c50012345678"))]


def test_a_transport_id_longer_than_the_descriptor_is_a_decode_error() -> None:
    told = bytes.fromhex("1500 001c 0000 0001" + 16 * "00" + "0000 0003 00000018")
    with pytest.raises(DecodeError, match="TransportID at byte 32 takes up 24 bytes, 0 are there"):
        ThirdPartyReservation.unpack(told)


def test_an_id_where_the_segment_has_no_source_is_ignored() -> None:
    told = laid_out(20, {"0": 0x04, "2-3": 0x10, "4-5": 0xFFFF, "6-7": 1, "9-11": 512, "16-19": 4})
    assert segment.InlineToStream.unpack(told) == segment.InlineToStream(
        destination_cscd=1, stream_transfer_length=512, inline_offset=0, byte_count=4
    )


def test_a_list_of_many_types_is_read_and_built_again() -> None:
    known = b"".join(
        laid_out(length + 4, {"0": code, "2-3": length})
        for code, member in segment.SEGMENTS.members.items()
        if member.record in FIXED
        for length in [FIXED[member.record][0]]
    )
    varying = bytes.fromhex(
        "0500 0010 0000 0001 00000200 0001 0000 61000000"
        "be00 000c ffff 0001 0000000000 01 0000"
        "1704 0008 0001 0002 deadbeef"
        "c000 0004 0001 0002"
    )
    body = known + varying
    told = bytes(8) + len(body).to_bytes(4, "big") + bytes(4) + body
    read = Lid1ParameterList.unpack(told)
    assert len(read.segments) == 26
    assert read.segments[-2] == Spc5Tape(
        descriptor_type=0x17, flags=4, source_cscd=1, destination_cscd=2, contents=bytes.fromhex("deadbeef")
    )
    assert isinstance(read.segments[-1], segment.UnknownSegment)
    assert read.pack() == told
    trace = Trace()
    Lid1ParameterList.trace(told, trace)
    headings = [(e.name, e.title) for e in trace.entries if isinstance(e, Heading) and e.depth == 1]
    assert headings[:2] == [("segment 0", "block to stream"), ("segment 1", "stream to block")]


@pytest.mark.parametrize(
    ("of", "row", "value", "meaning"),
    [
        (segment.BlockToBlock, "source_cscd", 0xFFFF, "the logical unit the command was sent to"),
        (segment.BlockToBlock, "dc", 1, "blocks of the destination"),
        (Space, "code", 3, "end of data"),
        (Space, "count", 0xFFFFFF, "1 backwards"),
        (Space, "count", 0x800000, "8388608 backwards"),
        (Space, "count", 0x7FFFFF, ""),
        (TapeImage, "count", 0, "filemarks do not end it"),
        (segment.BlockImage, "blocks", 0, "up to the end of a unit"),
    ],
)
def test_values_have_meanings(of: type[Record], row: str, value: int, meaning: str) -> None:
    assert of.row(row).meaning(value) == meaning
