"""A record's rows in stretches: those of fixed width that lie side by side, and the variable ones between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdb.row import VARIABLE, Row

if TYPE_CHECKING:
    from cdb.record import Record

WHOLE_BYTES = VARIABLE | {"raw", "slot"}


class Run:
    """Rows of fixed width that follow each other; `start` is the first one's offset."""

    __slots__ = ("_layout", "fields", "rows", "size", "start")

    def __init__(self, rows: list[Row]) -> None:
        self.rows = tuple(rows)
        self.start = rows[0].offset
        self.size = sum(r.bits for r in rows) // 8
        self.fields = tuple(r.name for r in rows if r.kind in ("uint", "flag", "raw", "slot"))
        self._layout: Any = None

    @property
    def layout(self) -> Any:
        """The stretch as a construct."""
        if self._layout is None:
            from cdb.layout import Fields

            self._layout = Fields(self.rows)
        return self._layout

    def build(self, owner: Record, lengths: dict[str, int]) -> bytes:
        """The stretch's bytes, from the values of `owner` and the lengths worked out for it."""
        for name in self.fields:
            lengths[name] = getattr(owner, name)
        built: bytes = (self._layout or self.layout).build(lengths)
        return built

    def parse(self, data: bytes) -> dict[str, int | bytes]:
        """The value of each row of the stretch, which is exactly `data`."""
        found: dict[str, int | bytes] = self.layout.parse(data)
        return found


def runs_of(declared: list[Row]) -> tuple[tuple[Run | Row, ...], int]:
    """Give every row its place; the fixed stretches and variable rows in their order, and the least size."""
    runs: list[Run | Row] = []
    open_rows: list[Row] = []
    position = 0
    for row in declared:
        row.offset, used = divmod(position, 8)
        row.bit = 7 - used
        if used and row.kind in WHOLE_BYTES:
            raise TypeError(f"{row.name} starts inside a byte")
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
    return tuple(runs), position // 8
