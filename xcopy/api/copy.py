"""A copy as a script asks for it: checked, planned, run, framed by cache flushes, reported. Never prints.

with prepare("/dev/sdb:0+1GiB", "/dev/sdc:0") as copy:
    report = copy.run()
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from xcopy.api.endpoint import Endpoint, carry_out, open_endpoint, split
from xcopy.api.request import check_texts, insist, many_ranges, one_range
from xcopy.api.safety import refuse_overlap, secure
from xcopy.conversation import Side
from xcopy.device.clock import MonotonicClock
from xcopy.errors import UsageError, XcopyError
from xcopy.job import Job, Method
from xcopy.limits import Limits, agree
from xcopy.offload import Pair, command_for, synchronize
from xcopy.plan import batches, remainders
from xcopy.results import NotCopied, RangeResults
from xcopy.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cdb.command import Command, Transport
    from xcopy.api.request import RangeList
    from xcopy.asked import Asked
    from xcopy.conversation import BlockDoor
    from xcopy.limits import Refusal
    from xcopy.results import FailedRange


MOST_JOBS = 255  # as many as there are list identifiers


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to copy; `timeout` in seconds per command, None to derive it from what a command moves."""

    method: Method = Method.AUTO
    jobs: int = 4
    timeout: float | None = None
    force: bool = False
    transport: str = "sg"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a copy, read from its ledger; byte counts by means, reasons of every fallback.

    `ranges` has what became of each range that was asked for, in that order.
    """

    total: int
    bytes: dict[str, int]
    commands: dict[str, int]
    fallbacks: tuple[tuple[str, int], ...]
    not_copied: Sequence[FailedRange]
    ranges: RangeResults
    stopped: str
    not_durable: str
    offload_refused: str
    elapsed: float

    @property
    def copied(self) -> int:
        """Bytes copied by any means."""
        return sum(self.bytes.values())

    @property
    def complete(self) -> bool:
        """True when every byte asked for is copied, and durable as far as the units say."""
        return self.copied == self.total and not self.stopped and not self.not_durable


def prepare(
    source: str, destination: str, options: Options | None = None, ranges: RangeList | None = None
) -> Copy:
    """Open and check both sides and plan the copy; nothing is written before `Copy.run`.

    With `ranges`, SRC and DST have none of their own, and the ranges count from the starts of both.
    Raises UsageError, UnsafeError, UnsupportedError or AccessError.
    """
    options = options or Options()
    if not 1 <= options.jobs <= MOST_JOBS:
        raise UsageError(f"{options.jobs} commands in flight: --jobs takes 1 to {MOST_JOBS}")
    texts = split(source), split(destination)
    check_texts(*texts, many=ranges is not None)
    with ExitStack() as stack:
        first, second = (
            open_endpoint(text, transport=options.transport, timeout=options.timeout) for text in texts
        )
        asked = one_range(first, second) if ranges is None else many_ranges(first, second, ranges)
        refuse_overlap(first, second, asked)
        warnings = secure(first, second, stack, force=options.force)
        offer = agree(first.unit, second.unit, jobs=options.jobs)
        if options.method is Method.OFFLOAD:
            insist(offer, asked.request)
        return Copy(first, second, asked, offer, options, tuple(warnings), stack.pop_all())


class Copy:
    """One copy that is ready to run; holds the destination until it is closed."""

    def __init__(
        self,
        source: Endpoint,
        destination: Endpoint,
        asked: Asked,
        offer: Limits | Refusal,
        options: Options,
        warnings: tuple[str, ...],
        held: ExitStack,
    ) -> None:
        self.source, self.destination = source, destination
        self.asked, self.request = asked, asked.request
        self.offer, self.options, self.warnings = offer, options, warnings
        self._held = held
        limits = offer if isinstance(offer, Limits) else None
        self._pair = Pair(source.unit, destination.unit, limits.without_list_id if limits else True)
        self.job = Job(self.request, offer, options.method)
        self._runner: Runner | None = None
        self._stop = ""
        self._not_durable = ""
        self.fault: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the destination."""
        self._held.close()

    def stop(self, reason: str) -> None:
        """Issue no more commands; those in flight are waited for. Safe in a signal handler."""
        self._stop = reason
        if self._runner is not None:
            self._runner.stop(reason)

    def commands(self) -> Iterator[Command]:
        """Every EXTENDED COPY that a run would send, in order, made as they are asked for."""
        if isinstance(self.offer, Limits) and self.options.method is not Method.HOST:
            for number, batch in enumerate(batches(self.request, self.offer)):
                yield command_for(
                    batch, self.request, self._pair, list_id=number % 255 + 1, timeout=self.options.timeout
                )

    @property
    def host_bytes(self) -> int:
        """Bytes that a run would leave to the host, as far as the units' own words tell."""
        if not isinstance(self.offer, Limits) or self.options.method is Method.HOST:
            return self.request.bytes
        left = sum(piece.blocks for piece in remainders(self.request, self.offer))
        return left * self.request.block_size

    def run(self, observe: Callable[[Job], object] = lambda _: None) -> Report:
        """Copy; `observe` sees the job after every outcome and a few times a second.

        Always ends in a report. An error that is a fault of this program, not of a device, is in `fault`.
        """
        from xcopy.device.worker import start

        clock = MonotonicClock()
        began = clock.now()
        if self._stop:
            self.job.stop(self._stop)
        if self.request.blocks:
            try:
                self._before()
                self._runner = Runner(
                    self.job,
                    self._pair,
                    window=self._window(),
                    open_doors=lambda: _Doors(self.source, self.destination),
                    start=start,
                    sleep=lambda seconds, stopping: stopping.wait(seconds),
                    timeout=self.options.timeout,
                    observe=observe,
                )
                if self._stop:
                    self._runner.stop(self._stop)
                self._runner.run()
            except XcopyError as error:
                self.job.stop(str(error))
            except Exception as error:
                self.job.stop(f"a fault of this program: {error!r}")
                self.fault = error
            finally:
                self._after()
        return self._report(clock.now() - began)

    def _window(self) -> int:
        jobs = self.options.jobs
        if isinstance(self.offer, Limits):
            jobs = min(jobs, self.offer.in_flight.value)
        return min(w for w in (jobs, self.source.window, self.destination.window) if w is not None)

    def _before(self) -> None:
        """What the host still holds of the source reaches it; what it holds of the destination goes."""
        from xcopy.device.caches import drop, settle

        if self.source.node is not None:
            settle(self.source.node)
        if self.destination.node is not None:
            drop(self.destination.node)

    def _after(self) -> None:
        """The copy is durable and nobody reads old blocks from a page cache, or the report says otherwise."""
        from xcopy.device.caches import drop

        try:
            way = self.destination.open_transport()
            try:
                carry_out(synchronize(self.destination.name), way, self.destination.name)
            finally:
                way.close()
            if self.destination.node is not None:
                drop(self.destination.node)
        except XcopyError as error:
            self._not_durable = str(error)

    def _report(self, elapsed: float) -> Report:
        job, size = self.job, self.request.block_size
        return Report(
            total=self.request.bytes,
            bytes=job.report,
            commands=dict(job.commands),
            fallbacks=tuple((f.reason, f.blocks * size) for f in job.fallbacks.values()),
            not_copied=NotCopied(self.request, job.coverage),
            ranges=RangeResults(self.asked, job.coverage),
            stopped=job.stopped,
            not_durable=self._not_durable,
            offload_refused=job.refused,
            elapsed=elapsed,
        )


class _Doors:
    """One worker's ways to both units, each opened when it is first used."""

    def __init__(self, source: Endpoint, destination: Endpoint) -> None:
        self._sides = {Side.SOURCE: source, Side.DESTINATION: destination}
        self._transports: dict[Side, Transport] = {}
        self._blocks: dict[Side, BlockDoor] = {}

    def transport(self, side: Side) -> Transport:
        if side not in self._transports:
            self._transports[side] = self._sides[side].open_transport()
        return self._transports[side]

    def blocks(self, side: Side) -> BlockDoor:
        if side not in self._blocks:
            self._blocks[side] = self._sides[side].open_blocks(side is Side.DESTINATION)
        return self._blocks[side]

    def close(self) -> None:
        for way in self._transports.values():
            way.close()
        for door in self._blocks.values():
            door.close()
