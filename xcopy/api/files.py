"""Ranges of bytes from one file to another, by the cheapest means that both allow. Never prints.

with prepare("a.img", "b.img", enumerate([(0, None, 4096)])) as copy:
    report = copy.run()
"""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass
from threading import Event, Lock
from typing import TYPE_CHECKING, Self

from xcopy.api.byte_ranges import asked_of
from xcopy.api.safety import secure_by_host
from xcopy.api.shared_blocks import shared_bytes
from xcopy.device.caches import drop, settle
from xcopy.device.clock import MonotonicClock
from xcopy.device.fileops import FileCalls
from xcopy.device.open_file import open_destination, open_source
from xcopy.device.worker import start
from xcopy.errnos import Means
from xcopy.errors import NoThread, UnsafeError, UsageError, XcopyError
from xcopy.file_job import GOAL, FileJob
from xcopy.ladder import Ladder, Reflink
from xcopy.progress import Meter, Progress
from xcopy.results import NotCopied, RangeResults
from xcopy.sparse import Sparse
from xcopy.words import settle_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from xcopy.api.byte_ranges import FileRange
    from xcopy.asked import Asked
    from xcopy.device.open_file import OpenFile, Path
    from xcopy.results import FailedRange

LOOK = 0.2  # seconds between two looks at the progress


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOptions:
    """How to copy between files.

    `sync`: it survives a loss of power when the copy is done. `move`: one range may overlap its own copy, as
    with memmove(3). `latency`: seconds that one call to the kernel is to take at the most, above 0. `force`
    has the kinds of use of a destination device that are overridden (`xcopy.claim.FORCIBLE`).
    """

    reflink: Reflink = Reflink.AUTO
    sparse: Sparse = Sparse.AUTO
    sync: bool = False
    move: bool = False
    latency: float = GOAL
    force: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        settle_words(self, reflink=Reflink, sparse=Sparse)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileReport:
    """What became of a copy between files, read from its ledger; `bytes` and `calls` by means.

    `refused` has why a means was not taken, or no longer. `shared` is how many bytes of it are in blocks that
    the source has too, None where nobody tells, or in more than a thousand extents. `durable` is true when
    that was asked for, and is so. `longest` is the longest call's seconds; `stopped` why not all is copied.
    """

    total: int
    bytes: Mapping[Means, int]
    calls: Mapping[Means, int]
    refused: Mapping[Means, str]
    ranges: RangeResults
    not_copied: Sequence[FailedRange]
    shared: int | None
    durable: bool
    not_durable: str
    stopped: str
    longest: float
    elapsed: float
    units: tuple[int, int] = (1, 1)  # bytes that a number without a suffix counts, at either side

    @property
    def copied(self) -> int:
        """Bytes copied by any means, holes included."""
        return sum(self.bytes.values())

    @property
    def complete(self) -> bool:
        """True when all is copied, and durable if it was to be; of nothing, when nothing stood against it."""
        copied = self.copied == self.total and bool(self.total or not self.stopped)
        return copied and not self.not_durable


class CopyStopped(XcopyError):
    """A copy ended before all was copied, or was not durable as asked; `report` has what became of it."""

    def __init__(self, report: FileReport) -> None:
        super().__init__(
            f"copied {report.copied} of {report.total} bytes: {report.stopped or report.not_durable}"
        )
        self.report = report


