"""MODE SENSE, MODE SELECT and REQUEST SENSE: what sg_modes and sg_requests of sg3-utils 1.46 send, two pages
that sg_modes and Linux know byte by byte, and a second encoder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from cdb import mode
from cdb.sense_format import RequestSense
from tests.cdb.independent import laid_out
from tests.cdb.strategies import records

if TYPE_CHECKING:
    from cdb.record import Record

SENT = {
    "sg_modes -6 -p 0x3f": ("1a003f00fc00", mode.ModeSense6(page_code=0x3F, allocation_length=252)),
    "sg_modes -6 -d -p 8 -c 3": (
        "1a08c800fc00",
        mode.ModeSense6(page_code=8, page_control=mode.SAVED, dbd=True, allocation_length=252),
    ),
    "sg_modes -d -c 1 -p 0xa,1": (
        "5a084a01000000100000",
        mode.ModeSense10(
            page_code=0xA, subpage_code=1, page_control=mode.CHANGEABLE, dbd=True, allocation_length=4096
        ),
    ),
    "sg_requests": ("03000000fc00", RequestSense(allocation_length=252)),
    "sg_requests --desc --maxlen=18": ("030100001200", RequestSense(desc=True, allocation_length=18)),
}


@pytest.mark.parametrize("sent", SENT)
def test_a_command_is_what_sg3_utils_sends(sent: str) -> None:
    hexadecimal, ours = SENT[sent]
    assert ours.pack().hex() == hexadecimal
    assert type(ours).unpack(bytes.fromhex(hexadecimal)) == ours


@given(records(mode.ModeSelect6))
def test_a_second_encoder_builds_the_same_mode_select_6(made: mode.ModeSelect6) -> None:
    places = {"0": 0x15, "1.4": made.pf, "1.0": made.sp, "4": made.parameter_list_length, "5": made.control}
    assert made.pack() == laid_out(6, places)


@given(records(mode.ModeSelect10))
def test_a_second_encoder_builds_the_same_mode_select_10(made: mode.ModeSelect10) -> None:
    places = {"0": 0x55, "1.4": made.pf, "1.0": made.sp, "7-8": made.parameter_list_length, "9": made.control}
    assert made.pack() == laid_out(10, places)


@given(records(mode.ModeSense10))
def test_a_second_encoder_builds_the_same_mode_sense_10(made: mode.ModeSense10) -> None:
    assert made.pack() == laid_out(
        10,
        {
            "0": 0x5A,
            "1.4": made.llbaa,
            "1.3": made.dbd,
            "2.7-6": made.page_control,
            "2.5-0": made.page_code,
            "3": made.subpage_code,
            "7-8": made.allocation_length,
            "9": made.control,
        },
    )


def test_the_pages_of_a_linux_target_are_read() -> None:
    # WCE in byte 2 and DRA in byte 12 of page 08h, D_SENSE in byte 2 of page 0Ah: as Linux's target sets them
    caching = mode.CachingPage.unpack(bytes.fromhex("0812040000000000000000002000000000000000"))
    assert (caching.wce, caching.dra, caching.rcd) == (True, True, False)
    assert mode.ControlPage.unpack(bytes.fromhex("0a0a0400000000000000001e")).d_sense


@given(records(mode.ControlPage))
def test_a_second_encoder_builds_the_same_control_page(made: mode.ControlPage) -> None:
    assert made.pack() == laid_out(
        12,
        {
            "0.7": made.ps,
            "0.5-0": 0x0A,
            "1": 0x0A,
            "2.7-5": made.tst,
            "2.4": made.tmf_only,
            "2.3": made.dpicz,
            "2.2": made.d_sense,
            "2.1": made.gltsd,
            "2.0": made.rlec,
            "3.7-4": made.queue_algorithm_modifier,
            "3.3": made.nuar,
            "3.2-1": made.qerr,
            "4.7": made.vs,
            "4.6": made.rac,
            "4.5-4": made.ua_intlck_ctrl,
            "4.3": made.swp,
            "5.7": made.ato,
            "5.6": made.tas,
            "5.5": made.atmpe,
            "5.4": made.rwwp,
            "5.2-0": made.autoload_mode,
            "8-9": made.busy_timeout_period,
            "10-11": made.self_test_completion_time,
        },
    )


@given(records(mode.CachingPage))
def test_a_second_encoder_builds_the_same_caching_page(made: mode.CachingPage) -> None:
    assert made.pack() == laid_out(
        20,
        {
            "0.7": made.ps,
            "0.5-0": 0x08,
            "1": 0x12,
            "2.7": made.ic,
            "2.6": made.abpf,
            "2.5": made.cap,
            "2.4": made.disc,
            "2.3": made.size_enable,
            "2.2": made.wce,
            "2.1": made.mf,
            "2.0": made.rcd,
            "3.7-4": made.demand_read_retention_priority,
            "3.3-0": made.write_retention_priority,
            "4-5": made.disable_prefetch_transfer_length,
            "6-7": made.minimum_prefetch,
            "8-9": made.maximum_prefetch,
            "10-11": made.maximum_prefetch_ceiling,
            "12.7": made.fsw,
            "12.6": made.lbcss,
            "12.5": made.dra,
            "12.4-3": made.vendor_specific,
            "12.2-1": made.sync_prog,
            "12.0": made.nv_dis,
            "13": made.cache_segments,
            "14-15": made.cache_segment_size,
        },
    )


@given(records(mode.ModeParameters6))
def test_a_second_encoder_builds_the_same_header_of_four_bytes(made: mode.ModeParameters6) -> None:
    places = {
        "0": made.mode_data_length,
        "1": made.medium_type,
        "2.7": made.wp,
        "2.4": made.dpofua,
        "3": len(made.block_descriptors),
    }
    assert made.pack() == laid_out(4, places) + made.block_descriptors + made.pages


@given(records(mode.ModeParameters10))
def test_a_second_encoder_builds_the_same_header_of_eight_bytes(made: mode.ModeParameters10) -> None:
    places = {
        "0-1": made.mode_data_length,
        "2": made.medium_type,
        "3.7": made.wp,
        "3.4": made.dpofua,
        "4.0": made.longlba,
        "6-7": len(made.block_descriptors),
    }
    assert made.pack() == laid_out(8, places) + made.block_descriptors + made.pages


@pytest.mark.parametrize(
    ("first", "expected"),
    [(b"\x08", mode.CachingPage), (b"\x8a", mode.ControlPage), (b"\x4a", None), (b"\x1c", None), (b"", None)],
)
def test_a_page_is_known_by_its_code_unless_it_is_a_subpage(
    first: bytes, expected: type[Record] | None
) -> None:
    assert mode.page_record(first) is expected
