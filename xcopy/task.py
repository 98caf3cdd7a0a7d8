"""What a job hands out: a command for the storage, a piece for the host, a look at the source's map, a piece
to be zeros; not what became of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xcopy.conversation import Side

if TYPE_CHECKING:
    from xcopy.limits import Limits
    from xcopy.plan import Batch, Piece
    from xcopy.unit import LogicalUnit
    from xcopy.zeroing import Zeroing

OFFLOAD, HOST = "offload", "host"
ZERO = "zeroed"  # zeros on the destination: no data was sent there
MAP = "map"  # copies nothing
ZEROS = "zeros"  # made, not copied: no task has them


@dataclass(frozen=True, slots=True)
class OffloadTask:
    """Send one EXTENDED COPY for this batch; `list_id` is 0 where it goes without one."""

    batch: Batch
    list_id: int
    proven: bool
    limits: Limits
    to: Side = Side.DESTINATION
    number: int = 0  # how many were made before it

    @property
    def piece(self) -> Piece:
        """The range it covers."""
        return self.batch.whole


@dataclass(frozen=True, slots=True)
class ZerosRead:
    """How zeros that the host has read come about on the destination: runs of `least` blocks and more."""

    zeroing: Zeroing
    least: int
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class HostTask:
    """Read and write this piece by the host; `detour` is why, where the storage may copy it too.

    Zeros are written like everything else, unless `zeros` says how they come about.
    """

    piece: Piece
    detour: str = ""
    zeros: ZerosRead | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LookTask:
    """Find out what of this piece `unit`, the source, has no storage for.

    At most `calls` commands are sent, no more once `ahead` blocks with storage were met; runs of less than
    `least` blocks do not count, and they are cut to whole granules of `granule` blocks. `timeout` in seconds.
    """

    piece: Piece
    unit: LogicalUnit
    least: int
    calls: int
    ahead: int
    granule: int = 1
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class ZeroTask:
    """Make this piece zeros on the destination; it is of one range. `timeout` of a command in seconds."""

    piece: Piece
    zeroing: Zeroing
    timeout: float | None = None


Task = OffloadTask | HostTask | LookTask | ZeroTask
_MEANS = {OffloadTask: OFFLOAD, HostTask: HOST, LookTask: MAP, ZeroTask: ZERO}


def means_of(task: Task) -> str:
    """By which means a task copies."""
    return _MEANS[type(task)]
