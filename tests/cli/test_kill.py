"""kill -9 at random moments: what the journal says is there, and a resume completes the copy.

20 kills by default; XCOPY_KILLS=200 makes it 200 (`make test-kills`), XCOPY_SEED=N repeats a run's choices.
"""

from __future__ import annotations

import os
import random
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.cli.test_process import MAIN
from xcopy.cli.main import main
from xcopy.device.array_dir import create, unit_file
from xcopy.device.journal import reopen
from xcopy.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

KILLS = int(os.environ.get("XCOPY_KILLS", "20"))
SEED = int(os.environ.get("XCOPY_SEED", "0")) or random.randrange(1, 1 << 32)
SIZE = 4 << 20  # bytes of each unit
BLOCKS, SOURCE_LBA, DESTINATION_LBA = 6_000, 77, 1005
LONGEST = 0.6  # seconds that a copy takes from its plan on: 20 ms a command of 32 KiB, 4 at once


@dataclass(slots=True)
class Kills:
    """What became of all of them."""

    before_the_journal: int = 0
    inside_its_heading: int = 0
    while_copying: int = 0
    torn: int = 0
    too_late: int = 0
    unrecorded: list[int] = field(default_factory=list)  # bytes that were there and are copied again

    def __str__(self) -> str:
        again = max(self.unrecorded, default=0) >> 10
        return (
            f"{self.while_copying} while copying ({self.torn} with a torn record; up to {again} KiB to copy "
            f"again), {self.before_the_journal} before there was a journal, {self.inside_its_heading} inside "
            f"its heading; {self.too_late} came too late"
        )


class Bed:
    """Two units, of which the first is copied onto the second from the middle to the middle."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        create(path / "array", units=2, size=SIZE, profile="slow")
        self.journal = path / "journal"
        self.source = chance.randbytes(SIZE)
        self.before = bytes(byte ^ 0xFF for byte in self.source[:512]) + chance.randbytes(SIZE - 512)
        source = self.source[SOURCE_LBA * 512 : (SOURCE_LBA + BLOCKS) * 512]
        end = (DESTINATION_LBA + BLOCKS) * 512
        self.wanted = self.before[: DESTINATION_LBA * 512] + source + self.before[end:]
        self.images = [unit_file(path / "array", number) for number in (0, 1)]
        self.images[0].write_bytes(self.source)
        self.units = (
            f"emu:{path}/array/0:{SOURCE_LBA}+{BLOCKS}",
            f"emu:{path}/array/1:{DESTINATION_LBA}",
        )

    def now(self) -> bytes:
        return self.images[1].read_bytes()

    def part(self, data: bytes, start: int, blocks: int) -> bytes:
        return data[(DESTINATION_LBA + start) * 512 : (DESTINATION_LBA + start + blocks) * 512]


def killed(words: tuple[str, ...], moment: float, *, from_the_plan: bool) -> bool:
    """Run a command line and kill it; False when it had ended by itself."""
    with subprocess.Popen([*MAIN, *words, "--json"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if from_the_plan:
            process.stdout.readline()
        try:
            process.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            process.kill()
        return process.wait() == -9


def look(bed: Bed, kills: Kills) -> None:
    """What the journal says is there, every block of it, and nothing is written that was not asked for."""
    now = bed.now()
    there = sum(
        bed.part(now, block, 1) == bed.part(bed.wanted, block, 1) != bed.part(bed.before, block, 1)
        for block in range(BLOCKS)
    )
    outside = slice(0, DESTINATION_LBA * 512), slice((DESTINATION_LBA + BLOCKS) * 512, None)
    assert [now[part] for part in outside] == [bed.before[part] for part in outside]
    if not bed.journal.exists():
        kills.before_the_journal += 1
        assert there == 0
        return
    try:
        file, contents = reopen(str(bed.journal))
    except UsageError:  # it ends inside its heading
        kills.inside_its_heading += 1
        assert there == 0
        bed.journal.unlink()
        return
    file.close()
    for piece, _ in contents.copied:
        assert bed.part(now, piece.start, piece.blocks) == bed.part(bed.wanted, piece.start, piece.blocks)
    said = sum(piece.blocks for piece, _ in contents.copied)
    kills.while_copying += 1
    kills.torn += bool(contents.notice)
    kills.unrecorded.append((there - said) * 512)
    assert said <= there


def rounds(bed: Bed, chance: random.Random, kills: Kills) -> None:
    """Copies that are killed, and some of them again while they go on, until there were enough kills."""
    while len(kills.unrecorded) + kills.before_the_journal + kills.inside_its_heading < KILLS:
        bed.images[1].write_bytes(bed.before)
        bed.journal.unlink(missing_ok=True)
        method, interval = chance.choice(("auto", "auto", "host")), chance.choice(("0.001", "0.05", "0.2"))
        words = ("--method", method, "--segment", "32KiB", "--segments-per-command", "1", "--jobs", "4")
        begin = (*bed.units, *words, "--journal", str(bed.journal), "--journal-interval", interval)
        for _ in range(chance.randint(1, 3)):
            again = ("resume", str(bed.journal)) if bed.journal.exists() else begin
            early = chance.random() < 0.2
            if not killed(again, chance.uniform(0, LONGEST), from_the_plan=not early):
                kills.too_late += 1
                break
            look(bed, kills)
        assert main(["resume", str(bed.journal)] if bed.journal.exists() else list(begin)) == 0
        assert bed.now() == bed.wanted
        assert bed.images[0].read_bytes() == bed.source


def test_after_kill_9_at_any_moment_a_resume_completes_the_copy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chance, kills = random.Random(SEED), Kills()
    try:
        rounds(Bed(tmp_path, chance), chance, kills)
    except BaseException as error:
        error.add_note(f"XCOPY_SEED={SEED} makes the same choices; before: {kills}")
        raise
    with capsys.disabled():
        print(f"\nkill -9: {kills}")
    assert kills.while_copying > KILLS // 4
