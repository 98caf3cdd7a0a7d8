"""requirements.md holds: every test it names is there, and every line says what it rests on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest

SOURCE, TEST = "  — ", "  - "
CLAUSE = re.compile(r"(SPC|SBC)-4 [4-9](\.\d+)*\b")
OTHERWISE = re.compile(r"\b(not checked|measured|read in|seen on|sources?|nothing outside)\b")


@dataclass(frozen=True)
class Requirement:
    """What is said, what that rests on, and the tests by file and name."""

    says: str
    rests_on: str
    tests: tuple[str, ...]


def read() -> list[Requirement]:
    """Those of the file, which is made of nothing but headings and them."""
    text = (Path(__file__).parent / "requirements.md").read_text(encoding="utf-8")
    found = []
    for part in re.split(r"\n(?=- )", text.partition("\n## ")[2])[1:]:
        lines = part.partition("\n\n")[0].splitlines()
        tests = [line.removeprefix(TEST) for line in lines if line.startswith(TEST)]
        said = " ".join(line for line in lines if not line.startswith(TEST))
        says, _, rests_on = said.partition(SOURCE)
        found.append(Requirement(says.removeprefix("- "), rests_on, tuple(tests)))
    return found


REQUIREMENTS = read()
each_of_them = pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda each: each.says[:60])


@each_of_them
def test_every_test_that_is_named_is_there(requirement: Requirement) -> None:
    assert requirement.tests
    assert len(set(requirement.tests)) == len(requirement.tests)
    for name in requirement.tests:
        file, *path = name.split("::")
        there: object = import_module(f"tests.target.{file.removesuffix('.py')}")
        for part in path:
            assert part.lower().startswith("test")
            there = getattr(there, part)
        assert callable(there)


@each_of_them
def test_every_line_says_what_it_rests_on(requirement: Requirement) -> None:
    assert requirement.says
    assert CLAUSE.search(requirement.rests_on) or OTHERWISE.search(requirement.rests_on)


def test_no_line_is_there_twice_and_none_is_overlooked() -> None:
    text = (Path(__file__).parent / "requirements.md").read_text(encoding="utf-8")
    assert len({each.says for each in REQUIREMENTS}) == len(REQUIREMENTS) == text.count("\n- ")
    assert sum(len(each.tests) for each in REQUIREMENTS) == text.count(".py::")
