"""What there is to be told of a copy: the RECEIVE COPY commands, and what each of them discards.

Everything is told to the nexus that started the copy alone. What was told in part is not discarded, but
where the standard says that it is told once (SPC-4 6.20 to 6.25).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.command import Command, Reply, Status
from cdb.copy_results import (
    ReceiveCopyDataLid1,
    ReceiveCopyDataLid4,
    ReceiveCopyFailureDetailsLid1,
    ReceiveCopyOperatingParameters,
    ReceiveCopyStatusLid1,
    ReceiveCopyStatusLid4,
)
from cdb.copy_status import (
    BACKGROUND,
    FAILED,
    FOREGROUND,
    LID1_COMPLETED,
    LID1_FAILED,
    LID1_IN_PROGRESS,
    NO_MORE_UPDATES,
    PARTLY_USED,
    TERMINATED,
    UNITS,
    CopyOperation,
    CopyStatusLid1,
    CopyStatusLid4,
    FailureDetails,
    HeldDataLid1,
    HeldDataLid4,
    sense_field,
)
from xcopy.target.operation import LID1
from xcopy.target.refusal import Refused, answer, parse_cdb, wrong_field

if TYPE_CHECKING:
    from cdb.record import Record
    from xcopy.target.copy_manager import CopyManager
    from xcopy.target.copy_policy import CopyPolicy
    from xcopy.target.operation import Operation
    from xcopy.target.unit import Unit

NO_DETAILS = bytes(4)  # AVAILABLE DATA of 0, and nothing behind it
LONGEST_SENSE = 252


def operating_parameters(manager: CopyManager, command: Command, _receiver: Unit, _nexus: str) -> Reply:
    """RECEIVE COPY OPERATING PARAMETERS."""
    cdb = parse_cdb(ReceiveCopyOperatingParameters, command.cdb)
    profile = manager.place.profile
    least, room = profile.copies.parameters_room, cdb.allocation_length
    if least and not room:
        raise Refused(Reply(status=Status.TASK_SET_FULL))
    if room < least:
        wrong_field(ReceiveCopyOperatingParameters, "allocation_length")
    told = profile.advertised.pack()
    return answer(command, told.ljust(room, b"\0") if profile.copies.pads_parameters else told, room)


def status_lid1(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """RECEIVE COPY STATUS(LID1): of a copy that is over it is told once (SPC-4 6.25)."""
    cdb = parse_cdb(ReceiveCopyStatusLid1, command.cdb)
    operation = _known(manager, cdb, receiver, nexus)
    if operation.lid1_status_told:
        wrong_field(ReceiveCopyStatusLid1, "list_identifier")
    operation.lid1_status_told = not operation.running
    units, count = in_units(operation.transferred, CopyStatusLid1.row("transfer_count").bits)
    completed = LID1_COMPLETED if operation.completed else LID1_FAILED
    told = CopyStatusLid1(
        hdd=operation.held_discarded,
        status=LID1_IN_PROGRESS if operation.running else completed,
        segments_processed=_segments_processed(operation, manager.place.profile.copies),
        transfer_count_units=units,
        transfer_count=count,
    )
    return _tell(manager, command, operation, told.pack(), cdb.allocation_length)


def status_lid4(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """RECEIVE COPY STATUS(LID4)."""
    cdb = parse_cdb(ReceiveCopyStatusLid4, command.cdb)
    operation = _known(manager, cdb, receiver, nexus)
    told = CopyStatusLid4(operation=copy_operation(operation, manager.place.profile.copies))
    return _tell(manager, command, operation, told.pack(), cdb.allocation_length)


def held_data_lid1(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """RECEIVE COPY DATA(LID1): of a copy that is over."""
    cdb = parse_cdb(ReceiveCopyDataLid1, command.cdb)
    operation = _known(manager, cdb, receiver, nexus)
    if operation.running or operation.discardable:
        wrong_field(ReceiveCopyDataLid1, "list_identifier")
    told = HeldDataLid1(held_data=bytes(operation.held)).pack()
    reply = _tell(manager, command, operation, told, cdb.allocation_length)
    if cdb.allocation_length == 0 or len(reply.data) == len(told):
        operation.held.clear()  # told whole, or given up (SPC-4 5.17.4.5)
    return reply


def held_data_lid4(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """RECEIVE COPY DATA(LID4): the data of a copy that went well, of any other its status alone."""
    cdb = parse_cdb(ReceiveCopyDataLid4, command.cdb)
    operation = _known(manager, cdb, receiver, nexus)
    if operation.discardable:
        wrong_field(ReceiveCopyDataLid4, "list_identifier")
    header = copy_operation(operation, manager.place.profile.copies)
    held = bytes(operation.held) if operation.completed else b""
    told = HeldDataLid4(operation=header.but(hdd=operation.held_discarded), held_data=held).pack()
    reply = _tell(manager, command, operation, told, cdb.allocation_length)
    whole = operation.completed and len(reply.data) == len(told)
    if whole or (cdb.allocation_length == 0 and not operation.running):
        operation.held.clear()
    return reply


def failure_details(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """RECEIVE COPY FAILURE DETAILS(LID1): of an EXTENDED COPY(LID1) that is over."""
    cdb = parse_cdb(ReceiveCopyFailureDetailsLid1, command.cdb)
    operation = _known(manager, cdb, receiver, nexus)
    if operation.running or operation.service_action != LID1:
        wrong_field(ReceiveCopyFailureDetailsLid1, "list_identifier")
    told = NO_DETAILS
    if not operation.completed and not operation.failure_told:
        told = FailureDetails(status=operation.status, sense=operation.sense).pack()
        available = len(told) - len(NO_DETAILS) + manager.place.profile.copies.failure_details_excess
        told = available.to_bytes(len(NO_DETAILS), "big") + told[len(NO_DETAILS) :]
    reply = _tell(manager, command, operation, told, cdb.allocation_length)
    operation.failure_told |= cdb.allocation_length == 0 or len(reply.data) == len(told)
    return reply


def copy_operation(operation: Operation, policy: CopyPolicy) -> CopyOperation:
    """What every answer about a LID4 operation begins with (SPC-4 6.24, table 248)."""
    sense = b"" if operation.running or operation.terminated else operation.sense[:LONGEST_SENSE]
    units, count = in_units(operation.transferred, CopyOperation.row("transfer_count").bits)
    well = operation.status == Status.GOOD or operation.outcome == PARTLY_USED
    status = operation.outcome if well else FAILED
    if operation.terminated:
        status = TERMINATED
    if operation.running:
        status = BACKGROUND if operation.background else FOREGROUND
    completion = Status.TASK_ABORTED if operation.terminated else operation.status
    return CopyOperation(
        response_to_service_action=operation.service_action,
        status=status,
        operation_counter=operation.commands & 0xFFFF,
        estimated_status_update_delay=policy.update_delay if operation.running else NO_MORE_UPDATES,
        completion_status=0 if operation.running else int(completion),
        sense_length=len(sense),
        transfer_count_units=units,
        transfer_count=count,
        segments_processed=_segments_processed(operation, policy),
        sense_field=sense_field(sense),
    )


def in_units(count: int, bits: int) -> tuple[int, int]:
    """The units, and how many of them, in which `count` bytes fit a field of so many bits; not rounded up."""
    for units in range(len(UNITS) - 1):
        if not count >> 10 * units + bits:
            return units, count >> 10 * units
    return len(UNITS) - 2, (1 << bits) - 1


def _known(manager: CopyManager, cdb: Record, receiver: Unit, nexus: str) -> Operation:
    """The operation that the CDB names, or INVALID FIELD IN CDB."""
    found = manager.operations.find(nexus, receiver.number, cdb.values()["list_identifier"], manager.now())
    if found is None:
        wrong_field(type(cdb), "list_identifier")
    return found


def _segments_processed(operation: Operation, policy: CopyPolicy) -> int:
    return operation.segments_begun if policy.counts_running_segment else operation.segments_processed


def _tell(
    manager: CopyManager, command: Command, operation: Operation, told: bytes, allocation_length: int
) -> Reply:
    reply = answer(command, told, allocation_length)
    manager.operations.told(operation)
    return reply
