"""The fixed stretches of a record: where each row lies, and the construct that builds and parses it.

`Fields` is a construct like any other and can be used inside one's own: it packs rows of any number of bits,
byte borders or not, as one big-endian number, which is several times quicker than a `BitStruct`.
construct is imported here, and this module when a record is first built or read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import construct

if TYPE_CHECKING:
    from cdb.row import Row

KEPT_AS_BYTES = frozenset({"raw", "slot"})


class Fields(construct.Construct):  # type: ignore[misc]  # construct has no types
    """Rows of fixed width, together a whole number of bytes; builds from and parses to a dict by row name."""

    def __init__(self, rows: tuple[Row, ...]) -> None:
        super().__init__()
        left = sum(row.bits for row in rows)
        self.size = left // 8
        self.fixed = 0
        self.numbers: list[tuple[str, int]] = []
        self.strings: list[tuple[str, int, int]] = []
        self.places: list[tuple[str, int, int, bool]] = []
        for row in rows:
            left -= row.bits
            self.places.append((row.name, left, (1 << row.bits) - 1, row.kind in KEPT_AS_BYTES))
            if row.kind == "const":
                self.fixed |= row.default << left
            elif row.kind in KEPT_AS_BYTES:
                self.strings.append((row.name, left, row.bits // 8))
            elif row.kind != "reserved":
                self.numbers.append((row.name, left))

    def _build(self, obj: dict[str, Any], stream: Any, _context: Any, path: str) -> dict[str, Any]:
        number = self.fixed
        for name, shift in self.numbers:
            number |= obj[name] << shift
        for name, shift, size in self.strings:
            number |= int.from_bytes(obj[name].ljust(size, b"\0"), "big") << shift
        construct.stream_write(stream, number.to_bytes(self.size, "big"), self.size, path)
        return obj

    def _parse(self, stream: Any, _context: Any, path: str) -> dict[str, int | bytes]:
        number = int.from_bytes(construct.stream_read(stream, self.size, path), "big")
        found: dict[str, int | bytes] = {}
        for name, shift, mask, as_bytes in self.places:
            value = number >> shift & mask
            found[name] = value.to_bytes(mask.bit_length() // 8, "big") if as_bytes else value
        return found

    def _sizeof(self, _context: Any, _path: str) -> int:
        return self.size
