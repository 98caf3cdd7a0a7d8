"""The vocabulary of a record: one function per kind of row in a T10 table.

A row says how wide it is, what T10 calls it, what its values mean, and which other row holds its length.
How rows are built and read is `record`'s business; nothing here knows a command or a page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Mapping

    from cdb.family import Family
    from cdb.record import Record

    Names = Mapping[int, str] | Callable[[int], str]

REQUIRED: Any = object()  # no default: leaving the field out is a type error

Kind = Literal[
    "uint", "flag", "raw", "slot", "const", "reserved", "length", "data", "numbers", "items", "part", "choice"
]
BYTES: frozenset[Kind] = frozenset({"raw", "slot", "data"})
VARIABLE: frozenset[Kind] = frozenset({"data", "numbers", "items", "part", "choice"})
FIELDS: frozenset[Kind] = VARIABLE.union({"uint", "flag", "raw", "slot"})


class Row:
    """One row of a table: `offset` and `bit` (7 first) say where its most significant bit lies.

    `bits` is 0 for a row of variable length; such rows count as nothing in the offsets of those behind them.
    A row is made in the body of its class; `record` gives it its name and place, then it stays as it is.
    """

    names: Names | None = None
    allowed: tuple[int, ...] = ()  # the only values a number may have
    of: str = ""  # length: the row it counts; "" is everything after it
    plus: int = 0  # length: what is added to the count
    unit: int = 1  # length: bytes per count; numbers: bytes per number
    pad_to: int = 1  # data: zero bytes up to a multiple of this follow, and are not counted
    text: bool = False
    holds: Callable[[builtins.bytes], type[Record] | None] | None = None
    family: Family | None = None
    record: type[Record] | None = None
    by: str = ""  # choice: the field that chooses
    table: Mapping[int, type[Record]] | None = None
    first: int = 0  # items: the number of the first
    name: str = ""
    offset: int = 0
    bit: int = 7

    def __init__(
        self,
        kind: Kind,
        bits: int = 0,
        default: Any = REQUIRED,
        label: str = "",
        doc: str = "",
        **what_else: Any,
    ) -> None:
        self.kind, self.bits, self.default, self.label, self.doc = kind, bits, default, label, doc
        self.__dict__.update(what_else)

    @property
    def bytes(self) -> int:
        """Bytes the row touches."""
        return (7 - self.bit + self.bits + 7) // 8

    def meaning(self, value: object) -> str:
        """What a value of this row means, or "" where nothing is to be said."""
        if self.names is None or not isinstance(value, int):
            return ""
        return self.names(value) if callable(self.names) else self.names.get(value, "")


def uint(
    bits: int,
    *,
    default: int = REQUIRED,
    label: str = "",
    doc: str = "",
    names: Names | None = None,
    allowed: tuple[int, ...] = (),
) -> Any:
    """A big-endian unsigned field; `allowed` are the only values it may have, where the table fixes them."""
    return Row("uint", bits, default, label, doc, names=names, allowed=tuple(allowed))


def flag(*, default: bool = REQUIRED, label: str = "", doc: str = "", names: Names | None = None) -> Any:
    """A single bit."""
    return Row("flag", 1, default, label, doc, names=names)


def raw(
    size: int,
    *,
    default: bytes = REQUIRED,
    label: str = "",
    doc: str = "",
    text: bool = False,
    holds: Callable[[bytes], type[Record] | None] | None = None,
) -> Any:
    """A field of exactly `size` bytes that are kept as they are; `text` says they are ASCII."""
    return Row("raw", size * 8, default, label, doc, text=text, holds=holds)


def slot(size: int, *, default: bytes = REQUIRED, label: str = "", doc: str = "", text: bool = False) -> Any:
    """Up to `size` bytes in a place of `size`, zeros behind them; a `length` row counts them."""
    return Row("slot", size * 8, default, label, doc, text=text)


def const(bits: int, value: int, *, label: str = "", doc: str = "", names: Names | None = None) -> int:
    """A field with one right value: always built, and anything else is a `DecodeError`."""
    row: Any = Row("const", bits, value, label, doc, names=names)
    return row  # type: ignore[no-any-return]


def reserved(bits: int, *, label: str = "Reserved") -> Any:
    """Bits with no meaning (or an obsolete one, so labelled): built as zero, ignored when parsed."""
    return Row("reserved", bits=bits, label=label)


def length(bits: int, of: str = "", *, plus: int = 0, unit: int = 1, label: str = "", doc: str = "") -> Any:
    """A length: of the row named `of`, or of all that follows; computed when built, obeyed when parsed.

    On the wire it is (bytes + `plus`) // `unit`.
    """
    return Row("length", bits=bits, of=of, plus=plus, unit=unit, label=label, doc=doc)


def data(
    *,
    default: bytes = REQUIRED,
    label: str = "",
    doc: str = "",
    pad_to: int = 1,
    text: bool = False,
    holds: Callable[[bytes], type[Record] | None] | None = None,
) -> Any:
    """Bytes of any number: as many as a `length` row says, else all there are.

    `holds` says what structure they are, for whoever wants to show it; they stay bytes here.
    """
    return Row("data", default=default, label=label, doc=doc, pad_to=pad_to, text=text, holds=holds)


def numbers(
    bits: int,
    *,
    default: tuple[int, ...] = REQUIRED,
    label: str = "",
    doc: str = "",
    names: Names | None = None,
) -> Any:
    """A list of unsigned numbers of `bits` bits each, a multiple of 8."""
    return Row("numbers", unit=bits // 8, default=default, label=label, doc=doc, names=names)


def items(
    what: Family | type[Record],
    *,
    default: tuple[Record, ...] = REQUIRED,
    label: str = "",
    doc: str = "",
    first: int = 0,
) -> Any:
    """A list of records, all of one type or told apart by a `Family`, numbered from `first`."""
    single = isinstance(what, type)
    return Row(
        "items",
        default=default,
        label=label,
        doc=doc,
        record=what if single else None,
        family=None if single else what,
        first=first,
    )


def part(record: type[Record], *, default: Record = REQUIRED, label: str = "", doc: str = "") -> Any:
    """A record inside a record."""
    return Row("part", default=default, label=label, doc=doc, record=record)


def choice(
    by: str,
    table: Mapping[int, type[Record]],
    *,
    otherwise: type[Record] | None = None,
    default: Record | None = REQUIRED,
    label: str = "",
    doc: str = "",
) -> Any:
    """A record whose type the field `by` chooses; a value not in `table` has `otherwise`, or nothing."""
    return Row("choice", default=default, label=label, doc=doc, by=by, table=dict(table), record=otherwise)
