"""The construct layouts of the fixed stretches of a record: where each row lies, and how it is packed.

Rows that share bytes are packed together as one word; words of 1, 2, 4 and 8 bytes are what construct is
quick at, so rows are gathered into those where they fill one. Layouts are made on first use.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cdb.errors import EncodeError
from cdb.row import VARIABLE, Row

if TYPE_CHECKING:
    from cdb.record import Record

WORDS = (64, 32, 16, 8)  # bits
ALONE = frozenset({"raw", "slot"})  # kept as bytes


class Word:
    """Rows packed as one number, or one row of bytes: its name in the layout and each row's shift."""

    __slots__ = ("alone", "bits", "name", "rows", "shifts")

    def __init__(self, rows: tuple[Row, ...]) -> None:
        self.rows = rows
        self.bits = sum(r.bits for r in rows)
        self.name = "_".join(r.name.strip("_") for r in rows)
        self.alone = rows[0].kind in ALONE or (rows[0].kind == "reserved" and self.bits > 64)
        left, shifts = self.bits, []
        for row in rows:
            left -= row.bits
            shifts.append(left)
        self.shifts = tuple(shifts)

    def construct(self) -> Any:
        """The construct that builds and parses the word."""
        import construct

        numbers = {8: construct.Int8ub, 16: construct.Int16ub, 32: construct.Int32ub, 64: construct.Int64ub}
        if self.alone:
            return self.name / construct.Bytes(self.bits // 8)
        return self.name / (numbers.get(self.bits) or construct.BytesInteger(self.bits // 8))


class Run:
    """A stretch of a record whose rows all have a fixed width."""

    __slots__ = ("_layout", "_plan", "rows", "size", "start", "words")

    def __init__(self, rows: list[Row]) -> None:
        self.rows = tuple(rows)
        self.start = rows[0].offset
        self.size = sum(r.bits for r in rows) // 8
        self.words = _words(rows)
        self._layout: Any = None
        self._plan: Any = None

    @property
    def layout(self) -> Any:
        """The stretch as a construct `Struct`."""
        if self._layout is None:
            import construct

            self._layout = construct.Struct(*(w.construct() for w in self.words))
        return self._layout

    def build(self, owner: Record, lengths: dict[str, int]) -> bytes:
        """The stretch's bytes, from the values of `owner` and the lengths worked out for it."""
        values: dict[str, Any] = {}
        for word in self.words:
            if word.alone:
                values[word.name] = _bytes(owner, word.rows[0])
                continue
            number = 0
            for row, shift in zip(word.rows, word.shifts, strict=True):
                kind = row.kind
                if kind == "uint" or kind == "flag":
                    number |= getattr(owner, row.name) << shift
                elif kind == "const":
                    number |= row.default << shift
                elif kind == "length":
                    number |= lengths[row.name] << shift
            values[word.name] = number
        layout = self._layout or self.layout
        try:
            built: bytes = layout.build(values)
        except Exception as error:  # construct's own errors; every value was checked before
            raise EncodeError(f"{type(owner).__name__}: {error}") from error
        return built

    def parse(self, data: bytes) -> dict[str, int | bytes]:
        """The value of each row of the stretch, which is exactly `data`."""
        parsed = self.layout.parse(data)
        found: dict[str, int | bytes] = {}
        for word in self.words:
            value = parsed[word.name]
            if word.alone:
                found[word.rows[0].name] = value
                continue
            for row, shift in zip(word.rows, word.shifts, strict=True):
                found[row.name] = value >> shift & (1 << row.bits) - 1
        return found


def runs_of(declared: list[Row]) -> tuple[tuple[Run | Row, ...], tuple[Row, ...], int]:
    """Fixed stretches and variable rows in their order, the rows with their places, the least size."""
    placed: list[Row] = []
    runs: list[Run | Row] = []
    open_rows: list[Row] = []
    position = 0
    for row in declared:
        offset, used = divmod(position, 8)
        if used and (row.kind in VARIABLE or row.kind in ALONE):
            raise TypeError(f"{row.name} starts inside a byte")
        row = replace(row, offset=offset, bit=7 - used)
        placed.append(row)
        if row.kind in VARIABLE:
            if open_rows:
                runs.append(Run(open_rows))
            runs.append(row)
            open_rows = []
        else:
            open_rows.append(row)
            position += row.bits
    if position % 8:
        raise TypeError(f"the rows end inside a byte, at bit {position}")
    if open_rows:
        runs.append(Run(open_rows))
    return tuple(runs), tuple(placed), position // 8


def _words(rows: list[Row]) -> tuple[Word, ...]:
    """Greedy: the longest stretch of rows that fills a word of `WORDS`, else up to the next whole byte."""
    words = []
    at = 0
    while at < len(rows):
        taken = 1 if _stands_alone(rows[at]) else _longest(rows, at)
        words.append(Word(tuple(rows[at : at + taken])))
        at += taken
    return tuple(words)


def _stands_alone(row: Row) -> bool:
    return row.kind in ALONE or (row.kind == "reserved" and row.bits > 64)


def _longest(rows: list[Row], at: int) -> int:
    best = shortest = 0
    bits = 0
    for count, row in enumerate(rows[at:], 1):
        if _stands_alone(row):
            break
        bits += row.bits
        if bits % 8 == 0:
            shortest = shortest or count
            if bits in WORDS:
                best = count
        if bits > max(WORDS):
            break
    return best or shortest


def _bytes(owner: Record, row: Row) -> bytes:
    if row.kind == "reserved":
        return bytes(row.bits // 8)
    value: bytes = getattr(owner, row.name)
    return value.ljust(row.bits // 8, b"\0")
