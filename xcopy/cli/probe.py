"""`xcopy-dev probe`: what units are, what their copy managers say, and, for two, what they allow together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.api.endpoint import open_endpoint, split
from xcopy.cli.exit_codes import ExitCode, code_of_error
from xcopy.errors import XcopyError
from xcopy.limits import Limits, agree

if TYPE_CHECKING:
    import argparse

    from xcopy.api.endpoint import Endpoint
    from xcopy.unit import LogicalUnit


def run_probe(arguments: argparse.Namespace) -> int:
    """Show every device; one that cannot be asked does not keep the others from being shown."""
    import sys

    code = ExitCode.COPIED
    found: list[Endpoint] = []
    for text in arguments.devices:
        try:
            side = open_endpoint(split(text), transport=arguments.transport, timeout=arguments.timeout)
        except XcopyError as error:
            print(f"xcopy-dev: {error}", file=sys.stderr)
            code = code or code_of_error(error)
            if arguments.json:
                from xcopy.cli.render_json import print_error

                print_error(error)
            continue
        found.append(side)
        _show_side(side, as_json=arguments.json)
    if len(arguments.devices) == 2 and len(found) == 2:
        for source in found[0].parts:
            for destination in found[1].parts:
                _show_pair(source.unit, destination.unit, as_json=arguments.json)
    return code


def _show_side(side: Endpoint, *, as_json: bool) -> None:
    """What was named, and every unit that it lies on."""
    if as_json:
        from xcopy.cli.render_json import emit, unit_fields

        for part in side.parts:
            emit("unit", base_lba=side.base, available_blocks=side.blocks, **unit_fields(part.unit))
        return
    if side.mapping is not None:
        units = " and ".join(part.unit.name for part in side.parts)
        print(f"{side.name}: a volume of {side.blocks} blocks of {side.unit.block_size} bytes on {units}")
        _show_links(side)
    for part in side.parts:
        _show_unit(side, part.unit)


def _show_links(side: Endpoint) -> None:
    if side.node is not None:
        from xcopy.device.topology import links

        print(f"  also {', '.join(links(side.node)) or 'by no other name'}")


def _show_unit(side: Endpoint, unit: LogicalUnit) -> None:
    from xcopy.cli.render_text import describe_unit
    from xcopy.settings import size_text as size

    print(describe_unit(unit))
    print(f"  size {size(unit.blocks * unit.block_size)}, serial {unit.serial or 'not given'}")
    if side.mapping is None:
        _show_links(side)
    if side.base:
        print(f"  the partition is {side.blocks} blocks from LBA {side.base}")
    if unit.parameters is None:
        print(f"  EXTENDED COPY: no, {unit.no_parameters}")
        return
    given = unit.parameters
    codes = " ".join(f"{code:02X}h" for code in given.implemented_types)
    print(f"  EXTENDED COPY: yes, descriptor types {codes}")
    print(
        f"    at most {given.maximum_cscd_count} CSCDs, {given.maximum_segment_count} segments, "
        f"{given.maximum_list_length} bytes of descriptors"
    )
    longest = size(given.maximum_segment_length) if given.maximum_segment_length else "not limited"
    print(f"    segment length {longest}, granularity {size(2**given.data_segment_granularity)}")
    print(
        f"    concurrent copies: {given.total_concurrent_copies or 'not told'} in total, "
        f"{given.maximum_concurrent_copies} with list identifiers, SNLID {int(given.snlid)}"
    )


def _show_pair(source: LogicalUnit, destination: LogicalUnit, *, as_json: bool) -> None:
    offer = agree(source, destination)
    if as_json:
        from xcopy.cli.render_json import emit, limits_fields

        limits = limits_fields(offer) if isinstance(offer, Limits) else None
        reason = None if isinstance(offer, Limits) else offer.reason
        emit("pair", offload=isinstance(offer, Limits), limits=limits, refused=reason)
        return
    from xcopy.cli.render_text import print_limits

    if not isinstance(offer, Limits):
        print(f"{source.name} -> {destination.name}: no offload, {offer.reason}")
        return
    print(f"{source.name} -> {destination.name}: both sides say that EXTENDED COPY can be tried")
    print_limits(offer)
