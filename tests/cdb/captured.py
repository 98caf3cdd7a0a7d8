"""Commands captured from other initiators (fixtures/captured.json says how), for tests to compare with."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

FIXTURE = Path(__file__).parents[2] / "fixtures" / "captured.json"


@dataclass(frozen=True)
class Captured:
    cdb: bytes
    data_out: bytes
    data_in: int


def commands(name: str, opcode: int | None = None) -> list[Captured]:
    """The commands of one vector, all or those with an operation code."""
    vectors = json.loads(FIXTURE.read_text())["vectors"]
    found = next(v for v in vectors if v["name"] == name)["commands"]
    parsed = [
        Captured(bytes.fromhex(c["cdb"]), bytes.fromhex(c.get("out", "")), c.get("in_len", 0)) for c in found
    ]
    return [c for c in parsed if opcode is None or c.cdb[0] == opcode]
