"""`xcopy-dev decode`, as its users type it: what is shown, what is pointed at, what damaged input gives."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cdb.catalogue import named
from tests.cdb.captured import commands
from tests.cdb.samples import sample, samples
from xcopy.cli.main import main
from xcopy.cli.render_trace import WIDTH

if TYPE_CHECKING:
    from pathlib import Path

SGX = commands("sgx_simple", 0x83)[0]


def decode(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str], str]:
    code = main(["decode", *words])
    said = capsys.readouterr()
    return code, said.out.splitlines(), said.err


def test_each_field_has_its_offset_its_bytes_its_name_its_value_and_what_it_means(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, lines, _ = decode(capsys, SGX.data_out.hex())
    assert code == 0
    (usage,) = [line for line in lines if "LIST ID USAGE" in line]
    assert usage.split() == [
        "1",
        "...1",
        "0...",
        "LIST",
        "ID",
        "USAGE",
        "10b",
        "hold",
        "status,",
        "discard",
        "data",
    ]
    (blocks,) = [line for line in lines if "NUMBER OF BLOCKS" in line]
    assert blocks.split() == ["90", "0400", "BLOCK", "DEVICE", "NUMBER", "OF", "BLOCKS", "1024"]


def test_every_structure_says_its_clause_at_the_right_edge(capsys: pytest.CaptureFixture[str]) -> None:
    _, lines, _ = decode(capsys, SGX.data_out.hex())
    assert lines[0].startswith("EXTENDED COPY(LID1) parameter list ")
    assert lines[0].endswith(" SPC-4 6.5, table 172")
    assert len(lines[0]) == WIDTH
    assert any("segment 0: block to block" in line and "SPC-4 6.4.6.4, table 151" in line for line in lines)


@pytest.mark.parametrize("name", [s.name for s in samples()])
def test_no_line_is_wider_than_100_columns(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, lines, _ = decode(capsys, sample(name).data.hex())
    assert max(map(len, lines)) <= WIDTH


def test_what_is_wrong_is_said_within_100_columns(capsys: pytest.CaptureFixture[str]) -> None:
    damaged = (1080).to_bytes(4, "big") + sample("ctl_lid4_in_progress").data[4:]
    code, lines, _ = decode(capsys, "--as", "copy-status-lid4", damaged.hex())
    assert code == 1
    assert any("!!" in line for line in lines)
    assert max(map(len, lines)) <= WIDTH


def test_an_offset_of_six_digits_leaves_the_columns_where_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    size = 15_000 * 8  # REPORT LUNS: every LUN in eight bytes
    dump = tmp_path / "luns.bin"
    dump.write_bytes(size.to_bytes(4, "big") + bytes(4) + bytes.fromhex("0001000000000000") * 15_000)
    _, lines, _ = decode(capsys, "--as", "lun-list", str(dump))
    assert max(map(len, lines)) <= WIDTH
    assert {line.index("0001000000000000") for line in lines if "0001000000000000" in line} == {7}
    assert any(line.startswith("120000 0001") for line in lines)


def test_a_sense_behind_its_command_and_list_is_shown_with_the_field_it_points_at(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (three,) = commands("spt_xcopy_3seg", 0x83)
    dump = tmp_path / "failed.txt"
    # COPY ABORTED, segment 2, SKSV and SD set, field pointer 10: SPC-4 5.17.7.4.
    dump.write_text(
        f"CDB: {three.cdb.hex(' ')}\nparameter list:\n{three.data_out.hex(' ')}\n"
        "sense: 70 00 0a 00 00 00 00 0a 00 00 00 02 26 0d 00 a0 00 0a\n"
    )
    code, lines, _ = decode(capsys, str(dump))
    assert code == 0
    said = " ".join(" ".join(lines).split())
    assert "the sense points at segment 2 (block to block), byte 10: BLOCK DEVICE NUMBER OF BLOCKS" in said


def test_json_has_every_field_once_with_value_meaning_and_clause(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, _ = decode(capsys, "--json", SGX.data_out.hex())
    (record,) = [json.loads(line) for line in lines]
    assert code == 0
    assert record["structure"] == "EXTENDED COPY(LID1) parameter list"
    (usage,) = [f for f in record["fields"] if f.get("field") == "LIST ID USAGE"]
    assert usage == {
        "offset": 1, "size": 1, "depth": 0, "field": "LIST ID USAGE", "value": 2,
        "meaning": "hold status, discard data", "clause": "SPC-4 6.5, table 172", "bit": 4, "bits": 2,
    }  # fmt: skip
    (lba,) = [f for f in record["fields"] if f.get("field", "").startswith("SOURCE BLOCK DEVICE")]
    assert (lba["offset"], lba["size"], lba["value"]) == (92, 8, 0)


def test_json_and_text_show_the_same_fields(capsys: pytest.CaptureFixture[str]) -> None:
    data = sample("ctl_vpd_third_party_copy").data.hex()
    _, text, _ = decode(capsys, data)
    _, lines, _ = decode(capsys, "--json", data)
    offsets = [f["offset"] for f in json.loads(lines[0])["fields"] if f.get("field")]
    whole = "\n".join(text)
    assert all(f"\n{offset:>5}  " in f"\n{whole}" for offset in offsets)


def test_a_list_cut_short_is_shown_as_far_as_it_goes_and_says_where_it_breaks(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, lines, _ = decode(capsys, "--as", "lid1-parameter-list", SGX.data_out[:85].hex())
    assert code == 1
    assert any("CSCD descriptor 1" in line for line in lines)
    (trouble,) = [n for n, line in enumerate(lines) if "!!" in line]
    assert "segment" in " ".join(lines[trouble:])


def test_a_structure_of_which_no_byte_is_there_is_not_announced(capsys: pytest.CaptureFixture[str]) -> None:
    # ADDITIONAL SENSE LENGTH 0: the sense ends before its sense-key-specific bytes.
    _, lines, _ = decode(capsys, "--as", "sense", "7000050000000000")
    assert not any("Field pointer" in line for line in lines)


def test_bytes_behind_a_structure_are_shown_as_left_over(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, _ = decode(capsys, SGX.data_out.hex() + "dead")
    assert code == 0
    assert lines[-2:] == ["  108  2 bytes left over:", "  108  de ad"]


def test_what_is_not_recognised_says_how_to_say_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, _ = decode(capsys, "01020304")
    assert code == 2
    assert "--as NAME" in lines[-1]


def test_a_structure_that_does_not_exist_is_named_with_those_near_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, _, said = decode(capsys, "--as", "lid1-list", "00")
    assert code == 2
    assert "--as lid1-list: no such structure; near it: " in said
    assert "lid1-parameter-list" in said


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["83 00 0g"], "is not hex"),
        (["8300000000000000000000000000000"], "odd"),
        (["no-such-file.bin"], "hex"),
    ],
)
def test_what_cannot_be_read_as_hex_is_refused_with_the_forms_that_can(
    words: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, lines, said = decode(capsys, *words)
    assert (code, lines) == (2, [])
    assert reason in said


def test_binary_comes_from_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(SGX.data_out)))
    code, lines, _ = decode(capsys)
    assert code == 0
    assert lines[0].startswith("EXTENDED COPY(LID1) parameter list")


def test_a_directory_is_no_dump(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = decode(capsys, str(tmp_path))
    assert code == 2
    assert "directory" in said.lower()


def test_the_list_of_names_has_every_structure_and_every_group(capsys: pytest.CaptureFixture[str]) -> None:
    code, lines, _ = decode(capsys, "--list")
    assert code == 0
    assert {line.split()[0] for line in lines} >= {*named(), "cdb", "vpd", "sense", "segment", "cscd"}


def test_decoding_imports_no_door_and_no_device() -> None:
    probe = (
        "import sys; from xcopy.cli.main import main; main(['decode', '8300']); "
        "print(sorted(m for m in sys.modules if m.startswith(('xcopy.device', 'xcopy.api', 'pyudev'))))"
    )
    ran = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_a_dry_run_in_full_shows_the_same_dump(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["emu", "create", str(tmp_path / "a"), "--size", "1MiB"]) == 0
    capsys.readouterr()
    code = main([f"emu:{tmp_path}/a/0:0+16", f"emu:{tmp_path}/a/1", "--dry-run", "--verbose"])
    said = capsys.readouterr().out
    assert code == 0
    assert "segment 0: block to block" in said
    assert "BLOCK DEVICE NUMBER OF BLOCKS 16" in " ".join(said.split())
