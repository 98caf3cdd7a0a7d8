"""The one reader of records: bytes to values, and what was seen on the way.

Whatever the bytes, it returns or raises `DecodeError` that says which field, at which byte, and why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from cdb.errors import DecodeError, EncodeError
from cdb.run import Run
from cdb.trace import Complaint, Heading, Seen, Trace, Undescribed

if TYPE_CHECKING:
    from cdb.record import Record
    from cdb.row import Row

RecordType = TypeVar("RecordType", bound="Record")

DEEPEST = 8  # structures inside structures; real ones go four deep


def read(
    cls: type[RecordType],
    data: bytes,
    at: int,
    end: int,
    trace: Trace | None = None,
    *,
    name: str = "",
    title: str = "",
    depth: int = 0,
) -> tuple[RecordType, int]:
    """The record at byte `at`, nothing read at or past `end`; the value and where it ended."""
    if depth > DEEPEST:
        raise DecodeError(f"{cls.__name__} at byte {at}: structures nested {depth} deep")
    reading = _Reading(cls, data, at, end, trace, depth)
    if trace is not None:
        trace.entries.append(Heading(trace.base + at, depth, name, cls, title))
    for run in cls.runs:
        if isinstance(run, Run):
            reading.fixed(run)
        else:
            reading.variable(run)
    if reading.cut:
        raise reading.cut
    if trace is not None and reading.told_end and reading.at < reading.end:
        trace.entries.append(Undescribed(trace.base + reading.at, reading.end - reading.at, depth))
    try:
        made = cls(**reading.values)
    except EncodeError as error:
        raise DecodeError(f"at byte {at}: {error}") from error
    return made, reading.end if reading.told_end else reading.at


class _Reading:
    """Where the reading of one record stands."""

    __slots__ = (
        "at",
        "cls",
        "cut",
        "data",
        "depth",
        "end",
        "lengths",
        "start",
        "told_end",
        "trace",
        "values",
    )

    def __init__(
        self, cls: type[Record], data: bytes, at: int, end: int, trace: Trace | None, depth: int
    ) -> None:
        self.cls, self.data, self.trace, self.depth = cls, data, trace, depth
        self.start = self.at = at
        self.end = end
        self.told_end = False  # a length row said where the record ends
        self.cut: DecodeError | None = None  # it ends before that: raised when what is there has been seen
        self.values: dict[str, Any] = {}
        self.lengths: dict[str, int] = {}

    def fixed(self, run: Run) -> None:
        here = self.data[self.at : min(self.at + run.size, self.end)]
        found = run.parse(here.ljust(run.size, b"\0"))
        for row in run.rows:
            at = self.at + row.offset - run.start
            if at + row.bytes > self.end:
                self._past_the_end(row, at)
                continue
            value = found[row.name]
            if row.kind == "slot":
                value = self._slot(row, at, bytes(value))
            self._see(row, at, row.bytes, value)
            if row.kind == "length":
                self._length(row, at, int(value))
            elif row.kind == "const" and value != row.default:
                raise self._wrong(row, at, value, (row.default,))
            elif row.allowed and value not in row.allowed:
                raise self._wrong(row, at, value, row.allowed)
            if row.kind == "flag":
                self.values[row.name] = bool(value)
            elif row.kind in ("uint", "raw", "slot"):
                self.values[row.name] = value
        self.at = min(self.at + run.size, max(self.end, self.at))

    def variable(self, row: Row) -> None:
        told = self.lengths.get(row.name)
        if told is None:
            self.values[row.name] = getattr(self, f"_{row.kind}")(row, self.end)
            return
        start, room = self.at, -(-told // row.pad_to) * row.pad_to
        if start + room > self.end:
            if self.trace is not None:
                self._see_what_is_there(row)
            raise self.cut or DecodeError(
                f"{self.cls.__name__}: {row.label} at byte {start} takes up {room} bytes, "
                f"{max(self.end - start, 0)} are there"
            )
        self.values[row.name] = getattr(self, f"_{row.kind}")(row, start + told)
        self.at = start + room

    def _see_what_is_there(self, row: Row) -> None:
        try:
            getattr(self, f"_{row.kind}")(row, self.end)
        except DecodeError:
            pass  # the length is what is wrong; this follows from it

    def _data(self, row: Row, stop: int) -> bytes:
        value = self.data[self.at : stop]
        self._see(row, self.at, len(value), value)
        self.at = max(stop, self.at)
        return value

    def _numbers(self, row: Row, stop: int) -> tuple[int, ...]:
        if (stop - self.at) % row.unit:
            raise DecodeError(
                f"{self.cls.__name__}: {row.label} at byte {self.at} is {stop - self.at} bytes, "
                f"not a whole number of {row.unit}-byte numbers"
            )
        found = []
        for index, at in enumerate(range(self.at, stop, row.unit)):
            value = int.from_bytes(self.data[at : at + row.unit], "big")
            self._see(row, at, row.unit, value, index)
            found.append(value)
        self.at = max(stop, self.at)
        return tuple(found)

    def _items(self, row: Row, stop: int) -> tuple[Record, ...]:
        found: list[Record] = []
        at = start = self.at
        while at < stop:
            index = row.first + len(found)
            if row.family is None:
                assert row.record is not None
                kind, label, title = row.record, row.label.lower(), ""
            else:
                family = row.family
                if at + family.code_bits // 8 > stop:
                    raise DecodeError(f"{family.label} {index} at byte {at} is cut off at byte {stop}")
                code = family.code_at(self.data, at)
                kind, label, title = family.record_of(code), family.label, family.name_of(code)
                if family.stride:
                    index = row.first + (at - start) // family.stride
            try:
                made, after = read(
                    kind, self.data, at, stop, self.trace,
                    name=f"{label} {index}", title=title, depth=self.depth + 1,
                )  # fmt: skip
            except DecodeError as error:
                raise DecodeError(f"{label} {index} at byte {at}: {error}") from error
            if after <= at:
                raise DecodeError(f"{label} {index} at byte {at} takes up no bytes")
            found.append(made)
            at = after
        self.at = max(at, self.at)
        return tuple(found)

    def _part(self, row: Row, stop: int) -> Record:
        assert row.record is not None
        return self._inside(row.record, stop)

    def _choice(self, row: Row, stop: int) -> Record | None:
        kind = (row.table or {}).get(self.values[row.by], row.record)
        return self._inside(kind, stop) if kind else None

    def _inside(self, kind: type[Record], stop: int) -> Record:
        made, self.at = read(kind, self.data, self.at, stop, self.trace, depth=self.depth + 1)
        return made

    def _length(self, row: Row, at: int, value: int) -> None:
        counted = value * row.unit - row.plus
        where = f"{self.cls.__name__}: {row.label} at byte {at} is {value}"
        if counted < 0:
            raise DecodeError(f"{where}, at least {-(-row.plus // row.unit)} is meant")
        if row.of:
            self.lengths[row.of] = counted
            return
        told = at + row.bytes + counted
        if told <= self.end:
            self.end, self.told_end = told, True
            return
        cut = DecodeError(f"{where}: the structure would end at byte {told}, the bytes end at {self.end}")
        if self.trace is None:
            raise cut
        self.cut = cut

    def _slot(self, row: Row, at: int, value: bytes) -> bytes:
        size = self.lengths.get(row.name, len(value))
        if size > len(value):
            raise DecodeError(
                f"{self.cls.__name__}: {row.label} at byte {at} has room for {len(value)} bytes, not {size}"
            )
        return value[:size]

    def _past_the_end(self, row: Row, at: int) -> None:
        least = self.cls.least
        if least is None or at - self.start < least:
            raise self.cut or DecodeError(
                f"{self.cls.__name__} at byte {self.start} needs {self.cls.size} bytes, "
                f"{max(self.end - self.start, 0)} are there: {row.label} at byte {at} is cut off"
            )

    def _wrong(self, row: Row, at: int, value: object, right: tuple[Any, ...]) -> DecodeError:
        expected = " or ".join(f"{v:#x}" for v in right)
        return DecodeError(
            f"{self.cls.__name__}: {row.label} at byte {at} is {value:#x}, expected {expected}"
        )

    def _see(self, row: Row, at: int, size: int, value: Any, index: int | None = None) -> None:
        trace = self.trace
        if trace is None or (
            row.kind == "reserved" and not any(value if isinstance(value, bytes) else (value,))
        ):
            return
        trace.entries.append(Seen(trace.base + at, size, self.depth, row, self.cls, value, index))
        if row.holds and isinstance(value, bytes) and (inner := row.holds(value)):
            base, trace.base = trace.base, trace.base + at
            try:
                read(inner, value, 0, len(value), trace, name=row.label.lower(), depth=self.depth + 1)
            except DecodeError as error:
                trace.entries.append(Complaint(trace.base, self.depth + 1, str(error)))
            finally:
                trace.base = base
