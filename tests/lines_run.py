"""How much work a call is, in lines of Python run: a count that is the same on every machine.

It sees every turn of a loop of this project's code, and nothing of what C code does in one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import Any

ROOT = Path(__file__).resolve().parents[1]
COUNTED = (f"{ROOT}/cdb/", f"{ROOT}/xcopy/")  # not what a collection of garbage happens to run meanwhile


def lines_run(work: Callable[[], object]) -> int:
    """How many lines of `cdb` and `xcopy` run until `work` returns, in this thread."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if not frame.f_code.co_filename.startswith(COUNTED):
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count
