"""xcopy-dev as processes of their own, to be asked, interrupted and killed while they copy.

Belongs here: starting them, their records as they come, and the moment at which the target had so many
commands, by the kernel's own log. Does not know what is copied.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from tests.lio.serving import DEADLINE, MAIN
from tests.lio.target_log import COMMAND, lines

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.context import ForkServerProcess

PRELOADED = (
    *("xcopy.cli.copy", "xcopy.cli.resume", "xcopy.cli.render_text", "xcopy.api.execution"),
    *("xcopy.api.journal", "xcopy.device.sg", "xcopy.device.topology", __name__),
)


class Running:
    """One with --json; `records` has what it said up to now."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [*MAIN, *words, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.records: list[dict[str, Any]] = []

    def until(self, kind: str) -> dict[str, Any]:
        """Its next record of a kind."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.records.append(json.loads(line))
            if self.records[-1]["record"] == kind:
                return self.records[-1]
        raise AssertionError(f"no {kind}, but {self.records[-1:]}, {self.process.communicate()[1]}")

    def signal(self, number: int) -> None:
        """Send it one."""
        self.process.send_signal(number)

    def ask(self) -> dict[str, Any]:
        """How far it is."""
        self.signal(signal.SIGUSR1)
        return self.until("progress")

    def until_copied(self, size: int, in_flight: int) -> dict[str, Any]:
        """What it says when so many bytes are copied and so many commands are in flight."""
        self.until("progress")
        while (seen := self.ask())["copied"] < size or seen["in_flight"] < in_flight:
            assert seen["copied"] < seen["total"]
        return seen

    def until_still(self, in_flight: int) -> dict[str, Any]:
        """What it says when so many commands are in flight, and says again."""
        before, seen = 0, self.ask()
        while seen["in_flight"] < in_flight or seen["copied"] != before:
            before, seen = seen["copied"], self.ask()
        return seen

    def end(self) -> dict[str, Any]:
        """Its last record, when it has ended."""
        done = self.until("done")
        self.process.wait(DEADLINE)
        return done


@contextmanager
def running(*words: str) -> Iterator[Running]:
    """One that is over when the block is, at the latest when the storage has answered."""
    copy = Running(*words)
    with copy.process as left:
        try:
            yield copy
        finally:
            left.kill()


def silent(words: tuple[str, ...]) -> None:
    """What a process that was forked off does."""
    from xcopy.cli.main import main

    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    sys.exit(main(list(words)))


def forked(*words: str) -> ForkServerProcess:
    """One that says nothing, without the seconds that a Python takes to start."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(PRELOADED))
    process = context.Process(target=silent, args=(words,))
    process.start()
    return process


def killed_after(commands: int, moment: float, *words: str) -> ForkServerProcess | None:
    """One that was killed `moment` seconds after the target had so many commands, and may not be gone yet.

    None for one that had copied all by then.
    """
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    try:
        os.lseek(log, 0, os.SEEK_END)
        process, seen, ended = forked(*words), 0, False
        while seen < commands and not ended:
            ready = wait([log, process.sentinel], DEADLINE)
            assert ready, f"{' '.join(words)} hangs after {seen} commands"
            ended = process.sentinel in ready
            seen += sum(COMMAND in line for line in lines(log))
    finally:
        os.close(log)
    if wait([process.sentinel], moment):
        process.join()
        assert process.exitcode == 0
        return None
    process.kill()
    return process
