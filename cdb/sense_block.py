"""Sense data descriptors that only block devices send (SBC-4 4.18); one record, one entry each."""

from __future__ import annotations

from cdb.record import Record, const, flag, items, length, raw, record, reserved, uint

ACCESS_STATES = {
    0x0: "active/optimized",
    0x1: "active/non-optimized",
    0x2: "standby",
    0x3: "unavailable",
    0xF: "transitioning",
}


@record
class BlockCommands(Record):
    """Block commands descriptor (SBC-4 4.18.3, table 16).

    ILI is obsolete there, and still sent by older devices.
    """

    descriptor_type = const(8, 0x05)
    additional_length = length(8)
    _byte2 = reserved(10)
    ili: bool = flag(default=False)
    _byte3 = reserved(5)


@record
class TargetPortGroup(Record):
    """Target port group descriptor of a referral (SBC-4 4.18.4, table 19)."""

    _byte0 = reserved(4)
    access_state: int = uint(4, label="ASYMMETRIC ACCESS STATE", names=ACCESS_STATES)
    _byte1 = reserved(8)
    group: int = uint(16, label="TARGET PORT GROUP")


@record
class Referral(Record):
    """User data segment referral descriptor (SBC-4 4.18.4, table 18)."""

    _byte0 = reserved(24)
    group_count = length(8, "groups", unit=4, label="NUMBER OF TARGET PORT GROUP DESCRIPTORS")
    first_lba: int = uint(64, label="FIRST USER DATA SEGMENT LBA")
    last_lba: int = uint(64, label="LAST USER DATA SEGMENT LBA")
    groups: tuple[TargetPortGroup, ...] = items(TargetPortGroup, label="Target port group descriptor")


@record
class Referrals(Record):
    """User data segment referral sense data descriptor (SBC-4 4.18.4, table 17)."""

    descriptor_type = const(8, 0x0B)
    additional_length = length(8)
    _byte2 = reserved(7)
    not_all_r: bool = flag(default=False, label="NOT_ALL_R")
    _byte3 = reserved(8)
    referrals: tuple[Referral, ...] = items(Referral, label="Referral")


@record
class DirectAccess(Record):
    """Direct access block device descriptor (SBC-4 4.18.5, table 20).

    ILI is obsolete; the sense-key-specific bytes are those of the sense key.
    """

    descriptor_type = const(8, 0x0D)
    additional_length = length(8)
    valid: bool = flag(default=True)
    _byte2 = reserved(1)
    ili: bool = flag(default=False)
    _byte2b = reserved(13)
    specific: bytes = raw(3, default=bytes(3), label="SENSE KEY SPECIFIC")
    code: int = uint(8, default=0, label="FIELD REPLACEABLE UNIT CODE")
    information: int = uint(64, default=0)
    command_specific: int = uint(64, default=0, label="COMMAND-SPECIFIC INFORMATION")
