"""RODs inside an EXTENDED COPY: populated, copied from and to, made tokens of (SPC-4 6.4.5.9, 5.17.7.5)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cdb.sense import MEDIUM_ERROR
from tests.cdb.independent import laid_out
from tests.target.bench import (
    BLOCK,
    BLOCKS,
    CHECK_CONDITION,
    GOOD,
    No,
    capable,
    copy_list,
    embedded,
    extended_copy,
    no,
    segment,
    segment_number,
)
from tests.target.token_bench import (
    ANY,
    BY_REFERENCE,
    CHANGE_VULNERABLE,
    PERSISTENT,
    POINT_IN_TIME,
    ZEROS,
    TokenBench,
    range_list,
)
from xcopy.target.array import memory_array
from xcopy.target.faults import Fault, check
from xcopy.target.rod_policy import STANDARD

if TYPE_CHECKING:
    from cdb.command import Reply

LIST_ID = 7
ROD, OTHER = 2, 3  # CSCD ids: 0 and 1 are the units
RECEIVER = 0xFFFF
INVALID = (0x5, 0x26, 0x00)
UNREACHABLE = (0xA, 0x0D, 0x02)
HEADER, CSCD = 16, 32


def rod_cscd(rod_type: int = POINT_IN_TIME, **changes: int) -> bytes:
    """A ROD CSCD descriptor: SPC-4 table 143."""
    values = {
        "device_type": 0,
        "producer": RECEIVER,
        "lifetime": 0,
        "inactivity": 0,
        "r_token": 0,
        "delete": 0,
        "offset": 0,
        "block_length": BLOCK,
    } | changes
    return laid_out(
        32,
        {
            "0": 0xFE,
            "1.4-0": values["device_type"],
            "4-5": values["producer"],
            "8-11": rod_type,
            "12-15": values["lifetime"],
            "16-19": values["inactivity"],
            "22.0": values["r_token"],
            "23.0": values["delete"],
            "24-27": values["offset"],
            "29-31": values["block_length"],
        },
    )


def fill(*ranges: tuple[int, int], rod: int = ROD, source: int = RECEIVER) -> bytes:
    """BEh, populate a ROD from block ranges: SPC-4 tables 167 and 169."""
    listed = range_list(ranges)
    places = {"0": 0xBE, "2-3": 12 + len(listed), "4-5": source, "6-7": rod, "13": 1, "14-15": len(listed)}
    return laid_out(16, places) + listed


def fill_one(lba: int, blocks: int, *, rod: int = ROD, source: int = RECEIVER) -> bytes:
    """BFh, populate a ROD from one block range: SPC-4 table 170."""
    places = {"0": 0xBF, "2-3": 0x10, "4-5": source, "6-7": rod, "8-15": lba, "16-19": blocks}
    return laid_out(20, places)


class RodBench(TokenBench):
    """A bench whose copies go to unit 0, with the units as CSCDs 0 and 1 and RODs from 2 on."""

    def run(
        self, rods: list[bytes], *segments: bytes, inline: bytes = b"", usage: int = 0, to: int = 0
    ) -> Reply:
        listed = copy_list(
            [*self.cscds(), *rods], list(segments), list_id=LIST_ID, usage=usage, inline=inline
        )
        return self.send(to, extended_copy(listed))

    def made(self, to: int = 0) -> dict[int, bytes]:
        """The tokens of the last copy by CSCD id."""
        return dict(self.told(to=to, list_id=LIST_ID).tokens)


def rod_bench(**policy: Any) -> RodBench:
    time = [1000.0]
    array = memory_array(
        2,
        blocks=BLOCKS,
        now=lambda: time[0],
        chunk_size=8192,
        advertised=capable(
            implemented_types=(0x02, 0x07, 0xBE, 0xBF, 0xE4, 0xFE), maximum_inline_data_length=4096
        ),
        rods=replace(STANDARD, **policy),
    )
    made = RodBench(array)
    made.time = time
    return made


@pytest.fixture
def array() -> RodBench:
    return rod_bench()


def from_rod(lba: int = 0, destination_lba: int = 0, blocks: int = 1, *, rod: int = ROD) -> bytes:
    """02h from a ROD to unit 1."""
    return segment(lba, destination_lba, blocks, source=rod, destination=1)


def test_blocks_are_added_to_a_rod_in_order_and_copied_from_lba_0_of_it_on(array: RodBench) -> None:
    # SPC-4 5.17.7.5.2, 5.17.7.6
    reply = array.run(
        [rod_cscd()], fill_one(50, 4), fill((10, 3), (30, 2)), from_rod(0, 100, 9), from_rod(3, 120, 2)
    )
    assert reply.status == GOOD
    whole = array.old(0, 50, 4) + array.old(0, 10, 3) + array.old(0, 30, 2)
    assert array.blocks(1, 100, 9) == whole
    assert array.blocks(1, 120, 2) == whole[3 * BLOCK : 5 * BLOCK]
    assert array.contents[0] == array.before[0]


@pytest.mark.parametrize("rod_type", [POINT_IN_TIME, PERSISTENT, ANY])
def test_a_point_in_time_rod_has_the_data_of_when_it_was_populated(array: RodBench, rod_type: int) -> None:
    # SPC-4 5.17.6.2.3.1: the second segment overwrites what the first put into the ROD
    overwrite = segment(200, 0, 8, source=0, destination=0)
    assert array.run([rod_cscd(rod_type)], fill_one(0, 8), overwrite, from_rod(0, 0, 8)).status == GOOD
    assert array.blocks(0, 0, 8) == array.old(0, 200, 8)
    assert array.blocks(1, 0, 8) == array.old(0, 0, 8)


def test_a_change_vulnerable_rod_that_is_overwritten_ends_the_copy(array: RodBench) -> None:
    # SPC-4 5.17.6.2.3.3
    overwrite = segment(200, 0, 8, source=0, destination=0)
    reply = array.run([rod_cscd(CHANGE_VULNERABLE)], fill_one(0, 8), overwrite, from_rod(0, 0, 8))
    assert no(reply)[:3] == (0xA, 0x0D, 0x01)
    assert embedded(reply) == ("source", CHECK_CONDITION, (0x5, 0x23, 0x08))
    assert array.contents[1] == array.before[1]


def test_an_access_upon_reference_rod_has_the_data_of_now_and_may_be_written_to(array: RodBench) -> None:
    # SPC-4 5.17.6.2.2, 5.17.7.6 b)
    reply = array.run(
        [rod_cscd(BY_REFERENCE)],
        fill((0, 4), (20, 4)),
        segment(100, 2, 4, source=1, destination=ROD),
        from_rod(0, 0, 8),
    )
    assert reply.status == GOOD
    written = array.old(0, 0, 2) + array.old(1, 100, 4) + array.old(0, 22, 2)
    assert array.blocks(1, 0, 8) == written
    assert array.blocks(0, 0, 4) + array.blocks(0, 20, 4) == written


def test_a_point_in_time_rod_cannot_be_written_to(array: RodBench) -> None:
    # SPC-4 5.17.6.2.3.1: ILLEGAL REQUEST; the pointer is into the list
    reply = array.run([rod_cscd()], fill_one(0, 4), segment(0, 0, 1, source=1, destination=ROD))
    at = HEADER + 3 * CSCD + 20 + 6
    assert no(reply) == No(*INVALID, f"80{at:04x}")
    assert array.contents == array.before


@pytest.mark.parametrize("role", ["source", "destination"])
def test_a_rod_nobody_populated_cannot_be_reached(array: RodBench, role: str) -> None:
    # SPC-4 6.4.5.9
    reply = array.run([rod_cscd()], segment(0, 0, 1, **{"source": 1, "destination": 1, role: ROD}))
    assert no(reply) == No(*UNREACHABLE, f"80{HEADER + 2 * CSCD:04x}")


def test_a_rod_that_was_used_is_populated_no_more(array: RodBench) -> None:
    # SPC-4 5.17.7.5.2
    reply = array.run([rod_cscd()], fill_one(0, 4), from_rod(), fill_one(10, 4))
    assert no(reply) == No(0xA, 0x26, 0x00, "a00006")
    assert segment_number(reply) == 2


@pytest.mark.parametrize(
    ("rods", "added", "at"),
    [
        ([rod_cscd()], fill_one(0, 4, source=0), 4),
        ([rod_cscd()], fill_one(0, 4, rod=1), 6),
        ([rod_cscd()], fill_one(0, 4, rod=9), 6),
        ([rod_cscd(0)], fill_one(0, 4), 6),
        ([rod_cscd()], fill((0, 4), (3, 1)), 32),
        ([rod_cscd()], fill((0, 4), (9, 1), (2, 9)), 48),
    ],
    ids=[
        "another source than the receiving unit",
        "a destination that is a unit",
        "a destination that is not there",
        "a ROD of a token",
        "a block twice",
        "a block again",
    ],
)
def test_populating_is_refused_with_a_pointer_into_the_list(
    array: RodBench, rods: list[bytes], added: bytes, at: int
) -> None:
    # SPC-4 6.4.6.20, 6.4.6.21, 5.17.7.5.2
    token = array.token((0, 4)) if rods == [rod_cscd(0)] else b""
    reply = array.run(rods, added, inline=token)
    assert no(reply) == No(*INVALID, f"80{HEADER + 3 * CSCD + at:04x}")


def test_a_block_that_an_earlier_segment_added_is_refused(array: RodBench) -> None:
    # SPC-4 5.17.6.3
    reply = array.run([rod_cscd()], fill_one(10, 4), fill_one(13, 4))
    assert no(reply) == No(*INVALID, f"80{HEADER + 3 * CSCD + 20 + 8:04x}")


def test_more_than_a_rod_may_have_is_refused() -> None:
    array = rod_bench(maximum_bytes=8 * BLOCK)
    assert array.run([rod_cscd()], fill((0, 5), (10, 3))).status == GOOD
    assert no(array.run([rod_cscd()], fill_one(0, 5), fill_one(10, 4)))[:3] == INVALID


def test_a_rod_that_there_is_no_room_for_is_refused_and_one_of_a_finished_copy_takes_none() -> None:
    # SPC-4 5.17.6.2.1
    array = rod_bench(maximum_rods=1)
    for _ in range(2):
        assert array.run([rod_cscd()], fill_one(0, 4), from_rod()).status == GOOD
    reply = array.run([rod_cscd(), rod_cscd()], fill_one(0, 4), fill_one(8, 4, rod=OTHER))
    assert no(reply)[:3] == (0x5, 0x55, 0x0C)
    assert array.run([rod_cscd()], fill_one(0, 4)).status == GOOD


def test_a_token_whose_time_is_over_makes_room_for_a_rod() -> None:
    array = rod_bench(maximum_rods=1)
    assert array.run([rod_cscd(r_token=1, inactivity=10)], fill_one(0, 4)).status == GOOD
    assert no(array.run([rod_cscd()], fill_one(0, 4)))[:3] == (0x5, 0x55, 0x0C)
    array.time[0] += 10
    assert array.run([rod_cscd()], fill_one(0, 4)).status == GOOD


def test_blocks_that_are_not_there_are_the_sources_failure(array: RodBench) -> None:
    reply = array.run([rod_cscd()], fill((0, 4), (BLOCKS - 1, 2)))
    assert no(reply) == No(0xA, 0x0D, 0x01, "a00020")
    assert embedded(reply) == ("source", CHECK_CONDITION, (0x5, 0x21, 0x00))


def test_another_device_type_than_a_disks_is_refused_and_another_block_length_aborts(
    array: RodBench,
) -> None:
    # SPC-4 6.4.6.20 b); 5.17.7.5.2
    at = HEADER + 2 * CSCD
    assert no(array.run([rod_cscd(block_length=4096)], fill_one(0, 4))) == No(
        0xA, 0x26, 0x00, f"80{at + 29:04x}"
    )
    stream = rod_cscd(device_type=1, block_length=0)
    assert no(array.run([stream], fill_one(0, 4)))[:3] == INVALID


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rod_type": 0x00800003}, "800008"),
        ({"producer": 0xF800}, "800004"),
        ({"delete": 1}, "880017"),
        ({"offset": 16}, "800018"),
        ({"lifetime": 1}, "80000c"),
        ({"inactivity": 1}, "800010"),
        ({"r_token": 1, "lifetime": 86401}, "80000c"),
        ({"r_token": 1, "inactivity": 601}, "800010"),
        ({"rod_type": 0, "r_token": 1}, "880016"),
    ],
    ids=[
        "a type that is not supported",
        "the unit of a token, and no token",
        "DEL_TKN of no token",
        "an offset of no token",
        "a lifetime without a token to make",
        "an inactivity timeout without a token to make",
        "a lifetime above the maximum",
        "an inactivity timeout above the maximum",
        "a token of a token",
    ],
)
def test_a_rod_descriptor_that_contradicts_itself_is_refused_before_anything_is_copied(
    array: RodBench, changes: dict[str, int], field: str
) -> None:
    # SPC-4 6.4.5.9, tables 144 and 145
    reply = array.run([rod_cscd(**changes)], segment(0, 0, 4, source=0, destination=1))
    flags, byte = field[:2], int(field[2:], 16) + HEADER + 2 * CSCD
    assert no(reply) == No(*INVALID, f"{flags}{byte:04x}")
    assert array.contents == array.before


def test_a_token_cannot_be_asked_for_without_a_list_identifier(array: RodBench) -> None:
    # SPC-4 6.4.5.9
    listed = copy_list([*array.cscds(), rod_cscd(r_token=1)], [fill_one(0, 4)], usage=0b11)
    assert no(array.send(0, extended_copy(listed)))[:3] == INVALID


def test_a_populated_rod_becomes_a_token_told_with_its_cscd_id(array: RodBench) -> None:
    # SPC-4 6.26, table 257; 5.17.7.5.2
    rods = [rod_cscd(r_token=1, lifetime=500), rod_cscd(PERSISTENT), rod_cscd(ANY, r_token=1, lifetime=500)]
    reply = array.run(rods, fill_one(8, 4), fill_one(0, 2, rod=3), fill((40, 1), (50, 2), rod=4))
    assert reply.status == GOOD
    told = array.told(list_id=LIST_ID)
    assert (told.action, told.status, told.units) == (0x00, 0x01, 0x00)
    made = dict(told.tokens)
    assert list(made) == [2, 4]
    assert [token[:4].hex() for token in made.values()] == ["00800000", "00800002"]
    assert array.all_tokens() == [token[:96] for token in made.values()]
    assert array.write(made[4], (0, 3)).status == GOOD
    assert array.blocks(1, 0, 3) == array.old(0, 40, 1) + array.old(0, 50, 2)


def test_a_rod_that_was_copied_from_may_become_a_token_too(array: RodBench) -> None:
    assert array.run([rod_cscd(r_token=1)], fill_one(8, 4), from_rod(0, 0, 4)).status == GOOD
    assert len(array.made()) == 1


def test_no_token_is_made_of_an_empty_rod_or_by_a_copy_that_failed(array: RodBench) -> None:
    assert array.run([rod_cscd(r_token=1)]).status == GOOD
    assert array.made() == {}
    failing = from_rod(0, BLOCKS, 1)
    assert array.run([rod_cscd(r_token=1)], fill_one(0, 4), failing).status == CHECK_CONDITION
    assert array.made() == {}
    assert array.all_tokens() == []


@pytest.mark.parametrize(
    ("lifetime", "lives"), [(0, 1), (1, 1), (5, 5), (500, 500)], ids=["the minimum", "1 s", "5 s", "500 s"]
)
def test_a_token_lives_as_long_as_was_asked_for(array: RodBench, lifetime: int, lives: int) -> None:
    # SPC-4 6.4.5.9; an inactivity timeout of 0 never ends it
    array.run([rod_cscd(r_token=1, lifetime=lifetime)], fill_one(0, 4))
    (token,) = array.made().values()
    array.time[0] += lives - 0.5
    assert array.write(token, (0, 1)).status == GOOD
    array.time[0] += 0.5
    assert no(array.write(token, (0, 1)))[:3] == (0x5, 0x23, 0x07)


def test_a_token_that_is_not_used_in_time_expires(array: RodBench) -> None:
    array.run([rod_cscd(r_token=1, lifetime=500, inactivity=10)], fill_one(0, 4))
    (token,) = array.made().values()
    array.time[0] += 10
    assert no(array.write(token, (0, 1)))[:3] == (0x5, 0x23, 0x07)


@pytest.mark.parametrize("producer", [RECEIVER, 0xF800, 0])
def test_a_token_in_the_inline_data_is_a_disk_to_copy_from(array: RodBench, producer: int) -> None:
    # SPC-4 5.17.7.5.1, table 144
    token = array.token((10, 4), (60, 4))
    array.write(ZEROS, (12, 1), to=0, list_id=99)
    other = array.token((90, 2), to=1)
    rods = [rod_cscd(0, producer=producer, offset=512), rod_cscd(0, producer=producer, device_type=0x1F)]
    reply = array.run(rods, from_rod(2, 0, 6), from_rod(0, 30, 2, rod=3), inline=other + token, to=1)
    assert reply.status == GOOD
    assert array.blocks(1, 0, 6) == array.old(0, 12, 2) + array.old(0, 60, 4)
    assert array.blocks(1, 30, 2) == array.old(1, 90, 2)


def test_copying_from_a_token_is_a_use_of_it(array: RodBench) -> None:
    token = array.token((0, 4), inactivity=10)
    for _ in range(3):
        array.time[0] += 9
        assert array.run([rod_cscd(0)], from_rod(), inline=token).status == GOOD
    array.time[0] += 10
    reply = array.run([rod_cscd(0)], from_rod(), inline=token)
    assert no(reply) == No(0x5, 0x23, 0x07, f"80{HEADER + 3 * CSCD + 28:04x}")


def test_a_wrong_token_is_refused_and_pointed_at_before_anything_is_copied(array: RodBench) -> None:
    # SPC-4 5.17.6.5.2.3
    token = array.token((0, 4))
    wrong = token[:300] + bytes([token[300] ^ 1]) + token[301:]
    first = segment(0, 0, 4, source=0, destination=1)
    reply = array.run([rod_cscd(0, offset=512)], first, from_rod(), inline=token + wrong)
    assert no(reply) == No(0x5, 0x23, 0x05, f"80{HEADER + 3 * CSCD + 2 * 28 + 512:04x}")
    assert array.contents == array.before


def test_an_offset_without_a_whole_token_behind_it_is_refused(array: RodBench) -> None:
    token = array.token((0, 4))
    reply = array.run([rod_cscd(0, offset=1)], from_rod(), inline=token)
    assert no(reply) == No(*INVALID, f"80{HEADER + 2 * CSCD + 24:04x}")


def test_a_producer_in_another_array_is_a_remote_token(array: RodBench) -> None:
    # SPC-4 table 144
    stranger = RodBench(memory_array(2, array_id=bytes(7) + b"\x05")).cscds()[0]
    token = array.token((0, 4))
    reply = array.run([rod_cscd(0, producer=3), stranger], from_rod(), inline=token)
    assert no(reply) == No(0x5, 0x23, 0x02, f"80{HEADER + 2 * CSCD + 4:04x}")


@pytest.mark.parametrize("delete", [0, 1])
def test_del_tkn_deletes_the_token_after_the_copy(array: RodBench, delete: int) -> None:
    # SPC-4 table 145
    token = array.token((0, 4))
    assert array.run([rod_cscd(0, delete=delete)], from_rod(0, 9, 4), inline=token).status == GOOD
    assert array.blocks(1, 9, 4) == array.old(0, 0, 4)
    reply = array.write(token, (0, 1))
    assert (no(reply)[:3] == (0x5, 0x23, 0x09)) if delete else reply.status == GOOD


def test_a_token_by_reference_may_be_copied_to_and_a_point_in_time_may_not() -> None:
    array = rod_bench(by_reference=True)
    token = array.token((8, 4), rod_type=BY_REFERENCE)
    to_rod = segment(100, 1, 2, source=1, destination=ROD)
    assert array.run([rod_cscd(0)], to_rod, inline=token).status == GOOD
    assert array.blocks(0, 9, 2) == array.old(1, 100, 2)
    assert no(array.run([rod_cscd(0)], to_rod, inline=array.token((8, 4))))[:3] == INVALID


def test_a_failing_read_of_a_rod_is_the_sources_failure(array: RodBench) -> None:
    array.array.faults.add(Fault(then=check(MEDIUM_ERROR, 0x11, 0x00), at="read", unit=0))
    reply = array.run([rod_cscd()], fill_one(0, 4), from_rod(0, 0, 4))
    assert embedded(reply) == ("source", CHECK_CONDITION, (MEDIUM_ERROR, 0x11, 0x00))


def test_what_was_kept_for_a_rod_without_a_token_is_let_go_with_the_copy() -> None:
    # room for 8 blocks: the second copy has it all again
    array = rod_bench(preserved_bytes=8 * BLOCK)
    overwrite = segment(200, 0, 8, source=0, destination=0)
    for _ in range(3):
        assert array.run([rod_cscd()], fill_one(0, 8), overwrite, from_rod(0, 0, 8)).status == GOOD
