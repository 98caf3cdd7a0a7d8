"""Other people's tools and our own copy on the disks of `xcopy-dev emu serve`: what is expected of each."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.lio.serving import BLOCK, SIZE, Images, Serving, needs, tool, xcopy_dev

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lio.serving import Disk

MIB = (1 << 20) // BLOCK  # in blocks
LIBISCSI = "iscsi-test-cu"
SUITES = ("SCSI.ExtendedCopy", "SCSI.ReceiveCopyResults")
KEY = "abc123"
WRITE_BLOCK_0 = ["2a", "00", "00", "00", "00", "00", "00", "00", "01", "00"]
READ_BLOCK_0 = ["28", "00", "00", "00", "00", "00", "00", "00", "01", "00"]
# SPC-4 7.8.17 as sg_vpd reads it: the figures are those of the profile `strict` for 512-byte blocks.
THIRD_PARTY_COPY = """\
Third party copy VPD page:
 Block Device ROD Token Limits:
  Maximum range descriptors: 64
  Maximum inactivity timeout: 600 seconds
  Default inactivity timeout: 60 seconds
  Maximum token transfer size: 2097152
  Optimal transfer count: 131072
 Supported commands:
  Extended copy(LID1)
  Extended copy
  Populate token
  Write using token
  Copy operation abort
  Receive copy status(LID1)
  Receive copy data(LID1)
  Receive copy operating parameters
  Receive copy failure details(LID1)
  Receive copy status
  Receive copy data
  Receive ROD token information
  Report all ROD tokens
 Parameter data:
  Maximum CSCD descriptor count: 8
  Maximum segment descriptor count: 16
  Maximum descriptor list length: 1728
  Maximum inline data length: 65536
 Supported descriptors:
  block -> block [0x2]
  verify CSCD [0x7]
  block<o> -> block<o> [0xa]
  block -> block & application_client [0xd]
  register persistent reservation key [0x14]
  <i>block -> <i>block [0x16]
  ROD <- block range(n) [0xbe]
  ROD <- block range(1) [0xbf]
  CSCD: Identification Descriptor [0xe4]
  CSCD: ROD [0xfe]
 Supported CSCD IDs (above 0x7ff):
  copy src or dst null LU, pdt=0 [0xc000]
  copy src or dst null LU, pdt=1 [0xc001]
  copy src or dst in ROD token [0xf800]
  copy src or dst is copy manager LU [0xffff]
 ROD token features:
  Remote tokens: 0
  Minimum token lifetime: 1 seconds
  Maximum token lifetime: 86400 seconds
  Maximum token inactivity timeout: 600
  Optimal block ROD length granularity: 1
  Maximum Bytes in block ROD: 1073741824
  Optimal Bytes in block ROD transfer: 67108864
  Optimal Bytes to token per segment: 67108864
  Optimal Bytes from token per segment: 67108864
 Supported ROD token and ROD types:
{types}
 General copy operations:
  Total concurrent copies: 16
  Maximum identified concurrent copies: 16
  Maximum segment length: 16777216
  Data segment granularity: 1
  Inline data granularity: 1
 Held data:
  Held data limit: 1048576
  Held data granularity: 1
