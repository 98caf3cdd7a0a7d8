"""Bytes with what each of them says: as an annotated dump on 100 columns, and as JSON.

Every word comes from the records that read the bytes; nothing here knows a structure.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from cdb.trace import Complaint, Heading, Seen, Undescribed
from cdb.vpd import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cdb.recognise import Reading
    from cdb.row import Row

WIDTH = 100
BYTES_A_LINE = 8
BYTES = 2 * BYTES_A_LINE
OFFSET = 5
LABEL = 42  # columns for the names of fields, indentation included
NAMES = OFFSET + 2 + BYTES + 2  # where names begin
VALUE = NAMES + LABEL + 1  # where values begin
EXPLAINED = 30  # printable text up to this length is worth showing


def dump(reading: Reading) -> Iterator[str]:
    """The lines of an annotated dump."""
    entries = reading.trace.entries
    for entry, after in zip(entries, [*entries[1:], None], strict=True):
        if isinstance(entry, Heading):
            yield from () if _is_empty(entry, after) else _heading(entry)
        elif isinstance(entry, Seen):
            if entry.value == b"":
                continue
            opened = isinstance(after, Heading) and after.at == entry.at and after.depth > entry.depth
            yield from _field(entry, [""] if opened else list(_bytes(entry)))
        elif isinstance(entry, Undescribed):
            yield from _hex(reading, entry.at, entry.size, "bytes that no table here describes")
        else:
            yield from _trouble(entry.at, entry.text)
    if reading.error:
        yield from _trouble(reading.end, reading.error)
    if reading.left_over:
        yield from _left_over(reading)


def as_json(reading: Reading) -> dict[str, Any]:
    """The same as one JSON object; offsets and sizes in bytes, values of bytes in hex."""
    fields: list[dict[str, Any]] = []
    for entry in reading.trace.entries:
        if isinstance(entry, Heading):
            clause = entry.record.clause()
            fields.append(
                {"offset": entry.at, "depth": entry.depth, "structure": _title(entry), "clause": clause}
            )
        elif isinstance(entry, Seen):
            fields.append(_json_field(entry))
        elif isinstance(entry, Undescribed):
            fields.append({"offset": entry.at, "depth": entry.depth, "size": entry.size, "field": None})
        else:
            fields.append({"offset": entry.at, "depth": entry.depth, "error": entry.text})
    return {
        "structure": reading.record.title(),
        "clause": reading.record.clause(),
        "fields": fields,
        "error": reading.error or None,
        "left_over": reading.left_over.hex(),
    }


def _json_field(seen: Seen) -> dict[str, Any]:
    row = seen.row
    field: dict[str, Any] = {
        "offset": seen.at,
        "size": seen.size,
        "depth": seen.depth,
        "field": _label(seen),
        "value": seen.value.hex() if isinstance(seen.value, bytes) else int(seen.value),
        "meaning": meaning(seen),
        "clause": seen.record.clause(),
    }
    if row.kind in ("uint", "flag", "const", "length", "reserved") and row.bits % 8:
        field |= {"bit": row.bit, "bits": row.bits}
    return field


def meaning(seen: Seen) -> str:
    """What the value of a field says, beyond the number; "" when there is nothing to add."""
    if isinstance(seen.value, bytes):
        if seen.row.kind == "reserved":
            return "not zero"
        text = printable(seen.value)
        shown = seen.row.text or (
            seen.value.strip(b" \0").isascii() and seen.value.strip(b" \0") and "\\x" not in text
        )
        return f'"{text}"' if shown and (seen.row.text or 2 < len(text) <= EXPLAINED) else ""
    if seen.row.kind == "reserved":
        return "not zero"
    return seen.row.meaning(seen.value) or (seen.row.doc if seen.value and seen.row.kind == "flag" else "")


def _is_empty(heading: Heading, after: Heading | Seen | Complaint | Undescribed | None) -> bool:
    """A structure inside another of which no byte is there."""
    if not heading.depth:
        return False
    return (
        after is None
        or after.depth < heading.depth
        or (isinstance(after, Heading) and after.depth == heading.depth)
    )


def _heading(heading: Heading) -> Iterator[str]:
    """The structure's name where its fields' names stand, its clause at the right edge."""
    clause = heading.record.clause()
    if not heading.depth:
        yield from _edged(_title(heading), clause)
        return
    indent = NAMES + 2 * (heading.depth - 1)
    lines = textwrap.wrap(_title(heading), WIDTH - indent)
    lines[0] = f"{heading.at:>{OFFSET}}".ljust(indent) + lines[0]
    lines[1:] = [" " * indent + line for line in lines[1:]]
    yield from lines[:-1]
    yield from _edged(lines[-1], clause)


def _edged(line: str, clause: str) -> Iterator[str]:
    if len(line) + 2 + len(clause) <= WIDTH:
        yield f"{line}{clause:>{WIDTH - len(line)}}".rstrip()
        return
    yield line
    for part in textwrap.wrap(clause, WIDTH - NAMES):
        yield f"{part:>{WIDTH}}"


def _title(heading: Heading) -> str:
    return ": ".join(part for part in (heading.name, heading.title or heading.record.title()) if part)


def _field(seen: Seen, shown: list[str]) -> Iterator[str]:
    value = f"{_value(seen)}  {meaning(seen)}".rstrip()
    margin = " " * (2 * seen.depth)
    labels = textwrap.wrap(_label(seen), LABEL, initial_indent=margin, subsequent_indent=margin + "  ")
    values = textwrap.wrap(value, WIDTH - VALUE, subsequent_indent="  ") or [""]
    for number in range(max(len(labels), len(values), len(shown))):
        offset = str(seen.at + number * BYTES_A_LINE) if number < len(shown) and not _bits(seen.row) else ""
        if not number:
            offset = str(seen.at)
        parts = [part[number] if number < len(part) else "" for part in (shown, labels, values)]
        yield f"{_place(offset)}{parts[0]:<{BYTES}}  {parts[1]:<{LABEL}} {parts[2]}".rstrip()


def _label(seen: Seen) -> str:
    return seen.row.label if seen.ordinal is None else f"{seen.row.label} {seen.ordinal}"


def _bits(row: Row) -> bool:
    return row.kind not in ("raw", "slot", "data", "numbers") and bool(row.bits % 8 or row.bit != 7)


def _bytes(seen: Seen) -> Iterator[str]:
    """The bytes in hex, a few a line; a field of bits inside one byte as that byte's bits."""
    row, value = seen.row, seen.value
    if isinstance(value, bytes):
        for at in range(0, len(value), BYTES_A_LINE):
            yield value[at : at + BYTES_A_LINE].hex()
    elif _bits(row) and seen.size == 1:
        bits = "".join(_bit(int(value), row, b) for b in range(7, -1, -1))
        yield f"{bits[:4]} {bits[4:]}"
    elif _bits(row):
        yield f"{int(value):x}h in {seen.size} bytes"
    else:
        for at in range(0, seen.size, BYTES_A_LINE):
            yield int(value).to_bytes(seen.size, "big")[at : at + BYTES_A_LINE].hex()


