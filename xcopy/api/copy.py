"""A copy as a script asks for it: checked, planned, run, framed by cache flushes, reported. Never prints.

with prepare("/dev/sdb:0+1GiB", "/dev/sdc:0") as copy:
    report = copy.run()
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from xcopy.api.endpoint import Endpoint, carry_out, open_endpoint, split
from xcopy.api.safety import refuse_overlap, secure
from xcopy.conversation import Side
from xcopy.coverage import State
from xcopy.device.clock import MonotonicClock
from xcopy.errors import UnsupportedError, UsageError, XcopyError
from xcopy.job import Job, Method
from xcopy.limits import Limits, Refusal, agree
from xcopy.offload import Pair, command_for, synchronize
from xcopy.plan import Request, batches, remainders
from xcopy.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cdb.command import Command, Transport
    from xcopy.conversation import BlockDoor


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
class FailedRange:
    """Blocks that are not copied, on both units in their own blocks, and why."""

    source_lba: int
    source_blocks: int
    destination_lba: int
    destination_blocks: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a copy, read from its ledger; byte counts by means, reasons of every fallback."""

    total: int
    bytes: dict[str, int]
    commands: dict[str, int]
    fallbacks: tuple[tuple[str, int], ...]
    not_copied: tuple[FailedRange, ...]
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


def prepare(source: str, destination: str, options: Options | None = None) -> Copy:
    """Open and check both sides and plan the copy; nothing is written before `Copy.run`.

    Raises UsageError, UnsafeError, UnsupportedError or AccessError.
    """
    options = options or Options()
    if not 1 <= options.jobs <= MOST_JOBS:
        raise UsageError(f"{options.jobs} commands in flight: --jobs takes 1 to {MOST_JOBS}")
    texts = split(source), split(destination)
    if texts[1].count is not None:
        raise UsageError(
            f"{destination!r} has a COUNT, which belongs to the source: "
            "write SRC:LBA+COUNT DST:LBA, the source first"
        )
    with ExitStack() as stack:
        first, second = (
            open_endpoint(text, transport=options.transport, timeout=options.timeout) for text in texts
        )
        request = _request(first, second)
        refuse_overlap(first, second, request)
        warnings = secure(first, second, stack, force=options.force)
        offer = agree(first.unit, second.unit, jobs=options.jobs)
        if options.method is Method.OFFLOAD:
            _insist(offer, request)
        return Copy(first, second, request, offer, options, tuple(warnings), stack.pop_all())


class Copy:
    """One copy that is ready to run; holds the destination until it is closed."""

    def __init__(
        self,
        source: Endpoint,
        destination: Endpoint,
        request: Request,
        offer: Limits | Refusal,
        options: Options,
        warnings: tuple[str, ...],
        held: ExitStack,
    ) -> None:
        self.source, self.destination = source, destination
        self.request, self.offer, self.options, self.warnings = request, offer, options, warnings
        self._held = held
        limits = offer if isinstance(offer, Limits) else None
        self._pair = Pair(source.unit, destination.unit, limits.without_list_id if limits else True)
        self.job = Job(request, offer, options.method)
        self._runner: Runner | None = None
        self._stop = ""
        self._not_durable = ""
        self.fault: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def first_lbas(self) -> tuple[int, int]:
        """Where the copy begins on both units, in the blocks of each."""
        source, destination = self.source, self.destination
        return source.base + _start(source)[0], destination.base + _start(destination)[0]

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
            not_copied=tuple(
                FailedRange(
                    source_lba=self.request.source(piece)[0],
                    source_blocks=self.request.source(piece)[1],
                    destination_lba=self.request.destination(piece)[0],
                    destination_blocks=self.request.destination(piece)[1],
                    reason=entry.detail or "not tried",
                )
                for run, entry in job.coverage.runs(State.PENDING, State.IN_FLIGHT, State.FAILED)
                for piece in self.request.parts(run)
            ),
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


def _request(source: Endpoint, destination: Endpoint) -> Request:
    """Text to numbers: no length is left to "the end", and nothing reaches past it."""
    source_lba, source_room = _start(source)
    destination_lba, destination_room = _start(destination)
    count = source.text.count
    wanted = source_room if count is None else count.blocks(source.unit.block_size)
    if wanted > source_room:
        raise UsageError(
            f"{source.name}: {wanted} blocks from LBA {source_lba} end past its last block: "
            f"it has {source.blocks} blocks of {source.unit.block_size} bytes, {source_room} from there"
        )
    scale = max(source.unit.block_size, destination.unit.block_size)
    size = wanted * source.unit.block_size
    if size % scale:
        raise UsageError(
            f"{wanted} blocks of {source.unit.block_size} bytes are not whole blocks of {destination.name}, "
            f"which has {destination.unit.block_size} bytes: COUNT has to be a multiple of "
            f"{scale // source.unit.block_size}"
        )
    needed = size // destination.unit.block_size
    if needed > destination_room:
        raise UsageError(
            f"{destination.name}: {needed} blocks from LBA {destination_lba} end past its last block: it has "
            f"{destination.blocks} blocks of {destination.unit.block_size} bytes, {destination_room} from "
            "there; give a COUNT with the source"
        )
    return Request(
        source_lba=source.base + source_lba,
        destination_lba=destination.base + destination_lba,
        blocks=size // scale,
        source_block_size=source.unit.block_size,
        destination_block_size=destination.unit.block_size,
    )


def _start(side: Endpoint) -> tuple[int, int]:
    """The LBA asked for and how many blocks there are from it."""
    lba = 0 if side.text.lba is None else side.text.lba.blocks(side.unit.block_size)
    if lba > side.blocks:
        raise UsageError(
            f"{side.name}: LBA {lba} is past its end: it has {side.blocks} blocks "
            f"of {side.unit.block_size} bytes"
        )
    return lba, side.blocks - lba


def _insist(offer: Limits | Refusal, request: Request) -> None:
    """Only offload is allowed: refuse now what offload alone cannot finish."""
    if isinstance(offer, Refusal):
        raise UnsupportedError(f"offload is required, but {offer.reason}")
    rest = next(remainders(request, offer), None)
    if rest is not None:
        grain = offer.granularity_blocks
        raise UnsupportedError(
            f"offload is required, but the last {rest.blocks} of {request.blocks} blocks are less than the "
            f"{grain.rule} of {grain.value} blocks: make COUNT a multiple of {grain.value}"
        )
