"""The seam: what is sent to a logical unit, and what comes back.

A device's "no" is a `Reply` with its status and sense; silence is a `TransportError`.
Nothing here knows what a status means for a copy, or how the command travels.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

SENSE_LENGTH = 252  # the largest sense length SPC allows (SPC-4 4.5.1) and every transport here can carry


class Status(IntEnum):
    """SAM-5 status codes; a code that is not here stays a plain number in `Reply.status`."""

    GOOD = 0x00
    CHECK_CONDITION = 0x02
    CONDITION_MET = 0x04
    BUSY = 0x08
    RESERVATION_CONFLICT = 0x18
    TASK_SET_FULL = 0x28
    ACA_ACTIVE = 0x30
    TASK_ABORTED = 0x40


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One SCSI command: its CDB, the data that goes out or the room for the data that comes in.

    `timeout` is in seconds. A command has `data_out` or `data_in`, never both.
    """

    name: str
    cdb: bytes
    data_out: bytes | bytearray | memoryview = b""
    data_in: int = 0
    timeout: float = 60.0

    def __post_init__(self) -> None:
        if self.data_out and self.data_in:
            raise ValueError(f"{self.name}: a command moves data one way, not both")
        if self.data_in < 0:
            raise ValueError(f"{self.name}: data_in is a length, got {self.data_in}")
        if not self.timeout > 0:
            raise ValueError(f"{self.name}: a command needs a timeout above 0, got {self.timeout}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the device answered: `data` holds only bytes that arrived (`data_in` less the residual)."""

    status: int = Status.GOOD
    data: bytes = b""
    sense: bytes = b""
    residual: int = 0
    duration: float = 0.0

    @property
    def good(self) -> bool:
        """True for GOOD; sense may be present all the same and is not a failure."""
        return self.status == Status.GOOD


class TransportError(Exception):
    """The command and its answer did not both make it across.

    `errno` is the kernel's and `host` the host adapter's word on it (Linux' DID_ numbers), None for none.
    """

    def __init__(self, message: str = "", *, errno: int | None = None, host: int | None = None) -> None:
        super().__init__(message)
        self.errno, self.host = errno, host


class NoPassThrough(TransportError):
    """This node takes no SCSI commands at all; nothing was sent."""


class NotSent(TransportError):
    """The command never reached the device (no permission, device gone, too many outstanding)."""


class Silence(TransportError):
    """The command was sent and no status came back: what the device did is unknown."""


class Transport(Protocol):
    """One open way to one logical unit, for one worker at a time."""

    def send(self, command: Command) -> Reply:
        """Send and wait; the device's answer is the result, a `TransportError` its absence."""
        ...

    def close(self) -> None:
        """Let go of the device; a second call does nothing."""
        ...
