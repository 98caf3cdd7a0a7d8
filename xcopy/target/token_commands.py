"""POPULATE TOKEN and WRITE USING TOKEN: blocks become a token, and a token becomes blocks (SBC-4 4.28).

The list is checked whole (`token_list`); then the operation is performed step by step, a chunk at a time.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NoReturn

from cdb.command import Command, Reply
from cdb.copy_status import PARTLY_USED
from cdb.sense import COPY_ABORTED, ILLEGAL_REQUEST, Sense
from cdb.token import PopulateToken, WriteUsingToken, WriteUsingTokenList
from xcopy.target.copy_list import check_transferred
from xcopy.target.faults import Step
from xcopy.target.operation import Operation
from xcopy.target.refusal import Refused, at_row, parse_cdb
from xcopy.target.rods import Extent
from xcopy.target.thin import write_zeros
from xcopy.target.token_list import PopulateRequest, WriteRequest, check_populate, check_write
from xcopy.target.tokens import CANCELLED, INVALID_TOKEN_OPERATION, is_zero_token
from xcopy.target.transfer import UNDERRUN, Inexact, read_whole, write_whole

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from xcopy.target.copy_manager import CopyManager
    from xcopy.target.operation import Steps
    from xcopy.target.rods import Rod
    from xcopy.target.run import Place
    from xcopy.target.unit import Unit


def populate_token(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """POPULATE TOKEN."""
    cdb = parse_cdb(PopulateToken, command.cdb)
    data = _parameter_list(command, cdb)
    residual = len(command.data_out) - len(data)
    if not data:
        return Reply(residual=residual)
    request = check_populate(data, receiver, manager.place.profile.rods)
    operation = _operation(manager, cdb, receiver, nexus, immediate=request.immediate)
    if manager.place.profile.rods.dies_with_list:
        _delete_former(manager, operation)
    return manager.originate(operation, _populate(manager.place, operation, request, residual), residual)


def write_using_token(manager: CopyManager, command: Command, receiver: Unit, nexus: str) -> Reply:
    """WRITE USING TOKEN."""
    cdb = parse_cdb(WriteUsingToken, command.cdb)
    data = _parameter_list(command, cdb)
    residual = len(command.data_out) - len(data)
    if not data:
        return Reply(residual=residual)
    request = check_write(data, receiver, manager.place.profile.rods)
    receiver.check_writable()
    operation = _operation(manager, cdb, receiver, nexus, immediate=request.immediate)
    return manager.originate(operation, _write(manager.place, operation, request, residual), residual)


def short_of(transferred: int, asc: int, ascq: int) -> Sense:
    """What an operation says that got no further than so many blocks (SBC-4 4.28.2)."""
    return Sense(
        key=COPY_ABORTED if transferred else ILLEGAL_REQUEST, asc=asc, ascq=ascq, information=transferred
    )


def _parameter_list(command: Command, cdb: PopulateToken | WriteUsingToken) -> bytes:
    check_transferred(len(command.data_out), cdb.parameter_list_length)
    return bytes(command.data_out[: cdb.parameter_list_length])


def _operation(
    manager: CopyManager,
    cdb: PopulateToken | WriteUsingToken,
    receiver: Unit,
    nexus: str,
    *,
    immediate: bool,
) -> Operation:
    return Operation(
        nexus=nexus,
        unit=receiver.number,
        list_identifier=cdb.list_identifier,
        service_action=cdb.service_action,
        background=immediate and manager.place.profile.copies.immediate,
    )


def _delete_former(manager: CopyManager, operation: Operation) -> None:
    """End the token that was made under the same list identifier."""
    former = manager.operations.find(
        operation.nexus, operation.unit, operation.list_identifier or 0, manager.now()
    )
    for _, token in former.tokens if former is not None and not former.running else ():
        manager.place.tokens.delete(token)


def _populate(place: Place, operation: Operation, request: PopulateRequest, residual: int) -> Steps:
    """Make the token: of nothing there is none, and of too much one of the beginning."""
    yield
    policy, unit = place.profile.rods, place.units[operation.unit]
    asked = sum(extent.blocks for extent in request.extents)
    most = policy.populates_at_most // unit.block_size or asked
    place.tokens.settle()
    rod = place.rods.represent(unit, request.rod_type, tuple(_first(request.extents, most)))
    try:
        if rod.blocks:
            token = place.tokens.make(
                rod, unit, lifetime=policy.default_lifetime, inactivity=request.inactivity
            )
            operation.tokens = ((0, token),)
        else:
            place.rods.forget(rod)
    except Refused:
        place.rods.forget(rod)
        raise
    operation.transferred = rod.size
    if rod.blocks < asked:
        operation.outcome = PARTLY_USED
    return Reply(residual=residual)


def _first(extents: tuple[Extent, ...], blocks: int) -> Iterator[Extent]:
    """As much of the extents as is not more than so many blocks."""
    for extent in extents:
        if blocks <= 0:
            return
        yield Extent(extent.lba, min(blocks, extent.blocks))
        blocks -= extent.blocks


def _write(place: Place, operation: Operation, request: WriteRequest, residual: int) -> Steps:
    """Write what a token stands for; it is deleted afterwards where that is asked for."""
    yield
    if place.profile.rods.zero_token and is_zero_token(request.token):
        refusal = yield from _move(place, operation, request, None)
    else:
        pointer = at_row(WriteUsingTokenList.row("token"))
        with place.tokens.using(request.token, pointer) as rod:
            refusal = yield from _move(place, operation, request, rod)
        if request.delete:
            place.tokens.delete(request.token)
    if refusal is not None:
        raise refusal
    return Reply(residual=residual)


def _move(
    place: Place, operation: Operation, request: WriteRequest, rod: Rod | None
) -> Generator[None, None, Refused | None]:
    """Chunk by chunk in ascending order; `rod` None is zeros. What went wrong, if anything."""
    policy, unit = place.profile.rods, place.units[operation.unit]
    asked = sum(extent.blocks for extent in request.extents) * unit.block_size
    start = request.offset * unit.block_size
    most = asked
    if rod is not None:
        if start >= rod.size:
            pointer = at_row(WriteUsingTokenList.row("offset"))
            return Refused.of(Sense(key=ILLEGAL_REQUEST, asc=0x26, ascq=0x00, pointer=pointer))
        most = min(most, -(-(rod.size - start) // unit.block_size) * unit.block_size)
    within_rod = most
    if policy.writes_at_most:
        most = min(most, policy.writes_at_most)
    chunk = max(place.profile.chunk_size // unit.block_size, 1)
    try:
        for part in _parts(request.extents, chunk):
            size = min(part.blocks * unit.block_size, most - operation.transferred)
            if not size:
                break
            if operation.transferred:
                yield
            data = _read(place, operation, rod, start, size)
            _write_part(place, operation, part.lba, data, zeros=rod is None)
            start += size
            operation.transferred += size
    except Refused as refusal:
        return refusal
    if operation.transferred < asked:
        asc, ascq = policy.beyond_rod if within_rod < asked else UNDERRUN
        if (asc, ascq) != UNDERRUN:
            return Refused.of(Sense(key=ILLEGAL_REQUEST, asc=asc, ascq=ascq))
        operation.outcome = PARTLY_USED
        return Refused.of(short_of(operation.transferred // unit.block_size, asc, ascq))
    return None


def _parts(extents: tuple[Extent, ...], chunk: int) -> Iterator[Extent]:
    for extent in extents:
        for done in range(0, extent.blocks, chunk):
            yield Extent(extent.lba + done, min(chunk, extent.blocks - done))


def _read(place: Place, operation: Operation, rod: Rod | None, start: int, size: int) -> bytes:
    """`size` bytes of a ROD from byte `start` on, zeros behind its end; `Refused` when it fails."""
    if rod is None:
        return bytes(size)
    first = start // rod.block_size
    blocks = -(-(start + size) // rod.block_size) - first
    unit = place.units[rod.unit]
    found = []
    try:
        for piece in rod.pieces(first, blocks):
            step = Step(kind="read", unit=rod.unit, lba=piece.lba, blocks=piece.blocks)
            length = piece.blocks * rod.block_size
            found.append(read_whole(place.faults, step, length, partial(place.rods.read, rod, unit, piece)))
            operation.commands += 1
    except Refused as refusal:
        _device_failed(place, operation, "source", rod.unit, refusal)
    except Inexact as inexact:
        _inexact(place, operation, inexact)
    if rod.cancelled:
        count = _transferred(place, operation)
        raise Refused.of(short_of(count, INVALID_TOKEN_OPERATION, CANCELLED))
    skipped = start - first * rod.block_size
    return b"".join(found)[skipped : skipped + size].ljust(size, b"\0")


def _write_part(place: Place, operation: Operation, lba: int, data: bytes, *, zeros: bool) -> None:
    unit = place.units[operation.unit]

    def put(changed: bytes) -> None:
        if zeros and changed == data:
            write_zeros(unit, lba, len(data) // unit.block_size)
        else:
            unit.write(lba, changed)

    step = Step(kind="write", unit=unit.number, lba=lba, blocks=len(data) // unit.block_size)
    try:
        write_whole(place.faults, step, data, put)
    except Refused as refusal:
        _device_failed(place, operation, "destination", unit.number, refusal)
    except Inexact as inexact:
        _inexact(place, operation, inexact)
    operation.commands += 1


def _inexact(place: Place, operation: Operation, inexact: Inexact) -> NoReturn:
    """A device moved less, or more, than it was asked for."""
    count = _transferred(place, operation)
    raise Refused.of(Sense(key=COPY_ABORTED, asc=inexact.code[0], ascq=inexact.code[1], information=count))


def _device_failed(place: Place, operation: Operation, role: str, number: int, refusal: Refused) -> NoReturn:
    """THIRD PARTY DEVICE FAILURE with what the device answered, or that answer itself."""
    if place.profile.rods.forwards_failure:
        raise refusal
    device = place.answered(role, number, refusal)
    raise Refused.of(
        Sense(
            key=COPY_ABORTED,
            asc=0x0D,
            ascq=0x01,
            information=_transferred(place, operation),
            devices=(device,),
        )
    )


def _transferred(place: Place, operation: Operation) -> int:
    """In blocks of the unit that is written to."""
    return operation.transferred // place.units[operation.unit].block_size
