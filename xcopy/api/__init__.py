"""What a script calls: endpoints, copies, probes. Never prints."""

from __future__ import annotations
