"""Runs tiers of tests and prints what came of each: `python tests/tiers.py static pure+vm machine`.

Belongs here: which tiers there are, what each needs, which run side by side, and the summary. Does not set
the machine up. `pure+vm` is two tiers at a time: the first prints as it runs; what the other printed, kept
in .cache/tests/vm.log, follows when both have ended.
A tier that cannot run here is skipped with its reason; where CI=true or XCOPY_CI=1, that is a failure.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.vm import boot  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = ROOT / ".cache/tests"
TOOLS = Path(sys.executable).parent
IN_THE_GUEST = ("tests/lio", "tests/systems")
STRICT = os.environ.get("CI") == "true" or os.environ.get("XCOPY_CI") == "1"
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy", "--strict"),
    ("lint-imports",),
)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a tier: counts, notes to print below its row, seconds."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    notes: tuple[str, ...] = ()
    seconds: float = 0.0


def not_run(reason: str) -> Result:
    """A tier that cannot run on this machine."""
    if STRICT:
        return Result(failed=1, notes=(f"did not run, and here it must: {reason}",))
    return Result(skipped=1, notes=(f"did not run: {reason}",))


def static() -> Result:
    """Lint, format, types, and the floors."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    failed = []
    for check in CHECKS:
        if subprocess.run([TOOLS / check[0], *check[1:]], cwd=ROOT, check=False).returncode:
            failed.append(" ".join(check))
    return Result(
        passed=len(CHECKS) - len(failed),
        failed=len(failed),
        notes=tuple(f"failed: {check}" for check in failed),
    )


def pure() -> Result:
    """All that needs neither root nor a kernel's target."""
    spread = ("-n", "auto", "--dist", "worksteal")  # neighbours together: few fixtures are made twice
    return pytest(
        "pure", *spread, "tests", *(f"--ignore={each}" for each in ("tests/machine", *IN_THE_GUEST))
    )


def machine() -> Result:
    """Loop devices of this machine."""
    if os.geteuid():
        return not_run("needs root")
    if subprocess.run(["losetup", "--find"], capture_output=True, check=False).returncode:
        return not_run("no loop devices")
    return pytest("machine", "tests/machine")


def vm() -> Result:
    """The kernel's target, and file systems that few machines have, in a guest."""
    if reason := boot.why_not():
        return not_run(reason)
    results = RESULTS / "vm"
    trouble = boot.run(results, list(IN_THE_GUEST))
    if trouble:
        return Result(failed=1, notes=(trouble,))
    return report(results / "junit.xml", int((results / "exit").read_text()))


def lio() -> Result:
    """The kernel's target, on this machine's own kernel."""
    if os.geteuid():
        return not_run("needs root")
    if subprocess.run(["modprobe", "-n", "tcm_loop"], capture_output=True, check=False).returncode:
        return not_run("this kernel has no tcm_loop")
    return pytest("lio", "tests/lio")


def pytest(tier: str, *arguments: str) -> Result:
    """Run pytest and measure coverage, in its workers too, of all tests that are not marked `no_cover`."""
    junit = RESULTS / f"{tier}.xml"
    argv = ["pytest", "-q", "--cov", "--cov-report=", f"--junitxml={junit}", *arguments]
    environment = os.environ | {"COVERAGE_FILE": str(RESULTS / f"coverage.{tier}")}
    polite = ("nice", "-n", "19") if tier == "pure" else ()  # the guest beside it takes longest
    done = subprocess.run([*polite, sys.executable, "-m", *argv], cwd=ROOT, env=environment, check=False)
    if not junit.exists():
        return Result(failed=1, notes=(f"pytest ended with {done.returncode} and no report",))
    return report(junit, done.returncode)


