"""SCSI EXTENDED COPY for Linux: decisions here, doors in `device`, calls in `api`, terminal in `cli`."""

from __future__ import annotations

__version__ = "0.1.0"
