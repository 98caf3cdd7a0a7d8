"""What an errno means to a copy of files: one table. Knows no call's bytes and no file system's name.

A means that cannot is not an error of the copy: the next one is tried. What the next one would run into as
well, or what only a person can decide, ends the copy. The rows were learned one bug at a time by those who
called copy_file_range(2) first: Go 44272, rust 75387, libuv 3069, 3123 and 3354, systemd 32341, coreutils.
"""

from __future__ import annotations

import errno
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Means(StrEnum):
    """How bytes of a file get to another, the cheapest first; a hole is made, not copied."""

    CLONE = "clone"
    KERNEL = "copy_file_range"
    HOST = "host"
    HOLE = "hole"


class Action(Enum):
    """What to do about an errno."""

    NEXT = "this means cannot, for these two files: take the next"
    NEXT_IF_NOTHING = "the same, but an error of the copy when it has copied before"
    AGAIN = "ask for the same bytes once more"
    SETTLE = "write the source's dirty pages and ask once more, then take the next"
    STOP = "no other means would fare better"


ACTIONS: Final[Mapping[int, Action]] = {
    errno.ENOSYS: Action.NEXT,
    errno.EOPNOTSUPP: Action.NEXT,
    errno.EXDEV: Action.NEXT,
    errno.ENOTTY: Action.NEXT,
    errno.EINVAL: Action.NEXT,  # our arguments were checked: an alignment of its own, NODATASUM, a device
    errno.EPERM: Action.NEXT_IF_NOTHING,  # seccomp, CIFS; a file that may not be written says it again
    errno.EACCES: Action.NEXT_IF_NOTHING,  # CephFS
    errno.EAGAIN: Action.SETTLE,  # ZFS, whose source is dirty
    errno.EINTR: Action.AGAIN,
    errno.ENOSPC: Action.STOP,
    errno.EDQUOT: Action.STOP,
    errno.EFBIG: Action.STOP,
    errno.EROFS: Action.STOP,
    errno.ESTALE: Action.STOP,
    errno.EIO: Action.STOP,
    errno.ETXTBSY: Action.STOP,
    errno.EBADF: Action.STOP,
    errno.EISDIR: Action.STOP,
    errno.EOVERFLOW: Action.STOP,
}


def action_for(means: Means, number: int, before: int, *, smb: bool = False) -> Action:
    """What to do when `means` ended in this errno after it had copied `before` bytes between these files.

    `smb` says that a server of SMB has them, which answers EIO where it cannot copy by itself.
    """
    action = ACTIONS.get(number, Action.STOP)
    if number == errno.EIO and smb and means is Means.KERNEL:
        action = Action.NEXT_IF_NOTHING
    if means is Means.HOST:
        return action if action is Action.AGAIN else Action.STOP
    if action is Action.NEXT_IF_NOTHING:
        return Action.STOP if before else Action.NEXT
    return action
