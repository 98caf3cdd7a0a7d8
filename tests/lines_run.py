"""How much work a call is, in lines of Python run: a count that is the same on every machine.

It sees every turn of a loop, and nothing of what C code does in one.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any


def lines_run(work: Callable[[], object]) -> int:
    """How many lines run until `work` returns, in this thread."""
    count = 0

    def trace(_frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count
