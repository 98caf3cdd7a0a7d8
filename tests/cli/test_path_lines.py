"""Paths that fail while a copy runs, as they are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from xcopy.cli.copy import Heard, show
from xcopy.cli.render_json import JsonRenderer
from xcopy.cli.render_text import TextRenderer
from xcopy.paths import PathChange
from xcopy.progress import Progress

if TYPE_CHECKING:
    import pytest

FAILED = PathChange("/dev/dm-0", "/dev/sdb", "failed", "the path is offline or gone: no such device")
TOOK_OVER = PathChange("/dev/dm-0", "/dev/sdc", "took over")
OTHER = PathChange("/dev/dm-1", "/dev/sdd", "failed", "the path is in standby")


def look(*changes: PathChange, stopping: str = "") -> Progress:
    return Progress(
        total=100,
        copied={"offload": 1},
        means="offload",
        window="",
        in_flight=0,
        elapsed=0.0,
        rate=0.0,
        stopping=stopping,
        path_changes=changes,
    )


def test_each_change_is_a_line_once(capsys: pytest.CaptureFixture[str]) -> None:
    heard, renderer = Heard(), TextRenderer(verbose=False)
    for seen in (look(), look(FAILED), look(FAILED, TOOK_OVER), look(OTHER, FAILED, TOOK_OVER)):
        show(renderer, seen, heard)
    show(renderer, look(OTHER, FAILED, TOOK_OVER), heard)
    assert capsys.readouterr().err.splitlines() == [
        "xcopy-dev: path /dev/sdb to /dev/dm-0 failed: the path is offline or gone: no such device",
        "xcopy-dev: path /dev/sdc to /dev/dm-0 took over",
        "xcopy-dev: path /dev/sdd to /dev/dm-1 failed: the path is in standby",
    ]


def test_it_is_told_while_the_copy_is_being_stopped_too(capsys: pytest.CaptureFixture[str]) -> None:
    show(TextRenderer(verbose=False), look(FAILED, stopping="interrupted"), Heard())
    assert "path /dev/sdb" in capsys.readouterr().err


def test_in_json_each_is_a_record(capsys: pytest.CaptureFixture[str]) -> None:
    show(JsonRenderer(), look(FAILED, TOOK_OVER), Heard())
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [record for record in records if record["record"] == "path"] == [
        {"record": "path", "unit": "/dev/dm-0", "path": "/dev/sdb", "event": "failed", "why": FAILED.why},
        {"record": "path", "unit": "/dev/dm-0", "path": "/dev/sdc", "event": "took over", "why": ""},
    ]
