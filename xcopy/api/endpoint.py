"""One side of a copy, opened: from text to a unit or several, what was named of them, and the ways to them.

What a node is comes from `device.topology`, what a unit is from its own answers. Nothing here judges a pair.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING, TypeVar

from cdb.command import NoPassThrough, TransportError
from xcopy.conversation import Send, Wait, converse
from xcopy.device.clock import MonotonicClock
from xcopy.errors import AccessError, UnsafeError, UnsupportedError, UsageError
from xcopy.host import CommandBlocks
from xcopy.mapping import SECTOR
from xcopy.offload import synchronize
from xcopy.probe import discover
from xcopy.ranges import EMULATED, EndpointText, parse_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from cdb.command import Transport
    from xcopy.conversation import BlockDoor, Step
    from xcopy.device.disk import Node
    from xcopy.device.layers import Volume
    from xcopy.device.topology import Found
    from xcopy.mapping import Mapping
    from xcopy.unit import LogicalUnit

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Part:
    """A unit, and the ways to it."""

    unit: LogicalUnit
    open_transport: Callable[[], Transport]
    open_blocks: Callable[[bool], BlockDoor]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """What was named: `blocks` blocks from LBA `base` of the one unit, or a volume on the units of `parts`.

    A volume's blocks lie where its `mapping` says, whose numbers of units are places in `parts`.
    """

    text: EndpointText
    parts: tuple[Part, ...]
    node: Found | None
    base: int
    blocks: int
    window: int | None
    mapping: Mapping | None = None

    @property
    def name(self) -> str:
        """How the user called it."""
        return self.text.path

    @property
    def unit(self) -> LogicalUnit:
        """The unit, the first one of a volume's; all have blocks of one size."""
        return self.parts[0].unit


def split(text: str) -> EndpointText:
    """The path and range in `text`, a whole text that exists as a path being one."""
    return parse_endpoint(text, _exists)


def open_endpoint(
    text: EndpointText, *, transport: str = "sg", timeout: float | None = None, read_only: bool = False
) -> Endpoint:
    """Find out what `text` names; nothing is written. `transport` is "sg" or "sgio"."""
    if text.path.startswith(EMULATED):
        return _emulated(text)
    from xcopy.device.topology import resolve

    node = resolve(text.path)
    if node.kind == "volume":
        return _volume(text, node, transport, timeout, read_only=read_only)
    part, window = _part(text.path, node, transport, timeout, read_only=read_only)
    base, blocks = 0, part.unit.blocks
    if node.start is not None and node.length is not None:
        base, blocks = _partition(text.path, node.start, node.length, part.unit.block_size)
    return Endpoint(text=text, parts=(part,), node=node, base=base, blocks=blocks, window=window)


def make_durable(endpoint: Endpoint) -> None:
    """Have every unit write its cache; `AccessError` where one does not say that it did."""
    for part in endpoint.parts:
        way = part.open_transport()
        try:
            carry_out(synchronize(part.unit.name), way, part.unit.name)
        finally:
            way.close()


def refuse_moved(endpoint: Endpoint) -> None:
    """`UnsafeError` where a volume's blocks are not where they were when it was opened.

    It is looked up by its number: whatever it is called now, it is the same volume.
    """
    then = endpoint.node
    if then is None or then.kind != "volume":
        return
    from xcopy.device.topology import resolve

    if not then.same_layout(resolve(then.block.path)):
        raise UnsafeError(
            f"{endpoint.name}: its blocks were moved to other places after it was opened; what was copied "
            "since then may be neither here nor there: copy it again"
        )


def carry_out(conversation: Generator[Step, Any, Answer], way: Transport, who: str) -> Answer:
    """Hold a conversation with one unit over one transport; no answer is an `AccessError`."""
    clock = MonotonicClock()

    def perform(step: Step) -> object:
        if isinstance(step, Send):
            return way.send(step.command)
        assert isinstance(step, Wait)
        clock.sleep(step.seconds)
        return True

    try:
        return converse(conversation, perform)
    except NoPassThrough as error:
        raise UnsupportedError(f"{who} takes no SCSI commands: {error}") from error
    except TransportError as error:
        raise AccessError(f"{who} gave no answer: {error}") from error


def _exists(path: str) -> bool:
    if path.startswith(EMULATED):
        directory, _, number = path.removeprefix(EMULATED).rpartition("/")
        return _is_number(number) and os.path.isdir(directory)
    return os.path.lexists(path)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 6


