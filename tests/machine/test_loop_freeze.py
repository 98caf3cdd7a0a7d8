"""File systems frozen for a copy are thawed whatever happens; on loop devices of this machine.

Whether one is frozen, FIFREEZE says: it fails with EBUSY on what is frozen already.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.files.file_system import run
from tests.frozen import ioctl, is_frozen
from tests.machine.test_loop_claims import node
from xcopy.device.caches import settle
from xcopy.device.claims import mounts_on
from xcopy.device.freeze import Frozen, refuse_deadlock, writable
from xcopy.device.guardian import FIFREEZE, FITHAW
from xcopy.device.mounts import Mount, mounts
from xcopy.errors import AccessError, UnsafeError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.machine.conftest import Loop

DEADLINE = 60.0  # seconds
FREEZE = """
import sys
from tests.machine.test_loop_freeze import at
from xcopy.device.freeze import Frozen
frozen = Frozen([at(each) for each in sys.argv[1:]])
print("frozen", flush=True)
sys.stdin.read()
print(frozen.thaw() or "thawed", flush=True)
"""


@pytest.fixture(params=["ext4", "xfs"])
def mounted(request: pytest.FixtureRequest, loop: Loop, tmp_path: Path) -> Iterator[str]:
    """A mount point of such a file system; it is thawed and unmounted whatever a test left behind."""
    if shutil.which(f"mkfs.{request.param}") is None:
        pytest.skip(f"mkfs.{request.param} is not installed")
    image = tmp_path / "large"
    image.touch()
    os.truncate(image, 320 << 20)  # less XFS does not take
    device = loop(backing=str(image))
    run(f"mkfs.{request.param}", "-q", device)
    point = tmp_path / "point"
    point.mkdir()
    run("mount", device, str(point))
    yield str(point)
    if is_frozen(str(point)):
        ioctl(str(point), FITHAW)
    run("umount", str(point))


def at(point: str) -> Mount:
    """What is mounted there last; something where nothing is."""
    nothing = Mount(number=-1, numbers=(0, 0), point=point, kind="", device="")
    return next((mount for mount in reversed(mounts()) if mount.point == point), nothing)


@contextmanager
def freezing(*points: str) -> Iterator[subprocess.Popen[str]]:
    """A process, leader of a group of its own, that has frozen these."""
    process = subprocess.Popen(
        [sys.executable, "-c", FREEZE, *points],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "frozen\n"
        yield process
    finally:
        process.kill()
        process.communicate(timeout=DEADLINE)


def guardian_of(process: subprocess.Popen[str]) -> int:
    """The one child of a process that froze."""
    (child,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return int(child)


def wait_for(pid: int) -> None:
    """Until a process that is no child of ours has ended."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([fd], [], [], DEADLINE)[0], "the guardian has not ended"
    finally:
        os.close(fd)


def test_it_is_frozen_until_it_is_thawed(mounted: str) -> None:
    frozen = Frozen([at(mounted)])
    assert is_frozen(mounted)
    assert frozen.thaw() == ""
    assert not is_frozen(mounted)
    assert frozen.thaw() == ""


def test_the_device_can_be_settled_and_read_while_it_is_frozen(mounted: str) -> None:
    Path(mounted, "file").write_bytes(b"x" * 100_000)
    device = run("findmnt", "-n", "-o", "SOURCE", mounted)
    frozen = Frozen([at(mounted)])
    try:
        settle(node(device))
        before = Path(device).read_bytes()
        settle(node(device))
        assert Path(device).read_bytes() == before
    finally:
        frozen.thaw()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_it_is_thawed_when_the_process_group_that_froze_it_is_killed(mounted: str, number: int) -> None:
    with freezing(mounted) as process:
        guardian = guardian_of(process)
        assert is_frozen(mounted)
        os.killpg(process.pid, number)
        process.wait(DEADLINE)
        wait_for(guardian)
        assert not is_frozen(mounted)


def test_signals_that_reach_the_guardian_do_not_end_it(mounted: str) -> None:
    with freezing(mounted) as process:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(guardian_of(process), number)
        said, _ = process.communicate("", timeout=DEADLINE)
        assert said == "thawed\n"
        assert not is_frozen(mounted)


