"""How a T10 table becomes a class: one line per row, in order, with its name and width.

The rows of a record (see `row`) are its whole definition: the typed frozen dataclass, the construct layout
that builds and parses it, and what a decoder says of each field all come from them.
Nothing here knows a command or a page.

    @record
    class Capacity10(Record):
        \"""READ CAPACITY(10) data (SBC-3 5.15.2).\"""

        last_lba: int = uint(32, label="RETURNED LOGICAL BLOCK ADDRESS")
        block_length: int = uint(32, label="LOGICAL BLOCK LENGTH IN BYTES")

A value that does not fit is refused when the record is made, so a record that exists can be packed.
Reserved rows are zero when built and ignored when parsed. The first line of the docstring is the
structure's title and, in parentheses, its clause.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, dataclass_transform

from cdb.errors import DecodeError, EncodeError
from cdb.reading import read
from cdb.row import (
    BYTES,
    FIELDS,
    REQUIRED,
    VARIABLE,
    Row,
    choice,
    const,
    data,
    flag,
    items,
    length,
    numbers,
    part,
    raw,
    reserved,
    slot,
    uint,
)
from cdb.run import Run, runs_of

if TYPE_CHECKING:
    from cdb.trace import Trace

__all__ = [
    "Record",
    "Row",
    "choice",
    "const",
    "data",
    "flag",
    "items",
    "length",
    "numbers",
    "part",
    "raw",
    "record",
    "reserved",
    "slot",
    "uint",
]

Bytes = bytes | bytearray | memoryview


class Record:
    """What every record can do; made by `@record`, never by hand.

    `size` is the least number of bytes it takes up: all there are, unless a row's length varies.
    `least`: how many bytes must be there when it is parsed (a page of an older standard is shorter than
    the table); what lies past the end has its default.
    """

    rows: ClassVar[tuple[Row, ...]] = ()
    size: ClassVar[int] = 0
    least: ClassVar[int | None] = None
    runs: ClassVar[tuple[Run | Row, ...]] = ()
    _variable: ClassVar[tuple[Row, ...]] = ()
    _length_rows: ClassVar[tuple[tuple[Row, Row | None, tuple[str, ...]], ...]] = ()
    _may_overflow: ClassVar[bool] = False  # some length could be too large for its field
    _fields: ClassVar[tuple[tuple[str, Any, int, Row], ...]] = ()  # name, default, most, row

    def __init__(self, **values: Any) -> None:
        """Every field by name; one that does not fit is an `EncodeError`."""
        mine = self.__dict__
        for name, default, most, row in self._fields:
            value = values.pop(name, default)
            if type(value) is not int or not 0 <= value <= most:
                if value is REQUIRED:
                    raise self._missing(row, values)
                if complaint := _complaint(self, row, value):
                    raise EncodeError(f"{type(self).__name__}.{name} ({row.label}){complaint}")
            mine[name] = value
        if values:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(values)}")
        if self._may_overflow:
            mine["_counted"] = self._lengths()

    def _missing(self, row: Row, values: dict[str, Any]) -> TypeError:
        strange = [name for name in values if name not in self.field_names()]
        also = f", and has no field {', '.join(strange)}" if strange else ""
        return TypeError(f"{type(self).__name__} needs {row.name} ({row.label}){also}")

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} does not change; cannot set {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"{type(self).__name__} does not change; cannot delete {name}")

    def but(self, **changes: Any) -> Self:
        """The same record with some fields changed."""
        return type(self)(**{**self.values(), **changes})

    def values(self) -> dict[str, Any]:
        """Every field by name."""
        return {name: getattr(self, name) for name in self.field_names()}

    def _values(self) -> tuple[Any, ...]:
        return tuple(self.values().values())

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.values().items())
        return f"{type(self).__name__}({shown})"

    def __reduce__(self) -> Any:
        return _restore, (type(self), self.values())

    @property
    def packed_size(self) -> int:
        """How many bytes `pack` gives."""
        if not self._variable:
            return self.size
        if (packed := self.__dict__.get("_packed")) is not None:
            return len(packed)
        return self.size + sum([_wire_size(row, getattr(self, row.name)) for row in self._variable])

    def _lengths(self) -> dict[str, int]:
        """The value of every length row; one that does not fit its field is an `EncodeError`."""
        found: dict[str, int] = {}
        sizes = {row.name: _wire_size(row, getattr(self, row.name)) for row in self._variable}
        for row, counted_row, before in self._length_rows:
            if counted_row is None:
                counted = self.size + sum(sizes.values()) - row.offset - row.bytes
                counted -= sum([sizes[name] for name in before])
            elif counted_row.kind in BYTES:
                counted = len(getattr(self, row.of))
            else:
                counted = sizes[row.of]
            value = found[row.name] = (counted + row.plus) // row.unit
            if value >> row.bits:
                raise EncodeError(
                    f"{type(self).__name__}: {row.label} is {value}, more than {row.bits} bits hold "
                    f"({(1 << row.bits) - 1})"
                )
        return found

    def pack(self) -> bytes:
        """The record's bytes; made once, for a record does not change."""
        packed: bytes | None = self.__dict__.get("_packed")
        if packed is None:
            packed = self.__dict__["_packed"] = self._build()
        return packed

    def _build(self) -> bytes:
        lengths = self.__dict__.get("_counted") or (self._lengths() if self._length_rows else {})
        parts = []
        for run in self.runs:
            if isinstance(run, Run):
                parts.append(run.build(self, lengths))
            else:
                parts.append(_wire(run, getattr(self, run.name)))
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @classmethod
    def unpack(cls, data: Bytes) -> Self:
        """The record that `data` is, from its first byte to its last."""
        made, end = read(cls, bytes(data), 0, len(data))
        if end != len(data):
            raise DecodeError(f"{cls.__name__} ends at byte {end}, {len(data)} are there")
        return made

    @classmethod
    def unpack_from(cls, data: Bytes, offset: int = 0) -> Self:
        """The record at `offset` of `data`; what follows it is not looked at."""
        return read(cls, bytes(data), offset, len(data))[0]

    @classmethod
    def trace(cls, data: Bytes, trace: Trace) -> int:
        """Read the record at the start of `data` into `trace`, and say where it ended.

        Raises `DecodeError` where it breaks; what was read until then is in the trace.
        """
        return read(cls, bytes(data), 0, len(data), trace)[1]

    @classmethod
    def peek(cls, name: str, data: Bytes, offset: int = 0) -> int:
        """One fixed field of the record at `offset`, lengths and constants too, the rest unread."""
        row = cls.row(name)
        part = bytes(data[offset + row.offset : offset + row.offset + row.bytes])
        if len(part) != row.bytes:
            raise DecodeError(f"{cls.__name__}: {row.label} at byte {offset + row.offset} is not there")
        spare = row.bytes * 8 - (7 - row.bit) - row.bits
        return int.from_bytes(part, "big") >> spare & (1 << row.bits) - 1

    @classmethod
    def field_names(cls) -> tuple[str, ...]:
        """What `values` has and the constructor takes, in the order of the table."""
        return tuple(field[0] for field in cls._fields)

    @classmethod
    def row(cls, name: str) -> Row:
        """The row called `name`: where it lies and what T10 calls it."""
        for row in cls.rows:
            if row.name == name:
                return row
        raise KeyError(f"{cls.__name__} has no row {name}")

    @classmethod
    def title(cls) -> str:
        """What the structure is called: the docstring's first line, without the clause."""
        return _first_line(cls)[0]

    @classmethod
    def clause(cls) -> str:
        """Where the structure is defined, as in "SPC-4 6.4.6.4, table 151"; "" where it is not said."""
        return _first_line(cls)[1]


