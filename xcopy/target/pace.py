"""How long an array takes: seconds, from a latency, a bandwidth, and what it acknowledges ahead of its work.

Arithmetic alone: what time it is, and how waiting is done, comes from outside.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Pace:
    """What the commands of one array wait for; any number of threads may.

    `latency` is the seconds before every command is answered. Copies move `bandwidth` bytes a second, all
    together, 0 for any number; up to `ahead` bytes are acknowledged before they have moved, and are where
    they belong for everyone who reads them.
    """

    def __init__(
        self,
        *,
        latency: float,
        bandwidth: int,
        ahead: int,
        now: Callable[[], float],
        pause: Callable[[float], object],
    ) -> None:
        self._latency, self._bandwidth, self._ahead = latency, bandwidth, ahead
        self._now, self._pause = now, pause
        self._lock = Lock()
        self._done_at = 0.0  # when everything that was acknowledged has moved

    def command(self) -> None:
        """Wait as every command does."""
        if self._latency:
            self._pause(self._latency)

    def moved(self, length: int) -> None:
        """Wait until those bytes of a copy may be acknowledged, with all that came before them."""
        if not self._bandwidth:
            return
        with self._lock:
            now = self._now()
            self._done_at = max(self._done_at, now) + length / self._bandwidth
            wait = self._done_at - now - self._ahead / self._bandwidth
        if wait > 0:
            self._pause(wait)
