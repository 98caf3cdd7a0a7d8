"""How many files this process may have open: a worker opens every unit of a volume that it meets.

Belongs here: the limit, and having the system raise it as far as it lets. Does not know what is opened.
"""

from __future__ import annotations

import os
import resource
from contextlib import suppress
from typing import Final

SPARE: Final = 32  # for what else is opened meanwhile: journals, caches, sysfs


def workers(most: int, files: int) -> int:
    """How many workers there may be at the most, 1 at the least, where each has so many files open."""
    return max(1, min(most, room_for(most * files) // files))


def room_for(files: int) -> int:
    """How many of so many more files may be open at once, when the limit is raised as far as it goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return files
    used = len(os.listdir("/proc/self/fd")) + SPARE
    if soft < used + files and soft != hard:
        wanted = used + files if hard == resource.RLIM_INFINITY else min(used + files, hard)
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    return max(0, min(files, soft - used))