def _first_line(cls: type[Record]) -> tuple[str, str]:
    first = (cls.__doc__ or cls.__name__).strip().split("\n", 1)[0].rstrip(".")
    title, bracket, clause = first.rpartition(" (")
    return (title, clause.rstrip(")")) if bracket and clause.endswith(")") else (first, "")


def _restore(cls: type[Record], values: dict[str, Any]) -> Record:
    return cls(**values)


def _plain_most(row: Row) -> int:
    """The largest number that needs no closer look: -1 where any value does."""
    return (1 << row.bits) - 1 if row.kind == "uint" and not row.allowed else -1


def _either(allowed: tuple[int, ...]) -> str:
    return " or ".join(f"{v:#x}" for v in allowed)


def _complaint(owner: Record, row: Row, value: Any) -> str:
    """Why a value is not one for its row; "" when it is."""
    kind = row.kind
    if kind == "uint":
        if not isinstance(value, int) or isinstance(value, bool):
            return f" is a number, got {value!r}"
        if not 0 <= value < 1 << row.bits:
            return f": {value} does not fit {row.bits} bits (0 to {(1 << row.bits) - 1})"
        if row.allowed and value not in row.allowed:
            return f" is {value:#x}, expected {_either(row.allowed)}"
    elif kind == "flag":
        if not isinstance(value, bool):
            return f" is a bit: True or False, got {value!r}"
    elif kind in BYTES:
        if not isinstance(value, bytes):
            return f" takes bytes, got {value!r}"
        if kind == "raw" and len(value) * 8 != row.bits:
            return f" takes exactly {row.bits // 8} bytes, got {len(value)} bytes"
        if kind == "slot" and len(value) * 8 > row.bits:
            return f" takes at most {row.bits // 8} bytes, got {len(value)} bytes"
    elif kind == "numbers":
        most = (1 << 8 * row.unit) - 1
        if not isinstance(value, tuple) or not all(isinstance(v, int) and 0 <= v <= most for v in value):
            return f" takes a tuple of numbers from 0 to {most}, got {value!r}"
    elif kind == "items":
        possible = _possible(row)
        if not isinstance(value, tuple) or not all(type(v) in possible for v in value):
            return f" takes a tuple of {row.label}, got {value!r}"
    else:
        wanted = row.record
        if kind == "choice" and row.table is not None:
            wanted = row.table.get(getattr(owner, row.by), wanted)
        if type(value) is not (wanted or type(None)):
            return f" takes {wanted.__name__ if wanted else 'nothing here'}, got {value!r}"
    return ""


