"""INQUIRY: the command, the standard data and the names both use (SPC-4 6.6). VPD pages are in `vpd`."""

from __future__ import annotations

from cdb.record import Record, const, data, flag, raw, record, reserved, uint

STANDARD_LENGTH = 36

PERIPHERAL_QUALIFIERS = {
    0b000: "connected",
    0b001: "not connected, but possible",
    0b010: "reserved",
    0b011: "not possible on this logical unit",
} | dict.fromkeys(range(0b100, 0b1000), "vendor specific")

PERIPHERAL_DEVICE_TYPES = {
    0x00: "direct access block device",
    0x01: "sequential access device",
    0x02: "printer",
    0x03: "processor device",
    0x04: "write-once device",
    0x05: "CD/DVD device",
    0x06: "scanner (obsolete)",
    0x07: "optical memory device",
    0x08: "media changer",
    0x09: "communications device (obsolete)",
    0x0A: "obsolete",
    0x0B: "obsolete",
    0x0C: "storage array controller",
    0x0D: "enclosure services device",
    0x0E: "simplified direct access device",
    0x0F: "optical card reader/writer",
    0x10: "bridge controller",
    0x11: "object-based storage device",
    0x12: "automation/drive interface",
    0x13: "security manager device",
    0x14: "host managed zoned block device",  # reserved in SPC-4; ZBC, by way of sg3_utils
    0x1E: "well known logical unit",
    0x1F: "unknown or no device type",
}

VERSIONS = {
    0x00: "no standard claimed",
    0x03: "SPC",
    0x04: "SPC-2",
    0x05: "SPC-3",
    0x06: "SPC-4",
    0x07: "SPC-5",  # reserved in SPC-4; this and the next by way of sg3_utils
    0x0D: "SPC-6",
}

RESPONSE_DATA_FORMATS = {0: "obsolete", 1: "obsolete", 2: "as in SPC-2 and later"}

TPGS = {
    0b00: "no asymmetric access, or a vendor's own",
    0b01: "implicit asymmetric access",
    0b10: "explicit asymmetric access",
    0b11: "implicit and explicit asymmetric access",
}

VPD_PAGES = {
    0x00: "Supported VPD Pages",
    0x80: "Unit Serial Number",
    0x83: "Device Identification",
    0x84: "Software Interface Identification",
    0x85: "Management Network Addresses",
    0x86: "Extended INQUIRY Data",
    0x87: "Mode Page Policy",
    0x88: "SCSI Ports",
    0x89: "ATA Information",
    0x8A: "Power Condition",
    0x8B: "Device Constituents",
    0x8C: "CFA Profile Information",
    0x8D: "Power Consumption",
    0x8F: "Third-party Copy",
    0x90: "Protocol Specific Logical Unit Information",
    0x91: "Protocol Specific Port Information",
    0x92: "SCSI Feature Sets",
    0xB0: "Block Limits",
    0xB1: "Block Device Characteristics",
    0xB2: "Logical Block Provisioning",
    0xB3: "Referrals",
    0xB4: "Supported Block Lengths and Protection Types",
    0xB5: "Block Device Characteristics Extension",
    0xB6: "Zoned Block Device Characteristics",
    0xB7: "Block Limits Extension",
    0xB8: "Format Presets",
}

# A version descriptor is the number of a standard in its upper 11 bits and a revision of it in the others
# (SPC-4 6.6.2, table 179; SAM-6, SBC-4 and -5, SPC-6, SAS-4, SPL-4 and -5, ZBC by way of sg3_utils).
STANDARDS = {
    0x0020: "SAM",
    0x0040: "SAM-2",
    0x0060: "SAM-3",
    0x0080: "SAM-4",
    0x00A0: "SAM-5",
    0x00C0: "SAM-6",
    0x0120: "SPC",
    0x0180: "SBC",
    0x0220: "RBC",
    0x0260: "SPC-2",
    0x0300: "SPC-3",
    0x0320: "SBC-2",
    0x0460: "SPC-4",
    0x04C0: "SBC-3",
    0x05C0: "SPC-5",
    0x0600: "SBC-4",
    0x0620: "ZBC",
    0x06C0: "SBC-5",
    0x06E0: "SPC-6",
    0x08C0: "FCP",
    0x0900: "FCP-2",
    0x0940: "SRP",
    0x0960: "iSCSI",
    0x0A00: "FCP-3",
    0x0A40: "FCP-4",
    0x0BE0: "SAS",
    0x0C00: "SAS-1.1",
    0x0C20: "SAS-2",
    0x0C40: "SAS-2.1",
    0x0C60: "SAS-3",
    0x0C80: "SAS-4",
    0x1740: "UAS",
    0x1EA0: "SAT",
    0x1EC0: "SAT-2",
    0x1EE0: "SAT-3",
    0x1F00: "SAT-4",
    0x20A0: "SPL",
    0x20C0: "SPL-2",
    0x20E0: "SPL-3",
    0x2100: "SPL-4",
    0x2120: "SPL-5",
}


def page_name(code: int) -> str:
    """The name of a VPD page code (SPC-4 7.8.1, table 576; SBC-4 6.6.1, table 257)."""
    if code in VPD_PAGES:
        return VPD_PAGES[code]
    if 0x01 <= code <= 0x7F:
        return "ASCII Information"
    if code in (0x81, 0x82):
        return "obsolete"
    return "vendor specific" if code >= 0xC0 else ""


