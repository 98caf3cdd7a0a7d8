"""Commands that read, write and flush logical blocks, and TEST UNIT READY (SBC-3 by way of sg3_utils)."""

from __future__ import annotations

from cdb.record import Record, const, flag, record, reserved, uint


@record
class TestUnitReady(Record):
    """TEST UNIT READY."""

    __test__ = False  # not a test class, whatever its name says

    operation_code = const(8, 0x00)
    _byte1 = reserved(32)
    control: int = uint(8, default=0)


@record
class Read16(Record):
    """READ(16); TRANSFER LENGTH in logical blocks, 0 transfers nothing."""

    operation_code = const(8, 0x88)
    rdprotect: int = uint(3, default=0)
    dpo: bool = flag(default=False)
    fua: bool = flag(default=False)
    rarc: bool = flag(default=False)
    _byte1 = reserved(2)
    lba: int = uint(64, label="LOGICAL BLOCK ADDRESS")
    transfer_length: int = uint(32)
    _byte14 = reserved(2)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)


@record
class Write16(Record):
    """WRITE(16); TRANSFER LENGTH in logical blocks, 0 transfers nothing."""

    operation_code = const(8, 0x8A)
    wrprotect: int = uint(3, default=0)
    dpo: bool = flag(default=False)
    fua: bool = flag(default=False)
    _byte1 = reserved(3)
    lba: int = uint(64, label="LOGICAL BLOCK ADDRESS")
    transfer_length: int = uint(32)
    _byte14 = reserved(2)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)


@record
class SynchronizeCache10(Record):
    """SYNCHRONIZE CACHE(10); 0 blocks from LBA 0 is the whole unit."""

    operation_code = const(8, 0x35)
    _byte1 = reserved(6)
    immed: bool = flag(default=False)
    _byte1b = reserved(1)
    lba: int = uint(32, default=0, label="LOGICAL BLOCK ADDRESS")
    _byte6 = reserved(2)
    group_number: int = uint(6, default=0)
    blocks: int = uint(16, default=0, label="NUMBER OF LOGICAL BLOCKS")
    control: int = uint(8, default=0)


@record
class SynchronizeCache16(Record):
    """SYNCHRONIZE CACHE(16); 0 blocks from LBA 0 is the whole unit."""

    operation_code = const(8, 0x91)
    _byte1 = reserved(6)
    immed: bool = flag(default=False)
    _byte1b = reserved(1)
    lba: int = uint(64, default=0, label="LOGICAL BLOCK ADDRESS")
    blocks: int = uint(32, default=0, label="NUMBER OF LOGICAL BLOCKS")
    _byte14 = reserved(2)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)
