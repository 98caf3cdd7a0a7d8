"""`xcopy-dev emu serve`: disks that come, answer and go, whatever happens to the process that serves them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lio.running import state
from tests.lio.serving import (
    DEADLINE,
    TARGET,
    Serving,
    eventually,
    gone,
    left_in_configfs,
    skip_where_impossible,
    tool,
    xcopy_dev,
)
from xcopy.device.array_dir import create, open_array, unit_file
from xcopy.target.operation import Operations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lio.serving import Disk
    from xcopy.target.operation import Operation

MIB = 1 << 20
SIZE = 32 * MIB
RECEIVE_OPERATING_PARAMETERS = ("84", "03", *["00"] * 10, "04", "00", "00", "00")


@pytest.fixture(scope="module", autouse=True)
def _possible() -> None:
    skip_where_impossible()


@pytest.fixture
def array(tmp_path: Path) -> Path:
    """Two units of 32 MiB, the first with random data."""
    create(tmp_path / "array", units=2, size=SIZE)
    unit_file(tmp_path / "array", 0).write_bytes(os.urandom(SIZE))
    return tmp_path / "array"


@pytest.fixture
def stranger() -> Iterator[Path]:
    """A target and a unit of somebody else, made by hand."""
    subprocess.run(["modprobe", "-a", "target_core_mod", "target_core_file", "tcm_loop"], check=True)
    if not TARGET.is_dir():
        tool("mount", "-t", "configfs", "configfs", "/sys/kernel/config")
    port, unit = TARGET / "loopback/naa.5001405aaaaa0001", TARGET / "core/rd_mcp_77/stranger"
    for place in (port, port / "tpgt_1", unit):
        place.mkdir(parents=True)
    yield unit
    assert (port / "tpgt_1").is_dir()
    assert unit.is_dir()
    for place in (port / "tpgt_1", port, unit, unit.parent):
        place.rmdir()


def test_units_come_for_every_nexus_and_all_go_with_the_process(array: Path, stranger: Path) -> None:
    with Serving.start(array, "--nexuses", "2") as serving:
        disks = serving.disks
        assert [(d.unit, d.nexus) for d in disks] == [(0, 0), (1, 0), (0, 1), (1, 1)]
        assert {(d.block_size, d.blocks) for d in disks} == {(512, SIZE // 512)}
        assert len({d.disk for d in disks} | {d.sg for d in disks}) == 8
        assert all(tool("blockdev", "--getsize64", d.disk).strip() == str(SIZE) for d in disks)
        code, said = serving.end(signal.SIGTERM)
    assert (code, said) == (0, [{"record": "done", "exit": 0, "removed": 4}])
    assert eventually(lambda: gone(disks))
    assert left_in_configfs() == []
    assert stranger.is_dir()


def test_ctrl_c_ends_it_as_well_and_what_was_written_stays_in_the_files(array: Path) -> None:
    with Serving.start(array) as serving:
        disk = serving.disk(1).disk
        tool("dd", f"if={unit_file(array, 0)}", f"of={disk}", "bs=1M", "count=4", "oflag=direct")
        code, _ = serving.end(signal.SIGINT)
    assert code == 0
    assert left_in_configfs() == []
    assert unit_file(array, 1).read_bytes() == unit_file(array, 0).read_bytes()[: 4 * MIB].ljust(SIZE, b"\0")


def test_blocks_of_4096_bytes(tmp_path: Path) -> None:
    create(tmp_path / "array", units=2, size=SIZE, block_size=4096)
    content = os.urandom(SIZE)
    unit_file(tmp_path / "array", 0).write_bytes(content)
    with Serving.start(tmp_path / "array") as serving:
        source, destination = serving.disks
        assert tool("blockdev", "--getss", source.disk).strip() == "4096"
        copied = xcopy_dev(f"{source.disk}:16+1024", f"{destination.disk}:32", "--require", "offload")
        assert copied.returncode == 0, copied.stderr
    expected = bytes(32 * 4096) + content[16 * 4096 : 1040 * 4096]
    assert unit_file(tmp_path / "array", 1).read_bytes() == expected.ljust(SIZE, b"\0")


def test_one_array_is_served_by_one_process(array: Path) -> None:
    with Serving.start(array) as serving:
        second = xcopy_dev("emu", "serve", str(array))
        assert second.returncode == 3
        assert "served already" in second.stderr
        cleaned = xcopy_dev("emu", "clean")
        assert cleaned.returncode == 0
        assert "nothing was left behind" in cleaned.stdout
        assert not gone(serving.disks)
        tool("dd", f"if={serving.disk(0).disk}", "of=/dev/null", "bs=1M", "count=1", "iflag=direct")


def killed_with_a_command_under_way(array: Path) -> tuple[Serving, subprocess.Popen[bytes]]:
    """The process is gone, its disks are not, and somebody waits for an answer of one of them."""
    serving = Serving.start(array)
    tool("udevadm", "settle")
    serving.process.send_signal(signal.SIGSTOP)
    tasks = Path(f"/proc/{serving.process.pid}/task")
    assert eventually(lambda: all(state(task) == "T" for task in tasks.iterdir()))
    reader = subprocess.Popen(
        ["dd", f"if={serving.disk(0).disk}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct"],
        stderr=subprocess.PIPE,
    )
    assert eventually(lambda: "blkdev" in Path(f"/proc/{reader.pid}/stack").read_text())
    serving.kill()
    return serving, reader


def test_what_a_killed_process_left_is_cleaned_and_who_waits_gets_an_error(
    array: Path, stranger: Path
) -> None:
    serving, reader = killed_with_a_command_under_way(array)
    assert reader.poll() is None
    cleaned = xcopy_dev("emu", "clean")
    assert cleaned.returncode == 0, cleaned.stderr
    assert cleaned.stdout.count("removed xcopydev-serve-") == 2
    assert cleaned.stdout.count("removed naa.") == 1
    _, said = reader.communicate(timeout=DEADLINE)
    assert reader.returncode == 1
    assert b"rror" in said
    assert eventually(lambda: gone(serving.disks))
    assert left_in_configfs() == []
    assert stranger.is_dir()


def test_serving_again_after_a_kill_removes_the_left_overs_and_has_the_same_data(array: Path) -> None:
    _, reader = killed_with_a_command_under_way(array)
    with Serving.start(array) as serving:
        removed = [r["name"] for r in serving.records if r["record"] == "removed"]
        assert len(removed) == 3
        reader.communicate(timeout=DEADLINE)
        assert reader.returncode == 1
        tool("cmp", serving.disk(0).disk, str(unit_file(array, 0)))
    assert left_in_configfs() == []


def test_a_command_that_is_never_answered_times_out_and_the_disk_goes_on(array: Path) -> None:
    from cdb.command import Silence
    from xcopy.api.serve import serve
    from xcopy.target.faults import Fault

    served = open_array(array)
    with serve(array) as serving:
        sg = serving.units[0].sg
        served.faults.add(Fault(opcode=0x84, then=Silence("lost")))
        ask = ("sg_raw", "-r", "1024", sg, *RECEIVE_OPERATING_PARAMETERS)
        said = tool(ask[0], "-t", "2", *ask[1:], good=False)
        assert "DID_TIME_OUT" in said
        assert re.search(r"Received \d+ bytes of data", tool(*ask))
    assert left_in_configfs() == []


def test_a_reset_ends_a_copy_that_runs(array: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xcopy.api.serve import serve
    from xcopy.target.faults import Call, Fault

    served = open_array(array)
    running, goes_on = threading.Event(), threading.Event()
    copied_at_reset: list[object] = []

    def first_write() -> None:
        running.set()
        assert goes_on.wait(DEADLINE)

    def wait(operations: Operations, operation: Operation) -> None:
        goes_on.set()  # the copy goes on once the reset waits for it
        waits(operations, operation)

    def reset(number: int, *, but: str) -> None:
        resets(number, but=but)
        copied_at_reset.append(served.copied_segments)  # now, for the client may try again

    resets, waits = served.reset, Operations.wait
    monkeypatch.setattr(served, "reset", reset)
    monkeypatch.setattr(Operations, "wait", wait)
    served.faults.add(Fault(at="write", then=Call(first_write)))
    with serve(array) as serving:
        source, destination = (unit.sg for unit in serving.units)
        copy = subprocess.Popen(
            ["sg_xcopy", f"if={source}", f"of={destination}", "count=32768", "bpt=32768"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert running.wait(DEADLINE)
        tool("sg_reset", "-d", "-N", destination)
        copy.wait(DEADLINE)
    assert copied_at_reset == [()]
    assert left_in_configfs() == []


@pytest.fixture(scope="class")
def undisturbed() -> Iterator[None]:
    """udev does not look at disks, which would be told of a reset before whom we ask."""
    tool("udevadm", "control", "--stop-exec-queue")
    yield
    tool("udevadm", "control", "--start-exec-queue")


@pytest.fixture(scope="class")
def by_two(undisturbed: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Two units that two nexuses see."""
    del undisturbed
    array = tmp_path_factory.mktemp("reset") / "array"
    create(array, units=2, size=SIZE)
    with Serving.start(array, "--nexuses", "2") as serving:
        yield serving


