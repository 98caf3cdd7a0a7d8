"""The conversation that asks a unit who has reserved it, and whether that is this machine.

Persistent reservations are asked for by PERSISTENT RESERVE IN (SPC-4 6.15); what RESERVE(6) reserved shows
only in that the question is refused. Changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cdb.command import Command, Reply, Status
from cdb.errors import DecodeError
from cdb.reservation import (
    READ_FULL_STATUS,
    READ_KEYS,
    READ_RESERVATION,
    TYPES,
    CurrentReservation,
    FullStatus,
    PersistentReserveIn,
    RegisteredKeys,
)
from xcopy.claim import Claim
from xcopy.conversation import Send
from xcopy.verdict import sense_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from xcopy.conversation import Conversation

ROOM: Final = 8192  # bytes for an answer: 56 registrations by iSCSI, hundreds by others
TRIES: Final = 5  # past unit attentions, which is how a unit tells of changed reservations
UNIT_ATTENTION: Final = 0x6
BY_RESERVE: Final = "a command RESERVE, whoever sent it"


@dataclass(frozen=True, slots=True)
class Reserved:
    """A reservation: in words, by which initiator ports (none where the unit does not say)."""

    told: str
    holders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """Who has reserved a unit, and how many registrations it has."""

    reserved: Reserved | None = None
    registrations: int = 0


def ask(timeout: float = 60.0) -> Conversation[Access]:
    """Who has reserved the unit; nobody, where it knows no persistent reservations."""
    reply = yield from _asked(READ_RESERVATION, timeout)
    if reply.status == Status.RESERVATION_CONFLICT:
        return Access(Reserved(BY_RESERVE))
    try:
        held = CurrentReservation.unpack_from(reply.data).held if reply.good else ()
    except DecodeError as error:
        return Access(Reserved(f"an answer to PERSISTENT RESERVE IN that cannot be read, {error}"))
    if not reply.good:
        return Access()
    if not held:
        return Access(None, (yield from _registrations(timeout)))
    kind = TYPES.get(held[0].type, f"type {held[0].type:X}h")
    return Access(Reserved(f"{kind}, key {held[0].key:#018x}", (yield from _holders(timeout))))


def claim(device: str, reserved: Reserved, own: Iterable[str]) -> Claim:
    """What speaks against writing to a reserved device; `own` are the names of our initiator ports."""
    mine = {name.lower() for name in own}
    who = " and ".join(reserved.holders)
    if any(holder.partition(",i,")[0].lower() in mine for holder in reserved.holders):
        return Claim("own-reservation", device, f"{who}: {reserved.told}")
    if reserved.told == BY_RESERVE:
        return Claim("reserved", device, reserved.told)
    return Claim("reserved", device, f"{who or 'an initiator that it does not name'} ({reserved.told})")


def _registrations(timeout: float) -> Conversation[int]:
    reply = yield from _asked(READ_KEYS, timeout)
    try:
        return len(RegisteredKeys.unpack_from(reply.data).keys) if reply.good else 0
    except DecodeError:  # more keys than room
        return 1


def _holders(timeout: float) -> Conversation[tuple[str, ...]]:
    reply = yield from _asked(READ_FULL_STATUS, timeout)
    try:
        found = FullStatus.unpack_from(reply.data).descriptors if reply.good else ()
    except DecodeError:
        return ()
    return tuple(dict.fromkeys(each.transport_id.text for each in found if each.r_holder))


def _asked(action: int, timeout: float) -> Conversation[Reply]:
    cdb = PersistentReserveIn(service_action=action, allocation_length=ROOM).pack()
    command = Command(name="PERSISTENT RESERVE IN", cdb=cdb, data_in=ROOM, timeout=timeout)
    reply = Reply()
    for _ in range(TRIES):
        reply = yield Send(command)
        sense = sense_of(reply)
        if sense is None or sense.key != UNIT_ATTENTION:
            break
    return reply
