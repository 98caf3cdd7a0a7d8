"""A verification, carried out: both sides read by the host past every cache, by several workers at once.

Here the decisions of `verification`, doors and the clock meet. Writes nothing, and opens nothing for writing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias

from xcopy.api.doors import Doors
from xcopy.api.endpoint import refuse_moved
from xcopy.bucket import Bucket
from xcopy.conversation import Side
from xcopy.device.clock import MonotonicClock
from xcopy.device.descriptors import workers
from xcopy.device.worker import start
from xcopy.errors import NoThread, XcopyError
from xcopy.inbox import Inbox
from xcopy.progress import Meter, Progress
from xcopy.verification import PIECE_BYTES, VERIFY, Compared, Findings, Selection, Verified, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xcopy.api.endpoint import Endpoint
    from xcopy.api.options import Options
    from xcopy.plan import Piece, Request
    from xcopy.verification import Reader, Scope

LOOK = 0.2  # seconds between two looks at the progress
JOBS = 8  # pieces read at once, unless it is told


@dataclass(frozen=True, slots=True)
class _Ended:
    outcome: Compared | Exception


_Message: TypeAlias = "_Ended | str"


class Verifying:
    """One run of a verification of these runs of a request; `before` are seconds that went before it."""

    def __init__(
        self,
        request: Request,
        runs: Iterable[Piece],
        scope: Scope,
        source: Endpoint,
        destination: Endpoint,
        options: Options,
        observe: Callable[[Progress], object],
        *,
        before: float = 0.0,
    ) -> None:
        self._request, self._source, self._destination, self._observe = request, source, destination, observe
        self._selection = Selection(runs, scope.seeded(int.from_bytes(os.urandom(4))), request.block_size)
        self._bucket = None if options.rate is None else Bucket(options.rate)
        most = PIECE_BYTES if self._bucket is None else min(PIECE_BYTES, self._bucket.largest_command)
        self._pieces = self._selection.pieces(max(1, most // request.block_size))
        self._next: Piece | None = None
        windows = (options.jobs or JOBS, source.window, destination.window)
        most = min(window for window in windows if window is not None)
        self._most = workers(most, len(source.parts) + len(destination.parts))
        self._now = MonotonicClock().now
        self._started = self._now()
        self._began = self._started - before
        self._due = self._started
        self._meter = Meter(0, self._started)
        self._findings = Findings()
        self._todo: SimpleQueue[Piece | None] = SimpleQueue()
        self._done: Inbox[_Message] = Inbox()
        self._in_flight = self._workers = 0
        self._stopped = ""
        self.fault: Exception | None = None

    def stop(self, reason: str) -> None:
        """Read nothing more; safe in a signal handler."""
        self._done.put(reason)
        for side in (self._source, self._destination):
            side.wait_no_more()

    def run(self) -> Verified:
        """Compare until all is compared, something cannot be read, or a stop is heard.

        Whatever goes wrong is in the result; an error that is a fault of this program is in `fault` too.
        """
        try:
            self._run()
            for side in (self._source, self._destination):
                refuse_moved(side)
        except Exception as error:
            self._ended_by(error)
        finally:
            while self._in_flight:
                self._take(self._done.get())
            for _ in range(self._workers):
                self._todo.put(None)
        size = self._request.block_size
        return Verified(
            scope=self._selection.scope,
            block_size=size,
            total=self._selection.blocks * size,
            compared=self._findings.compared * size,
            differing=self._findings.differing,
            first=self._findings.first,
            stopped=self._stopped,
            elapsed=self._now() - self._started,
            pairs=tuple(
                (one.unit.name, other.unit.name)
                for one in self._source.parts
                for other in self._destination.parts
            ),
        )

    def _run(self) -> None:
        self._next = next(self._pieces, None)
        while True:
            while not self._done.empty():  # a stop may be among it
                self._take(self._done.get())
            held_back = 0.0 if self._stopped else self._fill()
            if not self._in_flight and not held_back:
                return
            try:
                self._take(self._done.get(timeout=min(LOOK, held_back or LOOK)))
            except Empty:
                pass
            self._look()

    def _fill(self) -> float:
        """Hand out what may go now; seconds until more may, 0 where that is not what it waits for."""
        while self._next is not None and self._in_flight < self._most:
            now, bucket = self._now(), self._bucket
            if bucket is not None and (ready := bucket.ready_at(now)) > now:
                return ready - now
            if self._workers <= self._in_flight:
                try:
                    start(self._work, f"verify-{self._workers}")
                except NoThread:
                    if not self._workers:
                        raise
                    self._most = self._workers
                    return 0.0
                self._workers += 1
            if bucket is not None:
                bucket.sent(self._next.blocks * self._request.block_size, now)
            self._todo.put(self._next)
            self._in_flight += 1
            self._next = next(self._pieces, None)
        return 0.0

    def _take(self, message: _Message) -> None:
        if isinstance(message, str):
            self._stopped = self._stopped or message
            return
        self._in_flight -= 1
        if isinstance(message.outcome, Compared):
            self._findings.add(message.outcome)
        else:
            self._ended_by(message.outcome)

    def _ended_by(self, error: Exception) -> None:
        known = isinstance(error, XcopyError)
        self._stopped = self._stopped or (str(error) if known else f"a fault of this program: {error!r}")
        if not known:
            self.fault = self.fault or error

    def _work(self) -> None:
        doors = Doors(self._source, self._destination, read_only=True)

        def reader(side: Side) -> Reader:
            return lambda lba, blocks, pair: doors.blocks(side, pair).read(lba, blocks)

        try:
            while (piece := self._todo.get()) is not None:
                try:
                    outcome: Compared | Exception = compare(
                        piece, self._request, reader(Side.SOURCE), reader(Side.DESTINATION)
                    )
                except Exception as error:
                    outcome = error
                self._done.put(_Ended(outcome))
        finally:
            doors.close()

    def _look(self) -> None:
        """Show how far it is, not more often than anybody looks."""
        now = self._now()
        if now < self._due:
            return
        self._due = now + LOOK
        size = self._request.block_size
        compared = self._findings.compared * size
        self._observe(
            Progress(
                total=self._selection.blocks * size,
                copied={VERIFY: compared},
                means=VERIFY,
                window="",
                in_flight=self._in_flight,
                elapsed=now - self._began,
                rate=self._meter.seen(compared, now),
                stopping=self._stopped,
                path_changes=self._source.path_changes + self._destination.path_changes,
            )
        )
