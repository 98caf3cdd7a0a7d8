"""The journal of one copy: begun for a new copy, taken up for one that goes on, and its checkpoints.

Here the record, its file and the destination meet; when to record is `checkpoint`'s to say.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from enum import Enum
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from xcopy.api.endpoint import make_durable
from xcopy.checkpoint import Checkpoints
from xcopy.device.journal import create
from xcopy.device.worker import start
from xcopy.errors import Busy, UnsafeError, UsageError
from xcopy.journal import Heading, begin, layout, record
from xcopy.party import Party

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xcopy.api.endpoint import Endpoint
    from xcopy.api.options import Options
    from xcopy.asked import Asked
    from xcopy.device.journal import JournalFile
    from xcopy.job import Job
    from xcopy.journal import Copied, Seals
    from xcopy.unit import LogicalUnit

NOT_KEPT = frozenset({"force", "freeze", "journal"})  # options of one run, not of a copy


@dataclass(slots=True)
class Journal:
    """An open journal, and what it said when it was opened."""

    file: JournalFile
    seals: Seals
    earlier: tuple[Copied, ...] = ()
    notice: str = ""

    def checkpoints(self, job: Job, destination: Endpoint, interval: float) -> Checkpoints:
        """What records here, every so many seconds, what the job has copied onto `destination`."""
        return Checkpoints(
            job,
            interval,
            make_durable=lambda: _made_durable(destination),
            record=self._record,
            start=start,
        )

    def _record(self, pieces: Sequence[Copied]) -> None:
        self.file.append(record(self.seals, pieces))


def new_journal(
    path: str, source: Endpoint, destination: Endpoint, asked: Asked, options: Options
) -> Journal:
    """Begin the journal of a copy: from now on `path` is its file. Raises UsageError or AccessError."""
    heading = Heading(
        mark=os.urandom(16).hex(),
        source=side(source),
        destination=side(destination),
        blocks=asked.request.blocks,
        layout=layout(asked.request.ranges),
        ranges=len(asked),
        file=asked.file,
        options=kept(options),
    )
    ranges = ((asked.line(index), *asked.named(index)) for index in range(len(asked)))
    seals, lines = begin(heading, ranges)
    return Journal(create(path, lines), seals)


def side(endpoint: Endpoint) -> Party:
    """A side as its unit describes it; `UnsafeError` for one that cannot be told from others."""
    for unit in (part.unit for part in endpoint.parts):
        if not unit.names:
            raise UnsafeError(
                f"{unit.name} has neither a designator nor a serial number: its journal could be taken for "
                "that of another unit; copy without --journal"
            )
    unit = endpoint.unit
    return Party(
        path=endpoint.name,
        vendor=unit.vendor,
        product=unit.product,
        serial=unit.serial,
        names=_names(unit),
        block_size=unit.block_size,
        blocks=unit.blocks,
        first=endpoint.base,
        room=endpoint.blocks,
        layout=_layout(endpoint),
    )


def _names(unit: LogicalUnit) -> tuple[str, ...]:
    return tuple(sorted(f"{kind}:{value.hex()}" for kind, value in unit.names))


def _layout(endpoint: Endpoint) -> str:
    """A digest of where a volume's blocks lie, and on which units; "" for what lies in one piece."""
    if endpoint.mapping is None:
        return ""
    units = [
        (unit.vendor, unit.product, unit.serial, _names(unit), unit.block_size, unit.blocks)
        for unit in (part.unit for part in endpoint.parts)
    ]
    return blake2b(f"{endpoint.mapping.said()}\n{units}".encode(), digest_size=16).hexdigest()


def kept(options: Options) -> dict[str, object]:
    """The options that a copy goes on with, as plain values."""
    found = {field.name: getattr(options, field.name) for field in fields(options)}
    return {
        name: value.value if isinstance(value, Enum) else value
        for name, value in found.items()
        if name not in NOT_KEPT
    }


def restored(path: str, options: Options, values: Any) -> dict[str, Any]:
    """Options that were kept, to put into `options`; `UsageError` when they are not this program's."""
    known = kept(options)
    if known.keys() != values.keys():
        other = ", ".join(sorted(known.keys() ^ values.keys()))
        raise UsageError(
            f"{path} is of a version of this program with other options ({other}): resume with the program "
            "that began the copy, or begin a new copy with a new journal"
        )
    try:
        return {
            name: type(now)(values[name]) if isinstance(now := getattr(options, name), Enum) else values[name]
            for name in known
        }
    except ValueError as error:
        raise UsageError(f"{path} is of another version of this program: {error}") from error


def _made_durable(destination: Endpoint) -> bool:
    """Have the unit write its cache; False when it has no time."""
    try:
        make_durable(destination)
    except Busy:
        return False
    return True
