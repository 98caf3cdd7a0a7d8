"""Which file systems of a source are frozen while it is copied, and that the copy needs none of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from xcopy.errors import AccessError
from xcopy.ranges import EMULATED

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.api.endpoint import Endpoint
    from xcopy.api.files import FileCopy, FileReport
    from xcopy.device.mounts import Mount
    from xcopy.device.open_file import OpenFile
    from xcopy.progress import Progress


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


def to_freeze_of(file: OpenFile, destination: int) -> tuple[Mount, ...]:
    """A mount of the file system of an open file, if it may be written; `destination` is a device's number.

    `UnsafeError` where we write to it.
    """
    from xcopy.device.claims import files_below
    from xcopy.device.file_place import mounted
    from xcopy.device.freeze import refuse_deadlock, writable
    from xcopy.device.mounts import mounts

    here = mounted(file)
    found = writable(mount for mount in mounts() if mount.numbers == here.numbers)
    needed = {below: f"{disk}, where the copy goes," for below, disk in files_below(destination).items()}
    refuse_deadlock(found, needed)
    return found


def run_frozen(copy: FileCopy, found: tuple[Mount, ...], observe: Callable[[Progress], object]) -> FileReport:
    """Run a copy of files while these are frozen; `AccessError` where they did not stay so to its end."""
    from xcopy.device.freeze import Frozen

    if not found:  # it is mounted read-only
        return copy.run(observe)
    frozen = Frozen(found)

    def seen(progress: Progress) -> None:
        observe(progress)
        frozen.beat()

    try:
        report = copy.run(seen)
    finally:
        trouble = frozen.thaw()
    if trouble:
        raise AccessError(trouble)
    return report


def told(frozen: tuple[Mount, ...]) -> str:
    """What to say of it before it is done."""
    if not frozen:
        return "--freeze: no file system of the source is mounted for writing here, so none is frozen"
    return f"--freeze: frozen while blocks are copied: {', '.join(mount.point for mount in frozen)}"
