"""What is mounted where, as this process sees it: /proc/self/mountinfo.

Belongs here: reading that file, and which mount a path or an open file is in. Does not know which mounts
matter.
"""

from __future__ import annotations

import errno
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xcopy.errors import AccessError

if TYPE_CHECKING:
    from xcopy.device.tree import Block


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo; `numbers` are of the file system, which may be mounted in several places."""

    number: int
    numbers: tuple[int, int]
    point: str
    kind: str  # of the file system
    device: str  # kernel name of the source, "" if it is no path
    read_only: bool = False  # all of the file system, wherever it is mounted
    upper: str = ""  # where what is written to an overlay goes
    journals_data: bool = False  # before it is written to its place

    def is_of(self, block: Block) -> bool:
        """By number; or by source, for btrfs mounts have a number of no device."""
        by_number = block.major != 0 and self.numbers == (block.major, block.minor)
        return by_number or self.device == Path(block.path).name


def mounts(proc: str = "/proc") -> list[Mount]:
    """`36 35 98:0 /root /mnt opts optional... - type source options` (proc_pid_mountinfo(5))."""
    found = []
    for line in lines(Path(proc) / "self/mountinfo", may_miss=False):
        before, dash, after = line.partition(" - ")
        fields, rest = before.split(" "), after.split(" ")
        if not dash or len(fields) < 5 or len(rest) < 2:
            continue
        major, _, minor = fields[2].partition(":")
        source = unescape(rest[1])
        device = Path(os.path.realpath(source)).name if source.startswith("/") else ""
        options = unescape(rest[2]).split(",") if len(rest) > 2 else []
        upper = next((each.removeprefix("upperdir=") for each in options if each.startswith("upperdir=")), "")
        found.append(
            Mount(
                number=int(fields[0]),
                numbers=(int(major), int(minor)),
                point=unescape(fields[4]),
                kind=rest[0],
                device=device,
                read_only="ro" in options,
                upper=upper,
                journals_data="data=journal" in options,
            )
        )
    return found


def mount_of(fd: int) -> int:
    """The number of the mount that an open file is in; -1 where the kernel does not tell."""
    for line in Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines():
        key, _, value = line.partition(":")
        if key == "mnt_id":
            return int(value)
    return -1


def lines(path: Path, *, may_miss: bool = True) -> list[str]:
    """Lines end at newlines alone: a mount point may hold any other character that Python splits at."""
    try:
        return path.read_text(errors="surrogateescape").removesuffix("\n").split("\n")
    except OSError as error:
        if may_miss and error.errno == errno.ENOENT:  # no swap in this kernel, a loop device just freed
            return []
        raise AccessError(f"{path}: {error.strerror}; without it nobody can tell what is in use") from error


def unescape(text: str) -> str:
    r"""Undo the kernel's octal: `\040` is a space."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