def _possible(row: Row) -> frozenset[type[Record] | None]:
    return frozenset({row.record}) if row.family is None else row.family.records


def _wire_size(row: Row, value: Any) -> int:
    if row.kind == "data":
        return -(-len(value) // row.pad_to) * row.pad_to
    if row.kind == "numbers":
        return len(value) * row.unit
    if row.kind == "items":
        return sum(v.packed_size for v in value)
    return 0 if value is None else int(value.packed_size)


def _wire(row: Row, value: Any) -> bytes:
    if row.kind == "data":
        return bytes(value.ljust(_wire_size(row, value), b"\0"))
    if row.kind == "numbers":
        return b"".join(v.to_bytes(row.unit, "big") for v in value)
    if row.kind == "items":
        return b"".join([v.pack() for v in value])
    return b"" if value is None else bytes(value.pack())


RecordType = TypeVar("RecordType", bound=Record)


@dataclass_transform(
    frozen_default=True,
    kw_only_default=True,
    field_specifiers=(uint, flag, raw, slot, data, numbers, items, part, choice),
)
def record(cls: type[RecordType]) -> type[RecordType]:
    """Make a record of a class whose attributes are rows, in the order of the table."""
    rows: list[Row] = []
    for name, row in list(vars(cls).items()):
        if type(row) is not Row:
            continue
        row.name, row.label = name, row.label or name.upper().replace("_", " ")
        rows.append(row)
        if row.kind == "const":
            setattr(cls, name, row.default)
        else:
            delattr(cls, name)
    cls.rows = tuple(rows)
    cls.runs, cls.size = runs_of(rows)
    cls._fields = tuple((r.name, r.default, _plain_most(r), r) for r in rows if r.kind in FIELDS)
    cls._variable = tuple(r for r in rows if r.kind in VARIABLE)
    lengths = [r for r in rows if r.kind == "length"]
    if lengths:
        cls._length_rows = tuple(
            (
                row,
                cls.row(row.of) if row.of else None,
                tuple(v.name for v in rows[: rows.index(row)] if v.kind in VARIABLE),
            )
            for row in lengths
        )
        cls._may_overflow = any(
            counted is None or counted.kind != "slot" or counted.bits // 8 >> row.bits
            for row, counted, _ in cls._length_rows
        )
    return cls