def _bit(value: int, row: Row, bit: int) -> str:
    below = row.bit - row.bits + 1
    return str(value >> bit - below & 1) if below <= bit <= row.bit else "."


def _value(seen: Seen) -> str:
    row, value = seen.row, seen.value
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if _is_code(row, int(value)):
        if row.bits and row.bits < 4:
            return f"{int(value):0{row.bits}b}b" if row.bits > 1 else str(int(value))
        digits = -(-row.bits // 4) if row.bits else 2 * row.unit
        return f"{int(value):0{max(2, digits)}X}h"
    return str(int(value))


def _is_code(row: Row, value: int) -> bool:
    """A code is shown as T10 writes it (02h, 10b), a number in decimal; one special value makes no code."""
    if row.kind in ("const", "reserved") or row.allowed or "CODE" in row.label:
        return True
    return isinstance(row.names, dict) and (len(row.names) > 1 or value in row.names)


def _trouble(at: int, text: str) -> Iterator[str]:
    first, rest = f"{_place(at)}!!  ", " " * (OFFSET + 6)
    yield from textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=rest)


def _place(at: int | str) -> str:
    """The column of offsets; what is wider takes up the gap behind it, so that the rest stays in line."""
    return f"{f'{at:>{OFFSET}}':<{OFFSET + 1}} "


def _left_over(reading: Reading) -> Iterator[str]:
    rest, at = reading.left_over, reading.end
    if not any(rest):
        yield f"{_place(at)}{len(rest)} zero bytes follow"
        return
    yield from _hex(reading, at, len(rest), "bytes not read" if reading.error else "bytes left over")


def _hex(reading: Reading, at: int, size: int, what: str) -> Iterator[str]:
    yield f"{_place(at)}{size} {what}:"
    for start in range(at, at + size, 2 * BYTES_A_LINE):
        part = reading.data[start : min(start + 2 * BYTES_A_LINE, at + size)]
        yield f"{_place(start)}{part.hex(' ')}"
