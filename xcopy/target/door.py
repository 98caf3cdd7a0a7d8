"""The door of the units: what goes before every command, and the commands that are more than a unit's own.

In this order: what the nexus has yet to be told of the unit, who has reserved it, the command (SAM-5: of the
unit attentions only those of a reset come before a reservation conflict). A tape is not reserved and has no
copy manager.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cdb.inquiry import Inquiry
from cdb.luns import LunList, ReportLuns
from cdb.mode import ModeSelect6, ModeSelect10, ModeSense6, ModeSense10
from cdb.reservation import PersistentReserveIn, PersistentReserveOut
from cdb.sense import NO_SENSE, Sense
from cdb.sense_format import RequestSense
from cdb.supported_commands import ReportSupportedOperationCodes
from xcopy.target import identity, mode, supported
from xcopy.target.attention import MODE_CHANGED, Attentions
from xcopy.target.block_commands import BLOCK_COMMANDS, unknown
from xcopy.target.known import Known, key_of, table
from xcopy.target.lenient import meaningful
from xcopy.target.refusal import Refused, answer, packed, parse_cdb, wrong_field
from xcopy.target.reservation import Through
from xcopy.target.reservation_commands import IN_ACTIONS, OUT_ACTIONS, reserve_in, reserve_out

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cdb.command import Command, Reply
    from xcopy.target.copy_manager import CopyManager
    from xcopy.target.known import Key
    from xcopy.target.profile import Profile
    from xcopy.target.tape import TapeUnit
    from xcopy.target.unit import Unit

INQUIRY, REQUEST_SENSE, REPORT_LUNS = 0x12, 0x03, 0xA0
# Answered while a unit attention is pending (SPC-4 6.6.1, 6.33, 6.39).
PASSES_UNIT_ATTENTION = frozenset({INQUIRY, REQUEST_SENSE, REPORT_LUNS})
COPY_OUT, COPY_IN = 0x83, 0x84
ALL_UNITS, WELL_KNOWN_UNITS, EVERYTHING = 0x00, 0x01, 0x02  # of REPORT LUNS
FLAT, EXTENDED_FLAT = 0x40 << 56, 0xD2 << 56  # where a LUN says how it is to be read (SAM-5)
FIRST_FLAT, FIRST_EXTENDED = 0x100, 0x4000

# Of the copy manager's commands, those that do not pass every reservation (SPC-4 table 65, SBC-4 table 13).
COPY_THROUGH: dict[Key, Through] = {
    (COPY_OUT, 0x00): Through.HOLDERS,
    (COPY_OUT, 0x01): Through.HOLDERS,
    (COPY_OUT, 0x10): Through.READERS,
    (COPY_OUT, 0x11): Through.HOLDERS,
    (COPY_OUT, 0x1C): Through.HOLDERS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What commands to the units of one array have to do with; `units` and `tapes` may change meanwhile.

    `descriptor_sense` says which format a unit's sense data have.
    """

    array_id: bytes
    profile: Profile
    units: Mapping[int, Unit]
    tapes: Mapping[int, TapeUnit]
    copy_manager: CopyManager
    attentions: Attentions
    descriptor_sense: Callable[[int], bool]

    def answer(self, number: int, nexus: str, command: Command) -> Reply:
        """What a nexus is answered to a command that it sent to a unit."""
        try:
            self._admit(number, nexus, command.cdb)
            if number in self.tapes:
                return self._of_tape(self.tapes[number], command, nexus)
            if self.profile.ignores_reserved:
                command = replace(command, cdb=meaningful(command.cdb, self.profile.reserved_looked_at))
            return self._of_unit(self.units[number], command, nexus)
        except Refused as refusal:
            return refusal.answered(self.descriptor_sense(number), bare=self.profile.bare_sense)

    def known(self, unit: Unit) -> Iterator[Known]:
        """Every command that this unit answers but with INVALID COMMAND OPERATION CODE."""
        for key, known in (*DOOR_COMMANDS.items(), *BLOCK_COMMANDS.items()):
            if key not in self.profile.unknown_commands and (unit.thin or key not in THIN_ONLY):
                yield known
        if unit.third_party_copy:
            yield from supported.copy_commands(self.copy_manager)

    def _admit(self, number: int, nexus: str, cdb: bytes) -> None:
        pending = None
        if not cdb or cdb[0] not in PASSES_UNIT_ATTENTION:
            pending = self.attentions.pending(nexus, number)
        if pending is not None and pending.is_reset:
            self._tell(number, nexus)
        if number in self.units:
            self.units[number].reservations.check(nexus, self._through(cdb))
        if pending is not None:
            self._tell(number, nexus)

    def _tell(self, number: int, nexus: str) -> None:
        attention = self.attentions.take(nexus, number)
        if attention is not None:  # another command of the nexus may have been told meanwhile
            raise Refused.of(attention.sense)

    def _through(self, cdb: bytes) -> Through:
        key = key_of(cdb)
        if key is None:
            return Through.ANYONE
        known = BLOCK_COMMANDS.get(key) or DOOR_COMMANDS.get(key)
        return known.passes(cdb) if known else COPY_THROUGH.get(key, Through.ANYONE)

    def _of_unit(self, unit: Unit, command: Command, nexus: str) -> Reply:
        key = key_of(command.cdb)
        if key is not None and key in self.profile.unknown_commands:
            unknown(command.cdb, (each.key for each in self.known(unit)))
        if command.cdb[:1] == bytes([COPY_OUT]):
            return self.copy_manager.copy_out(command, unit, nexus)
        if command.cdb[:1] == bytes([COPY_IN]):
            return self.copy_manager.copy_in(command, unit, nexus)
        known = DOOR_COMMANDS.get(key) if key else None
        if known is not None:
            return known.action(self, unit, command, nexus)
        if key not in BLOCK_COMMANDS:
            unknown(command.cdb, (each.key for each in self.known(unit)))
        return unit.perform(command)

    def _of_tape(self, tape: TapeUnit, command: Command, nexus: str) -> Reply:
        match command.cdb[:1]:
            case b"\x12":
                return identity.inquiry(command, tape, self.array_id)
            case b"\x03":
                return _request_sense(self, tape, command, nexus)
            case b"\xa0":
                return _report_luns(self, tape, command, nexus)
        return tape.perform(command)


