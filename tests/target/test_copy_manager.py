"""Phase 2: which segment stops a copy, what the sense says of it, and what is written by then."""

from __future__ import annotations

from dataclasses import replace
from threading import Event, Thread

import pytest

from cdb.command import Reply
from tests.target.bench import (
    BLOCK,
    BLOCKS,
    CHECK_CONDITION,
    GOOD,
    TASK_SET_FULL,
    Bench,
    No,
    bench,
    capable,
    copy_list,
    cscd,
    data_in,
    embedded,
    extended_copy,
    mixed_bench,
    no,
    residual,
    segment,
    segment_number,
)
from xcopy.target.array import memory_array
from xcopy.target.copy_manager import CopiedSegment
from xcopy.target.faults import Call, Fault, check
from xcopy.target.profile import CAPABLE, STRICT

RECEIVER = 0xFFFF
NOT_REACHABLE = (0xA, 0x0D, 0x02)
DEVICE_FAILURE = (0xA, 0x0D, 0x01)
OUT_OF_RANGE = (0x5, 0x21, 0x00)
PROTECTED = (0x7, 0x27, 0x00)
FIRST = segment(0, 64, 4)  # a good segment ahead of the bad one


@pytest.fixture
def array() -> Bench:
    return bench()


def only_first_was_copied(array: Bench) -> bool:
    """True when FIRST was copied and nothing else."""
    expected = bytearray(array.before[1])
    expected[64 * BLOCK : 68 * BLOCK] = array.before[0][: 4 * BLOCK]
    return array.contents == [array.before[0], bytes(expected), *array.before[2:]]


def test_a_copy_moves_its_blocks_and_no_others(array: Bench) -> None:
    assert array.copy(segment(3, 200, 56)) == Reply()
    source, destination = array.contents
    assert source == array.before[0]
    assert destination == array.before[1][: 200 * BLOCK] + array.before[0][3 * BLOCK : 59 * BLOCK]


def test_segments_are_copied_in_order(array: Bench) -> None:
    assert array.copy(segment(0, 10, 4), segment(10, 20, 4, source=1, destination=0)).status == GOOD
    assert array.contents[0][20 * BLOCK : 24 * BLOCK] == array.before[0][: 4 * BLOCK]


def test_a_copy_is_recorded_with_its_units_and_bytes(array: Bench) -> None:
    array.copy(segment(3, 200, 56))
    assert array.array.copied_segments == (
        CopiedSegment(source=0, source_lba=3, destination=1, destination_lba=200, length=56 * BLOCK),
    )


def test_a_third_unit_may_receive_the_command() -> None:
    array = bench(3)
    assert array.copy(FIRST, to=2).status == GOOD
    assert only_first_was_copied(array)


def test_one_cscd_serves_as_source_and_destination(array: Bench) -> None:
    assert array.copy(segment(0, 100, 50, source=1, destination=1)).status == GOOD
    assert array.contents[1][100 * BLOCK : 150 * BLOCK] == array.before[1][: 50 * BLOCK]


def test_forward_overlap_is_copied_in_ascending_chunks_and_repeats_the_first() -> None:
    array = bench(chunk_size=2 * BLOCK)
    assert array.copy(segment(0, 2, 6, source=1, destination=1)).status == GOOD
    assert array.contents[1][: 8 * BLOCK] == array.before[1][: 2 * BLOCK] * 4


def test_the_right_designator_under_another_code_set_names_nobody(array: Bench) -> None:
    ascii = cscd(array.naa(0), identity=b"\x02\x03\x00")
    reply = array.send(1, extended_copy(copy_list([ascii, array.cscds()[1]], [FIRST])))
    assert no(reply) == No(*NOT_REACHABLE, "800010")


@pytest.mark.parametrize("side", ["source", "destination"])
def test_ffffh_is_the_unit_that_received_the_command(array: Bench, side: str) -> None:
    ids = {"source": 0, "destination": 1, side: RECEIVER}
    reply = array.copy(segment(0, 64, 4, **ids), to=0 if side == "source" else 1)
    assert reply.status == GOOD
    assert only_first_was_copied(array)


@pytest.mark.parametrize(("side", "pointer"), [("source", "a00004"), ("destination", "a00006")])
def test_ffffh_is_nobody_where_the_array_does_not_have_it(side: str, pointer: str) -> None:
    # SPC-4 7.8.17.7: which ids above 07FFh there are
    array = bench(special_cscd_ids=(0xC000, 0xC001))
    reply = array.copy(segment(0, 64, 4, **{side: RECEIVER}))
    assert no(reply) == No(*NOT_REACHABLE, pointer)
    assert array.contents == array.before


