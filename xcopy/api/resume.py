"""Going on with a copy from its journal: the same units, the same ranges, only what is not copied."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from xcopy.api.copy import ready
from xcopy.api.endpoint import open_endpoint
from xcopy.api.journal import Journal, restored, side
from xcopy.api.options import Options
from xcopy.api.request import RangeList, many_ranges
from xcopy.device.journal import reopen
from xcopy.errors import UsageError, XcopyError
from xcopy.journal import layout
from xcopy.party import refuse_others
from xcopy.ranges import EndpointText

if TYPE_CHECKING:
    from xcopy.api.copy import Copy


def resume(path: str, *, force: frozenset[str] = frozenset(), verify: str = "") -> Copy:
    """Open a journal and the units it is of, check all that `prepare` checks, and plan what is left.

    All of the copy is verified, what was copied earlier too, if `verify` or the options of the copy say so.

    Raises UsageError for what is no journal of this version, UnsafeError for other units or a journal in use,
    and what `prepare` raises. The journal is not changed by what is refused.
    """
    with ExitStack() as stack:
        file, contents = reopen(path)
        stack.enter_context(file)
        heading = contents.heading
        options = Options(force=force, journal=path)
        options = replace(options, **restored(path, options, heading.options))
        options = replace(options, verify=verify or options.verify)
        source, destination = (
            open_endpoint(EndpointText(each.path), transport=options.transport, timeout=options.timeout)
            for each in heading.sides
        )
        refuse_others(path, heading.sides, (side(source), side(destination)))
        ranges = ((line, (lba, blocks, to)) for line, lba, blocks, to in contents.ranges)
        asked = many_ranges(source, destination, RangeList(ranges, heading.file))
        if (asked.request.blocks, layout(asked.request.ranges)) != (heading.blocks, heading.layout):
            raise UsageError(
                f"{path} is of a version of this program that puts ranges in another order: resume with the "
                "program that began the copy, or begin a new copy with a new journal"
            )
        journal = Journal(file, contents.seals, contents.copied, contents.notice)
        copy = ready(source, destination, asked, options, stack, journal)
    try:
        file.cut(contents.trusted)
    except XcopyError:
        copy.close()
        raise
    return copy
