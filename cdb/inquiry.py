"""INQUIRY: the command and the standard data (SPC-4 6.6). VPD pages are in `vpd`."""

from __future__ import annotations

from cdb.record import Record, const, flag, raw, record, reserved, uint

STANDARD_LENGTH = 36


@record
class Inquiry(Record):
    """The INQUIRY command (SPC-4 6.6.1)."""

    operation_code = const(8, 0x12)
    _byte1 = reserved(7)
    evpd: bool = flag(default=False)
    page_code: int = uint(8, default=0)
    allocation_length: int = uint(16)
    control: int = uint(8, default=0)


@record
class StandardInquiry(Record):
    """The first 36 bytes of standard INQUIRY data (SPC-4 6.6.2)."""

    peripheral_qualifier: int = uint(3, default=0)
    peripheral_device_type: int = uint(5, default=0)
    removable: bool = flag(default=False, label="RMB")
    _byte1 = reserved(7)
    version: int = uint(8)
    _byte3 = reserved(2)
    normaca: bool = flag(default=False)
    hisup: bool = flag(default=False)
    response_data_format: int = uint(4, default=2)
    additional_length: int = uint(8)
    sccs: bool = flag(default=False)
    acc: bool = flag(default=False)
    tpgs: int = uint(2, default=0)
    third_party_copy: bool = flag(label="3PC")
    _byte5 = reserved(2)
    protect: bool = flag(default=False)
    _byte6 = reserved(8)
    _byte7 = reserved(6)
    cmdque: bool = flag(default=False)
    _byte7b = reserved(1)
    t10_vendor: bytes = raw(8, label="T10 VENDOR IDENTIFICATION")
    product: bytes = raw(16, label="PRODUCT IDENTIFICATION")
    revision: bytes = raw(4, label="PRODUCT REVISION LEVEL")
