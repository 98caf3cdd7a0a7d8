"""The commands of a disk: reading, writing, comparing, flushing its blocks, and how many there are.

Those that know of unmapped blocks are in `thin`. Where there is a choice, every limit is told in page B0h.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from cdb.blocks import (
    CompareAndWrite,
    Read10,
    Read12,
    Read16,
    StartStopUnit,
    SynchronizeCache10,
    SynchronizeCache16,
    TestUnitReady,
    Verify10,
    Verify16,
    Write10,
    Write12,
    Write16,
    WriteSame10,
    WriteSame16,
)
from cdb.capacity import Capacity10, Capacity16, ReadCapacity10, ReadCapacity16
from cdb.command import Command, Reply
from cdb.provisioning import GetLbaStatus16, Unmap
from cdb.sense import ILLEGAL_REQUEST, MISCOMPARE, Sense
from xcopy.target import thin
from xcopy.target.known import SERVICE_ACTION, Known, key_of, table
from xcopy.target.refusal import Refused, answer, at_byte, parse_cdb, refuse, wrong_field
from xcopy.target.reservation import Through

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from xcopy.target.known import Key
    from xcopy.target.unit import Unit

    Perform = Callable[[Unit, Command], Reply]

MAXIMUM_TRANSFER = 32 << 20  # bytes one READ, WRITE or VERIFY moves at most
MAXIMUM_COMPARE = 255  # blocks of COMPARE AND WRITE
ASK_READ_CAPACITY_16 = 0xFFFFFFFF
MISCOMPARE_DURING_VERIFY, UNMAPPED_LBA = (0x1D, 0x00), (0x1D, 0x01)
BYTE_BY_BYTE, ONE_BLOCK = 0b01, 0b11
START, POWER_CONDITION = 0x01, 0xF0  # of byte 4 of START STOP UNIT


def perform(unit: Unit, command: Command) -> Reply:
    """Answer a command of a disk; `Refused` is the unit's no."""
    key = key_of(command.cdb)
    known = BLOCK_COMMANDS.get(key) if key else None
    if known is None:
        unknown(command.cdb, BLOCK_COMMANDS)
    return known.action(unit, command)


def unknown(cdb: bytes, known: Iterable[Key]) -> NoReturn:
    """INVALID COMMAND OPERATION CODE; INVALID FIELD IN CDB where only the service action is not known."""
    if not cdb or not any(code == cdb[0] for code, _ in known):
        refuse(ILLEGAL_REQUEST, 0x20, 0x00)
    bit = SERVICE_ACTION.bit_length() - 1 if len(cdb) > 1 else None
    refuse(ILLEGAL_REQUEST, 0x24, 0x00, at_byte(1, bit, command=True))


def _test_unit_ready(_unit: Unit, command: Command) -> Reply:
    parse_cdb(TestUnitReady, command.cdb)
    return answer(command, b"")


def _start_stop(unit: Unit, command: Command) -> Reply:
    """Nothing stops here: what is in the cache is written, and that is all."""
    cdb = parse_cdb(StartStopUnit, command.cdb)
    if cdb.power_condition:
        wrong_field(StartStopUnit, "power_condition")
    if cdb.loej:
        wrong_field(StartStopUnit, "loej")
    if not cdb.no_flush:
        unit.flush()
    return answer(command, b"")


def _read_capacity_10(unit: Unit, command: Command) -> Reply:
    parse_cdb(ReadCapacity10, command.cdb)
    last = min(unit.blocks - 1, ASK_READ_CAPACITY_16)
    return answer(command, Capacity10(last_lba=last, block_length=unit.block_size).pack())


def _read_capacity_16(unit: Unit, command: Command) -> Reply:
    cdb = parse_cdb(ReadCapacity16, command.cdb)
    data = Capacity16(
        last_lba=unit.blocks - 1, block_length=unit.block_size, lbpme=unit.thin, lbprz=unit.thin
    ).pack()
    return answer(command, data, cdb.allocation_length)


def _reading(record: type[Read10 | Read12 | Read16]) -> Perform:
    def read(unit: Unit, command: Command) -> Reply:
        cdb = parse_cdb(record, command.cdb)
        if cdb.rdprotect:
            wrong_field(record, "rdprotect")
        unit.check_range(cdb.lba, cdb.transfer_length)
        if cdb.transfer_length * unit.block_size > MAXIMUM_TRANSFER:
            wrong_field(record, "transfer_length")
        return answer(command, unit.read(cdb.lba, cdb.transfer_length))

    return read


def _writing(record: type[Write10 | Write12 | Write16]) -> Perform:
    def write(unit: Unit, command: Command) -> Reply:
        cdb = parse_cdb(record, command.cdb)
        if cdb.wrprotect:
            wrong_field(record, "wrprotect")
        unit.check_writable()
        unit.check_range(cdb.lba, cdb.transfer_length)
        length = cdb.transfer_length * unit.block_size
        if length > MAXIMUM_TRANSFER or length > len(command.data_out):
            wrong_field(record, "transfer_length")
        unit.write(cdb.lba, memoryview(command.data_out)[:length])
        if cdb.fua:
            unit.flush()
        return Reply(residual=len(command.data_out) - length)

    return write


