"""VPD pages as devices send them, and as they should not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import vpd
from cdb.errors import DecodeError

if TYPE_CHECKING:
    from cdb.record import Record

PAGES: list[type[Record]] = [
    vpd.SupportedPages,
    vpd.UnitSerialNumber,
    vpd.DeviceIdentification,
    vpd.BlockLimits,
]


def test_the_designators_of_a_page_keep_their_order_and_their_bits() -> None:
    # NAA-6 of a LIO unit, then a relative target port: laid out by SPC-4's table for page 83h.
    page = bytes.fromhex("0083001c0103001060014050000000000123456789abcde05194000400000001")
    assert vpd.DeviceIdentification.unpack(page).designators == (
        vpd.Designator(
            code_set=1,
            association=0,
            designator_type=3,
            value=bytes.fromhex("60014050000000000123456789abcde0"),
        ),
        vpd.Designator(
            code_set=1,
            association=1,
            designator_type=4,
            value=b"\0\0\0\1",
            piv=True,
            protocol_identifier=5,
        ),
    )


def test_a_designator_that_runs_past_the_page_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="Designator: DESIGNATOR at byte 8 takes up 16 bytes, 2 are there"):
        vpd.DeviceIdentification.unpack(bytes.fromhex("00830006010300106001"))


def test_another_page_than_asked_for_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="PAGE CODE at byte 1 is 0x80, expected 0x83"):
        vpd.DeviceIdentification.unpack(bytes.fromhex("00800000"))


def test_a_page_that_says_more_than_arrived_is_a_decode_error() -> None:
    with pytest.raises(
        DecodeError,
        match="PAGE LENGTH at byte 2 is 16: the structure would end at byte 20, the bytes end at 5",
    ):
        vpd.UnitSerialNumber.unpack(bytes.fromhex("0080001041"))


def test_a_short_block_limits_page_reports_nothing_for_what_it_lacks() -> None:
    limits = vpd.BlockLimits.unpack(bytes.fromhex("00b0000c000000080001000000000000"))
    assert limits.maximum_transfer_length == 0x10000
    assert limits.maximum_unmap_lba_count == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.__name__)
@given(body=st.binary(max_size=300))
def test_garbage_in_the_right_page_is_a_page_or_a_decode_error(page: type[Record], body: bytes) -> None:
    code = page.row("page_code").default
    try:
        page.unpack(bytes([0, code]) + len(body).to_bytes(2, "big") + body)
    except DecodeError:
        pass


@given(
    st.lists(
        st.builds(
            vpd.Designator,
            code_set=st.integers(0, 15),
            association=st.integers(0, 3),
            designator_type=st.integers(0, 15),
            value=st.binary(max_size=255),
            piv=st.booleans(),
            protocol_identifier=st.integers(0, 15),
        ),
        max_size=5,
    )
)
def test_a_page_of_designators_is_read_as_it_was_built(designators: list[vpd.Designator]) -> None:
    page = vpd.DeviceIdentification(designators=tuple(designators))
    assert vpd.DeviceIdentification.unpack(page.pack()) == page
