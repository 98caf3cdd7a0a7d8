"""The emulated array: the other side of the wire. Imports cdb only; storage and clock are handed in."""

from __future__ import annotations
