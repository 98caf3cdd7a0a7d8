"""Whether a copy is one between units, one of files or one by the host, by what both paths are now.

Nothing is opened, and what cannot be looked at is left to whoever opens it.
"""

from __future__ import annotations

import os
import stat

from xcopy.api.endpoint import split
from xcopy.ranges import EMULATED


def of_files(source: str, destination: str) -> bool:
    """Whether a copy is to or from a file (one that is to be made, too), and no side is a unit alone."""
    kinds = [kind_of(split(text).path) for text in (source, destination)]
    return "unit" not in kinds and ("file" in kinds or kinds == ["block", "none"])


def by_host_alone(source: str, destination: str) -> bool:
    """Whether both sides are block devices, and SCSI commands do not reach both."""
    paths = [split(text).path for text in (source, destination)]
    if [kind_of(path) for path in paths] != ["block", "block"]:
        return False
    from xcopy.device.topology import is_unit

    return not all(is_unit(os.path.realpath(path)) for path in paths)


def kind_of(path: str) -> str:
    """ "file" for a regular one or a directory, "block", "none" for what is not there, else "unit"."""
    if path.startswith(EMULATED):
        return "unit"
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return "none"
    except (OSError, ValueError):
        return "unit"  # opening it as one says why it cannot be looked at
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return "file"
    return "block" if stat.S_ISBLK(mode) else "unit"
