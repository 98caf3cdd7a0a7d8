"""What is left over at the end of a segment: one test for each row of SPC-4 5.17.7.2, tables 116 and 117.

The rows' PAD and CAT values are not readable in the text at hand; each row is told apart by what it does.
"""

from __future__ import annotations

import pytest

from tests.target import stream_bench as s
from tests.target.bench import GOOD, No, mixed_bench, no, residual, segment, segment_number
from tests.target.results_bench import lid1_status, lid4_status
from tests.target.stream_bench import NULL_BLOCK, NULL_STREAM, PAD, StreamBench

SMALL, LARGE, TAPE = 0, 1, 2  # disks of 512 and 4096 bytes a block, and a tape
INEXACT = No(0xA, 0x26, 0x0A, "a0000a")
CAT = 1


def mixed(*padded: int) -> StreamBench:
    """Disks of 512 and 4096 bytes a block and an empty tape; those units have the PAD bit."""
    array = StreamBench((512, 4096), [[]])
    for number in padded:
        array.specific[number] |= PAD
    return array


def three_quarters(flags: int = 0) -> bytes:
    """12 blocks of 512 bytes for blocks of 4096: half a block is left of destination data."""
    return segment(0, 0, 12, source=SMALL, destination=LARGE, flags=flags)


def test_with_cat_destination_data_goes_to_the_next_segment() -> None:
    array = mixed()
    rest = segment(100, 1, 4, source=SMALL, destination=LARGE)
    assert array.perform(three_quarters(CAT), rest).status == GOOD
    small, large = array.before
    assert array.contents[1] == small[: 12 * 512] + small[100 * 512 : 104 * 512] + large[8192:]


def test_with_cat_in_the_last_segment_what_is_left_is_discarded_and_no_error() -> None:
    array = mixed()
    assert array.perform(three_quarters(CAT)).status == GOOD
    small, large = array.before
    assert array.contents[1] == small[:4096] + large[4096:]


@pytest.mark.parametrize(
    ("blocks", "cat", "status"),
    [(8, CAT, 0x01), (12, CAT, 0x04), (12, 0, 0x02)],
    ids=["nothing is left", "half a block is left and discarded", "half a block is left, which is an error"],
)
def test_the_status_tells_that_something_was_left_at_the_end_and_let_go(
    blocks: int, cat: int, status: int
) -> None:
    # SPC-4 6.24, table 249, note b: the application client should verify
    array = mixed_bench(512, 4096)
    array.copy(segment(0, 0, blocks, flags=cat), usage=0b00, list_id=7)
    assert lid4_status(array, 7).status == status
    assert lid1_status(array, 7).status == (0x02 if status == 0x02 else 0x01)


def test_the_status_tells_of_source_data_that_were_left_too() -> None:
    array = mixed_bench(4096, 512)
    assert array.copy(segment(0, 0, 12, flags=CAT | 2), usage=0b00, list_id=7).status == GOOD
    assert lid4_status(array, 7).status == 0x04


def test_destination_data_goes_to_another_destination_than_it_was_meant_for() -> None:
    # SPC-4 table 116: no error where the CSCD ids are others
    array = mixed()
    assert array.perform(three_quarters(CAT), s.block_to_stream(SMALL, TAPE, 0, 0, 512)).status == GOOD
    small = array.before[0]
    assert array.tape(TAPE) == [small[at : at + 512] for at in range(4096, 6144, 512)]


def test_with_cat_source_data_is_processed_before_what_is_read_next() -> None:
    array = mixed()
    taken = segment(0, 0, 4, source=LARGE, destination=SMALL, flags=2 | CAT)  # 2 KiB of a block of 4 KiB
    again = segment(3, 8, 8, source=LARGE, destination=SMALL, flags=2 | CAT)
    assert array.perform(taken, again).status == GOOD
    small, large = array.before
    assert array.contents[0] == (
        large[:2048] + small[2048:4096] + large[2048:4096] + large[3 * 4096 : 3 * 4096 + 2048] + small[8192:]
    )


