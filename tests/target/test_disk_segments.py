"""Segments between disks, one by one: byte ranges, images, verifying, special ids, and how they end early."""

from __future__ import annotations

from dataclasses import replace
from threading import Thread

import pytest

from cdb.command import Command
from tests.cdb.independent import laid_out
from tests.target import stream_bench as s
from tests.target.bench import (
    CHECK_CONDITION,
    GOOD,
    TEST_UNIT_READY,
    No,
    copy_list,
    cscd,
    embedded,
    extended_copy,
    no,
    residual,
    segment,
    segment_number,
)
from tests.target.stream_bench import NULL_BLOCK, StreamBench
from tests.target.test_thin import thin_bench
from xcopy.target.array import Array
from xcopy.target.faults import Call, Fault, check
from xcopy.target.profile import STRICT
from xcopy.target.run import CopiedSegment
from xcopy.target.segments import PERFORMED

SMALL, LARGE, OTHER = 0, 1, 2  # disks of 512, 4096 and 512 bytes a block
NOT_REACHABLE = (0xA, 0x0D, 0x02)
DEVICE_FAILURE = (0xA, 0x0D, 0x01)
INVALID_FIELD = (0xA, 0x26, 0x00)
OUT_OF_RANGE = (0x5, 0x21, 0x00)
RECEIVER = 0xFFFF


@pytest.fixture
def array() -> StreamBench:
    return StreamBench((512, 4096, 512), ())


# 0Ah.


@pytest.mark.parametrize("chunk", [1, 512, 5000, 1 << 20])
@pytest.mark.parametrize(("at", "to"), [((1, 100), (2, 4000)), ((5, 0), (3, 1)), ((0, 511), (0, 0))])
def test_a_byte_range_moves_and_what_lies_around_it_is_kept(
    chunk: int, at: tuple[int, int], to: tuple[int, int]
) -> None:
    array = StreamBench((512, 4096), (), chunk_size=chunk)
    assert array.perform(s.offset_to_offset(SMALL, LARGE, 9001, at, to)).status == GOOD
    first, start = at[0] * 512 + at[1], to[0] * 4096 + to[1]
    small, large = array.before
    moved = large[:start] + small[first : first + 9001] + large[start + 9001 :]
    assert array.contents == [small, moved]


def test_a_range_within_one_block_keeps_both_ends_of_it(array: StreamBench) -> None:
    assert array.perform(s.offset_to_offset(SMALL, LARGE, 10, (0, 5), (0, 7))).status == GOOD
    assert (
        array.contents[LARGE]
        == array.before[LARGE][:7] + array.before[SMALL][5:15] + array.before[LARGE][17:]
    )


def test_0_bytes_read_and_write_nothing_wherever_they_lie(array: StreamBench) -> None:
    assert array.perform(s.offset_to_offset(SMALL, LARGE, 0, (1 << 40, 5), (1 << 50, 7))).status == GOOD


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        (s.offset_to_offset(SMALL, LARGE, 1, (0, 512), (0, 0)), "a0001c"),
        (s.offset_to_offset(SMALL, LARGE, 1, (0, 0), (0, 4096)), "a0001e"),
    ],
)
def test_an_offset_past_the_first_block_is_an_invalid_field(
    array: StreamBench, asked: bytes, pointer: str
) -> None:
    assert no(array.perform(asked)) == No(*INVALID_FIELD, pointer)


@pytest.mark.parametrize(
    ("asked", "role", "pointer"),
    [
        (s.offset_to_offset(SMALL, LARGE, 100, (255, 500), (0, 0)), "source", "a0000c"),
        (s.offset_to_offset(SMALL, LARGE, 100, (0, 0), (31, 4090)), "destination", "a00014"),
    ],
)
def test_a_range_that_ends_past_the_last_block_is_a_device_failure(
    array: StreamBench, asked: bytes, role: str, pointer: str
) -> None:
    reply = array.perform(asked)
    assert no(reply) == No(*DEVICE_FAILURE, pointer)
    assert embedded(reply) == (role, CHECK_CONDITION, OUT_OF_RANGE)
    assert array.contents == array.before


