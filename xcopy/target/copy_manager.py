"""The copy manager: the commands of 83h and 84h, each by its service action.

A list is checked whole (`copy_list`), entered among the operations (`operation`) and then performed, segment
after segment (`run`, `segments`), in the command or, for IMMED, after its answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from cdb.command import Command, Reply
from cdb.copy_results import ReceiveCopyOperatingParameters
from cdb.extended_copy import ExtendedCopyLid1
from cdb.sense import ILLEGAL_REQUEST
from xcopy.target.copy_list import check_lid1_list, check_transferred
from xcopy.target.operation import Operation, Operations
from xcopy.target.refusal import Refused, answer, at_byte, parse_cdb, refuse, wrong_field
from xcopy.target.rods import Rods
from xcopy.target.run import CopiedSegment, CopyRun, Place
from xcopy.target.segments import perform
from xcopy.target.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcopy.target.faults import Faults
    from xcopy.target.profile import Profile
    from xcopy.target.unit import Unit

CDB_LENGTH = 16
SERVICE_ACTION = 0x1F


class CopyManager:
    """Copies between the units of one array; every unit that has 3PC reaches it.

    `now` gives seconds; `remembered` is how many copied segments are kept; `token_bytes` gives that many
    bytes that nobody can guess. What a service action does is in the tables `COPY_OUT` and `COPY_IN`: a
    function of the copy manager, the command, the unit that received it and the nexus.
    """

    def __init__(
        self,
        *,
        array_id: bytes,
        units: Mapping[int, Unit],
        profile: Profile,
        faults: Faults,
        now: Callable[[], float],
        remembered: int,
        token_bytes: Callable[[int], bytes],
    ) -> None:
        self.now = now
        self.operations = Operations(profile)
        rods = Rods(profile.rods)
        self.place = Place(
            array_id=array_id,
            units=units,
            profile=profile,
            faults=faults,
            copied=deque(maxlen=remembered),
            rods=rods,
            tokens=Tokens(
                array_id=array_id,
                units=units,
                rods=rods,
                policy=profile.rods,
                now=now,
                token_bytes=token_bytes,
            ),
        )

    @property
    def copied_segments(self) -> tuple[CopiedSegment, ...]:
        """The last segments that were copied to their end, in the order they were finished."""
        return tuple(self.place.copied.copy())

    def copy_out(self, command: Command, receiver: Unit, nexus: str) -> Reply:
        """Answer a THIRD-PARTY COPY OUT (83h); `Refused` is the copy manager's no."""
        return self._answer(COPY_OUT, command, receiver, nexus)

    def copy_in(self, command: Command, receiver: Unit, nexus: str) -> Reply:
        """Answer a THIRD-PARTY COPY IN (84h)."""
        return self._answer(COPY_IN, command, receiver, nexus)

    def _answer(self, table: dict[int, Action], command: Command, receiver: Unit, nexus: str) -> Reply:
        if not receiver.third_party_copy:
            refuse(ILLEGAL_REQUEST, 0x20, 0x00)
        if len(command.cdb) < CDB_LENGTH:
            refuse(ILLEGAL_REQUEST, 0x24, 0x00, at_byte(len(command.cdb), command=True))
        action = table.get(command.cdb[1] & SERVICE_ACTION)
        if action is None:
            wrong_field(ExtendedCopyLid1, "service_action")
        return action(self, command, receiver, nexus)


def extended_copy_lid1(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """EXTENDED COPY(LID1)."""
    cdb = parse_cdb(ExtendedCopyLid1, command.cdb)
    length = cdb.parameter_list_length
    check_transferred(len(command.data_out), length)
    if length == 0:
        return Reply(residual=len(command.data_out))
    request = check_lid1_list(bytes(command.data_out[:length]), manager.place.profile.enforced)
    operation = manager.operations.start(
        Operation(nexus=nexus, list_identifier=request.list_identifier, service_action=cdb.service_action)
    )
    run = CopyRun(manager.place, request, operation, receiver)
    ended = Reply(residual=len(command.data_out) - length)
    try:
        for run.number in range(len(request.segments)):
            perform(run)
            operation.segments_processed += 1
    except Refused as refusal:
        ended = refusal.reply
        raise
    finally:
        manager.operations.finish(operation, ended, manager.now())
    return ended


def operating_parameters(manager: CopyManager, command: Command, _receiver: Unit, _nexus: str) -> Reply:
    """RECEIVE COPY OPERATING PARAMETERS."""
    cdb = parse_cdb(ReceiveCopyOperatingParameters, command.cdb)
    return answer(command, manager.place.profile.advertised.pack(), cdb.allocation_length)


Action = Callable[[CopyManager, Command, "Unit", str], Reply]

COPY_OUT: dict[int, Action] = {
    0x00: extended_copy_lid1,
}
COPY_IN: dict[int, Action] = {
    0x03: operating_parameters,
}
