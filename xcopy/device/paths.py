"""The paths to a unit as sysfs has them now: which run, and which of those the storage prefers.

Does not know what a path is used for, nor which has failed a command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from xcopy.device.tree import Block, Tree, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# What the kernel calls ALUA's states (drivers/scsi/scsi_sysfs.c), the best first; "" is a unit without ALUA.
ACCESS: Final = ("active/optimized", "", "active/non-optimized", "lba-dependent", "transitioning", "standby")
RUNNING: Final = ("running", "live", "")  # "live" is NVMe's, whose maps are refused for what they are


@dataclass(frozen=True, slots=True)
class Way:
    """One path: its block node, its sg node, and the directory of its device in sysfs."""

    node: str
    sg: str | None
    device: Path


def way(tree: Tree, disk: Block) -> Way:
    """The path that a disk is."""
    device = tree.named(disk.name) / "device"
    generic = tree.names(device / "scsi_generic")
    return Way(disk.path, tree.path(generic[0]) if generic else None, device)


def rank(device: Path) -> int | None:
    """How good a path is now, 0 the best; None when it does not run."""
    if not device.is_dir() or text_of(device / "state") not in RUNNING:
        return None
    access = text_of(device / "access_state")
    return ACCESS.index(access) if access in ACCESS else len(ACCESS)


def running(ways: Iterable[Way]) -> list[Way]:
    """Those that run now, the best first and otherwise in their order."""
    ranked = [
        (found, number, each) for number, each in enumerate(ways) if (found := rank(each.device)) is not None
    ]
    return [each for _, _, each in sorted(ranked, key=lambda entry: entry[:2])]
