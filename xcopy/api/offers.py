"""What the units of both sides allow together: limits for all pairs that are copied between, or why not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xcopy.api.request import REQUIRED, insist
from xcopy.conversation import Side
from xcopy.errors import UnsupportedError
from xcopy.limits import Limits, Refusal, Wanted, agree, agree_all
from xcopy.offload import Pair

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcopy.api.endpoint import Endpoint
    from xcopy.plan import Request


@dataclass(frozen=True, slots=True)
class Offers:
    """For commands to the destination, and `otherwise` to the source; pairs by number.

    `refused` has, where several pairs are copied between, those that the storage cannot copy between.
    """

    offer: Limits | Refusal
    otherwise: Limits | Refusal
    used: int = 1
    refused: Mapping[int, str] = field(default_factory=dict)

    @property
    def limits(self) -> Limits | None:
        """What is agreed: for commands to the destination, or else to the source."""
        return next((each for each in (self.offer, self.otherwise) if isinstance(each, Limits)), None)


def offers(source: Endpoint, destination: Endpoint, request: Request, wanted: Wanted) -> Offers:
    """Ask every pair of units that the request copies between."""
    used = sorted(request.pairs) or [0]

    def of(pair: int, receiver: Side) -> Limits | Refusal:
        read, write = divmod(pair, len(destination.parts))
        units = source.parts[read].unit, destination.parts[write].unit
        return agree(*units, wanted, receiver=receiver)

    found = {pair: of(pair, Side.DESTINATION) for pair in used}
    to_source = [of(pair, Side.SOURCE) for pair in used]
    no = next((offer for offer in to_source if isinstance(offer, Refusal)), None)
    offer = agree_all(list(found.values()))
    refused = {pair: each.reason for pair, each in found.items() if isinstance(each, Refusal)}
    return Offers(offer, no or agree_all(to_source), len(used), refused if isinstance(offer, Limits) else {})


def insist_on(offers: Offers, request: Request) -> None:
    """Only offload is allowed: refuse now what offload alone cannot finish."""
    for reason in offers.refused.values():
        raise UnsupportedError(f"{REQUIRED}{reason}")
    by_source = isinstance(offers.offer, Refusal) and isinstance(offers.otherwise, Limits)
    insist(offers.otherwise if by_source else offers.offer, request)


def pairs_of(source: Endpoint, destination: Endpoint, limits: Limits | None) -> tuple[Pair, ...]:
    """Every pair of units, in the order of their numbers."""
    without = limits.without_list_id if limits else True
    return tuple(Pair(one.unit, other.unit, without) for one in source.parts for other in destination.parts)
