"""What a copy of a file asks for, one call at a time, and what it is told.

Values only: what to ask next is `file_job`'s to say, and who carries it out is `device.fileops`. Offsets and
lengths are bytes, no length is 0, and none is left to "the end".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Clone:
    """Have both files share these blocks: FICLONERANGE. All of it or an error, never a part."""

    source: int
    length: int
    destination: int


@dataclass(frozen=True, slots=True)
class KernelCopy:
    """Have the kernel, or the server that both files are on, copy: copy_file_range(2). Maybe a part."""

    source: int
    length: int
    destination: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """Read and write. Maybe a part, but none of `step` bytes, which a device takes whole.

    With `zeros_to_holes`, what is zero is not written but made a hole. With `backwards` all is read first and
    written from its end, in parts of so many bytes that count when they are whole: `moved` is of the last
    bytes.
    """

    source: int
    length: int
    destination: int
    zeros_to_holes: bool = False
    step: int = 1
    backwards: int = 0


@dataclass(frozen=True, slots=True)
class Zero:
    """Have these bytes of the destination read as zeros, without storage where there can be holes.

    `moved` is how many of them it has: bytes past its end are zeros only once it has grown beyond them.
    """

    length: int
    destination: int


@dataclass(frozen=True, slots=True)
class Extend:
    """Have the destination be `size` bytes or more; it is never made shorter, whoever writes it meanwhile."""

    size: int


@dataclass(frozen=True, slots=True)
class FindData:
    """What the source has at byte `source`: `moved` bytes, up to `length`, of data or of a hole (`hole`)."""

    source: int
    length: int


@dataclass(frozen=True, slots=True)
class Settle:
    """Write the source's dirty pages: some file systems say where data is only of what is written."""


Step: TypeAlias = Clone | KernelCopy | Transfer | Zero | Extend | FindData | Settle


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a step: bytes done, the errno that ended it (0 for none) in words, and seconds."""

    moved: int = 0
    errno: int = 0
    reason: str = ""
    seconds: float = 0.0
    hole: bool = False
