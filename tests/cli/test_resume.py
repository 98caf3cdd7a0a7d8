"""`--journal FILE` and `xcopy-dev resume FILE`: what goes on, what is refused, what is said."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from cdb.sense import Sense
from xcopy.device import journal as door
from xcopy.device.array_dir import create, open_array, unit_file
from xcopy.errors import AccessError
from xcopy.journal import begin, record
from xcopy.plan import Piece
from xcopy.target.faults import BUSY, Call, Delay, Fault
from xcopy.target.refusal import check_condition

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Directory, Ran
    from xcopy.target.array import Array

EXTENDED_COPY, SYNCHRONIZE_CACHE_16 = 0x83, 0x91
MANY_COMMANDS = ("--segment", "16KiB", "--segments-per-command", "1", "--jobs", "2")
SLOW = Fault(then=Delay(0.003), opcode=EXTENDED_COPY, times=None)  # so that checkpoints come in between
POWER_ON = check_condition(Sense(key=6, asc=0x29, ascq=0))
MEDIUM_ERROR = check_condition(Sense(key=3, asc=0x0C, ascq=0x02))


@dataclass(frozen=True)
class Begun:
    """A copy of blocks 3 to 3503 onto 7, with a journal, that was ended by SIGTERM."""

    array: Array
    directory: Directory
    journal: Path
    before: bytes
    stopped: Ran

    @property
    def wanted(self) -> bytes:
        """The destination when all is copied."""
        source = self.directory.bytes(0)
        return self.before[: 7 * 512] + source[3 * 512 : 3503 * 512] + self.before[3507 * 512 :]

    def copies(self) -> list[int]:
        """From now on, one entry for every EXTENDED COPY that arrives."""
        seen: list[int] = []
        self.array.faults.add(Fault(then=Call(lambda: seen.append(1)), opcode=EXTENDED_COPY, times=None))
        return seen


@pytest.fixture
def begun(run: Callable[..., Ran], array: Directory, tmp_path: Path) -> Begun:
    """Stopped in the middle."""
    opened = open_array(array.path)
    opened.faults.add(
        Fault(then=Call(lambda: os.kill(os.getpid(), signal.SIGTERM)), opcode=EXTENDED_COPY, nth=20)
    )
    before, journal = array.bytes(1), tmp_path / "copy.journal"
    words = f"{array.unit(0)}:3+3500", f"{array.unit(1)}:7", "--journal", str(journal)
    stopped = run(*words, "--journal-interval", "0.001", "--json", *MANY_COMMANDS)
    assert stopped.code == 130
    in_parts(journal)
    return Begun(opened, array, journal, before, stopped)


def in_parts(journal: Path) -> None:
    """What it says, in records of 64 blocks, however many checkpoints there were."""
    file, contents = door.reopen(str(journal))
    file.close()
    seals, first = begin(contents.heading, contents.ranges)
    lines = list(first)
    for piece, means in contents.copied:
        for at in range(piece.start, piece.end, 64):
            lines.append(record(seals, [(Piece(at, min(64, piece.end - at)), means)]))
    journal.write_bytes(b"".join(lines))


def test_what_was_not_copied_is_copied_and_nothing_else(run: Callable[..., Ran], begun: Begun) -> None:
    assert begun.directory.bytes(1) != begun.wanted
    earlier = begun.stopped.records[-1]["bytes"]["offload"]
    copies = begun.copies()
    ran = run("resume", str(begun.journal), "--json")
    assert ran.code == 0
    assert begun.directory.bytes(1) == begun.wanted
    done = ran.records[-1]
    rest = 3500 * 512 - earlier
    assert done["bytes"] == {"offload": rest, "host": 0, "earlier run": earlier}
    assert ran.records[0]["already"] == earlier
    assert len(copies) == done["commands"]["offload"] == -(-rest // (16 << 10))


def test_a_stopped_copy_says_how_to_go_on(run: Callable[..., Ran], begun: Begun) -> None:
    assert f"`xcopy-dev resume {begun.journal}` goes on with it" in begun.stopped.err
    ran = run("resume", str(begun.journal))
    assert "were copied by an earlier run" in ran.out
    assert "goes on with it" not in ran.err


def test_a_complete_journal_says_that_nothing_is_left(run: Callable[..., Ran], begun: Begun) -> None:
    assert run("resume", str(begun.journal)).code == 0
    copies = begun.copies()
    whole = begun.journal.read_bytes()
    again = run("resume", str(begun.journal))
    assert (again.code, copies) == (0, [])
    assert "nothing is left: all of it was copied earlier" in again.out
    assert begun.journal.read_bytes() == whole


def test_a_copy_that_was_not_stopped_leaves_a_complete_journal(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    assert run(array.unit(0), array.unit(1), "--journal", str(tmp_path / "j")).code == 0
    assert "nothing is left" in run("resume", str(tmp_path / "j")).out


def test_a_torn_last_record_is_dropped_and_copied_again(run: Callable[..., Ran], begun: Begun) -> None:
    begun.journal.write_bytes(begun.journal.read_bytes()[:-9])
    ran = run("resume", str(begun.journal), "--json")
    assert ran.code == 0
    assert begun.directory.bytes(1) == begun.wanted
    assert "is torn at its end" in ran.records[0]["warnings"][0]
    assert ran.records[-1]["bytes"]["earlier run"] < begun.stopped.records[-1]["bytes"]["offload"]
    assert "nothing is left" in run("resume", str(begun.journal)).out


def test_behind_damage_all_is_copied_again(run: Callable[..., Ran], begun: Begun) -> None:
    lines = begun.journal.read_bytes().splitlines(keepends=True)
    assert len(lines) > 5
    lines[4] = lines[4].replace(b"offload", b"offloaD")
    begun.journal.write_bytes(b"".join(lines))
    ran = run("resume", str(begun.journal))
    assert ran.code == 0
    assert "is damaged in line 5: what it says from there on is copied again" in ran.err
    assert begun.directory.bytes(1) == begun.wanted
    assert "nothing is left" in run("resume", str(begun.journal)).out


def refused(run: Callable[..., Ran], begun: Begun, code: int, *said: str) -> None:
    """Neither the journal nor the units are touched."""
    before = begun.journal.read_bytes(), begun.directory.bytes(0), begun.directory.bytes(1)
    ran = run("resume", str(begun.journal))
    assert ran.code == code, ran.err
    for words in said:
        assert words in ran.err
    assert (begun.journal.read_bytes(), begun.directory.bytes(0), begun.directory.bytes(1)) == before


def test_another_unit_behind_the_same_path_is_refused(run: Callable[..., Ran], begun: Begun) -> None:
    begun.directory.path.rename(begun.directory.path.parent / "away")
    create(begun.directory.path, units=2, size=4096 * 512)
    refused(run, begun, 3, "is not the source that", "the serial number was", "nothing was written")


def test_another_destination_alone_is_refused(run: Callable[..., Ran], begun: Begun) -> None:
    described = begun.directory.path / "array.json"
    content = json.loads(described.read_text())
    content["units"][1]["serial"] = "another"
    described.write_text(json.dumps(content))
    refused(run, begun, 3, "is not the destination that", "is another")


def test_a_unit_of_another_size_is_refused(run: Callable[..., Ran], begun: Begun) -> None:
    described = begun.directory.path / "array.json"
    content = json.loads(described.read_text())
    content["units"][1]["blocks"] = 8192
    described.write_text(json.dumps(content))
    os.truncate(unit_file(begun.directory.path, 1), 8192 * 512)
    refused(run, begun, 3, "the number of blocks was 4096 and is 8192")


def test_swapped_source_and_destination_are_refused(run: Callable[..., Ran], tmp_path: Path) -> None:
    units = [tmp_path / name for name in ("one", "two")]
    for unit in units:
        create(unit, units=1, size=1 << 20)
        unit_file(unit, 0).write_bytes(os.urandom(1 << 20))
    journal = tmp_path / "j"
    words = f"emu:{units[0]}/0", f"emu:{units[1]}/0:8", "--journal", str(journal)
    assert run(f"{words[0]}:0+2000", *words[1:]).code == 0
    units[0].rename(tmp_path / "three")
    units[1].rename(units[0])
    (tmp_path / "three").rename(units[1])
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:3]))
    before = [unit_file(unit, 0).read_bytes() for unit in units]
    ran = run("resume", str(journal))
    assert ran.code == 3
    assert f"swapped: emu:{units[0]}/0 is the destination of {journal} now" in ran.err
    assert [unit_file(unit, 0).read_bytes() for unit in units] == before


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"xcopy-dev journal 7\n{}\n", "is a journal of version 7"),
        (b"my notes\n", "is not a journal"),
        (b"", "nothing was copied yet; remove it and begin the copy again"),
    ],
)
def test_what_is_no_journal_of_this_version_is_refused(
    run: Callable[..., Ran], begun: Begun, content: bytes, said: str
) -> None:
    begun.journal.write_bytes(content)
    refused(run, begun, 2, said)


def test_a_journal_in_use_is_refused(run: Callable[..., Ran], begun: Begun) -> None:
    file, _ = door.reopen(str(begun.journal))
    with file:
        refused(run, begun, 3, "is the journal of a copy that is running")
    assert run("resume", str(begun.journal)).code == 0


def test_a_journal_that_is_not_there_is_a_usage_error(run: Callable[..., Ran], tmp_path: Path) -> None:
    ran = run("resume", str(tmp_path / "none"), "--json")
    assert (ran.code, ran.records[-1]["exit"]) == (2, 2)


def test_a_file_that_is_there_is_not_taken_for_a_new_journal(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    notes, before = tmp_path / "notes", array.bytes(1)
    notes.write_text("mine")
    ran = run(array.unit(0), array.unit(1), "--journal", str(notes))
    assert (ran.code, notes.read_text(), array.bytes(1)) == (2, "mine", before)
    assert "is there already" in ran.err


@pytest.mark.parametrize("words", [("--dry-run",), ("--no-such-option",)])
def test_what_copies_nothing_makes_no_journal(
    run: Callable[..., Ran], array: Directory, tmp_path: Path, words: tuple[str, ...]
) -> None:
    run(array.unit(0), array.unit(1), "--journal", str(tmp_path / "j"), *words)
    run(f"{array.unit(0)}:0+10", f"{array.unit(0)}:5", "--journal", str(tmp_path / "j"))
    assert not (tmp_path / "j").exists()


def left(run: Callable[..., Ran], array: Directory, journal: Path, before: bytes) -> None:
    """What the journal says is there; what is left is copied by a resume."""
    file, contents = door.reopen(str(journal))
    file.close()
    for piece, _ in contents.copied:
        part = slice(piece.start * 512, piece.end * 512)
        assert array.bytes(1)[part] == array.bytes(0)[part] != before[part]
    assert run("resume", str(journal)).code == 0
    assert array.bytes(1) == array.bytes(0)


@pytest.fixture
def in_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy waits for its records: at most what is in flight goes on meanwhile."""
    monkeypatch.setattr("xcopy.api.journal.start", lambda work, _: work())


