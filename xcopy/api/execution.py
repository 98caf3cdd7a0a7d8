"""A prepared copy, carried out: what drives it, what is looked at meanwhile, and the caches around it.

Here decisions, doors and the clock meet. What is copied was settled before; what becomes of it is the job's.
"""

from __future__ import annotations

from contextlib import suppress
from queue import Empty
from typing import TYPE_CHECKING

from xcopy.api.doors import Doors
from xcopy.api.endpoint import make_durable, refuse_moved
from xcopy.bucket import Bucket
from xcopy.claim import UNCHECKED
from xcopy.comparison import Comparison
from xcopy.device.caches import drop, settle
from xcopy.device.clock import MonotonicClock
from xcopy.device.descriptors import workers
from xcopy.device.worker import start
from xcopy.drive import Unguided
from xcopy.errors import AccessError, NoThread, XcopyError
from xcopy.governor import Governor
from xcopy.inbox import Inbox
from xcopy.job import Method
from xcopy.list_ids import MOST
from xcopy.progress import Meter, Progress
from xcopy.runner import Runner
from xcopy.settings import Bounds, Setting, Span
from xcopy.task import HOST, MAP, OFFLOAD, ZERO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from xcopy.api.endpoint import Endpoint
    from xcopy.api.options import Options
    from xcopy.api.zeroing import Zeros
    from xcopy.checkpoint import Checkpoints
    from xcopy.job import Job
    from xcopy.limits import Limits
    from xcopy.offload import Pair

LOOK = 0.2  # seconds between two looks at the progress
LAYOUT_LOOK = 5.0  # seconds between two looks at where the blocks of volumes are
QUICK = 1.0  # seconds that making durable may take before anything is said of it
HOST_JOBS = 8  # pieces that the host reads and writes at once, of those that are ever tried unasked
HOST_PIECES = 2**20, 16 * 2**20  # bytes of one of them, at the least and at the most
HOST_START = 4, 8 * 2**20  # the kernel splits and queues what it is given: nobody is hurt by a fast start


