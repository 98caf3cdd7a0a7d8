"""SG_IO: SCSI commands through the kernel's pass-through, version 3 header, by way of ctypes.

Belongs here: the header, what an errno and a host status mean for "was it sent", opening a node.
Does not know what a status or sense means, nor which disk a node stands for.

Why ctypes and never `fcntl.ioctl`: ctypes lets go of Python's lock, so copies run side by side and
Ctrl-C is heard; and from Python 3.14 `fcntl.ioctl` retries by itself after EINTR, which on /dev/sgN
sends the SCSI command a second time. Workers block all signals (see `worker`), so EINTR is rare; when
it does come, the command is on its way and its answer is lost.
"""

from __future__ import annotations

import ctypes
import errno
import math
import mmap
import os
import stat
from typing import TYPE_CHECKING, Final

from cdb.command import SENSE_LENGTH, Command, NoPassThrough, NotSent, Reply, Silence, Status, TransportError
from xcopy.errors import AccessError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

SG_IO: Final = 0x2285
DXFER_NONE, DXFER_TO_DEV, DXFER_FROM_DEV = -1, -2, -3
MAX_TIMEOUT_MS: Final = 2**32 - 1
MAX_TRANSFER: Final = 2**32 - 1
LARGE: Final = 64 << 10  # a transfer that may be what a node refused

# Linux include/scsi/scsi_status.h: the host adapter's word on the command.
HOST_STATUS: Final = {
    0x01: "DID_NO_CONNECT: no connection to the device",
    0x02: "DID_BUS_BUSY: the bus stayed busy",
    0x03: "DID_TIME_OUT: no answer in time",
    0x04: "DID_BAD_TARGET: no such target",
    0x05: "DID_ABORT: told to abort",
    0x06: "DID_PARITY: parity error",
    0x07: "DID_ERROR: internal error of the adapter",
    0x08: "DID_RESET: reset by somebody",
    0x09: "DID_BAD_INTR: unexpected interrupt",
    0x0A: "DID_PASSTHROUGH",
    0x0B: "DID_SOFT_ERROR: the driver wants a retry",
    0x0C: "DID_IMM_RETRY: the driver wants a retry",
    0x0D: "DID_REQUEUE: the driver wants it queued again",
    0x0E: "DID_TRANSPORT_DISRUPTED: the transport broke",
    0x0F: "DID_TRANSPORT_FAILFAST: the transport is down",
    0x14: "DID_TRANSPORT_MARGINAL: the transport is marginal",
}
# Only what cannot happen to a command under way. DID_NO_CONNECT is not here: drivers also end commands
# in flight with it when a session or an adapter goes away.
HOST_NOT_SENT: Final = frozenset({0x04})
DRIVER_MASK, DRIVER_SENSE = 0x0F, 0x08  # the upper half is a suggestion

# Errors the kernel raises before it queues the command, on every node that takes SG_IO.
ERRNO_NOT_SENT: Final = frozenset(
    {
        errno.EPERM,
        errno.EACCES,
        errno.ENXIO,
        errno.EDOM,
        errno.ENOMEM,
        errno.EMSGSIZE,
        errno.EBADF,
        errno.EBUSY,
        errno.EAGAIN,
        errno.EROFS,
    }
)
# The same, but on block nodes alone: /dev/sgN also says ENODEV when the device goes away under a command.
ERRNO_NOT_SENT_BLOCK: Final = frozenset({errno.ENODEV, errno.EIO, errno.ENOMEDIUM})
ERRNO_TOO_LONG: Final = frozenset({errno.EINVAL, errno.EIO, errno.ENOMEM})  # what a long transfer ends in
ERRNO_NO_PASS_THROUGH: Final = frozenset({errno.ENOTTY, errno.EINVAL, errno.ENOSYS})

A_GROUP_S: Final = "readable and writable for a group of yours (docs/privileges.md)"
ADVICE: Final = {
    errno.EPERM: f"run as root (CAP_SYS_RAWIO), or have its /dev/sgN {A_GROUP_S}",
    errno.EACCES: f"run as root (CAP_SYS_RAWIO), or have its /dev/sgN {A_GROUP_S}",
    errno.ENODEV: "the device is offline or gone; see its state in /sys/block/*/device/state",
    errno.ENXIO: "the device is offline or gone; see its state in /sys/block/*/device/state",
    errno.EDOM: "/dev/sgN takes 16 commands per open file; open it once per worker",
    errno.EINTR: "a signal came while the command was under way",
}


