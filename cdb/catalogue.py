"""Every structure there is: the commands with the data that goes with them, and what stands alone.

One command is one entry. Each record is known by its class's name in small letters: `Lid1ParameterList` is
`lid1-parameter-list`.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cdb import (
    blocks,
    capacity,
    copy_results,
    copy_status,
    extended_copy,
    inquiry,
    luns,
    mode,
    provisioning,
    reservation,
    sense_format,
    supported_commands,
    tape,
    third_party,
    token,
    vpd,
)
from cdb.cscd import CSCDS
from cdb.segment import SEGMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdb.record import Record


class Entry(NamedTuple):
    """A command and the structures its data may have, whichever way the data goes.

    Where a field of the CDB decides between them, `by` is its name and `table` what each value asks for.
    """

    cdb: type[Record]
    data: tuple[type[Record], ...] = ()
    by: str = ""
    table: Mapping[int, type[Record]] = {}


PAGES: tuple[type[Record], ...] = (
    vpd.SupportedPages,
    vpd.UnitSerialNumber,
    vpd.DeviceIdentification,
    third_party.ThirdPartyCopy,
    vpd.BlockLimits,
    vpd.BlockDeviceCharacteristics,
    vpd.LogicalBlockProvisioning,
)
SENSE: tuple[type[Record], ...] = (sense_format.FixedSense, sense_format.DescriptorSense)
ALONE: tuple[type[Record], ...] = (token.RodToken, token.RodManagementToken, token.BlockRange)

RESERVATIONS: dict[int, type[Record]] = {
    0x00: reservation.RegisteredKeys,
    0x01: reservation.CurrentReservation,
    0x02: reservation.ReservationCapabilities,
    0x03: reservation.FullStatus,
}
RESERVE_LISTS: dict[int, type[Record]] = {
    action: reservation.ReserveOutList
    for action in reservation.OUT_SERVICE_ACTIONS
    if action != reservation.REGISTER_AND_MOVE
} | {reservation.REGISTER_AND_MOVE: reservation.RegisterAndMoveList}
ALL_OR_ONE: dict[int, type[Record]] = {
    0b000: supported_commands.AllCommands,
    0b001: supported_commands.OneCommand,
    0b010: supported_commands.OneCommand,
    0b011: supported_commands.OneCommand,
}

COMMANDS = (
    Entry(extended_copy.ExtendedCopyLid1, (extended_copy.Lid1ParameterList,)),
    Entry(extended_copy.ExtendedCopyLid4, (extended_copy.Lid4ParameterList,)),
    Entry(token.PopulateToken, (token.PopulateTokenList,)),
    Entry(token.WriteUsingToken, (token.WriteUsingTokenList,)),
    Entry(extended_copy.CopyOperationAbort),
    Entry(copy_results.ReceiveCopyStatusLid1, (copy_status.CopyStatusLid1,)),
    Entry(copy_results.ReceiveCopyDataLid1, (copy_status.HeldDataLid1,)),
    Entry(copy_results.ReceiveCopyOperatingParameters, (copy_results.OperatingParameters,)),
    Entry(copy_results.ReceiveCopyFailureDetailsLid1, (copy_status.FailureDetails,)),
    Entry(copy_results.ReceiveCopyStatusLid4, (copy_status.CopyStatusLid4,)),
    Entry(copy_results.ReceiveCopyDataLid4, (copy_status.HeldDataLid4,)),
    Entry(copy_results.ReceiveRodTokenInformation, (copy_status.RodTokenInformation,)),
    Entry(copy_results.ReportAllRodTokens, (copy_status.AllRodTokens,)),
    Entry(inquiry.Inquiry, (inquiry.StandardInquiry, *PAGES)),
    Entry(capacity.ReadCapacity10, (capacity.Capacity10,)),
    Entry(capacity.ReadCapacity16, (capacity.Capacity16,)),
    Entry(provisioning.GetLbaStatus16, (provisioning.LbaStatusData,)),
    Entry(provisioning.Unmap, (provisioning.UnmapParameterList,)),
    Entry(
        reservation.PersistentReserveIn, tuple(RESERVATIONS.values()), by="service_action", table=RESERVATIONS
    ),
    Entry(
        reservation.PersistentReserveOut,
        (reservation.ReserveOutList, reservation.RegisterAndMoveList),
        by="service_action",
        table=RESERVE_LISTS,
    ),
    Entry(
        supported_commands.ReportSupportedOperationCodes,
        (supported_commands.AllCommands, supported_commands.OneCommand),
        by="reporting_options",
        table=ALL_OR_ONE,
    ),
    Entry(luns.ReportLuns, (luns.LunList,)),
    Entry(sense_format.RequestSense, SENSE),
    Entry(mode.ModeSense6, (mode.ModeParameters6,)),
    Entry(mode.ModeSense10, (mode.ModeParameters10,)),
    Entry(mode.ModeSelect6, (mode.ModeParameters6,)),
    Entry(mode.ModeSelect10, (mode.ModeParameters10,)),
    Entry(blocks.TestUnitReady),
    Entry(blocks.StartStopUnit),
    Entry(blocks.Read10),
    Entry(blocks.Read12),
    Entry(blocks.Read16),
    Entry(blocks.Write10),
    Entry(blocks.Write12),
    Entry(blocks.Write16),
    Entry(blocks.Verify10),
    Entry(blocks.Verify16),
    Entry(blocks.CompareAndWrite),
    Entry(blocks.WriteSame10),
    Entry(blocks.WriteSame16),
    Entry(blocks.SynchronizeCache10),
    Entry(blocks.SynchronizeCache16),
    Entry(tape.Rewind),
    Entry(tape.ReadBlockLimits, (tape.BlockLengthLimits,)),
    Entry(tape.Read6),
    Entry(tape.Write6),
    Entry(tape.WriteFilemarks6),
    Entry(tape.Space6),
    Entry(tape.Locate10),
    Entry(tape.ReadPosition, (tape.ShortPosition,)),
)


def name_of(record: type[Record]) -> str:
    """What a structure is called where it has to be typed."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", record.__name__).lower()


