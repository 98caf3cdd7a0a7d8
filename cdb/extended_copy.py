"""EXTENDED COPY: the command and its parameter list (SPC-4 6.4, 6.5)."""

from __future__ import annotations

from cdb.cscd import CSCDS, Cscd
from cdb.record import Record, const, data, flag, items, length, record, reserved, uint
from cdb.segment import SEGMENTS, Segment

HOLD = 0b00
DISCARD = 0b10
NO_LIST_ID = 0b11

LIST_ID_USAGES = {
    HOLD: "hold status and data",
    0b01: "reserved",
    DISCARD: "hold status, discard data",
    NO_LIST_ID: "no list identifier",
}


@record
class ExtendedCopyLid1(Record):
    """EXTENDED COPY(LID1) (SPC-4 6.5, table 171)."""

    operation_code = const(8, 0x83)
    _byte1 = reserved(3)
    service_action = const(5, 0x00)
    _byte2 = reserved(64)
    parameter_list_length: int = uint(32)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class Lid1ParameterList(Record):
    """EXTENDED COPY(LID1) parameter list (SPC-4 6.5, table 172).

    What one command asks for: the units, then the segments between them.
    """

    list_identifier: int = uint(8)
    _byte1 = reserved(2)
    str: bool = flag(default=False, doc="SEQUENTIAL STRIPED")
    list_id_usage: int = uint(2, names=LIST_ID_USAGES)
    priority: int = uint(3, default=1)
    cscd_list_length = length(16, "cscds", label="CSCD DESCRIPTOR LIST LENGTH")
    _byte4 = reserved(32)
    segment_list_length = length(32, "segments", label="SEGMENT DESCRIPTOR LIST LENGTH")
    inline_data_length = length(32, "inline_data")
    cscds: tuple[Cscd, ...] = items(CSCDS, label="CSCD descriptor")
    segments: tuple[Segment, ...] = items(SEGMENTS, label="segment descriptor")
    inline_data: bytes = data(default=b"")
