"""Zeros that the host reads are made on the destination where that was asked for, and never elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.command import Command, Reply
from tests.xcopy.thin_copy import ThinCopy, holds_its_word, whole
from tests.xcopy.thin_model import BLOCK, BLOCKS, NO_COMMAND, Thin, junk, thin
from xcopy.conversation import Read, Send, Write, converse
from xcopy.coverage import State
from xcopy.errors import IoFailed
from xcopy.host import HostOutcome, copy_piece
from xcopy.job import Method
from xcopy.plan import Piece, Request
from xcopy.task import HOST, OFFLOAD, ZERO, HostTask, ZerosRead
from xcopy.zeroing import Way, Zeroing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xcopy.conversation import Step


def thick(zeros: Iterable[int]) -> Thin:
    """A source that has storage for everything, and tells of no map; of its blocks these are zeros."""
    made = thin(0, BLOCKS, set(range(BLOCKS)), wrong=lambda _: b"")
    for lba in zeros:
        made.data[lba * BLOCK : (lba + 1) * BLOCK] = bytes(BLOCK)
    return made


def by_host(source: Thin, destination: Thin, *, always: bool = True) -> ThinCopy:
    return whole(source, destination, always=always, method=Method.HOST, offload=False)


def test_they_are_made_there_and_counted_as_zeroed() -> None:
    source, destination = thick(range(64, 128)), junk(1, BLOCKS)
    copy = by_host(source, destination)
    copy.all()
    assert copy.job.report == {OFFLOAD: 0, HOST: (BLOCKS - 64) * BLOCK, ZERO: 64 * BLOCK}
    assert destination.data == source.data
    assert destination.mapped == set(range(BLOCKS)) - set(range(64, 128))


def test_what_the_storage_refused_is_looked_at_as_well() -> None:
    source, destination = thin(0, BLOCKS, set(range(BLOCKS - 32))), junk(1, BLOCKS)
    source.data[: 64 * BLOCK] = bytes(64 * BLOCK)
    copy = whole(source, destination, always=True, offload=False)
    copy.all()
    assert copy.job.report == {OFFLOAD: 0, HOST: (BLOCKS - 96) * BLOCK, ZERO: 96 * BLOCK}
    assert destination.data == source.data


def test_they_are_written_like_everything_else_where_that_was_not_asked_for() -> None:
    source, destination = thick(range(64, 128)), junk(1, BLOCKS)
    by_host(source, destination, always=False).all()
    assert not destination.sent
    assert destination.data == source.data


def test_one_block_too_few_is_written() -> None:
    source, destination = thick([64, 128, 129]), junk(1, BLOCKS)
    copy = by_host(source, destination)
    copy.all()
    assert destination.sent == [(128, 2, True)]
    assert destination.data == source.data


def test_a_way_that_is_refused_is_not_tried_again_and_its_blocks_are_written() -> None:
    source, destination = thick(range(BLOCKS)), junk(1, BLOCKS, knows_unmap=False, knows_same=False)
    copy = by_host(source, destination)
    copy.job.limits = None
    request = copy.job.request
    for start in range(0, BLOCKS, 64):
        assert copy.job.holes is not None
        task = copy.job.holes.to_host(Piece(start, 64), "")
        copy.job.coverage.begin(task.piece)
        copy.job.finish(task, copy.performed(task))
    assert [unmap for _, _, unmap in destination.sent] == [True, False]
    assert destination.data == source.data
    assert copy.job.report[HOST] == request.blocks * BLOCK


def test_what_was_made_before_a_refusal_is_kept_and_the_rest_written() -> None:
    source, destination = thick(range(10, 40)), junk(1, BLOCKS, granule=8, knows_unmap=False)
    copy = by_host(source, destination)
    copy.all()
    assert destination.sent[:2] == [(10, 6, False), (16, 24, True)]
    assert copy.job.report == {OFFLOAD: 0, HOST: (BLOCKS - 6) * BLOCK, ZERO: 6 * BLOCK}
    assert destination.data == source.data


def test_no_answer_stops_the_copy_with_what_was_copied_before_and_no_more() -> None:
    source, destination = thick(range(64, 128)), junk(1, BLOCKS)
    copy, before = by_host(source, destination), [bytes(destination.data)]
    copy.silent_after = 0
    copy.all()
    assert copy.job.in_doubt
    assert "no answer came" in copy.job.stopped
    assert [(piece.end, entry.state) for piece, entry in copy.job.coverage.runs(State.COPIED)] == [
        (64, State.COPIED)
    ]
    holds_its_word(copy, before)


def test_a_busy_destination_is_written_to_and_not_asked_for_each_run() -> None:
    source, destination = thick([*range(64, 128), *range(130, 140)]), junk(1, BLOCKS)
    asked = []

    def busy(command: Command) -> Reply:
        asked.append(command)
        return Reply(status=8)

    destination.send = busy  # type: ignore[method-assign]
    copy = by_host(source, destination)
    copy.all()
    assert {command.cdb for command in asked} == {asked[0].cdb}
    assert destination.data == source.data


@pytest.mark.parametrize("fails", ["read", "write"])
def test_a_failure_behind_zeros_leaves_them_copied(fails: str) -> None:
    request = Request(
        source_lba=0, destination_lba=0, blocks=32, source_block_size=BLOCK, destination_block_size=BLOCK
    )

    def step(step: Step) -> object:
        if isinstance(step, Read) and fails == "read":
            raise IoFailed("no")
        if isinstance(step, Read):
            return memoryview(bytes(16 * BLOCK) + b"d" * 16 * BLOCK)
        if isinstance(step, Write):
            raise IoFailed("no")
        assert isinstance(step, Send)
        return Reply()

    zeros = ZerosRead(Zeroing(way=Way.SAME, most=1 << 20), least=4)
    outcome = converse(copy_piece(HostTask(Piece(0, 32), zeros=zeros), request), step)
    copied = 0 if fails == "read" else 16
    assert outcome == HostOutcome(copied, "no", (Piece(0, 16),) if copied else ())
    assert sum(piece.blocks for piece, _ in outcome.parts(0)) == copied


@pytest.mark.parametrize("sizes", [(512, 4096), (4096, 512)])
def test_between_blocks_of_different_sizes_a_run_is_whole_blocks_of_both(sizes: tuple[int, int]) -> None:
    request = Request(
        source_lba=0,
        destination_lba=0,
        blocks=32,
        source_block_size=sizes[0],
        destination_block_size=sizes[1],
    )
    content = b"d" * 4096 * 3 + bytes(4096 * 9 + 512) + b"d" * (4096 * 20 - 512)
    destination = bytearray(b"j" * len(content))

    def step(step: Step) -> object:
        if isinstance(step, Read):
            return memoryview(content)[step.lba * sizes[0] :][: step.blocks * sizes[0]]
        if isinstance(step, Write):
            destination[step.lba * sizes[1] : step.lba * sizes[1] + len(step.data)] = step.data
            return None
        assert isinstance(step, Send)
        lba, blocks = (int.from_bytes(step.command.cdb[a:b], "big") for a, b in ((2, 10), (10, 14)))
        destination[lba * sizes[1] : (lba + blocks) * sizes[1]] = bytes(blocks * sizes[1])
        return Reply()

    zeros = ZerosRead(Zeroing(way=Way.SAME, most=1 << 20), least=1)
    outcome = converse(copy_piece(HostTask(Piece(0, 32), zeros=zeros), request), step)
    assert outcome == HostOutcome(32, "", (Piece(3, 9),))
    assert destination == content


@given(
    zeros=st.lists(st.booleans(), min_size=1, max_size=60),
    least=st.integers(1, 9),
    takes=st.integers(0, 70),
    most=st.integers(1, 70),
)
def test_every_block_is_written_or_made_once_and_in_its_place(
    zeros: list[bool], least: int, takes: int, most: int
) -> None:
    content = b"".join((b"\0" if zero else b"d") * BLOCK for zero in zeros)
    request = Request(
        source_lba=7,
        destination_lba=100,
        blocks=len(zeros),
        source_block_size=BLOCK,
        destination_block_size=BLOCK,
    )
    left, found = takes, []

    def step(step: Step) -> object:
        nonlocal left
        if isinstance(step, Read):
            return memoryview(content)[(step.lba - 7) * BLOCK :][: step.blocks * BLOCK]
        if isinstance(step, Write):
            assert bytes(step.data) == content[(step.lba - 100) * BLOCK :][: len(step.data)]
            found.append((step.lba, len(step.data) // BLOCK))
            return None
        assert isinstance(step, Send)
        lba, blocks = (int.from_bytes(step.command.cdb[a:b], "big") for a, b in ((2, 10), (10, 14)))
        left -= blocks
        if left < 0:
            return NO_COMMAND
        assert not any(content[(lba - 100) * BLOCK : (lba - 100 + blocks) * BLOCK])
        found.append((lba, blocks))
        return Reply()

    task = HostTask(Piece(0, len(zeros)), zeros=ZerosRead(Zeroing(way=Way.SAME, most=most), least))
    outcome = converse(copy_piece(task, request), step)
    assert outcome.copied == len(zeros)
    assert [lba for at, blocks in found for lba in range(at, at + blocks)] == list(
        range(100, 100 + len(zeros))
    )
    assert [block for part, _ in outcome.parts(0) for block in range(part.start, part.end)] == list(
        range(len(zeros))
    )
