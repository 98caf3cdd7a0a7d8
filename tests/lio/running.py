"""xcopy-dev as processes of their own, to be asked, interrupted and killed while they copy.

Belongs here: starting them, their records as they come, and how long anybody waits for one. Every wait has a
deadline and ends at once where what it waits for cannot come any more; none depends on how fast the machine
is. Does not know what is copied.
"""

from __future__ import annotations

import json
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from tests.lio.serving import DEADLINE, MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator

SHOWN = 3  # of the last records, where a wait was in vain


class Running:
    """One with --json; `records` has what it said up to now."""

    def __init__(self, *words: str) -> None:
        self.process = subprocess.Popen(
            [*MAIN, *words, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.records: list[dict[str, Any]] = []
        self._lines: SimpleQueue[str] = SimpleQueue()  # the last one is empty
        self._said: list[str] = []
        self._readers = [
            threading.Thread(target=each, daemon=True) for each in (self._listen, self._overhear)
        ]
        for reader in self._readers:
            reader.start()

    def until(self, kind: str, deadline: float | None = None) -> dict[str, Any]:
        """Its next record of a kind; AssertionError where none comes until the deadline, or ever."""
        deadline = time.monotonic() + DEADLINE if deadline is None else deadline
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise self._in_vain(f"no record `{kind}` in {DEADLINE:.0f} s") from None
            if not line:
                self.process.wait(DEADLINE)
                self._readers[1].join(DEADLINE)
                raise self._in_vain(f"it ended without a record `{kind}`")
            self.records.append(json.loads(line))
            if self.records[-1]["record"] == kind:
                return self.records[-1]
            if self.records[-1]["record"] == "done":
                raise self._in_vain(f"it was done before a record `{kind}`")

    def signal(self, number: int) -> None:
        """Send it one."""
        self.process.send_signal(number)

    def until_copied(self, least: int, in_flight: int, most: int | None = None) -> dict[str, Any]:
        """What it says when from `least` to `most` bytes are copied, and so many commands are in flight.

        AssertionError where more are copied, or all, or where it is done.
        """
        if not self.records:
            self.until("plan")  # from then on it may be asked
        deadline = time.monotonic() + DEADLINE
        while True:
            self.signal(signal.SIGUSR1)
            seen = self.until("progress", deadline)
            if seen["copied"] > (seen["total"] - 1 if most is None else most):
                raise self._in_vain(f"more is copied than {in_flight} commands in flight were awaited at")
            if seen["copied"] >= least and seen["in_flight"] >= in_flight:
                return seen

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """None of its threads does anything meanwhile: what it had sent is answered, and nothing is sent."""
        self.signal(signal.SIGSTOP)
        tasks = Path(f"/proc/{self.process.pid}/task")
        deadline = time.monotonic() + DEADLINE
        while any(state(task) != "T" for task in tasks.iterdir()):
            if time.monotonic() > deadline:
                raise self._in_vain(f"stopped, and still busy after {DEADLINE:.0f} s")
            time.sleep(0.01)
        try:
            yield
        finally:
            self.signal(signal.SIGCONT)

    def end(self) -> dict[str, Any]:
        """Its last record, when it has ended."""
        done = self.until("done")
        self.process.wait(DEADLINE)
        return done

    def leave(self) -> None:
        """Kill it, and wait until the storage has answered what it was asked, but not for ever."""
        self.process.kill()
        try:
            self.process.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise self._in_vain(f"killed, and not gone after {DEADLINE:.0f} s: what holds it?") from None
        for reader in self._readers:
            reader.join(DEADLINE)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()

    def _listen(self) -> None:
        for line in self.process.stdout or ():
            self._lines.put(line)
        self._lines.put("")

    def _overhear(self) -> None:
        self._said.extend(self.process.stderr or ())

    def _in_vain(self, what: str) -> AssertionError:
        words = " ".join(map(str, self.process.args[len(MAIN) :]))  # type: ignore[index]
        return AssertionError(
            f"xcopy-dev {words}: {what}; exit code {self.process.poll()}, "
            f"last records {self.records[-SHOWN:]}, stderr {''.join(self._said[-SHOWN:])!r}"
        )


def state(task: Path) -> str:
    """What a thread does, as a letter (proc_pid_stat(5)), X for one that has ended since it was listed."""
    try:
        stat = (task / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return "X"
    return stat.rpartition(")")[2].split()[0]  # its name may have any character


@contextmanager
def running(*words: str) -> Iterator[Running]:
    """One that is over when the block is, at the latest when the storage has answered."""
    copy = Running(*words)
    try:
        yield copy
    finally:
        copy.leave()
