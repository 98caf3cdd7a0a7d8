"""Records what the kernel's target answers to the table: `python -m tests.lio.record_lio [JUNIT.XML]`.

Boots the guest, sends the table there, and writes fixtures/lio_answers.json from the test report; or from
a report that a run has left already.
"""

from __future__ import annotations

import json
import sys
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any

from tests.target.lio_answers import RECORDED
from tests.target.lio_table import TABLE
from tests.vm import boot

RESULTS = boot.ROOT / ".cache/tests/lio-record"
ABOUT = """\
What Linux's own SCSI target (LIO, on its loopback fabric) answered to the table of tests/target/lio_table.py,
sent by SG_IO on /dev/sgN. Status, sense and data are as they came, residual as SG_IO gave it; changed is the
SHA-256 of all that each changed unit holds afterwards. Many bytes are given by their number and SHA-256.
The units are those of tests/target/lio_case.py: files on tmpfs (FILEIO), `readonly` a RAM disk (IBLOCK).
Before each case every block is the unit's name and its own LBA, over and over, and those of `readonly` zero.
Made by python -m tests.lio.record_lio.
"""


def properties(report: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What the report says of the target, and its answers in the order of the table."""
    found = [(each.get("name"), each.get("value") or "") for each in xml.parse(report).iter("property")]
    (target,) = (json.loads(value) for name, value in found if name == "target")
    return target, [json.loads(value) for name, value in found if name == "answer"]


def written(target: dict[str, Any], cases: list[dict[str, Any]]) -> str:
    """The recording's text: one case a line."""
    head = {
        "about": " ".join(ABOUT.split()),
        "kernel": f"Linux {target['release']} {target['kernel']}",
        "designators": target["designators"],
    }
    lines = ",\n".join("  " + json.dumps(case) for case in cases)
    return json.dumps(head, indent=1)[:-2] + ',\n "cases": [\n' + lines + "\n ]\n}\n"


def main(arguments: list[str]) -> int:
    """Record; 0 when it is written."""
    report = Path(arguments[0]) if arguments else RESULTS / "junit.xml"
    if not arguments:
        trouble = boot.why_not() or boot.run(RESULTS, ["tests/lio/test_lio_table.py", "-q", "--tb=no"])
        if trouble:
            print(trouble, file=sys.stderr)
            return 1
    target, cases = properties(report)
    if len(cases) != len(TABLE):
        print(f"{report}: {len(cases)} answers to {len(TABLE)} cases, nothing is written", file=sys.stderr)
        return 1
    RECORDED.write_text(written(target, cases))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
