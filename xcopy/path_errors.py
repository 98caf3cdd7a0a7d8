"""What says that a path to a unit does not work, while the unit may work by another: all policy on that.

One row for each sign, with where it is from. What is not here is the unit's own: a timeout too, for it does
not say who was slow. Whether a command was carried out, none of these tells; that is the transport's word.
"""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from cdb.sense import NOT_READY
from xcopy.verdict import sense_of

if TYPE_CHECKING:
    from cdb.command import Reply, TransportError

# What the kernel says when a node is opened or a command handed in, and the device behind it is offline or
# removed (drivers/scsi/sd.c and sg.c: `scsi_block_when_processing_errors`, `detaching`).
ERRNO: Final = {
    errno.ENODEV: "the path is offline or gone",
    errno.ENXIO: "the path is offline or gone",
}
OPENING: Final = {**ERRNO, errno.ENOENT: "the path is gone"}  # udev removes the node of a removed device

# What the host adapter says of a command (include/scsi/scsi_status.h). The kernel takes the same for failures
# of a path where it reports on reservations (drivers/scsi/sd.c, `sd_scsi_to_pr_err`); DID_BAD_TARGET is the
# adapter's for a port that it does not know.
HOST: Final = {
    0x01: "the path has no connection",
    0x02: "the path stayed busy",
    0x04: "the path leads nowhere",
    0x0E: "the path broke",
    0x0F: "the path is down",
    0x14: "the path is not reliable",
}

# What a port says that does not lead to the unit now; the command was not performed. The kernel's ALUA
# handler gives these up to dm-multipath (drivers/scsi/device_handler/scsi_dh_alua.c, `alua_check_sense`).
# 04h/0Ah, a change from one state to another, is waited out there and in `answers`.
SENSE: Final = {
    (NOT_READY, 0x04, 0x0B): "the path is in standby",
    (NOT_READY, 0x04, 0x0C): "the path is unavailable",
    (NOT_READY, 0x04, 0x12): "the path is offline",
}

# Of reads and writes the kernel says by an errno what cannot be the path's; all else can be, and dm-multipath
# tries it by another (include/linux/blk_types.h, `blk_path_error`; errnos in block/blk-core.c). EINVAL is an
# answer to what was asked of it.
UNIT_ERRNO: Final = frozenset(
    {
        errno.EOPNOTSUPP,
        errno.ENOSPC,
        errno.EREMOTEIO,
        errno.EBADE,
        errno.ENODATA,
        errno.EILSEQ,
        errno.EINVAL,
    }
)


def of_command(error: TransportError) -> str | None:
    """Why the path failed, by what came in place of a reply; None where that does not say so."""
    if error.host is not None:
        return HOST.get(error.host)
    return ERRNO.get(error.errno or 0)


def of_reply(reply: Reply) -> str | None:
    """Why the path failed, by what was answered; None for an answer of the unit's."""
    sense = sense_of(reply)
    return None if sense is None or sense.deferred else SENSE.get(sense.triple)


def of_opening(error: Exception) -> str | None:
    """Why the path failed, by what opening its node ended in; None for another reason."""
    cause = error.__cause__
    return OPENING.get(cause.errno or 0) if isinstance(cause, OSError) else None


def of_blocks(error: Exception) -> str | None:
    """Why the path failed, by what a read or write of blocks ended in; None for what is the unit's."""
    cause = error.__cause__
    if not isinstance(cause, OSError) or cause.errno in UNIT_ERRNO:
        return None
    return ERRNO.get(cause.errno or 0, "the path failed a read or write")
