"""Storage that is slow, stands still, or fails in one place: the device-mapper table under a `delay` LUN.

Belongs here: the tables and how they are exchanged under commands in flight. What stands still does so by
place, not by moment: whatever is before a sector goes on, whatever is behind it waits, however fast the
machine is. Sends no SCSI command, and does not know who copies.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from tests.lio.luns import PREFIX, command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lio.luns import Lun

TAIL = 2048  # sectors at the end of a disk that no gate is before: what is there is read before a copy
GATE = PREFIX + "gate"  # sorts behind the LUNs' own: left-overs are removed in that order


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
    def held_from(self, first: int) -> Iterator[Gate]:
        """Reads and writes from this sector to the tail wait until the block ends; of one disk at a time."""
        with self.gated_from(first) as gate, gate.shut():
            yield gate

    @contextlib.contextmanager
    def gated_from(self, first: int) -> Iterator[Gate]:
        """Reads and writes from this sector on go through a gate, which is open; of one disk at a time."""
        end = int(self._sectors) - TAIL
        table = command("dmsetup", "table", self._name)
        _, _, kind, ram, _, delay = table.split()
        before, behind = f"0 {first} {kind} {ram} 0 {delay}", f"{end} {TAIL} {kind} {ram} {end} {delay}"
        gate = Gate(self._ram, int(self._sectors))
        try:
            # Open while the table changes: udev reads the disk then, its end too, and is waited for.
            self._exchange(f"{before}\n{first} {end - first} linear /dev/mapper/{GATE} {first}\n{behind}")
            yield gate
        finally:
            self._exchange(table)
            gate.remove()

    def put_back(self) -> None:
        """As it was made."""
        self._exchange(self._usual)

    def _exchange(self, table: str) -> None:
        command("dmsetup", "load", self._name, feed=table)
        command("dmsetup", "suspend", self._name)
        command("dmsetup", "resume", self._name)


class Gate:
    """A way to a ram disk which can be shut: what comes meanwhile waits for it to open, as it is then."""

    def __init__(self, ram: str, sectors: int) -> None:
        self._ram, self._sectors = ram, sectors
        command("dmsetup", "create", GATE, "--table", f"0 {sectors} linear {ram} 0")

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        """Nothing passes until the end of the block."""
        command("dmsetup", "suspend", GATE)
        try:
            yield
        finally:
            command("dmsetup", "resume", GATE)

    def break_when_it_opens(self, first: int, sectors: int) -> None:
        """While it is shut: reads and writes of these sectors will fail, those that wait included."""
        end = first + sectors
        parts = (
            f"0 {first} linear {self._ram} 0",
            f"{first} {sectors} error",
            f"{end} {self._sectors - end} linear {self._ram} {end}",
        )
        command("dmsetup", "load", GATE, feed="\n".join(parts))

    def remove(self) -> None:
        """Once no table leads through it."""
        command("dmsetup", "remove", "--retry", GATE)


@contextlib.contextmanager
def disk(lun: Lun) -> Iterator[Disk]:
    """The disk under a LUN; it is as it was when the block ends."""
    under = Disk(lun)
    try:
        yield under
    finally:
        under.put_back()
