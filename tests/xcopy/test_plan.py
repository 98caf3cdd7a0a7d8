"""The plan's law: its batches tile the request and keep to every limit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.cscd import CSCD_LENGTH
from cdb.extended_copy import Lid1ParameterList
from cdb.segment import BlockToBlock
from tests.cdb.captured import commands
from tests.xcopy.units import parameters, unit
from xcopy.limits import Bound, Limits, Refusal, Wanted, agree
from xcopy.offload import Pair, command_for
from xcopy.plan import Piece, Request, batches, remainders


def tiles(pieces: list[Piece], blocks: int) -> bool:
    at = 0
    for piece in pieces:
        if piece.start != at or piece.blocks <= 0:
            return False
        at = piece.end
    return at == blocks


@given(
    blocks=st.integers(0, 5000),
    segment=st.integers(1, 700),
    count=st.integers(1, 9),
    grain=st.integers(1, 64),
)
def test_batches_and_remainder_tile_the_request_and_keep_to_the_limits(
    blocks: int, segment: int, count: int, grain: int
) -> None:
    segment = max(grain, segment // grain * grain)
    limits = Limits(
        segment_blocks=Bound(segment, ""),
        segments_per_command=Bound(count, ""),
        command_blocks=Bound(1 << 40, ""),
        granularity_blocks=Bound(grain, ""),
        in_flight=Bound(1, ""),
        without_list_id=True,
    )
    request = Request(
        source_lba=0, destination_lba=0, blocks=blocks, source_block_size=512, destination_block_size=512
    )
    made = list(batches(request, limits))
    rest = next(remainders(request, limits), None)
    pieces = [p for b in made for p in b.pieces]
    assert tiles([*pieces, *([rest] if rest else [])], blocks)
    assert all(len(b.pieces) <= count for b in made)
    assert all(p.blocks <= segment and p.blocks % grain == 0 for p in pieces)
    assert rest is None or rest.blocks < grain
    assert tiles([Piece(b.whole.start, b.whole.blocks) for b in made], sum(p.blocks for p in pieces))


@given(
    source=st.fixed_dictionaries(
        {
            "maximum_segment_length": st.just(0) | st.integers(0, 2**32 - 1) | st.integers(2**15, 2**20),
            "maximum_segment_count": st.integers(0, 40),
            "maximum_list_length": st.integers(0, 3000),
            "data_segment_granularity": st.integers(0, 20),
        }
    ),
    destination=st.fixed_dictionaries(
        {
            "maximum_segment_length": st.just(0) | st.integers(0, 2**32 - 1) | st.integers(2**15, 2**20),
            "maximum_segment_count": st.integers(0, 40),
            "maximum_list_length": st.integers(0, 3000),
            "data_segment_granularity": st.integers(0, 20),
        }
    ),
    block_size=st.sampled_from([512, 4096]),
    blocks=st.integers(0, 70_000),
    lbas=st.tuples(st.integers(0, 2**40), st.integers(0, 2**40)),
    snlid=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_every_command_keeps_to_what_both_units_said(
    source: dict[str, int],
    destination: dict[str, int],
    block_size: int,
    blocks: int,
    lbas: tuple[int, int],
    snlid: bool,
) -> None:
    units = (
        unit(0, block_size=block_size, parameters=parameters(**source)),
        unit(1, block_size=block_size, parameters=parameters(**destination, snlid=snlid)),
    )
    limits = agree(*units, Wanted(jobs=4))
    if isinstance(limits, Refusal):
        assert limits.reason
        return
    request = Request(
        source_lba=lbas[0],
        destination_lba=lbas[1],
        blocks=blocks,
        source_block_size=block_size,
        destination_block_size=block_size,
    )
    expected = 0
    for batch in batches(request, limits):
        data = bytes(command_for(batch, request, Pair(*units, limits.without_list_id), list_id=1).data_out)
        # Read back with int.from_bytes alone: what goes on the wire is what counts.
        descriptors = len(data) - Lid1ParameterList.size
        room = destination["maximum_list_length"]
        assert not room or descriptors <= room
        count = (descriptors - 2 * CSCD_LENGTH) // BlockToBlock.size
        assert count <= max(1, destination["maximum_segment_count"])
        for at in range(80, len(data), BlockToBlock.size):
            number = int.from_bytes(data[at + 10 : at + 12], "big")
            source_lba = int.from_bytes(data[at + 12 : at + 20], "big")
            destination_lba = int.from_bytes(data[at + 20 : at + 28], "big")
            assert source_lba - lbas[0] == destination_lba - lbas[1] == expected
            for side in (source, destination):
                longest = side["maximum_segment_length"]
                assert not longest or number * block_size <= longest
                assert number * block_size % 2 ** min(side["data_segment_granularity"], 9) == 0
                granule = 2 ** side["data_segment_granularity"]
                assert granule <= block_size or number * block_size % granule == 0
            expected += number
    rest = next(remainders(request, limits), None)
    assert expected + (rest.blocks if rest else 0) == blocks


@given(
    piece=st.builds(Piece, st.integers(0, 1000), st.integers(1, 1000)),
    sizes=st.sampled_from([(512, 512), (512, 4096), (4096, 512), (4096, 4096)]),
)
def test_a_piece_is_the_same_bytes_on_both_sides(piece: Piece, sizes: tuple[int, int]) -> None:
    request = Request(
        source_lba=7,
        destination_lba=11,
        blocks=2000,
        source_block_size=sizes[0],
        destination_block_size=sizes[1],
    )
    source_lba, source_blocks = request.source(piece)
    destination_lba, destination_blocks = request.destination(piece)
    assert source_blocks * sizes[0] == destination_blocks * sizes[1] == piece.blocks * request.block_size
    assert (source_lba - 7) * sizes[0] == (destination_lba - 11) * sizes[1]


def lists(blocks: int, source_lba: int, destination_lba: int, size: int = 512, **p: int) -> list[bytes]:
    """The parameter lists that we send for the same copy as a captured command line."""
    units = (
        unit(0, block_size=size, parameters=parameters(snlid=False, **p)),
        unit(1, block_size=size, parameters=parameters(snlid=False, **p)),
    )
    limits = agree(*units, Wanted(jobs=1))
    assert isinstance(limits, Limits)
    request = Request(
        source_lba=source_lba,
        destination_lba=destination_lba,
        blocks=blocks,
        source_block_size=size,
        destination_block_size=size,
    )
    pair = Pair(*units, limits.without_list_id)
    return [bytes(command_for(b, request, pair, list_id=1).data_out) for b in batches(request, limits)]


@pytest.mark.parametrize(
    ("name", "blocks", "source_lba", "destination_lba", "size", "extra"),
    [
        ("sgx_simple", 1024, 0, 0, 512, {}),
        ("sgx_4k_both", 100, 7, 9, 4096, {}),
        ("sgx_lba_gt32", 16, 0x123456789, 0x2ABCDEF01, 512, {}),
        ("sgx_maxseg_1MiB", 5000, 0, 0, 512, {"maximum_segment_length": 1048576}),
    ],
)
def test_our_commands_are_those_captured_where_the_choices_are_the_same(
    name: str, blocks: int, source_lba: int, destination_lba: int, size: int, extra: dict[str, int]
) -> None:
    assert lists(blocks, source_lba, destination_lba, size, **extra) == [
        c.data_out for c in commands(name, 0x83)
    ]


def segments(data: bytes) -> list[tuple[int, int, int]]:
    """(blocks, source LBA, destination LBA) of each segment, read without cdb."""
    start = 16 + int.from_bytes(data[2:4], "big")
    return [
        (
            int.from_bytes(data[at + 10 : at + 12], "big"),
            int.from_bytes(data[at + 12 : at + 20], "big"),
            int.from_bytes(data[at + 20 : at + 28], "big"),
        )
        for at in range(start, len(data), 28)
    ]


def test_past_65535_blocks_the_lba_advances_where_ddpt_stays() -> None:
    theirs = [segments(c.data_out)[0] for c in commands("ddpt_lid1_multi_NEGATIVE", 0x83)]
    assert {(s, d) for _, s, d in theirs} == {(0, 0)}
    ours = [s for data in lists(70000, 0, 0) for s in segments(data)]
    assert sum(n for n, _, _ in ours) == 70000
    assert [s for _, s, _ in ours] == [d for _, _, d in ours]
    assert len({s for _, s, _ in ours}) == len(ours)


def test_65536_blocks_do_not_wrap_to_0_as_spts_do() -> None:
    theirs = [segments(c.data_out)[0][0] for c in commands("spt_xcopy_64k_NEGATIVE", 0x83)]
    assert set(theirs) == {0}
    ours = [s for data in lists(65536, 0, 0, maximum_segment_length=2**25) for s in segments(data)]
    assert all(0 < n <= 65535 for n, _, _ in ours)
    assert sum(n for n, _, _ in ours) == 65536


def test_different_block_sizes_are_not_offloaded_where_sg_xcopy_misplaces_the_second_command() -> None:
    theirs = [segments(c.data_out)[0] for c in commands("sgx_mixed_NEGATIVE", 0x83)]
    assert theirs[1][2] == 0x800  # 1 MiB further on a unit of 4096-byte blocks is 0x100
    refusal = agree(unit(0), unit(1, block_size=4096), Wanted(jobs=1))
    assert isinstance(refusal, Refusal)
    assert "block sizes differ" in refusal.reason
