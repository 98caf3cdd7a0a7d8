"""A journal says what was written into it, and of a damaged one no more than what was written before."""

from __future__ import annotations

import json
from dataclasses import asdict
from hashlib import blake2b
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.xcopy.journals import BLOCKS, PIECES, RANGES, heading, journal, side
from xcopy.errors import UsageError
from xcopy.journal import LONGEST_LINE, MOST_IN_A_LINE, begin, joined, layout, read, record
from xcopy.party import Party
from xcopy.plan import Piece, Range

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xcopy.journal import Contents, Copied


def blocks_of(copied: Sequence[Copied]) -> dict[int, str]:
    """Every block and its means."""
    return {block: means for piece, means in copied for block in range(piece.start, piece.end)}


def reread(data: bytes) -> Contents:
    return read("file", data.splitlines(keepends=True))


def sealed(before: bytes, text: bytes) -> bytes:
    """A line as the format says it: an independent hand, for lines that the writer would not write."""
    return blake2b(text, key=before, digest_size=16).hexdigest().encode() + b" " + text + b"\n"


def test_a_line_is_a_seal_over_the_seal_before_it_and_a_json_value() -> None:
    lines = journal(PIECES)
    before = lines[0]
    assert before == b"xcopy-dev journal 1\n"
    for line in lines[1:]:
        text = line[33:-1]
        assert json.loads(text)
        assert line == sealed(before, text)
        before = line[:32]


def test_what_was_written_is_read() -> None:
    found = read("file", journal(PIECES[:2], PIECES[2:]))
    assert found.heading == heading()
    assert tuple(found.ranges) == RANGES
    assert blocks_of(found.copied) == blocks_of(PIECES)
    assert (found.notice, found.complete) == ("", False)


def test_a_journal_of_all_blocks_is_complete() -> None:
    assert read("file", journal([(Piece(0, 60), "offload")], [(Piece(60, 40), "host")])).complete


def test_a_copy_of_nothing_is_complete() -> None:
    assert read("file", journal(ranges=())).complete


def test_a_million_ranges_are_lines_of_bearable_length() -> None:
    many = [(n, 2 * n, 1, n) for n in range(MOST_IN_A_LINE * 2 + 1)]
    pieces = [(Piece(n, 1), "host" if n % 2 else "offload") for n in range(len(many))]
    lines = journal(pieces, ranges=many)
    assert len(lines) == 2 + 3 + 3
    found = read("file", lines)
    assert list(found.ranges) == many
    assert list(found.copied) == pieces


def test_the_longest_line_fits() -> None:
    most = 2**64 - 1
    seals, _ = begin(heading(), ())
    line = record(seals, [(Piece(most - 2 * n, 1), "earlier run") for n in range(MOST_IN_A_LINE)])
    assert line.count(b"\n") == 1
    assert len(line) < LONGEST_LINE
    ranges = [(most - n, most - n, most, most) for n in range(MOST_IN_A_LINE)]
    assert max(map(len, journal(ranges=ranges, of=heading()))) < LONGEST_LINE


PIECES_OF_ANY_ORDER = st.lists(
    st.tuples(st.integers(0, BLOCKS - 1), st.integers(1, 9), st.sampled_from(["offload", "host"])),
    max_size=30,
)


def records_of(outcomes: list[tuple[int, int, str]], cuts: list[int]) -> list[list[Copied]]:
    """Outcomes that share no block, in some order, cut into records."""
    taken: set[int] = set()
    records: list[list[Copied]] = [[]]
    for number, (start, blocks, means) in enumerate(outcomes):
        piece = Piece(start, min(blocks, BLOCKS - start))
        found = set(range(piece.start, piece.end))
        if not found & taken:
            taken |= found
            records[-1].append((piece, means))
        if number in cuts:
            records.append([])
    return records


