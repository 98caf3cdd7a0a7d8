"""The host's page cache around a copy that passes it by: nothing old is copied, nothing old is read."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.lio.luns import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

FIRST, _ = PARTITIONS[0]
LENGTH = 1 << 20


@pytest.fixture
def opened() -> Iterator[Callable[[str], int]]:
    """Open a node through the page cache, which lives until the last descriptor is closed."""
    nodes: list[int] = []

    def open_node(path: str) -> int:
        nodes.append(os.open(path, os.O_RDWR))
        return nodes[-1]

    yield open_node
    for node in nodes:
        os.close(node)


def test_unsynced_writes_to_the_source_are_part_of_the_copy(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    opened: Callable[[str], int],
) -> None:
    source, destination = luns["ram0"], luns["ram1"]
    dirty = os.urandom(LENGTH)
    os.pwrite(opened(source.path), dirty, 4096 * 512)
    outcome = xcopy_dev(f"{source.path}:4096+2048", f"{destination.path}:999")
    assert outcome.exit == 0, outcome.said
    media.wrote(source, 4096, dirty)
    media.wrote(destination, 999, dirty)
    assert media.wrong_byte(destination) is None


def test_unsynced_writes_through_a_partition_are_part_of_the_copy_of_its_disk(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    parted: Lun,
    opened: Callable[[str], int],
) -> None:
    destination = luns["ram1"]
    dirty = os.urandom(LENGTH)
    os.pwrite(opened(f"{parted.path}1"), dirty, 0)
    outcome = xcopy_dev(f"{parted.path}:{FIRST}+2048", f"{destination.path}:999")
    assert outcome.exit == 0, outcome.said
    media.wrote(destination, 999, dirty)
    assert media.wrong_byte(destination) is None


def test_a_buffered_read_of_the_destination_sees_the_copy(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    opened: Callable[[str], int],
) -> None:
    source, destination = luns["ram0"], luns["ram1"]
    media.renew(source, 4096, 2048)
    reader = opened(destination.path)
    before = os.pread(reader, LENGTH, 1000 * 512)
    assert xcopy_dev(f"{source.path}:4096+2048", f"{destination.path}:1000").exit == 0
    media.copied(source, 4096, destination, 1000, LENGTH)
    after = os.pread(reader, LENGTH, 1000 * 512)
    assert before != after
    assert after == bytes(media.holds(destination)[1000 * 512 :][:LENGTH])


def test_a_buffered_read_through_a_partition_of_the_destination_sees_the_copy(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    parted: Lun,
    opened: Callable[[str], int],
) -> None:
    source = luns["ram0"]
    media.renew(source, 4096, 2048)
    reader = opened(f"{parted.path}1")
    before = os.pread(reader, LENGTH, 0)
    assert xcopy_dev(f"{source.path}:4096+2048", f"{parted.path}:{FIRST}").exit == 0
    media.copied(source, 4096, parted, FIRST, LENGTH)
    after = os.pread(reader, LENGTH, 0)
    assert before != after
    assert after == bytes(media.holds(parted)[FIRST * 512 :][:LENGTH])


def test_unsynced_writes_to_the_destination_do_not_come_down_on_the_copy(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    opened: Callable[[str], int],
) -> None:
    source, destination = luns["ram0"], luns["ram1"]
    media.renew(source, 4096, 2048)
    writer = opened(destination.path)
    os.pwrite(writer, os.urandom(LENGTH), 1000 * 512)
    assert xcopy_dev(f"{source.path}:4096+2048", f"{destination.path}:1000").exit == 0
    os.fsync(writer)
    media.copied(source, 4096, destination, 1000, LENGTH)
    assert media.wrong_byte(destination) is None
