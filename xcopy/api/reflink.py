"""A new file that shares all blocks of another: no data is copied, or there is no new file. Never prints."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xcopy.api.shared_blocks import shared_bytes
from xcopy.device.open_file import open_destination, open_source
from xcopy.device.reflink import clone_whole, reflink_by_name
from xcopy.errnos import ACTIONS, Action
from xcopy.errors import AccessError, UnsafeError, UnsupportedError
from xcopy.ladder import OCFS2
from xcopy.plan import Request

if TYPE_CHECKING:
    from xcopy.device.open_file import OpenFile


@dataclass(frozen=True, slots=True)
class Reflinked:
    """What was made: its size, by which call, and how many of its bytes are shared, if that is told."""

    size: int
    means: str
    shared: int | None


def reflink(source: str | os.PathLike[str], new: str | os.PathLike[str], *, sync: bool = False) -> Reflinked:
    """Make the file `new` share every block of `source`, by FICLONE, or on OCFS2 by its own reflink.

    A file that is there is never touched. Raises UnsafeError for one, UnsupportedError where the file system
    cannot, UsageError and AccessError; there is no new file then. With `sync` it survives a loss of power.
    """
    name, path = os.fspath(new), os.fspath(source)
    if os.path.lexists(name):
        raise UnsafeError(
            f"{name} is there already, and a reflink makes a new file: name one, or remove it first"
        )
    with open_source(path) as reader:
        if reader.facts.system == OCFS2:
            _by_name(reader, path, name)
            means = "OCFS2 reflink"
        else:
            means = "FICLONE"
        with open_destination(name, reader) as made:
            if means == "FICLONE":
                if not made.created:
                    raise UnsafeError(f"{name} was made by somebody else this moment: it was left alone")
                _by_clone(reader, made, name)
            if sync:
                made.created = made.created or os.path.abspath(name)
                made.sync()
            return Reflinked(os.fstat(made.fd).st_size, means, _shared(reader, made))


def _by_name(reader: OpenFile, path: str, name: str) -> None:
    try:
        reflink_by_name(reader.fd, path, name)
    except OSError as error:
        raise _refused(path, name, error) from error


def _by_clone(reader: OpenFile, made: OpenFile, name: str) -> None:
    """A clone that is short is no error to the kernel: OpenZFS made such (openzfs/zfs 15728)."""
    before = os.fstat(reader.fd).st_size
    try:
        clone_whole(reader.fd, made.fd)
        after = os.fstat(made.fd).st_size
        if after < before:
            raise AccessError(f"{name}: the clone has {after} of {before} bytes; it was removed")
    except OSError as error:
        made.take_back(whatever=True)
        raise _refused(reader.facts.name, name, error) from error
    except AccessError:
        made.take_back(whatever=True)
        raise


def _refused(path: str, name: str, error: OSError) -> UnsupportedError | AccessError:
    why = f"{path} cannot be cloned to {name}: {error.strerror}"
    action = ACTIONS.get(error.errno or errno.EIO, Action.STOP)
    if action in (Action.NEXT, Action.SETTLE):
        return UnsupportedError(f"{why}; both have to be on one file system that can (btrfs, xfs, OCFS2)")
    return AccessError(why)


def _shared(reader: OpenFile, made: OpenFile) -> int | None:
    size = os.fstat(made.fd).st_size
    whole = Request(
        source_lba=0, destination_lba=0, blocks=size, source_block_size=1, destination_block_size=1
    )
    return shared_bytes(reader.fd, made.fd, whole)