def test_a_byte_range_that_stops_tells_whole_destination_blocks_that_are_missing() -> None:
    array = StreamBench((512, 512), (), chunk_size=512)
    array.array.faults.add(Fault(at="write", nth=3, then=check(3, 0x0C)))
    reply = array.perform(s.offset_to_offset(0, 1, 2048, (0, 0), (0, 100)))
    assert residual(reply) == 5 - 2
    assert array.contents[1][:1024] == array.before[1][:100] + array.before[0][: 1024 - 100]
    assert array.contents[1][1024:] == array.before[1][1024:]


def test_a_count_of_more_than_16_bits_moves_all_its_bytes() -> None:
    array = StreamBench((512, 512), (), size=1 << 20)
    assert array.perform(s.offset_to_offset(0, 1, (1 << 20) - 3, (0, 1), (0, 2))).status == GOOD
    assert array.contents[1][2:-1] == array.before[0][1:-2]


# 16h.


def test_an_image_copies_so_many_blocks(array: StreamBench) -> None:
    assert array.perform(s.block_image(SMALL, OTHER, 3, 10, 20)).status == GOOD
    moved = array.before[SMALL][3 * 512 : 23 * 512]
    assert array.contents[OTHER] == array.before[OTHER][: 10 * 512] + moved + array.before[OTHER][30 * 512 :]


@pytest.mark.parametrize("blocks", [0, 0xFFFFFFFF])
@pytest.mark.parametrize(("at", "to", "length"), [(250, 0, 6), (0, 250, 6), (0, 0, 256)])
def test_an_image_ends_well_at_the_end_of_either_disk(
    array: StreamBench, blocks: int, at: int, to: int, length: int
) -> None:
    # SPC-4 6.4.6.19
    assert array.perform(s.block_image(SMALL, OTHER, at, to, blocks)).status == GOOD
    expected = bytearray(array.before[OTHER])
    expected[to * 512 : (to + length) * 512] = array.before[SMALL][at * 512 : (at + length) * 512]
    assert array.contents[OTHER] == expected


def test_an_image_is_of_disks_with_blocks_of_one_length(array: StreamBench) -> None:
    reply = array.perform(s.block_image(SMALL, LARGE, 0, 0, 8))
    assert no(reply) == No(0xA, 0x0D, 0x03, "800030")


@pytest.mark.parametrize(("at", "to", "role"), [(256, 0, "source"), (0, 1 << 60, "destination")])
def test_an_image_that_begins_past_the_end_is_a_device_failure(
    array: StreamBench, at: int, to: int, role: str
) -> None:
    assert embedded(array.perform(s.block_image(SMALL, OTHER, at, to, 0))) == (
        role,
        CHECK_CONDITION,
        OUT_OF_RANGE,
    )


@pytest.mark.parametrize(("blocks", "left"), [(20, 12), (0, None)])
def test_an_image_without_a_count_has_no_residual(blocks: int, left: int | None) -> None:
    # SPC-4 5.17.7.4: no transfer count, no residual count
    array = StreamBench((512, 512), (), chunk_size=4 * 512)
    array.array.faults.add(Fault(at="read", nth=3, then=check(3, 0x11)))
    assert residual(array.perform(s.block_image(0, 1, 0, 0, blocks))) == left


# 07h.


@pytest.mark.parametrize("tur", [0, 1])
def test_verifying_a_unit_moves_nothing(array: StreamBench, tur: int) -> None:
    assert array.perform(s.verify(LARGE, tur=tur)).status == GOOD
    assert array.contents == array.before


def test_verifying_a_unit_that_is_not_there_is_not_reachable(array: StreamBench) -> None:
    array.array.change(LARGE, third_party_copy=False)
    assert no(array.perform(s.verify(LARGE))) == No(*NOT_REACHABLE, "800030")


def test_test_unit_ready_may_not_be_supported() -> None:
    # SPC-4 6.4.6.9
    array = StreamBench((512,), (), test_unit_ready=False)
    assert array.perform(s.verify(0)).status == GOOD
    assert no(array.perform(s.verify(0, tur=1))) == No(*INVALID_FIELD, "a80008")


@pytest.mark.parametrize("tur", [0, 1])
def test_a_null_unit_cannot_be_verified(array: StreamBench, tur: int) -> None:
    assert no(array.perform(s.verify(NULL_BLOCK, tur=tur))) == No(*NOT_REACHABLE, "a00004")


# Whom an id names.


def test_a_disk_block_length_of_0_is_asked_of_the_unit(array: StreamBench) -> None:
    # SPC-4 6.4.5.3
    array.specific |= {SMALL: 0, LARGE: 0}
    assert array.perform(segment(0, 0, 2, source=SMALL, destination=LARGE, flags=2)).status == GOOD
    assert array.contents[LARGE][:8192] == array.before[SMALL][:8192]


