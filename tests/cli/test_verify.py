"""`--verify` and `--verify-only` as a user types them: what lying storage wrote is found and ends in 5."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest

from tests.cli.conftest import BLOCKS, Directory
from xcopy.cli.render_text import TextRenderer
from xcopy.device.array_dir import create, open_array, unit_file
from xcopy.progress import Progress
from xcopy.target.faults import Call, Corrupt, Fault, Shorten, check
from xcopy.target.profile import CAPABLE
from xcopy.verification import VERIFY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Ran
    from xcopy.target.array import Array

READ, EXTENDED_COPY, SYNCHRONIZE_CACHE = 0x88, 0x83, 0x91
SMALL = ("--segment", "8KiB", "--segments-per-command", "1", "--jobs", "1")
SIZE = BLOCKS * 512


@pytest.fixture
def opened(array: Directory) -> Iterator[Array]:
    """The array that every copy here talks to."""
    held = open_array(array.path)
    yield held
    assert held


def flipped(data: bytes) -> bytes:
    """One byte of the seventh block of whatever passes by."""
    at = 6 * 512 + 100
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def interrupt() -> Call:
    return Call(lambda: os.kill(os.getpid(), signal.SIGINT))


def verification(ran: Ran) -> dict[str, Any]:
    done = ran.records[-1]
    assert done["record"] == "done"
    assert done["exit"] == ran.code
    found: dict[str, Any] = done["verification"]
    return found


def differing(one: bytes, other: bytes) -> list[int]:
    """Blocks that are not the same, one by one."""
    return [
        n for n in range(len(one) // 512) if one[n * 512 : n * 512 + 512] != other[n * 512 : n * 512 + 512]
    ]


@pytest.mark.parametrize("method", ["offload", "host"])
def test_a_copy_that_is_right_is_said_to_be(run: Callable[..., Ran], array: Directory, method: str) -> None:
    words = (f"{array.unit(0)}:3+1000", f"{array.unit(1)}:7", "--method", method)
    ran = run(*words, "--verify", "--json")
    assert ran.code == 0
    found = verification(ran)
    assert (found["scope"], found["equal"]) == ("whole", True)
    assert found["verified"] == found["total"] == 1000 * 512
    assert (found["differing_blocks"], found["differences"]) == (0, [])
    assert "verified 500.0 KiB of 500.0 KiB" in (text := run(*words, "--verify").out)
    assert text.rstrip().endswith(": equal")
    assert run(*words, "--json").records[-1]["verification"] is None


def test_storage_that_says_good_and_writes_other_bytes_is_found_out(
    run: Callable[..., Ran], array: Directory, opened: Array
) -> None:
    words = (f"{array.unit(0)}:3+1000", f"{array.unit(1)}:7", *SMALL)
    opened.faults.add(Fault(at="write", unit=1, nth=5, then=Corrupt(flipped)))
    assert run(*words).code == 0  # nothing else tells
    array.fill(1)
    opened.faults.add(Fault(at="write", unit=1, nth=5, then=Corrupt(flipped)))
    ran = run(*words, "--verify", "--json")
    assert ran.code == 5
    (lba,) = differing(array.bytes(0)[3 * 512 : 1003 * 512], array.bytes(1)[7 * 512 : 1007 * 512])
    (named,) = verification(ran)["differences"]
    at = named["source_byte"]
    assert (named["source_lba"], named["destination_lba"], at) == (lba + 3, lba + 7, 100)
    assert named["destination_byte"] == 100
    place, to = (lba + 3) * 512 + 100, (lba + 7) * 512 + 100
    assert bytes.fromhex(named["source"]) == array.bytes(0)[place : place + 16]
    assert bytes.fromhex(named["destination"]) == array.bytes(1)[to : to + 16]
    assert verification(ran)["differing_blocks"] == 1
    assert verification(ran)["verified"] == 1000 * 512
    assert "DIFFERENT" in ran.err
    assert f"source LBA {lba + 3} byte 100: 2e 2e" in ran.err
    assert f"destination LBA {lba + 7} byte 100: 2f 2e" in ran.err


def test_what_the_host_read_wrongly_is_found_when_it_is_read_again(
    run: Callable[..., Ran], array: Directory, opened: Array
) -> None:
    opened.faults.add(Fault(opcode=READ, unit=0, then=Corrupt(flipped)))
    ran = run(array.unit(0), array.unit(1), "--method", "host", "--verify")
    assert ran.code == 5
    assert ran.out.rstrip().endswith(": DIFFERENT")
    assert "other bytes than the source in 1 block of 512 bytes" in ran.err


def test_ten_blocks_are_named_and_all_are_counted(run: Callable[..., Ran], array: Directory) -> None:
    ran = run(array.unit(0), array.unit(1), "--verify-only", "--json")
    assert ran.code == 5
    found = verification(ran)
    assert found["differing_blocks"] == BLOCKS  # the fixture makes every block another on each unit
    assert [each["source_lba"] for each in found["differences"]] == list(range(10))
    assert f"and {BLOCKS - 10} more blocks" in ran.err


@pytest.mark.parametrize("same", [True, False])
def test_verify_only_says_whether_both_are_equal_and_writes_nothing(
    run: Callable[..., Ran], array: Directory, opened: Array, same: bool
) -> None:
    content = array.bytes(0)
    unit_file(array.path, 1).write_bytes(content if same else content[:-1] + b"!")
    files = [unit_file(array.path, number) for number in (0, 1)]
    before = [(file.read_bytes(), file.stat().st_mtime_ns) for file in files]
    seen: list[int] = []
    opened.faults.add(
        Fault(then=Call(lambda: None), times=None, when=lambda step: not seen.append(step.cdb[0]))  # type: ignore[func-returns-value]
    )
    ran = run(array.unit(0), array.unit(1), "--verify-only", "--json")
    assert ran.code == (0 if same else 5)
    assert verification(ran)["equal"] is same
    assert verification(ran)["verified"] == SIZE
    assert [(file.read_bytes(), file.stat().st_mtime_ns) for file in files] == before
    # TEST UNIT READY, INQUIRY, RECEIVE COPY RESULTS, READ(16), SERVICE ACTION IN(16): nothing that writes
    assert READ in seen
    assert set(seen) <= {0x00, 0x12, 0x84, READ, 0x9E}
    assert [record["record"] for record in ran.records if record["record"] != "progress"] == ["plan", "done"]
    assert ran.records[0]["method"] == "verify"


def test_verify_only_in_words(run: Callable[..., Ran], array: Directory) -> None:
    ran = run("--verify-only", f"{array.unit(0)}:8+16", f"{array.unit(0)}:8")
    assert ran.code == 0
    assert "8.0 KiB: " in ran.out
    assert "nothing is written" in ran.out
    assert ran.out.rstrip().endswith(": equal")
    assert "are one unit, and share blocks of these ranges" in ran.err


def test_nothing_that_was_copied_is_never_called_equal(run: Callable[..., Ran], tmp_path: Path) -> None:
    create(tmp_path / "ro", units=2, size=2**20, read_only=[False, True])
    ran = run(f"emu:{tmp_path}/ro/0", f"emu:{tmp_path}/ro/1", "--verify", "--json")
    assert ran.code == 1
    assert (verification(ran)["equal"], verification(ran)["stopped"]) == (False, "nothing was copied")


def test_verify_only_of_a_destination_that_is_read_only(run: Callable[..., Ran], tmp_path: Path) -> None:
    create(tmp_path / "ro", units=2, size=2**20, read_only=[False, True])
    assert run(f"emu:{tmp_path}/ro/0", f"emu:{tmp_path}/ro/1", "--verify-only").code == 0
    unit_file(tmp_path / "ro", 0).write_bytes(b"x" * 2**20)
    assert run(f"emu:{tmp_path}/ro/0", f"emu:{tmp_path}/ro/1", "--verify-only").code == 5


def test_units_of_different_block_sizes_are_compared_byte_by_byte(
    run: Callable[..., Ran], tmp_path: Path
) -> None:
    create(tmp_path / "mixed", units=2, size=2**21, block_size=[512, 4096])
    unit_file(tmp_path / "mixed", 0).write_bytes(os.urandom(2**21))
    words = (f"emu:{tmp_path}/mixed/0:8+800", f"emu:{tmp_path}/mixed/1:3", "--json")
    assert run(*words, "--verify").code == 0
    file = unit_file(tmp_path / "mixed", 1)
    content = bytearray(file.read_bytes())
    at = 3 * 4096 + 9 * 4096 + 1000
    content[at] ^= 0xFF
    file.write_bytes(content)
    ran = run(*words, "--verify-only")
    assert ran.code == 5
    (named,) = verification(ran)["differences"]
    assert (named["destination_lba"], named["destination_byte"]) == (12, 1000)
    assert (named["source_lba"], named["source_byte"]) == (8 + 9 * 8 + 1, 1000 - 512)


def test_all_ranges_of_a_list_are_verified_and_nothing_between_them(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    file = tmp_path / "list"
    file.write_text("0 100 50\n500 1 3000\n900 300 1000\n")
    words = (array.unit(0), array.unit(1), "--ranges", str(file), "--json")
    ran = run(*words, "--verify")
    assert ran.code == 0
    assert verification(ran)["verified"] == 401 * 512
    content = bytearray(array.bytes(1))
    content[3000 * 512 + 511] ^= 1  # the last byte of the range of one block
    unit_file(array.path, 1).write_bytes(content)
    ran = run(*words, "--verify-only")
    assert ran.code == 5
    (named,) = verification(ran)["differences"]
    assert (named["source_lba"], named["destination_lba"], named["source_byte"]) == (500, 3000, 511)


def test_a_sample_has_the_first_block_and_the_last_and_its_seed_chooses_the_same_again(
    run: Callable[..., Ran], array: Directory
) -> None:
    content = array.bytes(0)
    words = (array.unit(0), array.unit(1), "--json")
    for at in (0, SIZE - 1):
        unit_file(array.path, 1).write_bytes(content[:at] + b"!" + content[at + 1 :])
        assert run(*words, "--verify-only=sample:2").code == 5
    unit_file(array.path, 1).write_bytes(b"!" * SIZE)
    found = verification(run(*words, "--verify-only=sample:5"))
    assert (found["scope"], found["pieces"], found["verified"]) == ("sample", 5, 5 * 65536)
    again = run(*words[:2], f"--verify-only=sample:5:{found['seed']}")
    assert f"sample:5:{found['seed']} chooses the same blocks again" in again.out
    # byte 65536 to 2 MiB - 65536 are in no sample of two pieces
    middle = bytearray(content)
    middle[SIZE // 2] ^= 1
    unit_file(array.path, 1).write_bytes(middle)
    assert run(*words, "--verify-only=sample:2:1").code == 0


@pytest.fixture
def breaking(tmp_path: Path) -> tuple[Directory, Array]:
    """Two units between which the third command of one segment of 16 blocks ends in a hardware error."""
    small = CAPABLE.but(maximum_segment_length=16 * 512, maximum_segment_count=1)
    create(tmp_path / "breaking", units=2, size=SIZE, parameters=small)
    made = Directory(tmp_path / "breaking")
    for number in (0, 1):
        made.fill(number)
    held = open_array(made.path)
    held.faults.add(Fault(opcode=EXTENDED_COPY, nth=3, then=check(0x4, 0x44, 0x00)))
    return made, held


def test_of_a_copy_that_stopped_only_what_is_copied_is_verified(
    run: Callable[..., Ran], breaking: tuple[Directory, Array]
) -> None:
    array, _ = breaking
    ran = run(array.unit(0), array.unit(1), "--method", "offload", "--jobs", "1", "--verify", "--json")
    assert ran.code == 1
    copied = ran.records[-1]["bytes"]["offload"]
    assert copied == 2 * 16 * 512
    assert verification(ran)["total"] == verification(ran)["verified"] == copied
    assert verification(ran)["equal"]


def test_a_difference_is_heard_although_the_copy_stopped(
    run: Callable[..., Ran], breaking: tuple[Directory, Array]
) -> None:
    array, opened = breaking
    opened.faults.add(Fault(at="write", unit=1, nth=2, then=Corrupt(flipped)))
    ran = run(array.unit(0), array.unit(1), "--method", "offload", "--jobs", "1", "--verify")
    assert ran.code == 5
    assert "DIFFERENT" in ran.err
    assert "stopped: " in ran.err


def test_ctrl_c_while_verifying_leaves_a_copy_that_is_not_verified(
    run: Callable[..., Ran], array: Directory, opened: Array
) -> None:
    opened.faults.add(Fault(opcode=READ, unit=0, then=interrupt()))
    words = array.unit(0), array.unit(1), "--verify", "--rate", "20MiB", "--jobs", "1"
    ran = run(*words, "--json")  # of its pieces one is under way
    assert ran.code == 130
    assert array.bytes(1) == array.bytes(0)
    done = ran.records[-1]
    assert done["bytes"]["offload"] == done["total"] == SIZE
    assert done["stopped"] is None
    assert done["verification"]["stopped"] == "interrupted"
    assert done["verification"]["verified"] < SIZE
    assert not done["verification"]["equal"]
    assert "verification stopped: interrupted" in ran.err


@pytest.mark.parametrize("opcode", [EXTENDED_COPY, SYNCHRONIZE_CACHE])
def test_ctrl_c_before_that_leaves_nothing_verified(
    run: Callable[..., Ran], array: Directory, opened: Array, opcode: int
) -> None:
    opened.faults.add(Fault(opcode=opcode, then=interrupt()))
    reads: list[int] = []
    opened.faults.add(Fault(opcode=READ, unit=0, times=None, then=Call(lambda: reads.append(1))))
    ran = run(array.unit(0), array.unit(1), "--verify", "--json", *SMALL)
    assert ran.code == 130
    assert verification(ran)["verified"] == 0
    assert verification(ran)["stopped"] == "interrupted"
    assert reads == []


def test_ctrl_c_ends_verify_only(run: Callable[..., Ran], array: Directory, opened: Array) -> None:
    unit_file(array.path, 1).write_bytes(array.bytes(0))
    opened.faults.add(Fault(opcode=READ, unit=0, then=interrupt()))
    ran = run(array.unit(0), array.unit(1), "--verify-only", "--rate", "1MiB")
    assert ran.code == 130
    assert "equal so far" in ran.out or "nothing was compared" in ran.err
    assert "verification stopped: interrupted" in ran.err


@pytest.mark.parametrize(
    ("then", "says"),
    [(check(0x3, 0x11, 0x00), "3/11/00"), (Shorten(512), "returned 512 of")],
)
def test_what_cannot_be_read_is_no_reason_to_call_it_equal(
    run: Callable[..., Ran], array: Directory, opened: Array, then: Any, says: str
) -> None:
    opened.faults.add(Fault(opcode=READ, unit=1, nth=2, times=None, then=then))
    ran = run(array.unit(0), array.unit(1), "--verify", "--json")
    assert ran.code == 1
    assert not verification(ran)["equal"]
    assert verification(ran)["differing_blocks"] == 0
    assert "READ(16)" in verification(ran)["stopped"]
    assert says in verification(ran)["stopped"]
    assert ran.records[-1]["bytes"]["offload"] == SIZE


def test_a_difference_is_heard_although_the_rest_could_not_be_read(
    run: Callable[..., Ran], array: Directory, opened: Array
) -> None:
    opened.faults.add(Fault(opcode=READ, unit=1, nth=5, times=None, then=check(0x3, 0x11, 0x00)))
    ran = run(array.unit(0), array.unit(1), "--verify-only", "--jobs", "1", "--rate", "4MiB", "--json")
    assert ran.code == 5
    assert 0 < verification(ran)["verified"] < SIZE
    assert "3/11/00" in verification(ran)["stopped"]
    assert "DIFFERENT" in ran.err


def test_resume_verifies_what_an_earlier_run_copied_too(
    run: Callable[..., Ran], array: Directory, opened: Array, tmp_path: Path
) -> None:
    journal = tmp_path / "copy.journal"
    opened.faults.add(Fault(opcode=EXTENDED_COPY, nth=20, then=interrupt()))
    words = (array.unit(0), array.unit(1), *SMALL)
    assert run(*words, "--journal", str(journal)).code == 130
    content = bytearray(array.bytes(1))
    content[5] ^= 1  # somebody else writes there
    unit_file(array.path, 1).write_bytes(content)
    ran = run("resume", str(journal), "--verify", "--json")
    assert ran.code == 5
    done = ran.records[-1]
    assert done["bytes"]["earlier run"] > 0
    assert done["verification"]["verified"] == SIZE
    assert done["verification"]["differences"][0]["source_lba"] == 0
    assert "goes on with it" not in ran.err
    assert run("resume", str(journal)).code == 0  # it was begun without


def test_a_copy_that_was_begun_with_verify_is_verified_when_it_is_resumed(
    run: Callable[..., Ran], array: Directory, opened: Array, tmp_path: Path
) -> None:
    journal = tmp_path / "copy.journal"
    opened.faults.add(Fault(opcode=READ, unit=0, then=interrupt()))
    words = (array.unit(0), array.unit(1), "--verify", "--rate", "4MiB")
    ran = run(*words, "--journal", str(journal))
    assert ran.code == 130
    assert "goes on with it" in ran.err
    ran = run("resume", str(journal), "--json")
    assert ran.code == 0
    assert ran.records[-1]["bytes"]["earlier run"] == SIZE
    assert verification(ran)["verified"] == SIZE


def test_0_blocks_are_verified_at_once(run: Callable[..., Ran], array: Directory) -> None:
    for word in ("--verify", "--verify-only"):
        ran = run(f"{array.unit(0)}:5+0", array.unit(1), word, "--json")
        assert ran.code == 0
        assert verification(ran)["total"] == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--verify-only", "--verify"), "--verify is about a copy"),
        (("--verify-only", "--dry-run"), "--dry-run is about a copy"),
        (("--verify-only", "--journal", "{dir}/journal"), "--journal is about a copy"),
        (("--verify-only", "--force"), "--force is about a copy"),
        (("--verify-only", "--force=swap"), "--force is about a copy"),
        (("--verify-only", "--yes"), "--yes is about a copy"),
        (("--verify-only", "--freeze"), "--freeze is about a copy"),
        (("--verify-only", "--method", "host"), "--method host is about a copy"),
        (("--verify-only", "--require", "offload"), "--require is about a copy"),
        (("--verify-only", "--prefer", "speed"), "--prefer speed is about a copy"),
        (("--verify-only", "--segment", "4MiB"), "--segment is about a copy"),
        (("--verify-only", "--sparse", "never"), "--sparse is about a copy"),
        (("--verify-only", "--journal-interval", "5"), "--journal-interval is about a copy"),
        (("--verify-only=half",), "'half' is no part to verify: write whole, sample, sample:N"),
        (("--verify=sample:1",), "2 pieces or more"),
        (("--verify=sample:x",), "'x' is not a number"),
        (("--verify=",), "write whole, sample"),
    ],
)
def test_what_makes_no_sense_together_is_refused_and_nothing_written(
    run: Callable[..., Ran], array: Directory, tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    before = array.bytes(1)
    ran = run(array.unit(0), array.unit(1), *(word.format(dir=tmp_path) for word in words))
    assert ran.code == 2
    assert says in ran.err
    assert array.bytes(1) == before
    assert not (tmp_path / "journal").exists()


def test_verify_before_the_units_takes_none_of_them_for_its_value(
    run: Callable[..., Ran], array: Directory
) -> None:
    assert run("--verify", array.unit(0), array.unit(1)).code == 0
    assert run("copy", "--verify-only", array.unit(0), array.unit(1)).code == 0


def test_a_dry_run_of_a_copy_to_be_verified_reads_and_writes_nothing(
    run: Callable[..., Ran], array: Directory
) -> None:
    before = array.bytes(1)
    assert run(array.unit(0), array.unit(1), "--verify", "--dry-run").code == 0
    assert array.bytes(1) == before


@pytest.mark.parametrize(("many", "reads"), [(1, "1 piece being read"), (3, "3 pieces being read")])
def test_a_stop_while_verifying_waits_for_reads_and_says_so(
    capsys: pytest.CaptureFixture[str], many: int, reads: str
) -> None:
    looked = Progress(
        total=100,
        copied={VERIFY: 50},
        means=VERIFY,
        window="",
        in_flight=many,
        elapsed=3.0,
        rate=10.0,
        stopping="interrupted",
    )
    text = TextRenderer(verbose=False)
    text.tell(looked)
    text.stopping(looked, 1)
    told, stopping = capsys.readouterr().err.splitlines()
    assert told == "xcopy-dev: 50.0 %, 50 B of 100 B, 10 B/s, 5 s left, verifying"
    assert stopping == f"xcopy-dev: interrupted: nothing more is read; {reads} waited for, then the report"
