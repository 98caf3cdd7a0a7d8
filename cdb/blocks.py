"""Commands that read, write, compare and flush logical blocks (SBC-4 clause 5), and whether a unit can.

That are TEST UNIT READY and START STOP UNIT. Those that unmap are in `provisioning`, WRITE SAME excepted: it
writes too.
"""

from __future__ import annotations

from cdb.record import Record, const, flag, record, reserved, uint

BYTE_CHECKS = {
    0b00: "nothing sent, medium verified",
    0b01: "every block sent and compared",
    0b10: "reserved",
    0b11: "one block sent, compared with each",
}


POWER_CONDITIONS = {
    0x0: "START and LOEJ decide",
    0x1: "active",
    0x2: "idle",
    0x3: "standby",
    0x7: "the unit's own timers",
    0xA: "force idle timer to 0",
    0xB: "force standby timer to 0",
}


def to_the_end(blocks: int) -> str:
    """Of a number of blocks in which 0 is "all that follow"."""
    return "" if blocks else "to the end of the unit"


@record
class TestUnitReady(Record):
    """TEST UNIT READY (SPC-4 6.47, table 333)."""

    __test__ = False  # not a test class, whatever its name says

    operation_code = const(8, 0x00)
    _byte1 = reserved(32)
    control: int = uint(8, default=0)


@record
class StartStopUnit(Record):
    """START STOP UNIT (SBC-4 5.31, table 113).

    `start` and `loej` count only with a power condition of 0.
    """

    operation_code = const(8, 0x1B)
    _byte1 = reserved(7)
    immed: bool = flag(default=False, doc="status before the work is done")
    _byte2 = reserved(8)
    _byte3 = reserved(4)
    power_condition_modifier: int = uint(4, default=0)
    power_condition: int = uint(4, default=0, names=POWER_CONDITIONS)
    _byte4 = reserved(1)
    no_flush: bool = flag(default=False, label="NO_FLUSH", doc="leave the cache as it is")
    loej: bool = flag(default=False, doc="load or eject the medium")
    start: bool = flag(default=False, doc="make ready, else stop")
    control: int = uint(8, default=0)


@record
class Read10(Record):
    """READ(10) (SBC-4 5.16, table 78).

    `transfer_length` in logical blocks, 0 transfers nothing.
    """

    operation_code = const(8, 0x28)
    rdprotect: int = uint(3, default=0)
    dpo: bool = flag(default=False, doc="not worth keeping in the cache")
    fua: bool = flag(default=False, doc="from the medium, not a volatile cache")
    rarc: bool = flag(default=False, doc="rebuild assist recovery control")
    _byte1 = reserved(2, label="Obsolete")
    lba: int = uint(32, label="LOGICAL BLOCK ADDRESS")
    _byte6 = reserved(2)
    group_number: int = uint(6, default=0)
    transfer_length: int = uint(16)
    control: int = uint(8, default=0)


@record
class Read12(Record):
    """READ(12) (SBC-4 5.17, table 80).

    `transfer_length` in logical blocks, 0 transfers nothing.
    """

    operation_code = const(8, 0xA8)
    rdprotect: int = uint(3, default=0)
    dpo: bool = flag(default=False, doc="not worth keeping in the cache")
    fua: bool = flag(default=False, doc="from the medium, not a volatile cache")
    rarc: bool = flag(default=False, doc="rebuild assist recovery control")
    _byte1 = reserved(2, label="Obsolete")
    lba: int = uint(32, label="LOGICAL BLOCK ADDRESS")
    transfer_length: int = uint(32)
    _byte10 = reserved(2)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)


