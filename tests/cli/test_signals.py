"""What a running copy answers to signals: how far it is, and why it does not end at once."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Directory, Ran

# The command of this name sends a signal and is not answered before a line comes in.
WAIT_IN_ONE = """
import os, signal, sys
from xcopy.cli.main import main
from xcopy.device.array_dir import open_array
from xcopy.target.faults import Call, Fault
import xcopy.api.execution
xcopy.api.execution.QUICK = 0.01
signal.signal(signal.{name}, signal.{disposition})  # whatever whoever runs the tests did with it
wait = Call(lambda: (os.kill(os.getpid(), signal.{name}), sys.stdin.readline()))
array = open_array(sys.argv[1].removeprefix("emu:").removesuffix("/0"))
array.faults.add(Fault(opcode={opcode}, nth={nth}, then=wait))
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


# A signal comes at the last moment: when the report is being written, or when Python ends.
LATE = """
import atexit, os, signal, sys
from xcopy.cli.main import main
number = signal.{name}
signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
write = sys.stdout.write
def strike(text):
    if '"done"' in text:
        os.kill(os.getpid(), number)
    return write(text)
if {at_exit}:
    atexit.register(os.kill, os.getpid(), number)
else:
    sys.stdout.write = strike
sys.exit(main())
"""
THIRD_COPY = 0x83, 3
SYNCHRONIZE_CACHE = 0x91, 1
DURABLE = "xcopy-dev: making the copy durable: the destination writes its cache\n"


class Waiting:
    """A copy that waits in one command; its standard error and output as they come."""

    def __init__(
        self,
        array: Directory,
        name: str,
        *words: str,
        disposition: str = "SIG_DFL",
        within: tuple[int, int] = THIRD_COPY,
    ) -> None:
        opcode, nth = within
        script = WAIT_IN_ONE.format(name=name, disposition=disposition, opcode=opcode, nth=nth)
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
    said = copy.process.communicate("\n", timeout=60)[1].splitlines()
    assert [line for line in said if "durable" not in line] == []


def test_sigusr1_is_answered_in_json_too(array: Directory, started: list[Waiting]) -> None:
    started.append(copy := Waiting(array, "SIGUSR1", "--json"))
    assert json.loads(copy.says(json=True))["record"] == "plan"
    while (record := json.loads(copy.says(json=True)))["copied"] < 2 * 8192 or not record["in_flight"]:
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


def test_ctrl_c_while_the_copy_is_made_durable_is_answered_and_changes_nothing(
    array: Directory, started: list[Waiting]
) -> None:
    started.append(copy := Waiting(array, "SIGINT", within=SYNCHRONIZE_CACHE))
    while (said := copy.says()) == DURABLE:  # before the signal was heard
        pass
    assert said == (
        "xcopy-dev: nothing is left to stop: the destination writes its cache to make the copy durable; "
        "waited for, then the report\n"
    )
    assert copy.process.poll() is None
    assert copy.go_on() == 0
    assert array.bytes(1) == array.bytes(0)


def test_making_the_copy_durable_is_said_when_it_takes_a_while(
    array: Directory, started: list[Waiting]
) -> None:
    started.append(copy := Waiting(array, "SIGINT", disposition="SIG_IGN", within=SYNCHRONIZE_CACHE))
    assert copy.says() == DURABLE
    assert copy.go_on() == 0


def test_making_the_copy_durable_is_a_record_in_json(array: Directory, started: list[Waiting]) -> None:
    started.append(copy := Waiting(array, "SIGINT", "--json", within=SYNCHRONIZE_CACHE))
    while not (record := json.loads(copy.says(json=True))).get("asked"):
        assert record["record"] in ("plan", "progress", "making_durable")
    assert (record["record"], record["asked"]) == ("making_durable", 1)
    assert copy.go_on() == 0


@pytest.mark.parametrize("at_exit", [False, True], ids=["in the report", "at exit"])
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1"])
def test_a_signal_after_the_copy_changes_neither_its_report_nor_its_exit_code(
    array: Directory, name: str, at_exit: bool
) -> None:
    script = LATE.format(name=name, at_exit=at_exit)
    words = (sys.executable, "-c", script, array.unit(0), array.unit(1), "--json")
    copy = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert (copy.returncode, copy.stderr) == (0, "")
    last = json.loads(copy.stdout.splitlines()[-1])
    assert (last["record"], last["exit"]) == ("done", 0)


def test_whoever_runs_the_command_in_a_program_has_the_signals_as_they_were(
    array: Directory, run: Callable[..., Ran]
) -> None:
    before = [signal.getsignal(number) for number in signal.valid_signals()]
    assert run(array.unit(0), array.unit(1)).code == 0
    assert [signal.getsignal(number) for number in signal.valid_signals()] == before