@pytest.mark.parametrize(("role", "pointer"), [("source", "a00004"), ("destination", "a00006")])
def test_reading_or_writing_a_null_unit_is_not_reachable(array: StreamBench, role: str, pointer: str) -> None:
    ids = {"source": SMALL, "destination": OTHER, role: NULL_BLOCK}
    assert no(array.perform(segment(0, 0, 1, **ids))) == No(*NOT_REACHABLE, pointer)


def test_a_null_unit_is_nobody_where_the_array_does_not_have_it() -> None:
    array = StreamBench((512, 512), (), special_cscd_ids=(RECEIVER,))
    nothing = segment(0, 0, 0, source=NULL_BLOCK, destination=1)
    assert no(array.perform(nothing)) == No(*NOT_REACHABLE, "a00004")


def test_the_second_half_of_a_descriptor_is_an_invalid_field() -> None:
    # SPC-4 6.4.5.2; an IPv4 copy service (table 142) whose extension is CSCD 1
    array = StreamBench((512, 512), (), limits={"implemented_types": (0x02, 0xE4, 0xEB)})
    service = laid_out(64, {"0": 0xEB, "12-15": bytes([10, 0, 0, 1]), "29-31": 512, "32": 0xFF, "38-39": 6})
    cscds = [service, *array.cscds()]
    reply = array.send(0, extended_copy(copy_list(cscds, [segment(0, 0, 1, source=1, destination=2)])))
    assert no(reply) == No(*INVALID_FIELD, "a00004")
    reply = array.send(0, extended_copy(copy_list(cscds, [segment(0, 0, 1, source=0, destination=2)])))
    assert no(reply) == No(*NOT_REACHABLE, "800010")


@pytest.mark.parametrize("asc", [(0x0D, 0x02), (0x08, 0x04)])
def test_what_is_said_of_a_unit_that_cannot_be_reached_is_the_profile_s(asc: tuple[int, int]) -> None:
    array = StreamBench((512,), (), unreachable=asc)
    assert no(array.perform(segment(0, 0, 1, source=5, destination=0))) == No(0xA, *asc, "a00004")


def test_the_lu_id_type_of_an_identification_descriptor_says_nothing(array: StreamBench) -> None:
    # SPC-4 6.4.5.6
    cscds = array.cscds()
    cscds[SMALL] = cscd(array.naa(SMALL), byte1=0x40)
    reply = array.send(
        0, extended_copy(copy_list(cscds, [segment(0, 8, 4, source=SMALL, destination=OTHER)]))
    )
    assert reply.status == GOOD


# While it goes on.


def test_a_copy_that_is_told_to_stop_stops_before_its_next_chunk() -> None:
    # SPC-4 5.17.4.7
    array = StreamBench((512, 512), (), chunk_size=512)
    abort = "831c00000009" + "00" * 10
    stop = Call(lambda: threads.append(_started(array, abort)))
    threads: list[Thread] = []
    array.array.faults.add(Fault(at="write", nth=3, after=True, then=stop))
    reply = array.perform(segment(0, 0, 10), usage=0b00, list_id=9)
    threads[0].join(30)
    assert no(reply)[:3] == (0xA, 0x2F, 0x02)
    assert residual(reply) == 7
    assert array.contents[1] == array.before[0][: 3 * 512] + array.before[1][3 * 512 :]


def _started(array: StreamBench, cdb: str) -> Thread:
    """Send a command that waits for the copy, and come back when the copy has been told."""
    thread = Thread(target=lambda: array.send(0, Command(name="abort", cdb=bytes.fromhex(cdb))))
    manager = array.array._copy_manager
    operation = manager.operations.find(array.nexus, 0, 9, 0.0)
    assert operation is not None
    thread.start()
    while not operation.aborting:
        thread.join(0.001)
    return thread


def test_a_disk_that_shrinks_between_segments_is_out_of_range_for_the_next(array: StreamBench) -> None:
    # SPC-4 5.17.7.2: a CSCD may change until its segment is processed
    units = array.array._units
    shrink = Call(lambda: units.update({OTHER: replace(units[OTHER], blocks=16)}))
    array.array.faults.add(Fault(at="segment", nth=2, then=shrink))
    one = segment(0, 32, 8, source=SMALL, destination=OTHER)
    reply = array.perform(one, one)
    assert (segment_number(reply), embedded(reply)[2]) == (1, OUT_OF_RANGE)
    assert array.contents[OTHER][: 16 * 512] == array.before[OTHER][: 16 * 512]


