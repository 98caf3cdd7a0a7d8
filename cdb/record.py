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

from dataclasses import FrozenInstanceError, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar, dataclass_transform

from cdb.errors import DecodeError, EncodeError
from cdb.layout import Run, runs_of
from cdb.reading import read
from cdb.row import (
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

    __slots__ = ()

    rows: ClassVar[tuple[Row, ...]] = ()
    size: ClassVar[int] = 0
    least: ClassVar[int | None] = None
    runs: ClassVar[tuple[Run | Row, ...]] = ()
    varies: ClassVar[bool] = False
    _fields: ClassVar[tuple[tuple[Row, Any], ...]] = ()

    def __init__(self, **values: Any) -> None:
        """Every field by name; one that does not fit is an `EncodeError`."""
        for row, put in self._fields:
            value = values.pop(row.name, row.default)
            if value is REQUIRED:
                raise self._missing(row, values)
            if row.kind == "uint":
                if type(value) is not int or not 0 <= value < 1 << row.bits or row.allowed:
                    _check_number(self, row, value)
            else:
                _check(self, row, value)
            put(self, value)
        if values:
            raise TypeError(f"{type(self).__name__} has no field {', '.join(values)}")
        if self.varies:
            self._lengths()

    def _missing(self, row: Row, values: dict[str, Any]) -> TypeError:
        known = {known.name for known, _ in self._fields}
        strange = [name for name in values if name not in known]
        also = f", and has no field {', '.join(strange)}" if strange else ""
        return TypeError(f"{type(self).__name__} needs {row.name} ({row.label}){also}")

    def __setattr__(self, name: str, value: object) -> None:
        raise FrozenInstanceError(f"{type(self).__name__} does not change; cannot set {name}")

    def __delattr__(self, name: str) -> None:
        raise FrozenInstanceError(f"{type(self).__name__} does not change; cannot delete {name}")

    def _values(self) -> tuple[Any, ...]:
        return tuple(getattr(self, row.name) for row, _ in self._fields)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash((type(self), self._values()))

    def __repr__(self) -> str:
        shown = ", ".join(f"{row.name}={getattr(self, row.name)!r}" for row, _ in self._fields)
        return f"{type(self).__name__}({shown})"

    def __reduce__(self) -> Any:
        return _restore, (type(self), {row.name: getattr(self, row.name) for row, _ in self._fields})

    @property
    def packed_size(self) -> int:
        """How many bytes `pack` gives."""
        if not self.varies:
            return self.size
        return self.size + sum(
            _wire_size(row, getattr(self, row.name)) for row in self.rows if row.kind in VARIABLE
        )

    def _lengths(self) -> dict[str, int]:
        """The value of every length row; one that does not fit its field is an `EncodeError`."""
        found: dict[str, int] = {}
        total, at = self.packed_size, 0
        for row in self.rows:
            if row.kind == "length":
                if row.of:
                    counted = _counted_size(self.row(row.of), getattr(self, row.of))
                else:
                    counted = total - at - row.offset - row.bytes
                value = found[row.name] = (counted + row.plus) // row.unit
                if value >= 1 << row.bits:
                    raise EncodeError(
                        f"{type(self).__name__}: {row.label} is {value}, more than {row.bits} bits hold "
                        f"({(1 << row.bits) - 1})"
                    )
            elif row.kind in VARIABLE:
                at += _wire_size(row, getattr(self, row.name))
        return found

    def pack(self) -> bytes:
        """The record's bytes."""
        lengths = self._lengths() if self.varies else {}
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


def _check_number(owner: Record, row: Row, value: object) -> None:
    where = f"{type(owner).__name__}.{row.name} ({row.label})"
    if not isinstance(value, int) or isinstance(value, bool):
        raise EncodeError(f"{where} is a number, got {value!r}")
    if not 0 <= value < 1 << row.bits:
        raise EncodeError(f"{where}: {value} does not fit {row.bits} bits (0 to {(1 << row.bits) - 1})")
    if row.allowed and value not in row.allowed:
        raise EncodeError(f"{where} is {value:#x}, expected {_either(row.allowed)}")


def _either(allowed: tuple[int, ...]) -> str:
    return " or ".join(f"{v:#x}" for v in allowed)


def _check(owner: Record, row: Row, value: object) -> None:
    where = f"{type(owner).__name__}.{row.name} ({row.label})"
    kind = row.kind
    if kind == "flag":
        if not isinstance(value, bool):
            raise EncodeError(f"{where} is a bit: True or False, got {value!r}")
    elif kind in ("raw", "slot", "data"):
        if not isinstance(value, bytes):
            raise EncodeError(f"{where} takes bytes, got {value!r}")
        if kind == "raw" and len(value) * 8 != row.bits:
            raise EncodeError(f"{where} takes exactly {row.bits // 8} bytes, got {len(value)} bytes")
        if kind == "slot" and len(value) * 8 > row.bits:
            raise EncodeError(f"{where} takes at most {row.bits // 8} bytes, got {len(value)} bytes")
    elif kind == "numbers":
        if not isinstance(value, tuple) or not all(
            isinstance(v, int) and 0 <= v < 1 << 8 * row.unit for v in value
        ):
            raise EncodeError(f"{where} takes a tuple of numbers of {8 * row.unit} bits, got {value!r}")
    elif kind == "items":
        possible = _possible(row)
        if not isinstance(value, tuple) or not all(isinstance(v, possible) for v in value):
            raise EncodeError(f"{where} takes a tuple of {row.label.lower()}, got {value!r}")
    elif kind == "part":
        if not isinstance(value, row.record or Record):
            raise EncodeError(
                f"{where} takes a {row.record.__name__ if row.record else 'record'}, got {value!r}"
            )
    elif kind == "choice":
        wanted = (row.table or {}).get(getattr(owner, row.by), row.record)
        if value is None if wanted else value is not None:
            raise EncodeError(
                f"{where}: {row.by} asks for {wanted.__name__ if wanted else 'nothing'}, got {value!r}"
            )
        if wanted and not isinstance(value, wanted):
            raise EncodeError(f"{where}: {row.by} asks for a {wanted.__name__}, got {value!r}")


def _possible(row: Row) -> tuple[type[Record], ...]:
    if row.family is None:
        return (row.record,) if row.record else ()
    return (*{m.record for m in row.family.members.values()}, row.family.unknown)


def _counted_size(row: Row, value: Any) -> int:
    """The bytes a length row counts for `value`, padding left out."""
    if row.kind in ("data", "slot"):
        return len(value)
    return _wire_size(row, value)


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
    declared = [
        replace(row, name=name, label=row.label or name.upper().replace("_", " "))
        for name, row in vars(cls).items()
        if isinstance(row, Row)
    ]
    runs, rows, size = runs_of(declared)
    for row in rows:
        if row.kind == "const":
            setattr(cls, row.name, row.default)
        elif row.kind in FIELDS:
            setattr(cls, row.name, field() if row.default is REQUIRED else field(default=row.default))
        else:
            delattr(cls, row.name)
    made = dataclass(init=False, repr=False, eq=False, kw_only=True, slots=True)(cls)
    made.rows, made.runs, made.size = rows, runs, size
    made.varies = any(row.kind in VARIABLE or row.kind == "length" for row in rows)
    made._fields = tuple((row, vars(made)[row.name].__set__) for row in rows if row.kind in FIELDS)
    return made