@record
class Read16(Record):
    """READ(16) (SBC-4 5.18, table 81).

    `transfer_length` in logical blocks, 0 transfers nothing. The DLD bits together number a command
    duration limit, 0 for none.
    """

    operation_code = const(8, 0x88)
    rdprotect: int = uint(3, default=0)
    dpo: bool = flag(default=False, doc="not worth keeping in the cache")
    fua: bool = flag(default=False, doc="from the medium, not a volatile cache")
    rarc: bool = flag(default=False, doc="rebuild assist recovery control")
    _byte1 = reserved(1, label="Obsolete")
    dld2: bool = flag(default=False)
    lba: int = uint(64, label="LOGICAL BLOCK ADDRESS")
    transfer_length: int = uint(32)
    dld1: bool = flag(default=False)
    dld0: bool = flag(default=False)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)


@record
class Write10(Record):
    """WRITE(10) (SBC-4 5.40.1, table 132).

    `transfer_length` in logical blocks, 0 transfers nothing.
    """

    operation_code = const(8, 0x2A)
    wrprotect: int = uint(3, default=0)
    dpo: bool = flag(default=False, doc="not worth keeping in the cache")
    fua: bool = flag(default=False, doc="to the medium or a non-volatile cache")
    _byte1 = reserved(1)
    _fua_nv = reserved(2, label="Obsolete")
    lba: int = uint(32, label="LOGICAL BLOCK ADDRESS")
    _byte6 = reserved(2)
    group_number: int = uint(6, default=0)
    transfer_length: int = uint(16)
    control: int = uint(8, default=0)


@record
class Write12(Record):
    """WRITE(12) (SBC-4 5.41, table 134).

    `transfer_length` in logical blocks, 0 transfers nothing.
    """

    operation_code = const(8, 0xAA)
    wrprotect: int = uint(3, default=0)
    dpo: bool = flag(default=False, doc="not worth keeping in the cache")
    fua: bool = flag(default=False, doc="to the medium or a non-volatile cache")
    _byte1 = reserved(1)
    _fua_nv = reserved(2, label="Obsolete")
    lba: int = uint(32, label="LOGICAL BLOCK ADDRESS")
    transfer_length: int = uint(32)
    _byte10 = reserved(2)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)


@record
class Write16(Record):
    """WRITE(16) (SBC-4 5.42, table 135).

    `transfer_length` in logical blocks, 0 transfers nothing. The DLD bits are those of READ(16).
    """

    operation_code = const(8, 0x8A)
    wrprotect: int = uint(3, default=0)
    dpo: bool = flag(default=False, doc="not worth keeping in the cache")
    fua: bool = flag(default=False, doc="to the medium or a non-volatile cache")
    _byte1 = reserved(1)
    _fua_nv = reserved(1, label="Obsolete")
    dld2: bool = flag(default=False)
    lba: int = uint(64, label="LOGICAL BLOCK ADDRESS")
    transfer_length: int = uint(32)
    dld1: bool = flag(default=False)
    dld0: bool = flag(default=False)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)


@record
class Verify10(Record):
    """VERIFY(10) (SBC-4 5.36, table 124).

    `verification_length` in logical blocks, 0 verifies nothing.
    """

    operation_code = const(8, 0x2F)
    vrprotect: int = uint(3, default=0)
    dpo: bool = flag(default=False, doc="not worth keeping in the cache")
    _byte1 = reserved(1)
    bytchk: int = uint(2, default=0, names=BYTE_CHECKS)
    _reladr = reserved(1, label="Obsolete")
    lba: int = uint(32, label="LOGICAL BLOCK ADDRESS")
    _byte6 = reserved(2)
    group_number: int = uint(6, default=0)
    verification_length: int = uint(16)
    control: int = uint(8, default=0)


@record
class Verify16(Record):
    """VERIFY(16) (SBC-4 5.38, table 130).

    `verification_length` in logical blocks, 0 verifies nothing.
    """

    operation_code = const(8, 0x8F)
    vrprotect: int = uint(3, default=0)
    dpo: bool = flag(default=False, doc="not worth keeping in the cache")
    _byte1 = reserved(1)
    bytchk: int = uint(2, default=0, names=BYTE_CHECKS)
    _byte1b = reserved(1)
    lba: int = uint(64, label="LOGICAL BLOCK ADDRESS")
    verification_length: int = uint(32)
    _byte14 = reserved(2)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)


