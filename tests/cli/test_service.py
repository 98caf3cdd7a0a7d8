"""The udev rule and the service that come with the project."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / "setup"
UNIT = SETUP / "systemd/xcopy-dev@.service"
RULES = SETUP / "udev/70-xcopy-dev.rules"


def settings(name: str) -> list[str]:
    """All values of a setting of the service."""
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


def test_the_service_has_no_capability_and_gets_none() -> None:
    assert settings("CapabilityBoundingSet") == settings("AmbientCapabilities") == [""]
    assert settings("NoNewPrivileges") == ["yes"]
    assert settings("User") == ["xcopy-dev"]


def test_the_service_hides_no_mounts_from_who_looks_for_them() -> None:
    """A file system on the destination below /home or /tmp has to be seen."""
    assert settings("ProtectHome") == ["read-only"]
    for hiding in ("PrivateTmp", "PrivateDevices", "DynamicUser", "TemporaryFileSystem", "InaccessiblePaths"):
        assert settings(hiding) == []


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_takes_the_service(tmp_path: Path) -> None:
    copied = tmp_path / UNIT.name
    copied.write_text(UNIT.read_text().replace("/usr/local/bin/xcopy-dev", sys.executable))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(copied)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_each_line_of_the_rules_is_matches_and_then_a_group_and_a_mode() -> None:
    lines = [line.lstrip("#") for line in RULES.read_text().splitlines() if "==" in line]
    assert len(lines) == 2
    for line in lines:
        terms = [re.fullmatch(r'\s*([A-Z]+)(\{\w+\})?(==|=)"([^"]+)"', term) for term in line.split(",")]
        assert all(terms), line
        assert [term[1] for term in terms if term and term[3] == "="] == ["GROUP", "MODE"]
    assert settings("Group")[0] == "xcopy-dev"
    assert 'GROUP="xcopy-dev", MODE="0660"' in lines[0]
