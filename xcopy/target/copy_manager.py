"""The copy manager: the commands of 83h and 84h, each by its service action, and the operations they start.

An operation is performed step by step, in its command or, in the background, after its answer: by `work`, or
by whoever `later` hands it to. Nothing here starts a thread.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from cdb.command import Command, Reply, Status, TransportError
from cdb.copy_results import ReceiveCopyOperatingParameters
from cdb.extended_copy import ExtendedCopyLid1
from cdb.sense import COPY_ABORTED, ILLEGAL_REQUEST, Sense
from xcopy.target.copy_results import (
    failure_details,
    held_data_lid1,
    held_data_lid4,
    operating_parameters,
    status_lid1,
    status_lid4,
)
from xcopy.target.extended_copy import copy_operation_abort, extended_copy_lid1, extended_copy_lid4
from xcopy.target.operation import LID1, LID4, Operation, Operations
from xcopy.target.refusal import Aborted, Refused, at_byte, at_row, refuse
from xcopy.target.rods import Rods
from xcopy.target.run import COMMANDS_CLEARED, CopiedSegment, Place
from xcopy.target.third_party_page import third_party_copy
from xcopy.target.token_commands import populate_token, write_using_token
from xcopy.target.token_results import report_all_rod_tokens, rod_token_information
from xcopy.target.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from xcopy.target.faults import Faults
    from xcopy.target.operation import Steps
    from xcopy.target.profile import Profile
    from xcopy.target.tape import TapeUnit
    from xcopy.target.unit import Unit

CDB_LENGTH = 16
SERVICE_ACTION = 0x1F
INVALID_FIELD_IN_CDB = (0x24, 0x00)
UNANSWERED = Sense(key=COPY_ABORTED, asc=0x0D, ascq=0x01)  # a device that says nothing (SPC-4 5.17.7.4)


class CopyManager:
    """Copies between the units of one array; every unit that has 3PC reaches it.

    `now` gives seconds; `remembered` is how many copied segments are kept; `token_bytes` gives that many
    bytes that nobody can guess; `later` is handed what an operation in the background has yet to do, None
    keeps it for `work`; `descriptor_sense` says which format the sense data of a unit have. What a service
    action does is in the tables `COPY_OUT` and `COPY_IN`: a function of the copy manager, the command, the
    unit that received it and the nexus.
    """

    def __init__(
        self,
        *,
        array_id: bytes,
        units: Mapping[int, Unit],
        tapes: Mapping[int, TapeUnit],
        profile: Profile,
        faults: Faults,
        now: Callable[[], float],
        remembered: int,
        token_bytes: Callable[[int], bytes],
        later: Callable[[Callable[[], None]], None] | None,
        descriptor_sense: Callable[[int], bool],
    ) -> None:
        self.now = now
        self.descriptor_sense = descriptor_sense
        self._later = later
        self.operations = Operations(profile)
        rods = Rods(profile.rods)
        self.place = Place(
            array_id=array_id,
            units=units,
            tapes=tapes,
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
            descriptor_sense=descriptor_sense,
        )

    @property
    def copied_segments(self) -> tuple[CopiedSegment, ...]:
        """The last segments that were copied to their end, in the order they were finished."""
        return tuple(self.place.copied.copy())

    @property
    def copy_out_actions(self) -> Set[int]:
        """The service actions of 83h that are answered."""
        there = self.place.profile.copies.copy_out
        return COPY_OUT.keys() if there is None else COPY_OUT.keys() & there

    @property
    def copy_in_actions(self) -> Set[int]:
        """The service actions of 84h that are answered."""
        there = self.place.profile.copies.copy_in
        return COPY_IN.keys() if there is None else COPY_IN.keys() & there

    def third_party_page(self, unit: Unit) -> bytes:
        """VPD page 8Fh of a unit: it lists the service actions that are answered."""
        return third_party_copy(
            self.place.profile, unit.block_size, self.copy_out_actions, self.copy_in_actions
        )

    def copy_out(self, command: Command, receiver: Unit, nexus: str) -> Reply:
        """Answer a THIRD-PARTY COPY OUT (83h); `Refused` is the copy manager's no."""
        policy = self.place.profile.copies
        action = self._action(COPY_OUT, policy.copy_out, policy.unknown_copy_out, command, receiver)
        return action(self, command, receiver, nexus)

    def copy_in(self, command: Command, receiver: Unit, nexus: str) -> Reply:
        """Answer a THIRD-PARTY COPY IN (84h)."""
        policy = self.place.profile.copies
        if policy.always_parameters:
            room = int.from_bytes(command.cdb[10:14], "big")
            command = replace(command, cdb=ReceiveCopyOperatingParameters(allocation_length=room).pack())
        action = self._action(COPY_IN, policy.copy_in, policy.unknown_copy_in, command, receiver)
        return action(self, command, receiver, nexus)

    def originate(self, operation: Operation, steps: Steps, residual: int = 0) -> Reply:
        """Enter an operation and perform it, step by step; of one in the background this is the answer only.

        `steps` ends with the command's reply, or with `Refused`; `residual` is that of the answer.
        """
        operation.steps = steps
        self.operations.start(operation, self.now())
        if not operation.background:
            return self._complete(operation)
        if self._later is not None:
            self._later(lambda: self._complete_later(operation))
        return Reply(residual=residual)

    def work(self) -> bool:
        """One step of an operation in the background; True when there is more to do."""
        operation = self.operations.take() if self._later is None else None
        if operation is not None and self._step(operation) is None:
            self.operations.put_back(operation)
        return self._later is None and self.operations.waiting

    def stop(self, operation: Operation, *, wait: bool) -> None:
        """Have an operation end between two of its steps or chunks; with `wait`, when it has."""
        if self.operations.abort(operation):
            self._step(operation)
        elif wait:
            self.operations.wait(operation)

    def reset(self, number: int) -> None:
        """A unit was reset: its operations end, and nothing is told of them (SPC-4 5.17.5, table 109)."""
        policy = self.place.profile.copies
        for operation in self.operations.of_unit(number):
            if policy.reset_aborts:
                self.stop(operation, wait=True)
            else:
                self.operations.wait(operation)

    def abort_commands(self, nexus: str, number: int) -> None:
        """The commands of a nexus at a unit are aborted, and the copies in them (SPC-4 5.17.4.6)."""
        for operation in self.operations.in_commands(nexus, number):
            self.stop(operation, wait=True)

    def abort_copies(self, nexus: str, number: int) -> None:
        """All copies of a nexus at a unit are aborted, those in the background too (SPC-4 5.13.11.2.6)."""
        for operation in self.operations.of_nexus(nexus, number):
            self.stop(operation, wait=True)

    def lose(self, nexus: str) -> None:
        """A nexus is lost: so are its results, while its operations go on (SPC-4 5.17.5, table 109)."""
        self.operations.lose(nexus)

    def _complete_later(self, operation: Operation) -> None:
        if self.operations.take(operation):
            self._complete(operation)

    def _complete(self, operation: Operation) -> Reply:
        reply = None
        while reply is None:
            reply = self._step(operation)
        return reply

    def _step(self, operation: Operation) -> Reply | None:
        """One step of an operation that this thread performs; how it ended, None when it has not."""
        assert operation.steps is not None
        terminated = False
        answered = partial(
            Refused.answered,
            descriptor=self.descriptor_sense(operation.unit),
            bare=self.place.profile.bare_sense,
        )
        try:
            if operation.aborting:
                raise Aborted.of(_stopped(operation))
            next(operation.steps)
            return None
        except StopIteration as end:
            reply: Reply = end.value
        except Aborted as refusal:
            reply, terminated = answered(refusal), True
            if self.place.profile.copies.task_aborted:
                reply = Reply(status=Status.TASK_ABORTED)
        except Refused as refusal:
            reply = answered(refusal)
        except BaseException as error:
            reply = answered(Refused.of(UNANSWERED))
            if not operation.background or not isinstance(error, TransportError):
                self.operations.finish(operation, reply, self.now())
                raise
        operation.steps.close()  # one that was stopped lets go of what it used
        self.operations.finish(operation, reply, self.now(), terminated=terminated)
        return reply

    def _action(
        self,
        table: dict[int, Action],
        there: frozenset[int] | None,
        unknown: tuple[int, int],
        command: Command,
        receiver: Unit,
    ) -> Action:
        if not (receiver.third_party_copy or (table is COPY_IN and self.place.profile.copies.results_always)):
            refuse(ILLEGAL_REQUEST, 0x20, 0x00)
        if len(command.cdb) < CDB_LENGTH:
            refuse(ILLEGAL_REQUEST, 0x24, 0x00, at_byte(len(command.cdb), command=True))
        service_action = command.cdb[1] & SERVICE_ACTION
        if service_action not in table or (there is not None and service_action not in there):
            field = at_row(ExtendedCopyLid1.row("service_action"), command=True)
            refuse(ILLEGAL_REQUEST, *unknown, field if unknown == INVALID_FIELD_IN_CDB else None)
        return table[service_action]


def _stopped(operation: Operation) -> Sense:
    """How an operation ends that was stopped between two steps: of a copy the next segment is named."""
    segment = operation.segments_processed if operation.service_action in (LID1, LID4) else None
    asc, ascq = COMMANDS_CLEARED
    return Sense(key=COPY_ABORTED, asc=asc, ascq=ascq, segment=segment)


Action = Callable[[CopyManager, Command, "Unit", str], Reply]

COPY_OUT: dict[int, Action] = {
    0x00: extended_copy_lid1,
    0x01: extended_copy_lid4,
    0x10: populate_token,
    0x11: write_using_token,
    0x1C: copy_operation_abort,
}
COPY_IN: dict[int, Action] = {
    0x00: status_lid1,
    0x01: held_data_lid1,
    0x03: operating_parameters,
    0x04: failure_details,
    0x05: status_lid4,
    0x06: held_data_lid4,
    0x07: rod_token_information,
    0x08: report_all_rod_tokens,
}