"""
# ROD types: inside the copy manager, as a token that comes in, as a token that goes out.
ROD_TYPES = (
    ("copy manager internal [0x0]", "yes", "no", "no"),
    ("access upon reference [0x10000]", "yes", "yes", "yes"),
    ("point in time copy - default [0x800000]", "yes", "yes", "yes"),
    ("point in time copy - change vulnerable [0x800001]", "yes", "yes", "yes"),
    ("point in time copy - persistent [0x800002]", "yes", "yes", "yes"),
    ("point in time copy - any [0x80ffff]", "yes", "no", "no"),
    ("block device zero [0xffff0001]", "no", "yes", "no"),
)
ROD_TYPE = "  ROD type: {}\n    Internal: {}\n    Token in: {}\n    Token out: {}\n    Preference: 0"


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
    types = "\n".join(ROD_TYPE.format(*each) for each in ROD_TYPES)
    assert tool("sg_vpd", "-p", "tpc", source.sg) == THIRD_PARTY_COPY.format(types=types)


def test_sg_readcap_reads_the_capacity(source: Disk) -> None:
    said = tool("sg_readcap", "-l", source.sg)
    assert f"Number of logical blocks={SIZE // 512}" in said
    assert f"Device size: {SIZE} bytes" in said


def test_dd_writes_past_the_cache_and_reads_it_back(
    destination: Disk, images: Images, tmp_path: Path
) -> None:
    back = tmp_path / "back"
    tool("dd", f"if={images.source}", f"of={destination.disk}", "bs=1M", "count=16", "oflag=direct")
    tool("dd", f"if={destination.disk}", f"of={back}", "bs=1M", "count=16", "iflag=direct")
    assert back.read_bytes() == images.source.read_bytes()[: 16 * MIB * BLOCK]
    images.assert_copied((0, 0, 16 * MIB))


def test_what_one_nexus_writes_another_reads(serving: Serving, images: Images, tmp_path: Path) -> None:
    here, there, back = serving.disk(1, nexus=0), serving.disk(1, nexus=1), tmp_path / "back"
    tool("dd", f"if={images.source}", f"of={here.disk}", "bs=64k", "count=1", "oflag=direct")
    tool("dd", f"if={there.disk}", f"of={back}", "bs=64k", "count=1", "iflag=direct")
    assert back.read_bytes() == images.source.read_bytes()[: 64 << 10]


def test_sg_xcopy_copies_16_mib(source: Disk, destination: Disk, images: Images) -> None:
    said = tool("sg_xcopy", f"if={source.sg}", f"of={destination.sg}", "count=32768", "seek=2048", "bpt=4096")
    assert "32768 blocks, 8 commands" in said
    images.assert_copied((0, 2048, 32768))


def test_ddpt_copies_16_mib_with_one_command(source: Disk, destination: Disk, images: Images) -> None:
    needs("ddpt")
    words = (f"if={source.sg}", f"of={destination.sg}", "iflag=xcopy", "bs=512", "count=32768", "skip=1024")
    assert "1 xcopy command done" in tool("ddpt", *words)
    images.assert_copied((1024, 0, 32768))


def test_sg_copy_results_reads_the_operating_parameters(source: Disk) -> None:
    said = tool("sg_copy_results", "-p", source.sg)
    assert "Segment descriptor 0x02" in said
    assert "Target descriptor 0xe4" in said


def test_our_own_copy_is_the_array_s_work_alone(source: Disk, destination: Disk, images: Images) -> None:
    ran = xcopy_dev(f"{source.disk}:12345+65536", f"{destination.disk}:999", "--json")
    assert ran.returncode == 0, ran.stderr
    done = json.loads(ran.stdout.splitlines()[-1])
    assert done["bytes"] == {"offload": 65536 * 512, "host": 0}
    assert done["fallbacks"] == []
    images.assert_copied((12345, 999, 65536))


def test_a_copy_by_another_nexus_is_seen_by_the_first(serving: Serving, images: Images) -> None:
    a, b = serving.disk(0, nexus=1), serving.disk(1, nexus=1)
    assert xcopy_dev(f"{a.disk}:0+2048", f"{b.disk}:0", "--require", "offload").returncode == 0
    tool("cmp", "-n", str(2048 * 512), serving.disk(1, nexus=0).disk, str(images.source))
    images.assert_copied((0, 0, 2048))


@contextmanager
def reservation(disk: Disk) -> Iterator[None]:
    """For the disk's nexus: others may read it, and nobody else may write."""
    tool("sg_persist", "-n", "--out", "--register", f"--param-sark={KEY}", disk.sg)
    tool("sg_persist", "-n", "--out", "--reserve", f"--param-rk={KEY}", "--prout-type=1", disk.sg)
    try:
        yield
    finally:
        tool("sg_persist", "-n", "--out", "--clear", f"--param-rk={KEY}", disk.sg)


@pytest.fixture
def reserved(source: Disk) -> Iterator[Disk]:
    """Reserved for the first nexus."""
    with reservation(source):
        yield source


def test_sg_persist_shows_who_has_registered_and_reserved(reserved: Disk) -> None:
    keys = tool("sg_persist", "-n", "--in", "--read-keys", reserved.sg)
    assert f"1 registered reservation key follows:\n    0x{KEY}\n" in keys
    held = tool("sg_persist", "-n", "--in", "--read-reservation", reserved.sg)
    assert f"Reservation follows:\n    Key=0x{KEY}\n    scope: LU_SCOPE,  type: Write Exclusive\n" in held
    full = tool("sg_persist", "-n", "--in", "--read-full-status", reserved.sg)
    assert full.count("Key=") == full.count("<< Reservation holder >>") == 1


