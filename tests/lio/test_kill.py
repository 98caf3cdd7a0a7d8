"""kill -9 of a copy with a journal on a kernel target: what it says is there, and a resume completes it.

The moments are counted in commands that the target had, and the last blocks stand still until the process was
killed: none is late, however slow the machine is. 8 kills by default; XCOPY_KILLS=N makes it N, XCOPY_SEED=N
repeats a run's choices.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import TYPE_CHECKING

from tests.lio.luns import KIB, MIB
from tests.lio.media import bytes_at
from tests.lio.running import running
from tests.lio.serving import DEADLINE
from tests.lio.stalls import disk
from tests.lio.target_log import COMMAND, Segment, lines
from xcopy.cli.main import main
from xcopy.journal import read

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.context import ForkProcess
    from pathlib import Path

    import pytest

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media
    from tests.lio.stalls import Gate
    from xcopy.journal import Contents

KILLS = int(os.environ.get("XCOPY_KILLS", "8"))
SEED = int(os.environ.get("XCOPY_SEED", "0")) or random.randrange(1, 1 << 32)
COPY = Segment(source=1237, destination=20011, blocks=4 * MIB // 512)
ONE = 64 * KIB // 512  # blocks of a command; a whole copy has 64
OPEN = 48 * ONE  # blocks that are copied while the rest stands still
WAYS = ("--jobs", "4", "--segment", "64KiB", "--segments-per-command", "1", "--method", "offload")
ORIGINS = ("delay0", "file0", "ram1")


def silent(said: Path, words: tuple[str, ...]) -> None:
    """What a process that was forked off does: unmeasured, it says in a file what it says."""
    sys.settrace(None)
    threading.settrace(None)  # type: ignore[arg-type]
    with said.open("w") as out, redirect_stdout(out), redirect_stderr(out):
        sys.exit(main(list(words)))


def killed_after(commands: int, said: Path, words: tuple[str, ...]) -> ForkProcess:
    """One that was killed when the target had so many commands, and may not be gone yet.

    It is forked off, for a Python of its own takes seconds to start.
    """
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    try:
        os.lseek(log, 0, os.SEEK_END)
        process = get_context("fork").Process(target=silent, args=(said, words))
        process.start()
        seen = 0
        while seen < commands:
            ready = wait([log, process.sentinel], DEADLINE)
            if log not in ready:
                process.kill()
                raise AssertionError(f"no more after {seen} commands, but: {said.read_text()}")
            seen += sum(COMMAND in line for line in lines(log))
    finally:
        os.close(log)
    process.kill()
    return process


@dataclass(slots=True)
class Kills:
    """What became of all of them."""

    moments: list[int] = field(default_factory=list)  # how many commands the target had
    torn: int = 0
    unrecorded: list[int] = field(default_factory=list)  # KiB that were there and are copied again

    def __str__(self) -> str:
        again = max(self.unrecorded, default=0)
        return (
            f"{len(self.moments)} after {sorted(self.moments)} commands, {self.torn} with a torn record, "
            f"up to {again} KiB to copy again"
        )


@dataclass
class Bed:
    """Two LUNs and the journal of a copy between them; the end of the second is behind a gate."""

    media: Media
    source: Lun
    destination: Lun
    journal: Path
    xcopy_dev: Callable[..., Outcome]

    def begin(self, interval: str) -> tuple[str, ...]:
        """The words of a new copy, of new data."""
        self.media.renew(self.source, COPY.source, COPY.blocks)
        self.journal.unlink(missing_ok=True)
        here, there = f"{self.source.path}:{COPY.source}+{COPY.blocks}", self.destination.path
        words = (here, f"{there}:{COPY.destination}", *WAYS, "--journal", str(self.journal))
        return (*words, "--journal-interval", interval)

    def killed(self, commands: int, gate: Gate, words: tuple[str, ...]) -> None:
        """It ended by the kill, once the storage has answered what was in flight."""
        with gate.shut():
            process = killed_after(commands, self.journal.with_name("said"), words)
        process.join(DEADLINE)
        assert process.exitcode == -signal.SIGKILL

    def look(self, kills: Kills) -> Contents:
        """All that the journal says is there."""
        contents = read(str(self.journal), self.journal.read_bytes().splitlines(keepends=True))
        wanted = bytes(self.media.holds(self.source)[COPY.source * 512 :][: COPY.blocks * 512])
        found = bytes_at(self.destination.path, COPY.destination * 512, COPY.blocks * 512)
        right = [found[at : at + 512] == wanted[at : at + 512] for at in range(0, len(found), 512)]
        assert all(all(right[piece.start : piece.end]) for piece, _ in contents.copied)
        kills.torn += bool(contents.notice)
        kills.unrecorded.append((sum(right) - sum(piece.blocks for piece, _ in contents.copied)) // 2)
        return contents

    def complete(self) -> None:
        """A resume, after which all is there and nothing else has changed."""
        outcome = self.xcopy_dev("resume", str(self.journal))
        assert outcome.exit == 0, outcome.said
        length = COPY.blocks * 512
        assert sum(outcome.done["bytes"].values()) == length
        self.media.copied(self.source, COPY.source, self.destination, COPY.destination, length)
        assert self.media.wrong_byte(self.destination) is None


def rounds(beds: list[Bed], gate: Gate, chance: random.Random, kills: Kills) -> None:
    """Copies that are killed, and most of them again when they go on, until there were enough kills."""
    while len(kills.moments) < KILLS:
        bed = chance.choice(beds)
        words, left = bed.begin(chance.choice(("0.001", "0.01", "0.1"))), OPEN
        for _ in range(min(chance.choice((1, 2, 3)), KILLS - len(kills.moments))):
            commands = chance.randint(1, max(1, left // ONE))  # so many, and one more that has to wait
            bed.killed(commands, gate, words)
            kills.moments.append(commands)
            copied = bed.look(kills).copied
            words, left = ("resume", str(bed.journal)), OPEN - sum(piece.blocks for piece, _ in copied)
        bed.complete()


def test_after_kill_9_at_any_moment_a_resume_completes_the_copy(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    chance, kills, destination = random.Random(SEED), Kills(), luns["delay1"]
    beds = [Bed(media, luns[name], destination, tmp_path / "journal", xcopy_dev) for name in ORIGINS]
    began = time.monotonic()
    try:
        with disk(destination) as under, under.gated_from(COPY.destination + OPEN) as gate:
            rounds(beds, gate, chance, kills)
    except BaseException as error:
        error.add_note(f"XCOPY_SEED={SEED} makes the same choices; before: {kills}")
        raise
    with capsys.disabled():
        print(f"\nkill -9, {time.monotonic() - began:.0f} s: {kills}")
    for bed in beds:
        assert media.wrong_byte(bed.source) is None


def test_the_journal_of_a_killed_copy_is_in_use_until_the_storage_has_answered(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], tmp_path: Path
) -> None:
    bed = Bed(media, luns["delay0"], luns["delay1"], tmp_path / "journal", xcopy_dev)
    words = bed.begin("0.01")
    with disk(bed.destination) as under, running(*words) as copy:
        with under.held_from(COPY.destination + OPEN):
            copy.until_copied(OPEN * 512, 4, most=OPEN * 512)
            copy.process.kill()
            refused = xcopy_dev("resume", str(bed.journal))
            assert copy.process.poll() is None
        copy.process.wait(DEADLINE)
    assert refused.exit == 3
    assert "is the journal of a copy that is running" in refused.done["message"]
    bed.complete()
