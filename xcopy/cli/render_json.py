"""A copy as JSON lines on standard output: one record a line, `done` or `error` the last."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from xcopy.cli.exit_codes import code_of_error
from xcopy.cli.render_verification import verified_fields
from xcopy.job import EARLIER
from xcopy.limits import Limits
from xcopy.verification import VERIFY

if TYPE_CHECKING:
    from xcopy.api.copy import Copy, Report
    from xcopy.api.verify_only import Verification
    from xcopy.asked import Asked
    from xcopy.cli.exit_codes import ExitCode
    from xcopy.errors import XcopyError
    from xcopy.paths import PathChange
    from xcopy.progress import Progress
    from xcopy.results import RangeResults
    from xcopy.unit import LogicalUnit
    from xcopy.verification import Verified


EVERY = 1.0  # seconds between two progress records


def emit(record: str, **fields: Any) -> None:
    """One line."""
    print(json.dumps({"record": record, **fields}), flush=True)


def emit_incomplete(ranges: RangeResults) -> None:
    """Of a list of ranges, a line for each that is not copied whole."""
    if not ranges.single:
        for result in ranges.incomplete:
            emit("range", **{**asdict(result), "not_copied": [asdict(part) for part in result.not_copied]})


def print_error(error: XcopyError) -> None:
    """The last record of a run that did not get as far as a copy."""
    emit("error", error=type(error).__name__, message=str(error), exit=int(code_of_error(error)))


def unit_fields(unit: LogicalUnit) -> dict[str, Any]:
    """A unit as a JSON object."""
    designator = unit.copy_designator
    parameters = unit.parameters
    return {
        "name": unit.name,
        "vendor": unit.vendor,
        "product": unit.product,
        "revision": unit.revision,
        "serial": unit.serial,
        "block_size": unit.block_size,
        "blocks": unit.blocks,
        "designator": designator.value.hex() if designator else None,
        "third_party_copy": unit.third_party_copy,
        "parameters": None
        if parameters is None
        else {
            "snlid": parameters.snlid,
            "maximum_cscd_count": parameters.maximum_cscd_count,
            "maximum_segment_count": parameters.maximum_segment_count,
            "maximum_list_length": parameters.maximum_list_length,
            "maximum_segment_length": parameters.maximum_segment_length,
            "data_segment_granularity": parameters.data_segment_granularity,
            "total_concurrent_copies": parameters.total_concurrent_copies,
            "maximum_concurrent_copies": parameters.maximum_concurrent_copies,
            "implemented_types": [f"{code:02X}h" for code in parameters.implemented_types],
        },
        "no_parameters": unit.no_parameters,
    }


def limits_fields(limits: Limits) -> dict[str, Any]:
    """Limits as a JSON object, each with its rule."""
    return {name: {"value": b.value, "rule": b.rule} for name, b in limits.bounds.items()}


def _where(asked: Asked) -> dict[str, Any]:
    """Where one range begins, on the units; a list of ranges has no one place."""
    if not asked.single:
        return {"ranges": len(asked), "source_lba": None, "destination_lba": None}
    lba, _, to = asked.named(0)
    return {"source_lba": asked.source.base + lba, "destination_lba": asked.destination.base + to}


class JsonRenderer:
    """Prints one copy."""

    def __init__(self) -> None:
        self._reached = -1
        self._next = 0.0

    def planned(self, copy: Copy) -> None:
        """What will be copied, and how."""
        request = copy.request
        limits = copy.offer if isinstance(copy.offer, Limits) else None
        emit(
            "plan",
            source=unit_fields(copy.source.unit),
            destination=unit_fields(copy.destination.unit),
            units=[[part.unit.name for part in side.parts] for side in (copy.source, copy.destination)],
            **_where(copy.asked),
            blocks=request.blocks,
            block_size=request.block_size,
            bytes=request.bytes,
            method=copy.options.method.value,
            limits=limits_fields(limits) if limits else None,
            refused=None if isinstance(copy.offer, Limits) else copy.offer.reason,
            warnings=list(copy.warnings),
            already=copy.job.report.get(EARLIER, 0),
        )

    def dry_run(self, copy: Copy) -> None:
        """The exact bytes of every command."""
        count = 0
        for command in copy.commands():
            count += 1
            emit(
                "command",
                name=command.name,
                to=copy.job.to.value,
                cdb=command.cdb.hex(),
                data_out=bytes(command.data_out).hex(),
            )
        emit(
            "done",
            exit=0,
            dry_run=True,
            bytes={},
            commands={"offload": count},
            host_bytes=copy.host_bytes,
            fallbacks=[],
            elapsed_s=0.0,
        )

    def progress(self, progress: Progress) -> None:
        """A record a second at the most, when more is copied than at the last, or is said to be."""
        if progress.reached != self._reached and progress.elapsed >= self._next:
            self._next = progress.elapsed + EVERY
            self.tell(progress)

    def tell(self, progress: Progress) -> None:
        """How far, how fast, by what means; rates in bytes per second."""
        self._reached = progress.reached
        emit(
            "progress",
            copied=progress.done,
            total=progress.total,
            bytes=dict(progress.copied),
            inside=progress.inside,
            rate=round(progress.rate),
            left_s=None if progress.left is None else round(progress.left, 1),
            means=progress.means,
            window=progress.window,
            in_flight=progress.in_flight,
            elapsed_s=round(progress.elapsed, 3),
        )

    def stopping(self, progress: Progress, asked: int) -> None:
        """A stop was asked for, so many times, and waits for what is in flight."""
        emit("stopping", reason=progress.stopping, asked=asked, in_flight=progress.in_flight)

    def path_changed(self, change: PathChange) -> None:
        """A path failed, or took over."""
        emit("path", **asdict(change))

    def finishing(self, progress: Progress, asked: int) -> None:
        """What was copied is made durable; a stop was asked for meanwhile, so many times."""
        emit("making_durable", asked=asked, elapsed_s=round(progress.elapsed, 3))

    def finished(self, report: Report, code: ExitCode) -> None:
        """The last record; before it, of a list of ranges, one for each that is not copied whole."""
        emit_incomplete(report.ranges)
        emit(
            "done",
            exit=int(code),
            total=report.total,
            bytes=report.bytes,
            commands=report.commands,
            commands_to=report.commands_to or None,
            fallbacks=[{"reason": reason, "bytes": count} for reason, count in report.fallbacks],
            not_zeroed=report.not_zeroed or None,
            stopped=report.stopped or None,
            not_durable=report.not_durable or None,
            ranges=asdict(report.ranges.counts),
            not_copied=[asdict(part) for part in report.not_copied] if report.ranges.single else None,
            compared=None
            if report.compared is None
            else {"offload": round(report.compared.offload), "host": round(report.compared.host)},
            path_changes=[asdict(change) for change in report.path_changes],
            pairs=report.pairs if len(report.pairs) > 1 else None,
            verification=None if report.verified is None else verified_fields(report.verified),
            elapsed_s=round(report.elapsed, 6),
        )

    def comparing(self, check: Verification) -> None:
        """What will be compared, where nothing is copied."""
        request = check.request
        emit(
            "plan",
            source=unit_fields(check.source.unit),
            destination=unit_fields(check.destination.unit),
            **_where(check.asked),
            blocks=request.blocks,
            block_size=request.block_size,
            bytes=request.bytes,
            method=VERIFY,
            warnings=list(check.warnings),
        )

    def compared(self, verified: Verified, code: ExitCode) -> None:
        """The last record of that."""
        emit(
            "done",
            exit=int(code),
            total=verified.total,
            bytes={},
            stopped=verified.stopped or None,
            verification=verified_fields(verified),
            elapsed_s=round(verified.elapsed, 6),
        )
