"""`xcopy-dev emu serve` and `emu clean` where they cannot do anything: who is told what."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from xcopy.device import tcmu

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Directory, Ran


@pytest.fixture
def _as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)


@pytest.fixture
def missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """A module that this kernel has not, and a modprobe that says so."""
    name = "xcopydev_no_such_module"
    monkeypatch.setattr(tcmu, "MODULES", (name,))
    modprobe = tmp_path / "bin/modprobe"
    modprobe.parent.mkdir()
    modprobe.write_text('#!/bin/sh\necho "modprobe: FATAL: Module $1 not found in directory" >&2\nexit 1\n')
    modprobe.chmod(0o755)
    monkeypatch.setenv("PATH", f"{modprobe.parent}:{os.environ['PATH']}")
    return name


@pytest.mark.parametrize("words", [("serve", "{array}"), ("clean",)])
def test_who_is_not_root_is_told_so(
    run: Callable[..., Ran], array: Directory, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ran = run("emu", *(word.format(array=array.path) for word in words))
    assert ran.code == 1
    assert "root" in ran.err


@pytest.mark.usefixtures("_as_root")
def test_a_module_that_is_missing_is_named_with_the_reason_and_a_way_out(
    run: Callable[..., Ran], array: Directory, missing: str
) -> None:
    ran = run("emu", "serve", str(array.path))
    assert ran.code == 4
    assert f"the kernel module {missing} is needed" in ran.err
    assert f"Module {missing} not found" in ran.err
    assert "linux-image-amd64" in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.usefixtures("_as_root")
def test_a_machine_without_modprobe_is_told_so(
    run: Callable[..., Ran], array: Directory, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcmu.shutil, "which", lambda *_, **__: None)
    ran = run("emu", "serve", str(array.path))
    assert ran.code == 4
    assert missing in ran.err
    assert "no modprobe" in ran.err


@pytest.mark.usefixtures("_as_root", "missing")
def test_a_refusal_in_json_is_an_error_record(run: Callable[..., Ran], array: Directory) -> None:
    (record,) = run("emu", "serve", str(array.path), "--json").records
    assert (record["record"], record["exit"]) == ("error", 4)


@pytest.mark.parametrize("nexuses", ["0", "-1", "17", "two"])
def test_a_number_of_nexuses_nobody_can_mean_is_a_usage_error(
    run: Callable[..., Ran], array: Directory, nexuses: str
) -> None:
    assert run("emu", "serve", str(array.path), "--nexuses", nexuses).code == 2


def test_a_directory_without_an_array_is_a_usage_error(run: Callable[..., Ran], tmp_path: Path) -> None:
    ran = run("emu", "serve", str(tmp_path))
    assert ran.code == 2
    assert "holds no emulated array" in ran.err


@pytest.mark.usefixtures("_as_root", "missing")
def test_signals_are_as_they_were_after_a_refusal(run: Callable[..., Ran], array: Directory) -> None:
    import signal

    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    run("emu", "serve", str(array.path))
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
