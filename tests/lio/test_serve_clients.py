"""Other people's tools and our own copy on the disks of `xcopy-dev emu serve`: what is expected of each."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.lio.serving import Serving, tool, xcopy_dev
from xcopy.device.array_dir import create, unit_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lio.serving import Disk

MIB = 1 << 20
SIZE = 64 * MIB
CSCDS_AND_SEGMENT = {"Simple", "ParamHdr", "DescrLimits", "DescrType", "ValidTgtDescr"}
# What of libiscsi's own tests has to pass.
REQUIRED = {
    "ExtendedCopy": CSCDS_AND_SEGMENT,
    "ReceiveCopyResults": {"OpParams"},
}


@pytest.fixture(scope="module", autouse=True)
def _possible() -> None:
    """Why nothing here can run, where it cannot."""
    if os.geteuid():
        pytest.skip("disks of this kernel are made by root")
    if subprocess.run(["modprobe", "target_core_user"], capture_output=True, check=False).returncode:
        pytest.skip("this kernel has no target_core_user")


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("served") / "array"
    create(made, units=2, size=SIZE)
    return made


@pytest.fixture(scope="module")
def serving(directory: Path) -> Iterator[Serving]:
    """Two units, two nexuses."""
    with Serving.start(directory, "--nexuses", "2") as made:
        yield made


@pytest.fixture
def images(directory: Path, serving: Serving) -> tuple[Path, Path]:
    """The files of both units, filled anew: every byte of the first random, of the second 5Ah."""
    del serving
    unit_file(directory, 0).write_bytes(os.urandom(SIZE))
    unit_file(directory, 1).write_bytes(b"\x5a" * SIZE)
    return unit_file(directory, 0), unit_file(directory, 1)


@pytest.fixture
def source(serving: Serving) -> Disk:
    return serving.disk(0)


@pytest.fixture
def destination(serving: Serving) -> Disk:
    return serving.disk(1)


def assert_only_that_was_copied(images: tuple[Path, Path], at: int, to: int, length: int) -> None:
    """Bytes `at` of the first unit are at `to` of the second, and all others are as they were."""
    content = images[0].read_bytes()[at : at + length]
    expected = b"\x5a" * to + content + b"\x5a" * (SIZE - to - length)
    assert images[1].read_bytes() == expected


def needs(name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")


def test_sg_inq_sees_a_disk_with_third_party_copy(source: Disk) -> None:
    said = tool("sg_inq", source.sg)
    assert "Vendor identification: XCOPYDEV" in said
    assert "3PC=1" in said
    assert "Peripheral device type: disk" in said


def test_sg_vpd_reads_the_same_designator_by_both_nexuses_and_another_for_another_unit(
    serving: Serving,
) -> None:
    def naa(unit: int, nexus: int) -> str:
        found = re.search(r"0x6[0-9a-f]{31}", tool("sg_vpd", "-p", "0x83", serving.disk(unit, nexus).sg))
        assert found
        return found[0]

    assert naa(0, 0) == naa(0, 1)
    assert naa(0, 0) != naa(1, 0)


def test_sg_vpd_reads_the_third_party_copy_page(source: Disk) -> None:
    said = tool("sg_vpd", "-p", "tpc", source.sg)
    assert "Third party copy VPD page" in said
    for known in ("Extended copy(LID1)", "block -> block [0x2]", "Maximum segment descriptor count: 16"):
        assert known in said


def test_sg_readcap_reads_the_capacity(source: Disk) -> None:
    said = tool("sg_readcap", "-l", source.sg)
    assert f"Number of logical blocks={SIZE // 512}" in said
    assert f"Device size: {SIZE} bytes" in said


def test_dd_writes_past_the_cache_and_reads_it_back(
    destination: Disk, images: tuple[Path, Path], tmp_path: Path
) -> None:
    back = tmp_path / "back"
    tool("dd", f"if={images[0]}", f"of={destination.disk}", "bs=1M", "count=16", "oflag=direct")
    tool("dd", f"if={destination.disk}", f"of={back}", "bs=1M", "count=16", "iflag=direct")
    assert back.read_bytes() == images[0].read_bytes()[: 16 * MIB]
    assert_only_that_was_copied(images, 0, 0, 16 * MIB)


def test_what_one_nexus_writes_another_reads(
    serving: Serving, images: tuple[Path, Path], tmp_path: Path
) -> None:
    here, there, back = serving.disk(1, nexus=0), serving.disk(1, nexus=1), tmp_path / "back"
    tool("dd", f"if={images[0]}", f"of={here.disk}", "bs=64k", "count=1", "oflag=direct")
    tool("dd", f"if={there.disk}", f"of={back}", "bs=64k", "count=1", "iflag=direct")
    assert back.read_bytes() == images[0].read_bytes()[: 64 << 10]


def test_sg_xcopy_copies_16_mib(source: Disk, destination: Disk, images: tuple[Path, Path]) -> None:
    said = tool("sg_xcopy", f"if={source.sg}", f"of={destination.sg}", "count=32768", "seek=2048", "bpt=4096")
    assert "32768 blocks, 8 commands" in said
    assert_only_that_was_copied(images, 0, 2048 * 512, 16 * MIB)


def test_ddpt_copies_16_mib_with_one_command(
    source: Disk, destination: Disk, images: tuple[Path, Path]
) -> None:
    needs("ddpt")
    words = (f"if={source.sg}", f"of={destination.sg}", "iflag=xcopy", "bs=512", "count=32768", "skip=1024")
    assert "1 xcopy command done" in tool("ddpt", *words)
    assert_only_that_was_copied(images, 1024 * 512, 0, 16 * MIB)


def test_sg_copy_results_reads_the_operating_parameters(source: Disk) -> None:
    said = tool("sg_copy_results", "-p", source.sg)
    assert "Segment descriptor 0x02" in said
    assert "Target descriptor 0xe4" in said


def test_our_own_copy_is_the_array_s_work_alone(
    source: Disk, destination: Disk, images: tuple[Path, Path]
) -> None:
    ran = xcopy_dev(f"{source.disk}:12345+65536", f"{destination.disk}:999", "--json")
    assert ran.returncode == 0, ran.stderr
    done = json.loads(ran.stdout.splitlines()[-1])
    assert done["bytes"] == {"offload": 65536 * 512, "host": 0}
    assert done["fallbacks"] == []
    assert_only_that_was_copied(images, 12345 * 512, 999 * 512, 65536 * 512)


def test_a_copy_by_another_nexus_is_seen_by_the_first(serving: Serving, images: tuple[Path, Path]) -> None:
    a, b = serving.disk(0, nexus=1), serving.disk(1, nexus=1)
    assert xcopy_dev(f"{a.disk}:0+2048", f"{b.disk}:0", "--require", "offload").returncode == 0
    tool("cmp", "-n", str(2048 * 512), serving.disk(1, nexus=0).disk, str(images[0]))
    assert_only_that_was_copied(images, 0, 0, 2048 * 512)


@pytest.mark.parametrize(("suite", "test"), [(s, t) for s in REQUIRED for t in sorted(REQUIRED[s])])
def test_libiscsi_s_test_passes(serving: Serving, images: tuple[Path, Path], suite: str, test: str) -> None:
    """Its exit code tells nothing, and a test that is skipped counts as passed: what it prints decides."""
    del images
    needs("iscsi-test-cu")
    said = tool(
        "iscsi-test-cu", "-d", "-n", "-t", f"SCSI.{suite}.{test}", serving.disk(1, nexus=1).sg, good=False
    )
    _, begun, outcome = said.partition("CUnit - A unit testing framework")
    counts = re.search(r"^ *tests +(\d+) +(\d+) +(\d+) +(\d+)", outcome, re.MULTILINE)
    assert begun, said
    assert counts, said
    assert counts.groups() == ("1", "1", "1", "0"), said
    assert "[SKIPPED]" not in outcome, said