def test_sg_persist_shows_the_same_to_another_nexus(serving: Serving, reserved: Disk) -> None:
    words = ("sg_persist", "-n", "--in", "--read-full-status")
    assert tool(*words, serving.disk(0, nexus=1).sg) == tool(*words, reserved.sg)


def test_sg_persist_shows_nothing_after_a_clear(source: Disk) -> None:
    tool("sg_persist", "-n", "--out", "--register", f"--param-sark={KEY}", source.sg)
    tool("sg_persist", "-n", "--out", "--clear", f"--param-rk={KEY}", source.sg)
    assert "there are NO registered" in tool("sg_persist", "-n", "--in", "--read-keys", source.sg)
    assert "there is NO reservation held" in tool("sg_persist", "-n", "--in", "--read-reservation", source.sg)


def test_another_nexus_than_the_holder_reads_and_does_not_write(
    serving: Serving, reserved: Disk, images: Images, tmp_path: Path
) -> None:
    other, block, before = serving.disk(0, nexus=1), tmp_path / "block", images.source.read_bytes()
    block.write_bytes(b"\xc3" * BLOCK)
    write = ("sg_raw", "-s", str(BLOCK), "-i", str(block))
    assert "SCSI Status: Reservation Conflict" in tool(*write, other.sg, *WRITE_BLOCK_0, good=False)
    assert images.source.read_bytes() == before

    tool("sg_raw", "-r", str(BLOCK), "-o", str(tmp_path / "read"), other.sg, *READ_BLOCK_0)
    assert (tmp_path / "read").read_bytes() == before[:BLOCK]

    assert "SCSI Status: Good" in tool(*write, reserved.sg, *WRITE_BLOCK_0)
    assert images.source.read_bytes() == b"\xc3" * BLOCK + before[BLOCK:]


def test_a_copy_writes_to_a_reserved_unit_for_nobody_and_for_all_when_it_is_free(
    serving: Serving, source: Disk, images: Images
) -> None:
    """The copy manager is a nexus of its own, so the holder's copy does not pass either."""

    def copy(nexus: int, *, good: bool) -> str:
        words = (f"if={serving.disk(1, nexus).sg}", f"of={serving.disk(0, nexus).sg}", "count=2048")
        return tool("sg_xcopy", *words, "--on_src", good=good)

    before = images.source.read_bytes()
    with reservation(source):
        for nexus in (0, 1):
            assert "Xcopy(LID1): Copy aborted" in copy(nexus, good=False)
    assert images.source.read_bytes() == before

    copy(1, good=True)
    assert images.source.read_bytes() == b"\x5a" * (2048 * BLOCK) + before[2048 * BLOCK :]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Every test that libiscsi's own list has in the suites, so that none is forgotten."""
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", names_of_libiscsi() if shutil.which(LIBISCSI) else ())


def names_of_libiscsi() -> list[str]:
    listed = tool(LIBISCSI, "-l", good=False).split()
    found = [name for name in listed if name.rpartition(".")[0] in SUITES]
    assert {name.rpartition(".")[0] for name in found} == set(SUITES), listed
    return found


def test_libiscsi_s_test_passes(serving: Serving, images: Images, name: str) -> None:
    """Its exit code tells nothing, and a test that is skipped counts as passed: what it prints decides.

    CopyStatus wants a list identifier that others use not to be known: it has a nexus of its own.
    """
    del images
    disk = serving.disk(1, nexus=2 if name.endswith(".CopyStatus") else 1)
    said = tool(LIBISCSI, "-d", "-n", "-V", "-t", name, disk.sg, good=False)
    _, begun, outcome = said.partition("CUnit - A unit testing framework")
    counts = re.search(r"^ *tests +(\d+) +(\d+) +(\d+) +(\d+)", outcome, re.MULTILINE)
    assert begun, said
    assert counts, said
    assert counts.groups() == ("1", "1", "1", "0"), said
    assert "[SKIPPED]" not in outcome, said
