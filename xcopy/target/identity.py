"""Who an emulated unit says it is: INQUIRY and the pages 00h, 80h, 83h and B0h, and 8Fh of its copy manager.

The designator a copy names a unit by is made here and found again here. Moves no data, keeps no state.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from cdb.inquiry import STANDARD_LENGTH, Inquiry, StandardInquiry
from cdb.sense import ILLEGAL_REQUEST
from cdb.third_party import THIRD_PARTY_COPY
from cdb.vpd import (
    BLOCK_LIMITS,
    DEVICE_IDENTIFICATION,
    LOGICAL_BLOCK_PROVISIONING,
    SUPPORTED_PAGES,
    UNIT_SERIAL_NUMBER,
    BlockLimits,
    Designator,
    DeviceIdentification,
    SupportedPages,
    UnitSerialNumber,
)
from xcopy.target import thin
from xcopy.target.block_commands import MAXIMUM_COMPARE, MAXIMUM_TRANSFER
from xcopy.target.profile import STRICT, Profile
from xcopy.target.refusal import answer, at_row, parse_cdb, refuse
from xcopy.target.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.command import Command, Reply
    from xcopy.target.tape import TapeUnit

    Identified = Unit | TapeUnit

ARRAY_ID_LENGTH = 8
# An OUI with the locally administered bit set: no vendor's, so no real unit has this designator.
LOCAL_OUI = 0x025843
NO_UNIT = (1 << 36) - 1

THIRD_PARTY_BYTE = StandardInquiry.row("third_party_copy").offset

BINARY, ASCII = 1, 2
LOGICAL_UNIT, TARGET_DEVICE = 0, 2
T10_VENDOR_ID, NAA = 1, 3
SEQUENTIAL_ACCESS = 0x01


def inquiry(
    command: Command,
    unit: Identified,
    array_id: bytes,
    third_party_page: Callable[[Unit], bytes] | None = None,
    profile: Profile = STRICT,
) -> Reply:
    """Answer INQUIRY; a page that is not listed in page 00h is INVALID FIELD IN CDB.

    `third_party_page` gives page 8Fh of a unit that has 3PC; without it there is none.
    """
    cdb = parse_cdb(Inquiry, command.cdb)
    if not cdb.evpd and cdb.page_code == 0:
        return answer(command, _standard(unit, profile), cdb.allocation_length)
    pages = _pages(unit, array_id, profile) | {code: partial(bytes, page) for code, page in profile.pages}
    if third_party_page and isinstance(unit, Unit) and unit.third_party_copy:
        pages[THIRD_PARTY_COPY] = partial(third_party_page, unit)
    page = _listed(cdb.page_code, pages) if cdb.evpd else None
    if page is None:
        refuse(ILLEGAL_REQUEST, 0x24, 0x00, at_row(Inquiry.row("page_code"), command=True))
    if unit.device_type:
        page = bytes([unit.device_type]) + page[1:]  # every page begins with it
    return answer(command, page, cdb.allocation_length)


def target_device(array_id: bytes) -> Designator:
    """The designator of the array as a whole; no unit has its number."""
    return naa(array_id, NO_UNIT).but(association=TARGET_DEVICE)


def naa(array_id: bytes, number: int) -> Designator:
    """The 16-byte NAA designator of a unit: NAA 6, a local OUI, 36 bits of number, 64 bits of array."""
    value = 6 << 124 | LOCAL_OUI << 100 | number << 64 | int.from_bytes(array_id, "big")
    return Designator(
        code_set=BINARY, association=LOGICAL_UNIT, designator_type=NAA, value=value.to_bytes(16, "big")
    )


def names(designator: Designator, unit: Identified, array_id: bytes, profile: Profile = STRICT) -> bool:
    """Whether a designator is the unit's own: one of its port, or of the array, is many units'."""
    own = designator.association == LOGICAL_UNIT
    return own and designator in designators(unit, array_id, profile)


def designators(unit: Identified, array_id: bytes, profile: Profile = STRICT) -> tuple[Designator, ...]:
    """What page 83h lists, in its order; no profile has tapes of its own."""
    profile = profile if isinstance(unit, Unit) else STRICT
    named = profile.vendor + profile.product + unit.serial.encode("ascii")
    vendor_specific = Designator(
        code_set=ASCII, association=LOGICAL_UNIT, designator_type=T10_VENDOR_ID, value=named
    )
    more = unit.designators if isinstance(unit, Unit) else ()
    return *more, vendor_specific, naa(array_id, unit.number)


def _standard(unit: Identified, profile: Profile) -> bytes:
    if profile.standard_inquiry is not None:
        return _with_3pc(profile.standard_inquiry, unit.third_party_copy)
    return StandardInquiry(
        peripheral_device_type=unit.device_type,
        removable=unit.device_type == SEQUENTIAL_ACCESS,
        version=profile.version,
        additional_length=STANDARD_LENGTH - 5,
        third_party_copy=unit.third_party_copy,
        cmdque=True,
        t10_vendor=profile.vendor,
        product=profile.product,
        revision=profile.revision,
    ).pack()


def _with_3pc(data: bytes, third_party_copy: bool) -> bytes:
    """Standard INQUIRY data with their 3PC bit as the unit has it."""
    at, bit = THIRD_PARTY_BYTE, 1 << StandardInquiry.row("third_party_copy").bit
    return data[:at] + bytes([data[at] & ~bit | bit * third_party_copy]) + data[at + 1 :]


def _pages(unit: Identified, array_id: bytes, profile: Profile) -> dict[int, Callable[[], bytes]]:
    """What is told by the unit itself, by page code."""
    pages: dict[int, Callable[[], bytes]] = {
        UNIT_SERIAL_NUMBER: UnitSerialNumber(serial=unit.serial.encode("ascii")).pack,
        DEVICE_IDENTIFICATION: DeviceIdentification(designators=designators(unit, array_id, profile)).pack,
    }
    if isinstance(unit, Unit):
        pages[BLOCK_LIMITS] = BlockLimits(
            maximum_transfer_length=MAXIMUM_TRANSFER // unit.block_size,
            maximum_compare_and_write_length=MAXIMUM_COMPARE,
            **thin.unmap_limits(unit),
        ).pack
        if unit.thin:
            pages[LOGICAL_BLOCK_PROVISIONING] = thin.provisioning_page
    return pages


def _listed(code: int, pages: dict[int, Callable[[], bytes]]) -> bytes | None:
    if code == SUPPORTED_PAGES:
        return SupportedPages(pages=tuple(sorted({SUPPORTED_PAGES, *pages}))).pack()
    return pages[code]() if code in pages else None
