"""What a copy would come to, found out by the code that a copy runs before it writes; nothing is written.

Where a copy stops at the first thing that stands against it, here all are collected. Judges nothing itself:
who refuses what is said by `safety`, `request`, `offers` and `limits`.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from xcopy.api.copy import Copy
from xcopy.api.endpoint import ask_endpoint, refuse_moved, split
from xcopy.api.offers import insist_on, offers
from xcopy.api.options import Options
from xcopy.api.permissions import unchecked
from xcopy.api.request import REQUIRED, check_texts, one_range
from xcopy.api.safety import refuse_overlap, secure
from xcopy.conversation import Side
from xcopy.errors import UnsupportedError, XcopyError
from xcopy.kinship import doubt
from xcopy.limits import Limits, Refusal, agree
from xcopy.quirks import caution_of, quirk_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from xcopy.api.endpoint import Endpoint
    from xcopy.asked import Asked
    from xcopy.ranges import EndpointText
    from xcopy.unit import LogicalUnit

DOUBT = "doubt"
Answer = TypeVar("Answer")


class Verdict(Enum):
    """Whether the storage would copy what was named, as far as anybody can tell before it is tried."""

    YES = "yes"
    PERHAPS = "perhaps"
    PART = "in part"
    NO = "no"


@dataclass(frozen=True, slots=True)
class PairOffer:
    """Two units that blocks are copied between, and what they allow together where `to` gets the commands."""

    source: LogicalUnit
    destination: LogicalUnit
    to: Side
    offer: Limits | Refusal


@dataclass(frozen=True, slots=True)
class Remark:
    """What to know besides: a `warning` of the copy's own, a `doubt`, a `quirk` or a `caution`."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What was found out; `objections` end a copy before it begins, by any means, the first one first.

    A side that cannot be opened is None. `copy` is None without both sides and a range that fits them;
    it is for looking at, and holds nothing. `shortfall` is why not all of it is for the storage.
    """

    sides: tuple[Endpoint | None, Endpoint | None]
    objections: tuple[XcopyError, ...] = ()
    shortfall: XcopyError | None = None
    copy: Copy | None = None
    pairs: tuple[PairOffer, ...] = ()
    remarks: tuple[Remark, ...] = ()

    @property
    def error(self) -> XcopyError | None:
        """What `--require offload` would end with before anything is copied; None where it would begin."""
        return self.objections[0] if self.objections else self.shortfall

    @property
    def verdict(self) -> Verdict:
        """In a word."""
        if self.error is None:
            doubted = any(remark.kind == DOUBT for remark in self.remarks)
            return Verdict.PERHAPS if doubted else Verdict.YES
        if self.objections or self.copy is None or self.copy.host_bytes == self.copy.request.bytes:
            return Verdict.NO
        return Verdict.PART

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why it is not a plain yes; nothing where it is."""
        errors = (*self.objections, *((self.shortfall,) if self.shortfall else ()))
        return tuple(str(error).removeprefix(REQUIRED) for error in errors)

    @property
    def ways_out(self) -> tuple[str, ...]:
        """What would have to change for the storage to copy, where known; objections say it themselves."""
        found = (pair.offer.way_out for pair in self.pairs if isinstance(pair.offer, Refusal))
        return tuple(dict.fromkeys(way for way in found if way))


def forecast(source: str, destination: str, options: Options | None = None) -> Forecast:
    """Ask both sides what a copy asks, and go as far as a copy goes before its first command.

    Raises UsageError for texts that cannot be meant; all else that stands against the copy is returned.
    """
    options = options or Options()
    texts = split(source), split(destination)
    check_texts(*texts, many=False)
    against: list[XcopyError] = []
    first, second = (_opened(text, options, against) for text in texts)
    if first is None or second is None:
        return Forecast(sides=(first, second), objections=tuple(against))
    asked = _noted(against, partial(one_range, first, second))
    if asked is not None:
        _noted(against, partial(refuse_overlap, first, second, asked))
    warnings = _noted(against, partial(unchecked, first, second, force=options.force)) or []
    warnings += _noted(against, partial(_looked_at, first, second, asked, options)) or []
    for side in (first, second):
        _noted(against, partial(refuse_moved, side))
    copy, shortfall = None, None
    if asked is not None:
        found = offers(first, second, asked.request, options.wanted)
        copy = Copy(first, second, asked, found, options, tuple(warnings), ExitStack())
        try:
            insist_on(found, asked.request)
        except UnsupportedError as error:
            shortfall = error
    pairs = tuple(_pairs(first, second, copy, options))
    return Forecast(
        sides=(first, second),
        objections=tuple(against),
        shortfall=shortfall,
        copy=copy,
        pairs=pairs,
        remarks=tuple(_remarks(warnings, pairs)),
    )


def _opened(text: EndpointText, options: Options, against: list[XcopyError]) -> Endpoint | None:
    ask = partial(ask_endpoint, text, transport=options.transport, timeout=options.timeout)
    return _noted(against, ask)


def _noted(against: list[XcopyError], ask: Callable[[], Answer]) -> Answer | None:
    """The answer; None, and what stands against the copy in the list, where there is none."""
    try:
        return ask()
    except XcopyError as error:
        against.append(error)
        return None


def _looked_at(source: Endpoint, destination: Endpoint, asked: Asked | None, options: Options) -> list[str]:
    with ExitStack() as stack:
        cleared = secure(
            source,
            destination,
            asked,
            stack,
            force=options.force,
            timeout=options.timeout,
            still=options.freeze,
            writing=False,
        )
        return cleared.warnings


def _pairs(
    source: Endpoint, destination: Endpoint, copy: Copy | None, options: Options
) -> Iterator[PairOffer]:
    """The pairs of units that the copy uses, by the side that it would send to; all pairs without one."""
    several = len(destination.parts)
    used = sorted(copy.request.pairs) if copy is not None else []
    for number in used or range(len(source.parts) * several):
        read, write = source.parts[number // several].unit, destination.parts[number % several].unit
        to = copy.job.to if copy is not None else Side.DESTINATION
        yield PairOffer(read, write, to, agree(read, write, options.wanted, receiver=to))


def _remarks(warnings: Iterable[str], pairs: Iterable[PairOffer]) -> Iterator[Remark]:
    """Each once, however many pairs there are."""
    for warning in warnings:
        yield Remark("warning", warning)
    found: dict[Remark, None] = {}
    for pair in pairs:
        if (hint := doubt(pair.source, pair.destination)) and isinstance(pair.offer, Limits):
            found[Remark(DOUBT, hint)] = None
        for unit in (pair.source, pair.destination):
            name = f"{unit.vendor} {unit.product}"
            if (quirk := quirk_of(unit)) is not None:
                found[Remark("quirk", f"{name}: {quirk.evidence}")] = None
            if (caution := caution_of(unit)) is not None:
                found[Remark("caution", f"{name}: {caution.says} ({caution.source})")] = None
    yield from found
