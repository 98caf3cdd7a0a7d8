"""The summary of the tiers counts what happened, and never takes silence for a pass."""

from __future__ import annotations

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
