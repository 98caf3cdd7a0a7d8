"""UNMAP and GET LBA STATUS: what sg3-utils 1.46 sends and reads, samples of others, a second encoder."""

from __future__ import annotations

import pytest
from hypothesis import given

from cdb.errors import DecodeError
from cdb.provisioning import (
    ANCHORED,
    DEALLOCATED,
    MAPPED,
    GetLbaStatus16,
    LbaStatus,
    LbaStatusData,
    Unmap,
    UnmapBlockDescriptor,
    UnmapParameterList,
)
from tests.cdb.independent import laid_out
from tests.cdb.samples import sample
from tests.cdb.strategies import records

# sg3_utils, inhex/get_lba_status.hex
LBA_STATUS = bytes.fromhex(
    "0000003400000006"
    "00000000000000001122330000000000"
    "00000000112233000000004431010000"
    "00000000112233440000003311010000"
)


def test_the_ranges_of_sg_unmap_are_read_and_built_byte_for_byte() -> None:
    # sg_unmap --lba=0x1234567890a,0x55 --num=0x10,0x7000
    sent = bytes.fromhex("0026002000000000000001234567890a000000100000000000000000000000550000700000000000")
    expected = UnmapParameterList(
        descriptors=(
            UnmapBlockDescriptor(lba=0x1234567890A, blocks=0x10),
            UnmapBlockDescriptor(lba=0x55, blocks=0x7000),
        )
    )
    assert UnmapParameterList.unpack(sent) == expected
    assert expected.pack() == sent
    assert Unmap(parameter_list_length=len(sent)).pack().hex() == "42000000000000002800"


def test_anchor_and_group_are_where_sg_unmap_puts_them() -> None:
    # sg_unmap --lba=1 --num=2 --anchor --grpnum=5
    command = Unmap(anchor=True, group_number=5, parameter_list_length=24)
    assert command.pack().hex() == "42010000000005001800"
    list_ = UnmapParameterList(descriptors=(UnmapBlockDescriptor(lba=1, blocks=2),))
    assert list_.pack().hex() == "001600100000000000000000000000010000000200000000"


def test_a_sample_of_every_bit_of_unmap_is_read_and_built() -> None:
    expected = Unmap(anchor=True, group_number=63, parameter_list_length=57005, control=255)
    assert Unmap.unpack(sample("cdb_unmap").data) == expected
    assert expected.pack() == sample("cdb_unmap").data


def test_a_list_without_ranges_is_a_header() -> None:
    assert UnmapParameterList.unpack(bytes.fromhex("0006000000000000")).descriptors == ()


def test_ranges_that_do_not_end_with_a_descriptor_are_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="unmap block descriptor 0 at byte 8"):
        UnmapParameterList.unpack(bytes.fromhex("000e000800000000") + bytes(8))


def test_get_lba_status_is_what_sg_get_lba_status_sends() -> None:
    command = GetLbaStatus16(lba=0x100000000, allocation_length=0x400)
    assert command.pack().hex() == "9e120000000100000000000004000000"
    command = GetLbaStatus16(lba=5, allocation_length=0x30, report_type=2)
    assert command.pack().hex() == "9e120000000000000005000000300200"


def test_a_sample_of_get_lba_status_is_read_and_built() -> None:
    expected = GetLbaStatus16(lba=0xDEADBEEFDEADBEEF, allocation_length=0x12345678, control=255)
    assert GetLbaStatus16.unpack(sample("cdb_get_lba_status").data) == expected
    assert expected.pack() == sample("cdb_get_lba_status").data


def test_the_status_data_of_sg3_utils_says_what_sg_get_lba_status_says() -> None:
    read = LbaStatusData.unpack(LBA_STATUS)
    assert (read.completion_condition, read.rtp) == (3, False)
    assert LbaStatusData.row("completion_condition").meaning(3) == "the end of the unit was reached"
    assert read.descriptors == (
        LbaStatus(lba=0, blocks=287453952, provisioning_status=MAPPED),
        LbaStatus(lba=0x11223300, blocks=68, provisioning_status=DEALLOCATED, additional_status=1),
        LbaStatus(lba=0x11223344, blocks=51, provisioning_status=DEALLOCATED, additional_status=1),
    )
    # The reserved half of byte 12, which the sample sets, is not kept.
    kept = bytearray(LBA_STATUS)
    kept[36] = kept[52] = DEALLOCATED
    assert read.pack() == kept


@pytest.mark.parametrize(
    ("status", "meaning"),
    [(MAPPED, "mapped or unknown"), (DEALLOCATED, "deallocated"), (ANCHORED, "anchored"), (3, "mapped")],
)
def test_a_provisioning_status_has_its_name(status: int, meaning: str) -> None:
    assert LbaStatus.row("provisioning_status").meaning(status) == meaning


def test_status_data_that_is_shorter_than_it_says_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="PARAMETER DATA LENGTH at byte 0 is 52"):
        LbaStatusData.unpack(LBA_STATUS[:-1])


@given(records(Unmap))
def test_a_second_encoder_builds_the_same_unmap(made: Unmap) -> None:
    assert made.pack() == laid_out(
        10,
        {
            "0": 0x42,
            "1.0": made.anchor,
            "6.5-0": made.group_number,
            "7-8": made.parameter_list_length,
            "9": made.control,
        },
    )


@given(records(UnmapParameterList))
def test_a_second_encoder_builds_the_same_ranges(made: UnmapParameterList) -> None:
    body = b"".join(laid_out(16, {"0-7": d.lba, "8-11": d.blocks}) for d in made.descriptors)
    assert made.pack() == laid_out(8, {"0-1": 6 + len(body), "2-3": len(body)}) + body


@given(records(GetLbaStatus16))
def test_a_second_encoder_builds_the_same_status_command(made: GetLbaStatus16) -> None:
    assert made.pack() == laid_out(
        16,
        {
            "0": 0x9E,
            "1.4-0": 0x12,
            "2-9": made.lba,
            "10-13": made.allocation_length,
            "14": made.report_type,
            "15": made.control,
        },
    )


@given(records(LbaStatusData))
def test_a_second_encoder_builds_the_same_status_data(made: LbaStatusData) -> None:
    body = b"".join(
        laid_out(
            16,
            {
                "0-7": d.lba,
                "8-11": d.blocks,
                "12.3-0": d.provisioning_status,
                "13": d.additional_status,
            },
        )
        for d in made.descriptors
    )
    head = {"0-3": 4 + len(body), "7.3-1": made.completion_condition, "7.0": made.rtp}
    assert made.pack() == laid_out(8, head) + body