def test_ffffh_needs_no_cscd_descriptor(array: Bench) -> None:
    listed = copy_list([], [segment(0, 64, 4, source=RECEIVER, destination=RECEIVER)])
    assert array.send(1, extended_copy(listed)).status == GOOD
    assert array.contents[1][64 * BLOCK : 68 * BLOCK] == array.before[1][: 4 * BLOCK]


@pytest.mark.parametrize(("side", "pointer"), [("source", "a00004"), ("destination", "a00006")])
@pytest.mark.parametrize("cscd_id", [2, 0x7FF, 0x800, 0xC000, 0xF800, 0xFFFE])
def test_a_cscd_id_that_stands_for_nothing_is_not_reachable(
    array: Bench, side: str, pointer: str, cscd_id: int
) -> None:
    reply = array.copy(FIRST, segment(0, 8, 8, **{side: cscd_id}))
    assert no(reply) == No(*NOT_REACHABLE, pointer)
    assert segment_number(reply) == 1
    assert residual(reply) is None
    assert only_first_was_copied(array)


@pytest.mark.parametrize(("unknown", "pointer"), [(0, "800010"), (1, "800030")])
def test_a_unit_of_another_array_is_not_reachable(array: Bench, unknown: int, pointer: str) -> None:
    other = Bench(memory_array(2, array_id=b"elsewher"))
    cscds = array.cscds()
    cscds[unknown] = other.cscds()[unknown]
    reply = array.send(1, extended_copy(copy_list(cscds, [FIRST])))
    assert no(reply) == No(*NOT_REACHABLE, pointer)
    assert array.contents == array.before


def test_a_unit_with_its_third_party_copy_off_is_not_reachable(array: Bench) -> None:
    array.array.change(0, third_party_copy=False)
    assert no(array.copy(FIRST)) == No(*NOT_REACHABLE, "800010")


def test_a_cscd_that_is_not_a_disk_is_the_wrong_device_type(array: Bench) -> None:
    tape = cscd(array.naa(0), byte1=0x01, block_length=0)
    reply = array.send(1, extended_copy(copy_list([tape, array.cscds()[1]], [FIRST])))
    assert no(reply) == No(0xA, 0x0D, 0x03, "8c0011")


def test_a_cscd_with_the_wrong_block_length_is_an_invalid_field(array: Bench) -> None:
    wrong = cscd(array.naa(0), block_length=4096)
    reply = array.send(1, extended_copy(copy_list([wrong, array.cscds()[1]], [FIRST])))
    assert no(reply) == No(0xA, 0x26, 0x00, "80002d")


@pytest.mark.parametrize(
    ("bad", "role", "pointer"),
    [
        pytest.param(segment(BLOCKS - 3, 0, 4), "source", "a0000c", id="source runs past the end"),
        pytest.param(segment(0, BLOCKS - 3, 4), "destination", "a00014", id="destination runs past the end"),
        pytest.param(segment(1 << 63, 0, 4), "source", "a0000c", id="source far away"),
        pytest.param(segment(0, (1 << 64) - 1, 1), "destination", "a00014", id="destination far away"),
    ],
)
def test_a_range_past_the_end_is_a_device_failure_with_the_device_s_answer(
    array: Bench, bad: bytes, role: str, pointer: str
) -> None:
    reply = array.copy(FIRST, bad, segment(0, 0, 1))
    assert no(reply) == No(*DEVICE_FAILURE, pointer)
    assert segment_number(reply) == 1
    assert embedded(reply) == (role, CHECK_CONDITION, OUT_OF_RANGE)
    assert residual(reply) is None
    assert only_first_was_copied(array)


def test_a_range_past_the_end_that_the_copy_manager_sees_by_itself_has_no_code_of_its_own() -> None:
    # SPC-4 5.17.7.4: the byte in error is pointed at, COPY ABORTED, and no additional sense code is named
    array = bench(profile=replace(STRICT, advertised=CAPABLE))
    reply = array.copy(FIRST, segment(BLOCKS - 3, 0, 4))
    assert no(reply) == No(0xA, 0x00, 0x00, "a0000c")
    assert segment_number(reply) == 1
    assert len(reply.sense) == 18  # no answer of a device
    assert only_first_was_copied(array)


def test_a_range_up_to_the_last_block_is_copied(array: Bench) -> None:
    assert array.copy(segment(BLOCKS - 4, BLOCKS - 4, 4)).status == GOOD


def test_0_blocks_copy_nothing_wherever_they_lie(array: Bench) -> None:
    assert array.copy(segment(1 << 40, 1 << 50, 0)).status == GOOD
    assert array.contents == array.before


def test_a_write_protected_destination_is_a_device_failure(array: Bench) -> None:
    array.array.change(1, read_only=True)
    reply = array.copy(FIRST, to=0)
    assert no(reply) == No(*DEVICE_FAILURE, "800030")
    assert embedded(reply) == ("destination", CHECK_CONDITION, PROTECTED)
    assert array.contents == array.before


