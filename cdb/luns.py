"""REPORT LUNS: which logical units there are, and what their 64-bit numbers mean (SPC-4 6.33).

The meaning of a number is SAM's; it is taken from sg_luns of sg3_utils.
"""

from __future__ import annotations

from cdb.record import Record, const, length, numbers, record, reserved, uint

SELECT_REPORTS = {
    0x00: "all but well known logical units",
    0x01: "well known logical units",
    0x02: "all logical units",
    0x10: "administrative logical units",  # this and the next two: SPC-5, by way of sg3_utils
    0x11: "administrative and non-conglomerate logical units",
    0x12: "the addressed unit and its subsidiaries",
}
WELL_KNOWN = {  # SPC-4 8.1, table 662
    0x01: "REPORT LUNS",
    0x02: "ACCESS CONTROLS",
    0x03: "TARGET LOG PAGES",
    0x04: "SECURITY PROTOCOL",
    0x05: "MANAGEMENT PROTOCOL",
    0x06: "TARGET COMMANDS",  # reserved in SPC-4; by way of sg3_utils
}
LEVELS = 4
UNSPECIFIED = 0xFFFFFFFFFFFFFFFF


def lun_name(number: int) -> str:
    """What a 64-bit LUN says, level by level: `LUN 5`, `bus 1 target 5, LUN 0`."""
    if number == UNSPECIFIED:
        return "no logical unit"
    found = []
    rest = number.to_bytes(8, "big")
    for _ in range(LEVELS):
        level, deeper = _level(rest)
        found.append(level)
        if not deeper:
            break
        rest = rest[2:] + bytes(2)
    return ", ".join(found)


def _level(rest: bytes) -> tuple[str, bool]:
    """One level's words, and whether another level follows."""
    method, low = rest[0] >> 6, rest[0] & 0x3F
    if method == 0b00:
        return (f"bus {low} target {rest[1]}", True) if low else (f"LUN {rest[1]}", False)
    if method == 0b01:
        return f"LUN {low << 8 | rest[1]} (flat)", False
    if method == 0b10:
        return f"bus {rest[1] >> 5} target {low} LUN {rest[1] & 0x1F}", False
    return _extended(rest), False


def _extended(rest: bytes) -> str:
    size, method = rest[0] >> 4 & 0x3, rest[0] & 0xF
    if (size, method) == (0, 1):
        return f"{WELL_KNOWN.get(rest[1], f'{rest[1]:02X}h')} well known unit"
    if (size, method) == (1, 2):
        return f"LUN {int.from_bytes(rest[1:4], 'big')} (extended flat)"
    if (size, method) == (2, 2):
        return f"LUN {int.from_bytes(rest[1:6], 'big')} (long extended flat)"
    return f"extended addressing, length {size}, method {method:X}h"


@record
class ReportLuns(Record):
    """REPORT LUNS (SPC-4 6.33, table 284)."""

    operation_code = const(8, 0xA0)
    _byte1 = reserved(8)
    select_report: int = uint(8, default=0, names=SELECT_REPORTS)
    _byte3 = reserved(24)
    allocation_length: int = uint(32)
    _byte10 = reserved(8)
    control: int = uint(8, default=0)


@record
class LunList(Record):
    """REPORT LUNS parameter data (SPC-4 6.33, table 286)."""

    lun_list_length = length(32, "luns")
    _byte4 = reserved(32)
    luns: tuple[int, ...] = numbers(64, label="LUN", names=lun_name)
