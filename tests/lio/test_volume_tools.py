"""Volumes, maps and partitions as the administrator's own tools make them: LVM2, multipath-tools, sfdisk.

Where their blocks lie is what those tools say, never what device-mapper or the code under test does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.lio.luns import PREFIX, command
from tests.lio.target_log import Segment, watching
from tests.lio.test_same_blocks import partition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

GROUP = f"{PREFIX}vg"
EXTENT = 2048  # sectors
# Of the user's own configuration nothing counts: no other disk is looked at, nothing is written to /etc.
LVM = (
    'devices {{ filter=[{filter} "r|.*|"] use_devicesfile=0 multipath_component_detection=0 }} '
    "backup {{ backup=0 archive=0 }} activation {{ monitoring=0 }}"
)
MAP = f"{PREFIX}multi"
MULTIPATH = """\
defaults {{ find_multipaths no
 no_path_retry fail }}
blacklist {{ wwid ".*" }}
blacklist_exceptions {{ wwid "{wwid}" }}
multipaths {{ multipath {{ wwid "{wwid}"
 alias {alias} }} }}
"""
IN_ITS_OWN_ETC = """\
mkdir -p /etc/multipath
mount -t tmpfs tmpfs /etc/multipath
mkdir /etc/multipath/conf.d
cat >/etc/multipath/conf.d/only.conf
exec "$@"
"""


@dataclass(frozen=True, slots=True)
class Group:
    """A volume group on these LUNs, in extents of 1 MiB."""

    luns: tuple[Lun, ...]

    def lvm(self, *words: str) -> str:
        accepted = "".join(f'"a|^{lun.path}$|",' for lun in self.luns)
        return command("lvm", *words, "--config", LVM.format(filter=accepted))

    def volume(self, name: str, extents: int, *places: str, options: tuple[str, ...] = ()) -> None:
        """A volume on these extents, whose contents are left as they are."""
        size = "--extents", str(extents)
        self.lvm("lvcreate", "-y", "-Wn", "-Zn", *size, *options, "-n", name, GROUP, *places)

    def pieces(self, name: str) -> Iterator[tuple[Lun, int, int]]:
        """LUN, LBA and sectors of a volume's pieces in order, as lvs and pvs have them."""
        starts = dict(self._report("pvs", "pv_name,pe_start"))
        for stripes, chunk, ranges in self._report("lvs", "stripes,stripe_size,seg_pe_ranges", name):
            columns = []
            for each in ranges.split():
                path, _, extents = each.partition(":")
                first, last = map(int, extents.split("-"))
                lun = next(lun for lun in self.luns if lun.path == path)
                columns.append((lun, int(starts[path]) + first * EXTENT, (last + 1 - first) * EXTENT))
            assert len(columns) == int(stripes)
            part = int(chunk) or columns[0][2]
            for at in range(0, columns[0][2], part):
                yield from ((lun, start + at, part) for lun, start, _ in columns)

    def _report(self, what: str, fields: str, name: str = "") -> list[list[str]]:
        named = [f"{GROUP}/{name}", "--segments"] if name else []
        said = self.lvm(
            what, "--noheadings", "--units", "s", "--nosuffix", "--separator", ";", "-o", fields, *named
        )
        return [line.strip().split(";") for line in said.splitlines()]


@pytest.fixture(scope="module")
def group(luns: dict[str, Lun], media: Media) -> Iterator[Group]:
    """Two volumes on two LUNs: `two`, first on the second LUN, then on the first, and `striped`."""
    command("modprobe", "dm_mod")
    made = Group((luns["ram0"], luns["file0"]))
    one, other = (lun.path for lun in made.luns)
    made.lvm("vgcreate", "-y", "-s", "1m", GROUP, one, other)
    try:
        made.volume("two", 4, f"{other}:30-33")
        made.lvm("lvextend", "-y", "--extents", "+3", f"{GROUP}/two", f"{one}:3-5")
        made.volume("striped", 4, f"{one}:20-30", f"{other}:7-17", options=("-i", "2", "-I", "64k"))
        command("udevadm", "settle")
        for lun in made.luns:
            media.accept(lun)
        yield made
    finally:
        made.lvm("vgremove", "-y", "-ff", GROUP)
        for lun in made.luns:
            command("wipefs", "--all", "--force", lun.path)
            media.accept(lun)