def _verifying(record: type[Verify10 | Verify16]) -> Perform:
    def verify(unit: Unit, command: Command) -> Reply:
        cdb = parse_cdb(record, command.cdb)
        if cdb.vrprotect:
            wrong_field(record, "vrprotect")
        if cdb.bytchk not in (0, BYTE_BY_BYTE, ONE_BLOCK):
            wrong_field(record, "bytchk")
        blocks = cdb.verification_length
        unit.check_range(cdb.lba, blocks)
        if blocks * unit.block_size > MAXIMUM_TRANSFER:
            wrong_field(record, "verification_length")
        sent = {0: 0, BYTE_BY_BYTE: blocks, ONE_BLOCK: min(blocks, 1)}[cdb.bytchk] * unit.block_size
        if sent > len(command.data_out):
            wrong_field(record, "verification_length")
        if cdb.bytchk and not _all_mapped(unit, cdb.lba, blocks):
            refuse(MISCOMPARE, *UNMAPPED_LBA)  # page B1h with VBULS is not there (SBC-4 5.36)
        found = unit.read(cdb.lba, blocks)
        if sent:
            expected = bytes(command.data_out[:sent]) * (blocks if cdb.bytchk == ONE_BLOCK else 1)
            _compare(found, expected)
        return Reply(residual=len(command.data_out) - sent + command.data_in)

    return verify


def _compare_and_write(unit: Unit, command: Command) -> Reply:
    cdb = parse_cdb(CompareAndWrite, command.cdb)
    if cdb.wrprotect:
        wrong_field(CompareAndWrite, "wrprotect")
    unit.check_writable()
    unit.check_range(cdb.lba, cdb.blocks)
    length = cdb.blocks * unit.block_size
    if 2 * length > len(command.data_out):
        wrong_field(CompareAndWrite, "blocks")
    sent = memoryview(command.data_out)[: 2 * length]
    with unit.changing:
        _compare(unit.read(cdb.lba, cdb.blocks), bytes(sent[:length]))
        unit.write(cdb.lba, sent[length:])
    if cdb.fua:
        unit.flush()
    return Reply(residual=len(command.data_out) - 2 * length)


def _flushing(record: type[SynchronizeCache10 | SynchronizeCache16]) -> Perform:
    def flush(unit: Unit, command: Command) -> Reply:
        cdb = parse_cdb(record, command.cdb)
        unit.check_range(cdb.lba, cdb.blocks)
        unit.flush()
        return answer(command, b"")

    return flush


def _all_mapped(unit: Unit, lba: int, blocks: int) -> bool:
    first, end = next(unit.mapped(lba), (lba, lba))
    return first == lba and end >= lba + blocks


def _compare(found: bytes, expected: bytes) -> None:
    """MISCOMPARE with the offset of the first byte that differs (SBC-4 5.3)."""
    if found == expected:
        return
    offset = next(n for n, (a, b) in enumerate(zip(found, expected, strict=True)) if a != b)
    asc, ascq = MISCOMPARE_DURING_VERIFY
    raise Refused.of(Sense(key=MISCOMPARE, asc=asc, ascq=ascq, information=offset))


def _starting(cdb: bytes) -> Through:
    """To make a unit ready is anybody's business, to stop it is not (SBC-4 table 13)."""
    starts = len(cdb) > 4 and cdb[4] & START and not cdb[4] & POWER_CONDITION
    return Through.ANYONE if starts else Through.HOLDERS


BLOCK_COMMANDS = table(
    (
        Known(TestUnitReady, _test_unit_ready, Through.ANYONE),
        Known(StartStopUnit, _start_stop, _starting),
        Known(ReadCapacity10, _read_capacity_10, Through.ANYONE),
        Known(ReadCapacity16, _read_capacity_16, Through.ANYONE),
        Known(Read10, _reading(Read10), Through.READERS),
        Known(Read12, _reading(Read12), Through.READERS),
        Known(Read16, _reading(Read16), Through.READERS),
        Known(Write10, _writing(Write10), Through.HOLDERS),
        Known(Write12, _writing(Write12), Through.HOLDERS),
        Known(Write16, _writing(Write16), Through.HOLDERS),
        Known(Verify10, _verifying(Verify10), Through.READERS),
        Known(Verify16, _verifying(Verify16), Through.READERS),
        Known(CompareAndWrite, _compare_and_write, Through.HOLDERS),
        Known(SynchronizeCache10, _flushing(SynchronizeCache10), Through.HOLDERS),
        Known(SynchronizeCache16, _flushing(SynchronizeCache16), Through.HOLDERS),
        Known(WriteSame10, thin.write_same(WriteSame10), Through.HOLDERS),
        Known(WriteSame16, thin.write_same(WriteSame16), Through.HOLDERS),
        Known(Unmap, thin.unmap, Through.HOLDERS),
        Known(GetLbaStatus16, thin.get_lba_status, Through.READERS),
    )
)
