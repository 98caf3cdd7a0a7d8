"""VPD pages 00h, 80h, 83h (SPC-4 7.8), B0h, B1h and B2h (SBC-4 6.6): their bytes and what each value means.

What a page means for a copy is not known here.
"""

from __future__ import annotations

from cdb.inquiry import PERIPHERAL_DEVICE_TYPES, PERIPHERAL_QUALIFIERS, page_name
from cdb.record import Record, choice, const, data, flag, items, length, numbers, record, reserved, uint

HEADER_LENGTH = 4  # of every page: type, page code, PAGE LENGTH

SUPPORTED_PAGES = 0x00
UNIT_SERIAL_NUMBER = 0x80
DEVICE_IDENTIFICATION = 0x83
BLOCK_LIMITS = 0xB0
BLOCK_DEVICE_CHARACTERISTICS = 0xB1
LOGICAL_BLOCK_PROVISIONING = 0xB2

PROTOCOLS = {  # SPC-4 7.6.1, table 477
    0x0: "Fibre Channel",
    0x1: "parallel SCSI",
    0x2: "Serial Storage Architecture",
    0x3: "IEEE 1394",
    0x4: "RDMA (SRP)",
    0x5: "iSCSI",
    0x6: "SAS",
    0x7: "automation/drive interface",
    0x8: "ATA",
    0x9: "USB",
    0xA: "PCI Express",
    0xF: "no specific protocol",
}
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
    10: "UUID",  # reserved in SPC-4; named by SBC-4 6.6.7
}
EUI_64, NAA, MD5, SCSI_NAME_STRING, UUID = 2, 3, 7, 8, 10
NUMBERED = {4: "port", 5: "port group", 6: "unit group"}  # designators that are a number in four bytes

NAA_FORMATS = {  # the first four bits of an NAA designator (SPC-4 7.8.6.6, table 602)
    0x2: "IEEE Extended",
    0x3: "Locally Assigned",
    0x5: "IEEE Registered",
    0x6: "IEEE Registered Extended",
}

UNMAPPED_READS = {0b000: "vendor specific", 0b010: "the provisioning initialization pattern"}
NOT_REPORTED = {0: "not reported"}
PRODUCT_TYPES = {
    0x00: "not told",
    0x01: "CFast",
    0x02: "CompactFlash",
    0x03: "Memory Stick",
    0x04: "MultiMediaCard",
    0x05: "Secure Digital Card",
    0x06: "XQD",
    0x07: "Universal Flash Storage",
}
PROVISIONING_TYPES = {0: "full, or not told", 1: "resource provisioned", 2: "thin provisioned"}


def printable(field: bytes) -> str:
    """A text field without its padding; what a terminal should not be sent is shown as \\xNN."""
    return "".join(chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in field.strip(b" \0"))


def not_reported(value: int) -> str:
    """Of a field in which 0 says nothing."""
    return NOT_REPORTED.get(value, "")


def limit(value: int) -> str:
    """Of a maximum, 0 for none reported."""
    return "" if value else "no limit reported"


def implemented(value: int) -> str:
    """Of a maximum that is 0 where the command is not implemented."""
    return "" if value else "command not implemented"


def unmap_limit(value: int) -> str:
    """Of a maximum of UNMAP (SBC-4 6.6.4)."""
    return "no limit" if value == 0xFFFFFFFF else implemented(value)


def requirement(value: int) -> str:
    """Of an alignment or a granularity, 0 for none required."""
    return "" if value else "none required"


def atomic_boundary(value: int) -> str:
    """Of MAXIMUM ATOMIC BOUNDARY SIZE (SBC-4 6.6.4)."""
    return "" if value else "one atomic write a command"


def threshold_set(exponent: int) -> str:
    """The blocks of a threshold set (SBC-4 6.6.7)."""
    return f"2^{exponent} blocks" if exponent else "no threshold sets"


def unmapped_read_name(code: int) -> str:
    """What a read of an unmapped block gives, by LBPRZ (SBC-4 6.6.7, table 280)."""
    return "zeros" if code & 1 else UNMAPPED_READS.get(code, "reserved")


def product_type_name(code: int) -> str:
    """A PRODUCT TYPE (SBC-4 6.6.2, table 260)."""
    return PRODUCT_TYPES.get(code, "vendor specific" if code >= 0xF0 else "reserved")


def rotation_name(rate: int) -> str:
    """What MEDIUM ROTATION RATE says (SBC-4 6.6.2, table 259)."""
    if 0x0401 <= rate <= 0xFFFE:
        return f"{rate} rpm"
    return {0: "not reported", 1: "does not rotate"}.get(rate, "reserved")


def tenths_of_percent(value: int) -> str:
    """A percentage in tenths (SBC-4 6.6.7, table 278)."""
    return f"{value / 10} %" if value else "not supported"