@record
class CompareAndWrite(Record):
    """COMPARE AND WRITE (SBC-4 5.3, table 37).

    `blocks` logical blocks to compare with are sent, then as many to write if all were equal; 0 does nothing.
    """

    operation_code = const(8, 0x89)
    wrprotect: int = uint(3, default=0)
    dpo: bool = flag(default=False, doc="not worth keeping in the cache")
    fua: bool = flag(default=False, doc="to the medium or a non-volatile cache")
    _byte1 = reserved(3)
    lba: int = uint(64, label="LOGICAL BLOCK ADDRESS")
    _byte10 = reserved(24)
    blocks: int = uint(8, label="NUMBER OF LOGICAL BLOCKS")
    _byte14 = reserved(2)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)


@record
class WriteSame10(Record):
    """WRITE SAME(10) (SBC-4 5.52, table 146).

    One logical block is sent. `blocks` 0: to the end of the unit, or refused where the Block Limits page has
    WSNZ.
    """

    operation_code = const(8, 0x41)
    wrprotect: int = uint(3, default=0)
    anchor: bool = flag(default=False, doc="with UNMAP: anchored, not deallocated")
    unmap: bool = flag(default=False, doc="unmap the blocks where that reads the same")
    _byte1 = reserved(3, label="Obsolete")
    lba: int = uint(32, label="LOGICAL BLOCK ADDRESS")
    _byte6 = reserved(2)
    group_number: int = uint(6, default=0)
    blocks: int = uint(16, label="NUMBER OF LOGICAL BLOCKS")
    control: int = uint(8, default=0)


@record
class WriteSame16(Record):
    """WRITE SAME(16) (SBC-4 5.53, table 148).

    One logical block is sent, or none with `ndob`. `blocks` 0: to the end of the unit, or refused where
    the Block Limits page has WSNZ.
    """

    operation_code = const(8, 0x93)
    wrprotect: int = uint(3, default=0)
    anchor: bool = flag(default=False, doc="with UNMAP: anchored, not deallocated")
    unmap: bool = flag(default=False, doc="unmap the blocks where that reads the same")
    _byte1 = reserved(2, label="Obsolete")
    ndob: bool = flag(default=False, doc="no Data-Out Buffer")
    lba: int = uint(64, label="LOGICAL BLOCK ADDRESS")
    blocks: int = uint(32, label="NUMBER OF LOGICAL BLOCKS")
    _byte14 = reserved(2)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)


@record
class SynchronizeCache10(Record):
    """SYNCHRONIZE CACHE(10) (SBC-4 5.33, table 118).

    0 blocks: from the LBA to the end of the unit.
    """

    operation_code = const(8, 0x35)
    _byte1 = reserved(5)
    _sync_nv = reserved(1, label="Obsolete")
    immed: bool = flag(default=False, doc="status before the work is done")
    _reladr = reserved(1, label="Obsolete")
    lba: int = uint(32, default=0, label="LOGICAL BLOCK ADDRESS")
    _byte6 = reserved(2)
    group_number: int = uint(6, default=0)
    blocks: int = uint(16, default=0, label="NUMBER OF LOGICAL BLOCKS", names=to_the_end)
    control: int = uint(8, default=0)


@record
class SynchronizeCache16(Record):
    """SYNCHRONIZE CACHE(16) (SBC-4 5.34, table 119).

    0 blocks: from the LBA to the end of the unit.
    """

    operation_code = const(8, 0x91)
    _byte1 = reserved(5)
    _sync_nv = reserved(1, label="Obsolete")
    immed: bool = flag(default=False, doc="status before the work is done")
    _byte1b = reserved(1)
    lba: int = uint(64, default=0, label="LOGICAL BLOCK ADDRESS")
    blocks: int = uint(32, default=0, label="NUMBER OF LOGICAL BLOCKS", names=to_the_end)
    _byte14 = reserved(2)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)
