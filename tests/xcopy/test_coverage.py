"""The ledger adds up, and allows only what can be."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lines_run import lines_run
from xcopy.coverage import Coverage, Entry, LedgerError, State
from xcopy.plan import Piece

STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "copied", "failed", "back"]), st.integers(0, 40), st.integers(1, 12)),
    max_size=60,
)


@given(STEPS)
def test_it_agrees_with_a_list_of_blocks(steps: list[tuple[str, int, int]]) -> None:
    ledger, model = Coverage(40), [Entry(State.PENDING)] * 40
    needs = {"begin": State.PENDING, "copied": State.IN_FLIGHT, "failed": State.IN_FLIGHT}
    for step, start, blocks in steps:
        piece = Piece(start, blocks)
        allowed = piece.end <= 40 and all(
            model[b].state is needs.get(step, State.IN_FLIGHT) for b in range(start, piece.end)
        )
        arguments = (piece, "x") if step in ("copied", "failed") else (piece,)
        if not allowed:
            with pytest.raises(LedgerError):
                getattr(ledger, step)(*arguments)
        else:
            getattr(ledger, step)(*arguments)
            after = {
                "begin": Entry(State.IN_FLIGHT),
                "copied": Entry(State.COPIED, "x"),
                "failed": Entry(State.FAILED, "x"),
                "back": Entry(State.PENDING),
            }[step]
            model[start : piece.end] = [after] * blocks
        assert [entry for run, entry in ledger.runs() for _ in range(run.blocks)] == model
        assert sum(ledger.count(state) for state in State) == 40
        part = Piece(start % 40, min(blocks, 40 - start % 40))
        seen = [entry for run, entry in ledger.within(part) for _ in range(run.blocks)]
        assert seen == model[part.start : part.end]
        runs = ledger.runs()
        assert all(a[1] != b[1] for a, b in pairwise(runs))


def test_a_copy_in_order_stays_one_run() -> None:
    ledger = Coverage(10_000)
    for at in range(0, 10_000, 10):
        ledger.begin(Piece(at, 10))
        ledger.copied(Piece(at, 10), "offload")
        assert len(ledger.runs()) <= 2
    assert ledger.complete


def test_a_piece_costs_no_more_to_book_and_count_after_thousands_by_turns_of_two_means() -> None:
    ledger, size = Coverage(2**62), 2**62 // 5000

    def book(number: int) -> None:
        ledger.begin(Piece(number * size, size))
        if number:
            ledger.copied(Piece((number - 1) * size, size), "host" if number % 2 else "offload")
        assert ledger.count(State.COPIED, "host") == (number + 1) // 2 * size

    cost = [lines_run(lambda number=number: book(number)) for number in range(5000)]  # type: ignore[misc]
    assert len(ledger.runs()) > 4900
    assert max(cost[3:]) == max(cost[3:103])  # with both means seen, and the first runs made


@pytest.mark.parametrize("piece", [Piece(-1, 2), Piece(9, 2), Piece(0, 0), Piece(0, -1)])
def test_nothing_outside_the_request_is_booked(piece: Piece) -> None:
    with pytest.raises(LedgerError):
        Coverage(10).begin(piece)


def test_an_empty_request_is_complete() -> None:
    assert Coverage(0).complete
