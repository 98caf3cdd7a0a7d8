"""The conversation that finds out what a unit is: identity, capacity, what its copy manager says it can do.

Only questions; nothing here writes, and no answer is judged for a pair of units.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cdb import vpd
from cdb.blocks import TestUnitReady
from cdb.capacity import Capacity10, Capacity16, ReadCapacity10, ReadCapacity16
from cdb.command import Command, Reply, Status
from cdb.copy_results import (
    OPERATING_PARAMETERS_ALLOCATION,
    OperatingParameters,
    ReceiveCopyOperatingParameters,
)
from cdb.errors import DecodeError
from cdb.inquiry import STANDARD_LENGTH, Inquiry, StandardInquiry
from cdb.sense import UNIT_ATTENTION
from cdb.third_party import THIRD_PARTY_COPY, SupportedCommands, ThirdPartyCopy
from xcopy.conversation import Send, Wait
from xcopy.errors import AccessError, ReservedElsewhere, UnsafeError, UnsupportedError
from xcopy.unit import LogicalUnit, Provisioning
from xcopy.verdict import describe, sense_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.conversation import Conversation

BLOCK_DEVICES = (0x00, 0x05, 0x0E)  # direct access, CD/DVD, simplified direct access (SPC-4 6.4.6.1)
LARGEST_BLOCK = 2**23  # DISK BLOCK LENGTH of a CSCD descriptor has 24 bits (SPC-4 6.4.5.6)
LARGEST_UNIT = 2**63  # bytes: what a file offset can say
ZEROS = 0b001  # in LBPRZ of VPD page B2h, xx1b: unmapped blocks read as zeros (SBC-4 6.6.7)
_VPD_ALLOCATION = 252
_TRIES = 12
_BUSY_WAIT = 0.25
Decoded = TypeVar("Decoded")


def discover(name: str, timeout: float = 60.0) -> Conversation[LogicalUnit]:
    """Ask a unit everything a copy needs; `name` is how the user calls it, `timeout` seconds per command."""
    yield from _ready(name, timeout)
    data = yield from _data(
        name,
        timeout,
        "INQUIRY",
        Inquiry(allocation_length=STANDARD_LENGTH).pack(),
        STANDARD_LENGTH,
    )
    standard = _decoded(name, "INQUIRY", lambda: StandardInquiry.unpack_from(data))
    if standard.peripheral_qualifier or standard.peripheral_device_type not in BLOCK_DEVICES:
        raise UnsupportedError(
            f"{name} is not a block device: INQUIRY says peripheral device type "
            f"{standard.peripheral_device_type:02X}h, qualifier {standard.peripheral_qualifier}"
        )
    pages: tuple[int, ...] = ()
    listed = yield from _page(timeout, vpd.SUPPORTED_PAGES)
    if listed is not None:
        pages = _decoded(name, "VPD page 00h", lambda: vpd.SupportedPages.unpack_from(listed).pages)
    serial, limits = "", None
    designators: tuple[vpd.Designator, ...] = ()
    if vpd.UNIT_SERIAL_NUMBER in pages:
        page = yield from _page(timeout, vpd.UNIT_SERIAL_NUMBER)
        if page is not None:
            found = _decoded(name, "VPD page 80h", lambda: vpd.UnitSerialNumber.unpack_from(page))
            serial = vpd.printable(found.serial)
    if vpd.DEVICE_IDENTIFICATION in pages:
        page83 = yield from _page(timeout, vpd.DEVICE_IDENTIFICATION)
        if page83 is not None:
            identification = _decoded(
                name, "VPD page 83h", lambda: vpd.DeviceIdentification.unpack_from(page83)
            )
            designators = identification.designators
    if vpd.BLOCK_LIMITS in pages:
        pageb0 = yield from _page(timeout, vpd.BLOCK_LIMITS)
        if pageb0 is not None:
            limits = _decoded(name, "VPD page B0h", lambda: vpd.BlockLimits.unpack_from(pageb0))
    copy_commands: frozenset[tuple[int, int]] = frozenset()
    if standard.third_party_copy and THIRD_PARTY_COPY in pages:
        page8f = yield from _page(timeout, THIRD_PARTY_COPY)
        if page8f is not None:
            copy_commands = _copy_commands(page8f)
    capacity = yield from _capacity(name, timeout)
    provisioning = Provisioning()
    if isinstance(capacity, Capacity16) and capacity.lbpme:
        told = None
        if vpd.LOGICAL_BLOCK_PROVISIONING in pages:
            told = (yield from _page(timeout, vpd.LOGICAL_BLOCK_PROVISIONING)) or b""
        provisioning = _provisioning(capacity, told, limits)
    parameters, missing = None, "its INQUIRY data says that it has no third-party copy (3PC is 0)"
    if standard.third_party_copy:
        parameters, missing = yield from _parameters(timeout)
    return LogicalUnit(
        name=name,
        block_size=capacity.block_length,
        blocks=capacity.last_lba + 1,
        vendor=vpd.printable(standard.t10_vendor),
        product=vpd.printable(standard.product),
        revision=vpd.printable(standard.revision),
        serial=serial,
        device_type=standard.peripheral_device_type,
        designators=designators,
        third_party_copy=standard.third_party_copy,
        parameters=parameters,
        no_parameters=missing,
        maximum_transfer_blocks=limits.maximum_transfer_length if limits else 0,
        maximum_write_same_blocks=limits.maximum_write_same_length if limits else 0,
        provisioning=provisioning,
        copy_commands=copy_commands,
    )


def recognize(unit: LogicalUnit, path: str, timeout: float = 60.0) -> Conversation[Reply | None]:
    """Whether a path leads to a unit that is known by another: None where it does.

    A unit attention, or what is said of an earlier command, is handed back, for it is told only once.
    `AccessError` where the path is not ready or cannot say who is there, `UnsafeError` for another unit.
    """
    for _ in range(_TRIES):
        reply = yield Send(Command(name="TEST UNIT READY", cdb=TestUnitReady().pack(), timeout=timeout))
        sense = sense_of(reply)
        if sense is not None and (sense.key == UNIT_ATTENTION or sense.deferred):
            answer: Reply = reply
            return answer
        if reply.status not in (Status.BUSY, Status.TASK_SET_FULL):
            break
        yield Wait(_BUSY_WAIT)
    if not reply.good:
        raise AccessError(f"{path} is not ready: {describe(reply)}")
    page = yield from _page(timeout, vpd.DEVICE_IDENTIFICATION)
    if page is None:
        raise AccessError(f"{path} does not say which unit it leads to")
    found = _decoded(path, "VPD page 83h", lambda: vpd.DeviceIdentification.unpack_from(page))
    if not unit.is_identified_by(found.designators):
        raise UnsafeError(f"{path} leads to another unit than {unit.name}")
    there = yield from _capacity(path, timeout)
    if (there.block_length, there.last_lba + 1) != (unit.block_size, unit.blocks):
        raise UnsafeError(
            f"{path} says it is {unit.name}, with {there.last_lba + 1} blocks of {there.block_length} bytes "
            f"where that had {unit.blocks} of {unit.block_size}: two units by one name, or it was resized"
        )
    return None


def _ready(name: str, timeout: float) -> Conversation[None]:
    reply = yield from _asked(timeout, "TEST UNIT READY", TestUnitReady().pack(), 0)
    if not reply.good:
        raise _not_answered(name, reply, f"{name} is not ready")


def _data(name: str, timeout: float, what: str, cdb: bytes, length: int) -> Conversation[bytes]:
    reply = yield from _asked(timeout, what, cdb, length)
    if not reply.good:
        raise _not_answered(name, reply, f"{name} refused {what}")
    return reply.data


def _not_answered(name: str, reply: Reply, what: str) -> AccessError:
    if reply.status == Status.RESERVATION_CONFLICT:
        return ReservedElsewhere(
            f"{name} is reserved by another initiator: release the reservation there first"
        )
    return AccessError(f"{what}: {describe(reply)}")


def _asked(timeout: float, what: str, cdb: bytes, length: int) -> Conversation[Reply]:
    """The answer to a question, asked again past unit attentions; where the unit is busy, after a while."""
    reply = Reply()
    for _ in range(_TRIES):
        reply = yield Send(Command(name=what, cdb=cdb, data_in=length, timeout=timeout))
        sense = sense_of(reply)
        if reply.status in (Status.BUSY, Status.TASK_SET_FULL):
            yield Wait(_BUSY_WAIT)
        elif sense is None or sense.key != UNIT_ATTENTION:
            break
    return reply


def _page(timeout: float, code: int) -> Conversation[bytes | None]:
    """A whole VPD page, asked for again when it is longer than the first room; None where it is refused."""
    length = _VPD_ALLOCATION
    while True:
        cdb = Inquiry(evpd=True, page_code=code, allocation_length=length).pack()
        reply = yield from _asked(timeout, f"INQUIRY, VPD page {code:02X}h", cdb, length)
        if not reply.good:
            return None
        claimed = vpd.HEADER_LENGTH + int.from_bytes(reply.data[2:4], "big")
        if claimed <= length or length > _VPD_ALLOCATION:
            return reply.data
        length = min(claimed, 0xFFFF)


def _capacity(name: str, timeout: float) -> Conversation[Capacity16 | Capacity10]:
    reply = yield from _asked(timeout, "READ CAPACITY(16)", ReadCapacity16().pack(), Capacity16.size)
    capacity: Capacity16 | Capacity10
    if reply.good:
        capacity = _decoded(name, "READ CAPACITY(16)", lambda: Capacity16.unpack_from(reply.data))
    else:
        data = yield from _data(name, timeout, "READ CAPACITY(10)", ReadCapacity10().pack(), Capacity10.size)
        capacity = _decoded(name, "READ CAPACITY(10)", lambda: Capacity10.unpack_from(data))
        if capacity.last_lba == 0xFFFFFFFF:
            raise AccessError(
                f"{name} has more than 2^32 blocks and refused READ CAPACITY(16): {describe(reply)}"
            )
    size = capacity.block_length
    if size < 512 or size & (size - 1):
        raise UnsupportedError(f"{name} has blocks of {size} bytes; powers of two from 512 are handled")
    if size > LARGEST_BLOCK or (capacity.last_lba + 1) * size > LARGEST_UNIT:
        raise UnsupportedError(
            f"{name} says it has {capacity.last_lba + 1} blocks of {size} bytes; "
            f"at most {LARGEST_BLOCK} bytes and 8 EiB in all are handled"
        )
    return capacity


def _provisioning(capacity: Capacity16, page: bytes | None, limits: vpd.BlockLimits | None) -> Provisioning:
    """Of a unit with LBPME; `page` is VPD page B2h, None where there is none.

    A page that says otherwise than READ CAPACITY(16), or cannot be read, takes the promise of zeros away.
    """
    zeros, unmaps = capacity.lbprz, False
    if page is not None:
        try:
            told = vpd.LogicalBlockProvisioning.unpack_from(page)
        except DecodeError:
            zeros = False
        else:
            zeros, unmaps = zeros and bool(told.lbprz & ZEROS), told.lbpws
    return Provisioning(
        managed=True,
        zeros=zeros,
        write_same_unmaps=unmaps,
        granule=limits.optimal_unmap_granularity if limits else 0,
        aligned_to=limits.unmap_granularity_alignment if limits and limits.ugavalid else 0,
    )


def _parameters(timeout: float) -> Conversation[tuple[OperatingParameters | None, str]]:
    reply = yield from _asked(
        timeout,
        "RECEIVE COPY OPERATING PARAMETERS",
        ReceiveCopyOperatingParameters().pack(),
        OPERATING_PARAMETERS_ALLOCATION,
    )
    if not reply.good:
        return None, f"it refused RECEIVE COPY OPERATING PARAMETERS: {describe(reply)}"
    try:
        return OperatingParameters.unpack_from(reply.data), ""
    except DecodeError as error:
        return None, f"its operating parameters cannot be read: {error}"


def _copy_commands(page: bytes) -> frozenset[tuple[int, int]]:
    """What the page lists; it is about extras, so one that cannot be read lists nothing."""
    try:
        descriptors = ThirdPartyCopy.unpack_from(page).descriptors
    except DecodeError:
        return frozenset()
    return frozenset(
        (support.operation_code, action)
        for found in descriptors
        if isinstance(found, SupportedCommands)
        for support in found.commands
        for action in support.service_actions
    )


def _decoded(name: str, what: str, decode: Callable[[], Decoded]) -> Decoded:
    try:
        return decode()
    except DecodeError as error:
        raise AccessError(f"{name} answered {what} with data that cannot be read: {error}") from error
