"""How far a copy is, in a line and in a record: what is only said to be copied is told apart."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from xcopy.cli.render_json import JsonRenderer
from xcopy.cli.render_text import TextRenderer, describe_progress
from xcopy.progress import Progress

if TYPE_CHECKING:
    import pytest

MIB = 1 << 20
BETWEEN = Progress(
    total=1024 * MIB,
    copied={"offload": 256 * MIB, "host": 0},
    means="offload",
    window="1 x 16 x 16.0 MiB",
    in_flight=1,
    elapsed=12.0,
    rate=64.0 * MIB,
)
INSIDE = replace(BETWEEN, inside=128 * MIB)


def test_the_line_counts_what_is_inside_and_says_so() -> None:
    assert describe_progress(INSIDE) == (
        "37.5 %, 384.0 MiB of 1.0 GiB, 128.0 MiB of it under way, 64.0 MiB/s, 10 s left, "
        "EXTENDED COPY 1 x 16 x 16.0 MiB"
    )


def test_between_two_commands_nothing_is_said_of_it() -> None:
    assert describe_progress(BETWEEN).startswith("25.0 %, 256.0 MiB of 1.0 GiB, 64.0 MiB/s, 12 s left")


def test_who_asks_by_a_signal_is_told_of_it_too(capsys: pytest.CaptureFixture[str]) -> None:
    TextRenderer(verbose=False).tell(INSIDE)
    assert "128.0 MiB of it under way" in capsys.readouterr().err


def test_the_record_has_it_in_a_field_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    JsonRenderer().tell(INSIDE)
    record = json.loads(capsys.readouterr().out)
    assert record["copied"] == record["bytes"]["offload"] == 256 * MIB
    assert record["inside"] == 128 * MIB
    assert record["left_s"] == 10.0


def test_there_is_a_record_when_only_what_is_inside_has_grown(capsys: pytest.CaptureFixture[str]) -> None:
    renderer = JsonRenderer()
    for look in (BETWEEN, replace(BETWEEN, elapsed=13.5), replace(INSIDE, elapsed=15.0)):
        renderer.progress(look)
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record["inside"] for record in records] == [0, 128 * MIB]
