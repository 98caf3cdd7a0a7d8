"""VPD pages 00h, 80h, 83h and B0h (SPC-4 7.8; B0h: SBC-3): their bytes, and what lengths they claim."""

from __future__ import annotations

from cdb.record import Record, const, data, flag, items, length, numbers, record, reserved, uint

HEADER_LENGTH = 4  # of every page: type, page code, PAGE LENGTH

SUPPORTED_PAGES = 0x00
UNIT_SERIAL_NUMBER = 0x80
DEVICE_IDENTIFICATION = 0x83
BLOCK_LIMITS = 0xB0


CODE_SETS = {1: "binary", 2: "ASCII", 3: "UTF-8"}
ASSOCIATIONS = {0: "logical unit", 1: "target port", 2: "target device"}
DESIGNATOR_TYPES = {
    0: "vendor specific",
    1: "T10 vendor identification",
    2: "EUI-64",
    3: "NAA",
    4: "relative target port",
    5: "target port group",
    6: "logical unit group",
    7: "MD5 logical unit identifier",
    8: "SCSI name string",
    9: "protocol specific port",
}


@record
class Designator(Record):
    """Designation descriptor (SPC-4 7.8.6)."""

    protocol_identifier: int = uint(4, default=0)
    code_set: int = uint(4, names=CODE_SETS)
    piv: bool = flag(default=False)
    _byte1 = reserved(1)
    association: int = uint(2, names=ASSOCIATIONS)
    designator_type: int = uint(4, names=DESIGNATOR_TYPES)
    _byte2 = reserved(8)
    designator_length = length(8, "value", label="DESIGNATOR LENGTH")
    value: bytes = data(label="DESIGNATOR")


@record
class DeviceIdentification(Record):
    """Device Identification VPD page (SPC-4 7.8.6)."""

    peripheral_qualifier: int = uint(3, default=0)
    peripheral_device_type: int = uint(5, default=0)
    page_code = const(8, DEVICE_IDENTIFICATION)
    page_length = length(16)
    designators: tuple[Designator, ...] = items(Designator, label="Designation descriptor")


@record
class SupportedPages(Record):
    """Supported VPD Pages VPD page (SPC-4 7.8)."""

    peripheral_qualifier: int = uint(3, default=0)
    peripheral_device_type: int = uint(5, default=0)
    page_code = const(8, SUPPORTED_PAGES)
    page_length = length(16)
    pages: tuple[int, ...] = numbers(8, label="SUPPORTED VPD PAGE")


@record
class UnitSerialNumber(Record):
    """Unit Serial Number VPD page (SPC-4 7.8)."""

    peripheral_qualifier: int = uint(3, default=0)
    peripheral_device_type: int = uint(5, default=0)
    page_code = const(8, UNIT_SERIAL_NUMBER)
    page_length = length(16)
    serial: bytes = data(label="PRODUCT SERIAL NUMBER", text=True)


@record
class BlockLimits(Record):
    """The Block Limits page (SBC-3, by way of sg3_utils).

    Lengths in logical blocks, 0 not reported; what a shorter page (SBC-2) leaves out is 0.
    """

    least = 4

    peripheral_qualifier: int = uint(3, default=0)
    peripheral_device_type: int = uint(5, default=0)
    page_code = const(8, BLOCK_LIMITS)
    page_length = length(16)
    _byte4 = reserved(7)
    wsnz: bool = flag(default=False)
    maximum_compare_and_write_length: int = uint(8, default=0)
    optimal_transfer_length_granularity: int = uint(16, default=0)
    maximum_transfer_length: int = uint(32, default=0)
    optimal_transfer_length: int = uint(32, default=0)
    maximum_prefetch_length: int = uint(32, default=0)
    maximum_unmap_lba_count: int = uint(32, default=0)
    maximum_unmap_block_descriptor_count: int = uint(32, default=0)
    optimal_unmap_granularity: int = uint(32, default=0)
    ugavalid: bool = flag(default=False)
    unmap_granularity_alignment: int = uint(31, default=0)
    maximum_write_same_length: int = uint(64, default=0)
    _byte44 = reserved(160)


def printable(field: bytes) -> str:
    """A text field without its padding; what a terminal should not be sent is shown as \\xNN."""
    return "".join(chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in field.strip(b" \0"))
