"""REPORT SUPPORTED OPERATION CODES: told from the tables by which commands are answered (SPC-4 6.35)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.supported_commands import (
    ALL_COMMANDS,
    ONE_OPERATION_CODE,
    ONE_SERVICE_ACTION,
    AllCommands,
    CommandDescriptor,
    CommandTimeouts,
    OneCommand,
    ReportSupportedOperationCodes,
)
from xcopy.target.known import Known
from xcopy.target.refusal import answer, parse_cdb, wrong_field
from xcopy.target.reservation import Through

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cdb.command import Command, Reply
    from xcopy.target.copy_manager import CopyManager

NOT_SUPPORTED, AS_STANDARD = 0b001, 0b011
NOT_TOLD = CommandTimeouts(nominal=0, recommended=0)
# Fields that are not looked at.
IGNORED = frozenset(
    {"control", "dld0", "dld1", "dld2", "dpo", "group_number", "immed", "llbaa", "rarc", "priority"}
)


def report(command: Command, commands: Sequence[Known]) -> Reply:
    """Answer the command for a unit that knows these."""
    cdb = parse_cdb(ReportSupportedOperationCodes, command.cdb)
    timeouts = NOT_TOLD if cdb.rctd else None
    if cdb.reporting_options == ALL_COMMANDS:
        listed = sorted(commands, key=lambda known: (known.key[0], known.key[1] or 0))
        made = tuple(_descriptor(known, timeouts) for known in listed)
        return answer(command, AllCommands(commands=made).pack(), cdb.allocation_length)
    if cdb.reporting_options not in (ONE_OPERATION_CODE, ONE_SERVICE_ACTION):
        wrong_field(ReportSupportedOperationCodes, "reporting_options")
    with_action = cdb.reporting_options == ONE_SERVICE_ACTION
    same_code = [known for known in commands if known.key[0] == cdb.requested_operation_code]
    if any((known.key[1] is not None) != with_action for known in same_code):
        wrong_field(ReportSupportedOperationCodes, "reporting_options")
    wanted = cdb.requested_service_action if with_action else None
    found = next((known for known in same_code if known.key[1] == wanted), None)
    if found is None:
        return answer(command, OneCommand(support=NOT_SUPPORTED).pack(), cdb.allocation_length)
    one = OneCommand(support=AS_STANDARD, usage=usage(found), ctdp=timeouts is not None, timeouts=timeouts)
    return answer(command, one.pack(), cdb.allocation_length)


def copy_commands(manager: CopyManager) -> Iterator[Known]:
    """Those of the copy manager; a service action whose CDB has no record is not told of."""
    from cdb.catalogue import cdb_record

    for code, actions in ((0x83, manager.copy_out_actions), (0x84, manager.copy_in_actions)):
        for action in actions:
            record = cdb_record(bytes([code, action]) + bytes(14))
            if record is not None:
                perform = manager.copy_out if code == 0x83 else manager.copy_in
                yield Known(record, perform, Through.ANYONE, action)


def usage(known: Known) -> bytes:
    """Operation code and service action, and a one for every other bit of the CDB that is looked at."""
    bits = 0
    for row in known.record.rows:
        value = 0
        if row.kind == "const":
            value = row.default
        elif row.name == "service_action" and known.service_action is not None:
            value = known.service_action
        elif row.kind != "reserved" and row.name not in IGNORED:
            value = (1 << row.bits) - 1
        bits = bits << row.bits | value
    return bits.to_bytes(known.record.size, "big")


def _descriptor(known: Known, timeouts: CommandTimeouts | None) -> CommandDescriptor:
    code, action = known.key
    return CommandDescriptor(
        operation_code=code,
        service_action=action or 0,
        servactv=action is not None,
        cdb_length=known.record.size,
        ctdp=timeouts is not None,
        timeouts=timeouts,
    )