def test_without_cat_and_pad_what_is_left_is_an_unexpected_inexact_segment() -> None:
    array = mixed()
    reply = array.perform(segment(0, 0, 8, source=SMALL, destination=LARGE), three_quarters())
    assert no(reply) == INEXACT
    assert segment_number(reply) == 1


def test_an_inexact_segment_has_moved_nothing() -> None:
    array = mixed()
    reply = array.perform(three_quarters())
    assert (no(reply), residual(reply)) == (INEXACT, None)
    assert array.contents == array.before


def test_what_an_earlier_segment_left_makes_a_later_one_inexact() -> None:
    array = mixed()
    reply = array.perform(three_quarters(CAT), segment(0, 2, 8, source=SMALL, destination=LARGE))
    assert no(reply) == INEXACT
    assert segment_number(reply) == 1


def test_what_an_earlier_segment_left_may_make_a_later_one_exact() -> None:
    array = mixed()
    assert (
        array.perform(three_quarters(CAT), segment(50, 1, 4, source=SMALL, destination=LARGE)).status == GOOD
    )


def test_the_destination_s_pad_bit_fills_its_last_block_with_zeros() -> None:
    array = mixed(LARGE)
    assert array.perform(three_quarters()).status == GOOD
    small, large = array.before
    assert array.contents[1] == small[: 12 * 512] + bytes(2048) + large[8192:]


def test_padding_needs_room_for_the_block_it_fills() -> None:
    array = mixed(LARGE)
    last = array.array.units[LARGE].blocks - 1
    reply = array.perform(segment(0, last, 12, source=SMALL, destination=LARGE))
    assert no(reply) == No(0xA, 0x0D, 0x01, "a00014")
    assert array.contents == array.before


def test_the_source_s_pad_bit_alone_discards_destination_data() -> None:
    array = mixed(SMALL)
    empty = segment(0, 9, 0, source=SMALL, destination=LARGE)
    assert array.perform(three_quarters(), empty).status == GOOD
    small, large = array.before
    assert array.contents[1] == small[:4096] + large[4096:]


def test_the_source_s_pad_bit_alone_discards_source_data() -> None:
    array = mixed(LARGE)
    taken = segment(0, 0, 4, source=LARGE, destination=SMALL, flags=2)
    exact = segment(5, 8, 8, source=LARGE, destination=SMALL, flags=2)
    assert array.perform(taken, exact).status == GOOD
    large = array.before[1]
    assert array.contents[0][8 * 512 : 16 * 512] == large[5 * 4096 : 6 * 4096]


def test_the_destination_s_pad_bit_alone_keeps_source_data() -> None:
    array = mixed(SMALL)
    taken = segment(0, 0, 4, source=LARGE, destination=SMALL, flags=2)
    again = segment(5, 8, 4, source=LARGE, destination=SMALL, flags=2)
    assert array.perform(taken, again).status == GOOD
    large = array.before[1]
    assert array.contents[0][8 * 512 : 12 * 512] == large[2048:4096]


def test_both_pad_bits_discard_source_data() -> None:
    array = mixed(SMALL, LARGE)
    taken = segment(0, 0, 4, source=LARGE, destination=SMALL, flags=2)
    again = segment(5, 8, 4, source=LARGE, destination=SMALL, flags=2)
    assert array.perform(taken, again).status == GOOD
    large = array.before[1]
    assert array.contents[0][8 * 512 : 12 * 512] == large[5 * 4096 : 5 * 4096 + 2048]


def test_more_destination_data_than_a_counted_write_takes_is_inexact_even_with_pad() -> None:
    # note a of table 116
    array = mixed(LARGE)
    reply = array.perform(three_quarters(CAT), segment(0, 5, 0, source=SMALL, destination=LARGE, flags=2))
    assert no(reply) == INEXACT
    assert segment_number(reply) == 1


def test_more_destination_data_than_a_byte_range_takes_is_inexact_even_with_pad() -> None:
    array = mixed(LARGE)
    reply = array.perform(three_quarters(CAT), s.offset_to_offset(SMALL, LARGE, 100, (0, 0), (5, 0)))
    assert no(reply)[:3] == INEXACT[:3]
    assert segment_number(reply) == 1