class SgIoHdr(ctypes.Structure):
    """`struct sg_io_hdr` of <scsi/sg.h>, interface 'S': 88 bytes on a 64-bit kernel."""

    _fields_ = (
        ("interface_id", ctypes.c_int),
        ("dxfer_direction", ctypes.c_int),
        ("cmd_len", ctypes.c_ubyte),
        ("mx_sb_len", ctypes.c_ubyte),
        ("iovec_count", ctypes.c_ushort),
        ("dxfer_len", ctypes.c_uint),
        ("dxferp", ctypes.c_void_p),
        ("cmdp", ctypes.c_void_p),
        ("sbp", ctypes.c_void_p),
        ("timeout", ctypes.c_uint),
        ("flags", ctypes.c_uint),
        ("pack_id", ctypes.c_int),
        ("usr_ptr", ctypes.c_void_p),
        ("status", ctypes.c_ubyte),
        ("masked_status", ctypes.c_ubyte),
        ("msg_status", ctypes.c_ubyte),
        ("sb_len_wr", ctypes.c_ubyte),
        ("host_status", ctypes.c_ushort),
        ("driver_status", ctypes.c_ushort),
        ("resid", ctypes.c_int),
        ("duration", ctypes.c_uint),
        ("info", ctypes.c_uint),
    )


_libc_ioctl = ctypes.CDLL(None, use_errno=True).ioctl
_libc_ioctl.argtypes = (ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p)
_libc_ioctl.restype = ctypes.c_int


def sg_io(fd: int, header: SgIoHdr) -> None:
    """Do one SG_IO; raises `OSError` with the kernel's errno."""
    if _libc_ioctl(fd, SG_IO, ctypes.addressof(header)) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class SgTransport:
    """One descriptor on a SCSI node (/dev/sdX or /dev/sgN), for one worker at a time.

    Opens read-write, or read-only with `read_only`; raises `UsageError` for what is not a device node and
    `AccessError` for one that does not open. `ioctl` is the call that sends; tests script it.
    """

    def __init__(
        self, path: str, *, read_only: bool = False, ioctl: Callable[[int, SgIoHdr], None] = sg_io
    ) -> None:
        self._path = path
        self._fd, self._is_sg = open_node(path, read_only=read_only)
        self._ioctl = ioctl
        self._answered = False
        self._sense = (ctypes.c_ubyte * SENSE_LENGTH)()
        self._room = mmap.mmap(-1, mmap.PAGESIZE)

    def send(self, command: Command) -> Reply:
        """Send and wait; raises `NoPassThrough`, `NotSent` or `Silence`; ValueError for what no header holds.

        A status other than GOOD is the device's answer whatever the host adapter adds; GOOD counts only
        when host and driver report no trouble, for 0 is also what stands there when no status came.
        """
        if self._fd < 0:
            raise NotSent(f"{self._path}: {command.name} not sent: the device is closed")
        check_fits(command)
        outgoing = len(memoryview(command.data_out).cast("B")) if command.data_out else 0
        buffer = self._outgoing(command.data_out) if outgoing else self._incoming(command.data_in)
        cdb = (ctypes.c_ubyte * len(command.cdb)).from_buffer_copy(command.cdb)
        ctypes.memset(self._sense, 0, SENSE_LENGTH)
        header = SgIoHdr(
            interface_id=ord("S"),
            dxfer_direction=DXFER_TO_DEV if outgoing else DXFER_FROM_DEV if command.data_in else DXFER_NONE,
            cmd_len=len(command.cdb),
            mx_sb_len=SENSE_LENGTH,
            dxfer_len=outgoing or command.data_in,
            dxferp=ctypes.cast(buffer, ctypes.c_void_p) if buffer is not None else None,
            cmdp=ctypes.addressof(cdb),
            sbp=ctypes.addressof(self._sense),
            timeout=timeout_ms(command.timeout),
        )
        try:
            self._ioctl(self._fd, header)
        except OSError as error:
            raise refusal(
                self._path, command, error, is_sg=self._is_sg, spoke_before=self._answered
            ) from error
        self._judge(command, header)
        self._answered = True
        residual = max(0, min(header.resid, outgoing or command.data_in))
        arrived = command.data_in - residual if command.data_in else 0
        return Reply(
            status=header.status,
            data=self._room[:arrived] if arrived else b"",
            sense=bytes(self._sense[: min(header.sb_len_wr, SENSE_LENGTH)]),
            residual=residual,
            duration=header.duration / 1000,
        )

    def close(self) -> None:
        """Let go of the device; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _judge(self, command: Command, header: SgIoHdr) -> None:
        """Raise where no status came from the device."""
        host, driver = header.host_status, header.driver_status & DRIVER_MASK
        if header.status != Status.GOOD or (host == 0 and driver in (0, DRIVER_SENSE)):
            return
        said = f"host status {host:#04x}"
        if host in HOST_STATUS:
            said += f" ({HOST_STATUS[host]})"
        if driver not in (0, DRIVER_SENSE):
            said += f", driver status {header.driver_status:#04x}"
        after = f"after {header.duration / 1000:.1f} s"
        if host in HOST_NOT_SENT:
            raise NotSent(
                f"{self._path}: {command.name} did not reach the device: {said}, {after}", host=host
            )
        raise Silence(
            f"{self._path}: {command.name} was sent and no status came back: {said}, {after}; "
            "what the device did is unknown",
            host=host,
        )

    def _incoming(self, length: int) -> ctypes.Array[ctypes.c_char] | None:
        """Page-aligned room, zeroed: a driver that reports no residual must not show old data."""
        if length == 0:
            return None
        room = self._aligned(length)
        ctypes.memset(room, 0, length)
        return room

    def _outgoing(self, data: bytes | bytearray | memoryview) -> ctypes.Array[ctypes.c_char]:
        """The caller's own memory where a page begins there, else a copy where one does.

        The kernel maps user memory page by page, and LIO's loopback hands the pages on as they are: it takes
        256 of them (1 MiB), and refuses WRITE SAME when its block lies in two.
        """
        view = memoryview(data).cast("B")
        if not view.readonly:
            there = (ctypes.c_char * view.nbytes).from_buffer(view)
            if ctypes.addressof(there) % mmap.PAGESIZE == 0:
                return there
        room = self._aligned(view.nbytes)
        self._room[: view.nbytes] = view
        return room

    def _aligned(self, length: int) -> ctypes.Array[ctypes.c_char]:
        if len(self._room) < length:
            self._room = mmap.mmap(-1, -(-length // mmap.PAGESIZE) * mmap.PAGESIZE)
        return (ctypes.c_char * length).from_buffer(self._room)


def open_node(path: str, *, read_only: bool) -> tuple[int, bool]:
    """Open a SCSI node: its descriptor, and whether it is a character node (/dev/sgN).

    A write-protected disk opens read-only all the same: commands go through either way, and refusing to
    write to it is the caller's business.
    """
    try:
        mode = os.stat(path).st_mode
        if not (stat.S_ISBLK(mode) or stat.S_ISCHR(mode)):
            raise UsageError(f"{path} is not a device node; name a SCSI disk such as /dev/sdb or /dev/sg1")
        is_sg = stat.S_ISCHR(mode)
        # O_NONBLOCK: an sg node that somebody holds exclusively says EBUSY instead of waiting for them.
        flags = os.O_NONBLOCK if is_sg else 0
        if read_only:
            return os.open(path, flags | os.O_RDONLY), is_sg
        try:
            return os.open(path, flags | os.O_RDWR), is_sg
        except OSError as error:
            protected = error.errno == errno.EROFS or (
                error.errno == errno.EACCES and os.access(path, os.W_OK)
            )
            if not protected:
                raise
            return os.open(path, flags | os.O_RDONLY), is_sg
    except OSError as error:
        raise _cannot_open(path, error) from error


def _cannot_open(path: str, error: OSError) -> UsageError | AccessError:
    match error.errno:
        case errno.ENOENT | errno.ENOTDIR:
            return UsageError(f"{path}: no such file; `xcopy-dev list` lists the SCSI disks of this machine")
        case errno.EACCES | errno.EPERM:
            return AccessError(f"{path}: no permission to open it; run as root, or have it {A_GROUP_S}")
        case errno.EBUSY:
            return AccessError(f"{path}: busy, held exclusively by somebody; `fuser -v {path}` may tell")
        case errno.ENXIO | errno.ENODEV | errno.ENOMEDIUM:
            return AccessError(f"{path}: the device behind it is gone or offline ({error.strerror})")
        case _:
            return AccessError(f"{path}: cannot be opened: {error.strerror}")


def check_fits(command: Command) -> None:
    """ValueError for a CDB or a transfer that the header's fields cannot hold; they would wrap silently."""
    if not 6 <= len(command.cdb) <= 255:
        raise ValueError(f"{command.name}: a CDB has 6 to 255 bytes here, this one {len(command.cdb)}")
    length = memoryview(command.data_out).nbytes or command.data_in
    if length > MAX_TRANSFER:
        raise ValueError(f"{command.name}: {length} bytes do not fit one transfer")


