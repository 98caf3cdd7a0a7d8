"""Names of additional sense codes: T10's list, whole, against what others have made of the same list.

Compared when cdb/asc_ascq.txt was generated (763 codes; upper and lower case apart):
* T10's own file as of 11/18/16: its 749 codes are here under the same names. Later than it are 00/22,
  04/24, 04/25, 0B/12, 0B/13, 0B/14, 21/09, 26/16, 2C/12, 2C/13, 31/04, 31/05, 38/08 and 3B/20.
* Linux 6.1, drivers/scsi/sense_codes.h as compiled into Debian's scsi_mod.ko: its 756 codes are here under
  the same names. It lacks 5D/1D, keeps the three families 40/NN, 4D/NN and 70/NN elsewhere, and leaves out
  40/00, 41/00 and 42/00, of which T10 says that 40/NN should be used.
* sg3_utils, lib/sg_lib_data.c of 2026, which names T10's list of 2024-11-28: 760 codes with the same names,
  save the three below, Obsolete to T10, where sg3_utils has former names. The families are in a table of
  their own there, with other ranges beside them: 40h with an ASCQ below 80h, and all of 41h and 42h. It has
  four codes more: 30/0B (CLEANING TAPE EXPIRED, not in any of T10's lists seen here), and the later 00/23,
  38/09 and 67/0E, none of which is an answer to a third-party copy.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cdb.asc
from cdb.asc import SENSE_KEYS, additional_sense_name
from tests.cdb.independent import fixed_sense

ROOT = Path(__file__).resolve().parents[2]
DATA = Path(cdb.asc.__file__).with_name("asc_ascq.txt")
GENERATOR = ROOT / "scripts/generate_asc.py"

ROWS = [line for line in DATA.read_text("ascii").splitlines() if not line.startswith("#")]
# The codes that stand for themselves; the families, 40/NN for one, have tests of their own.
CODES = [(int(row[:2], 16), int(row[3:5], 16)) for row in ROWS if "NN" not in row[:5]]

# What third-party copy commands answer with, copies of tokens and RODs included. The names are those of SPC-4
# table E.1, save 26/15 and 26/16, which are younger than it and which sg3_utils names.
OF_THIRD_PARTY_COPY = {
    (0x00, 0x16): "OPERATION IN PROGRESS",
    (0x00, 0x20): "EXTENDED COPY INFORMATION AVAILABLE",
    (0x08, 0x04): "UNREACHABLE COPY TARGET",
    (0x0D, 0x00): "ERROR DETECTED BY THIRD PARTY TEMPORARY INITIATOR",
    (0x0D, 0x01): "THIRD PARTY DEVICE FAILURE",
    (0x0D, 0x02): "COPY TARGET DEVICE NOT REACHABLE",
    (0x0D, 0x03): "INCORRECT COPY TARGET DEVICE TYPE",
    (0x0D, 0x04): "COPY TARGET DEVICE DATA UNDERRUN",
    (0x0D, 0x05): "COPY TARGET DEVICE DATA OVERRUN",
    (0x1A, 0x00): "PARAMETER LIST LENGTH ERROR",
    (0x20, 0x00): "INVALID COMMAND OPERATION CODE",
    (0x21, 0x00): "LOGICAL BLOCK ADDRESS OUT OF RANGE",
    (0x23, 0x00): "INVALID TOKEN OPERATION, CAUSE NOT REPORTABLE",
    (0x23, 0x01): "INVALID TOKEN OPERATION, UNSUPPORTED TOKEN TYPE",
    (0x23, 0x02): "INVALID TOKEN OPERATION, REMOTE TOKEN USAGE NOT SUPPORTED",
    (0x23, 0x03): "INVALID TOKEN OPERATION, REMOTE ROD TOKEN CREATION NOT SUPPORTED",
    (0x23, 0x04): "INVALID TOKEN OPERATION, TOKEN UNKNOWN",
    (0x23, 0x05): "INVALID TOKEN OPERATION, TOKEN CORRUPT",
    (0x23, 0x06): "INVALID TOKEN OPERATION, TOKEN REVOKED",
    (0x23, 0x07): "INVALID TOKEN OPERATION, TOKEN EXPIRED",
    (0x23, 0x08): "INVALID TOKEN OPERATION, TOKEN CANCELLED",
    (0x23, 0x09): "INVALID TOKEN OPERATION, TOKEN DELETED",
    (0x23, 0x0A): "INVALID TOKEN OPERATION, INVALID TOKEN LENGTH",
    (0x24, 0x00): "INVALID FIELD IN CDB",
    (0x26, 0x00): "INVALID FIELD IN PARAMETER LIST",
    (0x26, 0x06): "TOO MANY TARGET DESCRIPTORS",
    (0x26, 0x07): "UNSUPPORTED TARGET DESCRIPTOR TYPE CODE",
    (0x26, 0x08): "TOO MANY SEGMENT DESCRIPTORS",
    (0x26, 0x09): "UNSUPPORTED SEGMENT DESCRIPTOR TYPE CODE",
    (0x26, 0x0A): "UNEXPECTED INEXACT SEGMENT",
    (0x26, 0x0B): "INLINE DATA LENGTH EXCEEDED",
    (0x26, 0x0C): "INVALID OPERATION FOR COPY SOURCE OR DESTINATION",
    (0x26, 0x0D): "COPY SEGMENT GRANULARITY VIOLATION",
    (0x26, 0x15): "COPY SOURCE OR COPY DESTINATION NOT AUTHORIZED",
    (0x26, 0x16): "FAST COPY NOT POSSIBLE",
    (0x27, 0x00): "WRITE PROTECTED",
    (0x55, 0x03): "INSUFFICIENT RESOURCES",
    (0x55, 0x0C): "INSUFFICIENT RESOURCES TO CREATE ROD",
    (0x55, 0x0D): "INSUFFICIENT RESOURCES TO CREATE ROD TOKEN",
}

# Where sg_decode_sense says something else: T10 calls these Obsolete, sg3_utils what they were before.
OBSOLETE = {
    (0x20, 0x05): "Write type operation while in read capable state (obs)",
    (0x24, 0x02): "Invalid cdb field while in explicit block model (obs)",
    (0x24, 0x03): "Invalid cdb field while in implicit block model (obs)",
}

# T10's list in small: with a family, a code without a name, and one that no kind of device may use.
LIST = """File: ASC-NUM.TXT

