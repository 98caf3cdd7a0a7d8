"""Any record of any type, for property tests: what can be said of one can be said of all."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import reject
from hypothesis import strategies as st

import cdb
from cdb.errors import EncodeError
from cdb.record import Record
from cdb.row import FIELDS

if TYPE_CHECKING:
    from cdb.row import Row

SMALL = 6  # bytes, numbers or descriptors in a row of variable length


def all_records() -> list[type[Record]]:
    """Every record that `cdb` defines, by name."""
    found: set[type[Record]] = set()
    for module in pkgutil.iter_modules(cdb.__path__):
        loaded = importlib.import_module(f"cdb.{module.name}")
        found.update(v for v in vars(loaded).values() if isinstance(v, type) and issubclass(v, Record))
    return sorted(found - {Record}, key=lambda r: (r.__module__, r.__name__))


@cache  # a strategy that is made anew for every example costs more than the example
def records(of: type[Record]) -> st.SearchStrategy[Record]:
    """Any record of a type."""

    @st.composite
    def build(draw: st.DrawFn) -> Record:
        made: dict[str, Any] = {}
        for row in of.rows:
            if row.kind in FIELDS:
                made[row.name] = draw(_value(row, made))
        try:
            return of(**made)
        except EncodeError as error:
            if "bits hold" in str(error):  # descriptors within descriptors can be more than 8 bits count
                reject()
            raise

    return build()


def least_values(of: type[Record]) -> dict[str, Any]:
    """Values for every field of a record: zero, False, empty, or the first that is allowed."""
    made: dict[str, Any] = {}
    for row in of.rows:
        match row.kind:
            case "uint":
                made[row.name] = row.allowed[0] if row.allowed else 0
            case "flag":
                made[row.name] = False
            case "raw":
                made[row.name] = bytes(row.bits // 8)
            case "slot" | "data":
                made[row.name] = b""
            case "numbers" | "items":
                made[row.name] = ()
            case "part" | "choice":
                inner = _inner(row, made)
                made[row.name] = inner(**least_values(inner)) if inner else None
    return made


def _inner(row: Row, made: dict[str, Any]) -> type[Record] | None:
    return (row.table or {}).get(made[row.by], row.record) if row.kind == "choice" else row.record


def _value(row: Row, made: dict[str, Any]) -> st.SearchStrategy[Any]:
    match row.kind:
        case "flag":
            return st.booleans()
        case "raw":
            return st.binary(min_size=row.bits // 8, max_size=row.bits // 8)
        case "slot":
            return st.binary(max_size=row.bits // 8)
        case "data":
            return st.binary(max_size=SMALL)
        case "numbers":
            return st.lists(st.integers(0, 2 ** (8 * row.unit) - 1), max_size=SMALL).map(tuple)
        case "items":
            return st.lists(_item(row), max_size=SMALL // 2).map(tuple)
        case "part" | "choice":
            inner = _inner(row, made)
            return records(inner) if inner else st.none()
        case _:
            return st.sampled_from(row.allowed) if row.allowed else st.integers(0, 2**row.bits - 1)


def _item(row: Row) -> st.SearchStrategy[Record]:
    if row.family is None:
        assert row.record is not None
        return records(row.record)
    family = row.family
    known = [records(r) for r in {m.record for m in family.members.values()}]
    stranger = records(family.unknown).filter(lambda r: family.code_at(r.pack(), 0) not in family.members)
    return st.one_of(*known, stranger)