def report(junit: Path, status: int) -> Result:
    """Count what a junit report holds; a failing exit status is never a pass."""
    cases = list(xml.parse(junit).iter("testcase"))
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skips = [(case, skip) for case in cases if (skip := case.find("skipped")) is not None]
    notes = [f"skipped: {case.get('name')}: {skip.get('message')}" for case, skip in skips]
    passed = len(cases) - failed - len(skips)
    if not failed and (status or not cases):
        failed = 1
        notes.append(f"pytest ended with {status}" + ("" if cases else ", and ran no test"))
    return Result(passed, failed, len(skips), tuple(notes))


def coverage() -> str:
    """Combine what the tiers measured, print the files with gaps, and say the total."""
    data = f"--data-file={RESULTS}/combined"
    measured = [str(path) for path in RESULTS.glob("coverage.*")]
    if not measured:
        return "not measured"
    tool = [sys.executable, "-m", "coverage"]
    subprocess.run([*tool, "combine", "-q", data, *measured], cwd=ROOT, check=False)
    subprocess.run([*tool, "report", data], cwd=ROOT, check=False)
    total = [*tool, "report", data, "--format=total", "--precision=1"]
    said = subprocess.run(total, cwd=ROOT, capture_output=True, text=True, check=False)
    return f"{said.stdout.strip() or '?'} %"


TIERS: dict[str, tuple[str, Callable[[], Result]]] = {
    "static": ("static checks", static),
    "pure": ("no device, emulated array", pure),
    "machine": ("loop devices", machine),
    "vm": ("kernel target in a VM", vm),
    "lio": ("kernel target, this kernel", lio),
}


def timed(name: str) -> Result:
    """Run a tier and say how long it took."""
    start = time.monotonic()
    result = TIERS[name][1]()
    return replace(result, seconds=time.monotonic() - start)


def log(name: str) -> Path:
    """Where a tier that runs beside another one prints."""
    return RESULTS / f"{name}.log"


def aside(name: str) -> Result:
    """Run a tier with all that it and its children print in its log: for a process of its own."""
    with log(name).open("w", buffering=1) as out:
        for descriptor in (1, 2):
            os.dup2(out.fileno(), descriptor)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            return timed(name)


def together(names: list[str]) -> list[Result]:
    """Run tiers at the same time: the first prints as it runs, what the others printed follows.

    A tier that ends in an exception, or takes its process with it, has failed.
    """
    print(f"\n== {', beside it: '.join(TIERS[name][0] for name in names)} ==", flush=True)
    first, *others = names
    with ProcessPoolExecutor(max(1, len(others))) as processes:
        running = {name: processes.submit(aside, name) for name in others}
        results = [timed(first)]
        for name, run in running.items():
            trouble = run.exception()
            results.append(Result(failed=1, notes=(f"ended with {trouble!r}",)) if trouble else run.result())
            print(f"\n== {TIERS[name][0]}, meanwhile ==\n{log(name).read_text(errors='replace')}", flush=True)
    return results


def main(arguments: list[str]) -> int:
    """Run the named tiers in turn, those joined by + at the same time; 0 when nothing failed."""
    shutil.rmtree(RESULTS, ignore_errors=True)
    RESULTS.mkdir(parents=True)
    groups = [argument.split("+") for argument in arguments]
    names = [name for group in groups for name in group]
    results = [result for group in groups for result in together(group)]
    rows = [(TIERS[name][0], result) for name, result in zip(names, results, strict=True)]
    covered = coverage() if names != ["static"] else "not measured"
    print(f"\n{'tier':28}{'passed':>8}{'failed':>8}{'skipped':>8}{'seconds':>9}")
    for title, row in rows:
        print(f"{title:28}{row.passed:8}{row.failed:8}{row.skipped:8}{row.seconds:9.1f}")
        for note in row.notes:
            print(f"    {note}")
    print(f"branch coverage, but of the guest and of tests marked no_cover: {covered}")
    passed, failed, skipped = (
        sum(getattr(row, count) for _, row in rows) for count in ("passed", "failed", "skipped")
    )
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