def test_when_the_guardian_is_killed_its_work_is_done_by_whom_it_was_to_guard(mounted: str) -> None:
    with freezing(mounted) as process:
        guardian = guardian_of(process)
        os.kill(guardian, signal.SIGKILL)
        said, _ = process.communicate("", timeout=DEADLINE)
        assert said == "thawed\n"
        assert not is_frozen(mounted)


def test_what_somebody_else_has_frozen_stays_frozen(mounted: str) -> None:
    ioctl(mounted, FIFREEZE)
    with pytest.raises(UnsafeError, match="frozen already, by somebody else"):
        Frozen([at(mounted)])
    assert is_frozen(mounted)


def test_what_was_frozen_before_one_that_cannot_be_is_thawed(mounted: str) -> None:
    with pytest.raises(AccessError, match="/proc cannot be frozen"):
        Frozen([at(mounted), at("/proc")])
    assert not is_frozen(mounted)


def test_a_place_that_is_not_there_freezes_nothing(mounted: str) -> None:
    with pytest.raises(AccessError, match="/nowhere cannot be opened"):
        Frozen([at(mounted), at("/nowhere")])
    assert not is_frozen(mounted)


def test_while_the_copy_stands_still_it_is_thawed_and_that_is_told(mounted: str) -> None:
    frozen = Frozen([at(mounted)], patience=0.05)
    wait_for(int(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()[-1]))
    assert not is_frozen(mounted)
    frozen.beat()
    assert "thawed because the copy stood still" in frozen.thaw()


def test_a_copy_that_goes_on_keeps_it_frozen(mounted: str) -> None:
    frozen = Frozen([at(mounted)], patience=DEADLINE)
    for _ in range(100_000):  # more than a pipe holds
        frozen.beat()
    assert is_frozen(mounted)
    assert frozen.thaw() == ""


def test_what_somebody_else_thawed_meanwhile_is_told(mounted: str) -> None:
    frozen = Frozen([at(mounted)])
    ioctl(mounted, FITHAW)
    assert "thawed by somebody else during the copy" in frozen.thaw()


class TestWhatIsFrozen:
    def test_a_file_system_once_however_often_it_is_mounted(
        self, partitioned: str, mount: Callable[[str], str], tmp_path: Path
    ) -> None:
        point = mount(f"{partitioned}p1")
        again = tmp_path / "again"
        again.mkdir()
        run("mount", "--bind", point, str(again))
        try:
            (found,) = writable(mounts_on(node(partitioned)))
            frozen = Frozen([found])
            assert is_frozen(point)
            assert frozen.thaw() == ""
        finally:
            run("umount", str(again))

    def test_by_a_mount_that_its_path_leads_to(
        self, partitioned: str, mount: Callable[[str], str], tmp_path: Path
    ) -> None:
        point = mount(f"{partitioned}p1")
        again = tmp_path / "again"
        again.mkdir()
        run("mount", "--bind", point, str(again))
        run("mount", "-t", "tmpfs", "none", str(again))
        try:
            (found,) = writable(mounts_on(node(partitioned)))
            assert found.point == point
            frozen = Frozen([found])
            assert is_frozen(point)
            assert frozen.thaw() == ""
        finally:
            run("umount", str(again))
            run("umount", str(again))

    def test_none_where_another_is_mounted_over_it(
        self, partitioned: str, mount: Callable[[str], str]
    ) -> None:
        point = mount(f"{partitioned}p1")
        held = os.open(point, os.O_RDONLY)
        run("mount", "-t", "tmpfs", "none", point)
        try:
            (found,) = writable(mounts_on(node(partitioned)))
            with pytest.raises(UnsafeError, match="leads to another file system, mounted over"):
                Frozen([found])
        finally:
            run("umount", point)
            os.close(held)

    def test_by_a_directory_where_a_single_file_of_it_is_mounted_too(
        self, partitioned: str, mount: Callable[[str], str], tmp_path: Path
    ) -> None:
        point = mount(f"{partitioned}p1")
        Path(point, "file").touch()
        (again := tmp_path / "again").touch()
        run("mount", "--bind", f"{point}/file", str(again))
        try:
            (found,) = writable(mounts_on(node(partitioned)))
            assert found.point == point
        finally:
            run("umount", str(again))

    def test_not_one_that_is_mounted_for_reading_alone(
        self, partitioned: str, mount: Callable[[str], str]
    ) -> None:
        point = mount(f"{partitioned}p1")
        run("mount", "-o", "remount,ro", point)
        assert writable(mounts_on(node(partitioned))) == ()