SCSI ASC/ASCQ Assignments
Numeric Sorted Listing
as of 11/18/16

         D - Direct Access Block Device (SBC-4)             device column key
ASC/ASCQ DZTPROMAEBKVF  Description
-------- -------------  ----------------------------------------------------
0Dh/02h  DZTPRO A  K    COPY TARGET DEVICE NOT REACHABLE
0Fh/00h
40h/NNh  DZTPROMAEBKVF  DIAGNOSTIC FAILURE ON COMPONENT NN (80h-FFh)
60h/00h                 LAMP FAILURE
"""


def said_by_sg_decode_sense(asc: int, ascq: int) -> str:
    dump = fixed_sense(5, asc, ascq).hex(" ").split()
    answer = subprocess.run(["sg_decode_sense", *dump], capture_output=True, text=True, check=True).stdout
    return answer.splitlines()[1].removeprefix("Additional sense: ")


def generate(folder: Path, *lists: str, source: str = "a test") -> tuple[str, str]:
    """The file made of a list, compared with an earlier one if there are two; and the standard error."""
    paths = [folder / f"{number}.txt" for number in range(len(lists))]
    for path, text in zip(paths, lists, strict=True):
        path.write_text(text, "ascii")
    made = folder / "made.txt"
    command: list[str | Path] = [sys.executable, GENERATOR, paths[0], "--source", source, "--output", made]
    for path in paths[1:]:
        command += ["--earlier", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (made.read_text("ascii") if done.returncode == 0 else ""), done.stderr


class TestTheList:
    def test_is_all_of_it(self) -> None:
        assert len(ROWS) == 763

    def test_has_every_code_once_and_in_order(self) -> None:
        codes = [row[:5] for row in ROWS]
        assert codes == sorted(set(codes))

    def test_says_where_it_came_from_and_how_it_was_made(self) -> None:
        head = [line for line in DATA.read_text("ascii").splitlines() if line.startswith("#")]
        entries = [line.split(":")[0].removeprefix("# ") for line in head if not line.startswith("#  ")]
        assert entries[2:] == ["Source", "Date of the list", "Input", "Codes", "Compared", "Command"]


class TestNames:
    @pytest.mark.parametrize(("code", "name"), OF_THIRD_PARTY_COPY.items())
    def test_of_third_party_copy_are_those_of_the_standard(self, code: tuple[int, int], name: str) -> None:
        assert additional_sense_name(*code) == name

    @pytest.mark.skipif(
        not shutil.which("sg_decode_sense"), reason="sg_decode_sense (sg3-utils) is not installed"
    )
    def test_of_the_whole_list_are_what_sg_decode_sense_says(self) -> None:
        said = {code: said_by_sg_decode_sense(*code) for code in CODES}
        known = {code: name for code, name in said.items() if not name.startswith("ASC=")}
        assert known.keys() >= OF_THIRD_PARTY_COPY.keys()
        assert len(known) > 700  # an older sg3-utils lacks the youngest codes
        differing = {
            c: name for c, name in known.items() if name.upper() != additional_sense_name(*c).upper()
        }
        assert differing == OBSOLETE

    @pytest.mark.parametrize(
        ("asc", "ascq", "name"),
        [
            (0x40, 0x80, "DIAGNOSTIC FAILURE ON COMPONENT 80h"),
            (0x40, 0xFF, "DIAGNOSTIC FAILURE ON COMPONENT FFh"),
            (0x4D, 0x00, "TAGGED OVERLAPPED COMMANDS (00h = TASK TAG)"),
            (0x4D, 0xFE, "TAGGED OVERLAPPED COMMANDS (FEh = TASK TAG)"),
            (0x70, 0x1C, "DECOMPRESSION EXCEPTION SHORT ALGORITHM ID OF 1Ch"),
        ],
    )
    def test_of_a_family_hold_the_qualifier(self, asc: int, ascq: int, name: str) -> None:
        assert additional_sense_name(asc, ascq) == name

    def test_of_components_begin_at_80h(self) -> None:
        assert additional_sense_name(0x40, 0x00) == "RAM FAILURE (SHOULD USE 40 NN)"
        assert additional_sense_name(0x40, 0x7F) == "ASC/ASCQ 40h/7Fh"


class TestWithoutAName:
    def test_a_code_of_the_vendor(self) -> None:
        assert additional_sense_name(0x80, 0x00) == "VENDOR SPECIFIC ASC/ASCQ 80h/00h"
        assert additional_sense_name(0xFF, 0xFF) == "VENDOR SPECIFIC ASC/ASCQ FFh/FFh"

    def test_a_qualifier_of_the_vendor_to_a_code_of_the_standard(self) -> None:
        assert additional_sense_name(0x26, 0x80) == "ASC 26h, VENDOR SPECIFIC ASCQ 80h"

    def test_a_code_t10_assigned_among_the_vendors_qualifiers_has_its_name(self) -> None:
        assert additional_sense_name(0x5D, 0xFF) == "FAILURE PREDICTION THRESHOLD EXCEEDED (FALSE)"

    @pytest.mark.parametrize(("asc", "ascq"), [(0x0F, 0x00), (0x26, 0x7F), (0x7F, 0x01)])
    def test_a_reserved_code_is_its_numbers(self, asc: int, ascq: int) -> None:
        assert additional_sense_name(asc, ascq) == f"ASC/ASCQ {asc:02X}h/{ascq:02X}h"

    @given(st.integers(), st.integers())
    def test_no_number_is_an_error(self, asc: int, ascq: int) -> None:
        assert additional_sense_name(asc, ascq)


def test_there_is_a_name_for_each_of_the_sixteen_sense_keys() -> None:
    assert len(SENSE_KEYS) == 16
    assert SENSE_KEYS[0xA] == "COPY ABORTED"


class TestReading:
    def test_waits_until_a_code_is_named(self) -> None:
        script = """
