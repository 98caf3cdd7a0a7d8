"""The only clock. Everything above takes time as an argument; this is where it comes from."""

from __future__ import annotations

import time
from typing import Final

CLOCK_REALTIME_COARSE: Final = 5  # <linux/time.h>


class MonotonicClock:
    """Seconds that never go back, from an arbitrary start."""

    def now(self) -> float:
        """Seconds since that start."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait so many seconds; 0 or less does not wait."""
        if seconds > 0:
            time.sleep(seconds)


def file_time() -> int:
    """Nanoseconds since 1970 by the clock that file systems take times from: it goes on a tick at a time."""
    return time.clock_gettime_ns(CLOCK_REALTIME_COARSE)
