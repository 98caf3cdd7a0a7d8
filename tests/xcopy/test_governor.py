"""The governor: in simulation as fast as the best fixed setting; within its bounds whatever it is told."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.xcopy.simulated_storage import BLOCK, KIB, MIB, Fixed, Run, Storage, best_fixed
from xcopy.bucket import Bucket
from xcopy.conversation import Pushback
from xcopy.governor import MOVES, Governor
from xcopy.limits import DEFAULT_COMMAND_BYTES, Bound, Limits, Wanted
from xcopy.plan import Shape
from xcopy.settings import Bounds, Setting, Span

MB = 1e6
COPY = 60.0  # seconds

BOUNDS = Bounds(
    block_size=BLOCK, jobs=Span(1, 64), segment_blocks=Span(128, 16 * MIB // BLOCK), segments=Span(1, 64)
)


def small_is_best(segment: int) -> float:
    """XtremIO: 256 KiB is what its translation works in."""
    return float(min(segment / (256 * KIB), 1.0) ** 0.3 * min(256 * KIB / segment, 1.0) ** 0.5)


STORAGES = {
    "LIO on a slow disk, up to 64 beside each other": Storage(total=64 * 7.4 * MB, each=7.4 * MB, noise=0.05),
    "LIO on a slow disk, up to 32 beside each other": Storage(total=32 * 7.4 * MB, each=7.4 * MB, noise=0.3),
    "LIO on a ramdisk: the processor is the limit": Storage(total=725 * MB, each=600 * MB, shared=0.0018),
    "each command costs much, one after another": Storage(total=500 * MB, shared=0.004),
    "each command costs much, beside others": Storage(total=500 * MB, fixed=0.004),
    "XtremIO: 256 KiB segments are best": Storage(
        total=400 * MB, each=60 * MB, fixed=0.001, efficiency=small_is_best
    ),
    "Pure: a command costs the same whatever its size": Storage(
        total=1e12, fixed=0.05, shared=0.005, noise=0.1
    ),
    "VMAX: large extents are best": Storage(
        total=900 * MB, each=200 * MB, fixed=0.002, efficiency=lambda segment: (segment / (16 * MIB)) ** 0.3
    ),
    "takes 4 commands and says BUSY": Storage(total=400 * MB, each=60 * MB, takes=lambda now: 4),  # noqa: ARG005
    "takes 7 commands and says TASK SET FULL": Storage(
        total=600 * MB,
        each=60 * MB,
        takes=lambda now: 7,  # noqa: ARG005
        says=Pushback.QUEUE_FULL,
        noise=0.3,
    ),
    "thrashes beyond 12 commands": Storage(
        total=240 * MB, each=20 * MB, crowd=lambda active: 1.0 if active <= 12 else 0.4
    ),
    "thrashes more and more beyond 20 commands": Storage(
        total=400 * MB, each=20 * MB, noise=0.3, crowd=lambda active: min(1.0, (20 / active) ** 2)
    ),
    "noisy": Storage(total=300 * MB, each=20 * MB, noise=0.3),
    "gains ever less from more commands": Storage(
        total=400 * MB, noise=0.3, crowd=lambda active: active / (active + 3)
    ),
    "50 MB/s whatever one does": Storage(total=50 * MB, noise=0.1),
}
SLOWER = Storage(total=300 * MB, each=20 * MB, noise=0.1, weather=lambda now: 1.0 if now < 30 else 0.3)
SLOW_LIO = STORAGES["LIO on a slow disk, up to 64 beside each other"]


@cache
def best(name: str) -> float:
    return best_fixed(STORAGES[name])


@cache
def best_of_slower() -> tuple[float, float]:
    """Over the whole copy, half of it slow; and over the last two thirds, three quarters of them slow."""
    return best_fixed(SLOWER, at=(0.0, 40.0)), best_fixed(SLOWER, at=(0.0, 40.0, 40.0, 40.0))


def governed(storage: Storage, seed: int, *, rate: float | None = None) -> tuple[Run, Governor]:
    run, governor = Run(storage, seed), Governor(BOUNDS, bucket=Bucket(rate) if rate else None)
    run.go(governor, COPY)
    return run, governor


def share(run: Run, begin: float, speed: float) -> float:
    return run.copied_between(begin, COPY) / (COPY - begin) / speed


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", STORAGES)
def test_a_copy_is_nearly_as_fast_as_at_the_best_fixed_setting(name: str, seed: int) -> None:
    run, _ = governed(STORAGES[name], seed)
    assert (share(run, 0, best(name)) >= 0.85, share(run, COPY / 3, best(name)) >= 0.92) == (True, True), (
        f"{share(run, 0, best(name)):.3f} with the ramp, {share(run, COPY / 3, best(name)):.3f} after it"
    )


@pytest.mark.parametrize("seed", range(3))
def test_storage_that_becomes_slower_in_the_middle_is_followed(seed: int) -> None:
    run, _ = governed(SLOWER, seed)
    whole, later = best_of_slower()
    assert share(run, 0, whole) >= 0.85
    assert share(run, COPY / 3, later) >= 0.92


@pytest.mark.parametrize("seed", range(3))
def test_storage_that_comes_to_take_more_in_the_middle_is_followed(seed: int) -> None:
    storage = Storage(
        total=400 * MB, each=20 * MB, noise=0.1, takes=lambda now: 4 if now < 20 else 20, says=Pushback.BUSY
    )
    run, _ = governed(storage, seed)
    assert run.copied_between(45, 60) / 15 >= 0.92 * 400 * MB


@pytest.mark.parametrize("seed", range(3))
def test_storage_that_comes_to_take_less_in_the_middle_is_followed(seed: int) -> None:
    storage = Storage(total=240 * MB, each=20 * MB, noise=0.1, takes=lambda now: 64 if now < 20 else 5)
    run, _ = governed(storage, seed)
    assert run.copied_between(30, 60) / 30 >= 0.92 * 100 * MB


@pytest.mark.parametrize("seed", range(3))
def test_a_storm_of_busy_is_forgotten_soon(seed: int) -> None:
    storage = replace(SLOW_LIO, takes=lambda now: 0 if 20 < now < 24 else 99)
    run, _ = governed(storage, seed)
    assert run.copied_between(40, 60) / 20 >= 0.9 * 64 * 7.4 * MB


@pytest.mark.parametrize("seed", range(5))
def test_slow_lio_has_32_commands_in_flight_within_3_seconds(seed: int) -> None:
    run, _ = governed(SLOW_LIO, seed)
    assert min(at for at, window, _ in run.windows if window >= 32) <= 3


def test_a_copy_begins_with_few_and_small_commands() -> None:
    governor = Governor(BOUNDS)
    assert (governor.window, governor.shape) == (2, Shape(MIB // BLOCK, 1))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "name", ["50 MB/s whatever one does", "LIO on a ramdisk: the processor is the limit"]
)
def test_storage_that_gains_nothing_from_more_commands_is_sent_few(name: str, seed: int) -> None:
    run, _ = governed(STORAGES[name], seed)
    assert max(window for at, window, _ in run.windows if at > COPY / 3) <= 4


def test_a_window_that_was_pushed_back_is_not_climbed_into_again_and_again() -> None:
    run, _ = governed(STORAGES["takes 4 commands and says BUSY"], 0)
    assert len(run.refusals) <= 12


def test_a_settled_copy_now_and_then_looks_around() -> None:
    run, _ = governed(STORAGES["noisy"], 0)
    assert 4 <= len([at for at, _, _ in run.windows if at > COPY / 3]) <= 60


def test_how_long_commands_are_waited_for_does_not_depend_on_when_the_clock_began() -> None:
    def windows(begin: float) -> list[tuple[int, Shape]]:
        run = Run(STORAGES["thrashes beyond 12 commands"], begin=begin)
        run.go(Governor(BOUNDS), begin + 10)
        return [(window, shape) for _, window, shape in run.windows]

    assert windows(0.0) == windows(float(2**20))


def test_a_simulated_pair_copies_at_the_speed_that_the_model_says() -> None:
    eight = Fixed(8, Shape(MIB // BLOCK, 1))
    assert SLOW_LIO.average_speed(eight, 30) == pytest.approx(8 * 7.4 * MB, rel=0.02)


def test_commands_are_not_grown_past_what_stopping_may_wait_for() -> None:
    run, _ = governed(Storage(total=100 * MB, each=1 * MB, fixed=0.3), 0)
    shapes = {shape for _, _, shape in run.windows}
    seconds = [shape.segments * shape.segment_blocks * BLOCK / MB + 0.3 for shape in shapes]
    assert 2 <= max(seconds) <= 4


# What the storage says


def ran(*, window: int = 8) -> tuple[Governor, float]:
    """A governor that was told of a full window of equal commands for a while, and the time."""
    governor = Governor(replace(BOUNDS, jobs=Span(1, window)))
    run = Run(Storage(total=1e9, each=20 * MB))
    run.go(governor, 10.0)
    while governor.window < window:
        run.go(governor, run.now + 0.1)
    return governor, run.now


@pytest.mark.parametrize(
    "why", [Pushback.BUSY, Pushback.QUEUE_FULL, Pushback.ABORTED, Pushback.RESOURCES, Pushback.SILENT]
)
def test_a_pushback_leaves_fewer_in_flight(why: Pushback) -> None:
    governor, now = ran()
    governor.pushed_back(why, now)
    assert governor.window < 8


def test_a_list_identifier_in_use_says_nothing_of_the_load() -> None:
    governor, now = ran()
    governor.pushed_back(Pushback.ID_IN_USE, now)
    assert governor.window == 8


def test_many_pushbacks_of_one_moment_are_one() -> None:
    governor, now = ran()
    governor.pushed_back(Pushback.BUSY, now)
    once = governor.window
    for _ in range(5):
        governor.pushed_back(Pushback.BUSY, now)
    assert governor.window == once


def test_silence_with_one_command_in_flight_halves_the_command() -> None:
    governor = Governor(replace(BOUNDS, jobs=Span(1, 1)))
    governor.sent(MIB, 0.0)
    governor.pushed_back(Pushback.SILENT, 60.0)
    assert governor.shape == Shape(MIB // BLOCK // 2, 1)


def test_bounds_that_narrow_in_the_middle_are_kept_to_at_once() -> None:
    governor, now = ran()
    governor.bound(replace(BOUNDS, jobs=Span(1, 3), segment_blocks=Span(128, 512), segments=Span(1, 1)), now)
    assert (governor.window, governor.shape) == (3, Shape(512, 1))


def test_a_command_that_is_lost_leaves_its_place() -> None:
    governor = Governor(
        replace(BOUNDS, jobs=Span(4, 4), segment_blocks=Span(2048, 2048), segments=Span(1, 1))
    )
    for _ in range(100):
        governor.sent(MIB, 1.0)
        governor.lost(1.5)
    for k in range(200):
        governor.sent(MIB, 2.0 + k)
        governor.completed(MIB, 1.0, 3.0 + k)
    assert governor.state == "4 x 1 MiB"


# What the user fixed


def test_what_is_fixed_stays_fixed() -> None:
    fixed = Bounds.of(LIMITS, BLOCK, Wanted(jobs=5, segment=1024 * BLOCK, segments_per_command=2))
    run, governor = Run(SLOW_LIO), Governor(fixed)
    run.go(governor, 20)
    assert {(window, shape) for _, window, shape in run.windows} == {(5, Shape(1024, 2))}


def bound(value: int) -> Bound:
    return Bound(value, "for the test")


LIMITS = Limits(
    segment_blocks=bound(32768),
    segments_per_command=bound(4),
    command_blocks=bound(DEFAULT_COMMAND_BYTES // 512),
    granularity_blocks=bound(8),
    in_flight=bound(32),
    without_list_id=True,
)


def test_bounds_follow_the_limits_of_two_units() -> None:
    assert Bounds.of(LIMITS, BLOCK) == Bounds(
        block_size=BLOCK,
        granularity_blocks=8,
        jobs=Span(1, 32),
        segment_blocks=Span(128, 32768),
        segments=Span(1, 4),
    )


def test_a_fixed_number_is_kept_as_far_as_the_limits_allow() -> None:
    bounds = Bounds.of(LIMITS, BLOCK, Wanted(jobs=100, segment=1001 * BLOCK, segments_per_command=9))
    assert (bounds.jobs, bounds.segment_blocks, bounds.segments) == (
        Span(32, 32),
        Span(1000, 1000),
        Span(4, 4),
    )


def test_a_segment_that_no_granule_fits_is_refused() -> None:
    with pytest.raises(ValueError, match="multiple of 8"):
        Bounds(
            block_size=BLOCK,
            granularity_blocks=8,
            jobs=Span(1, 1),
            segment_blocks=Span(1, 7),
            segments=Span(1, 1),
        )


# The end of a copy


def test_the_last_commands_are_spread_over_the_window() -> None:
    governor = Governor(replace(BOUNDS, jobs=Span(8, 8), segment_blocks=Span(128, 32768)))
    assert governor.shape_for(4 * MIB) == Shape(MIB // BLOCK // 2, 1)


def test_the_last_commands_are_not_made_tiny() -> None:
    governor = Governor(replace(BOUNDS, jobs=Span(8, 8)))
    assert governor.shape_for(1) == Shape(MIB // BLOCK // 8, 1)


def test_segments_are_given_up_before_they_are_made_smaller() -> None:
    governor = Governor(replace(BOUNDS, jobs=Span(2, 2), segment_blocks=Span(128, 2048), segments=Span(1, 8)))
    run = Run(STORAGES["each command costs much, one after another"])
    run.go(governor, 20)
    command = governor.shape
    assert command == Shape(2048, 8)
    assert governor.shape_for(6 * MIB) == Shape(2048, 3)


# The line of progress


@pytest.mark.parametrize(
    ("jobs", "segment", "segments", "text"),
    [
        (32, 2048, 1, "32 x 1 MiB"),
        (8, 512, 4, "8 x 4 x 256 KiB"),
        (1, 65535, 1, "1 x 32.0 MiB"),
        (2, 1, 1, "2 x 512 B"),
    ],
)
def test_the_state_is_short(jobs: int, segment: int, segments: int, text: str) -> None:
    bounds = Bounds(
        block_size=512,
        jobs=Span(jobs, jobs),
        segment_blocks=Span(segment, segment),
        segments=Span(segments, segments),
    )
    assert Governor(bounds).state == text


# Laws


@st.composite
def bounds_of_all_kinds(draw: st.DrawFn) -> Bounds:
    def span(most: int) -> Span:
        low = draw(st.integers(1, most))
        return Span(low, draw(st.integers(low, most)))

    grain = draw(st.sampled_from([1, 3, 8, 128]))
    segment = span(500)
    return Bounds(
        block_size=draw(st.sampled_from([512, 4096])),
        granularity_blocks=grain,
        jobs=span(100),
        segment_blocks=Span(segment.least * grain, segment.most * grain),
        segments=span(300),
        command_bytes=draw(st.integers(1, 2**27)),
    )


TIMES = st.floats(-1e9, 1e9) | st.sampled_from([0.0, 1.0])
EVENTS = st.lists(
    st.tuples(st.just("sent"), st.integers(0, 2**40), st.just(0.0), TIMES)
    | st.tuples(st.just("completed"), st.integers(0, 2**40), st.floats(0, 1e6) | st.just(0.0), TIMES)
    | st.tuples(st.just("lost"), st.just(0), st.just(0.0), TIMES)
    | st.tuples(st.sampled_from(Pushback), st.just(0), st.just(0.0), TIMES),
    max_size=60,
)


def within(bounds: Bounds, shape: Shape) -> bool:
    fits = shape.segment_blocks * shape.segments * bounds.block_size <= bounds.command_bytes
    grain = bounds.granularity_blocks
    smallest = Shape(-(-bounds.segment_blocks.least // grain) * grain, bounds.segments.least)
    return (
        bounds.segment_blocks.least <= shape.segment_blocks <= bounds.segment_blocks.most
        and shape.segment_blocks % bounds.granularity_blocks == 0
        and bounds.segments.least <= shape.segments <= bounds.segments.most
        and (fits or shape == smallest)
    )


@given(bounds=bounds_of_all_kinds(), events=EVENTS, remaining=st.integers(0, 2**50), often=st.integers(1, 20))
@settings(max_examples=300, deadline=None)
def test_window_and_shape_are_within_bounds_whatever_is_told(
    bounds: Bounds, events: list[tuple[str | Pushback, int, float, float]], remaining: int, often: int
) -> None:
    governor = Governor(bounds)
    for what, size, latency, now in events:
        for _ in range(often):
            match what:
                case "sent":
                    governor.sent(size, now)
                case "completed":
                    governor.completed(size, latency, now)
                case "lost":
                    governor.lost(now)
                case Pushback():
                    governor.pushed_back(what, now)
        assert bounds.jobs.least <= governor.window <= bounds.jobs.most
        assert within(bounds, governor.shape)
        assert within(bounds, governor.shape_for(remaining))
        assert governor.ready_at(now) == now


@given(bounds=bounds_of_all_kinds(), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_window_and_shape_are_within_bounds_in_a_copy(bounds: Bounds, seed: int) -> None:
    storage = Storage(total=50 * MB, each=5 * MB, noise=0.3, takes=lambda now: 9)  # noqa: ARG005
    run = Run(replace(storage), seed)
    run.go(Governor(bounds), 3.0)
    assert all(
        bounds.jobs.least <= window <= bounds.jobs.most and within(bounds, shape)
        for _, window, shape in run.windows
    )


@given(
    setting=st.builds(Setting, st.integers(1, 64), st.integers(1, 4000), st.integers(1, 64)),
    move=st.sampled_from(MOVES),
)
def test_a_move_turns_one_knob_in_its_direction(setting: Setting, move: object) -> None:
    bounds = replace(BOUNDS, segment_blocks=Span(1, 10000), command_bytes=2**40, segments=Span(1, 1000))
    old, new = bounds.clip(setting), move.of(bounds.clip(setting), bounds)  # type: ignore[attr-defined]
    turned = [
        (a, b)
        for a, b in zip(
            (old.window, old.segment_blocks, old.segments),
            (new.window, new.segment_blocks, new.segments),
            strict=True,
        )
        if a != b
    ]
    assert len(turned) <= 1
    assert all((after > before) == (move.factor > 1) for before, after in turned)  # type: ignore[attr-defined]


# The rate cap


def worst_second(sends: list[tuple[float, int]]) -> float:
    """The most bytes per second over any interval of just more than a second."""
    most, first, total = 0, 0, 0
    for when, size in sends:
        total += size
        while sends[first][0] < when - 1.0001:
            total -= sends[first][1]
            first += 1
        most = max(most, total)
    return most / 1.0001


@pytest.mark.parametrize("rate", [2 * MB, 10 * MB, 77 * MB, 250 * MB])
@pytest.mark.parametrize("name", ["noisy", "XtremIO: 256 KiB segments are best"])
def test_no_second_holds_more_than_the_rate_and_the_copy_is_as_fast_as_it_may(name: str, rate: float) -> None:
    run, _ = governed(STORAGES[name], 0, rate=rate)
    assert worst_second(run.sends) <= 1.05 * rate
    assert share(run, 5, rate) >= 0.95


def test_a_cap_far_below_the_storage_takes_few_commands() -> None:
    _, governor = governed(STORAGES["noisy"], 0, rate=10 * MB)
    assert governor.window <= 4


@given(
    rate=st.floats(1e6, 1e9),
    asks=st.lists(st.tuples(st.floats(0, 2), st.integers(1, 10**9)), min_size=1, max_size=200),
)
@settings(deadline=None)
def test_a_bucket_keeps_every_interval_and_never_stalls(rate: float, asks: list[tuple[float, int]]) -> None:
    bucket, now, sends = Bucket(rate), 0.0, []
    for idle, asked in asks:
        size = min(asked, bucket.largest_command)
        now += idle * 0.01
        ready = bucket.ready_at(now)
        assert now <= ready <= now + bucket.largest_command / rate + 1e-9
        now = ready
        assert bucket.ready_at(now) == now
        bucket.sent(size, now)
        sends.append((now, size))
    assert worst_second(sends) <= 1.05 * rate


def test_a_rate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="never copies"):
        Bucket(0.0)
