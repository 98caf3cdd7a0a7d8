"""A copy as a script asks for it: checked, planned, run, framed by cache flushes, reported. Never prints.

with prepare("/dev/sdb:0+1GiB", "/dev/sdc:0") as copy:
    report = copy.run()
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from xcopy.api.endpoint import Endpoint, open_endpoint, refuse_moved, split
from xcopy.api.freezing import to_freeze, told
from xcopy.api.offers import Offers, insist_on, offers, pairs_of
from xcopy.api.options import Options
from xcopy.api.permissions import unchecked
from xcopy.api.request import check_texts, many_ranges, one_range
from xcopy.api.safety import refuse_overlap, secure
from xcopy.api.thin import holes_of, insist_on_map
from xcopy.errors import XcopyError
from xcopy.job import Job, Method
from xcopy.limits import Limits
from xcopy.list_ids import MOST
from xcopy.offload import command_for
from xcopy.pairs import Pairs
from xcopy.plan import batches, remainders
from xcopy.results import NotCopied, RangeResults
from xcopy.sparse import Sparse
from xcopy.task import OFFLOAD, ZEROS
from xcopy.verification import copied_runs, scope_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cdb.command import Command
    from xcopy.api.execution import Execution
    from xcopy.api.journal import Journal
    from xcopy.api.request import RangeList
    from xcopy.api.verifying import Verifying
    from xcopy.api.zeroing import Zeros
    from xcopy.asked import Asked
    from xcopy.comparison import Rates
    from xcopy.device.freeze import Frozen
    from xcopy.device.mounts import Mount
    from xcopy.paths import PathChange
    from xcopy.progress import Progress
    from xcopy.results import FailedRange
    from xcopy.verification import Verified


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of a copy, read from its ledger; byte counts by means, reasons of every fallback.

    Of a file's pieces, `total` and `bytes` have what is made zeros between them as well.

    `ranges` has what became of each range that was asked for, in that order. `commands_to` is the unit that
    took the commands of the offload, "source" or "destination", the last where both were tried; "" for none.
    `pairs` names the units of every pair of them, by the numbers that parts which are not copied have, and
    `path_changes` has the paths to units that failed, and those that took over. `not_zeroed` is why unmapped
    blocks were copied where they were to be zeroed, "" where none were.
    """

    total: int
    bytes: dict[str, int]
    commands: dict[str, int]
    commands_to: str
    fallbacks: tuple[tuple[str, int], ...]
    not_copied: Sequence[FailedRange]
    ranges: RangeResults
    stopped: str
    not_durable: str
    offload_refused: str
    elapsed: float
    compared: Rates | None = None
    pairs: tuple[tuple[str, str], ...] = ()
    verified: Verified | None = None
    path_changes: tuple[PathChange, ...] = ()
    not_zeroed: str = ""

    @property
    def copied(self) -> int:
        """Bytes copied by any means."""
        return sum(self.bytes.values())

    @property
    def complete(self) -> bool:
        """True when all is copied, durable as far as the units say, and found equal where that was asked."""
        copied = self.copied == self.total and not self.stopped and not self.not_durable
        return copied and (self.verified is None or self.verified.equal)


def prepare(
    source: str,
    destination: str,
    options: Options | None = None,
    ranges: RangeList | None = None,
    agree: Callable[[tuple[str, ...]], object] = lambda _: None,
) -> Copy:
    """Open and check both sides and plan the copy; nothing is written before `Copy.run`.

    With `ranges`, SRC and DST have none of their own, and the ranges count from the starts of both. `agree`
    is told what the copy would destroy, such as a file system, if anything, and raises to refuse it.
    Raises UsageError, UnsafeError, UnsupportedError or AccessError.
    """
    options = options or Options()
    texts = split(source), split(destination)
    check_texts(*texts, many=ranges is not None)
    with ExitStack() as stack:
        first, second = (
            open_endpoint(text, transport=options.transport, timeout=options.timeout) for text in texts
        )
        asked = one_range(first, second) if ranges is None else many_ranges(first, second, ranges)
        return ready(first, second, asked, options, stack, agree=agree)


