"""What the search begins with: bytes from outside (fixtures/), as each law of `decoders` takes them."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from cdb.errors import DecodeError
from fuzz.decoders import RECORDS
from tests.cdb.samples import samples
from tests.cdb.strategies import least_values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

CAPTURED = Path(__file__).resolve().parents[1] / "fixtures/captured.json"
LONGEST = {
    "record": 700,
    "sense": 600,
    "shown": 700,
    "recognised": 700,
    "text": 1500,
    "transferred": 12,
}  # bytes of an input
TEXTS = (
    b"sg_raw -s 92 /dev/sg0 83 00 00 00 00 00\n",
    b"[  1.5] sd 0:0:0:0: [sda] tag#0 CDB: Read(10) 28 00 00 00 00 00 00 00 08 00\n",
    b"0000: 83 00\n*\n0010: 01 # x\n",
    b"00000000  70 00 05 00 00 00 00 0a  00 00 00 00 24 00 00 c0  |p...........$...|\n00000010\n",
    b"unsigned char cdb[] = { 0x83, 0x00, /* x */ 0x01 };\n\\x83\\x00 83h 00h\n",
    b"0000000 203 000\n0000: 8300 0102  ....\n 00     83 00 01 02    ....\n",
)


def outside() -> list[bytes]:
    """Every structure and command that the fixtures hold, each once."""
    vectors = json.loads(CAPTURED.read_text())["vectors"]
    commands = [command for vector in vectors for command in vector["commands"]]
    captured = [bytes.fromhex(c[key]) for c in commands for key in ("cdb", "out") if key in c]
    return list(dict.fromkeys([*captured, *(s.data for s in samples())]))


def seeds(law: str) -> tuple[bytes, ...]:
    """Inputs of a law, none longer than it takes."""
    most = LONGEST[law]
    return tuple(dict.fromkeys(seed[:most] for seed in _SEEDS[law]()))


def _of_records(ways: tuple[bytes, ...]) -> Iterator[bytes]:
    bodies = outside()
    for number, of in enumerate(RECORDS):
        for body in [of(**least_values(of)).pack(), *bodies]:
            try:
                of.unpack_from(body)
            except DecodeError:
                continue
            yield from (bytes([number]) + way + body for way in ways)


def _senses() -> Iterator[bytes]:
    sent = _sent()[:4]
    for body in [s.data for s in samples() if s.structure.startswith("sense")]:
        yield bytes([len(body), 0]) + body
        for cdb, parameters in sent:
            yield bytes([len(body), len(cdb)]) + body + cdb + parameters


def _recognised() -> Iterator[bytes]:
    yield from (b"\0\0" + body for body in outside())
    yield from (bytes([4, len(cdb)]) + cdb + sent for cdb, sent in _sent())


def _texts() -> Iterator[bytes]:
    for body in outside():
        yield body.hex(" ").encode()
        yield b"cdb: " + body.hex().encode()
    yield from TEXTS


def _sent() -> list[tuple[bytes, bytes]]:
    """Third-party copy commands with the lists that were sent with them."""
    bodies = outside()
    return [(a, b) for a, b in pairwise(bodies) if len(a) == 16 and a[0] == 0x83]


_SEEDS: dict[str, Callable[[], Iterable[bytes]]] = {
    "record": lambda: _of_records((b"\0", b"\1")),
    "shown": lambda: _of_records((b"",)),
    "sense": _senses,
    "recognised": _recognised,
    "text": _texts,
    "transferred": lambda: (
        bytes([*count, units]) for count in (bytes(8), b"\xff" * 8) for units in range(8)
    ),
}
