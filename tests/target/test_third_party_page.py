"""VPD page 8Fh of the array: what it says, byte by byte, and of what (SPC-4 7.8.17; SBC-4 6.6.9.3)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from cdb.third_party import ThirdPartyCopy
from tests.cdb.independent import laid_out
from tests.target.bench import Bench, No, bench, capable, data_in, no
from tests.target.stream_bench import StreamBench
from xcopy.target.profile import STRICT
from xcopy.target.rod_policy import STANDARD

if TYPE_CHECKING:
    from collections.abc import Mapping

BLOCKS_ONLY = (0x02, 0xE4)
WITH_RODS = (0x02, 0x0A, 0xBE, 0xBF, 0xE4, 0xFE)


def page(array: Bench, code: int = 0x8F) -> bytes:
    """A page of unit 0."""
    data = array.send(0, data_in(f"1201{code:02x}100000", 4096)).data
    assert data[1] == code
    assert int.from_bytes(data[2:4], "big") == len(data) - 4
    return data


def descriptors(array: Bench) -> Mapping[int, bytes]:
    """The descriptors of page 8Fh by type; they are in ascending order and multiples of four bytes long."""
    data, at, found = page(array), 4, {}
    while at < len(data):
        kind, length = int.from_bytes(data[at : at + 2], "big"), int.from_bytes(data[at + 2 : at + 4], "big")
        assert length % 4 == 0
        found[kind] = data[at : at + 4 + length]
        assert len(found[kind]) == 4 + length
        at += 4 + length
    assert list(found) == sorted(found)
    return found


def described(kind: int, **changes: Any) -> bytes:
    """One descriptor of a bench with such a profile."""
    return descriptors(bench(**changes))[kind]


def test_the_page_is_listed_and_has_a_page_of_descriptors() -> None:
    array = bench(advertised=capable(implemented_types=BLOCKS_ONLY))
    assert 0x8F in page(array, 0x00)[4:]
    assert list(descriptors(array)) == [
        0x0000,
        0x0001,
        0x0004,
        0x0008,
        0x000C,
        0x0106,
        0x0108,
        0x8001,
        0xC001,
    ]


def test_a_unit_without_3pc_and_an_array_without_the_page_do_not_have_it() -> None:
    without, plain = bench(), bench(has_third_party_page=False)
    without.array.change(0, third_party_copy=False)
    for array in (without, plain):
        assert 0x8F not in page(array, 0x00)[4:]
        assert no(array.send(0, data_in("12018f100000", 4096))) == No(0x5, 0x24, 0x00, "c00002")


def test_every_service_action_that_is_listed_is_answered_and_no_other() -> None:
    # SPC-4 7.8.17.4; table 646: 83h and 84h in ascending order, padded
    array = bench()
    listed = descriptors(array)[0x0001]
    out_length = listed[6]
    out = list(listed[7 : 7 + out_length])
    inward = list(listed[9 + out_length : 9 + out_length + listed[8 + out_length]])
    assert (listed[5], listed[7 + out_length]) == (0x83, 0x84)
    assert listed[4] == 4 + len(out) + len(inward)
    assert not any(listed[5 + listed[4] :])
    for opcode, actions in ((0x83, out), (0x84, inward)):
        unknown = [
            action
            for action in range(32)
            if (reply := array.send(0, data_in(f"{opcode:02x}{action:02x}" + "00" * 14))).sense
            and no(reply) == No(0x5, 0x24, 0x00, "cc0001")
        ]
        assert actions == [action for action in range(32) if action not in unknown]
    assert {0x00, 0x10, 0x11} <= set(out)
    assert {0x03, 0x05, 0x07, 0x08} <= set(inward)


def test_only_the_service_actions_of_the_profile_are_listed() -> None:
    copies = replace(bench().array.profile.copies, copy_out=frozenset({0}), copy_in=frozenset({3, 0x1F}))
    listed = descriptors(bench(copies=copies, advertised=capable(implemented_types=BLOCKS_ONLY)))
    assert listed[0x0001].hex() == "00010008" + "06" + "830100" + "840103" + "00"
    assert not {0x0000, 0x0106, 0x0108, 0xC001} & listed.keys()


def test_block_device_rod_limits_are_those_of_the_profile_in_blocks() -> None:
    # SBC-4 6.6.9.3, table 284
    rods = replace(STANDARD, maximum_ranges=7, maximum_inactivity=99, default_inactivity=11)
    rods = replace(rods, maximum_bytes=1 << 30, optimal_bytes=1 << 20)
    expected = laid_out(
        36, {"2-3": 0x20, "10-11": 7, "12-15": 99, "16-19": 11, "20-27": 1 << 21, "28-35": 2048}
    )
    assert described(0x0000, rods=rods) == expected


def test_parameter_data_and_general_copy_operations_say_what_is_advertised() -> None:
    # SPC-4 7.8.17.5, table 648; 7.8.17.10, table 658
    told = capable(maximum_segment_length=0x123000, data_segment_granularity=9, inline_data_granularity=3)
    told = told.but(maximum_cscd_count=8, maximum_segment_count=16, maximum_list_length=1728)
    told = told.but(total_concurrent_copies=16, maximum_concurrent_copies=11)
    array = bench(advertised=told.but(maximum_inline_data_length=0x4567))
    found = descriptors(array)
    assert found[0x0004] == laid_out(
        32, {"0-1": 4, "2-3": 28, "8-9": 8, "10-11": 16, "12-15": 1728, "16-19": 0x4567}
    )
    places = {"0-1": 0x8001, "2-3": 32, "4-7": 16, "8-11": 11, "12-15": 0x123000, "16": 9, "17": 3}
    assert found[0x8001] == laid_out(36, places)


def test_the_page_and_the_operating_parameters_may_contradict_each_other_and_what_is_enforced() -> None:
    array = bench(
        advertised=capable(maximum_segment_count=64),
        page_parameters=capable(maximum_segment_count=32),
        enforces=capable(maximum_segment_count=9),
    )
    assert array.send(1, data_in("8403" + "00" * 8 + "00000208" + "0000", 520)).data[10:12].hex() == "0040"
    assert descriptors(array)[0x0004][10:12].hex() == "0020"
    nine = [b"".join([b"\x02\x00\x00\x18", bytes(24)])] * 10
    assert no(array.copy(*nine))[:3] == (0x5, 0x26, 0x08)


@pytest.mark.parametrize(("types", "hexed"), [
    ((0xE4, 0x02), "0008 0004 02 02e4 00"),
    ((0x02, 0x0A, 0xE4), "0008 0004 03 020ae4"),
    (WITH_RODS, "0008 0008 06 020abebfe4fe 00"),
])  # fmt: skip
def test_descriptor_types_are_listed_in_ascending_order_and_padded(
    types: tuple[int, ...], hexed: str
) -> None:
    # SPC-4 7.8.17.6, table 649
    assert described(0x0008, advertised=capable(implemented_types=types)).hex() == hexed.replace(" ", "")


def test_the_id_of_a_tokens_own_unit_is_listed_where_tokens_are_taken_in_a_copy() -> None:
    # SPC-4 7.8.17.7, table 650
    types = capable(implemented_types=WITH_RODS)
    ids = described(0x000C, advertised=capable(implemented_types=BLOCKS_ONLY), special_cscd_ids=(0xFFFF,))
    assert ids.hex() == "000c0004" + "0002" + "ffff"
    assert (
        described(0x000C, advertised=types, special_cscd_ids=(0xFFFF,)).hex()
        == "000c0008" + "0004" + "f800ffff" + "0000"
    )
    listed = described(0x000C, special_cscd_ids=(0xFFFF, 0xC000), advertised=types)
    assert listed.hex() == "000c0008" + "0006" + "c000f800ffff"


def test_token_features_are_those_of_the_profile() -> None:
    # SPC-4 7.8.17.8, tables 651 and 653
    rods = replace(STANDARD, minimum_lifetime=2, maximum_lifetime=500, maximum_inactivity=99, granularity=8)
    rods = replace(rods, maximum_bytes=1 << 33, optimal_bytes=1 << 20)
    header = laid_out(48, {"0-1": 0x0106, "2-3": 92, "16-19": 2, "20-23": 500, "24-27": 99, "46-47": 48})
    sizes: dict[str, int | bytes] = dict.fromkeys(("16-23", "24-31", "32-39"), 1 << 20)
    block = laid_out(48, {"2-3": 0x2C, "6-7": 8, "8-15": 1 << 33, **sizes})
    assert described(0x0106, rods=rods) == header + block


def rod_types(array: Bench) -> list[tuple[int, bool, bool, bool]]:
    """Type, ECPY_INT, TOKEN_IN and TOKEN_OUT of each ROD type: SPC-4 table 657, 64 bytes each."""
    listed = descriptors(array)[0x0108]
    assert int.from_bytes(listed[6:8], "big") == len(listed) - 8
    found = []
    for at in range(8, len(listed), 64):
        flags = listed[at + 4]
        assert not any(listed[at + 5 : at + 64])
        kind = int.from_bytes(listed[at : at + 4], "big")
        found.append((kind, bool(flags & 0x80), bool(flags & 0x02), bool(flags & 0x01)))
    return found


def test_rod_types_are_listed_in_ascending_order_and_the_zero_token_is_never_given_out() -> None:
    # SPC-4 7.8.17.9.1
    assert rod_types(bench(advertised=capable(implemented_types=BLOCKS_ONLY))) == [
        (0x00010000, False, True, True),
        (0x00800000, False, True, True),
        (0x00800001, False, True, True),
        (0x00800002, False, True, True),
        (0x0080FFFF, False, False, False),
        (0xFFFF0001, False, True, False),
    ]


def test_with_rod_cscd_descriptors_type_0_is_listed_and_rods_are_internal() -> None:
    array = bench(
        advertised=capable(implemented_types=WITH_RODS),
        rods=replace(STANDARD, types=(0x00800002, 0x00010000), zero_token=False),
    )
    assert rod_types(array) == [
        (0, True, False, False),
        (0x00010000, True, True, True),
        (0x00800002, True, True, True),
        (0x0080FFFF, True, False, False),
    ]


def test_what_the_page_says_of_rods_may_be_a_lie() -> None:
    rods = replace(STANDARD, maximum_ranges=2, advertises=replace(STANDARD, maximum_ranges=64))
    assert described(0x0000, rods=rods)[10:12].hex() == "0040"


def test_an_array_without_a_tape_implements_no_segment_that_needs_one() -> None:
    array = bench(profile=STRICT)
    parameters = array.send(0, data_in("84030000000000000000000002000000")).data
    implemented = parameters[44 : 44 + parameters[43]]
    assert implemented == bytes([0x02, 0x07, 0x0A, 0x0D, 0x14, 0x16, 0xBE, 0xBF, 0xE4, 0xFE])
    assert 0x9101 not in descriptors(array)


def test_stream_copies_and_held_data_are_described_where_there_are_such_segments() -> None:
    # SPC-4 7.8.17.11, table 659; 7.8.17.12, table 660
    told = {
        "implemented_types": (0x00, 0x02, 0xE4),
        "maximum_stream_transfer_size": 0x10000,
        "held_data_limit": 0x200,
        "held_data_granularity": 4,
    }
    found = descriptors(StreamBench(limits=told))
    assert found[0x9101] == laid_out(16, {"0-1": 0x9101, "2-3": 12, "4-7": 0x10000})
    assert found[0xC001] == laid_out(32, {"0-1": 0xC001, "2-3": 28, "4-7": 0x200, "8": 4})


def test_a_reader_finds_the_same_in_any_order_and_passes_over_what_it_does_not_know() -> None:
    # a page that is not in order breaks SPC-4 7.8.17.1, and there are such pages
    whole = page(bench())
    found = list(descriptors(bench()).values())
    unknown = bytes.fromhex("7ffe0008") + b"\xff" * 8
    body = b"".join([unknown, *reversed(found), unknown])
    other = ThirdPartyCopy.unpack(whole[:2] + len(body).to_bytes(2, "big") + body)
    straight = ThirdPartyCopy.unpack(whole)
    assert list(other.descriptors[1:-1]) == list(reversed(straight.descriptors))