@pytest.mark.usefixtures("in_step")
def test_a_journal_that_cannot_be_written_stops_the_copy_which_reports_exactly(
    run: Callable[..., Ran], array: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, real, calls = array.bytes(1), door.JournalFile.append, iter(range(100))

    def full(self: door.JournalFile, data: bytes) -> None:
        if next(calls) == 2:
            os.write(self._fd, data[:20])
            self._broken = True
            raise AccessError(f"the journal {self.path} cannot be written: No space left on device")
        real(self, data)

    monkeypatch.setattr(door.JournalFile, "append", full)
    opened = open_array(array.path)
    opened.faults.add(SLOW)
    words = array.unit(0), array.unit(1), "--journal", str(tmp_path / "j"), *MANY_COMMANDS
    ran = run(*words, "--journal-interval", "0.001", "--json")
    assert ran.code == 1
    done = ran.records[-1]
    assert done["stopped"] == f"the journal {tmp_path / 'j'} cannot be written: No space left on device"
    assert done["not_durable"] is None
    copied = bytearray(array.bytes(0))
    for part in done["not_copied"]:
        hole = slice(
            part["destination_lba"] * 512, (part["destination_lba"] + part["destination_blocks"]) * 512
        )
        copied[hole] = before[hole]
    assert array.bytes(1) == bytes(copied)
    assert 0 < done["bytes"]["offload"] < 4096 * 512
    monkeypatch.undo()
    left(run, array, tmp_path / "j", before)


@pytest.mark.usefixtures("in_step")
def test_a_cache_that_cannot_be_written_stops_the_copy_and_is_never_recorded(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    before, opened = array.bytes(1), open_array(array.path)
    opened.faults.add(Fault(then=MEDIUM_ERROR, opcode=SYNCHRONIZE_CACHE_16, nth=2))
    opened.faults.add(SLOW)
    words = array.unit(0), array.unit(1), "--journal", str(tmp_path / "j"), *MANY_COMMANDS
    ran = run(*words, "--journal-interval", "0.001", "--json")
    assert ran.code == 1
    done = ran.records[-1]
    assert "did not make the copy durable" in done["stopped"]
    assert "did not make the copy durable" in done["not_durable"]
    assert (tmp_path / "j").read_bytes().count(b'{"copied":') == 1
    left(run, array, tmp_path / "j", before)


@pytest.mark.usefixtures("in_step")
def test_a_destination_that_is_busy_is_asked_again_later(
    run: Callable[..., Ran], array: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xcopy.offload.WAITS", (0.001, 0.001))
    opened = open_array(array.path)
    opened.faults.add(Fault(then=BUSY, opcode=SYNCHRONIZE_CACHE_16, nth=1, times=9))
    opened.faults.add(SLOW)
    words = array.unit(0), array.unit(1), "--journal", str(tmp_path / "j"), *MANY_COMMANDS
    assert run(*words, "--journal-interval", "0.001").code == 0
    assert array.bytes(1) == array.bytes(0)
    assert "nothing is left" in run("resume", str(tmp_path / "j")).out


def test_after_a_reset_that_a_copy_was_told_of_only_what_was_recorded_before_is_believed(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    opened = open_array(array.path)
    opened.faults.add(Fault(then=POWER_ON, opcode=EXTENDED_COPY, nth=30))
    words = array.unit(0), array.unit(1), "--journal", str(tmp_path / "j"), *MANY_COMMANDS
    ran = run(*words, "--journal-interval", "3600", "--json")
    assert ran.code == 1
    assert "reset" in ran.records[-1]["stopped"]
    assert ran.records[-1]["bytes"]["offload"] > 0
    assert b'{"copied":' not in (tmp_path / "j").read_bytes()
    again = run("resume", str(tmp_path / "j"), "--json")
    assert (again.code, again.records[-1]["bytes"]) == (0, {"offload": 4096 * 512, "host": 0})
    assert array.bytes(1) == array.bytes(0)


def test_many_ranges_go_on_with_the_results_of_each(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    lines = [(100 * n, 37, 4000 - 60 * n) for n in range(40)]
    (tmp_path / "ranges").write_text("".join(f"{a} {b} {c}\n" for a, b, c in lines))
    before, opened = array.bytes(1), open_array(array.path)
    opened.faults.add(
        Fault(then=Call(lambda: os.kill(os.getpid(), signal.SIGTERM)), opcode=EXTENDED_COPY, nth=10)
    )
    words = (
        array.unit(0),
        array.unit(1),
        "--ranges",
        str(tmp_path / "ranges"),
        "--journal",
        str(tmp_path / "j"),
    )
    assert run(*words, *MANY_COMMANDS).code == 130
    (tmp_path / "ranges").unlink()
    ran = run("resume", str(tmp_path / "j"), "--json")
    assert ran.code == 0
    wanted = bytearray(before)
    for source, blocks, to in lines:
        wanted[to * 512 : (to + blocks) * 512] = array.bytes(0)[source * 512 : (source + blocks) * 512]
    assert array.bytes(1) == bytes(wanted)
    assert 0 < ran.records[-1]["bytes"]["earlier run"] < 40 * 37 * 512
    assert "nothing is left" in run("resume", str(tmp_path / "j")).out


def test_a_copy_of_nothing_has_a_journal_too(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    assert run(f"{array.unit(0)}:0+0", array.unit(1), "--journal", str(tmp_path / "j")).code == 0
    ran = run("resume", str(tmp_path / "j"))
    assert (ran.code, "0 blocks: nothing to copy" in ran.out) == (0, True)


def test_the_options_of_the_copy_hold_for_the_rest_of_it(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    words = array.unit(0), array.unit(1), "--journal", str(tmp_path / "j"), "--method", "host"
    assert run(*words).code == 0
    lines = (tmp_path / "j").read_bytes().splitlines(keepends=True)
    (tmp_path / "j").write_bytes(b"".join(lines[:3]))
    ran = run("resume", str(tmp_path / "j"), "--json")
    assert ran.code == 0
    assert ran.records[-1]["bytes"] == {"offload": 0, "host": 4096 * 512}
