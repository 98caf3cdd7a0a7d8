"""14h: the copy manager registers a key with a disk, whose reservation lets it pass then (SPC-4 6.4.6.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.segment_reservation import RegisterKey
from xcopy.target.refusal import Refused
from xcopy.target.sides import real_disk

if TYPE_CHECKING:
    from xcopy.target.run import CopyRun


def register_key(run: CopyRun) -> None:
    """Send PERSISTENT RESERVE OUT, REGISTER, to the destination, as the nexus by which the copy writes."""
    segment = run.segment
    assert isinstance(segment, RegisterKey)
    found = real_disk(run, "destination")
    try:
        found.unit.reservations.register(run.nexus, segment.reservation_key, segment.service_action_key)
    except Refused as refusal:
        run.device_failed(found, refusal)
    run.operation.commands += 1