class TestDeadlock:
    """What the copy itself writes to is never frozen."""

    def test_a_journal_on_it_that_is_yet_to_be_written(
        self, partitioned: str, mount: Callable[[str], str]
    ) -> None:
        point = mount(f"{partitioned}p1")
        found = writable(mounts_on(node(partitioned)))
        refuse_deadlock(found, {"/dev/shm/copy.journal": "the journal"})
        with pytest.raises(UnsafeError, match=r"the journal is on .* wait for itself for ever"):
            refuse_deadlock(found, {f"{point}/not/there/copy.journal": "the journal"})

    def test_the_root_of_the_system(self) -> None:
        root = next(mount for mount in mounts() if mount.point == "/")
        with pytest.raises(UnsafeError, match="this system's root"):
            refuse_deadlock([root], {})

    def test_our_own_output(self, partitioned: str, mount: Callable[[str], str]) -> None:
        point = mount(f"{partitioned}p1")
        probe = (
            "import sys; from tests.machine.test_loop_freeze import refused; sys.exit(refused(sys.argv[1]))"
        )
        with open(f"{point}/log", "w") as log:
            ran = subprocess.run(
                [sys.executable, "-c", probe, partitioned], stderr=log, capture_output=False, check=False
            )
        assert ran.returncode == 3, Path(point, "log").read_text()

    @pytest.mark.parametrize("kind", ["ext4", "btrfs"])
    def test_a_journal_in_a_file_system_in_a_file_on_it(
        self, loop: Loop, mount: Callable[[str], str], tmp_path: Path, kind: str
    ) -> None:
        if shutil.which(f"mkfs.{kind}") is None:
            pytest.skip(f"mkfs.{kind} is not installed")
        device = loop()
        outer = mount(device)
        image = Path(outer, "image")
        image.touch()
        os.truncate(image, 128 << 20)
        run(f"mkfs.{kind}", "-q", str(image))
        inner = tmp_path / "inner"
        inner.mkdir()
        run("mount", "-o", "loop", str(image), str(inner))
        try:
            found = writable(mounts_on(node(device)))
            with pytest.raises(UnsafeError, match="the journal is on"):
                refuse_deadlock(found, {f"{inner}/copy.journal": "the journal"})
        finally:
            run("umount", str(inner))

    def test_a_journal_in_a_file_system_on_a_partition_of_a_file_on_it(
        self, partitioned: str, mount: Callable[[str], str], tmp_path: Path
    ) -> None:
        image = Path(mount(f"{partitioned}p1"), "image")
        image.touch()
        os.truncate(image, 12 << 20)
        run("sfdisk", "-q", str(image), said="2048,\n")
        with ExitStack() as stack:
            device = run("losetup", "--find", "--show", "--partscan", str(image))
            stack.callback(run, "losetup", "--detach", device)
            run("partx", "--update", device)
            run("mkfs.ext4", "-q", f"{device}p1")
            inner = tmp_path / "inner"
            inner.mkdir()
            run("mount", f"{device}p1", str(inner))
            stack.callback(run, "umount", str(inner))
            found = writable(mounts_on(node(partitioned)))
            with pytest.raises(UnsafeError, match="the journal is on"):
                refuse_deadlock(found, {f"{inner}/copy.journal": "the journal"})


def refused(device: str) -> int:
    """3 where this process would wait for itself."""
    try:
        refuse_deadlock(writable(mounts_on(node(device))), {})
    except UnsafeError as error:
        return 3 if "standard error is on" in str(error) else 1
    return 0