def told(disk: Disk) -> str:
    """What TEST UNIT READY is answered."""
    said = tool("sg_raw", disk.sg, *["00"] * 6, good=False)
    found = re.search(r"Additional sense: (.*)", said) or re.search(r"SCSI Status: (\w+)", said)
    assert found, said
    return found[1].strip()


def is_ready(disk: Disk) -> bool:
    return told(disk) == "Good"


def was_reset(disk: Disk) -> bool:
    return told(disk) == "Bus device reset function occurred"  # 29h/03h


def settled(serving: Serving) -> None:
    """The kernel has looked for partitions, and every nexus was told what happened to its units so far."""
    for disk in serving.disks:
        tool("dd", f"if={disk.disk}", "of=/dev/null", "bs=4k", "count=1", "iflag=direct")
        assert eventually(partial(is_ready, disk))


class TestResetsBySomeNexus:
    @pytest.mark.parametrize("of", ["-d", "-t"])  # of a target the kernel passes on as of one unit
    def test_every_nexus_is_told_once_that_one_of_them_has_reset_a_unit(
        self, by_two: Serving, of: str
    ) -> None:
        settled(by_two)
        tool("sg_reset", of, "-N", by_two.disk(0, nexus=0).sg)
        for disk in (d for d in by_two.disks if d.unit == 0):
            assert eventually(partial(was_reset, disk))  # by another nexus it may be asked before it is told
        assert [told(disk) for disk in by_two.disks] == ["Good"] * 4

    @pytest.mark.parametrize("of", ["-b", "-H"])
    def test_the_kernel_knows_no_reset_of_a_bus_or_a_host(self, by_two: Serving, of: str) -> None:
        settled(by_two)
        done = subprocess.run(
            ["sg_reset", of, "-N", by_two.disk(0).sg], capture_output=True, check=False, timeout=DEADLINE
        )
        heard = {told(d) for d in by_two.disks}
        assert (done.returncode, heard) == (1, {"Good"})


def test_a_command_that_hangs_keeps_the_disks_until_it_is_ended_by_force(array: Path) -> None:
    from xcopy.api.serve import serve
    from xcopy.target.faults import Call, Fault

    served = open_array(array)
    running, goes_on = threading.Event(), threading.Event()

    def hang() -> None:
        running.set()
        assert goes_on.wait(DEADLINE)

    served.faults.add(Fault(opcode=0x84, then=Call(hang)))
    serving = serve(array)
    asking = subprocess.Popen(
        ["sg_raw", "-r", "1024", serving.units[0].sg, *RECEIVE_OPERATING_PARAMETERS],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert running.wait(DEADLINE)
    closing = threading.Thread(target=serving.close)
    closing.start()
    closing.join(2.0)
    assert closing.is_alive()
    serving.fail()
    closing.join(DEADLINE)
    assert not closing.is_alive()
    assert asking.wait(DEADLINE) != 0
    goes_on.set()
    assert left_in_configfs() == []
