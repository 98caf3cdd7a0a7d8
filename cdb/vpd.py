"""VPD pages 00h, 80h, 83h and B0h (SPC-4 7.8; B0h: SBC-3): their bytes, and what lengths they claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from cdb.errors import DecodeError, EncodeError
from cdb.record import Record, const, flag, record, reserved, uint

SUPPORTED_PAGES = 0x00
UNIT_SERIAL_NUMBER = 0x80
DEVICE_IDENTIFICATION = 0x83
BLOCK_LIMITS = 0xB0


@record
class PageHeader(Record):
    """The four bytes every VPD page begins with."""

    peripheral_qualifier: int = uint(3, default=0)
    peripheral_device_type: int = uint(5, default=0)
    page_code: int = uint(8)
    page_length: int = uint(16)


@record
class DesignatorHeader(Record):
    """The four bytes before each designator of page 83h."""

    protocol_identifier: int = uint(4, default=0)
    code_set: int = uint(4)
    piv: bool = flag(default=False)
    _byte1 = reserved(1)
    association: int = uint(2)
    designator_type: int = uint(4)
    _byte2 = reserved(8)
    designator_length: int = uint(8)


@record
class BlockLimits(Record):
    """The Block Limits page (SBC-3, by way of sg3_utils); lengths in logical blocks, 0 not reported."""

    peripheral_qualifier: int = uint(3, default=0)
    peripheral_device_type: int = uint(5, default=0)
    page_code = const(8, BLOCK_LIMITS)
    page_length: int = uint(16, default=0x3C)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Designator:
    """One designator of page 83h; association 0 is the logical unit, type 3 is NAA."""

    code_set: int
    association: int
    designator_type: int
    value: bytes
    piv: bool = False
    protocol_identifier: int = 0

    def pack(self) -> bytes:
        """Header and value."""
        header = DesignatorHeader(
            protocol_identifier=self.protocol_identifier,
            code_set=self.code_set,
            piv=self.piv,
            association=self.association,
            designator_type=self.designator_type,
            designator_length=len(self.value),
        )
        return header.pack() + self.value

    @classmethod
    def unpack_from(cls, data: bytes, offset: int) -> Self:
        """The designator at `offset`; one that runs past the end is a `DecodeError`."""
        header = DesignatorHeader.unpack_from(data, offset)
        start = offset + DesignatorHeader.size
        value = data[start : start + header.designator_length]
        if len(value) != header.designator_length:
            raise DecodeError(
                f"designator at byte {offset} says {header.designator_length} bytes, {len(value)} are there"
            )
        return cls(
            code_set=header.code_set,
            association=header.association,
            designator_type=header.designator_type,
            value=bytes(value),
            piv=header.piv,
            protocol_identifier=header.protocol_identifier,
        )


def pack_page(code: int, body: bytes, device_type: int = 0) -> bytes:
    """A VPD page of any code: header and body."""
    if len(body) > 0xFFFF:
        raise EncodeError(f"a VPD page holds at most 65535 bytes after its header, got {len(body)}")
    return PageHeader(peripheral_device_type=device_type, page_code=code, page_length=len(body)).pack() + body


def page_body(data: bytes, code: int) -> bytes:
    """What follows the header of page `code`, exactly PAGE LENGTH bytes of it."""
    header = PageHeader.unpack_from(data)
    if header.page_code != code:
        raise DecodeError(f"asked for VPD page {code:02X}h, got page {header.page_code:02X}h")
    body = data[PageHeader.size : PageHeader.size + header.page_length]
    if len(body) != header.page_length:
        raise DecodeError(f"VPD page {code:02X}h says {header.page_length} bytes, {len(body)} arrived")
    return bytes(body)


def unpack_supported_pages(data: bytes) -> tuple[int, ...]:
    """The page codes that page 00h lists."""
    return tuple(page_body(data, SUPPORTED_PAGES))


def unpack_serial(data: bytes) -> str:
    """The serial number of page 80h; bytes that are not ASCII are shown as \\xNN."""
    return printable(page_body(data, UNIT_SERIAL_NUMBER))


def printable(field: bytes) -> str:
    """A text field without its padding; what a terminal should not be sent is shown as \\xNN."""
    return "".join(chr(b) if 0x20 <= b < 0x7F else f"\\x{b:02x}" for b in field.strip(b" \0"))


def unpack_designators(data: bytes) -> tuple[Designator, ...]:
    """Every designator of page 83h, in the order of the page."""
    body = page_body(data, DEVICE_IDENTIFICATION)
    found = []
    offset = 0
    while offset < len(body):
        designator = Designator.unpack_from(body, offset)
        found.append(designator)
        offset += DesignatorHeader.size + len(designator.value)
    return tuple(found)


def unpack_block_limits(data: bytes) -> BlockLimits:
    """Page B0h; what a shorter page (SBC-2) leaves out is 0, "not reported"."""
    body = page_body(data, BLOCK_LIMITS)
    whole = data[: PageHeader.size] + body
    return BlockLimits.unpack_from(whole.ljust(BlockLimits.size, b"\0"))
