"""READ CAPACITY (10) and (16): commands and data (SBC-4 5.20, 5.21)."""

from __future__ import annotations

from cdb.record import Record, const, flag, record, reserved, uint

PROTECTION_TYPES = {0: "type 1 protection", 1: "type 2 protection", 2: "type 3 protection"}
RC_BASES = {  # of zoned units, where byte 12 is "Restricted for ZBC-2"; by way of sg3_utils
    0b00: "the conventional zones at its start, if host managed",
    0b01: "the whole logical unit",
}


def short_address(lba: int) -> str:
    """Of the last LBA of READ CAPACITY(10)."""
    return "too large to tell" if lba == 0xFFFFFFFF else ""


def intervals(exponent: int) -> str:
    """How many protection information intervals a logical block has."""
    return f"{1 << exponent} in a logical block"


def blocks(exponent: int) -> str:
    """How many logical blocks a physical block has; 0 also says "one or more physical blocks each"."""
    return (
        f"{1 << exponent} in a physical block" if exponent else "one, or less than one, in a physical block"
    )


@record
class ReadCapacity10(Record):
    """READ CAPACITY(10) (SBC-4 5.20.1, table 84)."""

    operation_code = const(8, 0x25)
    _byte1 = reserved(7)
    _reladr = reserved(1, label="Obsolete")
    _lba = reserved(32, label="Obsolete")
    _byte6 = reserved(23)
    _pmi = reserved(1, label="Obsolete")
    control: int = uint(8, default=0)


@record
class Capacity10(Record):
    """READ CAPACITY(10) data (SBC-4 5.20.2, table 85).

    `last_lba` FFFFFFFFh says "ask READ CAPACITY(16)"; `block_length` is in bytes.
    """

    last_lba: int = uint(32, label="RETURNED LOGICAL BLOCK ADDRESS", names=short_address)
    block_length: int = uint(32, label="LOGICAL BLOCK LENGTH IN BYTES")


@record
class ReadCapacity16(Record):
    """READ CAPACITY(16) (SBC-4 5.21.1, table 86)."""

    operation_code = const(8, 0x9E)
    _byte1 = reserved(3)
    service_action = const(5, 0x10)
    _lba = reserved(64, label="Obsolete")
    allocation_length: int = uint(32, default=32)
    _byte14 = reserved(7)
    _pmi = reserved(1, label="Obsolete")
    control: int = uint(8, default=0)


@record
class Capacity16(Record):
    """READ CAPACITY(16) data (SBC-4 5.21.2, table 87).

    `block_length` is in bytes. `p_type` means something only with `prot_en`.
    """

    last_lba: int = uint(64, label="RETURNED LOGICAL BLOCK ADDRESS")
    block_length: int = uint(32, label="LOGICAL BLOCK LENGTH IN BYTES")
    _byte12 = reserved(2)
    rc_basis: int = uint(2, default=0, names=RC_BASES, doc="what the returned address is the last of")
    p_type: int = uint(3, default=0, label="P_TYPE", names=PROTECTION_TYPES)
    prot_en: bool = flag(default=False, label="PROT_EN", doc="formatted with protection information")
    p_i_exponent: int = uint(4, default=0, label="P_I_EXPONENT", names=intervals)
    blocks_per_physical_exponent: int = uint(
        4, default=0, label="LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT", names=blocks
    )
    lbpme: bool = flag(
        default=False, doc="logical block provisioning is managed: thin or resource provisioned"
    )
    lbprz: bool = flag(default=False, doc="unmapped blocks read as zeros")
    lowest_aligned_lba: int = uint(14, default=0, label="LOWEST ALIGNED LOGICAL BLOCK ADDRESS")
    _byte16 = reserved(128)