class Execution:
    """One run of a job between two endpoints."""

    def __init__(
        self,
        job: Job,
        pairs: Sequence[Pair],
        source: Endpoint,
        destination: Endpoint,
        options: Options,
        observe: Callable[[Progress], object],
        checkpoints: Checkpoints | None = None,
        quiesce: Callable[[], object] | None = None,
    ) -> None:
        """`quiesce` keeps the source from being written to; it is called last before blocks are copied."""
        self._quiesce = quiesce
        self._unchecked = UNCHECKED in options.force
        self._checkpoints = checkpoints
        self._job, self._source, self._destination, self._options = job, source, destination, options
        self._observe = observe
        self._stop = ""
        self._now = MonotonicClock().now
        self._began = self._now()
        self._due = self._began
        self._layout_due = self._began + LAYOUT_LOOK
        self._meter = Meter(self._copied(), self._began)
        bucket = Bucket(options.rate) if options.rate is not None else None  # one for both means
        self._drives: dict[str, Governor | Unguided] = {
            HOST: Governor(self._host_bounds(), start=self._host_start(), bucket=bucket)
        }
        if job.limits is not None:
            self._drives[OFFLOAD] = Governor(self._bounds(job.limits), bucket=bucket)
        if job.holes is not None:
            self._drives |= {MAP: Unguided(), ZERO: Unguided(bucket)}
        self.comparison = Comparison(options.prefer, self._began) if self._comparable() else None
        self._runner = Runner(
            job,
            pairs,
            drives=self._drives,
            most=self._most(),
            bounds=self._bounds,
            open_doors=lambda: Doors(source, destination),
            start=start,
            now=self._now,
            sleep=lambda seconds, stopping: stopping.wait(seconds),
            timeout=options.timeout,
            comparison=self.comparison,
            observe=self._look,
        )

    @property
    def elapsed(self) -> float:
        """Seconds since it began."""
        return self._now() - self._began

    def stop(self, reason: str) -> None:
        """Issue nothing more; safe in a signal handler."""
        self._stop = self._stop or reason
        self._runner.stop(reason)
        for side in (self._source, self._destination):
            side.wait_no_more()

    def run(self) -> None:
        """Copy, between what the host still holds of the source and what it may not keep of the destination.

        Raises what stopped it, when nothing is in flight any more.
        """
        if self._source.node is not None:
            settle(self._source.node, closed=self._unchecked)
        if self._destination.node is not None:
            drop(self._destination.node, closed=self._unchecked)
        if self._quiesce is not None:
            self._quiesce()
            if self._source.node is not None:
                settle(self._source.node, closed=self._unchecked)
        self._runner.run()

    def make_zeros(self, zeros: Zeros) -> None:
        """Make these zeros as well, once all is copied; raises XcopyError where that fails."""
        if not self._job.coverage.complete:
            return
        for _ in zeros.steps():
            self._look(self._job)
            if self._stop and zeros.done < zeros.total:
                self._job.stop(self._stop)
                return

    def make_durable(self) -> None:
        """The copy survives a loss of power, and no page cache has old blocks; raises XcopyError if not.

        It may take minutes and cannot be called back: a thread does it, and this one goes on to observe.
        """
        ended: Inbox[BaseException | None] = Inbox()

        def work() -> None:
            try:
                self._make_durable()
            except BaseException as error:
                ended.put(error)
            else:
                ended.put(None)

        try:
            start(work, "durable")
        except NoThread:
            work()
        if (error := self._observed(ended)) is not None:
            raise error

    def _observed(self, ended: Inbox[BaseException | None]) -> BaseException | None:
        """How it ended; whatever is raised while it is waited for, it is waited for."""
        pause = QUICK
        try:
            while True:
                with suppress(Empty):
                    return ended.first(timeout=pause)
                pause = LOOK
                self._observe(self._progress(self._now(), finishing=True))
        except BaseException:
            ended.first()
            raise

    def _make_durable(self) -> None:
        kept = self._checkpoints
        if kept is not None:
            kept.wait()
        make_durable(self._destination)
        if self._destination.node is not None:
            drop(self._destination.node, self._destination.lost, closed=self._unchecked)
        self._refuse_moved()
        if kept is None:
            return
        if kept.not_durable:  # a cache that could not be written once may have been dropped
            raise AccessError(kept.not_durable)
        kept.last()
        if kept.trouble:
            self._job.stop(kept.trouble)

    def _refuse_moved(self) -> None:
        for side in (self._source, self._destination):
            refuse_moved(side)

    def _most(self) -> int:
        """How many tasks there are at once at the most, whatever they are of."""
        windows = (MOST, self._options.jobs, self._source.window, self._destination.window)
        most = min(most for most in windows if most is not None)
        return workers(most, 2 * (len(self._source.parts) + len(self._destination.parts)))

    def _bounds(self, limits: Limits) -> Bounds:
        return Bounds.of(limits, self._job.request.block_size, self._options.wanted)

    def _host_bounds(self) -> Bounds:
        size, jobs = self._job.request.block_size, self._options.jobs
        least, most = (max(1, each // size) for each in HOST_PIECES)
        return Bounds(
            block_size=size,
            jobs=Span(1, HOST_JOBS) if jobs is None else Span(jobs, jobs),
            segment_blocks=Span(least, most),
            segments=Span(1, 1),
        )

    def _host_start(self) -> Setting:
        jobs, piece = HOST_START
        return Setting(jobs, max(1, piece // self._job.request.block_size), 1)

    def _comparable(self) -> bool:
        return self._job.method is Method.AUTO and self._job.limits is not None

    def _copied(self) -> int:
        return sum(self._job.report.values())

    def _look(self, job: Job) -> None:
        """Keep the journal and an eye on volumes; show how far it is, not more often than anybody looks."""
        now = self._now()
        if now >= self._layout_due and not job.stopped:
            self._layout_due = now + LAYOUT_LOOK
            try:
                self._refuse_moved()
            except XcopyError as error:
                self.stop(str(error))
        if self._checkpoints is not None and (trouble := self._checkpoints.look(now)) and not job.stopped:
            self.stop(trouble)
        if now < self._due:
            return
        self._due = now + LOOK
        self._observe(self._progress(now))

    def _progress(self, now: float, *, finishing: bool = False) -> Progress:
        job = self._job
        means = job.means or (HOST if job.limits is None else OFFLOAD)
        copied, inside = job.report, self._runner.inside
        return Progress(
            total=job.request.bytes,
            copied=copied,
            means=means,
            window=self._drives[means].state,
            in_flight=job.in_flight,
            elapsed=now - self._began,
            rate=self._meter.seen(sum(copied.values()) + inside, now),
            inside=inside,
            stopping=job.stopped,
            finishing=finishing,
            path_changes=self._source.path_changes + self._destination.path_changes,
        )
