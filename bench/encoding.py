"""CPU time to encode EXTENDED COPY(LID1), CDB and parameter list, values made anew each time, side by side.

Three encoders of the same bytes, taken in turn so that the machine's moods fall on all of them: ours,
`struct.pack` by hand (the floor: no names, no checks), and python-scsi's `encode_dict` with the bit masks its
users write. Then what importing all of `cdb` costs over starting Python. Run it by `make bench`.
"""

from __future__ import annotations

import os
import statistics
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from cdb.cscd import IdentificationCscd
from cdb.extended_copy import NO_LIST_ID, ExtendedCopyLid1, Lid1ParameterList
from cdb.segment import BlockToBlock
from cdb.vpd import Designator

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 25
LIMITS = {1: 80.0, 64: 1000.0}  # microseconds of CPU
IMPORT_LIMIT = 45.0  # milliseconds over bare Python
NAMES = (bytes.fromhex("60014050000000000123456789abcde0"), bytes.fromhex("60014050000000010123456789abcde1"))
BLOCKS = 0x8000


def ours(segments: int) -> bytes:
    """By the records of `cdb`."""
    cscds = tuple(
        IdentificationCscd.of(
            Designator(code_set=1, association=0, designator_type=3, value=name), block_length=512
        )
        for name in NAMES
    )
    parameters = Lid1ParameterList(
        list_identifier=0,
        list_id_usage=NO_LIST_ID,
        cscds=cscds,
        segments=tuple(
            BlockToBlock(
                source_cscd=0,
                destination_cscd=1,
                blocks=BLOCKS,
                source_lba=i * BLOCKS,
                destination_lba=i * BLOCKS,
            )
            for i in range(segments)
        ),
    ).pack()
    return ExtendedCopyLid1(parameter_list_length=len(parameters)).pack() + parameters


def by_struct(segments: int) -> bytes:
    """By `struct.pack`, the way a script would."""
    cscds = b"".join(struct.pack(">BBHBBBB20sI", 0xE4, 0, 0, 1, 3, 0, len(name), name, 512) for name in NAMES)
    body = b"".join(
        struct.pack(">BBHHHHHQQ", 2, 0, 24, 0, 1, 0, BLOCKS, i * BLOCKS, i * BLOCKS) for i in range(segments)
    )
    parameters = struct.pack(">BBHIII", 0, 0x19, len(cscds), 0, len(body), 0) + cscds + body
    return struct.pack(">BB8xIxB", 0x83, 0, len(parameters), 0) + parameters


CDB = {"opcode": [0xFF, 0], "service_action": [0x1F, 1], "length": [0xFFFFFFFF, 10]}
HEADER = {"usage": [0x18, 1], "priority": [7, 1], "cscds": [0xFFFF, 2], "segments": [0xFFFFFFFF, 8]}
CSCD = {
    "type": [0xFF, 0], "code_set": [0x0F, 4], "association": [0x30, 5], "designator_type": [0x0F, 5],
    "length": [0xFF, 7], "designator": ["b", 8, 16], "block_length": [0xFFFFFF, 29],
}  # fmt: skip
SEGMENT = {
    "type": [0xFF, 0], "length": [0xFFFF, 2], "source": [0xFFFF, 4], "destination": [0xFFFF, 6],
    "blocks": [0xFFFF, 10], "source_lba": [2**64 - 1, 12], "destination_lba": [2**64 - 1, 20],
}  # fmt: skip


def by_python_scsi(segments: int) -> bytes:
    """By python-scsi's encoder."""
    from pyscsi.utils.converter import encode_dict  # type: ignore[import-not-found]

    def encode(size: int, table: dict[str, list[object]], **values: object) -> bytes:
        result = bytearray(size)
        encode_dict(values, table, result)
        return bytes(result)

    cscds = b"".join(
        encode(32, CSCD, type=0xE4, code_set=1, association=0, designator_type=3, length=16,
               designator=name, block_length=512)
        for name in NAMES
    )  # fmt: skip
    body = b"".join(
        encode(28, SEGMENT, type=2, length=24, source=0, destination=1, blocks=BLOCKS,
               source_lba=i * BLOCKS, destination_lba=i * BLOCKS)
        for i in range(segments)
    )  # fmt: skip
    header = encode(16, HEADER, usage=NO_LIST_ID, priority=1, cscds=len(cscds), segments=len(body))
    parameters = header + cscds + body
    return encode(16, CDB, opcode=0x83, service_action=0, length=len(parameters)) + parameters