def prepare(
    source: Path,
    destination: Path,
    ranges: Iterable[tuple[int, FileRange]] = ((0, (0, None, 0)),),
    options: FileOptions | None = None,
    *,
    file: str | None = "",
    look: bool = False,
    agree: Callable[[tuple[str, ...]], object] = lambda _: None,
) -> FileCopy:
    """Open and check both sides; nothing is written before `FileCopy.run`, but a new file is made.

    Ranges are bytes: (source offset, length, destination offset), a length of None to the end of the source;
    all are checked before the first is copied. With `look` no file is made, and nothing can be run. For
    messages, each range comes with its number in `file`: a list's name, "" for a program's, None for the one
    range of a command line.
    Raises UsageError, UnsafeError, UnsupportedError or AccessError.
    """
    options = options or FileOptions()
    if not options.latency > 0:
        raise UsageError(f"a latency of {options.latency} s: every call takes longer than that")
    with ExitStack() as stack:
        reader = stack.enter_context(open_source(source))
        writer = stack.enter_context(open_destination(destination, reader, make=not look))
        try:
            asked = asked_of(reader, writer, ranges, file)
            job = _job(reader, writer, asked, options)
            cleared = secure_by_host(reader, writer, asked, stack, force=options.force, writing=not look)
            if cleared.destroyed:
                agree(cleared.destroyed)
        except BaseException:
            writer.take_back()
            raise
        return FileCopy(reader, writer, asked, job, options, stack.pop_all(), tuple(cleared.warnings))


def _job(reader: OpenFile, writer: OpenFile, asked: Asked, options: FileOptions) -> FileJob:
    """Overlaps are decided here, and what no means can do is refused."""
    clash = asked.clash() if reader.is_same_as(writer) else None
    if clash is not None and not (options.move and len(asked) == 1 and not reader.facts.device):
        one, other = (asked.place(index) for index in clash)
        names = " and ".join(dict.fromkeys((reader.facts.name, writer.facts.name)))
        what, way = f"{one} reads bytes that {other} writes", "copy them one by one"
        if len(asked) == 1:
            what = "the range reads bytes that it writes"
            way = "--move (move=True) copies it as if all were read first"
        if reader.facts.device:
            raise UnsafeError(f"source and destination overlap on one device ({names}): {what}")
        raise UnsafeError(f"source and destination overlap in one file ({names}): {what}; {way}")
    ladder = Ladder(
        reader.facts,
        writer.facts,
        reflink=options.reflink,
        sparse=options.sparse,
        overlapping=clash is not None,
    )
    ladder.insist(asked.request)
    return FileJob(asked.request, ladder, goal=options.latency)


