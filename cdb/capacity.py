"""READ CAPACITY (10) and (16): commands and data (SBC-3 5.16, 5.17 by way of sg3_utils)."""

from __future__ import annotations

from cdb.record import Record, const, flag, record, reserved, uint


@record
class ReadCapacity10(Record):
    """The READ CAPACITY(10) command."""

    operation_code = const(8, 0x25)
    _byte1 = reserved(64)
    control: int = uint(8, default=0)


@record
class Capacity10(Record):
    """READ CAPACITY(10) data; a last LBA of FFFFFFFFh means "ask READ CAPACITY(16)"."""

    last_lba: int = uint(32, label="RETURNED LOGICAL BLOCK ADDRESS")
    block_length: int = uint(32, label="LOGICAL BLOCK LENGTH IN BYTES")


@record
class ReadCapacity16(Record):
    """The READ CAPACITY(16) command."""

    operation_code = const(8, 0x9E)
    _byte1 = reserved(3)
    service_action = const(5, 0x10)
    _byte2 = reserved(64)
    allocation_length: int = uint(32, default=32)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class Capacity16(Record):
    """READ CAPACITY(16) data."""

    last_lba: int = uint(64, label="RETURNED LOGICAL BLOCK ADDRESS")
    block_length: int = uint(32, label="LOGICAL BLOCK LENGTH IN BYTES")
    _byte12 = reserved(4)
    p_type: int = uint(3, default=0)
    prot_en: bool = flag(default=False)
    p_i_exponent: int = uint(4, default=0)
    blocks_per_physical_exponent: int = uint(4, default=0, label="LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT")
    lbpme: bool = flag(default=False)
    lbprz: bool = flag(default=False)
    lowest_aligned_lba: int = uint(14, default=0, label="LOWEST ALIGNED LOGICAL BLOCK ADDRESS")
    _byte16 = reserved(128)
