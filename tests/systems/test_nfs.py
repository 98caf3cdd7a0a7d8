"""Copies between files on NFS 4.2: the server copies, and the client counts what it was asked."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

import xcopy
from tests.files.copies import FileCopies, content
from tests.files.file_system import MIB
from tests.systems.nfs import NfsFileSystem, serve
from xcopy.errnos import Means

if TYPE_CHECKING:
    from collections.abc import Iterator

SYSTEMS = ("xfs", "ext4")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[NfsFileSystem]]:
    """A server that can share blocks, and one that cannot."""
    with ExitStack() as stack:
        yield serve(tmp_path_factory.mktemp("nfs"), stack, *SYSTEMS)


@pytest.fixture(params=range(len(SYSTEMS)), ids=[f"nfs-on-{system}" for system in SYSTEMS])
def mounted(request: pytest.FixtureRequest, servers: list[NfsFileSystem]) -> NfsFileSystem:
    """Each in turn."""
    return servers[request.param]


class TestCopies(FileCopies):
    """On both."""


def test_no_data_comes_to_the_client_for_what_the_server_copies(
    mounted: NfsFileSystem,
) -> None:
    source, destination = mounted.file("a", content(4 * MIB, 1)), mounted.file("b")
    before = mounted.counters()
    report = xcopy.copy_range(source, destination)
    after = mounted.counters()
    assert report.bytes[mounted.cheapest] == 4 * MIB
    assert after["READ"] == before["READ"]
    assert after["WRITE"] == before["WRITE"]
    assert destination.read_bytes() == content(4 * MIB, 1)


def test_between_two_exports_of_one_server_the_server_copies(servers: list[NfsFileSystem]) -> None:
    one, other = servers
    source, destination = one.file("a", content(2 * MIB, 1)), other.file("b")
    before = other.counters()
    report = xcopy.copy_range(source, destination)
    assert destination.read_bytes() == content(2 * MIB, 1)
    assert report.bytes[Means.KERNEL] == 2 * MIB
    assert other.counters()["COPY"] > before["COPY"]
