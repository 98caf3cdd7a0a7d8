"""Whole copies over an emulated array in memory: bytes, bytes outside, means and ledger, with faults."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.command import NotSent, Reply, Silence, Status
from cdb.sense import Sense
from xcopy.comparison import Comparison, Prefer
from xcopy.conversation import Pushback, Side, converse
from xcopy.coverage import State
from xcopy.device.worker import start
from xcopy.errors import NoThread
from xcopy.host import CommandBlocks
from xcopy.job import Job, Method
from xcopy.limits import Limits, Wanted, agree
from xcopy.offload import Pair
from xcopy.plan import Request, Shape
from xcopy.probe import discover
from xcopy.runner import Runner
from xcopy.settings import Bounds
from xcopy.target.array import Array, memory_array
from xcopy.target.faults import BUSY, Call, Fault, check
from xcopy.target.profile import CAPABLE
from xcopy.task import HOST, OFFLOAD

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.unit import LogicalUnit

BLOCKS = 4096
LAST: list[Job] = []  # the job of the last copy, for those that end in an exception
SMALL = {"maximum_segment_length": 64 * 512, "maximum_segment_count": 3}


def content(number: int) -> bytes:
    """Every block different, and different on every unit."""
    return b"".join(f"{number}/{lba:08}".encode().ljust(512, b".") for lba in range(BLOCKS))


def array(*faults: Fault, enforced: dict[str, int] | None = None, **parameters: int) -> Array:
    advertised = CAPABLE.but(**{**SMALL, **parameters})
    made = memory_array(
        2,
        blocks=BLOCKS,
        advertised=advertised,
        enforces=advertised.but(**enforced) if enforced else None,
        faults=faults,
    )
    for number in (0, 1):
        made.units[number].backing.write(0, content(number))
    return made


def probe(a: Array, number: int) -> LogicalUnit:
    way = a.open(number)
    return converse(discover(f"unit{number}"), lambda step: way.send(step.command))  # type: ignore[union-attr]


@dataclass
class Steady:
    """So many tasks at once, always, with segments of 64 blocks; what it is told is kept."""

    window: int
    pushed: list[Pushback] = field(default_factory=list)
    handed_back: list[int] = field(default_factory=list)

    def shape_for(self, remaining: int) -> Shape:
        assert remaining > 0
        return Shape(64, 1 << 16)

    def ready_at(self, now: float) -> float:
        return now

    def sent(self, size: int, now: float) -> None:
        pass

    def completed(self, size: int, latency: float, now: float) -> None:
        pass

    def lost(self, now: float) -> None:
        pass

    def refused(self, size: int, sent: float, now: float) -> None:
        assert sent == now == 0.0
        self.handed_back.append(size)

    def bound(self, bounds: Bounds, now: float) -> None:
        pass

    def pushed_back(self, why: Pushback, now: float) -> None:
        assert now == 0.0
        self.pushed.append(why)


@dataclass
class Doors:
    """Both units of one array, as a worker opens them."""

    array: Array
    numbers: dict[Side, int] = field(default_factory=lambda: {Side.SOURCE: 0, Side.DESTINATION: 1})

    def transport(self, side: Side, pair: int) -> Any:
        assert pair == 0
        return self.array.open(self.numbers[side])

    same_way = transport

    def blocks(self, side: Side, pair: int) -> CommandBlocks:
        return CommandBlocks(self.transport(side, pair), side.value, 512, sleep=lambda _: None)

    def close(self) -> None:
        pass


def copy(
    a: Array,
    blocks: int,
    source_lba: int,
    destination_lba: int,
    method: Method = Method.AUTO,
    jobs: int = 4,
    runner: list[Runner] | None = None,
    observe: Callable[[Job], None] = lambda _: None,
    spawn: Callable[..., object] = start,
    probed: tuple[LogicalUnit, LogicalUnit] | None = None,
    comparison: Comparison | None = None,
    now: Callable[[], float] = lambda: 0.0,
    drive: Steady | None = None,
    sleep: Callable[[float, threading.Event], object] = lambda *_: None,
) -> Job:
    units = probed or (probe(a, 0), probe(a, 1))
    offer = agree(*units, Wanted(jobs=jobs))
    request = Request(
        source_lba=source_lba,
        destination_lba=destination_lba,
        blocks=blocks,
        source_block_size=512,
        destination_block_size=512,
    )
    job = Job(request, offer, method)
    LAST[:] = [job]
    made = Runner(
        job,
        [Pair(*units, offer.without_list_id if isinstance(offer, Limits) else True)],
        drives=dict.fromkeys((OFFLOAD, HOST), drive or Steady(jobs)),
        most=jobs,
        bounds=lambda limits: Bounds.of(limits, 512),
        open_doors=lambda: Doors(a),
        start=spawn,
        now=now,
        sleep=sleep,
        comparison=comparison,
        observe=observe,
    )
    if runner is not None:
        runner.append(made)
    made.run()
    return job


def assert_copied(a: Array, blocks: int, source_lba: int, destination_lba: int) -> None:
    expected = bytearray(content(1))
    expected[destination_lba * 512 : (destination_lba + blocks) * 512] = content(0)[
        source_lba * 512 : (source_lba + blocks) * 512
    ]
    assert a.units[0].backing.read(0, BLOCKS * 512) == content(0)
    assert a.units[1].backing.read(0, BLOCKS * 512) == bytes(expected)


def on(opcode: int, then: Any, nth: int = 1, times: int | None = 1) -> Fault:
    return Fault(opcode=opcode, nth=nth, times=times, then=then)


def unreachable() -> Reply:
    return check(0xA, 0x0D, 0x02)


@given(
    blocks=st.integers(0, 1000),
    source_lba=st.integers(0, 3000),
    destination_lba=st.integers(0, 3000),
    jobs=st.integers(1, 6),
    method=st.sampled_from([Method.AUTO, Method.HOST, Method.OFFLOAD]),
)
@settings(max_examples=25, deadline=None)
def test_any_range_is_copied_and_nothing_else(
    blocks: int, source_lba: int, destination_lba: int, jobs: int, method: Method
) -> None:
    a = array()
    job = copy(a, blocks, source_lba, destination_lba, method, jobs)
    assert_copied(a, blocks, source_lba, destination_lba)
    means = HOST if method is Method.HOST else OFFLOAD
    assert job.coverage.count(State.COPIED, means) == blocks
    assert not job.fallbacks
    assert sum(s.length // 512 for s in a.copied_segments) == (0 if means == HOST else blocks)


@pytest.mark.parametrize("nth", [1, 2, 5])
@pytest.mark.parametrize(
    "then",
    [BUSY, check(6, 0x3F, 0x0E), check(0xB, 0, 0), check(5, 0, 0x16)],
    ids=["busy", "UA", "aborted", "id"],
)
def test_a_passing_trouble_leaves_no_trace(nth: int, then: Reply) -> None:
    a = array(on(0x83, then, nth, 3))
    job = copy(a, 2000, 5, 9)
    assert_copied(a, 2000, 5, 9)
    assert job.coverage.count(State.COPIED, OFFLOAD) == 2000


def test_a_pair_that_cannot_be_copied_between_costs_one_command_and_is_copied_by_the_host() -> None:
    a = array(on(0x83, unreachable(), times=None))
    job = copy(a, 2000, 5, 9)
    assert_copied(a, 2000, 5, 9)
    assert a.count(0x83) == 1
    assert job.coverage.count(State.COPIED, HOST) == 2000
    (fallback,) = job.fallbacks.values()
    assert "COPY TARGET DEVICE NOT REACHABLE" in fallback.reason
    assert fallback.blocks == 2000


@pytest.mark.parametrize(
    ("answer", "handed_back"),
    [
        (check(5, 0x20, 0x00), [3 * 64 * 512]),
        (Reply(status=Status.RESERVATION_CONFLICT), [3 * 64 * 512]),
        (check(0xA, 0x0D, 0x02), []),
        (check(3, 0x11, 0x00), []),
    ],
    ids=["unknown command", "reserved", "aborted", "a bad block"],
)
def test_a_rate_has_back_what_a_command_would_have_taken_that_was_not_begun(
    answer: Reply, handed_back: list[int]
) -> None:
    drive = Steady(4)
    a = array(on(0x83, answer))
    copy(a, 2000, 5, 9, drive=drive)
    assert_copied(a, 2000, 5, 9)
    assert drive.handed_back == handed_back


def test_after_a_success_a_failure_concerns_its_own_batch() -> None:
    a = array(on(0x83, unreachable(), nth=3))
    job = copy(a, 2000, 5, 9)
    assert_copied(a, 2000, 5, 9)
    assert 0 < job.coverage.count(State.COPIED, HOST) <= 192
    assert sum(f.blocks for f in job.fallbacks.values()) == job.coverage.count(State.COPIED, HOST)


def test_a_failure_inside_the_array_after_part_of_a_segment_is_copied_again_whole() -> None:
    a = array(Fault(at="write", nth=4, then=check(3, 0x0C, 0)))
    job = copy(a, 2000, 5, 9)
    assert_copied(a, 2000, 5, 9)
    assert job.coverage.complete
    assert any("THIRD PARTY DEVICE FAILURE" in f.reason for f in job.fallbacks.values())


def test_only_offload_allowed_and_refused_copies_nothing() -> None:
    a = array(on(0x83, unreachable(), times=None))
    job = copy(a, 2000, 5, 9, Method.OFFLOAD)
    assert_copied(a, 0, 5, 9)
    assert job.coverage.count(State.COPIED) == 0
    assert "NOT REACHABLE" in job.stopped


def test_an_array_that_takes_fewer_segments_than_it_says_is_given_fewer() -> None:
    a = array(maximum_segment_count=8, enforced={"maximum_segment_count": 2})
    job = copy(a, 2000, 5, 9)
    assert_copied(a, 2000, 5, 9)
    assert job.coverage.count(State.COPIED, OFFLOAD) == 2000
    assert job.limits is not None
    assert job.limits.segments_per_command.value == 2


def test_silence_stops_the_copy_and_the_ranges_say_what_is_sure() -> None:
    mute = Fault(opcode=0x84, when=lambda step: step.cdb[1] == 0, then=Silence("lost"), times=None)
    a = array(on(0x83, Silence("timed out"), nth=3), mute)
    job = copy(a, 2000, 5, 9)
    assert "timed out" in job.stopped
    assert job.coverage.count(State.FAILED) == 192
    written = a.units[1].backing.read(0, BLOCKS * 512)
    for piece, _ in job.coverage.runs(State.COPIED):
        at, end = 9 + piece.start, 9 + piece.end
        assert written[at * 512 : end * 512] == content(0)[(at - 4) * 512 : (end - 4) * 512]
    assert sum(p.blocks for p, _ in job.coverage.runs()) == 2000


def test_a_node_that_may_not_send_extended_copy_is_read_and_written() -> None:
    a = array(on(0x83, NotSent("operation not permitted"), times=None))
    job = copy(a, 2000, 5, 9)
    assert_copied(a, 2000, 5, 9)
    assert any("not permitted" in reason for reason in job.fallbacks)


def test_a_host_read_that_fails_is_reported_with_its_range() -> None:
    a = array(on(0x88, check(3, 0x11, 0), nth=2, times=None))
    job = copy(a, 4000, 0, 0, Method.HOST, jobs=1)
    assert "READ(16)" in job.stopped
    assert not job.coverage.complete
    assert (
        job.coverage.count(State.COPIED)
        + job.coverage.count(State.FAILED)
        + job.coverage.count(State.PENDING)
        == 4000
    )


def test_less_than_a_granule_at_the_end_goes_by_the_host() -> None:
    a = array(data_segment_granularity=13)
    job = copy(a, 1001, 5, 9)
    assert_copied(a, 1001, 5, 9)
    assert job.coverage.count(State.COPIED, HOST) == 1001 % 16
    assert any("granularity" in reason for reason in job.fallbacks)


def test_a_stop_in_the_middle_waits_for_what_is_in_flight_and_reports_it() -> None:
    runner: list[Runner] = []
    a = array(on(0x83, Call(lambda: runner[0].stop("interrupted")), nth=4))
    job = copy(a, 4000, 0, 0, runner=runner)
    assert job.stopped == "interrupted"
    assert job.coverage.count(State.IN_FLIGHT) == 0
    copied = job.coverage.count(State.COPIED)
    assert 0 < copied < 4000
    assert copied == sum(s.length // 512 for s in a.copied_segments)


def test_commands_really_are_in_flight_together() -> None:
    together = threading.Barrier(3, timeout=30)  # three commands meet inside the array, or the test fails
    seen: list[int] = []

    def meet() -> None:
        seen.append(together.wait())

    a = array(on(0x83, Call(meet), nth=2, times=3))
    job = copy(a, 1500, 0, 0, jobs=3)
    assert sorted(seen) == [0, 1, 2]
    assert job.coverage.complete


def test_a_bug_in_a_worker_is_raised_not_swallowed() -> None:
    def bug() -> None:
        raise RuntimeError("a bug")

    a = array(on(0x83, Call(bug), nth=3))
    with pytest.raises(RuntimeError, match="a bug"):
        copy(a, 2000, 0, 0)


def test_a_sense_that_says_everything_is_shown_in_the_reason() -> None:
    sense = Sense(key=0xA, asc=0x0D, ascq=0x01, segment=1)
    a = array(on(0x83, Reply(status=2, sense=sense.pack_fixed()), nth=2))
    job = copy(a, 2000, 0, 0)
    assert any("in segment 1" in f.reason for f in job.fallbacks.values())
    assert job.coverage.complete


def test_a_renderer_that_fails_ends_the_copy_only_when_nothing_is_in_flight() -> None:
    def observe(job: Job) -> None:
        if job.coverage.count(State.COPIED) > 500:
            raise OSError("no space left on device")

    a = array()
    with pytest.raises(OSError, match="no space left"):
        copy(a, 4000, 0, 0, observe=observe)
    (job,) = LAST
    assert job.coverage.count(State.IN_FLIGHT) == 0
    assert job.coverage.count(State.COPIED) == sum(s.length // 512 for s in a.copied_segments)


@pytest.mark.parametrize("allowed", [1, 2])
def test_a_system_without_more_threads_copies_with_those_it_has(allowed: int) -> None:
    started: list[str] = []

    def spawn(work: Callable[[], None], name: str) -> object:
        if len(started) == allowed:
            raise NoThread("can't start new thread")
        started.append(name)
        return start(work, name)

    a = array()
    job = copy(a, 4000, 0, 0, spawn=spawn)
    assert_copied(a, 4000, 0, 0)
    assert job.coverage.complete
    assert job.commands[OFFLOAD] == a.count(0x83)


def test_a_system_without_any_thread_copies_nothing_and_says_so() -> None:
    def spawn(work: Callable[[], None], name: str) -> object:
        raise NoThread(f"can't start new thread {name} for {work}")

    a = array()
    with pytest.raises(NoThread, match="new thread"):
        copy(a, 100, 0, 0, spawn=spawn)
    assert_copied(a, 0, 0, 0)


def test_a_stop_that_comes_while_another_is_being_told_to_the_workers_is_heard() -> None:
    made: list[Runner] = []

    def interrupted(_: float, stopping: threading.Event) -> None:
        with stopping._cond:  # type: ignore[attr-defined]  # a signal amid `set`
            made[0].stop("interrupted")
        assert stopping.wait(20)

    a = array(on(0x83, BUSY, nth=3, times=None))
    ended = threading.Event()

    def run() -> None:
        copy(a, 2000, 0, 0, jobs=1, runner=made, sleep=interrupted)
        ended.set()

    threading.Thread(target=run, daemon=True).start()
    assert ended.wait(20)
    (job,) = LAST
    assert job.stopped == "interrupted"
    assert job.coverage.count(State.FAILED) > 0


def test_a_drive_that_fails_again_and_again_leaves_no_outcome_unbooked() -> None:
    class Broken(Steady):
        def completed(self, size: int, latency: float, now: float) -> None:
            if LAST[0].coverage.count(State.COPIED) > 500:
                raise ZeroDivisionError(size, latency, now)

    a = array()
    with pytest.raises(ZeroDivisionError):
        copy(a, 4000, 0, 0, drive=Broken(4))
    (job,) = LAST
    assert job.coverage.count(State.IN_FLIGHT) == 0
    assert job.coverage.count(State.COPIED) == sum(s.length // 512 for s in a.copied_segments)


def test_a_stop_before_the_start_sends_nothing() -> None:
    a = array()
    units = probe(a, 0), probe(a, 1)
    offer = agree(*units, Wanted(jobs=4))
    request = Request(
        source_lba=0, destination_lba=0, blocks=100, source_block_size=512, destination_block_size=512
    )
    job = Job(request, offer, Method.AUTO)
    runner = Runner(
        job,
        [Pair(*units, True)],
        drives=dict.fromkeys((OFFLOAD, HOST), Steady(4)),
        most=4,
        bounds=lambda limits: Bounds.of(limits, 512),
        open_doors=lambda: Doors(a),
        start=start,
        now=lambda: 0.0,
        sleep=lambda *_: None,
        observe=lambda _: None,
    )
    runner.stop("interrupted")
    runner.run()
    assert a.count(0x83) == 0
    assert job.coverage.count(State.PENDING) == 100


def test_an_error_without_words_stops_the_copy_all_the_same() -> None:
    def out_of_memory() -> None:
        raise MemoryError

    a = array(on(0x83, Call(out_of_memory), nth=3))
    with pytest.raises(MemoryError):
        copy(a, 4000, 0, 0, jobs=1)
    assert a.count(0x83) == 3
    assert LAST[0].stopped


def test_a_busy_unit_is_waited_for_by_the_host_too() -> None:
    a = array(on(0x8A, BUSY, nth=2, times=3))
    job = copy(a, 4000, 0, 0, Method.HOST)
    assert_copied(a, 4000, 0, 0)
    assert job.coverage.complete


@dataclass
class Ticking:
    """A clock that goes on a second whenever it is looked at."""

    at: float = 0.0

    def now(self) -> float:
        self.at += 1.0
        return self.at


@pytest.mark.parametrize("prefer", list(Prefer))
def test_a_trial_of_the_host_is_part_of_the_copy_and_its_bytes_are_accounted_for(prefer: Prefer) -> None:
    comparison, a = Comparison(prefer, 0.0), array()
    job = copy(a, 4096, 0, 0, jobs=2, comparison=comparison, now=Ticking().now)
    assert_copied(a, 4096, 0, 0)
    by_host = job.coverage.count(State.COPIED, HOST)
    assert sum(f.blocks for f in job.fallbacks.values()) == by_host
    assert bool(by_host) is (comparison.found is not None) is (prefer is not Prefer.OFFLOAD)


def test_a_host_that_cannot_copy_leaves_its_trial_to_the_storage() -> None:
    a = array(on(0x88, check(3, 0x11), times=None))
    job = copy(a, 4096, 0, 0, jobs=2, comparison=Comparison(Prefer.SPEED, 0.0), now=Ticking().now)
    assert_copied(a, 4096, 0, 0)
    assert job.coverage.count(State.COPIED, OFFLOAD) == 4096


def test_a_stop_has_the_unit_end_what_is_under_way_where_it_can() -> None:
    aborted = threading.Event()
    made: list[Runner] = []
    a = array(
        Fault(at="write", nth=2, then=Call(lambda: (made[0].stop("interrupted"), aborted.wait(20)))),
        on(0x83, Call(aborted.set), nth=2),
    )
    job = copy(a, 4000, 0, 0, jobs=1, runner=made)
    assert aborted.is_set()
    assert a.count(0x83) == 2
    assert job.stopped == "interrupted"
    assert 0 < job.coverage.count(State.PENDING) < 4000
    for piece, _ in job.coverage.runs(State.COPIED):
        here = a.units[1].backing.read(piece.start * 512, piece.blocks * 512)
        assert here == content(0)[piece.start * 512 : piece.end * 512]


def test_a_copy_that_is_held_back_by_its_rate_goes_on_when_its_time_has_come() -> None:
    @dataclass
    class Slow(Steady):
        due: float = 0.0

        def ready_at(self, now: float) -> float:
            return max(self.due, now)

        def sent(self, size: int, now: float) -> None:  # noqa: ARG002 - the drive's seam
            self.due = now + 3.0

    clock = Ticking()
    a = array()
    job = copy(a, 700, 0, 0, jobs=4, now=clock.now, drive=Slow(4))
    assert_copied(a, 700, 0, 0)
    assert clock.at >= 3.0 * (job.commands[OFFLOAD] - 1)