def groups() -> dict[str, tuple[type[Record], ...]]:
    """Structures that are told apart by their first bytes, by what they are together."""
    return {
        "cdb": tuple(entry.cdb for entry in COMMANDS),
        "cscd": tuple(r for r in CSCDS.records if r),
        "segment": tuple(r for r in SEGMENTS.records if r),
        "sense": SENSE,
        "vpd": PAGES,
    }


def named() -> dict[str, type[Record]]:
    """Every structure by its name, in the order of the alphabet."""
    grouped = [record for group in groups().values() for record in group]
    data = [record for entry in COMMANDS for record in entry.data]
    everything = {name_of(record): record for record in (*grouped, *data, *ALONE)}
    return dict(sorted(everything.items()))


def structures(name: str) -> tuple[type[Record], ...]:
    """What a name stands for: a group, or one structure; nothing when it is unknown."""
    one = named().get(name)
    return groups().get(name) or ((one,) if one else ())


def cdb_record(cdb: bytes) -> type[Record] | None:
    """The command that has the operation code, service action and length of a CDB."""
    entry = _entry(cdb)
    return entry.cdb if entry else None


def is_cdb(record: type[Record]) -> bool:
    """Whether a structure is a command, not the data of one."""
    return any(entry.cdb is record for entry in COMMANDS)


def data_records(cdb: bytes) -> tuple[type[Record], ...]:
    """What structures the data of a command may have."""
    entry = _entry(cdb)
    if entry is None:
        return ()
    asked = entry.table.get(entry.cdb.peek(entry.by, cdb)) if entry.by else None
    return (asked,) if asked else entry.data


def _entry(cdb: bytes) -> Entry | None:
    return next((e for e in COMMANDS if e.cdb.size == len(cdb) and _constants_agree(e.cdb, cdb)), None)


def _constants_agree(record: type[Record], data: bytes) -> bool:
    return all(row.kind != "const" or record.peek(row.name, data) == row.default for row in record.rows)
