"""The copy manager: the commands of 83h and 84h, each by its service action.

A list is checked whole (`copy_list`), entered among the operations (`operation`) and then performed, segment
after segment (`run`, `segments`), in the command or, for IMMED, after its answer.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from cdb.command import Command, Reply
from cdb.copy_results import ReceiveCopyOperatingParameters
from cdb.extended_copy import ExtendedCopyLid1
from cdb.sense import ILLEGAL_REQUEST
from xcopy.target.copy_list import check_lid1_list, check_transferred
from xcopy.target.operation import Operation, Operations
from xcopy.target.refusal import Refused, answer, parse_cdb, refuse
from xcopy.target.run import CopiedSegment, CopyRun, Place
from xcopy.target.segments import perform

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from xcopy.target.faults import Faults
    from xcopy.target.profile import Profile
    from xcopy.target.unit import Unit


class CopyManager:
    """Copies between the units of one array; every unit that has 3PC reaches it.

    `now` gives seconds; `remembered` is how many copied segments are kept.
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
    ) -> None:
        self._profile = profile
        self._now = now
        self._operations = Operations(profile)
        self._place = Place(
            array_id=array_id, units=units, profile=profile, faults=faults, copied=deque(maxlen=remembered)
        )

    @property
    def copied_segments(self) -> tuple[CopiedSegment, ...]:
        """The last segments that were copied to their end, in the order they were finished."""
        return tuple(self._place.copied.copy())

    def copy_out(self, command: Command, receiver: Unit, nexus: str) -> Reply:
        """Answer a THIRD-PARTY COPY OUT (83h); `Refused` is the copy manager's no."""
        _check_third_party_copy(receiver)
        return self._extended_copy_lid1(command, receiver, nexus)

    def copy_in(self, command: Command, receiver: Unit, _nexus: str) -> Reply:
        """Answer a THIRD-PARTY COPY IN (84h)."""
        _check_third_party_copy(receiver)
        cdb = parse_cdb(ReceiveCopyOperatingParameters, command.cdb)
        return answer(command, self._profile.advertised.pack(), cdb.allocation_length)

    def _extended_copy_lid1(self, command: Command, receiver: Unit, nexus: str) -> Reply:
        cdb = parse_cdb(ExtendedCopyLid1, command.cdb)
        length = cdb.parameter_list_length
        check_transferred(len(command.data_out), length)
        if length == 0:
            return Reply(residual=len(command.data_out))
        request = check_lid1_list(bytes(command.data_out[:length]), self._profile.enforced)
        operation = self._operations.start(
            Operation(nexus=nexus, list_identifier=request.list_identifier, service_action=cdb.service_action)
        )
        run = CopyRun(self._place, request, operation, receiver)
        ended = Reply(residual=len(command.data_out) - length)
        try:
            for run.number in range(len(request.segments)):
                perform(run)
                operation.segments_processed += 1
        except Refused as refusal:
            ended = refusal.reply
            raise
        finally:
            self._operations.finish(operation, ended, self._now())
        return ended


def _check_third_party_copy(unit: Unit) -> None:
    if not unit.third_party_copy:
        refuse(ILLEGAL_REQUEST, 0x20, 0x00)