@given(PIECES_OF_ANY_ORDER, st.lists(st.integers(0, 30)), st.data())
def test_cut_at_any_byte_it_says_what_the_whole_records_before_the_cut_say(
    outcomes: list[tuple[int, int, str]], cuts: list[int], data: st.DataObject
) -> None:
    records = records_of(outcomes, cuts)
    lines = journal(*records)
    whole = b"".join(lines)
    headed = len(b"".join(journal()))
    cut = data.draw(st.integers(0, len(whole)))
    if cut < headed:
        with pytest.raises(UsageError, match="inside its heading: nothing was copied"):
            reread(whole[:cut])
        return
    found = reread(whole[:cut])
    expected: dict[int, str] = {}
    for number, each in enumerate(records, 1):
        if len(b"".join(journal(*records[:number]))) <= cut:
            expected.update(blocks_of(each))
    assert blocks_of(found.copied) == expected
    assert bool(found.notice) == (found.trusted < cut)


@given(PIECES_OF_ANY_ORDER, st.lists(st.integers(0, 30)), st.data())
def test_changed_anywhere_it_says_nothing_that_was_not_written(
    outcomes: list[tuple[int, int, str]], cuts: list[int], data: st.DataObject
) -> None:
    records = records_of(outcomes, cuts)
    damaged = bytearray(b"".join(journal(*records)))
    at = data.draw(st.integers(0, len(damaged) - 1))
    length = data.draw(st.integers(1, 60))
    damaged[at : at + length] = data.draw(st.one_of(st.just(bytes(length)), st.binary(max_size=60)))
    try:
        found = reread(bytes(damaged))
    except UsageError:
        return
    said = blocks_of([copied for each in records for copied in each])
    assert blocks_of(found.copied).items() <= said.items()


@given(PIECES_OF_ANY_ORDER, st.lists(st.integers(0, 30)), PIECES_OF_ANY_ORDER)
def test_it_goes_on_behind_a_torn_record_as_if_that_had_never_been(
    outcomes: list[tuple[int, int, str]], cuts: list[int], more: list[tuple[int, int, str]]
) -> None:
    records = records_of(outcomes, cuts)
    whole = b"".join(journal(*records))
    found = reread(whole[:-1] if len(records) > 1 else whole)
    kept = whole[: found.trusted]
    known = blocks_of(found.copied)
    new = [
        (piece, means)
        for piece, means in records_of(more, [])[0]
        if not known.keys() & set(range(piece.start, piece.end))
    ]
    again = reread(kept + record(found.seals, new))
    assert not again.notice
    assert blocks_of(again.copied) == known | blocks_of(new)


def test_a_torn_last_record_is_dropped_with_a_notice() -> None:
    lines = journal(PIECES[:1], PIECES[1:])
    for cut in range(1, len(lines[-1])):
        found = read("file", [*lines[:-1], lines[-1][:cut]])
        assert blocks_of(found.copied) == blocks_of(PIECES[:1])
        assert found.notice == (
            "file is torn at its end, in line 5: what it says from there on is copied again"
        )
        assert found.trusted == len(b"".join(lines[:-1]))


def test_behind_damage_nothing_is_believed() -> None:
    lines = journal(PIECES[:1], PIECES[1:2], PIECES[2:])
    lines[4] = lines[4].replace(b"host", b"hosT")
    found = read("file", lines)
    assert blocks_of(found.copied) == blocks_of(PIECES[:1])
    assert found.notice == "file is damaged in line 5: what it says from there on is copied again"


@pytest.mark.parametrize("order", [(4, 3, 5), (3, 5), (3, 3, 4, 5), (4, 5)])
def test_records_that_were_moved_dropped_or_doubled_do_not_fit(order: tuple[int, ...]) -> None:
    lines = journal(PIECES[:1], PIECES[1:2], PIECES[2:])
    found = read("file", [*lines[:3], *(lines[n] for n in order)])
    said = blocks_of(PIECES[:1]) if order[0] == 3 else {}
    assert blocks_of(found.copied) == said
    assert found.notice