def _emulated(text: EndpointText) -> Endpoint:
    from xcopy.device.array_dir import open_array

    directory, slash, number = text.path.removeprefix(EMULATED).rpartition("/")
    if not slash or not _is_number(number):
        raise UsageError(
            f"{text.path} is not an emulated unit: write emu:DIRECTORY/NUMBER, as in emu:array/0"
        )
    array = open_array(directory)
    if int(number) >= len(array.units):
        raise UsageError(f"{text.path}: the array in {directory} has units 0 to {len(array.units) - 1}")
    opener: Callable[[], Transport] = partial(array.open, int(number))
    unit = _probe(text.path, opener, None)
    part = Part(unit, opener, partial(_blocks, None, unit, opener, None))
    return Endpoint(text=text, parts=(part,), node=None, base=0, blocks=unit.blocks, window=None)


def _part(
    name: str, node: Node, transport: str, timeout: float | None, *, read_only: bool
) -> tuple[Part, int | None]:
    path = node.sg if node.kind == "sg" else node.node
    if path is None:
        raise UnsupportedError(f"{name} has no node to send SCSI commands to")
    opener, window = _transport(transport, path, read_only=read_only)
    unit = _probe(name, opener, timeout)
    return Part(unit, opener, partial(_blocks, node, unit, opener, timeout)), window


def _volume(
    text: EndpointText, node: Volume, transport: str, timeout: float | None, *, read_only: bool
) -> Endpoint:
    """A volume's units, each by its disk's name; `UnsupportedError` where they do not fit together."""
    name = text.path
    opened = [
        _part(f"{disk.node} (below {name})", disk, transport, timeout, read_only=read_only)
        for disk in node.disks
    ]
    parts = tuple(part for part, _ in opened)
    sizes = sorted({part.unit.block_size for part in parts})
    if len(sizes) > 1 or sizes[0] % SECTOR:
        several = " and ".join(str(size) for size in sizes)
        raise UnsupportedError(
            f"{name} lies on units with blocks of {several} bytes, which have no block size in common; "
            "copy it by other means"
        )
    if node.mapping.grain * SECTOR % sizes[0]:
        raise UnsupportedError(
            f"{name} has pieces that begin or end inside a block of {sizes[0]} bytes: "
            "no SCSI command can address them; copy it by other means"
        )
    for region in node.mapping.whole:
        unit = parts[region.unit].unit
        if region.end * SECTOR > unit.blocks * unit.block_size:
            raise UnsupportedError(
                f"{name} goes beyond the end of {unit.name}, which has {unit.blocks} blocks of "
                f"{unit.block_size} bytes; find out what made the unit smaller first"
            )
    for one, other in combinations(parts, 2):
        if one.unit.same_as(other.unit):
            raise UnsafeError(
                f"{one.unit.name} and {other.unit.name} are one unit by two paths that the kernel does not "
                "know to be one: two places of the volume may be the same block"
            )
    return Endpoint(
        text=text,
        parts=parts,
        node=node,
        base=0,
        blocks=node.mapping.length * SECTOR // sizes[0],
        window=min((window for _, window in opened if window is not None), default=None),
        mapping=node.mapping,
    )


def _transport(kind: str, path: str, *, read_only: bool) -> tuple[Callable[[], Transport], int | None]:
    if kind == "sgio":
        from xcopy.device.sgio_binding import WINDOW, SgioTransport

        return partial(SgioTransport, path, read_only=read_only), WINDOW
    from xcopy.device.sg import SgTransport

    return partial(SgTransport, path, read_only=read_only), None


def _probe(name: str, opener: Callable[[], Transport], timeout: float | None) -> LogicalUnit:
    way = opener()
    try:
        return carry_out(discover(name, timeout or 60.0), way, name)
    finally:
        way.close()


def _partition(name: str, start: int, length: int, block_size: int) -> tuple[int, int]:
    """First LBA and blocks of a partition; sysfs counts in 512 bytes whatever the block size."""
    base, rest = divmod(start * 512, block_size)
    if rest:
        raise UnsupportedError(
            f"{name} starts at byte {start * 512}, inside a block of {block_size} bytes: "
            "no SCSI command can address it; move the partition to a whole block"
        )
    return base, length * 512 // block_size


def _blocks(
    node: Node | None,
    unit: LogicalUnit,
    opener: Callable[[], Transport],
    timeout: float | None,
    writable: bool,
) -> BlockDoor:
    """By the block device, or by READ(16) and WRITE(16) where a unit has none."""
    if node is None or node.node is None:
        return CommandBlocks(
            opener(), unit.name, unit.block_size, sleep=MonotonicClock().sleep, timeout=timeout or 60.0
        )
    from xcopy.device.blockio import BlockFile

    return BlockFile(node.node, unit.block_size, writable=writable)
