"""Blocks become zeros by what is certain to leave zeros, and everything else is written or copied."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from cdb.command import Command, NotSent, Reply
from tests.cdb.independent import fixed_sense
from tests.xcopy.thin_copy import SMALL, copy_of, whole, zeroed
from tests.xcopy.thin_model import BLOCK, BLOCKS, RESET, Thin, junk, thin
from tests.xcopy.units import unit
from xcopy.coverage import State
from xcopy.errors import IoFailed
from xcopy.job import Method
from xcopy.plan import Range
from xcopy.task import HOST, OFFLOAD, ZERO, HostTask, ZeroTask
from xcopy.unit import Provisioning
from xcopy.zeroing import Way, zeroing_of

if TYPE_CHECKING:
    from collections.abc import Callable

MODE_CHANGED = Reply(status=2, sense=fixed_sense(6, 0x2A, 1))
BAD_BLOCK = Reply(status=2, sense=fixed_sense(3, 0x0C, 0))


def test_nine_tenths_that_are_unmapped_are_zeroed_with_unmap_and_the_rest_is_copied() -> None:
    source, destination = thin(0, BLOCKS, set(range(100, 124))), junk(1, BLOCKS, granule=8)
    copy = whole(source, destination)
    copy.all()
    assert copy.job.report == {OFFLOAD: 24 * BLOCK, HOST: 0, ZERO: (BLOCKS - 24) * BLOCK}
    assert destination.data == source.data
    assert all(unmap == (lba % 8 == 0 and n % 8 == 0) for lba, n, unmap in destination.sent)
    assert destination.mapped == set(range(96, 128)), "granules that are unmapped whole have no storage"


def test_what_is_beside_whole_granules_is_written() -> None:
    source, destination = thin(0, BLOCKS, {*range(13), *range(40, BLOCKS)}), junk(1, BLOCKS, granule=16)
    copy = whole(source, destination)
    copy.all()
    assert zeroed(copy) == set(range(13, 40))
    assert destination.sent == [(13, 3, False), (16, 16, True), (32, 8, False)]
    assert destination.data == source.data


def test_granules_begin_where_the_unit_says() -> None:
    source = thin(0, BLOCKS, {*range(10), *range(40, BLOCKS)})
    destination = junk(1, BLOCKS, granule=16, aligned_to=5)
    whole(source, destination).all()
    assert destination.sent == [(10, 11, False), (21, 16, True), (37, 3, False)]
    assert destination.data == source.data


def test_where_unmap_is_refused_the_blocks_are_written_the_same() -> None:
    source, destination = thin(0, BLOCKS, set(range(32))), junk(1, BLOCKS, knows_unmap=False)
    copy = whole(source, destination)
    copy.all(at_once=1)
    assert zeroed(copy) == set(range(32, BLOCKS))
    assert [unmap for _, _, unmap in destination.sent].count(True) == 1
    assert copy.job.holes is not None
    assert not copy.job.holes.why_not


def test_where_write_same_is_refused_they_are_copied_and_the_reason_is_told() -> None:
    source = thin(0, BLOCKS, set(range(32)))
    destination = junk(1, BLOCKS, knows_unmap=False, knows_same=False)
    copy = whole(source, destination)
    copy.all(at_once=1)
    assert copy.job.report == {OFFLOAD: BLOCKS * BLOCK, HOST: 0}
    assert len(destination.sent) == 2
    assert copy.job.holes is not None
    assert "has no WRITE SAME(16)" in copy.job.holes.why_not


def test_always_has_the_host_write_zeros_where_write_same_is_refused() -> None:
    source = thin(0, BLOCKS, set(range(32)))
    destination = junk(1, BLOCKS, knows_unmap=False, knows_same=False)
    copy = whole(source, destination, always=True)
    copy.all()
    assert copy.job.report == {OFFLOAD: 32 * BLOCK, HOST: 0, ZERO: (BLOCKS - 32) * BLOCK}
    assert destination.data == source.data


def test_where_only_the_storage_may_copy_the_host_writes_no_zeros() -> None:
    source = thin(0, BLOCKS, set(range(32)))
    destination = junk(1, BLOCKS, knows_unmap=False, knows_same=False)
    copy = whole(source, destination, always=True, method=Method.OFFLOAD)
    copy.all()
    assert "has no WRITE SAME(16)" in copy.job.stopped
    assert bytes(destination.data).strip(b"j") in (b"", bytes(source.data[: 32 * BLOCK]))


def test_a_write_same_that_is_not_answered_stops_the_copy_and_its_blocks_are_unknown() -> None:
    source, destination = thin(0, BLOCKS, set(range(32))), junk(1, BLOCKS)
    copy = whole(source, destination)
    copy.silent_after = 0
    copy.all(at_once=1)
    assert copy.job.in_doubt
    assert "no answer came" in copy.job.stopped
    assert [entry.state for _, entry in copy.job.coverage.runs(State.FAILED)] == [State.FAILED]
    assert not zeroed(copy)


def test_a_destination_that_is_busy_for_ever_gets_its_blocks_copied() -> None:
    source, destination = thin(0, BLOCKS, set()), junk(1, BLOCKS)
    destination.send = lambda _: Reply(status=8)  # type: ignore[method-assign]
    copy = whole(source, destination, offload=False)
    tasks = []
    while copy.begin():
        tasks.append(copy.end())
    assert any(isinstance(task, HostTask) for task in tasks)
    assert destination.data == source.data


THIN = Provisioning(managed=True, zeros=True, write_same_unmaps=True, granule=8)


@pytest.mark.parametrize(
    ("vendor", "product", "way"),
    [
        ("Linux", "scsi_debug", Way.UNMAP),
        ("XCOPYDEV", "EMULATED ARRAY", Way.UNMAP),
        ("LIO-ORG", "IBLOCK", Way.SAME),
        ("ACME", "IBLOCK", Way.SAME),
        ("Linux", "IBLOCK", Way.SAME),
        ("", "", Way.SAME),
    ],
)
def test_only_a_product_that_was_tried_is_sent_the_unmap_bit(vendor: str, product: str, way: Way) -> None:
    zeroing = zeroing_of(unit(vendor=vendor, product=product, provisioning=THIN))
    assert zeroing is not None
    assert zeroing.way is way


@pytest.mark.parametrize("missing", ["managed", "zeros", "write_same_unmaps", "granule"])
def test_a_product_that_was_tried_is_sent_it_only_where_it_promises_zeros_of_whole_granules(
    missing: str,
) -> None:
    told = replace(THIN, **{missing: 0 if missing == "granule" else False})  # type: ignore[arg-type]
    zeroing = zeroing_of(unit(vendor="Linux", product="scsi_debug", provisioning=told))
    assert zeroing is not None
    assert zeroing.way is Way.SAME


@pytest.mark.parametrize("really", [24, 1000])
def test_between_blocks_that_were_zeros_before_nothing_old_is_left_whatever_a_unit_takes_unmap_for(
    really: int,
) -> None:
    destination = junk(1, BLOCKS, tried=False, granule=8, really=really)
    for lba in (8, 108, 207):  # the ends and the middle of what is zeroed
        destination.write(lba, bytes(BLOCK))
    copy = copy_of([thin(0, BLOCKS, set())], [destination], [Range(0, 200, 8)], offload=False)
    copy.all()
    assert copy.job.report[ZERO] == 200 * BLOCK
    assert destination.read(8, 200) == bytes(200 * BLOCK)
    assert destination.read(0, 8) == b"j" * 8 * BLOCK
    assert destination.read(208, 48) == b"j" * 48 * BLOCK


def loses(destination: Thin, before: bytes, number: int) -> None:
    """The unit loses its cache, and says so to the command of that number from now on, which does nothing."""
    send, count = destination.send, iter(range(1, 1000))

    def reset(command: Command) -> Reply:
        if next(count) != number:
            return send(command)
        destination.data[:] = before
        return RESET

    destination.send = reset  # type: ignore[method-assign]


def test_a_reset_between_two_commands_of_the_first_task_stops_the_copy() -> None:
    destination = junk(1, BLOCKS, granule=24)
    copy = copy_of([thin(0, BLOCKS, set())], [destination], [Range(0, 60, 10)], offload=False)
    loses(destination, bytes(destination.data), 2)
    copy.all(at_once=1)
    assert "reset" in copy.job.stopped
    assert copy.job.in_doubt


def test_a_reset_that_the_first_task_hears_of_stops_the_copy_for_what_others_had_zeroed() -> None:
    destination = junk(1, BLOCKS, told_most=8)
    copy = whole(thin(0, BLOCKS, set()), destination, offload=False)
    before = bytes(destination.data)
    copy.begin()
    copy.end()
    for _ in range(3):
        assert copy.begin()
    assert all(isinstance(task, ZeroTask) for task in copy.flying)
    copy.end(2)
    copy.end(1)
    loses(destination, before, 1)
    copy.all()
    assert "reset" in copy.job.stopped
    assert copy.job.in_doubt


def test_where_the_second_command_of_a_task_is_not_answered_the_rest_alone_is_unknown() -> None:
    destination = junk(1, BLOCKS, granule=24)
    copy = copy_of([thin(0, BLOCKS, set())], [destination], [Range(0, 60, 10)], offload=False)
    copy.silent_after = 1
    copy.all(at_once=1)
    assert copy.job.in_doubt
    assert zeroed(copy) == set(range(14))
    assert [(run.start, run.end) for run, _ in copy.job.coverage.runs(State.FAILED)] == [(14, 60)]


def test_what_is_copied_where_zeroing_is_refused_in_the_middle_begins_with_a_whole_granule() -> None:
    source = thin(0, BLOCKS, set(range(128, BLOCKS)))
    destination = junk(1, BLOCKS, granule=8, aligned_to=3, most=5)
    copy = whole(source, destination, granule=4)
    copy.all()
    assert destination.sent[:2] == [(0, 3, False), (3, 120, True)]
    assert copy.job.report == {OFFLOAD: BLOCKS * BLOCK, HOST: 0}
    assert destination.data == source.data


def refused(_: Command) -> Reply:
    raise NotSent("operation not permitted")


def cut_short(command: Command) -> Reply:
    return Reply(residual=len(command.data_out))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (refused, "WRITE SAME(16) could not be sent: operation not permitted"),
        (cut_short, "took 0 of the 512 bytes"),
    ],
)
def test_what_the_destination_does_not_take_is_copied_and_the_reason_is_told(
    answer: Callable[[Command], Reply], why: str
) -> None:
    source, destination = thin(0, BLOCKS, set(range(32))), junk(1, BLOCKS)
    destination.send = answer  # type: ignore[method-assign]
    copy = whole(source, destination)
    copy.all()
    assert copy.job.report == {OFFLOAD: BLOCKS * BLOCK, HOST: 0}
    assert copy.job.holes is not None
    assert why in copy.job.holes.why_not
    assert destination.data == source.data


def test_a_unit_attention_that_is_no_reset_is_heard_and_the_blocks_are_zeroed() -> None:
    source, destination = thin(0, BLOCKS, set(range(32))), junk(1, BLOCKS)
    send, told = destination.send, iter([MODE_CHANGED])
    destination.send = lambda command: next(told, None) or send(command)  # type: ignore[method-assign]
    copy = whole(source, destination)
    copy.all()
    assert zeroed(copy) == set(range(32, BLOCKS))
    assert destination.data == source.data


def test_where_blocks_cannot_be_zeroed_or_copied_alike_always_stops() -> None:
    destination = junk(1, BLOCKS)
    destination.send = lambda _: BAD_BLOCK  # type: ignore[method-assign]
    copy = whole(thin(0, BLOCKS, set(range(32))), destination, always=True)
    copy.all()
    assert copy.job.stopped.startswith("--sparse always: a block cannot be read or written")
    assert not zeroed(copy)


def test_a_host_that_cannot_write_zeros_stops_the_copy() -> None:
    def fails(_: int, __: bytes | memoryview) -> None:
        raise IoFailed("no such device")

    destination = junk(1, BLOCKS, knows_unmap=False, knows_same=False)
    copy = whole(thin(0, BLOCKS, set()), destination, always=True, offload=False)
    destination.write = fails  # type: ignore[method-assign]
    copy.all()
    assert copy.job.stopped == "no such device"
    assert copy.job.in_doubt
    assert not zeroed(copy)


def test_of_two_destinations_the_one_without_write_same_gets_copies_and_the_other_zeros() -> None:
    source = thin(0, BLOCKS, set(range(32)))
    without, knows = junk(0, BLOCKS, knows_unmap=False, knows_same=False), junk(1, BLOCKS)
    ranges = [Range(0, BLOCKS, 0, 0), Range(0, BLOCKS, 0, 1)]
    copy = copy_of(
        [source], [without, knows], ranges, measures=replace(SMALL, portion=1 << 30, ahead=1 << 30)
    )
    copy.all()
    assert zeroed(copy) == set(range(BLOCKS + 32, 2 * BLOCKS))
    assert without.data == knows.data == source.data


def test_granules_of_the_copy_manager_larger_than_a_command_are_zeroed_by_several() -> None:
    source, destination = thin(0, BLOCKS, set(range(64))), junk(1, BLOCKS, tried=False, told_most=5, most=5)
    copy = whole(source, destination, granule=16)
    copy.all()
    assert zeroed(copy) == set(range(64, BLOCKS))
    assert max(blocks for _, blocks, _ in destination.sent) == 5
    assert destination.data == source.data
