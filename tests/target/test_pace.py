"""How long copies take: added up from latency, bandwidth and what is acknowledged ahead; no test waits."""

from __future__ import annotations

from dataclasses import replace

from tests.target.bench import BLOCK, GOOD, TEST_UNIT_READY, Bench, read_16, segment, write_16
from xcopy.target.array import memory_array
from xcopy.target.profile import STRICT

BLOCKS = 1024
SECOND = 256 * BLOCK  # bytes that are moved in one


class Clock:
    """Time passes by waiting, and otherwise not."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.waited: list[float] = []

    def __call__(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.seconds += seconds


def paced(*, latency: float = 0.0, bandwidth: int = 0, ahead: int = 0) -> tuple[Bench, Clock]:
    """A bench over an array that takes time, and the time."""
    clock = Clock()
    profile = replace(STRICT, latency=latency, bandwidth=bandwidth, ahead=ahead, chunk_size=SECOND)
    array = Bench(memory_array(2, blocks=BLOCKS, profile=profile, now=clock, pause=clock.wait))
    clock.waited.clear()
    return array, clock


def test_without_either_nothing_is_waited_for() -> None:
    array, clock = paced()
    assert array.copy(segment(0, 0, BLOCKS)).status == GOOD
    assert clock.waited == []


def test_every_command_takes_the_latency() -> None:
    array, clock = paced(latency=0.25)
    for command in (TEST_UNIT_READY, read_16(0, 1), write_16(0, bytes(BLOCK))):
        array.send(0, command)
    assert clock.waited == [0.25] * 3


def test_a_copy_takes_its_bytes_by_the_bandwidth_chunk_after_chunk() -> None:
    array, clock = paced(bandwidth=SECOND)
    assert array.copy(segment(0, 0, BLOCKS)).status == GOOD
    assert clock.waited == [1.0] * 4


def test_what_the_host_reads_and_writes_does_not_take_bandwidth() -> None:
    array, clock = paced(bandwidth=1)
    array.send(0, read_16(0, BLOCKS))
    array.send(0, write_16(0, bytes(BLOCKS * BLOCK)))
    assert clock.waited == []


def test_two_copies_share_the_bandwidth() -> None:
    array, clock = paced(bandwidth=SECOND)
    array.copy(segment(0, 0, 256))
    array.copy(segment(256, 256, 256))
    assert clock.seconds == 102.0


def test_time_that_passed_is_not_saved_up() -> None:
    array, clock = paced(bandwidth=SECOND)
    clock.seconds += 1000
    array.copy(segment(0, 0, 256))
    assert clock.waited == [1.0]


def test_an_array_ahead_of_its_work_answers_at_once_until_it_is_too_far_ahead() -> None:
    array, clock = paced(bandwidth=SECOND, ahead=2 * SECOND)
    array.copy(segment(0, 0, 512))
    assert clock.waited == []
    array.copy(segment(512, 512, 256))
    assert clock.waited == [1.0]


def test_what_is_acknowledged_ahead_is_there_for_everyone_who_reads_it() -> None:
    array, _ = paced(bandwidth=1, ahead=BLOCKS * BLOCK)
    array.copy(segment(0, 0, BLOCKS))
    assert array.send(1, read_16(0, BLOCKS)).data == array.before[0]


def test_an_array_that_had_time_to_do_its_work_is_ahead_again() -> None:
    array, clock = paced(bandwidth=SECOND, ahead=2 * SECOND)
    array.copy(segment(0, 0, 512))
    clock.seconds += 2.0
    array.copy(segment(512, 512, 512))
    assert clock.waited == []
