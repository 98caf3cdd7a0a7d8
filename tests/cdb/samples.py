"""Bytes from outside (fixtures/samples.json says where from), with what their source says they hold."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FIXTURE = Path(__file__).parents[2] / "fixtures" / "samples.json"


@dataclass(frozen=True)
class Sample:
    name: str
    structure: str
    data: bytes
    says: dict[str, Any]
    kind: str
    source: str
    wrong: str


@cache
def samples() -> tuple[Sample, ...]:
    """Every sample, in the order of the file."""
    found = json.loads(FIXTURE.read_text())["samples"]
    return tuple(
        Sample(
            s["name"],
            s["structure"],
            bytes.fromhex(s["hex"]),
            s["says"],
            s["kind"],
            s["source"],
            s.get("wrong", ""),
        )
        for s in found
    )


def sample(name: str) -> Sample:
    """The sample of that name."""
    return next(s for s in samples() if s.name == name)


def of(structure: str) -> tuple[Sample, ...]:
    """The samples whose structure begins so: `CDB`, `VPD page 8Fh`, `sense`."""
    return tuple(s for s in samples() if s.structure.startswith(structure))
