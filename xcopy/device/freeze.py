"""File systems frozen for the time of a copy (FIFREEZE), and thawed whatever happens: by their guardian.

Belongs here: which file systems those are, which must never be, starting the guardian, hearing what it says.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from xcopy.device import guardian
from xcopy.device.claims import files_below
from xcopy.device.mounts import mount_of, mounts
from xcopy.errors import AccessError, UnsafeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from xcopy.device.mounts import Mount

REASONS: Final = {
    errno.EBUSY: "it is frozen already, by somebody else, who may thaw it in the middle of the copy; thaw it "
    "first (fsfreeze -u), or leave --freeze out if it stays frozen long enough",
    errno.EPERM: "only root may do that (CAP_SYS_ADMIN)",
    errno.EACCES: "only root may do that",
    errno.EOPNOTSUPP: "its file system cannot be frozen; unmount it, or leave --freeze out",
    errno.ENOTTY: "its file system cannot be frozen; unmount it, or leave --freeze out",
}
PATIENCE: Final = 60.0  # seconds in which a copy that goes on says so many times
DEEPEST: Final = 8  # file systems one in a file of the other
OURS: Final = {0: "standard input", 1: "standard output", 2: "standard error"}


def writable(found: Iterable[Mount]) -> tuple[Mount, ...]:
    """Each file system that may be written, once, however often it is mounted; the last mounted first.

    Of its mounts one that its path leads to, where there is any.
    """
    once: dict[tuple[int, int], Mount] = {}
    for mount in found:
        if not mount.read_only and (mount.numbers not in once or _leads_there(mount)):
            once[mount.numbers] = mount
    return tuple(sorted(once.values(), key=lambda mount: -mount.number))


def _leads_there(mount: Mount) -> bool:
    """False where another file system is mounted over it, and where a single file is mounted."""
    try:
        fd = os.open(mount.point, os.O_PATH | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        return mount_of(fd) == mount.number
    finally:
        os.close(fd)


def refuse_deadlock(frozen: Sequence[Mount], needed: dict[str, str], sysfs: str = "/sys") -> None:
    """`UnsafeError` where this program would wait for what it has frozen itself.

    `needed` has what is written to during the copy, by path, in words; /, and output that goes into a file,
    are added.
    """
    numbers = {mount.numbers: mount.point for mount in frozen}
    if not numbers:
        return
    known = {mount.number: mount for mount in mounts()}
    wanted = {"/": "this system's root (/)"} | needed
    for fd, name in OURS.items():
        with suppress(OSError):
            if stat.S_ISREG(os.fstat(fd).st_mode):
                wanted[f"/proc/self/fd/{fd}"] = name
    for path, what in wanted.items():
        for mount in _below(path, known, sysfs):
            if mount.numbers in numbers:
                raise UnsafeError(
                    f"--freeze: {what} is on {numbers[mount.numbers]}, which would be frozen, and the copy "
                    "would wait for itself for ever: put it on another disk, or leave --freeze out"
                )


class Frozen:
    """These file systems, frozen from now until `thaw`, or until this process is gone or stands still."""

    def __init__(self, mounts: Sequence[Mount], patience: float = PATIENCE) -> None:
        """Raises UnsafeError where one is frozen by somebody else, AccessError where it cannot be.

        `patience` is how many seconds may pass between two calls of `beat`.
        """
        self._points, self._patience = tuple(mount.point for mount in mounts), patience
        self._own: list[int] = []
        for point, mount in zip(self._points, mounts, strict=True):
            try:
                self._own.append(os.open(point, os.O_RDONLY | os.O_DIRECTORY))
            except OSError as error:
                self._let_go()
                raise AccessError(f"--freeze: {point} cannot be opened: {error.strerror}") from error
            if mount_of(self._own[-1]) != mount.number:
                self._let_go()
                raise UnsafeError(
                    f"--freeze: {point} leads to another file system, mounted over the one that is to be "
                    "frozen: unmount that first, or leave --freeze out"
                )
        try:
            self._guardian = subprocess.Popen(
                [sys.executable, "-I", "-S", guardian.__file__, str(patience), *map(str, self._own)],
                pass_fds=self._own,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            self._let_go()
            raise AccessError(f"--freeze: no process to thaw again can be started: {error}") from error
        assert self._guardian.stdin is not None
        os.set_blocking(self._guardian.stdin.fileno(), False)
        self._bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True  # it could be written there
        try:
            word, _, rest = self._heard().partition(" ")
        except BaseException:  # Ctrl-C, in a program that does not catch it: it may be frozen by now
            self.thaw()
            raise
        if word != "frozen":
            self._end()
            index, _, number = rest.partition(" ")
            raise self._refused(int(index or 0), int(number or errno.EIO))

    def beat(self) -> None:
        """Say that the copy goes on."""
        if self._own and self._guardian.stdin is not None:
            with suppress(OSError):  # it was killed, or had no patience: `thaw` tells
                os.write(self._guardian.stdin.fileno(), b".")

    def thaw(self) -> str:
        """Thaw them; what went wrong in the meantime, or "". A second call does nothing."""
        if not self._own:
            return ""
        assert self._guardian.stdin is not None
        with suppress(OSError):
            self._guardian.stdin.close()
        word, _, rest = self._heard().partition(" ")
        trouble = ""
        if word == "lost":
            index, _, number = rest.partition(" ")
            trouble = self._lost(self._points[int(index)], int(number))
        elif word == "late":
            trouble = (
                f"what was frozen was thawed because the copy stood still for {self._patience:.0f} s "
                "(suspended, or its output was not read): what was written since then may be copied in part; "
                "copy it again"
            )
        elif word != "thawed":  # it was killed: what it froze is ours to thaw
            for point, fd in reversed(list(zip(self._points, self._own, strict=True))):
                try:
                    fcntl.ioctl(fd, guardian.FITHAW, 0)
                except OSError as error:
                    trouble = self._lost(point, error.errno or errno.EIO)
        self._end()
        return trouble

    def _heard(self) -> str:
        assert self._guardian.stdout is not None
        return self._guardian.stdout.readline().decode().strip()

    def _end(self) -> None:
        for stream in (self._guardian.stdin, self._guardian.stdout):
            if stream is not None:
                with suppress(OSError):
                    stream.close()
        self._guardian.wait()
        sys.dont_write_bytecode = self._bytecode
        self._let_go()

    def _let_go(self) -> None:
        for fd in self._own:
            os.close(fd)
        self._own = []

    def _refused(self, index: int, number: int) -> UnsafeError | AccessError:
        why = REASONS.get(number, os.strerror(number))
        kind = UnsafeError if number == errno.EBUSY else AccessError
        return kind(f"--freeze: {self._points[index]} cannot be frozen: {why}")

    @staticmethod
    def _lost(point: str, number: int) -> str:
        if number == errno.EINVAL:
            return (
                f"{point} was thawed by somebody else during the copy: what was written to it since then may "
                "be copied in part; copy it again"
            )
        return f"{point} cannot be thawed ({os.strerror(number)}): `fsfreeze -u {point}` may do it"


def _below(path: str, known: dict[int, Mount], sysfs: str, depth: int = 0) -> Iterator[Mount]:
    """The file system of a path, and those that it is in a file of, or in a directory of (overlay)."""
    mount = known.get(_mount_of(path))
    if mount is None or depth == DEEPEST:
        return
    yield mount
    if mount.upper:
        yield from _below(mount.upper, known, sysfs, depth + 1)
    numbers = {os.makedev(*mount.numbers)}
    with suppress(OSError):  # what a btrfs is on: the numbers of its mount are of no device
        major, minor = (Path(sysfs) / "class/block" / mount.device / "dev").read_text().split(":")
        numbers.add(os.makedev(int(major), int(minor)))
    for number in numbers:
        for backing in files_below(number, sysfs=sysfs):
            yield from _below(backing, known, sysfs, depth + 1)


def _mount_of(path: str) -> int:
    """The number of the mount that a path, or the next directory above it, is in; -1 for none."""
    while True:
        try:
            fd = os.open(path, os.O_PATH)
        except OSError:
            above = os.path.dirname(os.path.abspath(path))
            if above == path:
                return -1
            path = above
            continue
        try:
            return mount_of(fd)
        finally:
            os.close(fd)
