"""How a T10 table becomes a class: one line per row, in order, with its name and width.

The rows of a record are the whole definition: the typed frozen dataclass, the construct layout
that builds and parses it, and where each field lies (`Record.rows`) all come from them.
Nothing here knows a command or a page.

    @record
    class ReadCapacity10(Record):
        last_lba: int = uint(32, label="RETURNED LOGICAL BLOCK ADDRESS")
        block_length: int = uint(32, label="LOGICAL BLOCK LENGTH IN BYTES")

A value that does not fit is refused when the record is made, so a record that exists can be packed.
Reserved rows are zero when built and ignored when parsed.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, replace
from typing import Any, ClassVar, Literal, Self, TypeVar, dataclass_transform

import construct

from cdb.errors import DecodeError, EncodeError

REQUIRED: Any = object()  # no default: leaving the field out is a type error

Kind = Literal["uint", "flag", "raw", "const", "reserved"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: `offset` and `bit` (7 first) say where its most significant bit lies."""

    kind: Kind
    bits: int
    default: Any = REQUIRED
    label: str = ""
    doc: str = ""
    name: str = ""
    offset: int = 0
    bit: int = 7

    @property
    def bytes(self) -> int:
        """Bytes the row touches."""
        return (7 - self.bit + self.bits + 7) // 8


def uint(bits: int, *, default: int = REQUIRED, label: str = "", doc: str = "") -> Any:
    """A big-endian unsigned field of `bits` bits, 1 to 64."""
    return Row("uint", bits, default, label, doc)


def flag(*, default: bool = REQUIRED, label: str = "", doc: str = "") -> Any:
    """A single bit."""
    return Row("flag", 1, default, label, doc)


def raw(size: int, *, default: bytes = REQUIRED, label: str = "", doc: str = "") -> Any:
    """A field of exactly `size` bytes that are kept as they are."""
    return Row("raw", size * 8, default, label, doc)


def const(bits: int, value: int, *, label: str = "", doc: str = "") -> int:
    """A field with one right value: always built, and anything else is a `DecodeError`."""
    row: Any = Row("const", bits, value, label, doc)
    return row  # type: ignore[no-any-return]


def reserved(bits: int) -> Any:
    """Bits with no meaning: built as zero, ignored when parsed."""
    return Row("reserved", bits)


class Record:
    """What every record can do; made by `@record`, never by hand."""

    __slots__ = ()

    rows: ClassVar[tuple[Row, ...]] = ()
    size: ClassVar[int] = 0
    layout: ClassVar[Any] = None
    _groups: ClassVar[tuple[tuple[str, tuple[Row, ...]], ...]] = ()

    def __post_init__(self) -> None:
        for row in self.rows:
            if row.kind in ("uint", "flag", "raw"):
                _check(type(self).__name__, row, getattr(self, row.name))

    def pack(self) -> bytes:
        """The record's bytes, exactly `size` of them."""
        values: dict[str, Any] = {}
        for key, rows in self._groups:
            found = {r.name: _value(self, r) for r in rows}
            values[key] = found if len(rows) > 1 else found[rows[0].name]
        try:
            built: bytes = self.layout.build(values)
        except construct.ConstructError as error:
            raise EncodeError(f"{type(self).__name__}: {error}") from error
        return built

    @classmethod
    def unpack(cls, data: bytes | bytearray | memoryview) -> Self:
        """The record in `data`, which must be exactly `size` bytes long."""
        if len(data) != cls.size:
            raise DecodeError(f"{cls.__name__} is {cls.size} bytes long, got {len(data)}")
        return cls.unpack_from(data)

    @classmethod
    def unpack_from(cls, data: bytes | bytearray | memoryview, offset: int = 0) -> Self:
        """The record at `offset` of `data`; what follows it is not looked at."""
        part = bytes(data[offset : offset + cls.size])
        if len(part) != cls.size:
            raise DecodeError(
                f"{cls.__name__} needs {cls.size} bytes at offset {offset}, {len(part)} are there"
            )
        try:
            parsed = cls.layout.parse(part)
        except construct.ConstructError as error:
            raise DecodeError(f"{cls.__name__} at offset {offset}: {error}") from error
        values: dict[str, Any] = {}
        for key, rows in cls._groups:
            for row in rows:
                value = parsed[key][row.name] if len(rows) > 1 else parsed[key]
                if row.kind == "const" and value != row.default:
                    raise DecodeError(
                        f"{cls.__name__}: {row.label} at byte {offset + row.offset} "
                        f"is {value:#x}, expected {row.default:#x}"
                    )
                if row.kind == "flag":
                    value = bool(value)
                if row.kind in ("uint", "flag", "raw"):
                    values[row.name] = value
        return cls(**values)

    @classmethod
    def row(cls, name: str) -> Row:
        """The row of the field `name`: where it lies and what T10 calls it."""
        return next(r for r in cls.rows if r.name == name)


