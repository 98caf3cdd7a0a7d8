"""What a job hands out: one command for the storage, or one piece for the host; not what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from xcopy.conversation import Side

if TYPE_CHECKING:
    from xcopy.limits import Limits
    from xcopy.plan import Batch, Piece

OFFLOAD, HOST = "offload", "host"
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
class HostTask:
    """Read and write this piece by the host; `detour` is why, where the storage may copy it too."""

    piece: Piece
    detour: str = ""


Task = OffloadTask | HostTask


def means_of(task: Task) -> str:
    """By which means a task copies."""
    return OFFLOAD if isinstance(task, OffloadTask) else HOST
