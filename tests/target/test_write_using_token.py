"""WRITE USING TOKEN: what it writes, how far it comes, and which lists are refused (SBC-4 5.59, 4.28.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdb.sense import MEDIUM_ERROR
from tests.target.bench import BLOCK, BLOCKS, CHECK_CONDITION, GOOD, No, embedded, no, residual, write_16
from tests.target.token_bench import (
    BLOCK_COUNTS,
    BY_REFERENCE,
    ZEROS,
    TokenBench,
    ask,
    mixed_token_bench,
    sense_triple,
    token_bench,
    token_command,
    write_list,
    write_using,
)
from xcopy.target.array import Array
from xcopy.target.backing import MemoryBacking
from xcopy.target.faults import Call, Fault, Shorten, check
from xcopy.target.unit import Unit

if TYPE_CHECKING:
    from cdb.command import Reply

INVALID = (0x5, 0x26, 0x00)
UNDERRUN = (0x0D, 0x04)


@pytest.fixture
def array() -> TokenBench:
    return token_bench()


def untouched_but(array: TokenBench, unit: int, *ranges: tuple[int, int]) -> bool:
    """Whether a unit holds what it held at the beginning everywhere else."""
    now, then = bytearray(array.contents[unit]), bytearray(array.before[unit])
    for lba, blocks in ranges:
        now[lba * BLOCK : (lba + blocks) * BLOCK] = then[lba * BLOCK : (lba + blocks) * BLOCK] = bytes(
            blocks * BLOCK
        )
    return now == then


def test_the_ranges_of_the_token_one_after_another_fill_those_of_the_write(array: TokenBench) -> None:
    # SBC-4 4.28.1; the source has 5 + 2 + 40 blocks, the destination 1 + 46, in chunks of 16
    token = array.token((30, 5), (3, 2), (100, 40))
    assert array.write(token, (200, 1), (60, 46)).status == GOOD
    data = array.old(0, 30, 5) + array.old(0, 3, 2) + array.old(0, 100, 40)
    assert array.blocks(1, 200, 1) + array.blocks(1, 60, 46) == data
    assert untouched_but(array, 1, (200, 1), (60, 46))
    assert array.contents[0] == array.before[0]


def test_what_was_written_is_told_in_blocks_and_without_a_token(array: TokenBench) -> None:
    # SBC-4 5.25.3, table 103
    token = array.token((0, 40))
    array.write(token, (0, 40), list_id=9)
    told = array.told(to=1, list_id=9)
    assert (told.action, told.status, told.completion, told.tokens) == (0x11, 0x01, 0, ())
    assert (told.units, told.count, told.segments, told.sense) == (BLOCK_COUNTS, 40, 0, b"")


def test_a_token_may_be_used_any_number_of_times_at_any_offset(array: TokenBench) -> None:
    token = array.token((10, 8), (50, 8))
    for lba, offset in ((0, 0), (20, 6), (40, 12)):
        assert array.write(token, (lba, 4), offset=offset).status == GOOD
    whole = array.old(0, 10, 8) + array.old(0, 50, 8)
    for lba, offset in ((0, 0), (20, 6), (40, 12)):
        assert array.blocks(1, lba, 4) == whole[offset * BLOCK : (offset + 4) * BLOCK]


def test_any_nexus_that_presents_the_512_bytes_may_use_them_at_any_unit() -> None:
    array = token_bench(3)
    token = array.token((0, 4))
    array.send(2, ask(0x07), "stranger")  # its power on attention
    assert array.send(2, write_using(token, (0, 4)), "stranger").status == GOOD
    assert array.blocks(2, 0, 4) == array.old(0, 0, 4)


def test_results_are_not_told_to_another_nexus(array: TokenBench) -> None:
    array.populate((0, 4))
    array.send(0, ask(0x07), "stranger")
    assert no(array.send(0, ask(0x07), "stranger")) == No(0x5, 0x24, 0x00, "c00002")


def test_a_token_can_be_written_to_the_unit_it_came_from(array: TokenBench) -> None:
    token = array.token((0, 64))
    assert array.write(token, (32, 64), to=0).status == GOOD
    assert array.blocks(0, 32, 64) == array.old(0, 0, 64)


@pytest.mark.parametrize(
    ("listed", "answer"),
    [
        (write_list(ZEROS, (0, 1), data_length=549), No(*INVALID, "800000")),
        (write_list(ZEROS, (0, 1), data_length=551), No(*INVALID, "800000")),
        (write_list(ZEROS, (0, 1), ranges_length=15), No(*INVALID, "800216")),
        (write_list(ZEROS, *[(n, 1) for n in range(65)]), No(0x5, 0x26, 0x08, "800216")),
        (write_list(ZEROS, (0, 4), (3, 4)), No(*INVALID, "800228")),
        (write_list(ZEROS, (BLOCKS, 1)), No(0x5, 0x21, 0x00, "800218")),
        (write_list(ZEROS, (0, 1))[:3] + b"\x80" + write_list(ZEROS, (0, 1))[4:], No(*INVALID, "8f0003")),
    ],
    ids=[
        "data length below 550",
        "data length that is not the ranges' and 534",
        "less than one range descriptor",
        "more ranges than the maximum",
        "a block twice",
        "a range beyond the end",
        "a reserved bit",
    ],
)
def test_a_wrong_list_is_refused_with_a_pointer_and_nothing_is_written(
    array: TokenBench, listed: bytes, answer: No
) -> None:
    # SBC-4 5.59.2
    assert no(array.send(1, token_command(0x11, listed))) == answer
    assert array.contents == array.before
    assert no(array.send(1, ask(0x07))) == No(0x5, 0x24, 0x00, "c00002")


@pytest.mark.parametrize("length", [1, 535])
def test_a_list_shorter_than_its_header_is_a_list_length_error(array: TokenBench, length: int) -> None:
    listed = write_list(ZEROS, (0, 1))[:length]
    assert no(array.send(1, token_command(0x11, listed))) == No(0x5, 0x1A, 0x00, "c0000a")


def test_a_list_of_length_0_does_nothing_and_is_good(array: TokenBench) -> None:
    assert array.send(1, token_command(0x11, b"")).status == GOOD


def test_a_write_protected_unit_is_not_written_to(array: TokenBench) -> None:
    token = array.token((0, 4))
    array.array.change(1, read_only=True)
    assert no(array.write(token, (0, 4)))[:3] == (0x7, 0x27, 0x00)


def test_ranges_beyond_the_rod_are_filled_as_far_as_it_goes_and_the_count_says_how_far(
    array: TokenBench,
) -> None:
    # SBC-4 5.59.2, 4.28.2: COPY ABORTED, UNDERRUN, the count in INFORMATION; status 03h (5.25.3)
    token = array.token((0, 20))
    reply = array.write(token, (5, 8), (100, 50), list_id=9)
    assert no(reply)[:3] == (0xA, *UNDERRUN)
    assert residual(reply) == 20
    told = array.told(to=1, list_id=9)
    assert (told.status, told.completion, told.count) == (0x03, CHECK_CONDITION, 20)
    assert told.sense == reply.sense
    assert array.blocks(1, 5, 8) + array.blocks(1, 100, 12) == array.old(0, 0, 20)
    assert untouched_but(array, 1, (5, 8), (100, 12))
    # RECEIVE COPY STATUS(LID4) says 03h, too (SPC-4 6.24, table 249)
    assert array.send(1, ask(0x05, list_id=9)).data[5] == 0x03


@pytest.mark.parametrize("offset", [20, 21, 2**64 - 1])
def test_an_offset_at_or_behind_the_end_of_the_rod_is_an_invalid_field(
    array: TokenBench, offset: int
) -> None:
    # SBC-4 5.59.2
    token = array.token((0, 20))
    assert no(array.write(token, (0, 1), offset=offset)) == No(*INVALID, "800008")
    assert array.contents == array.before


def test_where_the_profile_says_so_a_write_beyond_the_rod_is_an_invalid_field_after_it_was_done() -> None:
    # by way of FreeBSD's CTL
    array = token_bench(beyond_rod=(0x26, 0x00))
    token = array.token((0, 20))
    assert no(array.write(token, (0, 30))) == No(*INVALID)
    assert array.blocks(1, 0, 20) == array.old(0, 0, 20)


def test_an_array_that_does_less_than_asked_is_gone_on_with_at_the_count() -> None:
    # SBC-4 4.28.2, 5.59.2 (OFFSET INTO ROD)
    array = token_bench(writes_at_most=7 * BLOCK)
    token = array.token((40, 20))
    done = 0
    while done < 20:
        reply = array.write(token, (100 + done, 20 - done), offset=done)
        if reply.status == GOOD:
            done = 20
            break
        assert no(reply)[:3] == (0xA, *UNDERRUN)
        told = array.told(to=1)
        assert (told.status, told.count) == (0x03, 7)
        done += told.count
    assert array.blocks(1, 100, 20) == array.old(0, 40, 20)
    assert array.array.count(0x83) == 4  # one POPULATE TOKEN; 7 + 7 + 6 blocks


def test_the_standards_example_of_blocks_of_512_and_4096_bytes() -> None:
    # SBC-4 5.59.2, EXAMPLE: LBAs 15 to 20 and 40 to 100; offset 1 of 4096 bytes begins at LBA 42
    array = mixed_token_bench(512, 4096)
    token = array.token((15, 6), (40, 61))
    assert array.write(token, (0, 1)).status == GOOD
    assert array.told(to=1).count == 1
    assert array.write(token, (1, 1), offset=1).status == GOOD
    assert array.blocks(1, 0, 1) == array.old(0, 15, 6) + array.old(0, 40, 2)
    assert array.blocks(1, 1, 1) == array.old(0, 42, 8)


def test_a_large_block_that_the_rod_fills_in_part_is_filled_up_with_zeros() -> None:
    # SBC-4 5.59.2 b)
    array = mixed_token_bench(512, 4096)
    token = array.token((0, 11))
    reply = array.write(token, (4, 3))
    assert no(reply)[:3] == (0xA, *UNDERRUN)
    assert residual(reply) == 2
    assert array.blocks(1, 4, 2) == array.old(0, 0, 11) + bytes(5 * 512)
    assert array.blocks(1, 6, 1) == array.old(1, 6, 1)


def test_a_rod_of_large_blocks_is_written_to_small_ones_from_the_middle_of_a_block() -> None:
    array = mixed_token_bench(4096, 512)
    token = array.token((3, 2), (9, 1))
    assert array.write(token, (1, 18), offset=5).status == GOOD
    whole = array.old(0, 3, 2) + array.old(0, 9, 1)
    assert array.blocks(1, 1, 18) == whole[5 * 512 : 23 * 512]


def test_the_zero_token_writes_zeros_of_any_length_and_is_in_no_list(array: TokenBench) -> None:
    # SBC-4 4.28.4; the same bytes in ddpt and Windows' headers
    assert array.write(ZEROS, (3, 100), (200, 1), offset=12345).status == GOOD
    assert array.blocks(1, 3, 100) + array.blocks(1, 200, 1) == bytes(101 * BLOCK)
    assert untouched_but(array, 1, (3, 100), (200, 1))
    assert array.all_tokens() == []


def test_the_zero_token_takes_the_storage_of_whole_granules_of_a_thin_unit() -> None:
    # SBC-4 4.28.4, 4.7.3; granules of 8 blocks
    unit = Unit(
        number=0,
        serial="thin",
        block_size=BLOCK,
        blocks=64,
        backing=MemoryBacking(bytes(64 * BLOCK)),
        granularity=8,
    )
    array = TokenBench(Array([unit]))
    array.send(0, write_16(0, b"\xff" * 64 * BLOCK))
    assert array.write(ZEROS, (5, 40), to=0).status == GOOD
    assert array.blocks(0, 0, 64) == b"\xff" * 5 * BLOCK + bytes(40 * BLOCK) + b"\xff" * 19 * BLOCK
    assert list(unit.mapped(0)) == [(0, 8), (40, 64)]
    assert array.token((0, 8), to=0)[96:104].hex() == "00000200" + "0000c000"


def test_the_zero_token_cannot_be_deleted(array: TokenBench) -> None:
    assert array.write(ZEROS, (0, 1), delete=True).status == GOOD
    assert array.write(ZEROS, (0, 1)).status == GOOD


def test_the_zero_token_is_an_unsupported_type_where_the_array_does_not_take_it() -> None:
    array = token_bench(zero_token=False)
    assert no(array.write(ZEROS, (0, 1))) == No(0x5, 0x23, 0x01, "800010")


def test_with_immed_blocks_are_written_after_the_answer_and_the_count_grows(array: TokenBench) -> None:
    # SBC-4 5.59.2; chunks of 16 blocks
    token = array.token((0, 40))
    assert array.write(token, (0, 40), immed=True).status == GOOD
    seen = []
    while array.array.work():
        seen.append((array.told(to=1).status, array.told(to=1).count))
    assert seen == [(0x12, 0), (0x12, 16), (0x12, 32)]
    assert (array.told(to=1).status, array.told(to=1).count) == (0x01, 40)
    assert array.blocks(1, 0, 40) == array.old(0, 0, 40)


def test_with_immed_what_is_wrong_with_a_token_is_told_by_the_results(array: TokenBench) -> None:
    # SBC-4 5.59.2: no deferred error
    assert array.write(bytes(512), (0, 1), immed=True).status == GOOD
    while array.array.work():
        pass
    told = array.told(to=1)
    assert (told.status, told.completion, told.count) == (0x02, CHECK_CONDITION, 0)
    assert sense_triple(told.sense) == (0x5, 0x23, 0x0A)


def failing(array_of: str, kind: str, nth: int = 2) -> tuple[TokenBench, Reply]:
    """A write of 40 blocks whose `nth` internal read or write fails."""
    fault = Fault(then=check(MEDIUM_ERROR, 0x11, 0x00), at=kind, nth=nth)  # type: ignore[arg-type]
    array = token_bench(faults=(fault,), forwards_failure=array_of == "forwarding")
    token = array.token((0, 40))
    return array, array.write(token, (0, 40))


@pytest.mark.parametrize(("kind", "role"), [("read", "source"), ("write", "destination")])
def test_a_failing_device_ends_the_write_with_what_it_said_and_how_many_blocks_are_there(
    kind: str, role: str
) -> None:
    # SPC-4 5.17.7.4; the count in INFORMATION by SBC-4 4.28.2
    array, reply = failing("standard", kind)
    assert no(reply)[:3] == (0xA, 0x0D, 0x01)
    assert residual(reply) == 16
    assert embedded(reply) == (role, CHECK_CONDITION, (MEDIUM_ERROR, 0x11, 0x00))
    told = array.told(to=1)
    assert (told.status, told.count) == (0x02, 16)
    assert array.blocks(1, 0, 16) == array.old(0, 0, 16)
    assert untouched_but(array, 1, (0, 16))


@pytest.mark.parametrize("kind", ["read", "write"])
@pytest.mark.parametrize("through", [0, BLOCK, 16 * BLOCK - 1])
def test_a_device_that_moves_less_than_it_was_asked_ends_the_write_with_an_underrun(
    kind: str, through: int
) -> None:
    # SPC-4 5.17.7.4; chunks of 16 blocks
    fault = Fault(then=Shorten(through), at=kind, nth=2)  # type: ignore[arg-type]
    array = token_bench(faults=(fault,))
    reply = array.write(array.token((0, 40)), (0, 40))
    assert no(reply)[:3] == (0xA, 0x0D, 0x04)
    assert residual(reply) == 16
    assert (array.told(to=1).status, array.told(to=1).count) == (0x02, 16)
    assert array.blocks(1, 0, 16) == array.old(0, 0, 16)
    assert array.blocks(1, 32, BLOCKS - 32) == array.old(1, 32, BLOCKS - 32)


def test_where_the_profile_says_so_a_devices_answer_is_the_commands() -> None:
    # by way of FreeBSD's CTL
    _array, reply = failing("forwarding", "read")
    assert no(reply)[:3] == (MEDIUM_ERROR, 0x11, 0x00)


def test_an_abort_between_two_chunks_stops_the_write_and_leaves_the_token_valid() -> None:
    # SPC-4 6.3; the token's own end is not one of its consequences
    array = token_bench()
    token = array.token((0, 40))
    abort = ask(0x1C)
    abort = type(abort)(name="abort", cdb=b"\x83" + abort.cdb[1:10] + bytes(6))
    array.array.faults.add(Fault(then=Call(lambda: array.send(1, abort)), at="write", nth=2))
    assert array.write(token, (0, 40)).status == CHECK_CONDITION
    told = array.told(to=1)
    assert (told.status, told.completion, told.count) == (0x60, 0x40, 32)
    array.time[0] += 59
    assert array.write(token, (0, 40)).status == GOOD
    array.time[0] += 60
    assert no(array.write(token, (0, 1)))[:3] == (0x5, 0x23, 0x07)


def test_access_upon_reference_sees_what_is_written_later() -> None:
    # SPC-4 5.17.6.2.2; CTL's tokens
    array = token_bench(by_reference=True)
    token = array.token((0, 8), rod_type=BY_REFERENCE)
    array.write(ZEROS, (2, 3), to=0)
    assert array.write(token, (0, 8)).status == GOOD
    assert array.blocks(1, 0, 8) == array.old(0, 0, 2) + bytes(3 * BLOCK) + array.old(0, 5, 3)