def cpu(encode: Callable[[int], bytes], segments: int) -> float:
    """Microseconds of CPU for one encoding."""
    times = max(1, 200 // segments)
    began = time.process_time_ns()
    for _ in range(times):
        encode(segments)
    return (time.process_time_ns() - began) / times / 1000


def encoders() -> dict[str, Callable[[int], bytes]]:
    """Those that are there; python-scsi may not be installed."""
    found = {"xcopy-dev": ours, "struct.pack by hand": by_struct}
    try:
        by_python_scsi(1)
    except ImportError:
        print("python-scsi (PyPI: PYSCSI) is not installed: left out\n")
        return found
    return {**found, "python-scsi encode_dict": by_python_scsi}


def bench_encoding() -> bool:
    """Print the table; whether our own limits are met."""
    met = True
    found = encoders()
    print(f"{'CPU for one command, microseconds':<36}{'least':>9}{'median':>9}{'ratio':>9}")
    for segments, limit in LIMITS.items():
        expected = by_struct(segments)
        for name, encode in found.items():
            if encode(segments) != expected:
                raise SystemExit(f"{name} makes other bytes for {segments} segments")
        taken: dict[str, list[float]] = {name: [] for name in found}
        for _ in range(ROUNDS):
            for name, encode in found.items():
                taken[name].append(cpu(encode, segments))
        base = statistics.median(taken["xcopy-dev"])
        least = min(taken["xcopy-dev"])
        for name, values in taken.items():
            median = statistics.median(values)
            print(f"{segments:>3} segments, {name:<24}{min(values):>8.1f}{median:>9.1f}{median / base:>9.2f}")
        met = met and least <= limit
        print(f"    limit for ours {limit:.0f}, at the least: {'met' if least <= limit else 'NOT MET'}")
    return met


def bench_import() -> bool:
    """Print what importing all of `cdb` costs; whether the limit is met."""
    programs = {"bare": "pass", "cdb": STRUCTURES, "first": f"{STRUCTURES}\n{FIRST}"}
    taken: dict[str, list[float]] = {name: [] for name in programs}
    usual = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    for program in programs.values():
        subprocess.run([sys.executable, "-c", program], check=True, env=usual)  # once: byte code is written
    for _ in range(ROUNDS):
        for name, program in programs.items():
            argv = [sys.executable, "-c", f"{program}\n{SPENT}"]
            ran = subprocess.run(argv, check=True, capture_output=True)
            taken[name].append(int(ran.stdout) / 1e6)
    bare, whole, first = (min(taken[name]) for name in programs)  # the runs least disturbed
    whole, first = whole - bare, first - bare
    print(f"\nstarting Python: {bare:.1f} ms of CPU; with all of cdb imported: {whole:.1f} ms more")
    print(f"    and with the first command encoded (construct comes in): {first:.1f} ms more")
    print(f"    limit for the import {IMPORT_LIMIT:.0f} ms: {'met' if whole <= IMPORT_LIMIT else 'NOT MET'}")
    return whole <= IMPORT_LIMIT


STRUCTURES = "import cdb.catalogue, cdb.command"  # every structure there is, and the seam
SPENT = "import time; print(time.process_time_ns())"  # os.times() counts in ticks of 10 ms
FIRST = "cdb.extended_copy.ExtendedCopyLid1(parameter_list_length=0).pack()"

if __name__ == "__main__":
    results = [bench_encoding(), bench_import()]
    sys.exit(0 if all(results) else 1)
