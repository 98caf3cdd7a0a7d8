"""Copies between files on OCFS2, whose clones and kernel copies destroy what shares a cluster."""

from __future__ import annotations

import os
import platform
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

import xcopy
from tests.files.copies import FileCopies, content
from tests.files.file_system import BLOCK, KIB, MIB, FileSystem, blocks_shared, make
from xcopy.errnos import Means

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(scope="module", params=["ocfs2-4k", "ocfs2-64k"])
def mounted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FileSystem]:
    """One with clusters of a block, and one with clusters of sixteen."""
    with ExitStack() as stack:
        yield make(request.param, tmp_path_factory.mktemp(request.param), stack)


class TestCopies(FileCopies):
    """On both."""


def test_reflink_is_the_file_system_s_own(
    mounted: FileSystem, record_property: Callable[[str, object], None]
) -> None:
    source, new = mounted.file("a", content(MIB + 5, 1)), mounted.at / "reflinked"
    new.unlink(missing_ok=True)
    made = xcopy.reflink(source, new)
    assert made.means == "OCFS2 reflink"
    assert new.read_bytes() == source.read_bytes()
    shared = len(blocks_shared(source, new))
    assert shared >= MIB // BLOCK + 1
    told = f"{shared} blocks shared (filefrag)"
    record_property(
        "system", repr((f"{mounted.name} reflink", platform.release(), {made.means: made.size}, told))
    )


def test_a_small_file_onto_the_start_of_a_large_one_leaves_the_rest_of_the_cluster_alone(
    mounted: FileSystem,
) -> None:
    source, destination = mounted.file("a", content(8 * KIB, 1)), mounted.file("b", content(MIB, 2))
    expected = source.read_bytes() + destination.read_bytes()[8 * KIB :]
    report = xcopy.copy_range(source, destination)
    assert destination.read_bytes() == expected
    if mounted.granule > 8 * KIB:
        assert report.bytes[Means.HOST] == 8 * KIB


def test_the_kernel_s_own_call_destroys_what_is_behind_it_in_the_cluster(mounted: FileSystem) -> None:
    """What the rule is for. Where a kernel does it no more, nothing is wrong here."""
    source, destination = mounted.file("a", content(8 * KIB, 1)), mounted.file("b", content(MIB, 2))
    expected = source.read_bytes() + destination.read_bytes()[8 * KIB :]
    with source.open("rb") as one, destination.open("r+b") as other:
        assert os.copy_file_range(one.fileno(), other.fileno(), 8 * KIB, 0, 0) == 8 * KIB
    if destination.read_bytes() == expected:
        return
    assert mounted.granule > 8 * KIB
    assert destination.read_bytes()[mounted.granule :] == expected[mounted.granule :]


def test_two_files_of_different_refcount_trees_are_copied_although_they_cannot_be_cloned(
    mounted: FileSystem,
) -> None:
    files = [mounted.file(name, content(MIB, seed)) for seed, name in enumerate(("a", "b"))]
    for each in files:
        xcopy.copy_range(each, mounted.at / f"clone of {each.name}")
    report = xcopy.copy_range(*files)
    assert files[1].read_bytes() == files[0].read_bytes() == content(MIB, 0)
    if not report.bytes[Means.CLONE]:
        assert Means.CLONE in report.refused
        assert blocks_shared(*files) == set()
