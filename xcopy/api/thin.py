"""What of a copy may be zeroed and need not be copied: as the options say, insisted on where they do."""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING

from xcopy.api.asking import ask
from xcopy.errors import UnsupportedError
from xcopy.holes import Holes, no_map
from xcopy.job import Method
from xcopy.lba_status import look
from xcopy.limits import Limits
from xcopy.plan import Piece
from xcopy.sparse import Sparse
from xcopy.task import LookTask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xcopy.api.endpoint import Endpoint
    from xcopy.api.offers import Offers
    from xcopy.api.options import Options
    from xcopy.offload import Pair
    from xcopy.plan import Request


def holes_of(request: Request, pairs: Sequence[Pair], offers: Offers, options: Options) -> Holes | None:
    """The looks and the zeroing of a copy; None where nothing may be taken for zeros.

    What is copied between holes suits whichever unit takes the commands.
    """
    always, alone = options.sparse is Sparse.ALWAYS, options.method is Method.HOST
    mapless = all(no_map(pairs[pair].source) for pair in request.pairs)
    if options.sparse is Sparse.NEVER or (mapless and not (always and alone)):
        return None
    limits = (offers.offer, offers.otherwise)
    return Holes(
        request,
        pairs,
        granule=lcm(*(each.granularity_blocks.value for each in limits if isinstance(each, Limits))),
        always=always,
        host_may=options.method is not Method.OFFLOAD,
        host_alone=alone,
        timeout=options.timeout,
    )


def insist_on_map(source: Endpoint, request: Request, destinations: int, timeout: float | None) -> None:
    """`UnsupportedError` unless every unit that is copied from is thin, and answers when it is asked."""
    asked: set[int] = set()
    start = 0
    for each in request.ranges:
        number, start = each.pair // destinations, start + each.blocks
        if number in asked:
            continue
        asked.add(number)
        part = source.parts[number]
        why = no_map(part.unit)
        if not why:
            piece = Piece(start - each.blocks, each.blocks)
            task = LookTask(
                piece=piece, unit=part.unit, least=1, calls=1, ahead=each.blocks, timeout=timeout or 60.0
            )
            seen = ask(part.open_transport, look(task, request), part.unit.name)
            why = seen.ended or (seen.alarm.reason if seen.alarm else "")
        if why:
            raise UnsupportedError(
                f"--sparse always, but {why}; without it all blocks are copied, "
                "and with --method host zeros are found as they are read"
            )
