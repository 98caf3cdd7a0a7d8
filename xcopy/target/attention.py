"""Unit attentions: what a nexus has yet to be told of a unit, and in which order.

Each nexus has a queue for each unit it has come to. Which commands are answered in spite of one, and what
happened that others are to be told, is decided elsewhere.
"""

from __future__ import annotations

from threading import Lock
from typing import NamedTuple

from cdb.sense import UNIT_ATTENTION, Sense


class Attention(NamedTuple):
    """What happened: ASC and ASCQ."""

    asc: int
    ascq: int

    @property
    def sense(self) -> Sense:
        """The sense data that tell it."""
        return Sense(key=UNIT_ATTENTION, asc=self.asc, ascq=self.ascq)

    @property
    def is_reset(self) -> bool:
        """Whether it says that the unit begins anew: told before a reservation conflict (SAM-5)."""
        return self.asc == 0x29


POWER_ON = Attention(0x29, 0x00)
DEVICE_RESET = Attention(0x29, 0x03)
NEXUS_LOSS = Attention(0x29, 0x07)
MEDIUM_CHANGED = Attention(0x28, 0x00)
MODE_CHANGED = Attention(0x2A, 0x01)
RESERVATIONS_PREEMPTED = Attention(0x2A, 0x03)
RESERVATIONS_RELEASED = Attention(0x2A, 0x04)
REGISTRATIONS_PREEMPTED = Attention(0x2A, 0x05)
CAPACITY_CHANGED = Attention(0x2A, 0x09)
INQUIRY_CHANGED = Attention(0x3F, 0x03)
LUNS_CHANGED = Attention(0x3F, 0x0E)


class Attentions:
    """Those of one array; a nexus that comes to a unit the first time has `first` to be told."""

    def __init__(self, first: Attention = POWER_ON) -> None:
        self._first = first
        self._lock = Lock()
        self._pending: dict[tuple[str, int], list[Attention]] = {}

    def pending(self, nexus: str, number: int) -> Attention | None:
        """What is to be told next, None when there is nothing."""
        with self._lock:
            queue = self._queue(nexus, number)
            return queue[0] if queue else None

    def take(self, nexus: str, number: int) -> Attention | None:
        """The next one, which is told now."""
        with self._lock:
            queue = self._queue(nexus, number)
            return queue.pop(0) if queue else None

    def establish(
        self,
        attention: Attention,
        *,
        nexus: str | None = None,
        number: int | None = None,
        but: str | None = None,
    ) -> None:
        """Have those told that know a unit: of that nexus or that unit, all where it is None, never `but`.

        What is to be told already is not told twice. A unit begins anew once: of several such attentions the
        one that says most stays, before all others.
        """
        with self._lock:
            for (who, unit), queue in self._pending.items():
                if who == but or who != (nexus or who) or unit != (unit if number is None else number):
                    continue
                if not attention.is_reset:
                    if attention not in queue:
                        queue.append(attention)
                    continue
                resets = [attention, *(other for other in queue if other.is_reset)]
                queue[:] = [min(resets), *(other for other in queue if not other.is_reset)]

    def luns_reported(self, nexus: str) -> None:
        """A nexus has seen which units there are: nobody has to tell it that they changed."""
        with self._lock:
            for (who, _), queue in self._pending.items():
                if who == nexus and LUNS_CHANGED in queue:
                    queue.remove(LUNS_CHANGED)

    def _queue(self, nexus: str, number: int) -> list[Attention]:
        return self._pending.setdefault((nexus, number), [self._first])