@dataclass(frozen=True, slots=True)
class OfFile:
    """For pieces of a file, which who asks keeps still: all that it is to fill, and what of that is zeros."""

    whole: Asked
    zeros: Zeros


def ready(
    first: Endpoint,
    second: Endpoint,
    asked: Asked,
    options: Options,
    stack: ExitStack,
    journal: Journal | None = None,
    agree: Callable[[tuple[str, ...]], object] = lambda _: None,
    of_file: OfFile | None = None,
) -> Copy:
    """Check both sides and plan the copy; a new journal, if one is wanted, is begun when all is well."""
    if options.verify:
        scope_of(options.verify)
    refuse_overlap(first, second, asked)
    unlooked = unchecked(first, second, force=options.force)
    frozen = to_freeze(first, second, options.journal) if options.freeze else ()
    cleared = secure(
        first,
        second,
        asked if of_file is None else of_file.whole,
        stack,
        force=options.force,
        timeout=options.timeout,
        still=options.freeze or of_file is not None,
    )
    warnings = [told(frozen)] * options.freeze + unlooked + cleared.warnings
    for side in (first, second):
        refuse_moved(side)
    found = offers(first, second, asked.request, options.wanted)
    if options.method is Method.OFFLOAD:
        insist_on(found, asked.request)
    if options.sparse is Sparse.ALWAYS and options.method is not Method.HOST:
        insist_on_map(first, asked.request, len(second.parts), options.timeout)
    if cleared.destroyed:
        agree(cleared.destroyed)
    if journal is not None and journal.notice:
        warnings.append(journal.notice)
    if journal is None and options.journal is not None:
        from xcopy.api.journal import new_journal

        journal = new_journal(options.journal, first, second, asked, options)
        stack.enter_context(journal.file)
    zeros = None if of_file is None else of_file.zeros
    return Copy(
        first, second, asked, found, options, tuple(warnings), stack.pop_all(), journal, frozen, zeros
    )


