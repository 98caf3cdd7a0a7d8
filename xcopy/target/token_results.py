"""What there is to be told of tokens: RECEIVE ROD TOKEN INFORMATION and REPORT ALL ROD TOKENS.

Tokens that were told whole are not told again (SPC-4 6.26); that ends none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.command import Command, Reply, Status
from cdb.copy_results import ReceiveRodTokenInformation, ReportAllRodTokens
from cdb.copy_status import (
    BLOCKS,
    PARTLY_USED,
    WITHOUT_ERRORS,
    AllRodTokens,
    CopyOperation,
    RodTokenDescriptor,
    RodTokenInformation,
    sense_field,
)
from cdb.token import PopulateToken, RodToken, WriteUsingToken
from xcopy.target.copy_results import copy_operation
from xcopy.target.refusal import answer, packed, parse_cdb, wrong_field
from xcopy.target.token_commands import short_of
from xcopy.target.transfer import UNDERRUN

if TYPE_CHECKING:
    from xcopy.target.copy_manager import CopyManager
    from xcopy.target.operation import Operation
    from xcopy.target.unit import Unit

TOKEN_ACTIONS = {PopulateToken.service_action, WriteUsingToken.service_action}


def rod_token_information(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """RECEIVE ROD TOKEN INFORMATION (SPC-4 6.26; SBC-4 5.25)."""
    cdb = parse_cdb(ReceiveRodTokenInformation, command.cdb)
    operation = manager.operations.find(nexus, receiver.number, cdb.list_identifier, manager.now())
    if operation is None:
        wrong_field(ReceiveRodTokenInformation, "list_identifier")
    header = _header(manager, operation)
    there = header.status in WITHOUT_ERRORS and not operation.tokens_told
    tokens = operation.tokens if there else ()
    told = RodTokenInformation(
        operation=header,
        tokens=tuple(RodTokenDescriptor(creating_cscd=n, token=RodToken.unpack(data)) for n, data in tokens),
    ).pack()
    reply = answer(command, told, cdb.allocation_length)
    if not operation.running and (cdb.allocation_length == 0 or len(reply.data) == len(told)):
        operation.tokens_told = True
    manager.operations.told(operation)
    return reply


def report_all_rod_tokens(manager: CopyManager, command: Command, _receiver: Unit, _nexus: str) -> Reply:
    """REPORT ALL ROD TOKENS (SPC-4 6.31): those of every nexus that are valid."""
    cdb = parse_cdb(ReportAllRodTokens, command.cdb)
    return answer(command, AllRodTokens(tokens=manager.place.tokens.known()).pack(), cdb.allocation_length)


def _header(manager: CopyManager, operation: Operation) -> CopyOperation:
    """The state of an operation; where it was about a token, blocks are counted (SBC-4 5.25.2, 5.25.3)."""
    header = copy_operation(operation, manager.place.profile.copies)
    if operation.service_action not in TOKEN_ACTIONS:
        return header
    count = operation.transferred // manager.place.units[operation.unit].block_size
    header = header.but(transfer_count_units=BLOCKS, transfer_count=count, segments_processed=0)
    if operation.running or operation.outcome != PARTLY_USED or operation.status != Status.GOOD:
        return header
    # POPULATE TOKEN is GOOD where it represents less than was asked for, and told here (SBC-4 4.28.2).
    sense = packed(short_of(count, *UNDERRUN), manager.descriptor_sense(operation.unit))
    return header.but(
        completion_status=int(Status.CHECK_CONDITION), sense_length=len(sense), sense_field=sense_field(sense)
    )
