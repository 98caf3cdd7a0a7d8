"""One side of a copy, opened: from text to a unit or several, what was named of them, and the ways to them.

What a node is comes from `device.topology`, what a unit is from its own answers. Nothing here judges a pair.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

from xcopy.api.asking import ask
from xcopy.device.clock import MonotonicClock
from xcopy.errors import AccessError, UnsafeError, UnsupportedError, UsageError
from xcopy.host import CommandBlocks
from xcopy.mapping import SECTOR
from xcopy.offload import synchronize
from xcopy.probe import discover
from xcopy.ranges import EMULATED, EndpointText, parse_endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from collections.abc import Mapping as MappingType

    from cdb.command import Transport
    from xcopy.conversation import BlockDoor
    from xcopy.device.disk import Node
    from xcopy.device.layers import Volume
    from xcopy.device.topology import Found
    from xcopy.mapping import Mapping
    from xcopy.paths import PathChange, Paths
    from xcopy.unit import LogicalUnit


@dataclass(frozen=True, slots=True)
class Part:
    """A unit, and the ways to it; `paths` where it has several, and the block nodes they have by name."""

    unit: LogicalUnit
    open_transport: Callable[[], Transport]
    open_blocks: Callable[[bool], BlockDoor]
    paths: Paths | None = None
    nodes: MappingType[str, str] = field(default_factory=dict)


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

    @property
    def path_changes(self) -> tuple[PathChange, ...]:
        """Which paths to its units failed up to now, and what took over."""
        return tuple(change for paths in self._paths for change in paths.changes)

    @property
    def lost(self) -> frozenset[str]:
        """The block nodes of paths that have failed, and have not worked since."""
        return frozenset(part.nodes[name] for part in self.parts if part.paths for name in part.paths.failed)

    def wait_no_more(self) -> None:
        """Have nobody wait for a path to come back; safe in a signal handler."""
        for paths in self._paths:
            paths.stopping = True

    @property
    def _paths(self) -> Iterator[Paths]:
        return (part.paths for part in self.parts if part.paths is not None)


def split(text: str) -> EndpointText:
    """The path and range in `text`, a whole text that exists as a path being one."""
    if not isinstance(text, str):
        raise UsageError(f"{text!r} is no text: SRC[:LBA[+COUNT]] or DST[:LBA]")
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


def ask_endpoint(text: EndpointText, *, transport: str = "sg", timeout: float | None = None) -> Endpoint:
    """As `open_endpoint`, for questions alone: a disk is not opened for writing, see `claims.hold`.

    /dev/sgN is: without CAP_SYS_RAWIO the kernel lets few commands by one that is open for reading.
    """
    return open_endpoint(text, transport=transport, timeout=timeout, read_only=not _is_character(text.path))


def make_durable(endpoint: Endpoint) -> None:
    """Have every unit write its cache; `AccessError` where one does not say that it did."""
    for part in endpoint.parts:
        ask(part.open_transport, synchronize(part.unit.name), part.unit.name)


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


def _exists(path: str) -> bool:
    if path.startswith(EMULATED):
        directory, _, number = path.removeprefix(EMULATED).rpartition("/")
        return _is_number(number) and os.path.isdir(directory)
    return os.path.lexists(path)


def _is_character(path: str) -> bool:
    try:
        return stat.S_ISCHR(os.stat(path).st_mode)
    except OSError:
        return False  # opening it says why


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
    by_sg = _by_sg(node)
    path = node.sg if by_sg else node.node
    if path is None:
        raise UnsupportedError(f"{name} has no node to send SCSI commands to")
    if len(node.ways) > 1:
        return _by_several_paths(name, node, transport, timeout, by_sg=by_sg, read_only=read_only)
    opener, window = _transport(transport, path, read_only=read_only)
    unit = _probe(name, opener, timeout)
    return Part(unit, opener, partial(_blocks, node, unit, opener, timeout)), window


def _by_sg(node: Node) -> bool:
    """Whether commands go by the sg node: when that was named, and where /dev/sdX would refuse them."""
    if node.kind == "sg" or node.sg is None:
        return node.kind == "sg"
    from xcopy.device.privileges import Capability, may

    return not may(Capability.SYS_RAWIO) and os.access(node.sg, os.R_OK | os.W_OK, effective_ids=True)


def _by_several_paths(
    name: str, node: Node, transport: str, timeout: float | None, *, by_sg: bool, read_only: bool
) -> tuple[Part, int | None]:
    """A unit by the first of its paths that works; the others take over when it fails."""
    from xcopy.api.failover import FailoverBlocks, FailoverTransport, Ways
    from xcopy.device.blockio import BlockFile
    from xcopy.device.paths import running
    from xcopy.device.tree import says_to_be
    from xcopy.paths import Paths

    ways = {at: way for way in node.ways if (at := way.sg if by_sg else way.node) is not None}
    made = {at: _transport(transport, at, read_only=read_only) for at in ways}
    openers = {at: opener for at, (opener, _) in made.items()}

    def order() -> list[str]:
        best = running(ways.values())
        return sorted((at for at, way in ways.items() if way in best), key=lambda at: best.index(ways[at]))

    named = next(iter(ways.values())).device.parent
    first, unit, failed = _first_to_answer(name, openers, order, timeout, partial(says_to_be, named))
    paths = Paths(name, first, order, len(ways))
    for at, why in failed.items():
        paths.lost(at, why)
    if failed:
        paths.took_over(first)
    found = Ways(unit, paths, lambda at: openers[at](), timeout or 60.0)
    nodes = {at: way.node for at, way in ways.items()}
    for at in order():
        if at != first and not found.leads_there(at):
            paths.lost(at, f"it leads to another unit than {first}")
            del ways[at]
    part = Part(
        unit,
        lambda: FailoverTransport(found),
        lambda writable: (
            FailoverBlocks(
                found,
                lambda at: BlockFile(ways[at].node, unit.block_size, writable=writable),
                lambda at: _transport(transport, ways[at].node, read_only=True)[0](),
            )
            if _opens(node, writable)
            else _by_commands(unit, FailoverTransport(found), timeout)
        ),
        paths,
        nodes,
    )
    return part, made[first][1]


def _first_to_answer(
    name: str,
    openers: MappingType[str, Callable[[], Transport]],
    order: Callable[[], list[str]],
    timeout: float | None,
    is_named: Callable[[LogicalUnit], bool],
) -> tuple[str, LogicalUnit, dict[str, str]]:
    """The path that was named, or the best one that answers in its place, and why those before it did not.

    What sysfs has of the others is of the time they were found: only a unit that says itself by then to be
    the one that was named is taken for it.
    """
    failed: dict[str, AccessError] = {}
    first = next(iter(openers))
    for at in dict.fromkeys((first, *order())):
        try:
            unit = _probe(name, openers[at], timeout)
        except AccessError as error:
            failed[at] = error
        else:
            if at == first or is_named(unit):
                return at, unit, {path: str(error) for path, error in failed.items()}
            failed[at] = AccessError(f"{at} leads to another unit than {first} did")
    raise failed[first]


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
    return ask(opener, discover(name, timeout or 60.0), name)


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
    """By the block device, or by READ(16) and WRITE(16) where a unit has none that may be opened."""
    if node is None or not _opens(node, writable):
        return _by_commands(unit, opener(), timeout)
    assert node.node is not None
    from xcopy.device.blockio import BlockFile

    return BlockFile(node.node, unit.block_size, writable=writable)


def _opens(node: Node, writable: bool) -> bool:
    """False for a unit named by its sg node whose block node is not there, or not for this user."""
    if node.node is None:
        return False
    mode = os.R_OK | (os.W_OK if writable else 0)
    return node.kind != "sg" or os.access(node.node, mode, effective_ids=True)


def _by_commands(unit: LogicalUnit, way: Transport, timeout: float | None) -> BlockDoor:
    return CommandBlocks(
        way, unit.name, unit.block_size, sleep=MonotonicClock().sleep, timeout=timeout or 60.0
    )
