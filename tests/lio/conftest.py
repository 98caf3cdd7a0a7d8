"""What tests against kernel targets share: LUNs, what they hold, the command, and disks that are served."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.lio import luns as lio
from tests.lio import target_log
from tests.lio.media import Media
from tests.lio.serving import SIZE, Images, Serving, skip_where_impossible
from tests.lio.volumes import partitions
from xcopy.device.array_dir import create

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.lio.serving import Disk


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of xcopy-dev: exit code, records of its --json output, words on stderr."""

    exit: int
    records: tuple[dict[str, Any], ...]
    said: str

    @property
    def done(self) -> dict[str, Any]:
        """The last record."""
        return self.records[-1]


@pytest.fixture(scope="session")
def luns() -> Iterator[dict[str, lio.Lun]]:
    """Every LUN of the table, by name, for the whole run."""
    if os.geteuid():
        raise RuntimeError("LIO is set up by root")
    with lio.luns() as made:
        target_log.switch(on=True)
        try:
            yield made
        finally:
            target_log.switch(on=False)


@pytest.fixture(scope="session")
def media(luns: dict[str, lio.Lun]) -> Media:
    """What the LUNs hold."""
    return Media(luns.values())


@pytest.fixture
def spare(luns: dict[str, lio.Lun]) -> lio.Lun:
    """A small unit to put partitions and file systems on."""
    return luns["spare"]


@pytest.fixture
def parted(spare: lio.Lun, media: Media) -> Iterator[lio.Lun]:
    """The spare unit with the partitions of `luns.PARTITIONS`."""
    with partitions(spare, media, *lio.PARTITIONS):
        yield spare


@pytest.fixture
def mounted(media: Media, tmp_path: Path) -> Iterator[Callable[[lio.Lun, str], None]]:
    """Make a file system on a unit, or on its partition `1` or `2`, and mount it for the test.

    Read-only, so that nothing but the program under test could write there.
    """
    mounts: list[tuple[lio.Lun, Path]] = []

    def mount(lun: lio.Lun, partition: str = "") -> None:
        lio.command("mkfs.ext2", "-q", "-F", lun.path + partition)
        place = tmp_path / f"mounted{len(mounts)}"
        place.mkdir()
        lio.command("mount", "-o", "ro", lun.path + partition, str(place))
        mounts.append((lun, place))
        media.accept(lun)

    yield mount
    for lun, place in mounts:
        lio.command("umount", str(place))
        media.accept(lun)


@pytest.fixture
def xcopy_dev(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command in this process, with --json."""
    from xcopy.cli.main import main

    def run(*argv: str) -> Outcome:
        capsys.readouterr()
        code = main([*argv, "--json"])
        out, said = capsys.readouterr()
        return Outcome(code, tuple(json.loads(line) for line in out.splitlines()), said)

    return run


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the array that is served to the tests of one file."""
    skip_where_impossible()
    made = tmp_path_factory.mktemp("served") / "array"
    create(made, units=2, size=SIZE)
    return made


@pytest.fixture(scope="module")
def serving(served: Path) -> Iterator[Serving]:
    """Two units, three nexuses; of the last one only `test_libiscsi_s_test_passes` knows."""
    with Serving.start(served, "--nexuses", "3") as made:
        yield made


@pytest.fixture
def images(served: Path, serving: Serving) -> Images:
    """The files of both units, filled anew."""
    del serving
    return Images.filled(served)


@pytest.fixture
def source(serving: Serving) -> Disk:
    """The first unit that is served."""
    return serving.disk(0)


@pytest.fixture
def destination(serving: Serving) -> Disk:
    """The second."""
    return serving.disk(1)
