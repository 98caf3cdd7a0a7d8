"""Writes docs/systems.md from what the tests noted: which means copied a file on which system, seen by what.

Belongs here: the order and the words of the table. Whether a row is true, the test that noted it has checked:
no row comes from a test that failed. Run it by `make systems`, after `make test`.
"""

from __future__ import annotations

import sys
import xml.etree.ElementTree as xml
from ast import literal_eval
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
REPORTS = (ROOT / ".cache/tests/machine.xml", ROOT / ".cache/tests/vm/junit.xml")
PAGE = ROOT / "docs/systems.md"
TITLES = {  # the systems that the draft of a copy_range system call named in 2013, and what came of it
    "btrfs": "BTRFS clone",
    "ocfs2-4k": "OCFS2 clone, clusters of 4 KiB",
    "ocfs2-64k": "OCFS2 clone, clusters of 64 KiB",
    "ocfs2-4k reflink": "OCFS2 reflink of a whole file, clusters of 4 KiB",
    "ocfs2-64k reflink": "OCFS2 reflink of a whole file, clusters of 64 KiB",
    "nfs-on-ext4": "NFS 4.2 COPY, client and server, over ext4",
    "nfs-on-xfs": "NFS 4.2 CLONE, client and server, over xfs",
    "scsi": "SCSI EXTENDED COPY, LIO",
    "ext4": "copy_file_range(2), ext4",
    "tmpfs": "copy_file_range(2), tmpfs",
    "xfs": "xfs clone",
    "overlay": "overlay clone, over xfs",
}
HEAD = """# Which means copies where

One row for each system; noted by the tests on real ones, and written by

    make test systems

The same bytes were compared at both ends, and all bytes around the range with what they were before: a test
that finds one wrong leaves no row.

| system | Linux | bytes by means | seen by | test |
|---|---|---|---|---|
"""


def rows(report: Path) -> Iterator[tuple[str, str]]:
    """What the passed tests of a run noted: the system, and the rest of its row."""
    for case in xml.parse(report).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            continue
        for noted in case.iter("property"):
            if noted.get("name") == "system":
                name, release, means, evidence = literal_eval(noted.get("value", ""))
                by = ", ".join(f"{each} {count}" for each, count in means.items())
                test = f"{case.get('classname', '').removesuffix('.TestCopies')}"
                version = release.split("-")[0]
                yield name, f"| {TITLES[name]} | {version} | {by} | {evidence} | `{test}` |\n"


def main() -> int:
    """0 when there is a row for every system."""
    missing = [str(report.relative_to(ROOT)) for report in REPORTS if not report.exists()]
    if missing:
        print(f"no {' and no '.join(missing)}: run `make test` first")
        return 1
    noted = dict(row for report in REPORTS for row in rows(report))
    if lacking := [title for name, title in TITLES.items() if name not in noted]:
        print(f"no test noted: {', '.join(lacking)}")
        return 1
    PAGE.write_text(HEAD + "".join(noted[name] for name in TITLES))
    print(PAGE.read_text())
    return 0


if __name__ == "__main__":
    sys.exit(main())
