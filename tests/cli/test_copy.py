"""`xcopy-dev SRC DST` as a user types it: bytes, bytes outside, the means, what is said, the exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xcopy.device.array_dir import create, open_array, unit_file
from xcopy.target.faults import RESERVATION_CONFLICT, Fault, check
from xcopy.target.profile import CAPABLE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Directory, Ran


def expected(old: bytes, source: bytes, source_lba: int, destination_lba: int, blocks: int) -> bytes:
    new = bytearray(old)
    new[destination_lba * 512 : (destination_lba + blocks) * 512] = source[
        source_lba * 512 : (source_lba + blocks) * 512
    ]
    return bytes(new)


@pytest.mark.parametrize("words", [(), ("copy",)])
@pytest.mark.parametrize(("method", "means"), [("auto", "offload"), ("offload", "offload"), ("host", "host")])
def test_a_range_is_copied_and_nothing_outside_it(
    run: Callable[..., Ran], array: Directory, words: tuple[str, ...], method: str, means: str
) -> None:
    before = array.bytes(0), array.bytes(1)
    ran = run(*words, f"{array.unit(0)}:3+1000", f"{array.unit(1)}:7", "--method", method, "--json")
    assert ran.code == 0
    assert array.bytes(0) == before[0]
    assert array.bytes(1) == expected(before[1], before[0], 3, 7, 1000)
    done = ran.records[-1]
    assert (done["record"], done["exit"]) == ("done", 0)
    assert done["bytes"] == {"offload": 0, "host": 0, means: 512000}
    assert done["fallbacks"] == []


def test_without_count_it_goes_to_the_end_and_says_how_much_that_is(
    run: Callable[..., Ran], array: Directory
) -> None:
    ran = run(f"{array.unit(0)}:4000", f"{array.unit(1)}")
    assert ran.code == 0
    assert "96 blocks of 512 bytes" in ran.out
    assert array.bytes(1)[: 96 * 512] == array.bytes(0)[4000 * 512 :]


def test_sizes_may_be_written_as_bytes(run: Callable[..., Ran], array: Directory) -> None:
    before = array.bytes(1)
    assert run(f"{array.unit(0)}:8KiB+64KiB", f"{array.unit(1)}:0x10").code == 0
    assert array.bytes(1) == expected(before, array.bytes(0), 16, 16, 128)


def test_within_one_unit_a_range_that_does_not_overlap_is_copied(
    run: Callable[..., Ran], array: Directory
) -> None:
    before = array.bytes(0)
    assert run(f"{array.unit(0)}:0+1000", f"{array.unit(0)}:1000").code == 0
    assert array.bytes(0) == expected(before, before, 0, 1000, 1000)


def test_different_block_sizes_are_copied_by_the_host_and_the_reason_said(
    run: Callable[..., Ran], tmp_path: Path
) -> None:
    create(tmp_path / "mixed", units=2, size=2**21, block_size=[512, 4096])
    source = bytes(range(256)) * 8192
    unit_file(tmp_path / "mixed", 0).write_bytes(source)
    ran = run(f"emu:{tmp_path}/mixed/0:8+800", f"emu:{tmp_path}/mixed/1:3", "--json")
    assert ran.code == 0
    copied = unit_file(tmp_path / "mixed", 1).read_bytes()
    assert copied == bytes(3 * 4096) + source[4096 : 4096 + 800 * 512] + bytes(2**21 - 3 * 4096 - 800 * 512)
    (fallback,) = ran.records[-1]["fallbacks"]
    assert "block sizes differ" in fallback["reason"]
    assert fallback["bytes"] == 800 * 512


def test_between_two_arrays_the_copy_manager_says_no_and_the_host_copies(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    create(tmp_path / "other", units=1, size=2**21)
    ran = run(array.unit(0), f"emu:{tmp_path}/other/0", "--json")
    assert ran.code == 0
    assert unit_file(tmp_path / "other", 0).read_bytes() == array.bytes(0)
    (fallback,) = ran.records[-1]["fallbacks"]
    assert "A/0D/02" in fallback["reason"]


@pytest.mark.parametrize("words", [("--require", "offload"), ("--method", "offload")])
def test_where_offload_is_required_and_refused_nothing_is_written(
    run: Callable[..., Ran],
    array: Directory,
    tmp_path: Path,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("xcopy.api.execution.QUICK", 600.0)  # nothing is said of a slow disk
    create(tmp_path / "other", units=1, size=2**21, third_party_copy=False)
    create(tmp_path / "third", units=1, size=2**21)
    for name in ("other", "third"):
        before = unit_file(tmp_path / name, 0).read_bytes()
        ran = run(array.unit(0), f"emu:{tmp_path}/{name}/0", *words)
        assert ran.code == 4
        assert unit_file(tmp_path / name, 0).read_bytes() == before
        assert ran.err.startswith("xcopy-dev: ")
        assert ran.err.count("\n") == 1


def test_a_unit_without_3pc_is_copied_to_by_the_host_and_the_reason_said(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    create(tmp_path / "other", units=1, size=2**21, third_party_copy=False)
    ran = run(array.unit(0), f"emu:{tmp_path}/other/0")
    assert ran.code == 0
    assert "3PC is 0" in ran.out
    assert "2.0 MiB by host read and write" in ran.out
    assert unit_file(tmp_path / "other", 0).read_bytes() == array.bytes(0)


def test_a_dry_run_shows_the_bytes_and_writes_nothing(run: Callable[..., Ran], array: Directory) -> None:
    before = array.bytes(1)
    ran = run(f"{array.unit(0)}:3+5", f"{array.unit(1)}:7", "--dry-run")
    assert ran.code == 0
    assert array.bytes(1) == before
    assert "83 00 00 00 00 00 00 00 00 00 00 00 00 6c 00 00" in ran.out
    # segment 02h, 5 blocks, from LBA 3 to LBA 7, laid out by SPC-4's table 151
    tail = "02 00 00 18 00 00 00 01 00 00 00 05 00 00 00 00 00 00 00 03 00 00 00 00 00 00 00 07"
    assert tail in " ".join(ran.out.split()).replace("parameter list ", "")


def test_a_dry_run_says_which_unit_gets_the_commands(
    run: Callable[..., Ran], array: Directory, tmp_path: Path
) -> None:
    create(tmp_path / "other", units=1, size=2**21, parameters=CAPABLE.but(implemented_types=(0x02,)))
    words = (array.unit(0), f"emu:{tmp_path}/other/0", "--dry-run")
    assert "EXTENDED COPY(LID1) to the source\n" in run(*words).out
    assert run(*words, "--json").records[1]["to"] == "source"


@pytest.mark.parametrize(("refusing", "took"), [(None, "destination"), (1, "source")])
def test_the_report_says_which_unit_took_the_commands(
    run: Callable[..., Ran], array: Directory, refusing: int | None, took: str
) -> None:
    emulated = open_array(array.path)  # one and the same for as long as it is held
    if refusing is not None:
        emulated.faults.add(Fault(opcode=0x83, unit=refusing, times=None, then=check(5, 0x20, 0)))
    words = array.unit(0), array.unit(1), "--require", "offload"
    assert f"  commands were sent to the {took}\n" in run(*words, "--verbose").out
    assert run(*words, "--json").records[-1]["commands_to"] == took
    assert run(array.unit(0), array.unit(1), "--method", "host", "--json").records[-1]["commands_to"] is None


def test_a_dry_run_in_json_is_one_line_a_command(run: Callable[..., Ran], array: Directory) -> None:
    records = run(array.unit(0), array.unit(1), "--dry-run", "--json").records
    assert [r["record"] for r in records] == ["plan", "command", "done"]
    assert records[0]["limits"]["segment_blocks"]["rule"]


@pytest.mark.parametrize("words", [(), ("probe",)])
def test_a_unit_that_another_has_for_itself_is_refused_and_untouched(
    run: Callable[..., Ran], array: Directory, words: tuple[str, ...]
) -> None:
    before = array.bytes(1)
    emulated = open_array(array.path)
    emulated.faults.add(Fault(opcode=0x00, unit=1, times=None, then=RESERVATION_CONFLICT))
    ran = run(*words, array.unit(0), array.unit(1))
    assert (ran.code, array.bytes(1)) == (3, before)
    assert "reserved by another initiator: release the reservation there first" in ran.err + ran.out


def test_a_read_only_destination_is_refused_and_untouched(run: Callable[..., Ran], tmp_path: Path) -> None:
    create(tmp_path / "ro", units=2, size=2**20, read_only=[False, True])
    unit_file(tmp_path / "ro", 0).write_bytes(b"x" * 2**20)
    ran = run(f"emu:{tmp_path}/ro/0", f"emu:{tmp_path}/ro/1")
    assert ran.code != 0
    assert "WRITE PROTECTED" in ran.err
    assert unit_file(tmp_path / "ro", 1).read_bytes() == bytes(2**20)


@pytest.mark.parametrize(
    ("source", "destination", "code", "says"),
    [
        ("{0}", "{1}:0+7", 2, "COUNT, which belongs to the source"),
        ("{1}", "{1}", 3, "overlap on the same unit"),
        ("{1}:0+8", "{1}:7", 3, "overlap on the same unit"),
        ("/tmp", "{1}", 2, "/tmp is a directory"),
        ("{0}", "/tmp", 2, "/tmp is a directory"),
        ("/nowhere/sdb", "{1}", 2, "/nowhere/sdb: no such file"),
        ("/nowhere/sdb:0+5", "{1}", 2, "/nowhere/sdb"),
        ("/dev/null", "{1}", 2, "/dev/null is a character device"),
        ("{0}", "/dev/null", 2, "/dev/null is a character device"),
        ("{0}:5000", "{1}", 2, "LBA 5000 is past its end: it has 4096 blocks"),
        ("{0}:0+5000", "{1}", 2, "end past its last block"),
        ("{0}", "{1}:1", 2, "give a COUNT with the source"),
        ("{0}:1000B", "{1}", 2, "suffix"),
        ("{0}:1kB", "{1}", 2, "not a whole number of 512-byte blocks"),
        ("{0}:x", "{1}", 2, "is not a number"),
        ("emu:{dir}/9", "{1}", 2, "has units 0 to 1"),
        ("emu:{dir}", "{1}", 2, "emu:"),
        ("emu:/nowhere/0", "{1}", 2, "/nowhere"),
        ("", "{1}", 2, "an empty path"),
    ],
)
def test_what_nobody_can_mean_is_one_clear_sentence_an_exit_code_and_an_untouched_destination(
    run: Callable[..., Ran], array: Directory, source: str, destination: str, code: int, says: str
) -> None:
    before = array.bytes(0), array.bytes(1)
    names = (array.unit(0), array.unit(1))
    ran = run(source.format(*names, dir=array.path), destination.format(*names, dir=array.path))
    assert (array.bytes(0), array.bytes(1)) == before
    assert ran.code == code
    assert says in ran.err
    assert ran.err.startswith("xcopy-dev: ")
    assert ran.err.count("\n") == 1


def test_0_blocks_copy_nothing_and_say_so(run: Callable[..., Ran], array: Directory) -> None:
    before = array.bytes(1)
    ran = run(f"{array.unit(0)}:5+0", array.unit(1))
    assert ran.code == 0
    assert "0 blocks: nothing to copy" in ran.out
    assert array.bytes(1) == before


@pytest.mark.parametrize(
    "words",
    [
        ("{0}",),
        ("{0}", "{1}", "{1}"),
        ("{0}", "{1}", "--jobs", "0"),
        ("{0}", "{1}", "--jobs", "-1"),
        ("{0}", "{1}", "--jobs", "x"),
        ("{0}", "{1}", "--timeout", "0"),
        ("{0}", "{1}", "--timeout", "nan"),
        ("{0}", "{1}", "--timeout", "-3"),
        ("{0}", "{1}", "--method", "magic"),
        ("{0}", "{1}", "--require", "offload", "--method", "host"),
        ("{0}", "{1}", "--journal-interval", "5"),
        ("{0}", "{1}", "--meth", "host"),
        ("probe",),
        ("emu",),
    ],
)
def test_wrong_options_are_usage_and_write_nothing(
    run: Callable[..., Ran], array: Directory, words: tuple[str, ...]
) -> None:
    before = array.bytes(1)
    ran = run(*(w.format(array.unit(0), array.unit(1)) for w in words))
    assert ran.code == 2
    assert ran.err
    assert array.bytes(1) == before


def test_an_error_in_json_is_the_last_record_too(run: Callable[..., Ran], array: Directory) -> None:
    ran = run(array.unit(0), array.unit(0), "--json")
    assert ran.code == 3
    assert ran.records[-1]["record"] == "error"
    assert ran.records[-1]["exit"] == 3


def test_verbose_names_the_rule_behind_each_limit(run: Callable[..., Ran], array: Directory) -> None:
    ran = run(f"{array.unit(0)}:0+8", array.unit(1), "--verbose", "--jobs", "4")
    assert "commands in flight: 4 (--jobs)" in ran.out
    assert "blocks in a command: 131072 (default of 64 MiB)" in ran.out


def test_without_the_binding_the_transport_is_refused_with_the_way_to_get_it(
    run: Callable[..., Ran], array: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    from xcopy.device import sgio_binding

    monkeypatch.setitem(sys.modules, "sgio", None)
    with pytest.raises(Exception, match=r"xcopy-dev\[sgio\]"):
        sgio_binding.SgioTransport("/dev/null")
    del run, array
