"""The file of a journal: made beside what is there, locked, appended to, on the disk when it says so.

Belongs here: the open file and its lock. What its lines mean is `xcopy.journal`'s.
"""

from __future__ import annotations

import fcntl
import os
import stat
from functools import partial
from typing import TYPE_CHECKING

from xcopy.errors import AccessError, UnsafeError, UsageError
from xcopy.journal import LONGEST_LINE, read

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from xcopy.journal import Contents


class JournalFile:
    """A journal that is ours until `close`; the lock of a killed process ends with its last thread."""

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self._fd = fd
        self._broken = False

    def __enter__(self) -> JournalFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(self, data: bytes) -> None:
        """Write at the end, and have it on the disk; `AccessError` where it may not be, and ever after."""
        if self._broken:
            raise AccessError(f"{self.path}: an earlier write of the journal failed")
        self._broken = True
        try:
            _write(self._fd, data)
            os.fsync(self._fd)
        except OSError as error:
            raise AccessError(f"the journal {self.path} cannot be written: {error.strerror}") from error
        self._broken = False

    def cut(self, length: int) -> None:
        """Forget what is behind the first `length` bytes; `AccessError` where it may be there again."""
        try:
            if os.fstat(self._fd).st_size > length:
                os.ftruncate(self._fd, length)
                os.fsync(self._fd)
        except OSError as error:
            self._broken = True
            raise AccessError(f"the journal {self.path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Let go of it; a second call does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def create(path: str, lines: Iterable[bytes]) -> JournalFile:
    """A new journal that begins with `lines`, on the disk with its name; a file that is there stays as it is.

    One that is there is a `UsageError`, one that cannot be made an `AccessError`; nothing of it is left then.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except FileExistsError:
        raise UsageError(
            f"{path} is there already: if it is a journal, `xcopy-dev resume {path}` goes on with its copy; "
            "a new copy wants a new journal"
        ) from None
    except OSError as error:
        raise AccessError(f"the journal {path} cannot be made: {error.strerror}") from error
    made = JournalFile(path, fd)
    try:
        _lock(path, fd)
        for line in lines:
            _write(fd, line)
        os.fsync(fd)
        _sync_directory(path)
    except BaseException as error:
        os.unlink(path)
        made.close()
        if isinstance(error, OSError):
            raise AccessError(f"the journal {path} cannot be made: {error.strerror}") from error
        raise
    return made


def reopen(path: str) -> tuple[JournalFile, Contents]:
    """A journal that was left, and what it says; `cut` it to what is trusted before anything is appended.

    No journal there is a `UsageError`, one in use an `UnsafeError`, one that cannot be read an `AccessError`.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise UsageError(f"{path}: there is no such file; --journal FILE of a copy makes one") from None
    except IsADirectoryError:
        raise UsageError(f"{path} is not a journal of xcopy-dev") from None
    except OSError as error:
        raise AccessError(f"{path}: {error.strerror}") from error
    left = JournalFile(path, fd)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise UsageError(f"{path} is not a journal of xcopy-dev")
        _lock(path, fd)
        with os.fdopen(os.dup(fd), "rb") as file:
            contents = read(path, iter(partial(file.readline, LONGEST_LINE), b""))
    except BaseException as error:
        left.close()
        if isinstance(error, OSError):
            raise AccessError(f"{path}: {error.strerror}") from error
        raise
    return left, contents


def _lock(path: str, fd: int) -> None:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UnsafeError(
            f"{path} is the journal of a copy that is running; one that was killed is over when the units "
            "have answered its last commands: try again then"
        ) from None


def _write(fd: int, data: bytes) -> None:
    """All of it, however many calls that takes."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _sync_directory(path: str) -> None:
    fd = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
