"""`xcopy-dev emu create`: an emulated array in a directory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.cli.exit_codes import ExitCode
from xcopy.ranges import parse_quantity

if TYPE_CHECKING:
    import argparse


def run_create(arguments: argparse.Namespace) -> int:
    """Make the array and say how to name its units. A SIZE without suffix is bytes."""
    from xcopy.device.array_dir import create

    size = parse_quantity(arguments.size)
    create(
        arguments.directory,
        units=arguments.units,
        size=size.number * (size.scale or 1),
        block_size=arguments.block_size,
    )
    names = [f"emu:{arguments.directory.rstrip('/')}/{number}" for number in range(arguments.units)]
    print(f"created {', '.join(names)}: {arguments.size} each, {arguments.block_size}-byte blocks")
    return ExitCode.COPIED
