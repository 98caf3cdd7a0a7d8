"""What the README shows of the decoder is what it prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from xcopy.cli.main import main

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]


def test_the_dump_in_the_readme_is_what_the_decoder_prints(capsys: pytest.CaptureFixture[str]) -> None:
    readme = (ROOT / "README.md").read_text()
    section = readme.split("## Reading a dump", 1)[1].split("\n## ", 1)[0]
    shown = section.split("$ xcopy-dev decode docs/refused.txt\n", 1)[1].split("\n\n", 1)[0].splitlines()
    code = main(["decode", str(ROOT / "docs" / "refused.txt")])
    printed = capsys.readouterr().out.splitlines()
    assert code == 0
    quoted = [line.removeprefix("    ") for line in shown if line.strip() != "..."]
    assert len(quoted) > 10
    assert [line for line in quoted if line not in printed] == []
