"""What a case comes to: status, sense, data, and the contents of the units afterwards; kept as JSON.

The same code takes the answer of the kernel's target and of the emulated array, so that only they differ.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from cdb.command import Command
from tests.target.lio_case import UNITS

if TYPE_CHECKING:
    from cdb.command import Reply
    from tests.target.lio_case import Case, Names, Sent

RECORDED = Path(__file__).resolve().parents[2] / "fixtures/lio_answers.json"
LONGEST = 1100  # bytes that are kept as they are; of more, the digest


class Bed(Protocol):
    """The units of the table, made of something that answers."""

    def send(self, unit: str, command: Command) -> Reply:
        """The answer of one unit, sent by the nexus that sees it."""
        ...

    def contents(self, unit: str) -> bytes:
        """What the windows of a unit hold."""
        ...

    def restore(self, unit: str) -> None:
        """Give the windows of a unit their contents from before the case."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command came to; bytes in hex, or as length and digest where they are many.

    Data and residual are those of a command that ended well: after any other, the pass-through shows what
    its own buffer held.
    `changed` names the units whose contents are not what they were, with the digest of all of it.
    """

    status: int
    sense: str
    data: str
    residual: int
    changed: dict[str, str] = field(default_factory=dict)


def take(case: Case, sent: Sent, bed: Bed) -> Answer:
    """Send a case to units that hold what they must, look at them, and put them in order again."""
    command = Command(
        name=case.name, cdb=sent.cdb, data_out=sent.data_out, data_in=sent.data_in, timeout=case.timeout
    )
    reply = bed.send(case.to, command)
    changed = {}
    for name in case.watched:
        found = bed.contents(name)
        if found != before(name):
            changed[name] = hashlib.sha256(found).hexdigest()
            bed.restore(name)
    return Answer(
        status=int(reply.status),
        sense=reply.sense.hex(),
        data=shown(reply.data) if reply.good else "",
        residual=reply.residual if reply.good else 0,
        changed=changed,
    )


_BEFORE: dict[str, bytes] = {}


def before(unit: str) -> bytes:
    """What the windows of a unit hold at the start of every case."""
    if unit not in _BEFORE:
        _BEFORE[unit] = UNITS[unit].before()
    return _BEFORE[unit]


def shown(data: bytes) -> str:
    """Bytes as they are kept."""
    if len(data) <= LONGEST:
        return data.hex()
    return f"{len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}"


def entry(case: Case, sent: Sent, answer: Answer) -> dict[str, Any]:
    """A case with what was sent and what came of it, as it is kept."""
    asked = {"cdb": sent.cdb.hex(), "data_out": shown(sent.data_out), "data_in": sent.data_in}
    return {"name": case.name, "to": case.to, **asked, "answer": asdict(answer)}


@dataclass(frozen=True, slots=True)
class Recorded:
    """The recording: the target that answered, the designators of its units, its answers by name."""

    kernel: str
    names: dict[str, bytes]
    entries: dict[str, dict[str, Any]]

    def answer(self, case: Case) -> Answer:
        """What was answered to a case; KeyError for one that was not sent then."""
        return Answer(**self.entries[case.name]["answer"])


def recorded(path: Path = RECORDED) -> Recorded:
    """Read the recording."""
    kept = json.loads(path.read_text())
    names = {name: bytes.fromhex(naa) for name, naa in kept["designators"].items()}
    return Recorded(kept["kernel"], names, {each["name"]: each for each in kept["cases"]})


def designators(bed: Bed, units: tuple[str, ...]) -> Names:
    """The 16-byte NAA designator of every unit, from its own page 83h."""
    return {unit: naa(bed.send(unit, _PAGE_83).data) for unit in units}


def naa(page: bytes) -> bytes:
    """The 16-byte NAA designator in a page 83h."""
    at = 4
    while page[at : at + 4].hex() != "01030010":
        at += 4 + page[at + 3]
    return page[at + 4 : at + 20]


_PAGE_83 = Command(name="page 83h", cdb=bytes.fromhex("120183010000"), data_in=256)
