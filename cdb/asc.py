"""Names of sense keys, and of the additional sense codes T10 has assigned: all of them, from asc_ascq.txt.

The names are in that file and nowhere else; it is read when the first code is named, not on import.
"""

from __future__ import annotations

SENSE_KEYS = (
    "NO SENSE",
    "RECOVERED ERROR",
    "NOT READY",
    "MEDIUM ERROR",
    "HARDWARE ERROR",
    "ILLEGAL REQUEST",
    "UNIT ATTENTION",
    "DATA PROTECT",
    "BLANK CHECK",
    "VENDOR SPECIFIC",
    "COPY ABORTED",
    "ABORTED COMMAND",
    "RESERVED",
    "VOLUME OVERFLOW",
    "MISCOMPARE",
    "COMPLETED",
)

# A family, NN, is every ASCQ without a name of its own; where its name ends so, those from 80h on.
_UPPER_HALF = " (80h-FFh)"

_names: dict[str, str] = {}


def additional_sense_name(asc: int, ascq: int) -> str:
    """T10's name of a code; for the vendor's, that it is; else the numbers alone (SPC-4 E.2, table E.1)."""
    names = _assigned()
    if name := names.get(f"{asc:02X}/{ascq:02X}"):
        return name
    family, upper_half, _ = names.get(f"{asc:02X}/NN", "").partition(_UPPER_HALF)
    if family and (not upper_half or ascq >= 0x80):
        return family.replace("NN", f"{ascq:02X}h")
    if 0x80 <= asc <= 0xFF:
        return f"VENDOR SPECIFIC ASC/ASCQ {asc:02X}h/{ascq:02X}h"
    if 0x80 <= ascq <= 0xFF:
        return f"ASC {asc:02X}h, VENDOR SPECIFIC ASCQ {ascq:02X}h"
    return f"ASC/ASCQ {asc:02X}h/{ascq:02X}h"


def _assigned() -> dict[str, str]:
    """Name by code, "26/0D", or "40/NN" for a family of them; empty where the loader knows no files."""
    if not _names:
        # The loader finds the file in a zip too; pkgutil and importlib.resources take 10 ms to import.
        read = getattr(__spec__.loader, "get_data", None)
        if read is not None:
            text: bytes = read(__file__.rpartition("asc.")[0] + "asc_ascq.txt")
            lines = text.decode("ascii").splitlines()
            _names.update({line[:5]: line[6:] for line in lines if not line.startswith("#")})
    return _names
