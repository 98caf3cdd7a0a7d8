"""What CSCD descriptors have in common: the type of unit, and four bytes for that type (SPC-4 6.4.5)."""

from __future__ import annotations

from cdb.record import Record, flag, raw, record, reserved, uint

TYPE_FIELD = "peripheral_device_type"  # it chooses the device type specific parameters
PARAMETERS = "Device type specific parameters"

LU_ID_TYPES = {0b00: "logical unit number", 0b01: "proxy token", 0b10: "reserved", 0b11: "reserved"}
DEVICE_TYPES = {
    0x00: "direct access block",
    0x01: "sequential access",
    0x03: "processor",
    0x04: "write once",
    0x05: "CD/DVD",
    0x07: "optical memory",
    0x0E: "simplified direct access",
}
INITIATOR_PORTS = {0: "any port"}


@record
class BlockParameters(Record):
    """Device type specific parameters of a block device (SPC-4 6.4.5.3, table 136).

    `block_length` is in bytes without protection information; 0 has the copy manager ask the unit, if the
    device type is 00h: for the others the standard does not say what it means.
    """

    _byte28 = reserved(5)
    pad: bool = flag(default=False)
    _byte28b = reserved(2)
    block_length: int = uint(24, label="DISK BLOCK LENGTH", names={0: "asked of the unit"})


@record
class StreamParameters(Record):
    """Device type specific parameters of a sequential access device (SPC-4 6.4.5.4, tables 137 and 138).

    Without `fixed` the block length is 0 and the segment's stream device transfer length is in bytes;
    with it the block length is in bytes, not 0, and the segment's transfer length is in such blocks.
    """

    _byte28 = reserved(5)
    pad: bool = flag(default=False)
    _byte28b = reserved(1)
    fixed: bool = flag(
        default=False, names={0: "transfer lengths are in bytes", 1: "transfer lengths are in blocks"}
    )
    block_length: int = uint(24, default=0, label="STREAM BLOCK LENGTH", names={0: "variable length"})


@record
class ProcessorParameters(Record):
    """Device type specific parameters of a processor device (SPC-4 6.4.5.5, table 139)."""

    _byte28 = reserved(5)
    pad: bool = flag(default=False)
    _byte28b = reserved(2)
    _byte29 = reserved(24)


@record
class OtherParameters(Record):
    """Device type specific parameters of a device type that has none (SPC-4 6.4.5.1, table 134)."""

    parameters: bytes = raw(4, default=bytes(4), label="Device type specific parameters")


DEVICE_PARAMETERS: dict[int, type[Record]] = {
    **dict.fromkeys((0x00, 0x04, 0x05, 0x07, 0x0E), BlockParameters),
    0x01: StreamParameters,
    0x03: ProcessorParameters,
}
DeviceParameters = BlockParameters | StreamParameters | ProcessorParameters | OtherParameters
