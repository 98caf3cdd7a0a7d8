"""Bytes and values of SCSI third-party copy: typed frozen records, nothing else.

Floor 0. No I/O, no policy: what a field is called and where it lies, never what it means for a copy.
"""

from __future__ import annotations
