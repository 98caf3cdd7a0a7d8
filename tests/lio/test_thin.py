"""Thin disks of the kernel: what the source has no storage for is zeroed by WRITE SAME, the rest is copied.

The disks are scsi_debug's, which says one extent in an answer, and to which UNMAP is a hint for granules that
a command does not cover whole: what is left there would be the junk that the destination was full of. LIO
hands it down as a discard, and calls itself whatever it is told to.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rtslib_fb import LUN, TPG, BlockStorageObject, FabricModule, Target

from tests.lio import luns as lio
from tests.lio.media import bytes_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lio.conftest import Outcome

SIZE = 8 << 20
ADAPTERS = Path("/sys/bus/pseudo/drivers/scsi_debug")
THIN = "lbpu=1 lbpws=1 lbprz=1 unmap_granularity=8 unmap_max_desc=256 unmap_max_blocks=65536"
WRITTEN = ((0, 512), (4503, 300), (15001, 64))  # first block and number: one in nineteen
COPIED = (512 + 312 + 72) * 512  # at most, in whole granules of the source


@pytest.fixture(scope="module")
def thin_disks() -> Iterator[tuple[str, str]]:
    """Two thin disks that have nothing in common: a source written here and there, and another."""
    sizes = f"add_host=2 per_host_store=1 dev_size_mb={SIZE >> 20} delay=0"
    lio.command("modprobe", "scsi_debug", *THIN.split(), *sizes.split())
    try:
        source, destination = (f"/dev/{lio.only_entry(each / 'block')}" for each in scanned(2))
        lio.command("udevadm", "settle")
        for first, blocks in WRITTEN:
            fill(source, first * 512, os.urandom(blocks * 512))
        yield source, destination
    finally:
        lio.command("udevadm", "settle")
        lio.command("rmmod", "scsi_debug")


@pytest.fixture
def disks(thin_disks: tuple[str, str]) -> tuple[str, str]:
    """The same, the second one full of junk."""
    fill(thin_disks[1], 0, b"j" * SIZE)
    return thin_disks


@pytest.fixture
def exported(luns: dict[str, lio.Lun], disks: tuple[str, str]) -> Iterator[str]:
    """The second disk as LIO shows it: thin as well, and by another vendor's name."""
    assert luns
    with lio.quietly():
        storage = BlockStorageObject(lio.PREFIX + "thin", dev=disks[1])
        for attribute in ("emulate_tpu", "emulate_tpws"):
            storage.set_attribute(attribute, 1)
        for name, value in (("vendor_id", "ACME"), ("product_id", "ARRAY")):
            Path(storage.path, "wwn", name).write_text(value)
        group = TPG(Target(FabricModule("loopback"), lio.NEXUSES[0], mode="lookup"), 1)
        lun = LUN(group, 99, storage)
        address = Path(group.path, "address").read_text().strip()
        lio.command("udevadm", "settle")
        yield "/dev/" + lio.only_entry(Path("/sys/class/scsi_device", f"{address}:99", "device", "block"))
        lio.command("udevadm", "settle")
        lun.delete()
        storage.delete()


def scanned(count: int) -> list[Path]:
    """The units of scsi_debug, as soon as there are so many: the kernel looks for them by the way."""
    deadline = time.monotonic() + lio.NODE_DEADLINE
    while len(found := sorted(ADAPTERS.glob("adapter*/host*/target*/*:*:*:0"))) < count:
        assert time.monotonic() < deadline, f"{found} after {lio.NODE_DEADLINE:.0f} s"
        time.sleep(0.02)
    return found


def fill(path: str, offset: int, data: bytes) -> None:
    """Write through to the disk."""
    with open(path, "r+b", buffering=0) as disk:
        disk.seek(offset)
        assert disk.write(data) == len(data)
        os.fsync(disk.fileno())


def test_all_but_a_twentieth_is_zeroed_reads_back_equal_and_has_no_storage_there_either(
    disks: tuple[str, str], xcopy_dev: Callable[..., Outcome]
) -> None:
    source, destination = disks
    outcome = xcopy_dev(source, destination, "--sparse", "always")
    assert outcome.exit == 0, outcome.said
    assert outcome.done["bytes"]["host"] <= COPIED
    assert outcome.done["bytes"]["zeroed"] == SIZE - outcome.done["bytes"]["host"]
    assert bytes_at(destination, 0, SIZE) == bytes_at(source, 0, SIZE)
    back = xcopy_dev(destination, source, "--sparse", "always")
    assert back.done["bytes"] == outcome.done["bytes"]


def test_between_granules_that_do_not_lie_alike_nothing_old_is_left_and_nothing_outside_is_touched(
    disks: tuple[str, str], xcopy_dev: Callable[..., Outcome]
) -> None:
    source, destination = disks
    outcome = xcopy_dev(f"{source}:5+12003", f"{destination}:1002", "--sparse", "always")
    assert outcome.exit == 0, outcome.said
    assert outcome.done["bytes"]["zeroed"] > 10000 * 512, outcome.done
    found, end = bytes_at(destination, 0, SIZE), (1002 + 12003) * 512
    assert found[1002 * 512 : end] == bytes_at(source, 5 * 512, 12003 * 512)
    assert found[: 1002 * 512] == b"j" * 1002 * 512
    assert found[end:] == b"j" * (SIZE - end)


def test_a_target_that_takes_unmap_for_a_hint_is_sent_zeros_to_write_whatever_its_name(
    disks: tuple[str, str], exported: str, xcopy_dev: Callable[..., Outcome]
) -> None:
    source, _ = disks
    assert Path("/sys/class/block", Path(exported).name, "device/vendor").read_text().strip() == "ACME"
    outcome = xcopy_dev(f"{source}:5+12003", f"{exported}:1002")
    assert outcome.exit == 0, outcome.said
    assert outcome.done["bytes"]["zeroed"] > 10000 * 512, outcome.done
    found, end = bytes_at(exported, 0, SIZE), (1002 + 12003) * 512
    assert found[1002 * 512 : end] == bytes_at(source, 5 * 512, 12003 * 512)
    assert found[: 1002 * 512] + found[end:] == b"j" * (SIZE - end + 1002 * 512)
