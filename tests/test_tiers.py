"""The summary of the tiers counts what happened, and never takes silence for a pass."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests import tiers

if TYPE_CHECKING:
    from pathlib import Path

CASES = """<testsuites><testsuite>
  <testcase name="good"/>
  <testcase name="bad"><failure message="not equal"/></testcase>
  <testcase name="broken"><error message="no such fixture"/></testcase>
  <testcase name="absent"><skipped message="no python-sgio here"/></testcase>
</testsuite></testsuites>"""


@pytest.fixture
def junit(tmp_path: Path) -> Path:
    return tmp_path / "junit.xml"


def test_a_report_is_counted_case_by_case_and_a_skip_keeps_its_reason(junit: Path) -> None:
    junit.write_text(CASES)
    result = tiers.report(junit, status=1)
    assert (result.passed, result.failed, result.skipped) == (1, 2, 1)
    assert result.notes == ("skipped: absent: no python-sgio here",)


def test_a_failing_exit_status_fails_a_report_without_failures(junit: Path) -> None:
    junit.write_text('<testsuites><testsuite><testcase name="good"/></testsuite></testsuites>')
    result = tiers.report(junit, status=3)
    assert (result.passed, result.failed) == (1, 1)
    assert result.notes == ("pytest ended with 3",)


@pytest.mark.parametrize("status", [0, 5])
def test_a_report_of_no_tests_is_a_failure(junit: Path, status: int) -> None:
    junit.write_text("<testsuites><testsuite/></testsuites>")
    result = tiers.report(junit, status)
    assert (result.passed, result.failed) == (0, 1)
    assert result.notes == (f"pytest ended with {status}, and ran no test",)


@pytest.mark.parametrize(("strict", "failed", "skipped"), [(False, 0, 1), (True, 1, 0)])
def test_a_tier_that_cannot_run_is_skipped_but_fails_where_all_must_run(
    monkeypatch: pytest.MonkeyPatch, strict: bool, failed: int, skipped: int
) -> None:
    monkeypatch.setattr(tiers, "STRICT", strict)
    result = tiers.not_run("needs root")
    assert (result.failed, result.skipped) == (failed, skipped)
    assert "needs root" in result.notes[0]


def spoken() -> tiers.Result:
    os.write(1, b"what a child prints\n")
    print("what it prints itself")
    return tiers.Result(passed=2)


def refused() -> tiers.Result:
    raise OSError("no room")


def killed() -> tiers.Result:
    os._exit(1)


def quiet() -> tiers.Result:
    return tiers.Result(passed=1)


@pytest.fixture
def side_by_side(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tiers, "RESULTS", tmp_path)
    for run in (quiet, spoken, refused, killed):
        monkeypatch.setitem(tiers.TIERS, run.__name__, (f"the {run.__name__} tier", run))


@pytest.mark.usefixtures("side_by_side")
def test_of_two_tiers_at_a_time_the_second_is_counted_too_and_what_it_printed_is_shown(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert [result.passed for result in tiers.together(["quiet", "spoken"])] == [1, 2]
    said = capfd.readouterr().out
    assert said.index("meanwhile") < said.index("what a child prints")
    assert "what it prints itself" in said


@pytest.mark.usefixtures("side_by_side")
@pytest.mark.parametrize(("name", "reason"), [("refused", "no room"), ("killed", "BrokenProcessPool")])
def test_a_tier_beside_another_that_never_comes_to_an_end_has_failed(name: str, reason: str) -> None:
    first, second = tiers.together(["quiet", name])
    assert (first.failed, second.failed) == (0, 1)
    assert reason in second.notes[0]


def test_what_fails_in_a_worker_or_ends_it_fails_the_tier(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tiers, "RESULTS", tmp_path)
    monkeypatch.setattr(tiers, "ROOT", tmp_path)
    tests = tmp_path / "test_three.py"
    tests.write_text(
        "import os\n\ndef test_good():\n    pass\n\ndef test_bad():\n    assert 1 == 2\n\n"
        "def test_fatal():\n    os._exit(0)\n"
    )
    result = tiers.pytest("pure", "-n", "2", "--dist", "worksteal", str(tests))
    assert (result.passed, result.failed) == (1, 2)
