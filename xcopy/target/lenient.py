"""CDBs as targets read them that do not look at what means nothing: reserved bits, and most of CONTROL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.catalogue import cdb_record
from xcopy.target.refusal import CONTROL_CHECKED

if TYPE_CHECKING:
    from collections.abc import Collection

    from cdb.record import Record


def meaningful(cdb: bytes, looked_at: Collection[tuple[int, int]] = ()) -> bytes:
    """The CDB with every bit cleared that has no meaning; one that is not known stays as it is.

    `looked_at` are operation codes, each with a byte that stays in any case.
    """
    record = cdb_record(cdb)
    if record is None:
        return cdb
    cleared = bytearray(_cleared(record, cdb))
    for opcode, place in looked_at:
        if opcode == cdb[0]:
            cleared[place] = cdb[place]
    return bytes(cleared)


def _cleared(record: type[Record], cdb: bytes) -> bytes:
    value = int.from_bytes(cdb, "big")
    for row in record.rows:
        if row.kind == "reserved":
            below = (record.size - row.offset) * 8 - (7 - row.bit) - row.bits
            value &= ~(((1 << row.bits) - 1) << below)
    return (value & ~CONTROL_CHECKED).to_bytes(record.size, "big")
