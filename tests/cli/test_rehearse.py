"""docs/rehearse.md: every command in it is run, and every line it shows is printed."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xcopy.cli.main import main

if TYPE_CHECKING:
    import pytest

PAGE = Path(__file__).parents[2] / "docs" / "rehearse.md"
PROMPT = "    $ xcopy-dev "


@dataclass(frozen=True)
class Shown:
    """A command and what the page shows of its answer."""

    words: list[str]
    lines: list[str]


def shown() -> list[Shown]:
    """Every command of the page, in order."""
    found: list[Shown] = []
    inside = False
    for line in PAGE.read_text().splitlines():
        if line.startswith(PROMPT):
            found.append(Shown(shlex.split(line.removeprefix(PROMPT)), []))
            inside = True
        elif inside and line.startswith("    "):
            found[-1].lines.append(line.removeprefix("    "))
        else:
            inside = False
    return found


def says(shown: list[str], printed: list[str]) -> bool:
    """True when the printed lines are those shown, in order: `...` is any lines, or the rest of one."""
    pattern = "".join(
        r"(?:.*\n)*" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*") + r"\n" for line in shown
    )
    return re.fullmatch(pattern, "".join(line + "\n" for line in printed)) is not None


def test_the_commands_of_the_page_print_what_it_shows(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("xcopy.api.execution.QUICK", 600.0)  # nothing is said of a slow disk
    assert len(shown()) >= 7
    for each in shown():
        main(each.words)
        said = capsys.readouterr()
        printed = (said.out + said.err).splitlines()
        assert says(each.lines, printed), (each, printed)


def test_a_line_that_is_not_printed_is_noticed() -> None:
    assert says(["a", "...", "c ..."], ["a", "b", "b", "c 3 s"])
    assert not says(["a", "c"], ["a", "b", "c"])
    assert not says(["a"], ["a", "b"])


def test_the_program_of_the_page_prints_what_it_shows(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program, after = PAGE.read_text().split("```python\n", 1)[1].split("```\n", 1)
    expected = [line.removeprefix("    ") for line in after.splitlines() if line.startswith("    ")]
    exec(compile(program, str(PAGE), "exec"), {})
    assert capsys.readouterr().out.splitlines() == expected


def test_the_readme_leads_to_the_page() -> None:
    assert "(docs/rehearse.md)" in (PAGE.parents[1] / "README.md").read_text()
