"""Our fields beside those a tool printed, one by one, with a list of the places where the tool is wrong.

An entry of such a list that turns out to be right is a failure too, in the version the list was made with;
in any other version the entries are only reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cdb.record import Record
    from tests.peers.tool import Tool

    Fields = list[tuple[str, Any]]
    Table = Mapping[str, str | Callable[[Any], Any]]


@dataclass(frozen=True)
class Wrong:
    """A field a tool gets wrong: what it calls it, why that is wrong, a structure that shows it.

    `when` tells of our value whether the tool is wrong about it.
    """

    field: str
    why: str
    example: Record
    when: Callable[[Any], bool] = lambda _: True

    def __str__(self) -> str:
        return f"{self.field}: {self.why}"


@dataclass(frozen=True)
class Silent:
    """A field a tool says nothing of: two structures that differ in it alone, of which it prints the same."""

    field: str
    why: str
    one: Record
    other: Record

    def __str__(self) -> str:
        return f"{self.field}: {self.why}"


def fields(record: Any, table: Table) -> Fields:
    """The fields of a record under a tool's labels: a table's value is a field's name, or a function."""
    return [
        (label, what(record) if callable(what) else getattr(record, what)) for label, what in table.items()
    ]


def agree(tool: Tool, ours: Fields, theirs: Fields, wrong: Iterable[Wrong] = ()) -> None:
    """The tool printed our fields, all of them and no others; but for those it is known to get wrong."""
    assert [label for label, _ in theirs] == [label for label, _ in ours]
    for (label, value), (_, printed) in zip(ours, theirs, strict=True):
        known = [entry for entry in wrong if entry.field == label and entry.when(value)]
        if not known:
            assert (label, printed) == (label, value), f"{tool.name} {tool.version}"
        elif tool.is_listed:
            assert printed != value, f"{tool.name} is right, and listed as wrong: {known[0]}"


def still_wrong(tool: Tool, entry: Wrong, ours: Fields, theirs: Fields) -> None:
    """The tool is wrong about the example of an entry."""
    meant = [(n, value) for n, (label, value) in enumerate(ours) if label == entry.field]
    assert any(entry.when(value) for _, value in meant), "the example does not show it"
    wrong = any(entry.when(value) and theirs[n : n + 1] != [(entry.field, value)] for n, value in meant)
    _only_where_listed(tool, str(entry), wrong)
    assert wrong, f"{tool.name} is right, and listed as wrong: {entry}"


def still_silent(tool: Tool, entry: Silent, of_one: str, of_other: str) -> None:
    """The tool prints the same of both examples of an entry."""
    assert entry.one != entry.other
    _only_where_listed(tool, str(entry), of_one == of_other)
    assert of_one == of_other, f"{tool.name} says it, and is listed as silent: {entry}"


def _only_where_listed(tool: Tool, entry: str, stands: bool) -> None:
    if not tool.is_listed:
        pytest.skip(
            f"{tool.name} {tool.version}, listed is {tool.listed}: "
            f"{'still so' if stands else 'no longer so'}: {entry}"
        )
