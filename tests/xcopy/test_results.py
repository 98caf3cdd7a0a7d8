"""What became of each range agrees with the ledger, block by block."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from xcopy.asked import Asked, Extent
from xcopy.coverage import Coverage
from xcopy.plan import Piece
from xcopy.results import UNKNOWN, FailedRange, NotCopied, RangeCounts, RangeResults

SOURCE, DESTINATION = Extent("source", 100, 1000, 512), Extent("destination", 7, 1000, 512)


@st.composite
def ranges(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Some neighbours, some empty, in any order."""
    made: list[tuple[int, int, int]] = []
    source = destination = 0
    for _ in range(draw(st.integers(1, 6))):
        source += draw(st.sampled_from([0, 0, 3]))
        destination += draw(st.sampled_from([0, 0, 2]))
        blocks = draw(st.integers(0, 6))
        made.append((source, blocks, destination))
        source, destination = source + blocks, destination + blocks
    return draw(st.permutations(made))


@given(ranges=ranges(), data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_result_says_of_every_block_what_the_ledger_says(
    ranges: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    asked = Asked(SOURCE, DESTINATION, enumerate(ranges, 1), file="f")
    ledger = Coverage(asked.request.blocks)
    fate: dict[int, str] = {}  # of each destination LBA, by itself
    for block in range(asked.request.blocks):
        lba, _ = asked.request.destination(Piece(block, 1))
        fate[lba] = data.draw(st.sampled_from(["", "", "not tried", "bad", "worse", UNKNOWN]))
        if fate[lba] != "not tried":
            ledger.begin(Piece(block, 1))
            if fate[lba] == UNKNOWN:
                continue  # in flight for ever: a fault of this program
            if fate[lba]:
                ledger.failed(Piece(block, 1), fate[lba])
            else:
                ledger.copied(Piece(block, 1), "host")
    results = RangeResults(asked, ledger)
    assert len(results) == len(ranges)
    for number, (source_lba, blocks, destination_lba) in enumerate(ranges):
        result = results[number]
        assert (result.source_lba, result.blocks, result.destination_lba) == (
            source_lba,
            blocks,
            destination_lba,
        )
        assert result.place == f"f line {number + 1}"
        missing = {
            (part.destination_lba + i, part.source_lba + i): part.reason
            for part in result.not_copied
            for i in range(part.destination_blocks)
        }
        expected = {
            (7 + destination_lba + i, 100 + source_lba + i): fate[7 + destination_lba + i]
            for i in range(blocks)
            if fate[7 + destination_lba + i]
        }
        assert missing == expected
        assert result.copied == blocks - len(expected)
        assert result.complete == (not expected)
    whole = sum(not any(fate[7 + to + i] for i in range(blocks)) for _, blocks, to in ranges)
    nothing = sum(blocks > 0 and all(fate[7 + to + i] for i in range(blocks)) for _, blocks, to in ranges)
    assert results.counts == RangeCounts(len(ranges), whole, len(ranges) - whole - nothing, nothing)
    assert [r.place for r in results.incomplete] == [r.place for r in results if not r.complete]
    not_copied = NotCopied(asked.request, ledger)
    assert list(not_copied) == [not_copied[i] for i in range(len(not_copied))]
    assert not_copied[1:3] == tuple(not_copied)[1:3]
    assert {p.destination_lba + i for p in not_copied for i in range(p.destination_blocks)} == {
        lba for lba, reason in fate.items() if reason
    }


def test_what_is_not_copied_never_crosses_the_end_of_a_range_though_the_ledger_has_one_run() -> None:
    asked = Asked(SOURCE, DESTINATION, enumerate([(0, 3, 0), (10, 4, 3)]), file="")
    not_copied = NotCopied(asked.request, Coverage(7))
    assert list(not_copied) == [
        FailedRange(
            source_lba=100, source_blocks=3, destination_lba=7, destination_blocks=3, reason="not tried"
        ),
        FailedRange(
            source_lba=110, source_blocks=4, destination_lba=10, destination_blocks=4, reason="not tried"
        ),
    ]
    assert not_copied[-1] == list(not_copied)[1]
