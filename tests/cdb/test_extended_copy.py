"""EXTENDED COPY and COPY OPERATION ABORT: the bytes other initiators send, and a second encoder makes.

Captured commands are LID1 and COPY OPERATION ABORT; of LID4 there are the bytes python-scsi's tests expect
and a list filled in by hand from FreeBSD's scsi_all.h (fixtures/samples.json).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.cscd import IdentificationCscd
from cdb.errors import DecodeError, EncodeError
from cdb.extended_copy import (
    DISCARD,
    HOLD,
    NO_LIST_ID,
    CopyOperationAbort,
    ExtendedCopyLid1,
    ExtendedCopyLid4,
    Lid1ParameterList,
    Lid4ParameterList,
)
from cdb.segment import BlockToBlock
from cdb.vpd import Designator
from tests.cdb import independent, samples
from tests.cdb.captured import commands
from tests.cdb.strategies import records

if TYPE_CHECKING:
    from cdb.record import Record

GOLDEN = (
    "sgx_simple",
    "sgx_multi_default_bpt",
    "sgx_maxseg_1MiB",
    "sgx_4k_both",
    "sgx_lba_gt32",
    "ddpt_lid1_hold",
    "spt_xcopy_3seg",
)


def cscd(value: bytes, block_length: int = 512) -> IdentificationCscd:
    designator = Designator(code_set=1, association=0, designator_type=3, value=value)
    return IdentificationCscd.of(designator, block_length=block_length)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_captured_parameter_list_is_read_and_built_again_byte_for_byte(name: str) -> None:
    for captured in commands(name, 0x83):
        read = Lid1ParameterList.unpack(captured.data_out)
        assert read.pack() == captured.data_out
        assert ExtendedCopyLid1(parameter_list_length=len(captured.data_out)).pack() == captured.cdb


def test_the_fields_of_a_captured_list_are_what_its_command_line_said() -> None:
    (captured,) = commands("ddpt_lid1_hold", 0x83)  # list_id=7 prio=3 id_usage=hold count=256 skip=3 seek=5
    read = Lid1ParameterList.unpack(captured.data_out)
    assert (read.list_identifier, read.list_id_usage, read.priority) == (7, HOLD, 3)
    assert read.segments == (
        BlockToBlock(source_cscd=0, destination_cscd=1, blocks=256, source_lba=3, destination_lba=5),
    )
    assert [c.designator.value.hex() for c in read.cscds] == [
        "60014050000000000123456789abcde0",
        "60014050000000010123456789abcde1",
    ]


@given(
    list_id=st.integers(0, 255),
    usage=st.sampled_from([HOLD, DISCARD, NO_LIST_ID]),
    priority=st.integers(0, 7),
    designators=st.lists(st.binary(min_size=1, max_size=20), max_size=4),
    block_length=st.integers(0, 2**24 - 1),
    numbers=st.lists(
        st.tuples(
            st.integers(0, 65535),
            st.integers(0, 65535),
            st.integers(0, 65535),
            st.integers(0, 2**64 - 1),
            st.integers(0, 2**64 - 1),
            st.booleans(),
            st.booleans(),
        ),
        max_size=6,
    ),
    inline=st.binary(max_size=9),
)
def test_a_second_encoder_makes_the_same_bytes(
    list_id: int,
    usage: int,
    priority: int,
    designators: list[bytes],
    block_length: int,
    numbers: list[tuple[int, int, int, int, int, bool, bool]],
    inline: bytes,
) -> None:
    ours = Lid1ParameterList(
        list_identifier=list_id,
        list_id_usage=usage,
        priority=priority,
        cscds=tuple(cscd(value, block_length) for value in designators),
        segments=tuple(
            BlockToBlock(
                source_cscd=s, destination_cscd=d, blocks=n, source_lba=f, destination_lba=t, dc=dc, cat=cat
            )
            for s, d, n, f, t, dc, cat in numbers
        ),
        inline_data=inline,
    )
    theirs = independent.lid1_list(
        list_id,
        usage,
        priority,
        [independent.cscd_e4(value, block_length) for value in designators],
        [independent.segment_02(s, d, n, f, t, int(dc), int(cat)) for s, d, n, f, t, dc, cat in numbers],
        inline,
    )
    assert ours.pack() == theirs
    assert Lid1ParameterList.unpack(theirs) == ours
    assert ExtendedCopyLid1(parameter_list_length=len(theirs)).pack() == independent.extended_copy_cdb(
        len(theirs)
    )


@given(st.binary(max_size=200))
def test_garbage_as_a_parameter_list_is_a_decode_error(data: bytes) -> None:
    try:
        Lid1ParameterList.unpack(data)
    except DecodeError:
        pass


@given(st.integers(0, 107), st.integers(0, 255))
def test_a_damaged_list_is_an_error_or_another_list_never_a_shorter_one(at: int, value: int) -> None:
    (captured,) = commands("sgx_simple", 0x83)
    damaged = bytearray(captured.data_out)
    damaged[at] = value
    try:
        read = Lid1ParameterList.unpack(bytes(damaged))
    except DecodeError:
        return
    assert (len(read.cscds), len(read.segments)) == (2, 1)


def test_a_bad_segment_says_which_and_where() -> None:
    (captured,) = commands("spt_xcopy_3seg", 0x83)
    damaged = bytearray(captured.data_out)
    damaged[16 + 64 + 28 + 3] = 0x17
    with pytest.raises(DecodeError, match="segment 1 at byte 108"):
        Lid1ParameterList.unpack(bytes(damaged))


def test_a_designator_over_20_bytes_is_refused() -> None:
    with pytest.raises(EncodeError, match="at most 20 bytes, got 21"):
        cscd(bytes(21)).pack()


def test_a_designator_length_over_20_from_outside_is_a_decode_error() -> None:
    damaged = bytearray(cscd(bytes(16)).pack())
    damaged[7] = 21
    with pytest.raises(DecodeError, match="DESIGNATOR at byte 8 has room for 20 bytes, not 21"):
        IdentificationCscd.unpack(bytes(damaged))


@given(command=records(ExtendedCopyLid1))
def test_the_lid1_command_lies_where_the_table_says(command: Any) -> None:
    places = {"0": 0x83, "10-13": command.parameter_list_length, "15": command.control}
    assert command.pack() == independent.laid_out(16, places)


@given(command=records(ExtendedCopyLid4))
def test_the_lid4_command_lies_where_the_table_says(command: Any) -> None:
    places = {"0": 0x83, "1.4-0": 0x01, "10-13": command.parameter_list_length, "15": command.control}
    assert command.pack() == independent.laid_out(16, places)


@given(command=records(CopyOperationAbort))
def test_the_abort_command_lies_where_the_table_says(command: Any) -> None:
    places = {"0": 0x83, "1.4-0": 0x1C, "2-5": command.list_identifier, "15": command.control}
    assert command.pack() == independent.laid_out(16, places)


def test_an_abort_is_what_ddptctl_sends() -> None:
    (captured,) = commands("ddptctl_abort")
    assert CopyOperationAbort(list_identifier=0x01020304).pack() == captured.cdb


@pytest.mark.parametrize(
    ("name", "record", "length"),
    [
        ("cdb_extended_copy", ExtendedCopyLid4, "parameter_list_length"),
        ("cdb_copy_operation_abort", CopyOperationAbort, "list_identifier"),
    ],
)
def test_a_command_is_what_another_decoder_reads_in_it(name: str, record: type[Record], length: str) -> None:
    sample = samples.sample(name)
    read: Any = record.unpack(sample.data)
    assert getattr(read, length) == sample.says[length.replace("_", " ")]
    assert read.control == sample.says["control"]
    assert read.pack() == sample.data


LID1_SAMPLES = samples.of("EXTENDED COPY(LID1) list")
LID4_SAMPLES = samples.of("EXTENDED COPY(LID4) list")


@pytest.mark.parametrize("sample", LID1_SAMPLES, ids=lambda s: s.name)
def test_a_lid1_list_from_outside_is_read_and_built_again(sample: samples.Sample) -> None:
    assert Lid1ParameterList.unpack(sample.data).pack() == sample.data


@pytest.mark.parametrize("sample", LID4_SAMPLES, ids=lambda s: s.name)
def test_a_lid4_list_from_outside_is_read_and_built_again(sample: samples.Sample) -> None:
    read = Lid4ParameterList.unpack(sample.data)
    assert read.pack() == sample.data
    found = {
        "format": read.parameter_list_format,
        "STR": read.str,
        "list id usage": read.list_id_usage,
        "priority": read.priority,
        "G_SENSE": read.g_sense,
        "IMMED": read.immed,
        "list identifier": read.list_identifier,
        "CSCD list length": Lid4ParameterList.peek("cscd_list_length", sample.data),
        "segment list length": Lid4ParameterList.peek("segment_list_length", sample.data),
        "inline length": len(read.inline_data),
        "inline": read.inline_data.hex(),
        "CSCD types": [c.descriptor_type for c in read.cscds],
        "segment types": [s.descriptor_type for s in read.segments],
    }
    named = found.keys() & sample.says.keys()
    assert {name: found[name] for name in named} == {name: sample.says[name] for name in named}
    assert named


@given(
    made=records(Lid4ParameterList),
    designators=st.lists(st.binary(min_size=1, max_size=20), max_size=4),
    segments=st.lists(
        st.tuples(
            st.integers(0, 65535),
            st.integers(0, 65535),
            st.integers(0, 65535),
            st.integers(0, 2**64 - 1),
            st.integers(0, 2**64 - 1),
        ),
        max_size=4,
    ),
)
def test_a_second_encoder_makes_the_same_lid4_list(
    made: Any, designators: list[bytes], segments: list[tuple[int, int, int, int, int]]
) -> None:
    ours = made.but(
        cscds=tuple(cscd(value) for value in designators),
        segments=tuple(
            BlockToBlock(source_cscd=s, destination_cscd=d, blocks=n, source_lba=f, destination_lba=t)
            for s, d, n, f, t in segments
        ),
    )
    header = independent.laid_out(
        48,
        {
            "0": 0x01,
            "1.5": int(made.str),
            "1.4-3": made.list_id_usage,
            "1.2-0": made.priority,
            "2-3": 0x0020,
            "15.1": int(made.g_sense),
            "15.0": int(made.immed),
            "16": 0xFF,
            "20-23": made.list_identifier,
            "42-43": 32 * len(designators),
            "44-45": 28 * len(segments),
            "46-47": len(made.inline_data),
        },
    )
    body = [independent.cscd_e4(value, 512) for value in designators]
    body += [independent.segment_02(*numbers) for numbers in segments]
    assert ours.pack() == header + b"".join(body) + made.inline_data


def test_a_lid4_list_is_to_a_lid1_manager_one_cscd_descriptor_of_no_known_type() -> None:
    packed = Lid4ParameterList(list_identifier=7, list_id_usage=HOLD, cscds=(), segments=()).pack()
    read = Lid1ParameterList.unpack_from(packed)
    (header,) = read.cscds
    assert header.descriptor_type == 0xFF


def test_another_parameter_list_format_is_a_decode_error() -> None:
    packed = Lid4ParameterList(list_identifier=7, list_id_usage=HOLD, cscds=(), segments=()).pack()
    with pytest.raises(DecodeError, match="PARAMETER LIST FORMAT at byte 0 is 0x2, expected 0x1"):
        Lid4ParameterList.unpack(b"\x02" + packed[1:])


def test_inline_data_longer_than_the_lid4_field_holds_is_refused() -> None:
    with pytest.raises(EncodeError, match="INLINE DATA LENGTH is 65536, more than 16 bits hold"):
        Lid4ParameterList(
            list_identifier=0, list_id_usage=HOLD, cscds=(), segments=(), inline_data=bytes(65536)
        )
