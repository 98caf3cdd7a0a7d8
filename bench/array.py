"""What the in-process array gets through: commands in a second, and the bytes of a bulk copy.

The copy stands beside a plain copy of the same bytes in memory, taken in turn so that the machine's moods
fall on both; the ratio is what the copy manager costs. Run it by `make bench`.
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from typing import TYPE_CHECKING

from cdb.blocks import Read16, TestUnitReady
from cdb.command import Command
from cdb.cscd import IdentificationCscd
from cdb.extended_copy import NO_LIST_ID, ExtendedCopyLid1, Lid1ParameterList
from cdb.segment import BlockToBlock
from xcopy.target import identity
from xcopy.target.array import memory_array

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.target.array import Array

BLOCK = 512
SIZE = 64 << 20  # bytes of a unit, and of a bulk copy
SEGMENT = 16 << 20
ROUNDS = 15
COMMANDS = 100  # of a kind in a round
LEAST_RATE = 1000.0  # EXTENDED COPYs in a second
MOST_RATIO = 4.0  # of the time of a copy by the array to that of a plain one


def extended_copy(array: Array, lengths: list[int]) -> Command:
    """EXTENDED COPY(LID1) from unit 0 to unit 1, segment behind segment."""
    segments, lba = [], 0
    for length in lengths:
        blocks = length // BLOCK
        segments.append(
            BlockToBlock(
                source_cscd=0, destination_cscd=1, blocks=blocks, source_lba=lba, destination_lba=lba
            )
        )
        lba += blocks
    parameters = Lid1ParameterList(
        list_identifier=0,
        list_id_usage=NO_LIST_ID,
        cscds=tuple(
            IdentificationCscd.of(identity.naa(array.array_id, number), block_length=BLOCK)
            for number in sorted(array.units)
        ),
        segments=tuple(segments),
    ).pack()
    cdb = ExtendedCopyLid1(parameter_list_length=len(parameters)).pack()
    return Command(name="EXTENDED COPY(LID1)", cdb=cdb, data_out=parameters)


def filled() -> Array:
    """Two units, noise on the first; the unit attentions of power on are taken."""
    array = memory_array(2, blocks=SIZE // BLOCK)
    array.units[0].backing.write(0, os.urandom(SIZE))
    for number in (0, 1):
        array.open(number).send(Command(name="TEST UNIT READY", cdb=TestUnitReady().pack()))
    return array


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def bench_commands(array: Array) -> bool:
    """Print commands in a second, one after another; whether the limit for EXTENDED COPY is met."""
    commands = {
        "TEST UNIT READY": Command(name="TEST UNIT READY", cdb=TestUnitReady().pack()),
        "READ(16) of 4 KiB": Command(
            name="READ(16)", cdb=Read16(lba=8, transfer_length=8).pack(), data_in=8 * BLOCK
        ),
        "EXTENDED COPY of 4 KiB": extended_copy(array, [8 * BLOCK]),
        "EXTENDED COPY, 16 x 4 KiB": extended_copy(array, [8 * BLOCK] * 16),
    }
    session = array.open(1)
    rates: dict[str, list[float]] = {name: [] for name in commands}

    def send(command: Command) -> None:
        for _ in range(COMMANDS):
            if not session.send(command).good:
                raise SystemExit(f"{command.name} is refused")

    for _ in range(ROUNDS):
        for name, command in commands.items():
            rates[name].append(COMMANDS / seconds(lambda command=command: send(command)))  # type: ignore[misc]
    print(f"{'commands in a second, one after another':<40}{'median':>10}{'most':>10}")
    for name, found in rates.items():
        print(f"    {name:<36}{statistics.median(found):>10.0f}{max(found):>10.0f}")
    most = max(rates["EXTENDED COPY of 4 KiB"])
    print(f"    limit {LEAST_RATE:.0f} EXTENDED COPYs: {'met' if most >= LEAST_RATE else 'NOT MET'}")
    return most >= LEAST_RATE


def bench_bulk(array: Array) -> bool:
    """Print GB/s of a copy by the array and of a plain one; whether the limit of their ratio is met."""
    command = extended_copy(array, [SEGMENT] * (SIZE // SEGMENT))
    session = array.open(1)
    source = memoryview(array.units[0].backing.read(0, SIZE))  # so that a slice is no copy of its own
    destination = bytearray(SIZE)

    def by_the_array() -> None:
        if not session.send(command).good:
            raise SystemExit("the bulk copy is refused")

    def plain() -> None:
        for at in range(0, SIZE, SEGMENT):
            destination[at : at + SEGMENT] = source[at : at + SEGMENT]

    taken: dict[str, list[float]] = {"EXTENDED COPY": [], "slices of a bytearray": []}
    for _ in range(ROUNDS):
        taken["EXTENDED COPY"].append(seconds(by_the_array))
        taken["slices of a bytearray"].append(seconds(plain))
    if array.units[1].backing.read(0, SIZE) != source or destination != source:
        raise SystemExit("a copy is wrong")
    print(f"\n{f'{SIZE >> 20} MiB in memory, GB/s':<40}{'median':>10}{'most':>10}{'ratio':>10}")
    base = statistics.median(taken["slices of a bytearray"])
    for name, found in taken.items():
        median = statistics.median(found)
        rates = f"{SIZE / median / 1e9:>10.2f}{SIZE / min(found) / 1e9:>10.2f}"
        print(f"    {name:<36}{rates}{median / base:>10.2f}")
    ratio = statistics.median(taken["EXTENDED COPY"]) / base
    met = "met" if ratio <= MOST_RATIO else "NOT MET"
    print(f"    limit for the ratio of their times {MOST_RATIO:.0f}: {met}")
    return ratio <= MOST_RATIO


if __name__ == "__main__":
    made = filled()
    results = [bench_commands(made), bench_bulk(made)]
    sys.exit(0 if all(results) else 1)
