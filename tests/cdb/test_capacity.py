"""READ CAPACITY: the commands sg_readcap 1.46 sends, data of other projects' tests, a second encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from cdb.capacity import Capacity10, Capacity16, ReadCapacity10, ReadCapacity16
from cdb.errors import DecodeError
from cdb.pointer import field_at
from tests.cdb.independent import laid_out
from tests.cdb.samples import sample
from tests.cdb.strategies import records

if TYPE_CHECKING:
    from cdb.record import Record


def test_the_commands_are_those_sg_readcap_sends() -> None:
    assert ReadCapacity10().pack().hex() == "25000000000000000000"
    assert ReadCapacity16(allocation_length=32).pack().hex() == "9e100000000000000000000000200000"


def test_a_sample_command_is_read_and_built() -> None:
    expected = ReadCapacity16(allocation_length=0xDEADBEEF, control=255)
    assert ReadCapacity16.unpack(sample("cdb_read_capacity_16").data) == expected
    assert expected.pack() == sample("cdb_read_capacity_16").data


def test_data_in_which_every_field_is_set_is_read_as_python_scsi_says() -> None:
    # python-scsi, tests/test_unmarshall_readcapacity16.py
    data = bytes.fromhex("0001000000000000" "00001000" "0988e001").ljust(32, b"\0")  # fmt: skip
    expected = Capacity16(
        last_lba=281474976710656,
        block_length=4096,
        p_type=4,
        prot_en=True,
        p_i_exponent=8,
        blocks_per_physical_exponent=8,
        lbpme=True,
        lbprz=True,
        lowest_aligned_lba=8193,
    )
    assert Capacity16.unpack(data) == expected
    assert expected.pack() == data


def test_data_of_a_thin_disk_with_large_physical_blocks_says_what_sg_readcap_says() -> None:
    # Laid out by SBC-4 table 87; what it says is the word of sg_readcap 1.46.
    data = bytes.fromhex("00000000001fffff" "00000200" "0303c008").ljust(32, b"\0")  # fmt: skip
    read = Capacity16.unpack(data)
    assert (read.last_lba, read.block_length) == (2097151, 512)
    assert (read.prot_en, read.p_type, read.lbpme, read.lbprz) == (True, 1, True, True)
    assert (read.blocks_per_physical_exponent, read.lowest_aligned_lba) == (3, 8)
    assert Capacity16.row("p_type").meaning(read.p_type) == "type 2 protection"
    assert Capacity16.row("blocks_per_physical_exponent").meaning(3) == "8 in a physical block"


def test_the_zoned_disk_of_sg3_utils_has_eight_blocks_in_a_physical_one() -> None:
    # sg3_utils, inhex/readcap_zbc.hex
    data = bytes.fromhex("0000000918 5fffff 00000200 00030000").ljust(32, b"\0")
    read = Capacity16.unpack(data)
    assert (read.last_lba, read.rc_basis, read.blocks_per_physical_exponent) == (0x9185FFFFF, 0, 3)


def test_a_capacity_of_ten_bytes_that_is_full_says_so() -> None:
    read = Capacity10.unpack(bytes.fromhex("ffffffff00000200"))
    assert Capacity10.row("last_lba").meaning(read.last_lba) == "too large to tell"


@pytest.mark.parametrize("size", [0, 8, 12, 31])
def test_capacity_data_cut_short_is_a_decode_error(size: int) -> None:
    with pytest.raises(DecodeError, match="is cut off"):
        Capacity16.unpack(bytes(size))


@given(records(Capacity16))
def test_a_second_encoder_builds_the_same_data(made: Capacity16) -> None:
    assert made.pack() == laid_out(
        32,
        {
            "0-7": made.last_lba,
            "8-11": made.block_length,
            "12.5-4": made.rc_basis,
            "12.3-1": made.p_type,
            "12.0": made.prot_en,
            "13.7-4": made.p_i_exponent,
            "13.3-0": made.blocks_per_physical_exponent,
            "14-15": made.lbpme << 15 | made.lbprz << 14 | made.lowest_aligned_lba,
        },
    )


@given(records(Capacity10))
def test_a_second_encoder_builds_the_same_short_data(made: Capacity10) -> None:
    assert made.pack() == laid_out(8, {"0-3": made.last_lba, "4-7": made.block_length})


@given(records(ReadCapacity16))
def test_a_second_encoder_builds_the_same_command(made: ReadCapacity16) -> None:
    assert made.pack() == laid_out(
        16, {"0": 0x9E, "1.4-0": 0x10, "10-13": made.allocation_length, "15": made.control}
    )


@given(records(ReadCapacity10))
def test_a_second_encoder_builds_the_same_short_command(made: ReadCapacity10) -> None:
    assert made.pack() == laid_out(10, {"0": 0x25, "9": made.control})


@pytest.mark.parametrize(
    ("of", "byte", "bit", "label"),
    [  # SBC-4 tables 84 and 86: what was RELADR, the LBA and PMI
        (ReadCapacity10, 1, 1, "Reserved"),
        (ReadCapacity10, 1, 0, "Obsolete"),
        (ReadCapacity10, 2, 7, "Obsolete"),
        (ReadCapacity10, 5, 0, "Obsolete"),
        (ReadCapacity10, 6, 7, "Reserved"),
        (ReadCapacity10, 8, 1, "Reserved"),
        (ReadCapacity10, 8, 0, "Obsolete"),
        (ReadCapacity16, 2, 7, "Obsolete"),
        (ReadCapacity16, 14, 1, "Reserved"),
        (ReadCapacity16, 14, 0, "Obsolete"),
    ],
)
def test_what_old_initiators_sent_is_told_from_what_was_never_used(
    of: type[Record], byte: int, bit: int, label: str
) -> None:
    sent = of().pack()
    field = field_at(of, sent, byte, bit, name="CDB")
    assert field is not None
    assert field.label == label
