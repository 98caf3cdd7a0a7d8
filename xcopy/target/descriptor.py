"""The first thing wrong in the bytes of a record, found by the rows of its table.

Reserved bits that are set, constants that are others, lengths that a field cannot hold: what a copy manager
refuses before it believes a descriptor. Which refusal that is, the caller decides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.row import VARIABLE
from xcopy.target.refusal import at_byte, at_row, row_value

if TYPE_CHECKING:
    from cdb.record import Record, Row
    from cdb.sense import FieldPointer


def first_wrong(cls: type[Record], data: bytes, base: int = 0) -> FieldPointer | None:
    """A pointer at the first wrong field of the record that `data` is; `base` is where it begins.

    Of a record whose last rows vary in length those are looked into as far as they are records themselves.
    """
    shift = 0  # rows of variable length count as nothing in the offsets of those behind them
    for row in cls.rows:
        if row.kind not in VARIABLE:
            wrong = _wrong(cls, row, data[shift:], base + shift)
            if wrong:
                return wrong
            continue
        inner, at = _inner(cls, row, data[shift:]), row.offset + shift
        while inner is not None and at + inner.size <= len(data):
            wrong = first_wrong(inner, data[at : at + inner.size], base + at)
            if wrong:
                return wrong
            at += inner.size
            if row.kind != "items":
                break
        shift = at - row.offset
    return None


def _inner(cls: type[Record], row: Row, data: bytes) -> type[Record] | None:
    """The record in a row of variable length, None where it is bytes."""
    if row.kind == "choice" and row.table is not None:
        return row.table.get(row_value(cls.row(row.by), data), row.record)
    return row.record


def _wrong(cls: type[Record], row: Row, data: bytes, base: int) -> FieldPointer | None:
    value = row_value(row, data)
    if row.kind == "reserved" and value:
        position = row.offset * 8 + (7 - row.bit) + row.bits - value.bit_length()
        return at_byte(base + position // 8, 7 - position % 8)
    if row.kind == "const" and value != row.default:
        return at_row(row, base)
    if row.kind == "length" and row.of and cls.row(row.of).kind == "slot" and value > cls.row(row.of).bytes:
        return at_row(row, base)
    return None
