"""Segments with tapes: how they read and write them, and what is told where a tape does not go along."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.command import Reply
from tests.target import stream_bench as s
from tests.target.bench import (
    CHECK_CONDITION,
    GOOD,
    No,
    data_in,
    embedded,
    no,
    residual,
    segment,
    segment_number,
)
from tests.target.stream_bench import FIXED, NULL_BLOCK, NULL_STREAM, PAD, StreamBench
from xcopy.target.faults import Corrupt, Fault, check

DISK, OTHER, TAPE, COPY = 0, 1, 2, 3  # unit numbers
DEVICE_FAILURE = (0xA, 0x0D, 0x01)
INVALID_OPERATION = (0xA, 0x26, 0x0C)
RECORDS = [random.Random(n).randbytes(700) for n in range(10)]
END_OF_DATA, FILEMARK = (0x8, 0x00, 0x05), (0x0, 0x00, 0x01)


@pytest.fixture
def array() -> StreamBench:
    return StreamBench()


def wound(*objects: bytes | None, **changes: int) -> StreamBench:
    """Two disks, a tape with these objects at its beginning, and an empty one."""
    return StreamBench(tapes=[objects, ()], **changes)  # type: ignore[arg-type]


# What moves.


def test_blocks_become_records_of_the_transfer_length(array: StreamBench) -> None:
    assert array.perform(s.block_to_stream(DISK, TAPE, 3, 8, 1024)).status == GOOD
    content = array.before[DISK][3 * 512 : 11 * 512]
    assert array.tape(TAPE) == [content[at : at + 1024] for at in range(0, 4096, 1024)]


def test_in_fixed_mode_a_transfer_is_so_many_blocks_and_each_a_record(array: StreamBench) -> None:
    # SPC-4 6.4.5.4, table 138
    array.specific[TAPE] = FIXED | 256
    assert array.perform(s.block_to_stream(DISK, TAPE, 0, 4, 4)).status == GOOD
    content = array.before[DISK]
    assert array.tape(TAPE) == [content[at : at + 256] for at in range(0, 2048, 256)]


def test_in_fixed_mode_less_than_a_whole_transfer_is_inexact(array: StreamBench) -> None:
    array.specific[TAPE] = FIXED | 256
    assert no(array.perform(s.block_to_stream(DISK, TAPE, 0, 3, 4)))[:3] == (0xA, 0x26, 0x0A)


def test_padding_fills_a_whole_transfer(array: StreamBench) -> None:
    array.specific[TAPE] = PAD
    assert array.perform(s.block_to_stream(DISK, TAPE, 0, 3, 1000)).status == GOOD
    content = array.before[DISK][:1536] + bytes(464)
    assert array.tape(TAPE) == [content[:1000], content[1000:]]


@settings(max_examples=60, deadline=None)
@given(
    blocks=st.integers(1, 64),
    transfer=st.integers(1, 5000),
    fixed=st.integers(0, 600),
    chunk=st.sampled_from([1, 700, 1 << 20]),
)
def test_blocks_that_go_to_a_tape_come_back_from_it(
    blocks: int, transfer: int, fixed: int, chunk: int
) -> None:
    array = StreamBench(chunk_size=chunk)
    transfer = max(transfer // max(fixed, 1), 1) if fixed else transfer
    array.specific |= {DISK: 512 | PAD, OTHER: 512, TAPE: PAD | (FIXED | fixed if fixed else 0)}
    assert array.perform(s.block_to_stream(DISK, TAPE, 5, blocks, transfer)).status == GOOD
    array.rewind()
    assert array.perform(s.stream_to_block(TAPE, OTHER, 9, blocks, transfer)).status == GOOD
    disk, other = array.before
    end = (9 + blocks) * 512
    moved = disk[5 * 512 : (5 + blocks) * 512]
    assert array.contents == [disk, other[: 9 * 512] + moved + other[end:]]


def test_records_are_copied_from_tape_to_tape_with_other_lengths() -> None:
    array = wound(*RECORDS[:3])
    assert array.perform(s.stream_to_stream(TAPE, COPY, 2100, 700, 300)).status == GOOD
    whole = b"".join(RECORDS[:3])
    assert array.tape(COPY) == [whole[at : at + 300] for at in range(0, 2100, 300)]


def test_bytes_of_a_tape_go_to_the_middle_of_a_block_and_its_rest_is_kept() -> None:
    array = wound(RECORDS[0])
    reply = array.perform(s.offset_and_stream(TAPE, DISK, 4, 500, 700, 700, kind=0x09))
    assert reply.status == GOOD
    disk = array.before[DISK]
    assert array.contents[DISK] == disk[:2548] + RECORDS[0] + disk[3248:]


def test_bytes_from_the_middle_of_a_block_go_to_a_tape(array: StreamBench) -> None:
    assert array.perform(s.offset_and_stream(DISK, TAPE, 4, 500, 700, 350)).status == GOOD
    disk = array.before[DISK]
    assert array.tape(TAPE) == [disk[2548:2898], disk[2898:3248]]


def test_inline_data_is_taken_from_its_offset(array: StreamBench) -> None:
    inline = bytes(range(64))
    reply = array.perform(s.inline_to_stream(TAPE, 8, 20, 10), inline=inline)
    assert reply.status == GOOD
    assert array.tape(TAPE) == [inline[8:18], inline[18:28]]


def test_inline_data_past_its_end_is_too_much(array: StreamBench) -> None:
    # SPC-4 6.4.6.6
    reply = array.perform(s.inline_to_stream(TAPE, 60, 8, 8), inline=bytes(64))
    assert no(reply) == No(0xA, 0x26, 0x0B, "a00010")
    assert array.tape(TAPE) == []


def test_an_inline_offset_is_a_multiple_of_4(array: StreamBench) -> None:
    reply = array.perform(s.inline_to_stream(TAPE, 2, 8, 8), inline=bytes(64))
    assert no(reply) == No(0xA, 0x26, 0x00, "a0000c")


def test_inline_data_has_a_granularity_of_its_own() -> None:
    array = StreamBench(limits={"inline_data_granularity": 3, "data_segment_granularity": 9})
    inline = bytes(64)
    assert array.perform(s.inline_to_stream(TAPE, 0, 8, 8), inline=inline).status == GOOD
    reply = array.perform(s.inline_to_stream(TAPE, 0, 12, 12), inline=inline)
    assert no(reply) == No(0xA, 0x26, 0x0D, "a00010")


def test_embedded_data_is_a_label_on_the_tape(array: StreamBench) -> None:
    assert array.perform(s.embedded_to_stream(TAPE, b"VOL1label", 9)).status == GOOD
    assert array.tape(TAPE) == [b"VOL1label"]


def test_discarded_bytes_are_read_and_gone() -> None:
    array = wound(*RECORDS)
    reply = array.perform(s.discard(TAPE, 1400, 700), s.stream_to_stream(TAPE, COPY, 700, 700, 700))
    assert reply.status == GOOD
    assert array.tape(COPY) == [RECORDS[2]]


def test_filemarks_are_written_between_records(array: StreamBench) -> None:
    reply = array.perform(
        s.embedded_to_stream(TAPE, b"one", 3),
        s.write_filemarks(TAPE, 2),
        s.embedded_to_stream(TAPE, b"two", 3),
    )
    assert reply.status == GOOD
    assert array.tape(TAPE) == [b"one", None, None, b"two"]


def test_a_tape_is_spaced_and_located_before_it_is_read() -> None:
    array = wound(RECORDS[0], None, RECORDS[1], RECORDS[2])
    assert array.perform(s.space(TAPE, 1, 1), s.stream_to_stream(TAPE, COPY, 700, 700, 700)).status == GOOD
    assert array.perform(s.locate(TAPE, 0), s.stream_to_stream(TAPE, COPY, 700, 700, 700)).status == GOOD
    assert array.perform(s.locate(TAPE, 3), s.space(TAPE, 0, -1)).status == GOOD
    assert array.perform(s.stream_to_stream(TAPE, COPY, 700, 700, 700)).status == GOOD
    assert array.tape(COPY) == [RECORDS[1], RECORDS[0], RECORDS[1]]


def test_an_image_has_the_records_and_marks_of_its_tape_to_the_end_of_the_data() -> None:
    objects = [b"short", None, RECORDS[0], None, None, b"last"]
    array = wound(*objects)
    assert array.perform(s.tape_image(TAPE, COPY)).status == GOOD
    assert array.tape(COPY) == objects


def test_an_image_ends_after_so_many_filemarks_in_a_row() -> None:
    array = wound(b"one", None, b"two", None, None, b"three")
    assert array.perform(s.tape_image(TAPE, COPY, 2)).status == GOOD
    assert array.tape(COPY) == [b"one", None, b"two", None, None]


# Held data.


def test_held_data_is_what_was_processed_in_its_order() -> None:
    array = wound(*RECORDS)
    reply = array.perform(
        s.block_to_stream(DISK, COPY, 1, 2, 512, kind=0x0B),
        s.stream_to_block(TAPE, OTHER, 0, 1, 700, kind=0x0C, cat=1),
        s.discard(TAPE, 100, 700, kind=0x0F, cat=1),
        segment(7, 20, 1, type_code=0x0D, flags=2 | 1),
        s.stream_to_stream(TAPE, COPY, 600, 700, 512, kind=0x0E, cat=1),
        usage=0b00,
        list_id=9,
    )
    assert reply.status == GOOD
    disk = array.before[DISK]
    taped = RECORDS[0] + disk[7 * 512 : 8 * 512]
    first = disk[512:1536] + taped[:512] + taped[512:612]
    # 88 bytes of the record and 424 of the block are processed by 0Dh, the rest of the block comes first then
    assert array.held(9) == first + taped[612:1124] + taped[1124:] + RECORDS[1][:512]


def test_of_more_held_data_than_the_limit_the_newest_is_kept_and_that_is_told() -> None:
    array = StreamBench(limits={"held_data_limit": 1000})
    assert array.perform(segment(0, 0, 4, type_code=0x0D), usage=0b00, list_id=9).status == GOOD
    status = array.send(0, data_in("84000900000000000000000000ff0000")).data
    assert status[4] & 0x80  # HDD
    assert array.held(9) == array.before[DISK][2048 - 1000 : 2048]


# What is refused, and what is told.


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        (segment(0, 0, 1, source=TAPE, destination=OTHER), "a00004"),
        (segment(0, 0, 1, source=DISK, destination=TAPE), "a00006"),
        (segment(0, 0, 1, source=DISK, destination=NULL_STREAM), "a00006"),
        (s.block_to_stream(TAPE, COPY, 0, 1, 512), "a00004"),
        (s.block_to_stream(DISK, OTHER, 0, 1, 512), "a00006"),
        (s.stream_to_block(DISK, OTHER, 0, 1, 512), "a00004"),
        (s.stream_to_stream(TAPE, NULL_BLOCK, 512, 512, 512), "a00006"),
        (s.discard(DISK, 512, 512), "a00004"),
        (s.write_filemarks(DISK, 1), "a00006"),
        (s.space(DISK, 0, 1), "a00006"),
        (s.locate(DISK, 0), "a00006"),
        (s.tape_image(TAPE, DISK), "a00006"),
        (s.block_image(DISK, TAPE, 0, 0, 1), "a00006"),
    ],
)
def test_a_device_of_another_kind_is_an_invalid_operation(
    array: StreamBench, asked: bytes, pointer: str
) -> None:
    # SPC-4 6.4.6.13 to 6.4.6.16 say so of tapes; of disks it is the same condition
    assert no(array.perform(asked)) == No(*INVALID_OPERATION, pointer)
    assert array.contents == array.before


def test_a_tape_that_the_descriptor_calls_a_disk_is_the_wrong_device_type(array: StreamBench) -> None:
    cscds = array.cscds()
    cscds[TAPE] = cscds[TAPE][:1] + b"\x00" + cscds[TAPE][2:28] + b"\x00\x00\x02\x00"
    wrong = s.extended_copy(s.copy_list(cscds, [segment(0, 0, 1, source=TAPE, destination=OTHER)]))
    assert no(array.send(0, wrong)) == No(0xA, 0x0D, 0x03, "8c0051")


def test_a_transfer_of_0_is_an_invalid_field_where_anything_is_to_move(array: StreamBench) -> None:
    assert no(array.perform(s.block_to_stream(DISK, TAPE, 0, 1, 0))) == No(0xA, 0x26, 0x00, "a00009")
    assert array.perform(s.block_to_stream(DISK, TAPE, 0, 0, 0)).status == GOOD


def test_a_transfer_over_the_maximum_is_an_invalid_field() -> None:
    array = StreamBench(limits={"maximum_stream_transfer_size": 1024})
    assert array.perform(s.block_to_stream(DISK, TAPE, 0, 2, 1024)).status == GOOD
    assert no(array.perform(s.block_to_stream(DISK, TAPE, 0, 4, 2048))) == No(0xA, 0x26, 0x00, "a00009")


@pytest.mark.parametrize(
    ("objects", "code"),
    [
        ([], END_OF_DATA),
        ([None, RECORDS[0]], FILEMARK),
        ([b"short"], (0, 0, 0)),
        ([RECORDS[0] * 2], (0, 0, 0)),
    ],
)
def test_a_tape_that_has_something_else_is_a_device_failure_with_its_answer(
    objects: list[bytes | None], code: tuple[int, int, int]
) -> None:
    array = wound(*objects)
    reply = array.perform(s.stream_to_block(TAPE, DISK, 0, 1, 700, cat=1))
    assert no(reply) == No(*DEVICE_FAILURE, "800050")
    assert embedded(reply) == ("source", CHECK_CONDITION, code)
    assert residual(reply) is None


def test_the_answer_of_a_tape_is_embedded_as_it_was_given() -> None:
    array = wound(b"short")
    reply = array.perform(s.stream_to_block(TAPE, DISK, 0, 1, 700, cat=1))
    at = reply.sense[8]
    assert reply.sense[at : at + 8].hex() == "02" + "f00020" + "000002b7"  # ILI, 695 bytes missing


def test_of_a_tape_in_variable_mode_the_residual_is_in_bytes() -> None:
    # SPC-4 5.17.7.4
    array = StreamBench(capacity=2048, chunk_size=1024)
    reply = array.perform(s.block_to_stream(DISK, TAPE, 0, 6, 1024))
    assert no(reply) == No(*DEVICE_FAILURE, "800050")
    assert embedded(reply) == ("destination", CHECK_CONDITION, (0xD, 0x00, 0x02))
    assert residual(reply) == 1024


def test_of_a_tape_in_fixed_mode_the_residual_is_in_blocks() -> None:
    array = StreamBench(capacity=2048, chunk_size=1024)
    array.specific[TAPE] = FIXED | 256
    assert residual(array.perform(s.block_to_stream(DISK, TAPE, 0, 6, 4))) == 4


def test_an_image_that_stops_has_no_residual() -> None:
    # SPC-4 6.4.6.16
    array = StreamBench(tapes=[RECORDS, ()], capacity=7000)
    array.array.faults.add(Fault(at="write", unit=COPY, nth=3, then=check(3, 0x0C)))
    reply = array.perform(s.tape_image(TAPE, COPY))
    assert no(reply)[:3] == DEVICE_FAILURE
    assert residual(reply) is None
    assert array.tape(COPY) == RECORDS[:2]


def test_a_write_protected_tape_is_a_device_failure() -> None:
    reply = StreamBench(protected=True).perform(s.block_to_stream(DISK, TAPE, 0, 1, 512))
    assert embedded(reply) == ("destination", CHECK_CONDITION, (0x7, 0x27, 0x00))


# Faults.


def test_reads_and_writes_of_tapes_are_steps() -> None:
    array = wound(*RECORDS)
    seen: list[tuple[str, int, int, int]] = []
    watch = Fault(at="read", times=None, then=check(0), when=lambda step: bool(seen.append(_told(step))))  # type: ignore[func-returns-value]
    array.array.faults.add(watch)
    reply = array.perform(s.stream_to_stream(TAPE, COPY, 1400, 700, 700))
    assert reply.status == GOOD
    assert seen == [("read", TAPE, 0, 1), ("read", TAPE, 1, 1)]


def _told(step: object) -> tuple[str, int, int, int]:
    return step.kind, step.unit, step.lba, step.blocks  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("change", "code"),
    [(lambda data: data[:-1], (0xA, 0x0D, 0x04)), (lambda data: data + b"x", (0xA, 0x0D, 0x05))],
)
@pytest.mark.parametrize(("at", "unit"), [("read", TAPE), ("write", COPY)])
def test_less_or_more_data_than_asked_for_is_an_underrun_or_overrun(
    change: object, code: tuple[int, int, int], at: str, unit: int
) -> None:
    # SPC-4 5.17.7.4
    array = wound(*RECORDS)
    array.array.faults.add(Fault(at=at, unit=unit, then=Corrupt(change)))  # type: ignore[arg-type]
    reply = array.perform(s.stream_to_stream(TAPE, COPY, 700, 700, 700))
    assert no(reply)[:3] == code


def test_the_kth_segment_ends_the_copy_as_the_rule_says(array: StreamBench) -> None:
    array.array.faults.add(Fault(at="segment", nth=2, then=Reply(status=0x08)))
    reply = array.perform(*[s.embedded_to_stream(TAPE, b"label", 5)] * 3)
    assert reply == Reply(status=0x08)
    assert array.tape(TAPE) == [b"label"]


def test_segments_are_told_apart_by_number_and_type(array: StreamBench) -> None:
    rule = Fault(at="segment", when=lambda step: step.segment_type == 0x10, then=check(4, 0x44))
    array.array.faults.add(rule)
    reply = array.perform(s.embedded_to_stream(TAPE, b"label", 5), s.write_filemarks(TAPE, 1))
    assert no(reply)[:3] == (4, 0x44, 0)
    assert array.tape(TAPE) == [b"label"]


def test_the_number_of_a_failing_segment_counts_all_types() -> None:
    array = wound(RECORDS[0])
    reply = array.perform(s.write_filemarks(COPY, 1), s.verify(TAPE), s.discard(TAPE, 1400, 700))
    assert (no(reply)[:3], segment_number(reply)) == (DEVICE_FAILURE, 2)
