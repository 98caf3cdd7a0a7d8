"""A unit with two paths in a map of multipath-tools: one is taken away before a copy, or in the middle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.lio.luns import MIB, command
from tests.lio.running import running
from tests.lio.target_log import watching
from tests.lio.volumes import multipath_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

COUNT = 8 * MIB // 512
FAR = 30000  # the LBA to copy to: the unit is copied within itself, too
SLOWLY = ("--jobs", "1", "--segment", "256KiB", "--segments-per-command", "1", "--rate", "4MiB")


@pytest.fixture(scope="module")
def made(luns: dict[str, Lun]) -> Iterator[str]:
    """The unit with two paths, as a map of both."""
    with multipath_map(luns["dual"]) as path:
        yield path


@pytest.fixture
def multipath(luns: dict[str, Lun], made: str) -> Iterator[str]:
    """That map; no path of it is offline afterwards."""
    yield made
    for lun in (luns["dual"], luns["dual-second-path"]):
        switch(lun.path, "running")


def switch(path: str, state: str) -> None:
    """Set the state of a path in the kernel: `offline`, or `running`."""
    Path("/sys/class/block", Path(path).name, "device/state").write_text(state + "\n")


def copied_while_a_path_goes(source: str, destination: str, path: str, *words: str) -> dict[str, Any]:
    """The last record of a copy during which a path went offline, when about a quarter was copied."""
    with running(f"{source}:64+{COUNT}", f"{destination}:{FAR}", *SLOWLY, *words) as copy:
        copy.until_copied(2 * MIB, 0)
        with copy.standing_still():
            switch(path, "offline")
        return copy.end()


def in_order(luns: dict[str, Lun]) -> tuple[str, str]:
    """Both paths, the one that is gone by first first: they are equally good, and so it goes by name."""
    first, second = sorted((luns["dual"].path, luns["dual-second-path"].path))
    return first, second


def told(done: dict[str, Any]) -> list[tuple[str, str]]:
    return [(change["path"], change["event"]) for change in done["path_changes"]]


def test_the_storage_goes_on_by_the_other_path(luns: dict[str, Lun], media: Media, multipath: str) -> None:
    """Within the unit, for LIO copies between units only where the initiator port has both."""
    unit = luns["dual"]
    first, second = in_order(luns)
    media.renew(unit, 64, COUNT)
    with watching() as seen:
        done = copied_while_a_path_goes(multipath, multipath, first, "--require", "offload")
    assert done["exit"] == 0, done
    assert done["bytes"] == {"offload": COUNT * 512, "host": 0}
    assert sum(segment.blocks for segment in seen.segments) == COUNT
    assert told(done) == [(first, "failed"), (second, "took over")]
    assert {change["unit"] for change in done["path_changes"]} == {multipath}
    switch(first, "running")
    media.copied(unit, 64, unit, FAR, COUNT * 512)
    assert media.wrong_byte(unit) is None


@pytest.mark.parametrize("side", ["source", "destination"])
def test_the_host_goes_on_by_the_other_path(
    luns: dict[str, Lun], media: Media, multipath: str, side: str
) -> None:
    plain, unit = luns["ram0"], luns["dual"]
    first, second = in_order(luns)
    source, destination = (unit, plain) if side == "source" else (plain, unit)
    media.renew(source, 64, COUNT)
    names = (multipath, plain.path) if side == "source" else (plain.path, multipath)
    done = copied_while_a_path_goes(*names, first, "--method", "host")
    assert done["exit"] == 0, done
    assert done["bytes"]["host"] == COUNT * 512
    assert told(done) == [(first, "failed"), (second, "took over")]
    switch(first, "running")
    media.copied(source, 64, destination, FAR, COUNT * 512)
    assert [media.wrong_byte(lun) for lun in (plain, unit)] == [None, None]


def test_with_a_path_offline_before_it_the_storage_copies_by_the_other(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], multipath: str
) -> None:
    source, near = luns["ram0"], luns["dual"]
    media.renew(source, 0, 5000)
    switch(near.path, "offline")
    outcome = xcopy_dev(f"{source.path}:0+5000", f"{multipath}:77", "--require", "offload")
    switch(near.path, "running")
    assert outcome.exit == 0, outcome.said
    media.copied(source, 0, near, 77, 5000 * 512)
    assert media.wrong_byte(near) is None


def test_a_path_below_a_map_that_is_mounted_is_refused(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    multipath: str,
    tmp_path: Path,
) -> None:
    unit = luns["dual"]
    command("mkfs.ext2", "-q", "-F", multipath)
    command("mount", "-o", "ro", multipath, str(tmp_path))
    try:
        media.accept(unit)
        for path in (multipath, unit.path, luns["dual-second-path"].path):
            outcome = xcopy_dev(f"{luns['ram0'].path}:0+100", path)
            assert outcome.exit == 3, outcome.said
            assert str(tmp_path) in outcome.said
    finally:
        command("umount", str(tmp_path))
    assert media.wrong_byte(unit) is None
