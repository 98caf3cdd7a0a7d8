"""The neighbouring commands' samples from outside (fixtures/samples.json), read as their sources say.

A field a source names is compared with the record's field of that meaning; which is which is said here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cdb.blocks import WriteSame16
from cdb.capacity import Capacity16
from cdb.extended_copy import ExtendedCopyLid1, ExtendedCopyLid4
from cdb.luns import LunList
from cdb.provisioning import LbaStatusData, Unmap, UnmapParameterList
from cdb.reservation import CurrentReservation, FullStatus, RegisteredKeys, ReservationCapabilities
from cdb.supported_commands import AllCommands, OneCommand
from tests.cdb import samples

if TYPE_CHECKING:
    from cdb.record import Record

STRUCTURES: dict[str, type[Record]] = {
    "CDB EXTENDED COPY(LID1)": ExtendedCopyLid1,
    "CDB EXTENDED COPY(LID4)": ExtendedCopyLid4,
    "CDB UNMAP": Unmap,
    "CDB WRITE SAME(16)": WriteSame16,
    "GET LBA STATUS data": LbaStatusData,
    "PERSISTENT RESERVE IN data, READ FULL STATUS": FullStatus,
    "PERSISTENT RESERVE IN data, READ KEYS": RegisteredKeys,
    "PERSISTENT RESERVE IN data, READ RESERVATION": CurrentReservation,
    "PERSISTENT RESERVE IN data, REPORT CAPABILITIES": ReservationCapabilities,
    "READ CAPACITY(16) data": Capacity16,
    "REPORT LUNS data": LunList,
    "REPORT SUPPORTED OPERATION CODES data, all_commands": AllCommands,
    "REPORT SUPPORTED OPERATION CODES data, one_command": OneCommand,
    "UNMAP list": UnmapParameterList,
}
LENGTHS = {  # a length that the source names, and the row it is
    "CDB size": "cdb_size",
    "LUN list length": "lun_list_length",
    "command data length": "command_data_length",
    "data length": "unmap_data_length",
    "descriptor data length": "block_descriptor_data_length",
    "length": "parameter_length",
    "parameter data length": "parameter_data_length",
}
ATTRIBUTES = {  # a field that is not called by its own name in small letters
    "LBA": "lba",
    "logical block address": "lba",
    "number of logical blocks": "blocks",
    "PRgeneration": "generation",
    "RTP": "rtp",
    "CTDP": "ctdp",
    "ALL_TG_PT": "all_tg_pt",
    "R_HOLDER": "r_holder",
    "last LBA": "last_lba",
    "lowest aligned LBA": "lowest_aligned_lba",
    "reservation key": "key",
    "relative target port": "relative_target_port",
    "blocks per physical block exponent": "blocks_per_physical_exponent",
    "CDB length": "cdb_length",
}
IN_WORDS = {"name", "transport"}  # of a tool, in its own words
TIMES = {"nominal timeout": "nominal", "recommended timeout": "recommended"}
SAMPLES = [s for s in samples.samples() if s.structure in STRUCTURES and s.kind != "computed from source"]
NOT_KEPT = {"sg3_get_lba_status"}  # sets reserved bits


def found(read: Any, name: str, data: bytes) -> Any:
    """What the record has of a field the source calls `name`."""
    if name in LENGTHS:
        return read.peek(LENGTHS[name], data)
    if name in TIMES:
        return getattr(read.timeouts, TIMES[name]) if read.timeouts else None
    if name == "usage data":
        return read.usage.hex()
    if name == "reservation":
        return read.held[0] if read.held else None
    if isinstance(read, CurrentReservation) and name in ("key", "scope", "type"):
        return getattr(read.held[0], name)
    if name == "luns":
        return [number.to_bytes(8, "big").hex() for number in read.luns]
    if name == "service action" and hasattr(read, "servactv"):
        return read.service_action if read.servactv else None
    return getattr(read, ATTRIBUTES.get(name, name.replace(" ", "_")))


def wanted(name: str, said: Any) -> Any:
    """What the source says, as the record would say it."""
    if name == "keys":
        return tuple(said)
    if name == "luns" and said == "0 to 42 as 8-byte numbers":
        return [f"{number:016x}" for number in range(43)]
    if name == "luns":
        return [lun if isinstance(lun, str) else lun[0] for lun in said]
    return said


def agree(read: Any, says: dict[str, Any], data: bytes) -> int:
    """Compare every field that is named; how many there were."""
    count = 0
    for name, said in says.items():
        if name in ("descriptors", "commands") and isinstance(said, list):
            inner = getattr(read, name)
            assert len(inner) == len(said)
            count += sum(agree(one, told, b"") for one, told in zip(inner, said, strict=True))
        elif name == "type" and isinstance(said, str):
            assert read.row("type").meaning(read.type).casefold() == said.casefold()
            count += 1
        elif name not in IN_WORDS:
            assert found(read, name, data) == wanted(name, said), name
            count += 1
    return count


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: s.name)
def test_a_sample_is_read_as_its_source_says_and_built_again(sample: samples.Sample) -> None:
    read = STRUCTURES[sample.structure].unpack(sample.data)
    assert agree(read, sample.says, sample.data)
    assert (read.pack() == sample.data) == (sample.name not in NOT_KEPT)
