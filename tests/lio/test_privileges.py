"""A copy by nobody, with no capability, whose group has the nodes that the project's udev rule gives it."""

from __future__ import annotations

import grp
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_service import RULES, settings
from tests.lio.luns import MIB, command
from tests.lio.target_log import watching

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

    Run = Callable[..., Outcome]

NOBODY = 65534
GROUP = "games"  # one that owns no disk
COUNT = MIB // 512
INSTALLED = Path("/run/udev/rules.d/70-xcopy-dev.rules")


@contextmanager
def as_a_member() -> Iterator[None]:
    """The effective user is nobody and in the group, with the capabilities of the service: none."""
    assert settings("CapabilityBoundingSet") == settings("AmbientCapabilities") == [""]
    before = os.getgroups()
    os.setgroups([grp.getgrnam(GROUP).gr_gid])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        assert "CapEff:\t0000000000000000" in Path("/proc/self/status").read_text()
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(before)


@pytest.fixture
def pair(luns: dict[str, Lun]) -> tuple[Lun, Lun]:
    return luns["ram0"], luns["ram1"]


@pytest.fixture
def ours(pair: tuple[Lun, Lun]) -> Iterator[None]:
    """The project's rule for LIO's units is at work; afterwards the nodes are as they were."""
    nodes = [node for lun in pair for node in (lun.path, lun.sg)]
    before = [os.stat(node) for node in nodes]
    rule = next(line for line in RULES.read_text().splitlines() if line.startswith("SUBSYSTEM"))
    model = Path("/sys/class/block", Path(pair[0].path).name, "device/model").read_text().strip()
    for old, new in (('"EXAMPLE"', '"LIO-ORG"'), ('"ARRAY*"', f'"{model}"'), ('"xcopy-dev"', f'"{GROUP}"')):
        assert old in rule
        rule = rule.replace(old, new)
    INSTALLED.write_text(rule + "\n")
    asked_for = [f"--sysname-match={Path(node).name}" for node in nodes]
    command("udevadm", "control", "--reload")
    command("udevadm", "trigger", "--settle", *asked_for)
    given = {node: grp.getgrgid(os.stat(node).st_gid).gr_name for node in nodes}
    assert given == dict.fromkeys(nodes, GROUP), rule
    yield
    INSTALLED.unlink()
    command("udevadm", "control", "--reload")
    for node, was in zip(nodes, before, strict=True):
        os.chown(node, was.st_uid, was.st_gid)
        os.chmod(node, was.st_mode & 0o7777)


@pytest.fixture
def run(pair: tuple[Lun, Lun], media: Media, xcopy_dev: Run) -> Run:
    """Copy as a member; once as root before, so that all that is imported has been read."""
    source, destination = pair
    for means in ("offload", "host"):
        assert xcopy_dev(f"{source.path}:0+8", f"{destination.path}:0", "--method", means).exit == 0
    media.copied(source, 0, destination, 0, 8 * 512)

    def as_member(*words: str) -> Outcome:
        with as_a_member():
            return xcopy_dev(*words)

    return as_member


@pytest.mark.usefixtures("ours")
@pytest.mark.parametrize("named", ["path", "sg"])
def test_who_is_in_the_group_copies_by_offload_and_by_the_host(
    pair: tuple[Lun, Lun], media: Media, run: Run, named: str
) -> None:
    source, destination = pair
    names = f"{getattr(source, named)}:8+{COUNT}", f"{getattr(destination, named)}:24"
    for means in ("offload", "host"):
        media.renew(source, 8, COUNT)
        with watching() as seen:
            outcome = run(*names, "--method", means)
        assert outcome.exit == 0, outcome.said
        assert outcome.done["bytes"][means] == MIB
        assert sum(segment.blocks for segment in seen.segments) == (COUNT if means == "offload" else 0)
        programs, cache = outcome.records[0]["warnings"]
        assert "CAP_SYS_PTRACE" in programs
        assert "CAP_SYS_ADMIN" in cache
        media.copied(source, 8, destination, 24, MIB)
        assert media.wrong_byte(destination) is None


@pytest.mark.usefixtures("ours")
def test_what_another_program_has_read_of_the_destination_is_not_read_again(
    pair: tuple[Lun, Lun], media: Media, run: Run
) -> None:
    source, destination = pair
    media.renew(source, 0, COUNT)
    node = os.open(destination.path, os.O_RDONLY)
    try:
        old = os.pread(node, 65536, 0)
        assert run(f"{source.path}:0+{COUNT}", f"{destination.path}:0").exit == 0
        new = os.pread(node, 65536, 0)
    finally:
        os.close(node)
    media.copied(source, 0, destination, 0, MIB)
    assert media.wrong_byte(destination) is None
    assert old != new
    there = os.open(source.path, os.O_RDONLY)
    try:
        assert new == os.pread(there, 65536, 0)
    finally:
        os.close(there)


@pytest.mark.usefixtures("ours")
def test_who_may_only_open_sg_nodes_is_told_what_is_unchecked_and_may_force_it(
    pair: tuple[Lun, Lun], media: Media, run: Run
) -> None:
    source, destination = pair
    media.renew(source, 0, COUNT)
    for lun in pair:
        os.chmod(lun.path, 0o600)
    names = f"{source.sg}:0+{COUNT}", f"{destination.sg}:0"
    refused = run(*names)
    assert refused.exit == 1
    assert f"no permission to open {source.path}" in refused.said
    assert "docs/privileges.md" in refused.said
    assert media.wrong_byte(destination) is None
    for means in ("offload", "host"):
        media.renew(source, 0, COUNT)
        outcome = run(*names, "--method", means, "--force=unchecked")
        assert outcome.exit == 0, outcome.said
        assert any("cannot be held" in warning for warning in outcome.records[0]["warnings"])
        media.copied(source, 0, destination, 0, MIB)
        assert media.wrong_byte(destination) is None
