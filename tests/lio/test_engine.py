"""Many commands in flight at a kernel target: stopped by Ctrl-C, capped, and left to find their own way.

Nothing sleeps, and nothing depends on how fast the machine is: progress records (SIGUSR1 asks for one) say
when the moment has come, and from some block on the disk stands still for as long as nothing may move there.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.lio.luns import MIB
from tests.lio.media import bytes_at
from tests.lio.running import running
from tests.lio.stalls import Disk, disk
from tests.lio.target_log import Segment, watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

UNTRIED = "not tried"
COPY = Segment(source=1237, destination=2011, blocks=46 * MIB // 512)  # of a LUN on a delayed disk
START, END = COPY.destination, COPY.destination + COPY.blocks
STILL = 2 * MIB  # copied when the rest stands still
SIXTEEN = ("--jobs", "16", "--segment", "1MiB", "--segments-per-command", "1")


def spelled(source: Lun, destination: Lun, copy: Segment) -> tuple[str, str]:
    return (f"{source.path}:{copy.source}+{copy.blocks}", f"{destination.path}:{copy.destination}")


@dataclass
class Slow:
    """Two LUNs on delayed disks and a copy of 46 MiB to make between them, every block of it other data."""

    media: Media
    source: Lun
    destination: Lun
    disks: tuple[Disk, Disk]

    @property
    def words(self) -> tuple[str, ...]:
        return (*spelled(self.source, self.destination, COPY), *SIXTEEN)

    def slow_down(self, milliseconds: int) -> None:
        for each in self.disks:
            each.slow_down(milliseconds)

    def assert_true(self, done: dict[str, Any]) -> None:
        """Block for block: copied where it says so, as it was where nothing was tried and outside."""
        for each in self.disks:
            each.put_back()
        holds = self.media.holds(self.destination)
        old = bytes(holds)
        new = bytes(self.media.holds(self.source)[COPY.source * 512 :][: COPY.blocks * 512])
        for at in range(0, len(new), 61 * 512):  # or nobody could tell what was copied
            assert old[START * 512 + at : START * 512 + at + 512] != new[at : at + 512]
        holds[START * 512 : END * 512] = new
        missing = 0
        for part in done["not_copied"]:
            first, blocks = part["destination_lba"], part["destination_blocks"]
            assert START <= first < first + blocks <= END
            assert (part["source_lba"], part["source_blocks"]) == (first - START + COPY.source, blocks)
            missing += blocks
            here = slice(first * 512, (first + blocks) * 512)
            if part["reason"] == UNTRIED:
                holds[here] = old[here]
            else:
                self.accept_either(first, blocks, old)
        assert self.media.wrong_byte(self.destination) is None
        assert self.media.wrong_byte(self.source) is None
        assert done["bytes"] == {"offload": (COPY.blocks - missing) * 512, "host": 0}

    def accept_either(self, first: int, blocks: int, old: bytes) -> None:
        """A command that failed may have copied any of its blocks: each is the old one or the new one."""
        holds = self.media.holds(self.destination)
        found = bytes_at(self.destination.path, first * 512, blocks * 512)
        for number in range(blocks):
            block = found[number * 512 : number * 512 + 512]
            here = slice((first + number) * 512, (first + number + 1) * 512)
            assert block in (old[here], bytes(holds[here]))
            holds[here] = block


@pytest.fixture
def slow(luns: dict[str, Lun], media: Media) -> Iterator[Slow]:
    source, destination = luns["delay0"], luns["delay1"]
    media.renew(destination, 0, destination.blocks)
    media.renew(source, 0, source.blocks)
    with disk(source) as here, disk(destination) as there:
        yield Slow(media, source, destination, (here, there))


def untried(done: dict[str, Any]) -> int:
    """Bytes that no command was sent for."""
    return sum(512 * int(p["source_blocks"]) for p in done["not_copied"] if p["reason"] == UNTRIED)


def test_ctrl_c_ends_a_copy_that_gets_on_and_the_report_is_true(
    slow: Slow, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last 20 MiB stand still until it is stopping: 4 at the least are not tried however slow it is."""
    slow.slow_down(300)
    with watching() as seen, running(*slow.words) as copy:
        with slow.disks[1].held_from(START + 26 * MIB // 512):
            in_flight = copy.until_copied(MIB, 16)["in_flight"]
            copy.signal(signal.SIGINT)
            began = time.monotonic()
            copy.until("stopping")
        done = copy.end()
        took = time.monotonic() - began
    with capsys.disabled():
        print(
            f"\nCtrl-C with {in_flight} in flight, of 0.6 s of disk each: over after {took:.2f} s; "
            f"{untried(done) >> 20} MiB not tried"
        )
    assert (copy.process.returncode, done["exit"], done["stopped"]) == (130, 130, "interrupted")
    assert untried(done) >= 4 * MIB
    slow.assert_true(done)
    assert seen.commands == done["commands"]["offload"] == (done["total"] - untried(done)) // MIB


def test_ctrl_c_while_the_storage_stands_still_waits_for_all_in_flight_and_sends_nothing_more(
    slow: Slow, capsys: pytest.CaptureFixture[str]
) -> None:
    with watching() as seen, running(*slow.words) as copy:
        with slow.disks[1].held_from(START + STILL // 512):
            copy.until_copied(STILL, 16, most=STILL)
            for number in (1, 2):
                copy.signal(signal.SIGINT)
                stopping = copy.until("stopping")
                assert (stopping["asked"], stopping["in_flight"]) == (number, 16)
            assert copy.process.poll() is None
            began = time.monotonic()
        done = copy.end()
        took = time.monotonic() - began
    with capsys.disabled():
        print(f"\nCtrl-C with 16 in flight on a disk that stood still: over {took:.2f} s after it went on")
    assert copy.process.returncode == 130
    assert done["bytes"]["offload"] == STILL + 16 * MIB
    assert untried(done) == done["total"] - done["bytes"]["offload"] > 0
    slow.assert_true(done)
    assert seen.commands == done["commands"]["offload"] == done["bytes"]["offload"] // MIB


def test_what_fails_after_ctrl_c_is_reported_with_its_reason_and_all_else_in_flight_as_copied(
    slow: Slow,
) -> None:
    bad = START + (STILL + 8 * MIB) // 512  # of the ninth of those that wait
    with running(*slow.words) as copy:
        with slow.disks[1].held_from(START + STILL // 512) as gate:
            copy.until_copied(STILL, 16, most=STILL)
            copy.signal(signal.SIGINT)
            copy.until("stopping")
            gate.break_when_it_opens(bad, MIB // 512)
        done = copy.end()
    assert copy.process.returncode == 130
    failed = [part for part in done["not_copied"] if part["reason"] != UNTRIED]
    assert [(p["destination_lba"], p["destination_blocks"]) for p in failed] == [(bad, MIB // 512)]
    assert len(failed[0]["reason"].split()) > 2
    assert done["bytes"]["offload"] == STILL + 15 * MIB
    slow.assert_true(done)


@pytest.mark.parametrize(
    ("origin", "target"),
    [
        ("ram0", "ram1"),
        ("file0", "file1"),
        ("ram4k", "file4k"),
        ("file4k", "ram4k"),
        ("delay0", "delay1"),
        ("readonly", "spare"),
        ("far", "dual-second-path"),
    ],
)
def test_a_copy_without_options_goes_by_offload_whatever_sizes_it_tries(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], origin: str, target: str
) -> None:
    source, destination = luns[origin], luns[target]
    copy = Segment(source=1237, destination=2011, blocks=min(source.blocks, destination.blocks) - 2500)
    if source.writable:
        media.renew(source, 0, source.blocks)
    with watching() as seen:
        outcome = xcopy_dev(*spelled(source, destination, copy))
    assert outcome.exit == 0, outcome.said
    length = copy.blocks * source.block_size
    media.copied(source, copy.source, destination, copy.destination, length)
    assert media.wrong_byte(destination) is None
    assert media.wrong_byte(source) is None
    assert outcome.done["bytes"] == {"offload": length, "host": 0}
    assert (outcome.done["fallbacks"], outcome.done["not_copied"]) == ([], [])
    assert seen.ranges() == [copy]
    assert seen.commands == outcome.done["commands"]["offload"]


def test_a_copy_is_never_faster_than_its_rate(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    source, destination = luns["ram0"], luns["ram1"]
    copy = Segment(source=1237, destination=2011, blocks=24 * MIB // 512)
    media.renew(source, copy.source, copy.blocks)
    outcome = xcopy_dev(*spelled(source, destination, copy), "--rate", "8MiB")
    assert outcome.exit == 0, outcome.said
    media.copied(source, copy.source, destination, copy.destination, 24 * MIB)
    assert media.wrong_byte(destination) is None
    assert outcome.done["bytes"] == {"offload": 24 * MIB, "host": 0}
    assert outcome.done["elapsed_s"] >= 2.9  # 3 s but for what the last command has and a late one catches up
