"""Which SCSI units this machine has, each once with all paths to it, as the kernel's sysfs tells any user.

Belongs here: reading what the kernel asked a unit when it found it. Sends no command and opens no device, so
what only a command would tell is unknown here, with the reason. Does not know who uses a unit (`claims`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from cdb.errors import DecodeError
from cdb.inquiry import PERIPHERAL_DEVICE_TYPES, STANDARD_LENGTH, StandardInquiry
from cdb.vpd import DeviceIdentification, UnitSerialNumber, printable
from xcopy.device.disk import DISK_TYPES, of_block, of_sg
from xcopy.device.tree import Tree, bytes_of, identity, number_of, text_of
from xcopy.errors import AccessError, XcopyError
from xcopy.mapping import SECTOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cdb.vpd import Designator
    from xcopy.device.disk import Node

NOT_SHOWN = "the kernel does not show it ({})"
Decoded = TypeVar("Decoded")


@dataclass(frozen=True, slots=True)
class Way:
    """One path to a unit: its nodes, "" where no driver made one, and what the kernel says of it.

    `address` is host:channel:target:lun; `access` the ALUA state, "" where the unit has none.
    """

    block: str
    sg: str
    address: str = ""
    state: str = ""
    access: str = ""

    @property
    def name(self) -> str:
        """The node to call it by."""
        return self.block or self.sg


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A unit as sysfs has it; None stands for what is not known, and `unknown` says why, by field.

    `node` is that of the first path. `differing` names what its paths do not agree on.
    """

    ways: tuple[Way, ...]
    vendor: str = ""
    product: str = ""
    revision: str = ""
    serial: str = ""
    block_size: int | None = None
    blocks: int | None = None
    third_party_copy: bool | None = None
    designators: tuple[Designator, ...] = ()
    node: Node | None = None
    differing: tuple[str, ...] = ()
    unknown: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The node of its first path."""
        return self.ways[0].name


@dataclass(frozen=True, slots=True)
class Inventory:
    """All units, and what else is there: `others` has nodes of other kinds, each with what it is."""

    units: tuple[Listed, ...]
    others: tuple[tuple[str, str], ...]


def inventory(*, sysfs: str = "/sys", dev: str = "/dev") -> Inventory:
    """Every SCSI disk that has a node; `AccessError` without sysfs. `sysfs` and `dev` are for tests."""
    tree = Tree(Path(sysfs), dev)
    if not (tree.root / "class/block").is_dir():
        raise AccessError(f"{sysfs}/class/block is not there: sysfs has to be mounted (mount -t sysfs)")
    found, others = _disks(tree)
    generic, more = _without_disk(tree)
    groups = _grouped([*found, *generic])
    return Inventory(tuple(_listed(tree, group) for group in groups), (*others, *more))


def _disks(tree: Tree) -> tuple[list[Path], list[tuple[str, str]]]:
    """The directories of SCSI disks, and other whole disks that have a device behind them."""
    found, others = [], []
    for name in sorted(tree.names(tree.root / "class/block"), key=_natural):
        here = tree.named(name)
        if (here / "partition").exists() or not (here / "device").exists():
            continue
        bus = (here / "device/subsystem").resolve().name
        if bus != "scsi":
            others.append((tree.path(name), bus))
        elif (kind := number_of(here / "device/type")) in DISK_TYPES:
            found.append(here)
        else:
            others.append((tree.path(name), _kind(kind)))
    return found, others


def _without_disk(tree: Tree) -> tuple[list[Path], list[tuple[str, str]]]:
    """The sg nodes of units that no block driver took: disks, and what is no disk."""
    found, others = [], []
    for name in sorted(tree.names(tree.root / "class/scsi_generic"), key=_natural):
        here = (tree.root / "class/scsi_generic" / name).resolve()
        if tree.names(here / "device/block"):
            continue
        kind = number_of(here / "device/type")
        if kind in DISK_TYPES:
            found.append(here)
        else:
            others.append((tree.path(name), _kind(kind)))
    return found, others


def _kind(number: int | None) -> str:
    if number is None:
        return "a SCSI unit that does not say what it is"
    return PERIPHERAL_DEVICE_TYPES.get(number, f"SCSI device type {number:02X}h")


def _grouped(nodes: Iterable[Path]) -> list[list[Path]]:
    """Nodes of one unit together, as `Tree.siblings` has it, in the order of the first of each."""
    group_of: dict[object, int] = {}
    groups: dict[int, list[Path]] = {}
    for number, here in enumerate(nodes):
        marks = identity(here)
        mine = sorted({group_of[mark] for mark in marks if mark in group_of}) or [number]
        for other in mine[1:]:  # by this path two groups turn out to be one
            groups[mine[0]] += groups.pop(other)
            group_of = {mark: mine[0] if group == other else group for mark, group in group_of.items()}
        groups.setdefault(mine[0], []).append(here)
        group_of |= dict.fromkeys(marks, mine[0])
    return list(groups.values())


def _listed(tree: Tree, group: list[Path]) -> Listed:
    first = group[0]
    unknown: dict[str, str] = {}
    node = _node(tree, first, unknown)
    standard = _decoded(
        first / "device/inquiry",
        lambda data: StandardInquiry.unpack_from(data[:STANDARD_LENGTH]),
        unknown,
        "third_party_copy",
    )
    page = _decoded(first / "device/vpd_pg83", DeviceIdentification.unpack_from, unknown, "designator")
    serial = _decoded(first / "device/vpd_pg80", UnitSerialNumber.unpack_from, unknown, "serial")
    block_size, blocks = _capacity(first, unknown)
    return Listed(
        ways=tuple(_way(tree, here) for here in group),
        vendor=_shown(standard.t10_vendor if standard else bytes_of(first / "device/vendor")),
        product=_shown(standard.product if standard else bytes_of(first / "device/model")),
        revision=_shown(standard.revision if standard else bytes_of(first / "device/rev")),
        serial=printable(serial.serial) if serial else "",
        block_size=block_size,
        blocks=blocks,
        third_party_copy=standard.third_party_copy if standard else None,
        designators=page.designators if page else (),
        node=node,
        differing=tuple(_differing(group)),
        unknown=unknown,
    )


def _node(tree: Tree, here: Path, unknown: dict[str, str]) -> Node | None:
    """What a copy would find; None where the device went away meanwhile."""
    try:
        if not _is_disk(here):
            major, _, minor = text_of(here / "dev").partition(":")
            return of_sg(tree, tree.path(here.name), int(major), int(minor))
        return of_block(tree, tree.path(here.name), here)
    except (XcopyError, ValueError, OSError) as error:
        unknown["holders"] = unknown["claims"] = str(error)
        return None


def _is_disk(here: Path) -> bool:
    return (here / "holders").is_dir()


def _capacity(here: Path, unknown: dict[str, str]) -> tuple[int | None, int | None]:
    """Bytes in a block, and blocks; sysfs counts in 512 bytes whatever the block size."""
    size, sectors = number_of(here / "queue/logical_block_size"), number_of(here / "size")
    if not _is_disk(here):
        unknown["size"] = "no block driver took the unit, so the kernel did not ask; `xcopy-dev probe` does"
    elif not size or sectors is None:
        unknown["size"] = NOT_SHOWN.format("queue/logical_block_size")
    else:
        return size, sectors * SECTOR // size
    return None, None


def _decoded(
    path: Path, decode: Callable[[bytes], Decoded], unknown: dict[str, str], what: str
) -> Decoded | None:
    """What the kernel kept of an answer; None, and why in `unknown`, where it is missing or damaged."""
    data = bytes_of(path)
    if not data:
        unknown[what] = NOT_SHOWN.format(f"{path.name}: not told by the unit, or not to you")
        return None
    try:
        return decode(data)
    except DecodeError as error:
        unknown[what] = f"what the unit told cannot be read ({path.name}): {error}"
        return None


def _way(tree: Tree, here: Path) -> Way:
    device = here / "device"
    generic = [here.name] if not _is_disk(here) else tree.names(device / "scsi_generic")
    return Way(
        block=tree.path(here.name) if _is_disk(here) else "",
        sg=tree.path(generic[0]) if generic else "",
        address=device.resolve().name,
        state=text_of(device / "state"),
        access=text_of(device / "access_state"),
    )


def _differing(group: list[Path]) -> Iterable[str]:
    """What paths to one unit should have in common and have not: two units that go by one name, perhaps."""
    for what, name in (
        ("vendor", "device/vendor"),
        ("product", "device/model"),
        ("serial", "device/vpd_pg80"),
    ):
        if len({bytes_of(here / name).strip() for here in group}) > 1:
            yield what
    sizes = {number_of(here / "size") for here in group if _is_disk(here)}
    if len(sizes) > 1:
        yield "size"


def _shown(text: bytes) -> str:
    return printable(text.strip())


def _natural(name: str) -> tuple[int, str]:
    """sdb before sdaa."""
    return len(name), name
