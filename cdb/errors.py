"""What can go wrong between bytes and values. Nothing here knows a device."""

from __future__ import annotations


class EncodeError(ValueError):
    """A value that does not fit its field; raised before any byte exists."""


class DecodeError(ValueError):
    """Bytes that are not what they were said to be; the only error a decoder raises."""
