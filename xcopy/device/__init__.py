"""Doors: each file is the only importer of one outside thing."""

from __future__ import annotations
