"""How fast one setting copies: commands that ran wholly under it, and how many were in flight meanwhile.

By Little's law throughput is what is in flight over how long it takes, so one round of commands tells what
counting completions tells in many. Which setting is tried, and what a reading means, is the governor's.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

PRIOR = 0.05  # relative spread of latencies that is assumed until seen: two alike prove little
SLIP = 1e-6  # seconds by which a command's start may seem to lie before it: latencies are differences
SHORTEST = 1e-6  # seconds that a command takes at least: a clock that stands still gives no infinite speed
LONGEST = 1e9  # seconds, more than any command lives


@dataclass(frozen=True, slots=True)
class Reading:
    """Bytes per second, how far that may be off (one relative standard error), and from how many commands."""

    rate: float
    error: float
    samples: int
    latency: float


class Gauge:
    """Counts what is in flight, and measures since `begin`."""

    __slots__ = (
        "_bytes",
        "_give_up",
        "_integral",
        "_last",
        "_latencies",
        "_level",
        "_old",
        "_since",
        "_squares",
        "_started",
        "_switched",
        "in_flight",
        "samples",
    )

    def __init__(self) -> None:
        self.in_flight = 0
        self._last = float("-inf")
        self.begin(float("-inf"), old=0, level=0, patience=0.0)

    @property
    def started(self) -> bool:
        """Whether what is in flight belongs to what is measured."""
        return self._started

    def begin(self, now: float, *, old: int, level: int, patience: float) -> None:
        """Measure anew: once `old` commands sent before are gone and at most `level` others in flight.

        After `patience` seconds it is measured whatever else is still in flight.
        """
        self._switched, self._old, self._level = now, old, level
        self._give_up = now + patience
        self._started = False
        self._start(now)

    def sent(self, now: float) -> float:
        """One command went; the time, which never runs backwards here."""
        now = self._advance(now)
        self.in_flight += 1
        return now

    def gone(self, now: float) -> float:
        """One command ended without copying."""
        now = self._advance(now)
        self.in_flight -= self.in_flight > 0
        if self._old:
            self._old -= 1
        self._start(now)
        return now

    def completed(self, size: int, latency: float, now: float) -> float:
        """One command copied `size` bytes in `latency` seconds."""
        now = self._advance(now)
        if self.in_flight:
            self.in_flight -= 1
        latency = min(max(latency, SHORTEST), LONGEST)
        begun = now - latency + SLIP
        if not self._started:
            if self._old and begun < self._switched:
                self._old -= 1
            self._start(now)
        elif begun >= self._since:
            self.samples += 1
            self._bytes += size
            self._latencies += latency
            self._squares += latency * latency
        return now

    def reading(self, now: float) -> Reading:
        """What was measured so far; there is at least one sample."""
        n = max(self.samples, 1)
        span = max(now - self._since, SHORTEST)
        mean = max(self._latencies / n, SHORTEST)
        spread = sqrt(max(self._squares / n - mean * mean, 0.0)) / mean
        rate = self._integral / span * self._bytes / (mean * n)
        return Reading(rate, max(spread, PRIOR) / sqrt(n), n, mean)

    def _advance(self, now: float) -> float:
        if now <= self._last:
            return self._last
        if self._started and self.in_flight:
            self._integral += self.in_flight * (now - self._last)
        self._last = now
        return now

    def _start(self, now: float) -> None:
        if not self._started and ((not self._old and self.in_flight <= self._level) or now > self._give_up):
            self._started = True
            self._since, self._integral = now, 0.0
            self.samples = self._bytes = 0
            self._latencies = self._squares = 0.0