def standard_name(descriptor: int) -> str:
    """The standard a version descriptor claims; the revision, where one is, stays a number."""
    if not descriptor:
        return "none"
    revision = descriptor & 0x1F
    name = STANDARDS.get(descriptor - revision, "")
    if not name:
        return ""
    return f"{name}, revision code {revision:02X}h" if revision else f"{name}, no version claimed"


@record
class Inquiry(Record):
    """INQUIRY (SPC-4 6.6.1, table 173).

    `page_code` is 0 unless `evpd` is set.
    """

    operation_code = const(8, 0x12)
    _byte1 = reserved(6)
    _cmddt = reserved(1, label="Obsolete")
    evpd: bool = flag(default=False, doc="a VPD page, not the standard data")
    page_code: int = uint(8, default=0, names=page_name)
    allocation_length: int = uint(16)
    control: int = uint(8, default=0)


@record
class StandardInquiryTail(Record):
    """Standard INQUIRY data from byte 36 on (SPC-4 6.6.2, table 174)."""

    least = 0

    vendor_specific: bytes = raw(20, default=bytes(20), label="Vendor specific")
    _byte56 = reserved(4)
    clocking: int = uint(2, default=0, doc="parallel SCSI only")
    qas: bool = flag(default=False, doc="parallel SCSI only")
    ius: bool = flag(default=False, doc="parallel SCSI only")
    _byte57 = reserved(8)
    version_descriptor_1: int = uint(16, default=0, names=standard_name)
    version_descriptor_2: int = uint(16, default=0, names=standard_name)
    version_descriptor_3: int = uint(16, default=0, names=standard_name)
    version_descriptor_4: int = uint(16, default=0, names=standard_name)
    version_descriptor_5: int = uint(16, default=0, names=standard_name)
    version_descriptor_6: int = uint(16, default=0, names=standard_name)
    version_descriptor_7: int = uint(16, default=0, names=standard_name)
    version_descriptor_8: int = uint(16, default=0, names=standard_name)
    _byte74 = reserved(176)
    parameters: bytes = data(default=b"", label="Vendor specific parameters")

    @property
    def version_descriptors(self) -> tuple[int, ...]:
        """The descriptors that are not 0, in their order."""
        every = (getattr(self, f"version_descriptor_{n}") for n in range(1, 9))
        return tuple(descriptor for descriptor in every if descriptor)


def _tail(rest: bytes) -> type[Record] | None:
    return StandardInquiryTail if rest else None


@record
class StandardInquiry(Record):
    """Standard INQUIRY data (SPC-4 6.6.2, table 174).

    36 bytes, and whatever a longer allocation length brought in `rest`: INQUIRY data is cut to the
    allocation length, so ADDITIONAL LENGTH may count bytes that are not there.
    """

    peripheral_qualifier: int = uint(3, default=0, names=PERIPHERAL_QUALIFIERS)
    peripheral_device_type: int = uint(5, default=0, names=PERIPHERAL_DEVICE_TYPES)
    removable: bool = flag(default=False, label="RMB", doc="removable medium")
    _byte1 = reserved(7)
    version: int = uint(8, names=VERSIONS)
    _byte3 = reserved(2)
    normaca: bool = flag(default=False, doc="takes NACA and the ACA task attribute")
    hisup: bool = flag(default=False, doc="hierarchical addressing of logical units")
    response_data_format: int = uint(4, default=2, names=RESPONSE_DATA_FORMATS)
    additional_length: int = uint(8, doc="bytes of the whole data behind byte 4")
    sccs: bool = flag(default=False, doc="has a storage array controller")
    acc: bool = flag(default=False, doc="has an access controls coordinator")
    tpgs: int = uint(2, default=0, names=TPGS)
    third_party_copy: bool = flag(label="3PC", doc="supports third-party copy commands")
    _byte5 = reserved(2)
    protect: bool = flag(default=False, doc="supports protection information")
    _bque = reserved(1, label="Obsolete")
    encserv: bool = flag(default=False, doc="has enclosure services")
    vs_6: bool = flag(default=False, label="VS")
    multip: bool = flag(default=False, doc="has more than one port")
    _mchngr = reserved(1, label="Obsolete")
    _byte6 = reserved(2)
    addr16: bool = flag(default=False, doc="parallel SCSI only")
    _reladr = reserved(1, label="Obsolete")
    _byte7 = reserved(1)
    wbus16: bool = flag(default=False, doc="parallel SCSI only")
    sync: bool = flag(default=False, doc="parallel SCSI only")
    _linked = reserved(1, label="Obsolete")
    _byte7b = reserved(1)
    cmdque: bool = flag(default=False, doc="takes several commands at once")
    vs_7: bool = flag(default=False, label="VS")
    t10_vendor: bytes = raw(8, label="T10 VENDOR IDENTIFICATION", text=True)
    product: bytes = raw(16, label="PRODUCT IDENTIFICATION", text=True)
    revision: bytes = raw(4, label="PRODUCT REVISION LEVEL", text=True)
    rest: bytes = data(default=b"", label="Vendor specific and version descriptors", holds=_tail)
