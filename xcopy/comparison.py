"""Whether the host would copy faster than the storage: found out once, in a short trial amid a long copy.

The trial copies blocks that have to be copied anyway. Nothing here sends; time is an argument, sizes are
bytes. What the user prefers decides what the outcome changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

SETTLED = 8.0  # seconds that the storage copies before it is compared: by then its governor has settled
TRIAL = 3.0  # seconds that the host copies, its first for climbing
COUNTED_FROM = 1.0  # seconds of the trial that are not counted
LONG = 20  # a trial is worth it where as many trials would still be to come
CLEARLY = 1.5  # times as fast: less may be chance


class Prefer(Enum):
    """What a user who has the choice wants of a copy."""

    OFFLOAD = "offload"  # nothing through the host, and no trial
    EITHER = "either"  # as much as possible by offload; a trial tells what the host would do
    SPEED = "speed"  # what is faster in a trial


@dataclass(frozen=True, slots=True)
class Rates:
    """What a trial found, in bytes per second."""

    offload: float
    host: float

    @property
    def host_is_faster(self) -> bool:
        """True where there is no doubt."""
        return self.host >= CLEARLY * self.offload


class Comparison:
    """One trial in the life of a copy that has begun by offload at `now`."""

    def __init__(self, prefer: Prefer, now: float) -> None:
        self._prefer = prefer
        self._began = now
        self._offload_rate = 0.0
        self._trial_from: float | None = None
        self._host_from: float | None = None
        self._counted: tuple[float, int] | None = None
        self.found: Rates | None = None
        self._over = prefer is Prefer.OFFLOAD

    @property
    def trying(self) -> bool:
        """True while the host copies to be compared."""
        return self._trial_from is not None and not self._over

    @property
    def takes_host(self) -> bool:
        """True once the trial is over, the host was clearly faster, and speed is preferred."""
        return self._prefer is Prefer.SPEED and self.found is not None and self.found.host_is_faster

    def begins(self, offload_rate: float, left: int, now: float) -> bool:
        """Whether the trial is due: `left` bytes are to be copied, of late at `offload_rate`."""
        if self._over or self._trial_from is not None or now - self._began < SETTLED or not offload_rate:
            return False
        if left < LONG * TRIAL * offload_rate:
            return False
        self._offload_rate, self._trial_from = offload_rate, now
        return True

    def hosted(self, copied: int, now: float) -> None:
        """The host has copied so many bytes of this copy up to now; first asked when it alone copies."""
        if not self.trying:
            return
        if self._host_from is None:
            self._host_from = now
        if now - self._host_from < COUNTED_FROM:
            return
        if self._counted is None:
            self._counted = now, copied
            return
        since, at_first = self._counted
        if now - self._host_from >= TRIAL and now > since:
            self.found = Rates(self._offload_rate, (copied - at_first) / (now - since))
            self._over = True

    def give_up(self) -> None:
        """There is nothing more to compare: offload has ended, or the copy."""
        self._over = True
