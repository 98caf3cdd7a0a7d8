"""A copy that meets the quota of who makes it: few kernels know of quotas, the guest's does."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

import xcopy
from tests.files.copies import content
from tests.files.file_system import MIB, make, run
from xcopy.api.files import CopyStopped, FileOptions
from xcopy.ladder import Reflink

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 24 * MIB
NOBODY = 65534  # root has no quota


def test_a_quota_ends_a_copy_with_what_is_there(tmp_path: Path) -> None:
    never = FileOptions(reflink=Reflink.NEVER)
    with ExitStack() as stack:
        xfs = make("xfs", tmp_path, stack, mounting="uquota")
        run("xfs_quota", "-x", "-c", f"limit bhard=8m {NOBODY}", str(xfs.at))
        source, destination = xfs.file("a", content(SIZE, 1)), xfs.file("b")
        xcopy.copy_range(source, xfs.at / "c", options=never)  # all that is imported has been read
        os.chown(destination, NOBODY, NOBODY)
        for each in (tmp_path, *tmp_path.parents[:2], xfs.at):
            each.chmod(0o755)
        os.seteuid(NOBODY)
        try:
            with pytest.raises(CopyStopped, match="Disk quota exceeded") as stopped:
                xcopy.copy_range(source, destination, options=never)
        finally:
            os.seteuid(0)
        report = stopped.value.report
        assert 0 < report.copied <= 8 * MIB
        assert destination.read_bytes() == content(SIZE, 1)[: report.copied]
        (rest,) = report.not_copied
        run("xfs_quota", "-x", "-c", f"limit bhard=0 {NOBODY}", str(xfs.at))
        xcopy.copy_range(source, destination, rest.source_lba, rest.destination_lba, options=never)
        assert destination.read_bytes() == content(SIZE, 1)
