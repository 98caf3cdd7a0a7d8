"""sg_decode_sense --cdb gives commands the names that `cdb` gives them, by code and service action."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cdb.catalogue import cdb_record
from cdb.supported_commands import OPERATION_CODES, SERVICE_ACTIONS
from tests.cdb import samples
from tests.peers.tool import SG_DECODE_SENSE

pytestmark = SG_DECODE_SENSE.needed
CAPTURED = Path(__file__).parents[2] / "fixtures" / "captured.json"
VARIABLE_LENGTH = 0x7F
ACTION = "service_action"  # a field of records that stand for several commands

# Operation codes that name a command only with a service action, or a mode.
WITH_SERVICE_ACTION = {
    0x3B, 0x3C, 0x48, 0x5E, 0x5F, 0x7F, 0x83, 0x84, 0x8C, 0x94, 0x95, 0x9B, 0x9D, 0x9E, 0x9F, 0xA3, 0xA4,
}  # fmt: skip
FORMERLY = {  # SPC-4's names, from which SPC-5 took the "(LID4)"
    "extended copy(lid4)": "extended copy",
    "receive copy status(lid4)": "receive copy status",
    "receive copy data(lid4)": "receive copy data",
}
KNOWN_WRONG = {
    0x38: ("Format with preset scan", "SBC-4 calls it FORMAT WITH PRESET; SCAN is of another command"),
}
YOUNGER = {(0x83, 0x1D)}  # COPY OPERATION CLOSE, which sg3-utils 1.46 has no name of


def name_said(cdb: bytes) -> str:
    """The name the tool gives a command."""
    return SG_DECODE_SENSE.run("--cdb", *cdb.hex(" ").split()).out.strip().casefold()


def with_action(code: int, action: int) -> bytes:
    """A CDB of an operation code and a service action, all else zero."""
    if code == VARIABLE_LENGTH:
        return bytes([code, *bytes(7), *action.to_bytes(2, "big"), *bytes(22)])
    return bytes([code, action, *bytes(14)])


@pytest.mark.parametrize("code", sorted(OPERATION_CODES.keys() - WITH_SERVICE_ACTION), ids="{:02X}h".format)
def test_an_operation_code(code: int) -> None:
    said, ours = name_said(bytes([code, *bytes(15)])), OPERATION_CODES[code].casefold()
    if code not in KNOWN_WRONG:
        assert said == ours
    elif SG_DECODE_SENSE.is_listed:
        assert said == KNOWN_WRONG[code][0].casefold() != ours
    else:
        pytest.skip(f"{SG_DECODE_SENSE.version} says {said}; listed as wrong: {KNOWN_WRONG[code][1]}")


@pytest.mark.parametrize(("code", "action"), sorted(SERVICE_ACTIONS), ids="{:02X}h".format)
def test_a_service_action(code: int, action: int) -> None:
    ours = SERVICE_ACTIONS[code, action].casefold()
    said = name_said(with_action(code, action))
    if (code, action) in YOUNGER and said.endswith(f"service action={action:#x}"):
        assert ours not in said
    else:
        assert said == FORMERLY.get(ours, ours)


def commands_from_outside() -> dict[str, bytes]:
    """The first CDB of each kind in the fixtures that is of a command with a record, by our name of it."""
    everything = [s.data for s in samples.of("CDB")]
    for vector in json.loads(CAPTURED.read_text())["vectors"]:
        everything += [bytes.fromhex(command["cdb"]) for command in vector["commands"]]
    found: dict[str, bytes] = {}
    for cdb in everything:
        record = cdb_record(cdb)
        if record and ACTION not in record.field_names():
            found.setdefault(record.title().casefold(), cdb)
    return found


@pytest.mark.parametrize("name", commands_from_outside())
def test_a_command_from_outside(name: str) -> None:
    assert name_said(commands_from_outside()[name]) == FORMERLY.get(name, name)