def test_copied_segments_have_their_bytes_and_offsets(array: StreamBench) -> None:
    array.perform(
        s.offset_to_offset(SMALL, LARGE, 10, (1, 5), (2, 7)), s.block_image(SMALL, OTHER, 0, 255, 0)
    )
    assert array.array.copied_segments == (
        CopiedSegment(
            source=SMALL,
            source_lba=1,
            destination=LARGE,
            destination_lba=2,
            length=10,
            source_offset=5,
            destination_offset=7,
        ),
        CopiedSegment(source=SMALL, source_lba=0, destination=OTHER, destination_lba=255, length=512),
    )


# What an array of the standard profile can do.


def test_every_segment_type_that_the_strict_profile_implements_is_performed() -> None:
    implemented = {code for code in STRICT.enforced.implemented_types if code < 0xC0}
    assert implemented <= PERFORMED.keys()
    assert implemented >= {*range(0x11), 0x13, 0x14, 0x16, 0xBE, 0xBF}


def test_a_type_that_a_profile_implements_and_nobody_performs_is_unsupported() -> None:
    # SPC-4 6.4.6.1, of segment 1 of the list: ILLEGAL REQUEST, and the pointer is into the list
    array = StreamBench((512,), (), limits={"implemented_types": (0x07, 0x15, 0xE4)})
    move = laid_out(56, {"0": 0x15, "2-3": 52, "28-31": 24})
    reply = array.perform(s.verify(0), move)
    assert no(reply) == No(0x5, 0x26, 0x09, f"80{16 + 32 + 12:04x}")


# RODs and thin disks.


@pytest.mark.parametrize("tur", [0, 1])
def test_verifying_a_rod_that_is_being_populated_is_let_be(tur: int) -> None:
    # SPC-4 6.4.6.9: of a ROD type other than 0 it is ignored, so it does not end populating
    array = StreamBench((512, 512), (), limits={"implemented_types": (0x02, 0x07, 0xBF, 0xE4, 0xFE)})
    rod = laid_out(32, {"0": 0xFE, "4-5": RECEIVER, "8-11": 0x00010000, "29-31": 512})
    fill = [
        laid_out(20, {"0": 0xBF, "2-3": 0x10, "4-5": RECEIVER, "6-7": 2, "8-15": lba, "16-19": 4})
        for lba in (8, 32)
    ]
    verified = s.verify(2, tur=tur)
    asked = [verified, fill[0], verified, fill[1], segment(0, 100, 8, source=2, destination=1)]
    assert array.send(0, extended_copy(copy_list([*array.cscds(), rod], asked))).status == GOOD
    moved = array.before[0][8 * 512 : 12 * 512] + array.before[0][32 * 512 : 36 * 512]
    assert array.contents[1][100 * 512 : 108 * 512] == moved


def test_what_has_no_storage_in_an_image_needs_none_where_it_is_copied_to() -> None:
    # SPC-4 6.4.6.19 and SBC-4 4.7: provisioning should be preserved
    array = thin_bench(granularity=4, units=2)
    array.array.units[0].write(8, b"a" * 4 * 512)
    array.array.units[0].write(40, b"b" * 512)
    array.array.units[1].write(0, b"x" * 64 * 512)
    array.array = Array(array.array.units.values(), STRICT)
    for number in (0, 1):
        array.send(number, TEST_UNIT_READY)
    reply = array.send(1, extended_copy(copy_list(array.cscds(), [s.block_image(0, 1, 0, 2, 0)])))
    assert reply.status == GOOD
    assert array.contents[1] == b"x" * 1024 + array.contents[0][: 62 * 512]
    # by hand: data went to blocks 10 to 13 and 42 to 45, blocks 0 and 1 were not touched; granules of four
    assert list(array.array.units[1].mapped(0)) == [(0, 4), (8, 16), (40, 48)]


def test_an_image_between_a_thin_and_a_full_disk_is_whole() -> None:
    array = StreamBench((512, 512), ())
    assert array.perform(s.block_image(0, 1, 0, 0, 0)).status == GOOD
    assert array.contents[1] == array.before[0]
