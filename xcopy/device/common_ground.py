"""Whether two block devices may have bytes in common, by what sysfs says that they are built on.

Belongs here: going down from both until they part, or meet. Does not know which bytes are to be copied.
Where the kernel does not tell where something lies, it may lie anywhere on what is below it. Loop devices
have files here, each its own: those over a block device, or over one file, are found elsewhere (`claims`).
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from xcopy.device.claims import system_below
from xcopy.device.disk import whole_of
from xcopy.device.tree import Tree, identity, number_of, text_of

# dm/uuid of a volume that LVM gives to users; a word behind it marks those that it keeps for itself.
VOLUME: Final = re.compile(r"LVM-([^-]{32})[^-]{32}")


def meeting(one: int, other: int, *, sysfs: str = "/sys", dev: str = "/dev") -> str:
    """What both devices, by their numbers, may have bytes of in common; "" where they have none."""
    tree = Tree(Path(sysfs), dev)
    here, there = (tree.at(os.major(number), os.minor(number)) for number in (one, other))
    if here is None or there is None:
        return "a device that is gone"
    return _meeting(tree, here, there)


def _meeting(tree: Tree, one: Path, other: Path) -> str:
    """Goes down from the one that is not below the other: they may be two partitions of what that is on."""
    mine, its = whole_of(one), whole_of(other)
    if mine == its or identity(mine) & identity(its):
        return tree.path(mine.name) if _overlap(one, other) else ""
    below_mine, below_its = _below(tree, mine), _below(tree, its)
    apart = mine.name not in below_its and its.name not in below_mine
    if apart and (_of_one_group(mine, its) or (_is_loop(mine) and _is_loop(its))):
        return ""  # what is written to a snapshot's origin is kept for it; two files have no bytes in common
    first = bool(below_mine) and mine.name not in below_its
    if first and apart and below_its:  # down to one that it is known to be apart from
        first = not (_is_loop(mine) or VOLUME.fullmatch(text_of(mine / "dm/uuid")))
    if first:
        found = (_meeting(tree, lower, other) for lower in _slaves(tree, mine))
    else:
        found = (_meeting(tree, one, lower) for lower in _slaves(tree, its))
    return next(filter(None, found), "")


def _slaves(tree: Tree, whole: Path) -> list[Path]:
    """What it is built on; of a loop device, what its file's file system is on."""
    if _is_loop(whole):
        number = system_below(whole)
        here = tree.at(os.major(number), os.minor(number))
        return [here] if here is not None else []
    return [tree.named(name) for name in tree.names(whole / "slaves")]


def _is_loop(whole: Path) -> bool:
    return (whole / "loop").is_dir()


def _below(tree: Tree, whole: Path) -> set[str]:
    """The names of all the disks and mapped devices that it is built on."""
    found: set[str] = set()
    for lower in _slaves(tree, whole):
        found |= {whole_of(lower).name, *_below(tree, whole_of(lower))}
    return found


def _of_one_group(one: Path, other: Path) -> bool:
    mine, its = (VOLUME.fullmatch(text_of(each / "dm/uuid")) for each in (one, other))
    return mine is not None and its is not None and mine[1] == its[1]


def _overlap(one: Path, other: Path) -> bool:
    """Whether two parts of one disk do."""
    (start, end), (begin, stop) = _extent(one), _extent(other)
    return start < stop and begin < end


def _extent(here: Path) -> tuple[int, float]:
    """First sector and the one behind the last, of a partition; all there may be, of a disk."""
    if not (here / "partition").exists():
        return 0, float("inf")
    start = number_of(here / "start") or 0
    return start, start + (number_of(here / "size") or 0)
