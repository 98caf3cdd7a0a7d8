"""A destination in use, on real disks, by one kind of use after the other: refused by name, overridden by it.

Each is refused with exit code 3, the word that overrides it and nothing written; and with that word the same
copy is made. What is copied is far from what the use itself keeps at the start of the disk.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.frozen import ioctl, is_frozen
from tests.lio.luns import PREFIX, command
from tests.lio.running import running
from tests.lio.test_refusals import assert_refused
from xcopy.claim import FORCIBLE
from xcopy.device.guardian import FITHAW

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

LBA, BLOCKS = 40000, 2048
DEADLINE = 60.0  # seconds
LVM = ("--config", "devices { use_devicesfile=0 }")
ARRAY = "/dev/md/xcopydev"


class Use:
    """One source, and the small unit that is used, as a test sees them."""

    def __init__(self, source: Lun, spare: Lun, media: Media, run: Callable[..., Outcome]) -> None:
        self.source, self.spare, self._media, self._run = source, spare, media, run

    def refused(self, kind: str, *told: str) -> None:
        """The copy is refused for this kind of use, and nothing was written."""
        outcome = self._copy()
        assert_refused(outcome, 3, self.spare.path, f"--force={kind} writes", *told)
        assert self._media.wrong_byte(self.spare) is None

    def overridden(self, kind: str) -> None:
        """With this override it is made, which it says, and nothing else is written."""
        outcome = self._copy(f"--force={kind}")
        assert outcome.exit == 0, outcome.said
        for each in kind.split(","):
            assert any(each in warning for warning in outcome.records[0]["warnings"])
        self._media.copied(self.source, 0, self.spare, LBA, BLOCKS * 512)
        assert self._media.wrong_byte(self.spare) is None

    def both(self, kind: str, *told: str) -> None:
        """Refused without the override, and with another; made with it."""
        self._media.accept(self.spare)
        self.refused(kind, *told)
        other = next(each for each in FORCIBLE if each not in kind)
        assert self._copy(f"--force={other}").exit == 3
        self.overridden(kind)

    def _copy(self, *words: str) -> Outcome:
        return self._run(f"{self.source.path}:0+{BLOCKS}", f"{self.spare.path}:{LBA}", *words)


@pytest.fixture
def use(luns: dict[str, Lun], media: Media, spare: Lun, xcopy_dev: Callable[..., Outcome]) -> Iterator[Use]:
    yield Use(luns["ram0"], spare, media, xcopy_dev)
    command("wipefs", "--all", "--force", "--quiet", spare.path)
    media.accept(spare)


def test_mounted(use: Use, mounted: Callable[..., None]) -> None:
    mounted(use.spare)
    use.both("mounted", "is mounted on /")


def test_swap(use: Use) -> None:
    command("mkswap", use.spare.path)
    command("swapon", use.spare.path)
    try:
        use.both("swap", "is in use as swap")
    finally:
        command("swapoff", use.spare.path)


def test_a_holder(use: Use) -> None:
    command("dmsetup", "create", f"{PREFIX}held", "--table", f"0 2048 linear {use.spare.path} 0")
    try:
        use.both("holder", f"(a device-mapper device, {PREFIX}held)")
    finally:
        command("dmsetup", "remove", "--retry", f"{PREFIX}held")


def test_a_physical_volume_with_and_without_an_active_volume(use: Use) -> None:
    command("vgcreate", *LVM, "--yes", "xcopydev", use.spare.path)
    try:
        command("lvcreate", *LVM, "--yes", "-Zn", "-Wn", "-l1", "-n", "lv", "xcopydev")
        use.both("lvm", "(an LVM logical volume, xcopydev-lv)")
        command("vgchange", *LVM, "-an", "xcopydev")
        use.both("lvm", "is a physical volume of LVM")
    finally:
        command("vgremove", *LVM, "--force", "--yes", "xcopydev")


def test_a_member_of_an_array_that_runs_and_that_does_not(use: Use) -> None:
    command("modprobe", "raid1")
    making = ("--create", ARRAY, "--run", "--force", "--level=1", "--raid-devices=1", "--metadata=1.2")
    still = ("--assume-clean", "--bitmap=none", "--readonly")  # or it writes its own mark some time later
    command("mdadm", *making, *still, use.spare.path)
    command("udevadm", "settle")  # udev reads the array once: meanwhile it cannot be stopped
    try:
        use.both("md", "(an md array (raid1))")
    finally:
        command("mdadm", "--stop", ARRAY)
    try:
        use.both("md", "is a member of an md array")
    finally:
        command("mdadm", "--zero-superblock", use.spare.path)


def test_open_elsewhere(use: Use) -> None:
    fd = os.open(use.spare.path, os.O_RDWR | os.O_EXCL)
    with subprocess.Popen(["sleep", "600"], pass_fds=(fd,)) as holder:
        os.close(fd)
        try:
            use.both("open", f"is open elsewhere (sleep (process {holder.pid}))")
        finally:
            holder.kill()


def test_a_write_protected_one_is_refused_whatever_is_forced(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    readonly = luns["readonly"]
    words = (f"{luns['ram0'].path}:0+8", f"{readonly.path}:0", f"--force={','.join(FORCIBLE)}")
    assert_refused(xcopy_dev(*words), 3, "is read-only", "no --force overrides that")
    assert media.wrong_byte(readonly) is None


def test_a_bare_force_is_refused_with_the_word_it_lacks(
    luns: dict[str, Lun], xcopy_dev: Callable[..., Outcome], spare: Lun, mounted: Callable[..., None]
) -> None:
    mounted(spare)
    words = ("--force", f"{luns['ram0'].path}:0+8", f"{spare.path}:{LBA}")
    assert_refused(xcopy_dev(*words), 3, "--force=mounted writes")


class TestFreeze:
    """A file system on the source stands still while it is copied, and is thawed whatever happens."""

    @pytest.fixture
    def point(self, luns: dict[str, Lun], media: Media, tmp_path: Path) -> Iterator[str]:
        """Where the slow source is mounted."""
        lun = luns["delay0"]
        command("modprobe", "ext4")
        command("mkfs.ext4", "-q", "-F", lun.path)
        command("mount", lun.path, str(tmp_path))
        yield str(tmp_path)
        with suppress(OSError):
            ioctl(str(tmp_path), FITHAW)
        command("umount", str(tmp_path))
        command("wipefs", "--all", "--force", "--quiet", lun.path)
        media.accept(lun)

    def test_what_is_copied_is_what_the_files_were(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        point: str,
    ) -> None:
        source, destination = luns["delay0"], luns["ram1"]
        Path(point, "file").write_bytes(b"new" * 100_000)
        outcome = xcopy_dev(source.path, destination.path, "--freeze", "--verify")
        assert outcome.exit == 0, outcome.said
        assert any(f"frozen while blocks are copied: {point}" in w for w in outcome.records[0]["warnings"])
        assert not is_frozen(point)
        media.accept(source)
        media.accept(destination)
        assert command("debugfs", "-R", "cat file", destination.path).count("new") == 100_000

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
    def test_it_is_thawed_when_the_copy_is_interrupted_or_killed(
        self, luns: dict[str, Lun], media: Media, point: str, number: int
    ) -> None:
        source, destination = luns["delay0"], luns["ram1"]
        words = (source.path, destination.path, "--freeze", "--rate", "2MiB")
        with running(*words) as copy:
            copy.until("progress")
            assert is_frozen(point)
            guardian = Path(f"/proc/{copy.process.pid}/task/{copy.process.pid}/children").read_text()
            watched = os.pidfd_open(int(guardian))
            copy.signal(number)
            copy.process.wait(DEADLINE)
        ended(watched)
        assert not is_frozen(point)
        media.accept(destination)


def ended(watched: int) -> None:
    """Until that process is gone."""
    try:
        assert select.select([watched], [], [], DEADLINE)[0], "the guardian has not ended"
    finally:
        os.close(watched)
