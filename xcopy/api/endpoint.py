"""One side of a copy, opened: from text to a unit, a range on it, and the ways to it.

What a node is comes from `device.topology`, what a unit is from its own answers. Nothing here judges a pair.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from cdb.command import NoPassThrough, TransportError
from xcopy.conversation import Send, Wait, converse
from xcopy.device.clock import MonotonicClock
from xcopy.errors import AccessError, UnsupportedError, UsageError
from xcopy.host import CommandBlocks
from xcopy.probe import discover
from xcopy.ranges import EMULATED, EndpointText, parse_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from cdb.command import Transport
    from xcopy.conversation import BlockDoor, Step
    from xcopy.device.topology import Node
    from xcopy.unit import LogicalUnit

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A unit, and the part of it that was named: `blocks` blocks from LBA `base`."""

    text: EndpointText
    unit: LogicalUnit
    node: Node | None
    base: int
    blocks: int
    window: int | None
    open_transport: Callable[[], Transport]
    open_blocks: Callable[[bool], BlockDoor]

    @property
    def name(self) -> str:
        """How the user called it."""
        return self.text.path


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
    path = node.sg if node.kind == "sg" else node.node
    if path is None:
        raise UnsupportedError(f"{text.path} has no node to send SCSI commands to")
    opener, window = _transport(transport, path, read_only=read_only)
    unit = _probe(text.path, opener, timeout)
    base, blocks = 0, unit.blocks
    if node.start is not None and node.length is not None:
        base, blocks = _partition(text.path, node.start, node.length, unit.block_size)
    return Endpoint(
        text=text,
        unit=unit,
        node=node,
        base=base,
        blocks=blocks,
        window=window,
        open_transport=opener,
        open_blocks=partial(_blocks, node, unit, opener, timeout),
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
    return Endpoint(
        text=text,
        unit=unit,
        node=None,
        base=0,
        blocks=unit.blocks,
        window=None,
        open_transport=opener,
        open_blocks=partial(_blocks, None, unit, opener, None),
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
