"""UNMAP and GET LBA STATUS(16): which blocks have storage behind them (SBC-4 5.35, 5.6)."""

from __future__ import annotations

from cdb.record import Record, const, flag, items, length, record, reserved, uint

REPORT_TYPES = {
    0x00: "every block",
    0x01: "every block, mapped and unknown told apart",
    0x02: "mapped blocks",
    0x03: "deallocated blocks",
    0x04: "anchored blocks",
    0x10: "blocks that may have an unrecovered error",
}
COMPLETION_CONDITIONS = {
    0b000: "not told",
    0b001: "the allocation length was reached",
    0b010: "the scan length was reached",
    0b011: "the end of the unit was reached",
}
MAPPED, DEALLOCATED, ANCHORED = 0x0, 0x1, 0x2
PROVISIONING_STATUSES = {
    MAPPED: "mapped or unknown",
    DEALLOCATED: "deallocated",
    ANCHORED: "anchored",
    0x3: "mapped",
    0x4: "unknown",
}
ADDITIONAL_STATUSES = {0x00: "nothing to report", 0x01: "may return an unrecovered error"}


@record
class Unmap(Record):
    """UNMAP (SBC-4 5.35.1, table 120)."""

    operation_code = const(8, 0x42)
    _byte1 = reserved(7)
    anchor: bool = flag(default=False, doc="anchored, not deallocated")
    _byte2 = reserved(32)
    _byte6 = reserved(2)
    group_number: int = uint(6, default=0)
    parameter_list_length: int = uint(16)
    control: int = uint(8, default=0)


@record
class UnmapBlockDescriptor(Record):
    """UNMAP block descriptor (SBC-4 5.35.2, table 122).

    0 blocks unmap nothing.
    """

    lba: int = uint(64, label="UNMAP LOGICAL BLOCK ADDRESS")
    blocks: int = uint(32, label="NUMBER OF LOGICAL BLOCKS")
    _byte12 = reserved(32)


@record
class UnmapParameterList(Record):
    """UNMAP parameter list (SBC-4 5.35.2, table 121).

    A last descriptor that is cut off is an error here; a device ignores it.
    """

    unmap_data_length = length(16)
    block_descriptor_data_length = length(16, "descriptors", label="UNMAP BLOCK DESCRIPTOR DATA LENGTH")
    _byte4 = reserved(32)
    descriptors: tuple[UnmapBlockDescriptor, ...] = items(
        UnmapBlockDescriptor, label="UNMAP block descriptor"
    )


@record
class GetLbaStatus16(Record):
    """GET LBA STATUS(16) (SBC-4 5.6.1, table 48)."""

    operation_code = const(8, 0x9E)
    _byte1 = reserved(3)
    service_action = const(5, 0x12)
    lba: int = uint(64, label="STARTING LOGICAL BLOCK ADDRESS")
    allocation_length: int = uint(32)
    report_type: int = uint(8, default=0, names=REPORT_TYPES)
    control: int = uint(8, default=0)


@record
class LbaStatus(Record):
    """LBA status descriptor (SBC-4 5.6.2.2, table 52)."""

    lba: int = uint(64, label="LBA STATUS LOGICAL BLOCK ADDRESS")
    blocks: int = uint(32, label="NUMBER OF LOGICAL BLOCKS")
    _byte12 = reserved(4)
    provisioning_status: int = uint(4, names=PROVISIONING_STATUSES)
    additional_status: int = uint(8, default=0, names=ADDITIONAL_STATUSES)
    _byte14 = reserved(16)


@record
class LbaStatusData(Record):
    """GET LBA STATUS parameter data (SBC-4 5.6.2.1, table 50).

    `rtp` says that the report type asked for was heeded; without it every block was reported.
    """

    parameter_data_length = length(32)
    _byte4 = reserved(24)
    _byte7 = reserved(4)
    completion_condition: int = uint(3, default=0, names=COMPLETION_CONDITIONS)
    rtp: bool = flag(default=False, doc="REPORT TYPE was processed")
    descriptors: tuple[LbaStatus, ...] = items(LbaStatus, label="LBA status descriptor")
