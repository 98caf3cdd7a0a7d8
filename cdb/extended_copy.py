"""EXTENDED COPY, both forms, with their parameter lists, and COPY OPERATION ABORT (SPC-4 6.3 to 6.5)."""

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

STRIPED = "blocks are taken from striped disks in sequence"


def priority_name(value: int) -> str:
    """How a copy ranks beside other commands (SPC-4 6.4.3.3)."""
    return {0: "highest", 1: "as any other command", 7: "lowest"}.get(value, "")


@record
class ExtendedCopyLid1(Record):
    """EXTENDED COPY(LID1) (SPC-4 6.5, table 171).

    A parameter list length of 0 copies nothing and is no error.
    """

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
    str: bool = flag(default=False, doc=STRIPED)
    list_id_usage: int = uint(2, names=LIST_ID_USAGES)
    priority: int = uint(3, default=1, names=priority_name)
    cscd_list_length = length(16, "cscds", label="CSCD DESCRIPTOR LIST LENGTH")
    _byte4 = reserved(32)
    segment_list_length = length(32, "segments", label="SEGMENT DESCRIPTOR LIST LENGTH")
    inline_data_length = length(32, "inline_data")
    cscds: tuple[Cscd, ...] = items(CSCDS, label="CSCD descriptor")
    segments: tuple[Segment, ...] = items(SEGMENTS, label="segment descriptor")
    inline_data: bytes = data(default=b"")


@record
class ExtendedCopyLid4(Record):
    """EXTENDED COPY(LID4) (SPC-4 6.4.1, table 125).

    A parameter list length of 0 copies nothing and is no error.
    """

    operation_code = const(8, 0x83)
    _byte1 = reserved(3)
    service_action = const(5, 0x01)
    _byte2 = reserved(64)
    parameter_list_length: int = uint(32)
    _byte14 = reserved(8)
    control: int = uint(8, default=0)


@record
class Lid4ParameterList(Record):
    """EXTENDED COPY(LID4) parameter list (SPC-4 6.4.2, table 126).

    Bytes 16 to 47 are to a copy manager that knows LID1 alone a CSCD descriptor of a type there is not; the
    descriptor behind them has id 1 (see `cscd`).
    `immed` goes neither with `g_sense` nor with a usage of `NO_LIST_ID` (SPC-4 6.4.2).
    """

    parameter_list_format = const(8, 0x01)
    _byte1 = reserved(2)
    str: bool = flag(default=False, doc=STRIPED)
    list_id_usage: int = uint(2, names=LIST_ID_USAGES)
    priority: int = uint(3, default=1, names=priority_name)
    header_length = const(16, 0x0020, label="HEADER CSCD DESCRIPTOR LIST LENGTH")
    _byte4 = reserved(88)
    _byte15 = reserved(6)
    g_sense: bool = flag(default=False, label="G_SENSE", doc="sense data also with GOOD status")
    immed: bool = flag(default=False, doc="status before the first segment, the copy in the background")
    header_type = const(8, 0xFF, label="HEADER CSCD DESCRIPTOR TYPE CODE")
    _byte17 = reserved(24)
    list_identifier: int = uint(32)
    _byte24 = reserved(144)
    cscd_list_length = length(16, "cscds", label="CSCD DESCRIPTOR LIST LENGTH")
    segment_list_length = length(16, "segments", label="SEGMENT DESCRIPTOR LIST LENGTH")
    inline_data_length = length(16, "inline_data")
    cscds: tuple[Cscd, ...] = items(CSCDS, label="CSCD descriptor", first=1)
    segments: tuple[Segment, ...] = items(SEGMENTS, label="segment descriptor")
    inline_data: bytes = data(default=b"")


@record
class CopyOperationAbort(Record):
    """COPY OPERATION ABORT (SPC-4 6.3, table 124).

    No data goes either way; a list identifier no copy in progress has is an ILLEGAL REQUEST.
    """

    operation_code = const(8, 0x83)
    _byte1 = reserved(3)
    service_action = const(5, 0x1C)
    list_identifier: int = uint(32)
    _byte6 = reserved(72)
    control: int = uint(8, default=0)