@pytest.mark.parametrize(("name", "extents"), [("two", 7), ("striped", 4)])
class TestVolume:
    def test_it_is_copied_onto_a_lun_by_the_storage(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        group: Group,
        name: str,
        extents: int,
    ) -> None:
        plain, pieces = luns["ram1"], list(group.pieces(name))
        first, start, _ = pieces[0]
        media.renew(first, start, 100)
        with watching() as seen:
            outcome = xcopy_dev(f"/dev/{GROUP}/{name}", f"{plain.path}:7", "--require", "offload")
        assert outcome.exit == 0, outcome.said
        at = 7
        for lun, lba, sectors in pieces:
            media.copied(lun, lba, plain, at, sectors * 512)
            at += sectors
        assert at == 7 + extents * EXTENT
        assert media.wrong_byte(plain) is None
        assert sum(segment.blocks for segment in seen.segments) == extents * EXTENT
        assert seen.sources == {lun.naa for lun in group.luns}

    def test_a_lun_is_copied_onto_it_by_the_storage(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        group: Group,
        name: str,
        extents: int,
    ) -> None:
        plain, whole = luns["ram1"], extents * EXTENT
        media.renew(plain, 5, whole)
        source = f"{plain.path}:5+{whole}"
        with watching() as seen:
            outcome = xcopy_dev(source, f"/dev/{GROUP}/{name}", "--require", "offload")
        assert outcome.exit == 0, outcome.said
        at = 5
        for lun, lba, sectors in group.pieces(name):
            media.copied(plain, at, lun, lba, sectors * 512)
            at += sectors
        assert [media.wrong_byte(lun) for lun in (*group.luns, plain)] == [None, None, None]
        assert sum(segment.blocks for segment in seen.segments) == whole
        assert seen.destinations == {lun.naa for lun in group.luns}


@pytest.fixture
def multipath(luns: dict[str, Lun], media: Media) -> Iterator[str]:
    """A map of both paths of a unit that has one partition, at an odd start, and kpartx's map of that."""
    command("modprobe", "-a", "dm_mod", "dm_multipath", "dm_service_time")
    near = luns["dual"]
    configuration = MULTIPATH.format(wwid=f"3{near.naa}", alias=MAP)
    with partition(near, media, 3001, 5000):
        command(
            "unshare",
            "--mount",
            "sh",
            "-ec",
            IN_ITS_OWN_ETC,
            "sh",
            "multipath",
            near.path,
            feed=configuration,
        )
        try:
            command("kpartx", "-a", "-s", "-p", "-part", f"/dev/mapper/{MAP}")
            command("udevadm", "settle")
            yield f"/dev/mapper/{MAP}"
        finally:
            for line in command("dmsetup", "ls").splitlines():
                if line.startswith(f"{MAP}-part"):
                    command("dmsetup", "remove", "--retry", line.split()[0])
            command("dmsetup", "remove", "--retry", MAP)
            command("udevadm", "settle")


def test_a_map_of_two_paths_and_a_partition_on_it_are_copied_onto_and_from(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome], multipath: str
) -> None:
    near, source, plain = luns["dual"], luns["ram1"], luns["file1"]
    with watching() as seen:
        outcome = xcopy_dev(f"{source.path}:3+1000", f"{multipath}:40000", "--require", "offload")
    assert outcome.exit == 0, outcome.said
    media.copied(source, 3, near, 40000, 1000 * 512)
    assert seen.ranges() == [Segment(3, 40000, 1000)]
    outcome = xcopy_dev(f"{source.path}:7+4999", f"{multipath}-part1:1", "--require", "offload")
    assert outcome.exit == 0, outcome.said
    media.copied(source, 7, near, 3002, 4999 * 512)
    outcome = xcopy_dev(f"{multipath}-part1", f"{plain.path}:11", "--require", "offload")
    assert outcome.exit == 0, outcome.said
    media.copied(near, 3001, plain, 11, 5000 * 512)
    assert [media.wrong_byte(each) for each in (near, source, plain)] == [None, None, None]


def test_two_names_of_the_same_blocks_overlap_and_nothing_is_written(
    luns: dict[str, Lun],
    media: Media,
    xcopy_dev: Callable[..., Outcome],
    group: Group,
    multipath: str,
) -> None:
    near, second = luns["dual"], luns["dual-second-path"]
    lun, lba, _ = next(group.pieces("two"))
    volume = f"/dev/{GROUP}/two"
    names = [
        (f"{volume}:0+10", f"{lun.path}:{lba + 9}"),
        (f"{lun.path}:{lba + 9}+10", volume),
        (f"{volume}:0+10", f"{lun.sg}:{lba + 9}"),
        (f"{near.path}:0+10", f"{second.path}:9"),
        (f"{near.path}:0+10", f"{near.sg}:9"),
        (f"{multipath}:0+10", f"{second.sg}:9"),
        (f"{multipath}-part1:0+10", f"{near.path}:3010"),
        (f"{second.path}:3000+2", f"{multipath}-part1"),
        (f"{near.path}1:0+10", f"{multipath}:3010"),
    ]
    for source, destination in names:
        outcome = xcopy_dev(source, destination)
        assert outcome.exit == 3, (source, destination, outcome.said)
        assert "overlap on the same unit" in outcome.said, (source, destination)
    assert [media.wrong_byte(each) for each in (*group.luns, near)] == [None, None, None]
