"""The journal of one copy: begun for a new copy, taken up for one that goes on, and its checkpoints.

Here the record, its file and the destination meet; when to record is `checkpoint`'s to say.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from enum import Enum
from typing import TYPE_CHECKING, Any

from xcopy.api.endpoint import carry_out
from xcopy.checkpoint import Checkpoints
from xcopy.device.journal import create
from xcopy.device.worker import start
from xcopy.errors import Busy, UnsafeError, UsageError
from xcopy.journal import Heading, begin, layout, record
from xcopy.offload import synchronize
from xcopy.party import Party

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xcopy.api.copy import Options
    from xcopy.api.endpoint import Endpoint
    from xcopy.asked import Asked
    from xcopy.device.journal import JournalFile
    from xcopy.job import Job
    from xcopy.journal import Copied, Seals

NOT_KEPT = frozenset({"force", "journal"})  # options of one run, not of a copy


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
    unit = endpoint.unit
    if not unit.names:
        raise UnsafeError(
            f"{endpoint.name} has neither a designator nor a serial number: its journal could be taken for "
            "that of another unit; copy without --journal"
        )
    return Party(
        path=endpoint.name,
        vendor=unit.vendor,
        product=unit.product,
        serial=unit.serial,
        names=tuple(sorted(f"{kind}:{value.hex()}" for kind, value in unit.names)),
        block_size=unit.block_size,
        blocks=unit.blocks,
        first=endpoint.base,
        room=endpoint.blocks,
    )


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
    way = destination.open_transport()
    try:
        carry_out(synchronize(destination.name), way, destination.name)
    except Busy:
        return False
    finally:
        way.close()
    return True
