"""SCSI EXTENDED COPY for Linux: decisions here, doors in `device`, calls in `api`, terminal in `cli`.

`copy_range`, `copy_ranges` and `reflink` copy bytes of files; units are copied by `xcopy.api.copy`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xcopy.api.files import CopyStopped, copy_range, copy_ranges
    from xcopy.api.reflink import reflink

__all__ = ["CopyStopped", "copy_range", "copy_ranges", "reflink"]
__version__ = "0.1.0"
_CALLS = {"CopyStopped": "files", "copy_range": "files", "copy_ranges": "files", "reflink": "reflink"}


def __getattr__(name: str) -> object:
    """The calls for files, imported when they are first wanted: decisions need none of them."""
    if name not in _CALLS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"xcopy.api.{_CALLS[name]}"), name)
