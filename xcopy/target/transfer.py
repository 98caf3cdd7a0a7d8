"""One internal read or write, past the faults: all of what was asked for, or an exception that says which.

What the copy makes of it is its own question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.target.faults import Faults, Step

UNDERRUN, OVERRUN = (0x0D, 0x04), (0x0D, 0x05)  # COPY TARGET DEVICE DATA UNDERRUN, OVERRUN


class Inexact(Exception):
    """A unit moved less, or more, than it was asked for; `code` is the ASC and ASCQ (SPC-4 5.17.7.4)."""

    def __init__(self, moved: int, length: int) -> None:
        super().__init__(f"{moved} bytes of {length}")
        self.code = UNDERRUN if moved < length else OVERRUN


def read_whole(faults: Faults, step: Step, length: int, perform: Callable[[], bytes]) -> bytes:
    """The `length` bytes of a read; `Refused` is the unit's no."""
    data = faults.read(step, perform)
    if len(data) != length:
        raise Inexact(len(data), length)
    return data


def write_whole(faults: Faults, step: Step, data: bytes, perform: Callable[[bytes], None]) -> None:
    """Write all of `data`; `Refused` is the unit's no."""
    arrived = len(data)

    def put(changed: bytes) -> None:
        nonlocal arrived
        arrived = len(changed)
        perform(changed)

    faults.write(step, data, put)
    if arrived != len(data):
        raise Inexact(arrived, len(data))
