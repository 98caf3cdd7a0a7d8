"""Whether a copy is one between units, one of files or one by the host, by what both paths are now.

Nothing is opened, and what cannot be looked at is left to whoever opens it.
"""

from __future__ import annotations

import os
import stat

from xcopy.api.endpoint import split
from xcopy.errors import UsageError
from xcopy.ranges import EMULATED

SCSI_GENERIC = 21  # the major number of /dev/sgN


def of_files(source: str, destination: str) -> bool:
    """Whether a copy is to or from a file (one that is to be made, too).

    Raises UsageError for a file and what is a unit alone, between which nobody copies.
    """
    paths = [split(text).path for text in (source, destination)]
    kinds = [kind_of(path) for path in paths]
    if "unit" in kinds and (any(map(os.path.isfile, paths)) or kinds[1] == "none"):
        unit = paths[kinds.index("unit")]
        raise UsageError(
            f"{paths[0]} and {paths[1]}: {unit} takes SCSI commands alone, and is copied to and from units, "
            "not files; of a disk, name its block device"
        )
    return "unit" not in kinds and ("file" in kinds or kinds in (["block", "none"], ["odd", "none"]))


def by_host_alone(source: str, destination: str) -> bool:
    """Whether both sides are block devices, and SCSI commands do not reach both."""
    paths = [split(text).path for text in (source, destination)]
    if [kind_of(path) for path in paths] != ["block", "block"]:
        return False
    from xcopy.device.topology import is_unit

    return not all(is_unit(os.path.realpath(path)) for path in paths)


def kind_of(path: str) -> str:
    """ "file" for a regular one or a directory, "block", "none" for what is not there, "unit", else "odd"."""
    if path.startswith(EMULATED):
        return "unit"
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return "none"
    except (OSError, ValueError):
        return "odd"  # opening it says why it cannot be looked at
    if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode):
        return "file"
    if stat.S_ISCHR(found.st_mode) and os.major(found.st_rdev) == SCSI_GENERIC:
        return "unit"
    return "block" if stat.S_ISBLK(found.st_mode) else "odd"
