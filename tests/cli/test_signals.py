"""What a running copy answers to signals: how far it is, and why it does not end at once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Directory

# The third command sends a signal and is not answered before a line comes in.
WAIT_IN_THE_THIRD = """
import os, signal, sys
from xcopy.cli.main import main
from xcopy.device.array_dir import open_array
from xcopy.target.faults import Call, Fault
signal.signal(signal.{name}, signal.{disposition})  # whatever whoever runs the tests did with it
wait = Call(lambda: (os.kill(os.getpid(), signal.{name}), sys.stdin.readline()))
array = open_array(sys.argv[1].removeprefix("emu:").removesuffix("/0"))
array.faults.add(Fault(opcode=0x83, nth=3, then=wait))
sys.exit(main(sys.argv[1:]))
"""

# Sends itself SIGUSR1 as soon as the plan is said.
ASK_AT_THE_PLAN = """
import os, signal, sys
from xcopy.cli.main import main
signal.signal(signal.SIGUSR1, signal.SIG_DFL)  # whatever whoever runs the tests did with it
write = sys.stdout.write
def ask(text):
    if '"plan"' in text:
        os.kill(os.getpid(), signal.SIGUSR1)
    return write(text)
sys.stdout.write = ask
sys.exit(main(sys.argv[1:]))
"""


class Waiting:
    """A copy that waits in its third command; its standard error and output as they come."""

    def __init__(self, array: Directory, name: str, *words: str, disposition: str = "SIG_DFL") -> None:
        script = WAIT_IN_THE_THIRD.format(name=name, disposition=disposition)
        ways = ("--segment", "8KiB", "--segments-per-command", "1", "--jobs", "1")
        self.process = subprocess.Popen(
            [sys.executable, "-c", script, array.unit(0), array.unit(1), *ways, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def says(self, *, json: bool = False) -> str:
        """Its next line."""
        stream = self.process.stdout if json else self.process.stderr
        assert stream is not None
        return stream.readline()

    def go_on(self) -> int:
        """Let it end; its exit code."""
        self.process.communicate("\n", timeout=60)
        return self.process.returncode


@pytest.fixture
def started() -> Iterator[list[Waiting]]:
    made: list[Waiting] = []
    yield made
    for each in made:
        with each.process as left:
            left.kill()


def test_sigusr1_asks_how_far_it_is(array: Directory, started: list[Waiting]) -> None:
    started.append(copy := Waiting(array, "SIGUSR1"))
    assert copy.says().startswith("xcopy-dev: 0.7 %, 16.0 KiB of 2.0 MiB, ")
    assert copy.go_on() == 0
    assert array.bytes(1) == array.bytes(0)


def test_sigusr1_that_was_ignored_stays_ignored(array: Directory, started: list[Waiting]) -> None:
    started.append(copy := Waiting(array, "SIGUSR1", disposition="SIG_IGN"))
    assert copy.process.communicate("\n", timeout=60)[1] == ""


def test_sigusr1_is_answered_in_json_too(array: Directory, started: list[Waiting]) -> None:
    started.append(copy := Waiting(array, "SIGUSR1", "--json"))
    assert json.loads(copy.says(json=True))["record"] == "plan"
    while (record := json.loads(copy.says(json=True)))["copied"] < 2 * 8192:
        assert record["record"] == "progress"
    assert record["bytes"] == {"offload": 2 * 8192, "host": 0}
    assert (record["in_flight"], record["window"]) == (1, "1 x 8 KiB")
    assert copy.go_on() == 0


def test_sigusr1_as_early_as_the_plan_is_answered_and_ends_nothing(array: Directory) -> None:
    words = (sys.executable, "-c", ASK_AT_THE_PLAN, array.unit(0), array.unit(1), "--json")
    copy = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert copy.returncode == 0, copy.stderr
    records = [json.loads(line)["record"] for line in copy.stdout.splitlines()]
    assert records[:2] == ["plan", "progress"]
    assert array.bytes(1) == array.bytes(0)


def test_a_second_ctrl_c_is_explained_and_the_copy_ends_when_its_command_does(
    array: Directory, started: list[Waiting]
) -> None:
    before = array.bytes(1)
    started.append(copy := Waiting(array, "SIGINT"))
    assert copy.says() == (
        "xcopy-dev: interrupted: nothing more is sent; 1 command in flight waited for, then the report\n"
    )
    copy.process.send_signal(signal.SIGINT)
    assert copy.says().startswith("xcopy-dev: still 1 command in flight: the storage goes on copying")
    assert copy.process.poll() is None
    assert copy.go_on() == 130
    copied = 3 * 8192
    assert array.bytes(1) == array.bytes(0)[:copied] + before[copied:]
