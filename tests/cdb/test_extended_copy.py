"""EXTENDED COPY(LID1): the same bytes as other initiators send, and as a second encoder makes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.copy_results import OperatingParameters, ReceiveCopyOperatingParameters
from cdb.cscd import IdentificationCscd
from cdb.errors import DecodeError, EncodeError
from cdb.extended_copy import DISCARD, HOLD, NO_LIST_ID, ExtendedCopyLid1, Lid1ParameterList
from cdb.segment import BlockToBlock
from cdb.vpd import Designator
from tests.cdb import independent
from tests.cdb.captured import commands

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


def test_operating_parameters_are_asked_for_as_sg_copy_results_asks() -> None:
    (captured,) = commands("copyres_params", 0x84)
    assert ReceiveCopyOperatingParameters().pack() == captured.cdb
    assert captured.data_in == 520


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


def test_the_operating_parameters_lio_sends_are_read() -> None:
    # Linux 6.1's values, laid out by SPC-4's table; LIO pads its answer to the whole allocation.
    sent = bytes.fromhex(
        "0000002a" "01000000" "00020001" "00000400" "10000000" "00000000" "00000000"
        "00000000" "00000001" "01090000" "00000002" "02e4"
    )  # fmt: skip
    read = OperatingParameters.unpack_from(sent.ljust(520, b"\0"))
    assert read == OperatingParameters(
        snlid=True,
        maximum_cscd_count=2,
        maximum_segment_count=1,
        maximum_list_length=1024,
        maximum_segment_length=0x10000000,
        total_concurrent_copies=1,
        maximum_concurrent_copies=1,
        data_segment_granularity=9,
        implemented_types=(0x02, 0xE4),
    )


@pytest.mark.parametrize("length", [0, 43, 44, 45])
def test_operating_parameters_cut_short_are_a_decode_error(length: int) -> None:
    whole = OperatingParameters(
        snlid=True,
        maximum_cscd_count=2,
        maximum_segment_count=1,
        maximum_list_length=1024,
        maximum_segment_length=0,
        implemented_types=(0x02, 0xE4),
    )
    assert OperatingParameters.unpack(whole.pack()) == whole
    with pytest.raises(DecodeError):
        OperatingParameters.unpack(whole.pack()[:length])


@given(st.binary(max_size=80))
def test_garbage_as_operating_parameters_is_a_decode_error(data: bytes) -> None:
    try:
        OperatingParameters.unpack_from(data)
    except DecodeError:
        pass