def timeout_ms(seconds: float) -> int:
    """Seconds to the header's milliseconds: 1 to 2^32 - 1, never 0, which asks for the kernel's default."""
    return max(1, math.ceil(min(seconds * 1000, MAX_TIMEOUT_MS)))


def refusal(
    path: str, command: Command, error: OSError, *, is_sg: bool, spoke_before: bool
) -> TransportError:
    """What a failed SG_IO call says about the command: no pass-through, not sent, or unknown."""
    number = error.errno or 0
    why = f"{os.strerror(number)} ({errno.errorcode.get(number, number)})"
    length = memoryview(command.data_out).nbytes or command.data_in
    if advice := ADVICE.get(number):
        why += f"; {advice}"
    elif number in ERRNO_TOO_LONG and length > LARGE:
        why += f"; {length} bytes may be more than this node takes at once, see queue/max_sectors_kb in sysfs"
    if number in ERRNO_NO_PASS_THROUGH and not spoke_before:
        return NoPassThrough(f"{path} takes no SCSI commands: {why}; name a SCSI disk or its /dev/sgN")
    if (
        number in ERRNO_NOT_SENT
        or number in ERRNO_NO_PASS_THROUGH
        or (number in ERRNO_NOT_SENT_BLOCK and not is_sg)
    ):
        return NotSent(f"{path}: {command.name} was not sent: {why}", errno=number)
    return Silence(
        f"{path}: the answer to {command.name} is lost: {why}; what the device did is unknown", errno=number
    )
