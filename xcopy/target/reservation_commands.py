"""PERSISTENT RESERVE IN and OUT: their bytes checked, then what `reservation` does (SPC-4 6.15, 6.16).

Other initiator ports, all target ports and persisting through power loss are refused, as REPORT CAPABILITIES
says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from cdb.command import Command, Reply
from cdb.errors import DecodeError
from cdb.reservation import (
    CLEAR,
    LU_SCOPE,
    PREEMPT,
    PREEMPT_AND_ABORT,
    READ_FULL_STATUS,
    READ_KEYS,
    READ_RESERVATION,
    REGISTER,
    REGISTER_AND_IGNORE_EXISTING_KEY,
    REGISTER_AND_MOVE,
    RELEASE,
    REPORT_CAPABILITIES,
    RESERVE,
    PersistentReserveIn,
    PersistentReserveOut,
    RegisterAndMoveList,
    ReserveOutList,
)
from cdb.sense import ILLEGAL_REQUEST
from xcopy.target.initiator_port import nexus_of
from xcopy.target.refusal import answer, at_row, parse_cdb, refuse, wrong_field
from xcopy.target.reservation import CAPABILITIES, TARGET_PORT, TYPES, Reservations

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.record import Record

LIST_LENGTH = 24
SCOPED = (RESERVE, RELEASE, PREEMPT, PREEMPT_AND_ABORT)
IN_ACTIONS: dict[int, Callable[[Reservations], bytes]] = {
    READ_KEYS: lambda found: found.registered_keys().pack(),
    READ_RESERVATION: lambda found: found.current().pack(),
    REPORT_CAPABILITIES: lambda _: CAPABILITIES.pack(),
    READ_FULL_STATUS: lambda found: found.full_status().pack(),
}
OUT_ACTIONS = (
    REGISTER,
    RESERVE,
    RELEASE,
    CLEAR,
    PREEMPT,
    PREEMPT_AND_ABORT,
    REGISTER_AND_IGNORE_EXISTING_KEY,
    REGISTER_AND_MOVE,
)


def reserve_in(command: Command, reservations: Reservations) -> Reply:
    """PERSISTENT RESERVE IN."""
    cdb = parse_cdb(PersistentReserveIn, command.cdb)
    if cdb.service_action not in IN_ACTIONS:
        wrong_field(PersistentReserveIn, "service_action")
    return answer(command, IN_ACTIONS[cdb.service_action](reservations), cdb.allocation_length)


def reserve_out(command: Command, reservations: Reservations, nexus: str) -> tuple[Reply, tuple[str, ...]]:
    """PERSISTENT RESERVE OUT; with the reply, the nexuses whose commands are to be aborted."""
    cdb = parse_cdb(PersistentReserveOut, command.cdb)
    action = cdb.service_action
    if action not in OUT_ACTIONS:
        wrong_field(PersistentReserveOut, "service_action")
    if action in SCOPED and cdb.scope != LU_SCOPE:
        wrong_field(PersistentReserveOut, "scope")
    if action == RESERVE and cdb.type not in TYPES:
        wrong_field(PersistentReserveOut, "type")
    size = cdb.parameter_list_length
    if size > len(command.data_out) or size < LIST_LENGTH:
        refuse(ILLEGAL_REQUEST, 0x1A, 0x00)
    data = bytes(command.data_out[:size])
    aborted: tuple[str, ...] = ()
    if action == REGISTER_AND_MOVE:
        _move(data, reservations, nexus)
    else:
        aborted = _perform(cdb, ReserveOutList.unpack(data), reservations, nexus)
    return Reply(residual=len(command.data_out) - size), aborted


def _perform(
    cdb: PersistentReserveOut, asked: ReserveOutList, reservations: Reservations, nexus: str
) -> tuple[str, ...]:
    action, key = cdb.service_action, asked.reservation_key
    if asked.spec_i_pt:
        _wrong(ReserveOutList, "spec_i_pt")
    if asked.additional:
        refuse(ILLEGAL_REQUEST, 0x1A, 0x00)
    if action in (REGISTER, REGISTER_AND_IGNORE_EXISTING_KEY):
        for name in ("all_tg_pt", "aptpl"):
            if getattr(asked, name):
                _wrong(ReserveOutList, name)
    if action == REGISTER:
        reservations.register(nexus, key, asked.service_action_key)
    elif action == REGISTER_AND_IGNORE_EXISTING_KEY:
        reservations.register_anyway(nexus, asked.service_action_key)
    elif action == RESERVE:
        reservations.reserve(nexus, key, cdb.type)
    elif action == RELEASE:
        reservations.release(nexus, key, cdb.type)
    elif action == CLEAR:
        reservations.clear(nexus, key)
    else:
        lost = reservations.preempt(nexus, key, asked.service_action_key, cdb.type)
        return lost if action == PREEMPT_AND_ABORT else ()
    return ()


def _move(data: bytes, reservations: Reservations, nexus: str) -> None:
    try:
        asked = RegisterAndMoveList.unpack(data)
    except DecodeError:
        refuse(ILLEGAL_REQUEST, 0x1A, 0x00)
    reservations.authenticate(nexus, asked.reservation_key)
    to = nexus_of(asked.transport_id)
    if to is None:
        _wrong(RegisterAndMoveList, "transport_id")
    if asked.relative_target_port != TARGET_PORT:
        _wrong(RegisterAndMoveList, "relative_target_port")
    if asked.aptpl:
        _wrong(RegisterAndMoveList, "aptpl")
    reservations.move(nexus, asked.reservation_key, to, asked.service_action_key, unregister=asked.unreg)


def _wrong(cls: type[Record], name: str) -> NoReturn:
    refuse(ILLEGAL_REQUEST, 0x26, 0x00, at_row(cls.row(name)))
