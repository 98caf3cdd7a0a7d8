"""Partitions, volumes and maps as the administrator's own tools make them: sfdisk, LVM2, multipath-tools.

Belongs here: those tools' words, and what they say of where a volume's blocks lie. Device-mapper is
not asked. Does not know who copies.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.lio.luns import PREFIX, command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lio.luns import Lun
    from tests.lio.media import Media

EXTENT = 2048  # sectors
# Of the user's own configuration nothing counts: no other disk is looked at, nothing is written to /etc.
LVM = (
    "devices {{ filter=[{accepted} 'r|.*|'] use_devicesfile=0 multipath_component_detection=0 }} "
    "backup {{ backup=0 archive=0 }} activation {{ monitoring=0 }}"
)
# Read line by line: where a section opens on the line of a value, all of it is ignored, with a warning.
MULTIPATH = """\
defaults {{
    find_multipaths no
}}
multipaths {{
    multipath {{
        wwid 3{naa}
        alias {alias}
    }}
}}
"""
IN_ITS_OWN_ETC = """\
mkdir -p /etc/multipath
mount -t tmpfs tmpfs /etc/multipath
mkdir /etc/multipath/conf.d
cat >/etc/multipath/conf.d/only.conf
exec multipath "$1"
"""

Piece = tuple["Lun", int, int]  # a LUN, an LBA, and a number of sectors


@contextlib.contextmanager
def partitions(lun: Lun, media: Media, *places: tuple[int, int]) -> Iterator[None]:
    """Partitions of a LUN: the first block and the number of blocks of each."""
    table = "".join(f"start={first}, size={blocks}\n" for first, blocks in places)
    command("sfdisk", "--quiet", "--wipe", "always", "--label", "gpt", lun.path, feed=table)
    command("udevadm", "settle")
    media.accept(lun)
    try:
        yield
    finally:
        command("wipefs", "--all", "--force", lun.path)
        command("udevadm", "settle")  # udev looks at the partitions, and then they are busy
        command("blockdev", "--rereadpt", lun.path)
        media.accept(lun)


@contextlib.contextmanager
def multipath_map(lun: Lun) -> Iterator[str]:
    """The map that multipath makes of all paths of a unit; udev then has kpartx map its partitions."""
    command("modprobe", "-a", "dm_mod", "dm_multipath", "dm_service_time")
    alias = PREFIX + "multi"
    node, configuration = f"/dev/mapper/{alias}", MULTIPATH.format(naa=lun.naa, alias=alias)
    said = command("unshare", "--mount", "sh", "-ec", IN_ITS_OWN_ETC, "sh", lun.path, feed=configuration)
    command("udevadm", "settle")
    if not Path(node).exists():
        raise RuntimeError(f"multipath made no {node}: {said}")
    try:
        yield node
    finally:
        command("udevadm", "settle")
        command("multipath", "-f", alias)
        command("udevadm", "settle")


@dataclass(frozen=True, slots=True)
class PhysicalVolume:
    """A node, and where on a LUN its block 0 is."""

    path: str
    lun: Lun
    start: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """A volume group in extents of 1 MiB."""

    name: str
    members: tuple[PhysicalVolume, ...]

    def volume(self, name: str, extents: int, *words: str) -> None:
        """A volume of so many extents, with places and options in `words`; nothing is written to it."""
        size = "--extents", str(extents)
        self.lvm("lvcreate", "-y", "-Wn", "-Zn", *size, "-n", name, self.name, *words)

    def pieces(self, name: str) -> Iterator[Piece]:
        """The pieces of a volume in order, as lvs and pvs have them."""
        members = {member.path: member for member in self.members}
        starts = dict(self._report("pvs", "pv_name,pe_start"))
        for stripes, chunk, ranges in self._report("lvs", "stripes,stripe_size,seg_pe_ranges", name):
            columns = []
            for each in ranges.split():
                path, _, extents = each.rpartition(":")
                first, last = map(int, extents.split("-"))
                lba = members[path].start + int(starts[path]) + first * EXTENT
                columns.append((members[path].lun, lba, (last + 1 - first) * EXTENT))
            assert len(columns) == int(stripes)
            part = int(chunk) or columns[0][2]
            for at in range(0, columns[0][2], part):
                yield from ((lun, start + at, part) for lun, start, _ in columns)

    def lvm(self, *words: str) -> str:
        """What a command of LVM2 says that sees the members of this group and nothing else."""
        accepted = "".join(f"'a|^{member.path}$|'," for member in self.members)
        return command("lvm", *words, "--config", LVM.format(accepted=accepted))

    def _report(self, what: str, fields: str, name: str = "") -> list[list[str]]:
        named = [f"{self.name}/{name}", "--segments"] if name else []
        shape = "--noheadings", "--units", "s", "--nosuffix", "--separator", ";"
        return [line.strip().split(";") for line in self.lvm(what, *shape, "-o", fields, *named).splitlines()]


@contextlib.contextmanager
def group(media: Media, *members: PhysicalVolume) -> Iterator[Group]:
    """A volume group on these, without a volume at first."""
    command("modprobe", "dm_mod")
    made = Group(f"{PREFIX}vg", members)
    made.lvm("vgcreate", "-y", "-s", "1m", made.name, *(member.path for member in members))
    try:
        yield made
    finally:
        made.lvm("vgremove", "-y", "-ff", made.name)
        command("udevadm", "settle")
        for member in members:
            command("wipefs", "--all", "--force", member.path)
            media.accept(member.lun)


def part(pieces: Iterator[Piece], first: int, sectors: int) -> Iterator[Piece]:
    """These sectors of a volume that has such pieces."""
    at = 0
    for lun, lba, size in pieces:
        low, high = max(first, at), min(first + sectors, at + size)
        if low < high:
            yield lun, lba + low - at, high - low
        at += size
