"""Storage that is slow, stands still, or fails in one place: the device-mapper table under a `delay` LUN.

Belongs here: the tables and how they are exchanged under commands in flight. Sends no SCSI command, and does
not know who copies.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.lio.luns import PREFIX, command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lio.luns import Lun


class Disk:
    """The disk under one LUN."""

    def __init__(self, lun: Lun) -> None:
        self._name = PREFIX + lun.name
        self._usual = command("dmsetup", "table", self._name)
        _, self._sectors, self._kind, self._ram, _, self._delay = self._usual.split()

    def slow_down(self, milliseconds: int) -> None:
        """Every read and write takes that long from now on."""
        self._exchange(f"0 {self._sectors} {self._kind} {self._ram} 0 {milliseconds}")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Reads and writes wait until the end of the block, but for those that were under way."""
        command("dmsetup", "suspend", self._name)
        try:
            yield
        finally:
            command("dmsetup", "resume", self._name)

    def break_when_let_go(self, first: int, sectors: int) -> None:
        """While it is held: reads and writes of these sectors will fail, those that wait included."""
        end = first + sectors
        parts = (
            f"0 {first} {self._kind} {self._ram} 0 {self._delay}",
            f"{first} {sectors} error",
            f"{end} {int(self._sectors) - end} {self._kind} {self._ram} {end} {self._delay}",
        )
        command("dmsetup", "load", self._name, feed="\n".join(parts))

    def put_back(self) -> None:
        """As it was made."""
        self._exchange(self._usual)

    def _exchange(self, table: str) -> None:
        command("dmsetup", "load", self._name, feed=table)
        with self.held():
            pass


@contextlib.contextmanager
def disk(lun: Lun) -> Iterator[Disk]:
    """The disk under a LUN; it is as it was when the block ends."""
    under = Disk(lun)
    try:
        yield under
    finally:
        under.put_back()
