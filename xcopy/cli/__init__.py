"""argv, terminal, exit codes: the only place that prints."""

from __future__ import annotations
