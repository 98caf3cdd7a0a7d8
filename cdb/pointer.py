"""Which field a sense pointer points at, by name: of the CDB, or of the parameter list that was sent.

The names, places and values are those the reader of the structures saw; what it could not read has no name.
Whatever the bytes, nothing here raises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdb.cscd import CSCDS
from cdb.errors import DecodeError
from cdb.row import VARIABLE
from cdb.segment import SEGMENTS
from cdb.sense_key import COPY_ABORTED
from cdb.trace import Heading, Seen, Trace

if TYPE_CHECKING:
    from cdb.record import Record, Row
    from cdb.sense import Sense

SHOWN = 32  # bytes of a field of bytes that are shown
LIST = "parameter list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field, or with no `label` a whole descriptor, and what stood there.

    `structure` is what it is in ("segment 3"), `kind` T10's name of that ("block to block"); `byte` counts
    from its start, `at` from the start of the parameter list or CDB. `bit` is None for a field that was
    pointed at by its byte alone; where several share that byte, `label` has them all and `value` is the byte.
    """

    structure: str
    kind: str = ""
    byte: int = 0
    at: int
    bit: int | None = None
    label: str = ""
    value: int | bytes | None = None
    meaning: str = ""

    def __str__(self) -> str:
        name = f"{self.structure} ({self.kind})" if self.kind else self.structure
        if not self.label:
            return f"{name} as a whole"
        where = f"{name}, byte {self.byte}" + (f" bit {self.bit}" if self.bit is not None else "")
        meaning = f", {self.meaning}" if self.meaning else ""
        return f"{where}: {self.label}, which was {_shown(self.value)}{meaning}"


def field_named(sense: Sense, cdb: bytes, parameter_list: bytes) -> str | None:
    """The field `sense` points at, in words, or None: no pointer, or it points at nothing that is known."""
    field = pointed_field(sense, cdb, parameter_list)
    return str(field) if field else None


def pointed_field(sense: Sense, cdb: bytes, parameter_list: bytes) -> Field | None:
    """The field that `sense` points at in the command and the parameter list that were sent.

    For COPY ABORTED a pointer at the first byte of a CSCD descriptor means the CSCD (SPC-4 5.17.7.4).
    """
    from cdb.catalogue import cdb_record, data_records

    pointer, command, sent = sense.pointer, cdb_record(cdb), data_records(cdb)
    if pointer is None or command is None:
        return None
    bit = pointer.bit if pointer.bpv else None
    if pointer.command:
        return field_at(command, cdb, pointer.byte, bit, name="CDB")
    if not sent:
        return None
    reading = _Reading(sent[0], parameter_list)
    byte = pointer.byte
    if pointer.segment:
        segment = reading.heading(f"{SEGMENTS.label} {sense.segment}")
        if segment is None:
            return None
        byte += segment.at
        return reading.field(byte, bit, LIST, within=segment)
    if sense.key == COPY_ABORTED and bit is None:
        for heading in reading.headings:
            if heading.at == byte and heading.record in CSCDS.records:
                return Field(structure=heading.name, kind=heading.title, at=byte)
    return reading.field(byte, bit, LIST)


def field_at(
    record: type[Record], data: bytes, byte: int, bit: int | None = None, *, name: str
) -> Field | None:
    """The field at a byte, and a bit of it, of `data` read as any structure; `name` is what to call that."""
    return _Reading(record, data).field(byte, bit, name)


class _Reading:
    """A structure as far as it could be read."""

    def __init__(self, record: type[Record], data: bytes) -> None:
        self.data = bytes(data)
        trace = Trace()
        try:
            record.trace(self.data, trace)
        except DecodeError:
            pass  # what was seen until then has its names
        self.headings = [e for e in trace.entries if isinstance(e, Heading)]
        self._seen = [e for e in trace.entries if isinstance(e, Seen)]

    def heading(self, name: str) -> Heading | None:
        """Where the descriptor called `name` begins."""
        return next((h for h in self.headings if h.name == name), None)

    def field(self, byte: int, bit: int | None, name: str, within: Heading | None = None) -> Field | None:
        """The field at a byte from the start; with `within`, only one of that descriptor."""
        if not 0 <= byte < len(self.data):
            return None
        found = [e for e in self._seen if e.at <= byte < e.at + e.size and _covers(e.row, e.at, byte, bit)]
        deepest = max((e.depth for e in found), default=0)
        found = [e for e in found if e.depth == deepest]
        if not found:
            return self._reserved(byte, bit, name, within)
        one = found[0] if len(found) == 1 else None
        structure = self._around(byte, deepest)
        if within and structure is not within:
            return None
        return _field(
            structure,
            name if one and one.row.kind in VARIABLE else _outermost(name),
            byte,
            bit,
            ", ".join(e.row.label for e in found),
            one.value if one else self.data[byte],
            one.row.meaning(one.value) if one else "",
        )

    def _around(self, byte: int, depth: int) -> Heading | None:
        """The descriptor, right inside the outermost structure, that a field of this depth is in."""
        if not depth:
            return None
        return next((h for h in reversed(self.headings) if h.depth == 1 and h.at <= byte), None)

    def _reserved(self, byte: int, bit: int | None, name: str, within: Heading | None) -> Field | None:
        """A reserved field with nothing in it: the reader passes over those, so the table is asked."""
        around = next((h for h in reversed(self.headings) if h.at <= byte), None)
        if around is None:
            return None
        structure = self._around(byte, around.depth)
        if within and structure is not within:
            return None
        for row in around.record.rows:
            if row.kind in VARIABLE:
                break
            at = around.at + row.offset
            if row.kind == "reserved" and at <= byte < at + row.bytes and _covers(row, at, byte, bit):
                return _field(structure, _outermost(name), byte, bit, row.label, 0, "")
        return None


def _covers(row: Row, at: int, byte: int, bit: int | None) -> bool:
    """True if the row, which lies at `at`, has the bit; a row of whole bytes has them all."""
    if bit is None or not row.bits:
        return True
    first = at * 8 + 7 - row.bit
    return first <= byte * 8 + 7 - bit < first + row.bits


def _outermost(name: str) -> str:
    return f"{name} header" if name == LIST else name


def _field(
    structure: Heading | None,
    outermost: str,
    byte: int,
    bit: int | None,
    label: str,
    value: int | bytes,
    meaning: str,
) -> Field:
    return Field(
        structure=structure.name if structure else outermost,
        kind=structure.title if structure else "",
        byte=byte - structure.at if structure else byte,
        at=byte,
        bit=bit,
        label=label,
        value=int(value) if isinstance(value, int) else value,
        meaning=meaning,
    )


def _shown(value: int | bytes | None) -> str:
    if isinstance(value, bytes):
        return value[:SHOWN].hex() + "..." * (len(value) > SHOWN)
    return f"{value}" if value is None or value < 10 else f"{value} ({value:02X}h)"
