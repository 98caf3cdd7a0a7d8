"""Our own copy over every kind of array: whole, or with a report that says exactly what is not copied.

From the command line to the bytes in the files of the units; what was copied by the array is counted there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from xcopy.device.array_dir import create, open_array, unit_file
from xcopy.target.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ran
    from xcopy.target.array import Array

SIZE = 13 << 20  # bytes of a unit
BYTES = (12 << 20) + 4096  # of a copy: no whole number of any array's granules
EXTENDED_COPY = 0x83


@dataclass(frozen=True)
class Between:
    """A copy between two units: their block sizes, whether they are one, and the LBAs."""

    source_size: int
    destination_size: int
    same: bool = False
    source_lba: int = 3
    destination_lba: int = 7

    @property
    def destination(self) -> int:
        """Number of the destination."""
        return 0 if self.same else 1

    @property
    def source_bytes(self) -> slice:
        """Where the source's are on its unit."""
        start = self.source_lba * self.source_size
        return slice(start, start + self.length)

    @property
    def destination_bytes(self) -> slice:
        """Where they go."""
        start = self.destination_lba * self.destination_size
        return slice(start, start + self.length)

    @property
    def length(self) -> int:
        """Bytes."""
        return BYTES // 2 // 4096 * 4096 if self.same else BYTES


BETWEEN = {
    "512": Between(512, 512),
    "4096": Between(4096, 4096),
    "512 to 4096": Between(512, 4096),
    "4096 to 512": Between(4096, 512),
    "one unit of 512": Between(512, 512, same=True, destination_lba=13001),
    "one unit of 4096": Between(4096, 4096, same=True, destination_lba=1601),
}
ALONE = ("512", "4096", "512 to 4096", "one unit of 512")
# Where an array copies all of it, and where it copies all but what is less than its granularity.
WHOLE = ("strict", "lio", "ctl", "array-async", "slow", "flaky")
WHOLE_GRANULES = {"scst": 64 << 10, "array-small": 1 << 20, "liar": 64 << 10}


def offloaded(name: str, between: Between) -> int:
    """How many bytes the array copies itself."""
    if between.source_size != between.destination_size or (name == "tcmu" and not between.same):
        return 0
    return between.length // WHOLE_GRANULES.get(name, 512) * WHOLE_GRANULES.get(name, 512)


@cache
def content(number: int) -> bytes:
    """Every 512 bytes different, and different on every unit."""
    return b"".join(f"{number}/{at:08}".encode().ljust(512, b".") for at in range(SIZE // 512))


class Rehearsal:
    """An array of one kind with two filled units, held open so that it can be asked what it copied."""

    def __init__(self, path: Path, name: str, between: Between) -> None:
        self.between = between
        create(
            path, units=2, size=SIZE, block_size=(between.source_size, between.destination_size), profile=name
        )
        self.before = []
        for number in (0, 1):
            unit_file(path, number).write_bytes(content(number))
            self.before.append(content(number))
        self.path, self.array = path, open_array(path)

    @property
    def words(self) -> tuple[str, str]:
        """The copy, for the command line."""
        between = self.between
        blocks = between.length // between.source_size
        return (
            f"emu:{self.path}/0:{between.source_lba}+{blocks}",
            f"emu:{self.path}/{between.destination}:{between.destination_lba}",
        )

    def after(self, number: int) -> bytes:
        """What a unit holds now."""
        return unit_file(self.path, number).read_bytes()

    def expected(self, not_copied: list[dict[str, Any]]) -> bytes:
        """What the destination holds when all is copied but that."""
        between = self.between
        whole = bytearray(self.before[between.destination])
        whole[between.destination_bytes] = self.before[0][between.source_bytes]
        for part in not_copied:
            size = between.destination_size
            start = part["destination_lba"] * size
            gap = slice(start, start + part["destination_blocks"] * size)
            whole[gap] = self.before[between.destination][gap]
        return bytes(whole)


def by_the_array(array: Array) -> int:
    """Bytes of the segments that it copied to their end."""
    return sum(segment.length for segment in array.copied_segments)


@pytest.mark.parametrize("between", BETWEEN.values(), ids=BETWEEN)
@pytest.mark.parametrize("name", PROFILES)
def test_a_copy_is_whole_whatever_the_array_is_like_and_says_by_whom_each_byte_was_copied(
    run: Callable[..., Ran], tmp_path: Path, name: str, between: Between
) -> None:
    rehearsal = Rehearsal(tmp_path / "array", name, between)
    ran = run(*rehearsal.words, "--json")
    done = ran.records[-1]
    assert (ran.code, done["exit"], done["not_copied"], done["stopped"]) == (0, 0, [], None)
    assert rehearsal.after(between.destination) == rehearsal.expected([])
    if not between.same:
        assert rehearsal.after(0) == rehearsal.before[0]
    by = offloaded(name, between)
    assert done["bytes"] == {"offload": by, "host": between.length - by}
    # of a command that failed in its last segment, those before it were copied and are copied again
    assert by_the_array(rehearsal.array) >= by if name == "liar" else by_the_array(rehearsal.array) == by
    assert sum(each["bytes"] for each in done["fallbacks"]) == between.length - by
    assert all(each["reason"] for each in done["fallbacks"])


@pytest.mark.parametrize("between", [BETWEEN[name] for name in ALONE], ids=ALONE)
@pytest.mark.parametrize("name", PROFILES)
def test_where_only_the_array_may_copy_what_it_does_not_copy_is_said_block_for_block(
    run: Callable[..., Ran], tmp_path: Path, name: str, between: Between
) -> None:
    rehearsal = Rehearsal(tmp_path / "array", name, between)
    ran = run(*rehearsal.words, "--method", "offload", "--json")
    done = ran.records[-1]
    by = offloaded(name, between)
    if done["record"] == "error":  # refused before anything was sent
        assert (ran.code, rehearsal.array.count(EXTENDED_COPY)) == (4, 0)
        assert by < between.length
        assert rehearsal.after(between.destination) == rehearsal.before[between.destination]
        return
    assert ran.code == done["exit"] == (0 if by == between.length else 1 if by else 4)
    assert rehearsal.after(between.destination) == rehearsal.expected(done["not_copied"])
    missing = sum(part["destination_blocks"] for part in done["not_copied"]) * between.destination_size
    assert done["bytes"] == {"offload": by, "host": 0}
    assert missing == between.length - by
    assert all(part["reason"] for part in done["not_copied"])


@pytest.mark.parametrize("name", ["flaky", "liar"])
def test_an_array_that_says_no_was_asked_again(run: Callable[..., Ran], tmp_path: Path, name: str) -> None:
    rehearsal = Rehearsal(tmp_path / "array", name, BETWEEN["512"])
    run(*rehearsal.words)
    assert rehearsal.array.count(EXTENDED_COPY) > 1


def test_every_profile_is_one_that_copies_whole_or_says_why_not() -> None:
    assert {*WHOLE, *WHOLE_GRANULES, "tcmu"} == set(PROFILES)