class Copy:
    """One copy that is ready to run; holds the destination until it is closed."""

    def __init__(
        self,
        source: Endpoint,
        destination: Endpoint,
        asked: Asked,
        offers: Offers,
        options: Options,
        warnings: tuple[str, ...],
        held: ExitStack,
        journal: Journal | None = None,
        to_freeze: tuple[Mount, ...] = (),
        zeros: Zeros | None = None,
    ) -> None:
        self.source, self.destination = source, destination
        self.asked, self.request = asked, asked.request
        self.options, self.warnings = options, warnings
        self._held = held
        known = Pairs(offers.used, offers.refused)
        self._pairs = pairs_of(source, destination, offers.limits)
        holes = holes_of(self.request, self._pairs, offers, options)
        self.job = Job(self.request, offers.offer, options.method, offers.otherwise, known, holes)
        self.offer = self.job.limits or offers.offer
        self._refused = offers.refused
        self.journal = journal
        if journal is not None:
            self.job.already(piece for piece, _ in journal.earlier)
        self._execution: Execution | None = None
        self._verifying: Verifying | None = None
        self._stop = ""
        self._not_durable = ""
        self._to_freeze = to_freeze
        self.zeros = zeros if zeros is not None and zeros.total else None
        self._frozen: Frozen | None = None
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
        for part in (self._execution, self._verifying):
            if part is not None:
                part.stop(reason)

    def commands(self) -> Iterator[Command]:
        """Every EXTENDED COPY that a run would send, in order, made as they are asked for."""
        if isinstance(self.offer, Limits) and self.options.method is not Method.HOST:
            number = 0
            for batch in batches(self.request, self.offer):
                pair = self.request.pair(batch.whole.start)
                if pair in self._refused:
                    continue
                number = number % MOST + 1
                yield command_for(
                    batch, self.request, self._pairs[pair], list_id=number, timeout=self.options.timeout
                )

    @property
    def host_bytes(self) -> int:
        """Bytes that a run would leave to the host, as far as the units' own words tell."""
        if not isinstance(self.offer, Limits) or self.options.method is Method.HOST:
            return self.request.bytes
        left = sum(
            piece.blocks
            for piece in remainders(self.request, self.offer)
            if self.request.pair(piece.start) not in self._refused
        )
        if self._refused:
            left += sum(each.blocks for each in self.request.ranges if each.pair in self._refused)
        return left * self.request.block_size

    def run(self, observe: Callable[[Progress], object] = lambda _: None) -> Report:
        """Copy; `observe` is shown the progress a few times a second.

        Always ends in a report. An error that is a fault of this program, not of a device, is in `fault`.
        """
        from xcopy.api.execution import Execution

        def look(progress: Progress) -> None:
            observe(
                progress if self.zeros is None else progress.beside(ZEROS, self.zeros.done, self.zeros.total)
            )
            if self._frozen is not None:
                self._frozen.beat()

        checkpoints = None
        if self.journal is not None:
            interval = self.options.journal_interval
            checkpoints = self.journal.checkpoints(self.job, self.destination, interval)
        self._execution = run = Execution(
            self.job,
            self._pairs,
            self.source,
            self.destination,
            self.options,
            look,
            checkpoints,
            self._freeze if self._to_freeze else None,
        )
        if self._stop:
            run.stop(self._stop)
        try:
            if self.request.blocks or self.zeros is not None:
                self._copy(run)
            elapsed = run.elapsed
            verified = self._verify(elapsed, look) if self.options.verify else None
        finally:
            self._thaw()
        return self._report(run, elapsed, verified)

    def _copy(self, run: Execution) -> None:
        """Copy and make it durable; what is frozen stays so only where it has to be read again."""
        try:
            run.run()
            if self.zeros is not None:
                run.make_zeros(self.zeros)
        except XcopyError as error:
            self.job.stop(str(error))
        except Exception as error:
            self.job.stop(f"a fault of this program: {error!r}")
            self.fault = error
        finally:
            if not self.options.verify:
                self._thaw()
            try:
                run.make_durable()
            except XcopyError as error:
                self._not_durable = str(error)
            except Exception as error:
                self._not_durable = f"a fault of this program: {error!r}"
                self.fault = error

    def _freeze(self) -> None:
        from xcopy.device.freeze import Frozen

        self._frozen = Frozen(self._to_freeze)

    def _thaw(self) -> None:
        if self._frozen is not None and (trouble := self._frozen.thaw()):
            self.job.stop(trouble)

    def _verify(self, elapsed: float, observe: Callable[[Progress], object]) -> Verified:
        """Compare what is copied; nothing, when the copy was to be stopped or this program has failed."""
        from xcopy.api.verifying import Verifying

        self._verifying = verifying = Verifying(
            self.request,
            copied_runs(self.job.coverage),
            scope_of(self.options.verify),
            self.source,
            self.destination,
            self.options,
            observe,
            before=elapsed,
        )
        if self._stop or self.fault is not None:
            verifying.stop(self._stop or f"a fault of this program: {self.fault!r}")
        elif not (self.job.coverage.complete or any(self.job.report.values())):
            verifying.stop("nothing was copied")
        found = verifying.run()
        self.fault = self.fault or verifying.fault
        return found

    def _report(self, run: Execution, elapsed: float, verified: Verified | None) -> Report:
        job, size, zeros = self.job, self.request.block_size, self.zeros
        return Report(
            total=self.request.bytes + (zeros.total if zeros else 0),
            bytes=job.report | ({ZEROS: zeros.done} if zeros else {}),
            commands=dict(job.commands),
            commands_to=job.to.value if job.commands[OFFLOAD] else "",
            fallbacks=tuple((f.reason, f.blocks * size) for f in job.fallbacks.values()),
            not_copied=NotCopied(self.request, job.coverage),
            ranges=RangeResults(self.asked, job.coverage),
            stopped=job.stopped,
            not_durable=self._not_durable,
            offload_refused=job.refused,
            elapsed=elapsed,
            pairs=tuple((pair.source.name, pair.destination.name) for pair in self._pairs),
            compared=run.comparison.found if run.comparison else None,
            verified=verified,
            path_changes=self.source.path_changes + self.destination.path_changes,
            not_zeroed=job.holes.why_not if job.holes else "",
        )
