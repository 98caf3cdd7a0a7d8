"""`xcopy-dev probe`: what units are and what their copy managers say; of two, see `forecast`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.api.endpoint import ask_endpoint, split
from xcopy.api.sides import of_files
from xcopy.cli.exit_codes import ExitCode, code_of_error
from xcopy.cli.streams import complain
from xcopy.errors import UsageError, XcopyError

if TYPE_CHECKING:
    import argparse

    from xcopy.api.endpoint import Endpoint
    from xcopy.unit import LogicalUnit


def run_probe(arguments: argparse.Namespace) -> int:
    """Show every device, or what a copy between two would come to."""
    if len(arguments.devices) == 2:
        if of_files(*arguments.devices):
            raise UsageError("files are not probed: `xcopy-dev --explain SRC DST` says what would copy them")
        from xcopy.cli.forecast import run_forecast

        return run_forecast(arguments)
    return _run_each(arguments)


def _run_each(arguments: argparse.Namespace) -> int:
    """One that cannot be asked does not keep the others from being shown."""
    code = ExitCode.COPIED
    for text in arguments.devices:
        try:
            side = ask_endpoint(split(text), transport=arguments.transport, timeout=arguments.timeout)
        except XcopyError as error:
            complain(str(error))
            code = code or code_of_error(error)
            if arguments.json:
                from xcopy.cli.render_json import print_error

                print_error(error)
            continue
        show_side(side, as_json=arguments.json)
    return code


def show_side(side: Endpoint, *, as_json: bool) -> None:
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
