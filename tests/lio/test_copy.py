"""The main job: a range copied by the target itself, onto exactly the blocks asked for.

Every copy is checked on both units from end to end: what was asked for is there, all else is as it
was; and the target's own log names exactly that range.
"""

from __future__ import annotations

import platform
import subprocess
from itertools import product
from typing import TYPE_CHECKING

import pytest

from tests.lio.luns import MIB
from tests.lio.target_log import Segment, watching

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

FAST, SLOW, BIG_BLOCKS = ("ram0", "ram1", "file0", "file1"), ("delay0", "delay1"), ("ram4k", "file4k")
UNITS = FAST + SLOW
EACH_WAY = (  # each once the source, once the destination, and once both
    *zip(UNITS, UNITS[1:] + UNITS[:1], strict=True),
    *zip(UNITS, UNITS, strict=True),
    *product(BIG_BLOCKS, repeat=2),
)
SOME_PAIRS = (*product(("ram0", "file1"), repeat=2), ("ram1", "delay0"), *product(BIG_BLOCKS, repeat=2))


def job(source: Lun, destination: Lun) -> Segment:
    """32 MiB (4 MiB where a disk is slow) at LBAs that are no multiple of anything, never overlapping."""
    if source.block_size == 4096:
        return Segment(source=1237, destination=10007, blocks=32 * MIB // 4096)
    if min(source.size, destination.size) < 64 * MIB:
        return Segment(source=1237, destination=20011, blocks=4 * MIB // 512)
    return Segment(source=12345, destination=90001, blocks=32 * MIB // 512)


def spelled(source: Lun, destination: Lun, copy: Segment) -> tuple[str, str]:
    return (f"{source.path}:{copy.source}+{copy.blocks}", f"{destination.path}:{copy.destination}")


def assert_only_that_was_copied(media: Media, source: Lun, destination: Lun, copy: Segment) -> None:
    length = copy.blocks * source.block_size
    media.copied(source, copy.source, destination, copy.destination, length)
    assert media.wrong_byte(destination) is None
    assert source is destination or media.wrong_byte(source) is None


@pytest.mark.parametrize(("origin", "target"), EACH_WAY)
def test_the_target_copies_the_range_and_nothing_else(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    record_property: Callable[[str, object], None],
    origin: str,
    target: str,
) -> None:
    source, destination = luns[origin], luns[target]
    copy = job(source, destination)
    media.renew(source, copy.source, copy.blocks)
    with watching() as seen:
        outcome = xcopy_dev(*spelled(source, destination, copy))
    assert outcome.exit == 0, outcome.said
    assert_only_that_was_copied(media, source, destination, copy)
    assert outcome.done["bytes"] == {"offload": copy.blocks * source.block_size, "host": 0}
    assert outcome.done["fallbacks"] == []
    assert seen.ranges() == [copy]
    assert seen.commands == len(seen.segments) == outcome.done["commands"]["offload"]
    assert (seen.sources, seen.destinations) == ({source.naa}, {destination.naa})
    told = f"{seen.commands} EXTENDED COPY, {len(seen.segments)} segments (LIO's own log)"
    record_property("system", repr(("scsi", platform.release(), outcome.done["bytes"], told)))


@pytest.mark.parametrize(("origin", "target"), SOME_PAIRS)
def test_the_sgio_binding_copies_the_same(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    origin: str,
    target: str,
) -> None:
    source, destination = luns[origin], luns[target]
    copy = job(source, destination)
    media.renew(source, copy.source, copy.blocks)
    with watching() as seen:
        outcome = xcopy_dev(*spelled(source, destination, copy), "--transport", "sgio")
    assert outcome.exit == 0, outcome.said
    assert_only_that_was_copied(media, source, destination, copy)
    assert outcome.done["bytes"] == {"offload": copy.blocks * source.block_size, "host": 0}
    assert seen.ranges() == [copy]


@pytest.mark.parametrize(("origin", "target"), SOME_PAIRS)
def test_the_host_copies_the_same_without_the_target(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    origin: str,
    target: str,
) -> None:
    source, destination = luns[origin], luns[target]
    copy = job(source, destination)
    media.renew(source, copy.source, copy.blocks)
    with watching() as seen:
        outcome = xcopy_dev(*spelled(source, destination, copy), "--method", "host")
    assert outcome.exit == 0, outcome.said
    assert_only_that_was_copied(media, source, destination, copy)
    assert outcome.done["bytes"] == {"offload": 0, "host": copy.blocks * source.block_size}
    assert seen.commands == 0


def test_a_whole_unit_is_copied_when_no_range_is_given(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    source, destination = luns["spare"], luns["ram1"]
    media.renew(source, 0, source.blocks)
    with watching() as seen:
        outcome = xcopy_dev(source.path, destination.path)
    assert outcome.exit == 0, outcome.said
    assert_only_that_was_copied(media, source, destination, Segment(0, 0, source.blocks))
    assert seen.ranges() == [Segment(0, 0, source.blocks)]


def test_a_copy_of_no_blocks_copies_nothing_and_is_a_success(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    source, destination = luns["ram0"], luns["ram1"]
    with watching() as seen:
        outcome = xcopy_dev(f"{source.path}:5+0", f"{destination.path}:7")
    assert outcome.exit == 0, outcome.said
    assert media.wrong_byte(destination) is None
    assert seen.segments == []


def test_a_dry_run_writes_nothing(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    source, destination = luns["ram0"], luns["ram1"]
    media.renew(source, 0, 8192)
    with watching() as seen:
        outcome = xcopy_dev(f"{source.path}:0+8192", f"{destination.path}:0", "--dry-run")
    assert outcome.exit == 0, outcome.said
    assert media.wrong_byte(destination) is None
    assert seen.segments == []


def test_unit_attention_after_a_reset_of_both_units_does_not_stop_a_copy(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    source, destination = luns["ram0"], luns["ram1"]
    copy = Segment(source=77, destination=99, blocks=8192)
    media.renew(source, copy.source, copy.blocks)
    for lun in (source, destination):
        subprocess.run(["sg_reset", "--device", "--no-escalate", lun.sg], check=True, capture_output=True)
    outcome = xcopy_dev(*spelled(source, destination, copy))
    assert outcome.exit == 0, outcome.said
    assert_only_that_was_copied(media, source, destination, copy)
    assert outcome.done["bytes"] == {"offload": copy.blocks * 512, "host": 0}


def test_a_peer_copies_back_what_was_copied(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    here, there = luns["ram0"], luns["ram1"]
    copy = Segment(source=12345, destination=90001, blocks=16 * MIB // 512)
    media.renew(here, copy.source, copy.blocks)
    start = bytes(media.holds(here))
    assert xcopy_dev(*spelled(here, there, copy)).exit == 0
    media.renew(here, copy.source, copy.blocks)
    subprocess.run(
        [
            *("sg_xcopy", f"if={there.path}", f"of={here.path}", "bs=512", f"count={copy.blocks}"),
            *(f"skip={copy.destination}", f"seek={copy.source}"),
        ],
        check=True,
        capture_output=True,
    )
    media.holds(here)[:] = start
    assert media.wrong_byte(here) is None