def _check(record_name: str, row: Row, value: object) -> None:
    where = f"{record_name}.{row.name} ({row.label})"
    if row.kind == "flag":
        if not isinstance(value, bool):
            raise EncodeError(f"{where} is a bit: True or False, got {value!r}")
    elif row.kind == "uint":
        if not isinstance(value, int) or isinstance(value, bool):
            raise EncodeError(f"{where} is a number, got {value!r}")
        if not 0 <= value < 1 << row.bits:
            raise EncodeError(f"{where}: {value} does not fit {row.bits} bits (0 to {(1 << row.bits) - 1})")
    elif not isinstance(value, bytes) or len(value) * 8 != row.bits:
        shown = f"{len(value)} bytes" if isinstance(value, bytes) else repr(value)
        raise EncodeError(f"{where} takes exactly {row.bits // 8} bytes, got {shown}")


def _value(instance: Record, row: Row) -> Any:
    if row.kind == "const":
        return row.default
    if row.kind == "reserved":
        return bytes(row.bits // 8) if _is_bytes(row) else 0
    return getattr(instance, row.name)


def _is_bytes(row: Row) -> bool:
    """A reserved run of whole bytes, or a raw field, is kept as bytes; all else is a number."""
    return row.kind == "raw" or (row.kind == "reserved" and row.bits % 8 == 0)


_INTEGERS = {
    8: construct.Int8ub,
    16: construct.Int16ub,
    24: construct.Int24ub,
    32: construct.Int32ub,
    64: construct.Int64ub,
}


def _subcon(row: Row) -> Any:
    if _is_bytes(row):
        return construct.Bytes(row.bits // 8)
    return _INTEGERS.get(row.bits) or construct.BytesInteger(row.bits // 8)


def _place(rows: list[Row]) -> tuple[tuple[Row, ...], int]:
    """Give every row its offset and bit; returns the rows and the record's size in bytes."""
    placed: list[Row] = []
    position = 0
    for r in rows:
        offset, used = divmod(position, 8)
        if r.kind == "raw" and used:
            raise TypeError(f"{r.name}: a raw field starts on a byte")
        placed.append(replace(r, offset=offset, bit=7 - used))
        position += r.bits
    if position % 8:
        raise TypeError(f"the rows end inside a byte, at bit {position}")
    return tuple(placed), position // 8


def _group(rows: tuple[Row, ...]) -> tuple[tuple[str, tuple[Row, ...]], ...]:
    """Rows that share bytes go together; a row of whole bytes stands alone."""
    groups: list[list[Row]] = []
    for row in rows:
        if row.bit == 7:
            groups.append([row])
        else:
            groups[-1].append(row)
    return tuple((g[0].name if len(g) == 1 else f"byte{g[0].offset}", tuple(g)) for g in groups)


def _layout(groups: tuple[tuple[str, tuple[Row, ...]], ...]) -> Any:
    """The construct that builds and parses one record."""
    parts = []
    for key, rows in groups:
        if len(rows) == 1:
            parts.append(key / _subcon(rows[0]))
        else:
            bits = [r.name / construct.BitsInteger(r.bits) for r in rows]
            parts.append(key / construct.BitStruct(*bits))
    return construct.Struct(*parts)


RecordType = TypeVar("RecordType", bound=Record)


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(uint, flag, raw))
def record(cls: type[RecordType]) -> type[RecordType]:
    """Make a record of a class whose attributes are rows, in the order of the table."""
    declared = [(k, v) for k, v in vars(cls).items() if isinstance(v, Row)]
    rows, size = _place(
        [replace(r, name=k, label=r.label or k.upper().replace("_", " ")) for k, r in declared]
    )
    for row in rows:
        if row.kind == "const":
            setattr(cls, row.name, row.default)
        elif row.kind == "reserved":
            delattr(cls, row.name)
        else:
            setattr(cls, row.name, field(default=MISSING if row.default is REQUIRED else row.default))
    made = dataclass(frozen=True, kw_only=True, slots=True)(cls)
    made.rows, made.size, made._groups = rows, size, _group(rows)
    made.layout = _layout(made._groups)
    return made