import sys
opened = []
sys.addaudithook(lambda event, about: event == "open" and opened.append(str(about[0])))
import cdb.asc
before = sum("asc_ascq" in path for path in opened)
cdb.asc.additional_sense_name(0x00, 0x00)
cdb.asc.additional_sense_name(0x26, 0x06)
print(before, sum("asc_ascq" in path for path in opened))
"""
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["0", "1"]

    def test_works_from_a_zip(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "app.pyz", "w") as archive:
            for name in ("__init__.py", "asc.py", "asc_ascq.txt"):
                archive.write(DATA.with_name(name), f"cdb/{name}")
            archive.writestr("__main__.py", "import cdb.asc; print(cdb.asc.additional_sense_name(0x26, 6))")
        done = subprocess.run(
            [sys.executable, "-I", tmp_path / "app.pyz"], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "TOO MANY TARGET DESCRIPTORS"


class TestTheGenerator:
    def test_takes_the_codes_that_have_a_name(self, tmp_path: Path) -> None:
        made, _ = generate(tmp_path, LIST)
        assert [line for line in made.splitlines() if not line.startswith("#")] == [
            "0D/02 COPY TARGET DEVICE NOT REACHABLE",
            "40/NN DIAGNOSTIC FAILURE ON COMPONENT NN (80h-FFh)",
            "60/00 LAMP FAILURE",
        ]

    def test_writes_source_and_date_at_the_head(self, tmp_path: Path) -> None:
        made, _ = generate(tmp_path, LIST, source="a shelf")
        assert {"# Source: a shelf", "# Date of the list: 11/18/16", "# Codes: 3"} <= set(made.splitlines())

    def test_reads_a_list_quoted_in_a_comment(self, tmp_path: Path) -> None:
        quoted = "int a;\n/*\n" + "".join(f" * {line}\n" for line in LIST.splitlines()) + " */\nint b;\n"
        plain, _ = generate(tmp_path, LIST)
        commented, _ = generate(tmp_path, quoted)
        assert [r for r in plain.splitlines() if r[0] != "#"] == [
            r for r in commented.splitlines() if r[0] != "#"
        ]

    def test_makes_the_same_bytes_again(self, tmp_path: Path) -> None:
        assert generate(tmp_path, LIST, LIST)[0] == generate(tmp_path, LIST, LIST)[0] != ""

    @pytest.mark.parametrize(
        ("before", "after", "why"),
        [
            ("ASC/ASCQ DZTPRO", "ASC-ASCQ DZTPRO", "is there 0 times"),
            ("0Fh/00h", "0Dh/02h", "ascending order"),
            ("0Fh/00h", "-- page 2 --", "line 12: a code below line 11"),
            ("  COPY TARGET", "COPY TARGET", "line 10: the name does not begin"),
            ("0Fh/00h", "0Fh/00h  D", "line 11: devices that may use a code without a name"),
        ],
    )
    def test_refuses_what_it_does_not_understand(
        self, tmp_path: Path, before: str, after: str, why: str
    ) -> None:
        made, said = generate(tmp_path, LIST.replace(before, after, 1))
        assert not made
        assert why in said

    def test_refuses_a_list_that_renames_a_code_of_an_earlier_one(self, tmp_path: Path) -> None:
        made, said = generate(tmp_path, LIST, LIST.replace("LAMP", "LIGHT"))
        assert not made
        assert "60/00" in said
