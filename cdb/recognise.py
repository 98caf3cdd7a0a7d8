"""Which structure some bytes are: every one of the catalogue is tried, and the evidence counted in bits.

Constants, codes and lengths that come out right speak for a structure; reserved bits that are set, unknown
codes and bytes left over speak against it. Nothing here describes a structure a second time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cdb.catalogue import SENSE, cdb_record, data_records, is_cdb, named
from cdb.errors import DecodeError
from cdb.trace import Heading, Seen, Trace, Undescribed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cdb.record import Record

ENOUGH = 14  # bits of evidence below which nothing is recognised
WHOLE_LENGTH, INNER_LENGTH = 12, 4  # a length that agrees with the bytes: of the whole, of a part
NAMED, UNNAMED = 2, -4  # a value its table of names has, and one it has not
OPAQUE, MOST_OPAQUE = 2, 24  # bytes that any length would take: one bit for two of them
TWICE = -4  # the same code twice in a list of codes
SET_RESERVED = -8
MISSING_ROW = -2
UNKNOWN_DESCRIPTOR = -16
ALL_USED, LEFT_OVER = 12, -24
BROKEN = -20

ALWAYS_SEEN = frozenset({"uint", "flag", "raw", "slot", "const", "length"})


class Reading(NamedTuple):
    """Bytes read as one structure: what was seen, where it ended, and why it broke ("" when it did not)."""

    record: type[Record]
    data: bytes
    trace: Trace
    end: int
    error: str

    @property
    def left_over(self) -> bytes:
        """What lies behind the structure, or behind the place where it broke."""
        return self.data[self.end :]

    @property
    def evidence(self) -> int:
        """Bits that speak for this reading."""
        bits = BROKEN if self.error else 0
        codes: set[tuple[str, int]] = set()
        for entry in self.trace.entries:
            if isinstance(entry, Seen):
                bits += _of_field(entry)
                if entry.row.kind == "numbers" and entry.row.names:
                    code = (entry.row.name, int(entry.value))
                    bits += TWICE if code in codes else 0
                    codes.add(code)
            elif isinstance(entry, Heading):
                bits += UNKNOWN_DESCRIPTOR if entry.record.__name__.startswith("Unknown") else 0
            elif isinstance(entry, Undescribed):
                bits -= _opaque(entry.size)
            else:
                bits += BROKEN
        if not self.error:
            bits += MISSING_ROW * self._missing_rows()
            bits += LEFT_OVER if any(self.left_over) else 0 if self.left_over else ALL_USED
        return bits

    def _missing_rows(self) -> int:
        """How many fields of the table lie past the end of the bytes, where the structure may be short."""
        seen = {e.row.name for e in self.trace.entries if isinstance(e, Seen) and not e.depth}
        return sum(row.kind in ALWAYS_SEEN and row.name not in seen for row in self.record.rows)


def read_as(record: type[Record], data: bytes) -> Reading:
    """`data` read as one structure; a break is part of the answer, never an exception."""
    trace = Trace()
    try:
        end, error = record.trace(data, trace), ""
    except DecodeError as broken:
        end, error = (
            max((e.at + e.size for e in trace.entries if isinstance(e, Seen)), default=0),
            str(broken),
        )
    return Reading(record, data, trace, end, error)


def best_of(records: Iterable[type[Record]], data: bytes) -> tuple[Reading, ...]:
    """`data` read as each of the records, the reading with the most evidence first."""
    return tuple(sorted((read_as(record, data) for record in records), key=lambda r: -r.evidence))


def recognise(data: bytes, label: str = "", cdb: bytes = b"") -> tuple[Reading, ...]:
    """The readings with enough evidence, the best first; none when nothing speaks for any.

    `label` is what the text around the bytes calls them; `cdb` is the command they belong to, if known.
    """
    command = cdb_record(data)
    if command and ("cdb" in label or "command" in label):
        return (read_as(command, data),)
    candidates = data_records(cdb) + SENSE
    readings = best_of(candidates, data) if cdb else ()
    if not readings or readings[0].evidence < ENOUGH:
        readings = best_of((r for r in named().values() if r is command or not is_cdb(r)), data)
    return tuple(r for r in readings if r.evidence >= ENOUGH)


def _of_field(seen: Seen) -> int:
    row, value = seen.row, seen.value
    if row.kind == "reserved":
        return SET_RESERVED
    if isinstance(value, bytes):
        swallowed = row.kind == "data" and not seen.depth and not row.text and not row.holds
        return -_opaque(len(value)) if swallowed else 0
    if row.kind == "const" or row.allowed:
        if value not in (row.allowed or (row.default,)):
            return BROKEN
        return row.bits if value else row.bits // 4
    if row.kind == "length":
        return (WHOLE_LENGTH if not row.of and not seen.depth else INNER_LENGTH) if value else 0
    if row.kind == "numbers" and row.names:
        return 0 if row.meaning(value) else UNNAMED
    if any(r.by == row.name and value in (r.table or {}) for r in seen.record.rows):
        return row.bits // 2
    if value and isinstance(row.names, dict) and len(row.names) > 1:
        return NAMED if value in row.names else UNNAMED
    return 0


def _opaque(size: int) -> int:
    return min(size // OPAQUE, MOST_OPAQUE)
