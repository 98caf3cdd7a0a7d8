"""`xcopy-dev list`: every SCSI unit, a heading line and what is known of it below, in 100 columns."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from xcopy.api.listing import listing
from xcopy.cli.exit_codes import ExitCode
from xcopy.cli.streams import plain
from xcopy.settings import size_text
from xcopy.unit import LOGICAL_UNIT, copy_designator

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from xcopy.api.listing import Entry, Listing
    from xcopy.device.inventory import Way
    from xcopy.device.tree import Block

WIDTH = 100
INDENT = 16  # of what stands behind the name of a row
ROW = "{:<16} {:>10} {:>6}  {:<5} {:<9} {}"
HEADING = ROW.format("DEVICE", "SIZE", "BLOCK", "3PC", "USE", "VENDOR, PRODUCT, REVISION")
NOTHING = "no SCSI disk on this machine: there is nothing that could be copied by EXTENDED COPY"
TO_TRY = "`xcopy-dev emu create DIR` makes an emulated array to try with"
OTHERS = "no SCSI disks, so no units of a copy"
KNOWN = {True: "yes", False: "no", None: "?"}


def run_list(arguments: argparse.Namespace) -> int:
    """List what there is; none is no error."""
    found = listing(arguments.devices)
    if arguments.json:
        _print_json(found)
    else:
        for line in lines(found):
            print(line)
    return ExitCode.COPIED


def lines(found: Listing) -> Iterator[str]:
    """The listing as text, none longer than `WIDTH` unless a name alone is."""
    if found.entries:
        yield HEADING
    else:
        yield NOTHING
        yield TO_TRY
    for entry in found.entries:
        yield _heading(entry)
        for name, text in _rows(entry):
            yield from _row(name, text)
    if found.others:
        told = ", ".join(f"{node} ({what})" for node, what in found.others)
        yield from textwrap.wrap(plain(f"{OTHERS}: {told}"), WIDTH, break_long_words=False)


def _heading(entry: Entry) -> str:
    unit = entry.unit
    size = "?" if unit.blocks is None or unit.block_size is None else size_text(unit.blocks * unit.block_size)
    who = ", ".join(part for part in (unit.vendor, unit.product, unit.revision) if part)
    return ROW.format(
        plain(unit.name), size, unit.block_size or "?", KNOWN[unit.third_party_copy], _use(entry), who
    ).rstrip()


def _use(entry: Entry) -> str:
    if entry.claims is None:
        return "?"
    kinds = {claim.kind for claim in entry.claims}
    return "in use" if kinds - {"read-only"} else "read-only" if kinds else "free"


def _rows(entry: Entry) -> Iterator[tuple[str, str]]:
    """What is said below a heading: each row's name, and its text."""
    unit = entry.unit
    named = copy_designator(unit.designators)
    if named is not None:
        yield "designator", named.text
    elif "designator" not in unit.unknown:
        yield "designator", "none of at most 20 bytes, so no EXTENDED COPY can name it"
    if unit.serial:
        yield "serial", unit.serial
    for way in unit.ways:
        if way.address:
            yield "path", plain(_path(way))
    for link in entry.links:
        yield "link", plain(link)
    if unit.node is not None and unit.node.disk is not None:
        for depth, block in _built_on(unit.node.disk):
            yield "on it", "  " * depth + plain(_block(block))
    for claim in entry.claims or ():
        yield "in use", plain(str(claim))
    if unit.differing:
        yield (
            "careful",
            f"its paths differ in {' and '.join(unit.differing)}: they may be two units with one name",
        )
    for what, why in _unknown(entry).items():
        yield "unknown", plain(f"{what}: {why}")


def _unknown(entry: Entry) -> dict[str, str]:
    found = {what.replace("_", " "): why for what, why in entry.unit.unknown.items()}
    return found | ({"claims": entry.no_claims} if entry.claims is None else {})


def _row(name: str, text: str) -> Iterator[str]:
    begin, deeper = f"    {name:<{INDENT - 4}}", len(text) - len(text.lstrip())
    wrapped = textwrap.wrap(
        text.lstrip(),
        WIDTH - INDENT - deeper - 2,
        break_long_words=False,
        break_on_hyphens=False,
    )
    for number, line in enumerate(wrapped or [""]):
        yield (
            f"{begin if not number else ' ' * INDENT}{' ' * (deeper + (2 if number else 0))}{line}"
        ).rstrip()


def _path(way: Way) -> str:
    nodes = " ".join(node for node in (way.block, way.sg) if node)
    state = ", ".join(word for word in (way.state or "state unknown", way.access) if word)
    return f"{nodes}  {way.address}  {state}"


def _built_on(disk: Block) -> Iterator[tuple[int, Block]]:
    """Partitions and holders, each with its depth; what lies on two of them is shown on both."""
    todo = [(0, block) for block in (*disk.partitions, *disk.holders)]
    while todo:
        depth, block = todo.pop(0)
        yield depth, block
        todo[:0] = [(depth + 1, each) for each in (*block.partitions, *block.holders)]


def _block(block: Block) -> str:
    size = size_text(block.length * 512)
    if block.number is not None:
        return f"{block.path}  {size}, partition {block.number} from byte {block.start * 512}"
    return f"{block.path}  {size}, {block.layer or 'a block device'}"


def _print_json(found: Listing) -> None:
    from xcopy.cli.render_json import emit

    for entry in found.entries:
        emit("unit", **_fields(entry))
    emit(
        "done",
        exit=int(ExitCode.COPIED),
        units=len(found.entries),
        others=dict(found.others),
        message=None if found.entries else f"{NOTHING}; {TO_TRY}",
    )


def _fields(entry: Entry) -> dict[str, Any]:
    unit, named = entry.unit, copy_designator(entry.unit.designators)
    disk = unit.node.disk if unit.node is not None else None
    return {
        "name": unit.name,
        "vendor": unit.vendor,
        "product": unit.product,
        "revision": unit.revision,
        "serial": unit.serial,
        "block_size": unit.block_size,
        "blocks": unit.blocks,
        "third_party_copy": unit.third_party_copy,
        "designator": named.value.hex() if named else None,
        "designators": [d.text for d in unit.designators if d.association == LOGICAL_UNIT],
        "paths": [
            {
                "block": way.block or None,
                "sg": way.sg or None,
                "address": way.address or None,
                "state": way.state or None,
                "access": way.access or None,
            }
            for way in unit.ways
        ],
        "links": list(entry.links),
        "on_it": _tree([] if disk is None else [*disk.partitions, *disk.holders]),
        "in_use": None if entry.claims is None else _use(entry) == "in use",
        "claims": None
        if entry.claims is None
        else [
            {"kind": claim.kind, "device": claim.device, "by": claim.by, "other_path": claim.other_path}
            for claim in entry.claims
        ],
        "paths_differ_in": list(unit.differing),
        "unknown": _unknown(entry),
    }


def _tree(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    return [
        {
            "path": block.path,
            "partition": block.number,
            "start_bytes": block.start * 512 if block.number is not None else None,
            "bytes": block.length * 512,
            "layer": block.layer or None,
            "read_only": block.read_only,
            "on_it": _tree([*block.partitions, *block.holders]),
        }
        for block in blocks
    ]