class FileCopy:
    """One copy that is ready to run; `report` is right whenever nothing is running, whatever was raised."""

    def __init__(
        self,
        source: OpenFile,
        destination: OpenFile,
        asked: Asked,
        job: FileJob,
        options: FileOptions,
        held: ExitStack,
        warnings: tuple[str, ...] = (),
    ) -> None:
        self.source, self.destination, self.asked, self.job = source, destination, asked, job
        self.options, self.warnings = options, warnings
        self._held = held
        self._now = MonotonicClock().now
        self._began = self._ended = self._now()
        self._meter = Meter(0, 0.0)
        self._seen: Mapping[Means, int] = self.job.bytes  # made anew by the thread that copies
        self._running = False
        self._shared: int | None = None
        self._not_durable = ""
        self._durable = self._finishing = False
        self.fault: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of both files; one that was made for nothing is removed."""
        if self._running:  # whoever was interrupted a second time leaves: the call under way has the files
            return
        if self.asked.request.bytes and not self.job.copied and self.destination.fd >= 0:
            self.destination.take_back()
        self._held.close()

    def stop(self, reason: str) -> None:
        """Copy no more than is under way; safe in a signal handler."""
        self.job.stop(reason)

    @property
    def explained(self) -> list[tuple[Means, str]]:
        """Each means, the cheapest first, and why it is not to be taken; "" for one that will be tried."""
        return self.job.ladder.explain(self.asked.request)

    @property
    def kept(self) -> int:
        """Bytes that the destination has behind all that is written to it, and keeps."""
        ends = (each.destination_lba + each.blocks for each in self.asked.request.ranges)
        return max(0, self.destination.facts.size - max(ends, default=0))

    def run(self, observe: Callable[[Progress], object] = lambda _: None) -> FileReport:
        """Copy; `observe` is shown the progress a few times a second.

        The calls are made in a thread that no signal reaches: none of them is cut short, and what a handler
        raises here is raised when the call under way has been booked. An error of the copy ends in a report;
        one that is a fault of this program is in `fault`.
        """
        ended, claim = Event(), Lock()
        self._began = self._now()

        def work() -> None:
            if not claim.acquire(blocking=False):
                return
            try:
                self._carry_out()
            except XcopyError as error:
                self.job.stop(str(error))
            except BaseException as error:
                self.fault = error
                self.job.stop(f"a fault of this program: {error!r}")
            finally:
                self._ended = self._now()
                self._running = False
                ended.set()

        self._running = True
        try:
            start(work, "files")
            while not ended.wait(LOOK):
                observe(self._progress())
        except NoThread as error:
            self._running = False
            self.stop(str(error))
        except BaseException as error:
            self.stop(f"interrupted by {type(error).__name__}")
            if claim.acquire(blocking=False):  # before the thread began, which does nothing now
                self._running = False
            else:
                ended.wait()
            raise
        return self.report

    def _carry_out(self) -> None:
        calls = FileCalls(
            self.source.fd,
            self.destination.fd,
            (self.source.facts.name, self.destination.facts.name),
            self._now,
        )
        if self.source.node is not None:
            settle(self.source.node)
        if self.destination.node is not None:
            drop(self.destination.node)
        conversation = self.job.conversation()
        with suppress(StopIteration):
            step = next(conversation)
            while True:
                step = conversation.send(calls.perform(step))
                self._seen = self.job.bytes
        device = self.destination.node
        if device is None and self.job.copied:
            try:
                self.destination.let_out()
            except XcopyError as error:
                self._not_durable = str(error)
        if (self.options.sync or device is not None) and self.job.copied:
            self._finishing = True
            try:
                self.destination.sync()
                if device is not None:
                    drop(device)
                self._durable = not (self.job.stopped or self._not_durable)
            except XcopyError as error:
                self._not_durable = str(error)
        if self.job.bytes[Means.CLONE] or self.job.bytes[Means.KERNEL]:
            self._shared = shared_bytes(self.source.fd, self.destination.fd, self.asked.request)

    def _progress(self) -> Progress:
        now = self._now() - self._began
        job = self.job
        copied = {means.value: count for means, count in self._seen.items()}
        return Progress(
            total=self.asked.request.bytes,
            copied=copied,
            means=job.means.value,
            window="",
            in_flight=1,
            elapsed=now,
            rate=self._meter.seen(sum(copied.values()), now),
            stopping=job.stopped,
            finishing=self._finishing,
        )

    @property
    def report(self) -> FileReport:
        """What has become of it."""
        job = self.job
        return FileReport(
            total=self.asked.request.bytes,
            bytes=job.bytes,
            calls=dict(job.calls),
            refused=dict(job.ladder.refused),
            ranges=RangeResults(self.asked, job.coverage),
            not_copied=NotCopied(self.asked.request, job.coverage),
            shared=self._shared,
            durable=self._durable,
            not_durable=self._not_durable,
            stopped=job.stopped,
            longest=job.longest,
            elapsed=max(0.0, self._ended - self._began),
            units=(self.source.step, self.destination.step),
        )


def copy_ranges(
    source: Path,
    destination: Path,
    ranges: Iterable[FileRange],
    options: FileOptions | None = None,
) -> FileReport:
    """Copy ranges of (source offset, length, destination offset) in bytes from one file to another.

    A length of None is to the end of the source, one of 0 copies nothing; no byte may be written twice, and
    none read that is written. Files are paths or descriptors, whose positions stay. Raises as `prepare`, and
    `CopyStopped` with the report when not all was copied.
    """
    with prepare(source, destination, enumerate(ranges), options) as copy:
        report = copy.run()
        if copy.fault is not None:
            raise copy.fault
        if not report.complete:
            raise CopyStopped(report)
        return report


def copy_range(
    source: Path,
    destination: Path,
    source_offset: int = 0,
    destination_offset: int = 0,
    length: int | None = None,
    options: FileOptions | None = None,
) -> FileReport:
    """Copy `length` bytes, or all to the end of the source, from one file to another; as `copy_ranges`."""
    return copy_ranges(source, destination, [(source_offset, length, destination_offset)], options)
