"""What copy managers answer about a copy: status, counts, sense data, held data, tokens.

Bytes from outside: answers worked out from the code of FreeBSD's CTL and SCST, or with fields sg_copy_results
and ddptctl named (fixtures/samples.json). Of RECEIVE COPY DATA's answers there are none: only a second
encoder checks those.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import copy_status
from cdb.copy_status import (
    BLOCKS,
    AllRodTokens,
    CopyOperation,
    CopyStatusLid1,
    CopyStatusLid4,
    FailureDetails,
    HeldDataLid1,
    HeldDataLid4,
    RodTokenInformation,
    bytes_transferred,
    sense_field,
)
from cdb.errors import DecodeError
from tests.cdb import samples
from tests.cdb.independent import laid_out
from tests.cdb.strategies import records


@given(made=records(CopyStatusLid1))
def test_lid1_status_lies_where_the_table_says(made: Any) -> None:
    assert made.pack() == laid_out(
        12,
        {
            "0-3": 8,
            "4.7": int(made.hdd),
            "4.6-0": made.status,
            "5-6": made.segments_processed,
            "7": made.transfer_count_units,
            "8-11": made.transfer_count,
        },
    )


@pytest.mark.parametrize("sample", samples.of("RECEIVE COPY STATUS(LID1) data"), ids=lambda s: s.name)
def test_lid1_status_is_read_as_its_source_says(sample: samples.Sample) -> None:
    read = CopyStatusLid1.unpack(sample.data)
    found = {
        "HDD": read.hdd,
        "copy command status": read.status,
        "segments processed": read.segments_processed,
        "transfer count units": read.transfer_count_units,
        "transfer count": read.transfer_count,
    }
    assert sample.says.items() <= found.items()
    assert read.pack() == sample.data


@given(made=records(FailureDetails))
def test_failure_details_lie_where_the_table_says(made: Any) -> None:
    header = laid_out(60, {"0-3": 56 + len(made.sense), "56": made.status, "58-59": len(made.sense)})
    assert made.pack() == header + made.sense


def test_the_details_of_a_failure_are_read_with_their_sense_data() -> None:
    sample = samples.sample("ctl_failure_details")
    read = FailureDetails.unpack(sample.data)
    assert read.status == sample.says["copy command status"]
    assert read.sense.hex() == sample.says["sense"]
    assert read.pack() == sample.data


@pytest.mark.parametrize("sent", [bytes(4), samples.sample("ctl_no_failure").data], ids=["strict", "FreeBSD"])
def test_no_details_are_a_good_status_without_sense_data(sent: bytes) -> None:
    assert FailureDetails.unpack_from(sent) == FailureDetails(status=0, sense=b"")


def test_details_that_claim_a_byte_too_many_are_an_error_until_the_byte_is_there() -> None:
    sample = samples.sample("scst_failure_details")
    with pytest.raises(DecodeError, match="is 75: the structure would end at byte 79, the bytes end at 78"):
        FailureDetails.unpack(sample.data)
    assert FailureDetails.unpack(sample.data + b"\0").sense.hex() == sample.says["sense"]


@given(held=st.binary(max_size=64))
def test_held_data_of_lid1_are_all_that_follows_their_length(held: bytes) -> None:
    packed = len(held).to_bytes(4, "big") + held
    assert HeldDataLid1(held_data=held).pack() == packed
    assert HeldDataLid1.unpack_from(packed + b"more") == HeldDataLid1(held_data=held)


def operation(made: Any, total: int) -> bytes:
    """Bytes 0 to x of the tables of 6.20, 6.24 and 6.26: `total` bytes in all."""
    field = made.sense_field
    header = laid_out(
        32,
        {
            "0-3": total - 4,
            "4.4-0": made.response_to_service_action,
            "5.7": int(made.hdd),
            "5.6-0": made.status,
            "6-7": made.operation_counter,
            "8-11": made.estimated_status_update_delay,
            "12": made.completion_status,
            "13": len(field),
            "14": made.sense_length,
            "15": made.transfer_count_units,
            "16-23": made.transfer_count,
            "24-25": made.segments_processed,
        },
    )
    return header + bytes(field)


@given(made=records(CopyStatusLid4))
def test_lid4_status_lies_where_the_table_says(made: Any) -> None:
    assert made.pack() == operation(made.operation, 32 + len(made.operation.sense_field))


@given(made=records(HeldDataLid4))
def test_held_data_of_lid4_lie_where_the_table_says(made: Any) -> None:
    held = made.held_data
    total = 36 + len(made.operation.sense_field) + len(held)
    assert made.pack() == operation(made.operation, total) + len(held).to_bytes(4, "big") + held


@given(made=records(RodTokenInformation))
def test_rod_token_information_lies_where_the_table_says(made: Any) -> None:
    tokens = b"".join(t.creating_cscd.to_bytes(2, "big") + t.token.pack() for t in made.tokens)
    total = 36 + len(made.operation.sense_field) + len(tokens)
    assert made.pack() == operation(made.operation, total) + len(tokens).to_bytes(4, "big") + tokens


@given(made=records(AllRodTokens))
def test_all_rod_tokens_lie_where_the_table_says(made: Any) -> None:
    tokens = b"".join(token.pack() for token in made.tokens)
    assert made.pack() == laid_out(8, {"0-3": 4 + len(tokens)}) + tokens
    assert len(tokens) == 96 * len(made.tokens)


LID4_SAMPLES = samples.of("RECEIVE COPY STATUS(LID4) data")


def agrees(read: CopyOperation, sample: samples.Sample) -> None:
    found = {
        "response to service action": read.response_to_service_action,
        "copy operation status": read.status,
        "operation counter": read.operation_counter,
        "estimated status update delay": read.estimated_status_update_delay,
        "extended copy completion status": read.completion_status,
        "sense data field length": len(read.sense_field),
        "sense data length": read.sense_length,
        "transfer count units": read.transfer_count_units,
        "transfer count": read.transfer_count,
        "segments processed": read.segments_processed,
    }
    named = found.keys() & sample.says.keys()
    assert named
    assert {name: found[name] for name in named} == {name: sample.says[name] for name in named}


@pytest.mark.parametrize("sample", LID4_SAMPLES, ids=lambda s: s.name)
def test_lid4_status_is_read_as_its_source_says(sample: samples.Sample) -> None:
    read = CopyStatusLid4.unpack(sample.data)
    agrees(read.operation, sample)
    assert read.pack() == sample.data


@pytest.mark.parametrize("sample", samples.of("RECEIVE ROD TOKEN INFORMATION data"), ids=lambda s: s.name)
def test_rod_token_information_is_read_as_its_source_says(sample: samples.Sample) -> None:
    read = RodTokenInformation.unpack(sample.data)
    agrees(read.operation, sample)
    assert [t.creating_cscd for t in read.tokens] == [
        d["CSCD descriptor id"] for d in sample.says.get("descriptors", [])
    ]
    assert read.pack() == sample.data


def test_tokens_are_found_by_the_length_of_the_sense_field_not_of_the_sense_data() -> None:
    sample = samples.sample("ddptctl_rod_token_information_two")
    read = RodTokenInformation.unpack(sample.data)
    assert (len(read.operation.sense_field), read.operation.sense_length) == (20, 18)
    assert read.operation.sense == sample.data[32:50]
    assert [t.token.pack() for t in read.tokens] == [sample.data[58:570], sample.data[572:1084]]


@pytest.mark.parametrize("sample", samples.of("REPORT ALL ROD TOKENS data"), ids=lambda s: s.name)
def test_all_rod_tokens_are_read_as_their_source_says(sample: samples.Sample) -> None:
    read = AllRodTokens.unpack(sample.data)
    found = [
        {
            "copy manager ROD token identifier": int.from_bytes(t.identifier, "big"),
            "bytes represented": t.bytes_represented,
        }
        for t in read.tokens
    ]
    assert found == [{name: told[name] for name in found[0]} for told in sample.says["tokens"]]
    assert read.pack() == sample.data


@given(sense=st.binary(max_size=252))
def test_a_sense_field_is_a_multiple_of_four_bytes_and_keeps_what_it_holds(sense: bytes) -> None:
    made = CopyOperation(
        response_to_service_action=0x01,
        status=copy_status.FAILED,
        sense_length=len(sense),
        sense_field=sense_field(sense),
    )
    assert len(made.sense_field) == (len(sense) + 3) // 4 * 4
    assert CopyOperation.unpack(made.pack()).sense == sense


def test_a_sense_field_that_runs_past_the_answer_is_a_decode_error() -> None:
    sent = bytearray(samples.sample("ctl_lid4_completed").data)
    sent[13] = 4
    with pytest.raises(DecodeError, match="SENSE DATA at byte 32 takes up 4 bytes, 0 are there"):
        CopyStatusLid4.unpack(bytes(sent))


@pytest.mark.parametrize(
    ("count", "units", "block_length", "expected"),
    [
        (5, 0x00, None, 5),
        (5, 0x01, None, 5 * 2**10),
        (5, 0x02, 512, 5 * 2**20),
        (5, 0x03, None, 5 * 2**30),
        (5, 0x04, None, 5 * 2**40),
        (5, 0x05, None, 5 * 2**50),
        (5, 0x06, None, 5 * 2**60),
        (5, BLOCKS, 4096, 20480),
        (0, BLOCKS, 4096, 0),
        (5, BLOCKS, None, None),
        (5, 0x07, 512, None),
        (5, 0xF0, 512, None),
        (5, 0xFF, 512, None),
    ],
)
def test_a_transfer_count_is_bytes_by_its_units(
    count: int, units: int, block_length: int | None, expected: int | None
) -> None:
    assert bytes_transferred(count, units, block_length) == expected  # SPC-4 6.24, table 251
    status = CopyStatusLid1(status=1, segments_processed=1, transfer_count_units=units, transfer_count=count)
    assert status.bytes_transferred(block_length) == expected


def test_status_codes_have_the_meaning_of_their_tables() -> None:
    # SPC-4 6.24, table 249, and 6.25, table 254
    without = {code for code in range(128) if "without errors" in copy_status.status_name(code)}
    running = {code for code in range(128) if "in progress" in copy_status.status_name(code)}
    known = {code for code in range(128) if copy_status.status_name(code) != "reserved"}
    assert (without, running) == ({0x01, 0x03, 0x04}, {0x10, 0x11, 0x12})
    assert (without, running) == (copy_status.WITHOUT_ERRORS, copy_status.RUNNING)
    assert known == without | running | {0x02, 0x60}
    assert [copy_status.lid1_status_name(code) for code in range(4)] == [
        "in progress",
        "completed without errors",
        "completed with errors",
        "reserved",
    ]


def test_the_delay_until_the_next_question_has_two_values_that_are_no_time() -> None:
    names = [copy_status.delay_name(value) for value in (0, 1500, 0xFFFFFFFE, 0xFFFFFFFF)]
    assert names == ["0 ms", "1500 ms", "finished: nothing more will come", "unknown"]


def test_the_command_that_is_answered_about_is_named() -> None:
    names = [CopyOperation.row("response_to_service_action").meaning(action) for action in (0, 1, 0x10, 0x11)]
    assert names == ["EXTENDED COPY(LID1)", "EXTENDED COPY(LID4)", "POPULATE TOKEN", "WRITE USING TOKEN"]


def test_an_answer_cut_short_by_its_allocation_length_says_both_numbers() -> None:
    sent = samples.sample("ctl_lid4_completed").data
    with pytest.raises(
        DecodeError,
        match="AVAILABLE DATA at byte 0 is 28: the structure would end at byte 32, the bytes end at 16",
    ):
        CopyStatusLid4.unpack_from(sent[:16])
