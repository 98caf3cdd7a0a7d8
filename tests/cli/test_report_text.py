"""The line that says how much was copied: a part never reads like the whole."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcopy.api.copy import Report
from xcopy.asked import Asked, Extent
from xcopy.cli.exit_codes import ExitCode
from xcopy.cli.render_text import TextRenderer, part_of
from xcopy.coverage import Coverage
from xcopy.results import RangeResults

MIB = 1 << 20
EMPTY: dict[str, Any] = {"tuple[": (), "dict[": {}, "str": "", "float": 1.0, "int": 0, "bool": False}


def report(total: int, copied: int) -> Report:
    """A report of a copy by offload, with nothing else in it."""
    values: dict[str, Any] = {}
    for field in fields(Report):
        values[field.name] = next(
            (v for start, v in EMPTY.items() if str(field.type).startswith(start)), None
        )
    side = Extent("unit", 0, 1, 512)
    values["ranges"] = RangeResults(Asked(side, side, [(0, (0, 1, 0))]), Coverage(1))
    return Report(**{**values, "total": total, "bytes": {"offload": copied, "host": 0}, "elapsed": 2.0})


@pytest.mark.parametrize(
    ("total", "copied", "line"),
    [
        (12 * MIB, 12 * MIB, "copied 12.0 MiB of 12.0 MiB in 2.00 s"),
        (12 * MIB, 12 * MIB - 512, "copied 12582400 of 12582912 bytes in 2.00 s"),
        (12 * MIB, 11 * MIB, "copied 11.0 MiB of 12.0 MiB in 2.00 s"),
        (1 << 40, (1 << 40) - 4096, "copied 1099511623680 of 1099511627776 bytes in 2.00 s"),
        (12 * MIB, 0, "copied 0 B of 12.0 MiB in 2.00 s"),
    ],
    ids=["whole", "a block is missing", "a MiB is missing", "4 KiB of a TiB are missing", "nothing"],
)
def test_the_last_line_says_how_much_of_how_much(
    capsys: pytest.CaptureFixture[str], total: int, copied: int, line: str
) -> None:
    TextRenderer(verbose=False).finished(report(total, copied), ExitCode.STOPPED)
    assert capsys.readouterr().out.startswith(line)


@given(data=st.data(), total=st.integers(1, 1 << 50))
def test_both_sides_read_alike_only_where_they_are_alike(data: st.DataObject, total: int) -> None:
    done = data.draw(st.integers(0, total) | st.integers(max(total - 4096, 0), total))
    left, right = part_of(done, total).removesuffix(" bytes").split(" of ")
    assert (left == right) == (done == total)