def percent(value: int) -> str:
    """A whole percentage from 1 to 30 (SBC-4 6.6.7, table 279)."""
    return "not reported" if not value else f"{value} %" if value <= 30 else "reserved"


@record
class Designator(Record):
    """Designation descriptor (SPC-4 7.8.6.1, table 592)."""

    protocol_identifier: int = uint(4, default=0, names=PROTOCOLS, doc="reserved unless PIV is set")
    code_set: int = uint(4, names=CODE_SETS)
    piv: bool = flag(default=False, doc="PROTOCOL IDENTIFIER is valid")
    _byte1 = reserved(1)
    association: int = uint(2, names=ASSOCIATIONS)
    designator_type: int = uint(4, names=DESIGNATOR_TYPES)
    _byte2 = reserved(8)
    designator_length = length(8, "value", label="DESIGNATOR LENGTH")
    value: bytes = data(label="DESIGNATOR")

    @property
    def kind(self) -> str:
        """What sort of designator it is, in words; an NAA with its format."""
        name = DESIGNATOR_TYPES.get(self.designator_type, f"designator type {self.designator_type:X}h")
        if self.designator_type == NAA and self.value:
            return f"{name} {NAA_FORMATS.get(self.value[0] >> 4, 'reserved')}"
        return name

    @property
    def text(self) -> str:
        """The designator as one word for a listing: `naa.6001...`, `eui.0011...`, a name, a number.

        The prefixes and the digits are those of a SCSI name string (SPC-4 7.8.6.11), digits in lower case.
        """
        kind, value = self.designator_type, self.value
        if kind in NUMBERED and len(value) == 4:
            return f"{NUMBERED[kind]} {int.from_bytes(value[2:], 'big')}"
        if kind == UUID and len(value) == 18:
            digits = value[2:].hex()
            parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
            return "uuid." + "-".join(parts)
        if kind in (EUI_64, NAA, MD5):
            return {EUI_64: "eui.", NAA: "naa.", MD5: "md5."}[kind] + value.hex()
        if kind == SCSI_NAME_STRING:
            return printable(value.partition(b"\0")[0])
        return printable(value) if self.code_set in (2, 3) or kind == 1 else value.hex()


@record
class DeviceIdentification(Record):
    """Device Identification VPD page (SPC-4 7.8.6.1, table 591)."""

    peripheral_qualifier: int = uint(3, default=0, names=PERIPHERAL_QUALIFIERS)
    peripheral_device_type: int = uint(5, default=0, names=PERIPHERAL_DEVICE_TYPES)
    page_code = const(8, DEVICE_IDENTIFICATION, names=page_name)
    page_length = length(16)
    designators: tuple[Designator, ...] = items(Designator, label="Designation descriptor")


@record
class SupportedPages(Record):
    """Supported VPD Pages VPD page (SPC-4 7.8.16, table 642)."""

    peripheral_qualifier: int = uint(3, default=0, names=PERIPHERAL_QUALIFIERS)
    peripheral_device_type: int = uint(5, default=0, names=PERIPHERAL_DEVICE_TYPES)
    page_code = const(8, SUPPORTED_PAGES, names=page_name)
    page_length = length(16)
    pages: tuple[int, ...] = numbers(8, label="SUPPORTED VPD PAGE", names=page_name)


@record
class UnitSerialNumber(Record):
    """Unit Serial Number VPD page (SPC-4 7.8.18, table 661).

    The serial number may be padded; all spaces: there is none.
    """

    peripheral_qualifier: int = uint(3, default=0, names=PERIPHERAL_QUALIFIERS)
    peripheral_device_type: int = uint(5, default=0, names=PERIPHERAL_DEVICE_TYPES)
    page_code = const(8, UNIT_SERIAL_NUMBER, names=page_name)
    page_length = length(16)
    serial: bytes = data(label="PRODUCT SERIAL NUMBER", text=True)


