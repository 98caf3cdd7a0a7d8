"""Inputs in bulk, without looking at what they reach: `python -m fuzz.mutations LAW COUNT [SEED]`.

Each is a seed with up to four damages that a device, a cable or a liar could do: bits flipped, lengths
changed, ends cut off, two inputs spliced. The same SEED gives the same inputs, unless `campaign` has found
more to begin with in the meantime. The first input that breaks the law, takes too long or too much memory
ends the run.
"""

from __future__ import annotations

import faulthandler
import random
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fuzz.decoders import LAWS
from fuzz.seeds import LONGEST, seeds

if TYPE_CHECKING:
    from collections.abc import Iterator

FOUND = Path(__file__).resolve().parents[1] / ".cache/fuzz"
MEMORY = 2 << 30  # bytes of address space
PATIENCE = 60  # seconds for EACH inputs; they take less than ten
EACH = 1000
TELLING = (0x00, 0x01, 0x02, 0x03, 0x04, 0x07, 0x08, 0x10, 0x20, 0x7F, 0x80, 0x83, 0xC0, 0xE4, 0xFE, 0xFF)
HEADER = 2  # bytes that say what the rest is for
WORDS = (b"00", b" ", b"  ", b"\n", b"0x", b"*\n", b": ", b"h", b"#", b"[", b"]", b"|", b"0000: ", b"cdb")


def mutated(dice: random.Random, begin: tuple[bytes, ...], most: int) -> Iterator[bytes]:
    """Damaged inputs without end."""
    below = dice.randrange
    while True:
        made = bytearray(begin[below(len(begin))])
        for _ in range(below(4) + 1):
            at, size = below(len(made) + 1), len(made)
            damage = below(11)
            if damage < 3 and at < size:
                made[at] ^= 1 << below(8)
            elif damage < 5 and at < size:
                made[at] = TELLING[below(16)]
            elif damage == 5 and at + 2 <= size:  # a length: what is behind it, or nearly
                told = max(0, size - at - 2 + below(9) - 4) if below(2) else below(0x10000)
                made[at : at + 2] = (told & 0xFFFF).to_bytes(2, "big")
            elif damage == 6:
                del made[max(at, HEADER) :]
            elif damage == 7:
                other = begin[below(len(begin))]
                made[at:] = other[min(at, HEADER) if below(2) else below(len(other) + 1) :]
            elif damage == 8:
                stop = min(size, at + below(40))
                made[at:at] = made[at:stop]
            elif damage == 9:
                made[at : at + below(5)] = WORDS[below(len(WORDS))] if below(2) else dice.randbytes(below(9))
            elif size:
                made[0] = below(256)
        yield bytes(made[:most])


def run(law: str, count: int, seed: int) -> float:
    """So many inputs; the seconds they took. Whatever breaks the law is raised with its input in hex."""
    check, found = LAWS[law], sorted((FOUND / law).glob("*"))
    begin = (*seeds(law), *(path.read_bytes() for path in found))
    inputs = mutated(random.Random(seed), begin, LONGEST[law])
    start = time.monotonic()
    for number, data in enumerate(inputs, 1):
        if number % EACH == 1:
            faulthandler.dump_traceback_later(PATIENCE, exit=True)
        try:
            check(data)
        except BaseException as error:
            error.add_note(f"{law}, input {number} of seed {seed}: {data.hex()}")
            raise
        if number == count:
            break
    faulthandler.cancel_dump_traceback_later()
    return time.monotonic() - start


def main(law: str, count: int, seed: int = 1) -> None:
    """Run one law and say how it went."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    seconds = run(law, count, seed)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(f"{law}: {count} inputs in {seconds:.0f} s, {most} MiB, nothing found", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