def test_a_record_of_another_journal_of_the_same_copy_does_not_fit() -> None:
    mine, other = journal(PIECES[:1]), journal(PIECES, of=heading(mark="another mark"))
    found = read("file", [*mine[:-1], other[-1]])
    assert found.copied == ()
    assert found.notice


@pytest.mark.parametrize(
    "value",
    [
        {"copied": [[0, 101, "host"]]},
        {"copied": [[-1, 2, "host"]]},
        {"copied": [[0, 0, "host"]]},
        {"copied": [[5, 2, "host"], [6, 2, "host"]]},
        {"copied": [[0, 1.0, "host"]]},
        {"copied": [[0, True, "host"]]},
        {"copied": [[0, 1, 5]]},
        {"copied": [[0, 1]]},
        {"copied": {"a": 1}},
        {"copied": None},
        {"ranges": []},
        [],
        None,
        7,
        "text",
    ],
)
def test_a_record_that_cannot_be_true_is_damage_although_it_is_sealed(value: Any) -> None:
    lines = journal()
    lines.append(sealed(lines[-1][:32], json.dumps(value).encode()))
    found = read("file", lines)
    assert found.copied == ()
    assert "torn" in found.notice


@pytest.mark.parametrize(
    "changed",
    [(1, -1, 40, 0), (1, 0, 40, 2**64), (1, 0, 40), (1, 0, 40, 0, 0), (1, 0, 40.0, 0), (1, 0, True, 0)],
)
def test_ranges_that_cannot_be_are_damage(changed: Any) -> None:
    lines = journal(PIECES, ranges=[changed], of=heading(ranges=1))
    with pytest.raises(UsageError, match="damaged in line 3, in its heading"):
        read("file", lines)


@pytest.mark.parametrize(
    "changes",
    [
        {"blocks": "100"},
        {"source": side(0, block_size=0)},
        {"source": side(0, names=(7,))},
        {"source": side(0, serial=None)},
        {"blocks": -1},
        {"layout": None},
        {"file": 7},
        {"options": []},
        {"mark": 7},
    ],
)
def test_a_heading_that_cannot_be_is_damage_although_it_is_sealed(changes: dict[str, Any]) -> None:
    value = json.loads(journal()[1][33:])
    for name, change in changes.items():
        value["copy"][name] = asdict(change) if isinstance(change, Party) else change
    first = journal()[0]
    line = sealed(first, json.dumps(value).encode())
    with pytest.raises(UsageError, match="damaged in line 2, in its heading"):
        read("file", [first, line, b"more"])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "inside its heading: nothing was copied yet; remove it"),
        (b"xcopy-dev jour", "inside its heading"),
        (b"xcopy-dev journal 2\n", "version 2, and this program reads version 1"),
        (b"xcopy-dev journal \xff\n", r"version \\xff"),
        (b"# my notes\n", "not a journal of xcopy-dev"),
        (b"\0" * 5000, "not a journal of xcopy-dev"),
    ],
)
def test_what_is_no_journal_of_ours_is_refused_by_name(data: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        reread(data)


@given(st.lists(st.tuples(st.integers(0, 50), st.sampled_from("ab")), unique_by=lambda each: each[0]))
def test_joining_changes_no_block(found: list[tuple[int, str]]) -> None:
    pieces = [(Piece(start, 1), means) for start, means in found]
    made = joined(pieces)
    assert blocks_of(made) == blocks_of(pieces)
    assert all(a[0].end < b[0].start or a[1] != b[1] for a, b in pairwise(made))


def test_another_order_or_place_of_ranges_is_another_layout() -> None:
    one, two = Range(0, 5, 10), Range(7, 5, 20)
    words = {layout(ranges) for ranges in ([one, two], [two, one], [one], [], [Range(0, 5, 11), two])}
    assert len(words) == 5
    assert layout([one, two]) == layout(iter([Range(0, 5, 10), Range(7, 5, 20)]))