@record
class BlockLimits(Record):
    """Block Limits VPD page (SBC-4 6.6.4, table 269).

    Lengths in logical blocks; what a shorter page of an older standard leaves out is 0.
    """

    least = 4

    peripheral_qualifier: int = uint(3, default=0, names=PERIPHERAL_QUALIFIERS)
    peripheral_device_type: int = uint(5, default=0, names=PERIPHERAL_DEVICE_TYPES)
    page_code = const(8, BLOCK_LIMITS, names=page_name)
    page_length = length(16)
    _byte4 = reserved(7)
    wsnz: bool = flag(default=False, doc="WRITE SAME takes no length of 0")
    maximum_compare_and_write_length: int = uint(8, default=0, names=implemented)
    optimal_transfer_length_granularity: int = uint(16, default=0, names=not_reported)
    maximum_transfer_length: int = uint(32, default=0, names=limit)
    optimal_transfer_length: int = uint(32, default=0, names=not_reported)
    maximum_prefetch_length: int = uint(32, default=0)
    maximum_unmap_lba_count: int = uint(32, default=0, names=unmap_limit)
    maximum_unmap_block_descriptor_count: int = uint(32, default=0, names=unmap_limit)
    optimal_unmap_granularity: int = uint(32, default=0, names=not_reported)
    ugavalid: bool = flag(default=False, doc="UNMAP GRANULARITY ALIGNMENT is valid")
    unmap_granularity_alignment: int = uint(31, default=0)
    maximum_write_same_length: int = uint(64, default=0, names=limit)
    maximum_atomic_transfer_length: int = uint(32, default=0, names=not_reported)
    atomic_alignment: int = uint(32, default=0, names=requirement)
    atomic_transfer_length_granularity: int = uint(32, default=0, names=requirement)
    maximum_atomic_transfer_length_with_boundary: int = uint(
        32, default=0, label="MAXIMUM ATOMIC TRANSFER LENGTH WITH ATOMIC BOUNDARY", names=not_reported
    )
    maximum_atomic_boundary_size: int = uint(32, default=0, names=atomic_boundary)


@record
class BlockDeviceCharacteristics(Record):
    """Block Device Characteristics VPD page (SBC-4 6.6.2, table 258).

    What a shorter page of an older standard leaves out is 0.
    """

    least = 4

    peripheral_qualifier: int = uint(3, default=0, names=PERIPHERAL_QUALIFIERS)
    peripheral_device_type: int = uint(5, default=0, names=PERIPHERAL_DEVICE_TYPES)
    page_code = const(8, BLOCK_DEVICE_CHARACTERISTICS, names=page_name)
    page_length = length(16)
    medium_rotation_rate: int = uint(16, default=0, names=rotation_name)
    product_type: int = uint(8, default=0, names=product_type_name)
    wabereq: int = uint(2, default=0, doc="reads after a block erase, before the next write")
    wacereq: int = uint(2, default=0, doc="reads after a cryptographic erase, before the next write")
    nominal_form_factor: int = uint(
        4,
        default=0,
        names={
            0: "not reported",
            1: "5.25 inch",
            2: "3.5 inch",
            3: "2.5 inch",
            4: "1.8 inch",
            5: "under 1.8 inch",
        },
    )
    _byte8 = reserved(2)
    zoned: int = uint(2, default=0, names={0: "not reported", 1: "host aware", 2: "device managed"})
    rbwz: bool = flag(default=False, doc="REASSIGN BLOCKS writes zeros for what is lost")
    bocs: bool = flag(default=False, doc="background operation control is supported")
    fuab: bool = flag(default=False, doc="FUA and SYNCHRONIZE CACHE as in SBC-3 and later, not SBC-2")
    vbuls: bool = flag(default=False, doc="VERIFY with byte check takes unmapped blocks")
    _byte9 = reserved(24)
    depopulation_time: int = uint(32, default=0, doc="seconds, at most")
    _byte16 = reserved(384)


@record
class LogicalBlockProvisioning(Record):
    """Logical Block Provisioning VPD page (SBC-4 6.6.7, table 277).

    A threshold set is 2 to the power of `threshold_exponent` blocks; 0: no thresholds. `dp` says that
    `provisioning_group` is there.
    """

    peripheral_qualifier: int = uint(3, default=0, names=PERIPHERAL_QUALIFIERS)
    peripheral_device_type: int = uint(5, default=0, names=PERIPHERAL_DEVICE_TYPES)
    page_code = const(8, LOGICAL_BLOCK_PROVISIONING, names=page_name)
    page_length = length(16)
    threshold_exponent: int = uint(8, default=0, names=threshold_set)
    lbpu: bool = flag(default=False, doc="UNMAP is supported")
    lbpws: bool = flag(default=False, doc="WRITE SAME(16) can unmap")
    lbpws10: bool = flag(default=False, doc="WRITE SAME(10) can unmap")
    lbprz: int = uint(3, default=0, names=unmapped_read_name)
    anc_sup: bool = flag(default=False, label="ANC_SUP", doc="blocks can be anchored")
    dp: bool = flag(default=False, doc="PROVISIONING GROUP DESCRIPTOR is there")
    minimum_percentage: int = uint(5, default=0, names=percent)
    provisioning_type: int = uint(3, default=0, names=PROVISIONING_TYPES)
    threshold_percentage: int = uint(8, default=0, names=tenths_of_percent)
    provisioning_group: Designator | None = choice(
        "dp", {1: Designator}, default=None, label="PROVISIONING GROUP DESCRIPTOR"
    )
