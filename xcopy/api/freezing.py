"""Which file systems of a source are frozen while it is copied, and that the copy needs none of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from xcopy.ranges import EMULATED

if TYPE_CHECKING:
    from xcopy.api.endpoint import Endpoint
    from xcopy.device.mounts import Mount


def to_freeze(source: Endpoint, destination: Endpoint, journal: str | None) -> tuple[Mount, ...]:
    """One mount of each writable file system on the source; `UnsafeError` where we write to one."""
    if source.node is None:
        return ()
    from xcopy.device.claims import mounts_on
    from xcopy.device.freeze import refuse_deadlock, writable

    found = writable(mounts_on(source.node))
    needed = {} if journal is None else {os.path.abspath(journal): "the journal"}
    if destination.node is None:
        directory = destination.name.removeprefix(EMULATED).rpartition("/")[0]
        needed[os.path.abspath(directory)] = f"{destination.name}, where the copy goes,"
    refuse_deadlock(found, needed)
    return found


def told(frozen: tuple[Mount, ...]) -> str:
    """What to say of it before it is done."""
    if not frozen:
        return "--freeze: no file system of the source is mounted for writing here, so none is frozen"
    return f"--freeze: frozen while blocks are copied: {', '.join(mount.point for mount in frozen)}"
