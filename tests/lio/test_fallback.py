"""Where this target cannot copy: the host does it, and says why; or, told not to, nothing is written."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.lio.luns import FILES
from tests.lio.media import bytes_at
from tests.lio.target_log import Segment, watching

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

# origin, target, and the copy: source LBA, destination LBA, bytes; 1 MiB each
UNABLE = {
    "destination has no third-party copy": ("ram0", "no3pc", 1237, 2011),
    "source has no third-party copy": ("no3pc", "ram0", 1237, 2011),
    "destination is seen by another nexus only": ("ram0", "far", 1237, 2011),
    "source is seen by another nexus only": ("far", "ram0", 1237, 2011),
    "512-byte blocks onto 4096-byte blocks": ("ram0", "ram4k", 1237, 2011),
    "4096-byte blocks onto 512-byte blocks": ("ram4k", "ram0", 1237, 2011),
}
LENGTH = 1 << 20


@pytest.mark.parametrize("situation", UNABLE)
def test_the_host_copies_and_the_reason_is_said(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], situation: str
) -> None:
    origin, target, lba, to = UNABLE[situation]
    source, destination = luns[origin], luns[target]
    media.renew(source, lba, LENGTH // source.block_size)
    outcome = xcopy_dev(f"{source.path}:{lba}+{LENGTH // source.block_size}", f"{destination.path}:{to}")
    assert outcome.exit == 0, outcome.said
    media.copied(source, lba, destination, to, LENGTH)
    assert media.wrong_byte(destination) is None
    assert media.wrong_byte(source) is None
    assert outcome.done["bytes"] == {"offload": 0, "host": LENGTH}
    assert sum(entry["bytes"] for entry in outcome.done["fallbacks"]) == LENGTH
    assert all(len(entry["reason"].split()) > 2 for entry in outcome.done["fallbacks"])


@pytest.mark.parametrize("situation", UNABLE)
def test_nothing_is_written_when_only_the_target_may_copy(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], situation: str
) -> None:
    origin, target, lba, to = UNABLE[situation]
    source, destination = luns[origin], luns[target]
    media.renew(source, lba, LENGTH // source.block_size)
    outcome = xcopy_dev(
        f"{source.path}:{lba}+{LENGTH // source.block_size}",
        f"{destination.path}:{to}",
        *("--require", "offload"),
    )
    assert outcome.exit == 4
    assert len(outcome.said.strip().splitlines()) == 1, outcome.said
    assert media.wrong_byte(destination) is None


def written(path: str) -> list[tuple[int, int]]:
    """Ranges of a sparse file that hold data, as (first byte, byte after the last)."""
    ranges: list[tuple[int, int]] = []
    file = os.open(path, os.O_RDONLY)
    try:
        end = os.fstat(file).st_size
        place = 0
        while place < end:
            try:
                first = os.lseek(file, place, os.SEEK_DATA)
            except OSError:
                break
            place = os.lseek(file, first, os.SEEK_HOLE)
            ranges.append((first, place))
    finally:
        os.close(file)
    return ranges


def test_a_copy_across_lba_2_to_the_32_lands_there_and_only_there(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    source, huge, back = luns["ram0"], luns["huge"], luns["ram1"]
    blocks, far_out = 1 << 16, (1 << 32) - 5000  # 32 MiB; a multiple of 8 blocks: a page of the file
    media.renew(source, 12345, blocks)
    with watching() as seen:
        outcome = xcopy_dev(f"{source.path}:12345+{blocks}", f"{huge.path}:{far_out}")
    assert outcome.exit == 0, outcome.said
    assert seen.ranges() == [Segment(12345, far_out, blocks)]
    assert written(f"{FILES}/huge") == [(far_out * 512, (far_out + blocks) * 512)]
    middle = bytes_at(huge.path, far_out * 512, 1 << 20)
    assert middle == bytes(media.holds(source)[12345 * 512 :][: 1 << 20])

    with watching() as seen:
        outcome = xcopy_dev(f"{huge.path}:{far_out}+{blocks}", f"{back.path}:90001")
    assert outcome.exit == 0, outcome.said
    assert seen.ranges() == [Segment(far_out, 90001, blocks)]
    media.copied(source, 12345, back, 90001, blocks * 512)
    assert media.wrong_byte(back) is None