def _inquiry(door: Door, unit: Unit, command: Command, _nexus: str) -> Reply:
    page = door.copy_manager.third_party_page if door.profile.has_third_party_page else None
    return identity.inquiry(command, unit, door.array_id, page, door.profile)


def _request_sense(door: Door, unit: Unit | TapeUnit, command: Command, nexus: str) -> Reply:
    """REQUEST SENSE: the next unit attention, which is told thereby, or NO SENSE (SPC-4 6.39)."""
    cdb = parse_cdb(RequestSense, command.cdb)
    attention = door.attentions.take(nexus, unit.number)
    sense = attention.sense if attention else Sense(key=NO_SENSE)
    return answer(command, packed(sense, cdb.desc), cdb.allocation_length)


def _report_luns(door: Door, _unit: Unit | TapeUnit, command: Command, nexus: str) -> Reply:
    """REPORT LUNS: those that are mapped to the nexus that asks."""
    cdb = parse_cdb(ReportLuns, command.cdb)
    if cdb.select_report not in (ALL_UNITS, WELL_KNOWN_UNITS, EVERYTHING):
        wrong_field(ReportLuns, "select_report")
    disks = (number for number, unit in door.units.items() if unit.is_seen_by(nexus))
    numbers = () if cdb.select_report == WELL_KNOWN_UNITS else sorted({*disks, *door.tapes})
    door.attentions.luns_reported(nexus)
    return answer(command, LunList(luns=tuple(map(lun, numbers))).pack(), cdb.allocation_length)


def _supported(door: Door, unit: Unit, command: Command, _nexus: str) -> Reply:
    return supported.report(command, tuple(door.known(unit)))


def _mode_sense(_door: Door, unit: Unit, command: Command, _nexus: str) -> Reply:
    return mode.mode_sense(command, unit)


def _mode_select(door: Door, unit: Unit, command: Command, nexus: str) -> Reply:
    reply, changed = mode.mode_select(command, unit)
    if changed:
        door.attentions.establish(MODE_CHANGED, number=unit.number, but=nexus)
    return reply


def _reserve_in(_door: Door, unit: Unit, command: Command, _nexus: str) -> Reply:
    return reserve_in(command, unit.reservations)


def _reserve_out(door: Door, unit: Unit, command: Command, nexus: str) -> Reply:
    reply, preempted = reserve_out(command, unit.reservations, nexus)
    for other in preempted:
        door.copy_manager.abort_copies(other, unit.number)
    return reply


def lun(number: int) -> int:
    """A unit's number as the 8 bytes of a LUN."""
    if number < FIRST_FLAT:
        return number << 48
    if number < FIRST_EXTENDED:
        return FLAT | number << 48
    return EXTENDED_FLAT | number << 32


DOOR_COMMANDS = table(
    (
        Known(Inquiry, _inquiry, Through.ANYONE),
        Known(RequestSense, _request_sense, Through.ANYONE),
        Known(ReportLuns, _report_luns, Through.ANYONE),
        Known(ReportSupportedOperationCodes, _supported, Through.READERS),
        Known(ModeSense6, _mode_sense, Through.READERS),
        Known(ModeSense10, _mode_sense, Through.READERS),
        Known(ModeSelect6, _mode_select, Through.HOLDERS),
        Known(ModeSelect10, _mode_select, Through.HOLDERS),
        *(Known(PersistentReserveIn, _reserve_in, Through.ANYONE, action) for action in IN_ACTIONS),
        *(Known(PersistentReserveOut, _reserve_out, Through.ANYONE, action) for action in OUT_ACTIONS),
    )
)
THIN_ONLY: frozenset[Key] = frozenset({(0x42, None)})