def test_a_write_protected_source_is_copied(array: Bench) -> None:
    array.array.change(0, read_only=True)
    assert array.copy(FIRST).status == GOOD


def test_a_segment_over_the_maximum_length_is_refused() -> None:
    array = bench(advertised=capable(maximum_segment_length=4 * BLOCK))
    reply = array.copy(FIRST, segment(0, 8, 5))
    assert no(reply) == No(0xA, 0x26, 0x00, "a0000a")
    assert only_first_was_copied(array)


def test_a_segment_that_violates_the_granularity_is_refused_where_it_is_enforced() -> None:
    array = bench(advertised=capable(data_segment_granularity=11))
    reply = array.copy(FIRST, segment(0, 8, 7))
    assert no(reply) == No(0xA, 0x26, 0x0D, "a0000a")
    assert segment_number(reply) == 1
    assert only_first_was_copied(array)


def test_limits_may_be_advertised_and_not_enforced() -> None:
    array = bench(advertised=capable(data_segment_granularity=11), enforces=capable())
    assert array.copy(segment(0, 8, 7)).status == GOOD


# Different block sizes: unit 0 has 512 bytes, unit 1 has 4096.


@pytest.mark.parametrize(
    ("asked", "length"),
    [
        pytest.param(segment(8, 3, 16), 16 * 512, id="DC 0 counts source blocks, small to large"),
        pytest.param(segment(8, 3, 2, flags=2), 2 * 4096, id="DC 1 counts destination blocks"),
        pytest.param(segment(8, 3, 48), 48 * 512, id="over several chunks"),
    ],
)
def test_different_block_sizes_are_copied_by_bytes(asked: bytes, length: int) -> None:
    array = mixed_bench(512, 4096)
    assert array.copy(asked).status == GOOD
    start = 3 * 4096
    expected = bytearray(array.before[1])
    expected[start : start + length] = array.before[0][8 * 512 : 8 * 512 + length]
    assert array.contents == [array.before[0], bytes(expected)]


@pytest.mark.parametrize(
    ("blocks", "flags", "length"), [(2, 0, 2 * 4096), (16, 2, 16 * 512)], ids=["source blocks", "DC"]
)
def test_large_blocks_are_copied_to_small_ones_by_bytes(blocks: int, flags: int, length: int) -> None:
    array = mixed_bench(4096, 512)
    assert array.copy(segment(1, 5, blocks, flags=flags)).status == GOOD
    assert array.contents[1][5 * 512 : 5 * 512 + length] == array.before[0][4096 : 4096 + length]
    assert array.contents[1][5 * 512 + length :] == array.before[1][5 * 512 + length :]


@pytest.mark.parametrize(
    ("sizes", "flags"), [((512, 4096), 0), ((4096, 512), 2)], ids=["source blocks", "DC"]
)
def test_a_count_that_is_no_multiple_of_both_block_sizes_is_inexact(
    sizes: tuple[int, int], flags: int
) -> None:
    array = mixed_bench(*sizes)
    reply = array.copy(segment(0, 0, 12, flags=flags))
    assert no(reply) == No(0xA, 0x26, 0x0A, "a0000a")
    assert array.contents == array.before


@pytest.mark.parametrize("chunk_size", [1, 4095, 5000, 12287])
def test_a_chunk_size_that_is_no_multiple_of_both_block_sizes_copies_whole_blocks(chunk_size: int) -> None:
    array = mixed_bench(512, 4096, chunk_size=chunk_size)
    assert array.copy(segment(0, 0, 48)).status == GOOD
    assert array.contents[1] == array.before[0][: 48 * 512] + array.before[1][48 * 512 :]


def test_units_of_4096_byte_blocks_copy() -> None:
    array = mixed_bench(4096, 4096)
    assert array.copy(segment(7, 9, 100)).status == GOOD
    assert array.contents[1][9 * 4096 : 109 * 4096] == array.before[0][7 * 4096 : 107 * 4096]


# What is left when a segment fails half way.


@pytest.mark.parametrize(
    ("at", "role", "code"), [("read", "source", (3, 0x11, 0)), ("write", "destination", (3, 0x0C, 0))]
)
def test_a_failure_after_some_chunks_says_how_many_destination_blocks_are_missing(
    at: str, role: str, code: tuple[int, int, int]
) -> None:
    fault = Fault(at=at, nth=3, then=check(*code))  # type: ignore[arg-type]
    array = bench(chunk_size=4 * BLOCK, faults=[fault])
    reply = array.copy(segment(0, 8, 30))
    assert no(reply)[:3] == DEVICE_FAILURE
    assert embedded(reply) == (role, CHECK_CONDITION, code)
    assert residual(reply) == 30 - 2 * 4
    expected = bytearray(array.before[1])
    expected[8 * BLOCK : 16 * BLOCK] = array.before[0][: 8 * BLOCK]
    assert array.contents[1] == expected