def test_0_blocks_write_whole_blocks_of_what_is_left_when_the_source_counts() -> None:
    # SPC-4 6.4.6.4, DC 0 and a count of 0
    array = mixed()
    reply = array.perform(
        segment(0, 0, 12, source=SMALL, destination=LARGE, flags=CAT),
        segment(0, 9, 0, source=SMALL, destination=SMALL),
    )
    assert reply.status == GOOD
    small = array.before[0]
    assert array.contents[0] == small[: 9 * 512] + small[4096:6144] + small[13 * 512 :]


def test_0_blocks_write_nothing_when_the_destination_counts() -> None:
    array = mixed()
    reply = array.perform(
        segment(0, 0, 12, source=SMALL, destination=LARGE, flags=CAT),
        segment(0, 9, 0, source=SMALL, destination=SMALL, flags=2 | CAT),
    )
    assert reply.status == GOOD
    assert array.contents[0] == array.before[0]


@pytest.mark.parametrize(
    "between", [s.verify(SMALL), s.block_image(SMALL, SMALL, 0, 20, 1), s.tape_image(2, 2)]
)
def test_segments_that_process_no_data_leave_it_for_the_next(between: bytes) -> None:
    # SPC-4 table 115: retained as if CAT were set
    array = mixed()
    rest = segment(100, 1, 4, source=SMALL, destination=LARGE)
    assert array.perform(three_quarters(CAT), between, rest).status == GOOD
    small = array.before[0]
    assert array.contents[1][4096:8192] == small[4096:6144] + small[100 * 512 : 104 * 512]


def test_a_null_source_and_discard_let_go_of_all_that_is_left() -> None:
    # SPC-4 6.4.6.1, table 148, note b
    array = mixed()
    exact = segment(0, 1, 8, source=SMALL, destination=LARGE)
    assert array.perform(three_quarters(CAT), s.discard(NULL_STREAM, 0, 0), exact).status == GOOD
    small, large = array.before
    assert array.contents[1] == small[:4096] * 2 + large[8192:]


def test_an_empty_segment_between_null_disks_lets_go_of_all_that_is_left() -> None:
    array = mixed()
    exact = segment(0, 1, 8, source=SMALL, destination=LARGE)
    nothing = segment(0, 0, 0, source=NULL_BLOCK, destination=NULL_BLOCK)
    assert array.perform(three_quarters(CAT), nothing, exact).status == GOOD


def test_inline_data_leave_source_data_where_it_was() -> None:
    # SPC-4 table 117: as if the source's PAD bit were 0, the destination's keeps source data
    array = mixed(TAPE)
    taken = segment(0, 0, 4, source=LARGE, destination=SMALL, flags=2 | CAT)
    again = segment(5, 8, 4, source=LARGE, destination=SMALL, flags=2)
    assert array.perform(taken, s.embedded_to_stream(TAPE, b"label", 8), again).status == GOOD
    assert array.tape(TAPE) == [b"label\0\0\0"]
    assert array.contents[0][8 * 512 : 12 * 512] == array.before[1][2048:4096]


def test_inline_data_without_pad_and_cat_are_inexact_while_source_data_are_left() -> None:
    array = mixed()
    taken = segment(0, 0, 4, source=LARGE, destination=SMALL, flags=2 | CAT)
    reply = array.perform(taken, s.embedded_to_stream(TAPE, b"12345678", 8))
    assert no(reply)[:3] == INEXACT[:3]
    assert array.tape(TAPE) == []


def test_the_longest_segment_does_not_count_padding() -> None:
    # SPC-4 6.22
    array = StreamBench((512, 4096), limits={"maximum_segment_length": 4096})
    array.specific[LARGE] |= PAD
    assert array.perform(segment(0, 0, 12, source=SMALL, destination=LARGE)).status == GOOD
    longer = segment(0, 0, 16, source=SMALL, destination=LARGE)
    assert no(array.perform(longer)) == No(0xA, 0x26, 0x00, "a0000a")


def test_granularity_does_not_count_padding() -> None:
    array = StreamBench((512, 4096), limits={"data_segment_granularity": 12})
    array.specific[LARGE] |= PAD
    assert array.perform(segment(0, 0, 12, source=SMALL, destination=LARGE)).status == GOOD
