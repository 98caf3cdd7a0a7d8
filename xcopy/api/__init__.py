"""What a script calls: endpoints, copies, probes. Never prints."""

from __future__ import annotations

from xcopy.api.ranges import copy_ranges

__all__ = ["copy_ranges"]
