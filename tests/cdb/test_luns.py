"""REPORT LUNS: what sg_luns 1.46 sends and makes of LUNs, sample data of sg3_utils, a second encoder."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.errors import DecodeError
from cdb.luns import LunList, ReportLuns, lun_name
from tests.cdb.independent import laid_out
from tests.cdb.samples import sample
from tests.cdb.strategies import records

# sg3_utils, inhex/luns_wlun.hex
LUNS = (
    "0001000000000000",
    "0308020401020001",
    "c101000000000000",
    "5234000000000000",
    "8144000000000000",
    "0309d27788990000",
    "e2778899aabb0000",
    "ffffffffffffffff",
)


def test_the_commands_are_those_sg_luns_sends() -> None:
    assert ReportLuns(allocation_length=0x2000).pack().hex() == "a00000000000000020000000"
    assert ReportLuns(select_report=2, allocation_length=0x100).pack().hex() == "a00002000000000001000000"


def test_a_sample_command_is_read_and_built() -> None:
    expected = ReportLuns(select_report=255, allocation_length=0xDEADBEEF, control=255)
    assert ReportLuns.unpack(sample("cdb_report_luns").data) == expected
    assert expected.pack() == sample("cdb_report_luns").data


def test_the_list_of_sg3_utils_is_read_and_built_byte_for_byte() -> None:
    data = bytes.fromhex("0000004000000000" + "".join(LUNS))
    read = LunList.unpack(data)
    assert read.luns == tuple(int(lun, 16) for lun in LUNS)
    assert read.pack() == data


@pytest.mark.parametrize(
    ("lun", "name"),
    [  # each as decoded by sg_luns --test=LUN
        ("0001000000000000", "LUN 1"),
        ("0308020401020001", "bus 3 target 8, bus 2 target 4, bus 1 target 2, LUN 1"),
        ("0102030405060708", "bus 1 target 2, bus 3 target 4, bus 5 target 6, bus 7 target 8"),
        ("0102810400000000", "bus 1 target 2, bus 0 target 1 LUN 4"),
        ("c101000000000000", "REPORT LUNS well known unit"),
        ("c106000000000000", "TARGET COMMANDS well known unit"),
        ("5234000000000000", "LUN 4660 (flat)"),
        ("4000000000000000", "LUN 0 (flat)"),
        ("8144000000000000", "bus 2 target 1 LUN 4"),
        ("d277889900000000", "LUN 7833753 (extended flat)"),
        ("e2778899aabb0000", "LUN 513392880315 (long extended flat)"),
        ("d122334400000000", "extended addressing, length 1, method 1h"),
        ("ffffffffffffffff", "no logical unit"),
    ],
)
def test_a_lun_says_in_words_how_it_addresses(lun: str, name: str) -> None:
    assert lun_name(int(lun, 16)) == name


@given(st.integers(0, 2**64 - 1))
def test_every_number_has_words(number: int) -> None:
    assert lun_name(number)


def test_a_list_that_is_no_whole_number_of_luns_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="LUN at byte 8 is 12 bytes, not a whole number of 8-byte numbers"):
        LunList.unpack(bytes.fromhex("0000000c00000000") + bytes(12))


@given(records(ReportLuns))
def test_a_second_encoder_builds_the_same_command(made: ReportLuns) -> None:
    assert made.pack() == laid_out(
        12, {"0": 0xA0, "2": made.select_report, "6-9": made.allocation_length, "11": made.control}
    )


@given(records(LunList))
def test_a_second_encoder_builds_the_same_list(made: LunList) -> None:
    places: dict[str, int | bytes] = {f"{8 + 8 * n}-{15 + 8 * n}": lun for n, lun in enumerate(made.luns)}
    size = 8 * len(made.luns)
    assert made.pack() == laid_out(8 + size, {"0-3": size, **places})
