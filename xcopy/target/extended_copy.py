"""The commands that start and stop a copy: EXTENDED COPY, LID1 and LID4, and COPY OPERATION ABORT.

A list is checked whole (`copy_list`), entered among the operations (`operation`) and then performed, segment
after segment (`run`, `segments`), in the command or, for IMMED, after its answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.command import Command, Reply
from cdb.copy_status import RESIDUAL
from cdb.extended_copy import (
    DISCARD,
    CopyOperationAbort,
    ExtendedCopyLid1,
    ExtendedCopyLid4,
    Lid1ParameterList,
    Lid4ParameterList,
)
from cdb.sense import COMPLETED, Sense
from xcopy.target.copy_list import check_list, check_transferred
from xcopy.target.linux_copy import linux_extended_copy
from xcopy.target.operation import Operation
from xcopy.target.refusal import answer, packed, parse_cdb, wrong_field
from xcopy.target.run import CopyRun
from xcopy.target.segments import perform
from xcopy.target.sides import check_names

if TYPE_CHECKING:
    from xcopy.target.copy_list import ParameterList
    from xcopy.target.copy_manager import CopyManager
    from xcopy.target.operation import Steps
    from xcopy.target.unit import Unit

EXTENDED_COPY_INFORMATION_AVAILABLE = (0x00, 0x20)


def extended_copy_lid1(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """EXTENDED COPY(LID1)."""
    if manager.place.profile.copies.linux:
        return linux_extended_copy(manager, command, receiver, nexus)
    cdb = parse_cdb(ExtendedCopyLid1, command.cdb)
    return _extended_copy(manager, command, cdb, Lid1ParameterList, receiver, nexus)


def extended_copy_lid4(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """EXTENDED COPY(LID4)."""
    cdb = parse_cdb(ExtendedCopyLid4, command.cdb)
    return _extended_copy(manager, command, cdb, Lid4ParameterList, receiver, nexus)


def copy_operation_abort(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """COPY OPERATION ABORT: answered when the operation has stopped."""
    cdb = parse_cdb(CopyOperationAbort, command.cdb)
    policy = manager.place.profile.copies
    operation = manager.operations.find(nexus, receiver.number, cdb.list_identifier, manager.now())
    if operation is None or not (operation.running or policy.abort_of_finished):
        wrong_field(CopyOperationAbort, "list_identifier")
    manager.stop(operation, wait=policy.abort_waits)
    return answer(command, b"")


def _extended_copy(
    manager: CopyManager,
    command: Command,
    cdb: ExtendedCopyLid1 | ExtendedCopyLid4,
    kind: ParameterList,
    receiver: Unit,
    nexus: str,
) -> Reply:
    length = cdb.parameter_list_length
    check_transferred(len(command.data_out), length)
    residual = len(command.data_out) - length
    if length == 0:
        return Reply(residual=residual)
    profile = manager.place.profile
    request = check_list(bytes(command.data_out[:length]), kind, profile)
    operation = Operation(
        nexus=nexus,
        unit=receiver.number,
        list_identifier=request.list_identifier,
        service_action=cdb.service_action,
        background=request.immediate and profile.copies.immediate,
        discardable=request.list_id_usage == DISCARD,
    )
    run = CopyRun(manager.place, request, operation, receiver)
    if profile.copies.checks_names:
        check_names(run)
    return manager.originate(operation, _steps(manager, run, residual), residual)


def _steps(manager: CopyManager, run: CopyRun, residual: int) -> Steps:
    """The segments of a copy, one a step; how the command ends when they all went well."""
    operation, request = run.operation, run.request
    with run.rods.open(operation):
        for run.number in range(len(request.segments)):
            if run.number:
                yield
            operation.segments_begun += 1
            perform(run)
            operation.segments_processed += 1
    if run.source_data or run.destination_data:  # let go of with the last segment (SPC-4 table 116)
        operation.outcome = RESIDUAL
    if not request.good_with_sense:
        return Reply(residual=residual)
    asc, ascq = EXTENDED_COPY_INFORMATION_AVAILABLE
    sense = Sense(key=COMPLETED, asc=asc, ascq=ascq, processed=operation.segments_processed)
    return Reply(sense=packed(sense, manager.descriptor_sense(operation.unit)), residual=residual)