def test_a_failure_in_the_first_chunk_has_no_residual() -> None:
    fault = Fault(at="write", then=check(3, 0x0C, 0))
    array = bench(chunk_size=4 * BLOCK, faults=[fault])
    reply = array.copy(segment(0, 8, 30))
    assert residual(reply) is None
    assert array.contents == array.before


def test_the_residual_counts_destination_blocks_of_their_size() -> None:
    array = mixed_bench(512, 4096, chunk_size=8192)
    array.array.faults.add(Fault(at="write", nth=2, then=check(3, 0x0C, 0)))
    assert residual(array.copy(segment(0, 0, 64))) == (64 * 512 - 8192) // 4096


def test_the_number_of_the_failing_segment_counts_from_0_across_the_list() -> None:
    fault = Fault(at="read", nth=4, then=check(3, 0x11, 0))
    reply = bench(faults=[fault]).copy(*[FIRST] * 6)
    assert segment_number(reply) == 3


def test_a_device_that_answers_busy_is_embedded_without_sense() -> None:
    fault = Fault(at="read", then=Reply(status=0x08))
    assert embedded(bench(faults=[fault]).copy(FIRST)) == ("source", 0x08, (0, 0, 0))


# Copies at once.


class Running:
    """A copy that stands still before its first read until `finish`."""

    def __init__(self, array: Bench, **changes: int) -> None:
        started, self._released = Event(), Event()

        def wait() -> None:
            started.set()
            assert self._released.wait(30)

        array.array.faults.add(Fault(at="read", then=Call(wait)))
        self.replies: list[Reply] = []
        self._thread = Thread(target=lambda: self.replies.append(array.copy(FIRST, **changes)))
        self._thread.start()
        assert started.wait(30)

    def finish(self) -> Reply:
        """Let it go on to its end."""
        self._released.set()
        self._thread.join(30)
        return self.replies[0]


def test_a_list_identifier_in_use_by_the_same_nexus_is_an_operation_in_progress(array: Bench) -> None:
    running = Running(array, usage=0b10, list_id=7)
    second = array.copy(segment(0, 0, 1), usage=0b10, list_id=7)
    assert running.finish().status == GOOD
    assert no(second) == No(0x5, 0x00, 0x16)
    assert only_first_was_copied(array)


def test_a_list_identifier_is_free_again_when_its_copy_is_done(array: Bench) -> None:
    replies = [array.copy(FIRST, usage=0b10, list_id=7).status for _ in range(2)]
    assert replies == [GOOD, GOOD]


def test_copies_without_list_identifier_run_at_once(array: Bench) -> None:
    running = Running(array)
    second = array.copy(segment(0, 0, 1))
    assert [second.status, running.finish().status] == [GOOD, GOOD]


@pytest.mark.parametrize("limit", ["total_concurrent_copies", "maximum_concurrent_copies"])
def test_more_copies_at_once_than_enforced_are_task_set_full(limit: str) -> None:
    array = bench(advertised=capable(**{limit: 1}))
    running = Running(array, usage=0b10, list_id=1)
    second = array.copy(segment(0, 0, 1), usage=0b10, list_id=2)
    running.finish()
    assert second == Reply(status=TASK_SET_FULL)
    assert only_first_was_copied(array)


# RECEIVE COPY RESULTS.


def test_operating_parameters_are_those_the_array_advertises() -> None:
    array = bench(
        advertised=capable(
            maximum_cscd_count=2, maximum_segment_count=3, maximum_list_length=148, total_concurrent_copies=5
        ),
        enforces=capable(),
    )
    reply = array.send(0, data_in("84030000000000000000000002080000", 520))
    assert reply.data == bytes.fromhex(
        "0000002a 01000000 00020003 00000094 01000000 00000000 00000000 00000000"
        "00000005 10000000 00000002 02e4"
    )
    assert reply.residual == 520 - 46


def test_operating_parameters_are_cut_to_the_allocation_length(array: Bench) -> None:
    whole = array.send(0, data_in("84030000000000000000000002080000", 520)).data
    reply = array.send(0, data_in("84030000000000000000000000080000", 520))
    assert (reply.data, reply.residual) == (whole[:8], 512)


@pytest.mark.parametrize("service_action", [2, 9, 0x1F])
def test_other_copy_results_are_an_invalid_field(array: Bench, service_action: int) -> None:
    reply = array.send(0, data_in(f"84{service_action:02x}420000000000000000000002080000"))
    assert no(reply) == No(0x5, 0x24, 0x00, "cc0001")


def test_a_unit_without_third_party_copy_has_no_operating_parameters(array: Bench) -> None:
    array.array.change(0, third_party_copy=False)
    assert no(array.send(0, data_in("84030000000000000000000002080000"))) == No(0x5, 0x20, 0x00)
