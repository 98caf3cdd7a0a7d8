"""Sense keys, and the bytes of sense data whose meaning the sense key gives (SPC-4 5.17.7.4 and 4.5.2.4).

Clause 4.5 is known here by way of sg3_utils and jSCSI. All of these may be missing at the end of sense data.
"""

from __future__ import annotations

from cdb.asc import SENSE_KEYS, additional_sense_name
from cdb.record import Record, flag, record, reserved, uint

NO_SENSE, RECOVERED_ERROR, NOT_READY, MEDIUM_ERROR = 0x0, 0x1, 0x2, 0x3
HARDWARE_ERROR, ILLEGAL_REQUEST, UNIT_ATTENTION, DATA_PROTECT = 0x4, 0x5, 0x6, 0x7
COPY_ABORTED, ABORTED_COMMAND, MISCOMPARE, COMPLETED = 0xA, 0xB, 0xE, 0xF

KEY_NAMES = dict(enumerate(SENSE_KEYS))


def code_name(value: int) -> str:
    """T10's name of ADDITIONAL SENSE CODE and its qualifier, taken as one number."""
    return additional_sense_name(value >> 8, value & 0xFF)


def share(value: int) -> str:
    """A progress indication: how many of 65536 parts are done."""
    return f"{value / 655.36:.1f}% done"


@record
class FieldPointerSpecific(Record):
    """Field pointer, of ILLEGAL REQUEST: which field is wrong (SPC-4 4.5.2.4, by way of sg3_utils).

    C/D says whether it counts from the CDB or the parameter list. The bit is the field's most significant.
    """

    least = 0
    sksv: bool = flag(default=False, doc="the sense-key-specific bytes are valid")
    command: bool = flag(default=False, label="C/D", names={0: "parameter list", 1: "CDB"})
    _byte0 = reserved(2)
    bpv: bool = flag(default=False, doc="bit pointer valid")
    bit: int = uint(3, default=0, label="BIT POINTER")
    byte: int = uint(16, default=0, label="FIELD POINTER")


@record
class SegmentPointerSpecific(Record):
    """Segment pointer, of COPY ABORTED: which field is wrong (SPC-4 5.17.7.4, 4.5.2.4.5).

    SD says whether it counts from the segment descriptor or the parameter list. The bit is the field's
    most significant.
    """

    least = 0
    sksv: bool = flag(default=False, doc="the sense-key-specific bytes are valid")
    _byte0 = reserved(1)
    segment: bool = flag(default=False, label="SD", names={0: "parameter list", 1: "segment descriptor"})
    _byte0b = reserved(1)
    bpv: bool = flag(default=False, doc="bit pointer valid")
    bit: int = uint(3, default=0, label="BIT POINTER")
    byte: int = uint(16, default=0, label="FIELD POINTER")


@record
class RetryCount(Record):
    """Actual retry count, of RECOVERED, MEDIUM and HARDWARE ERROR (SPC-4 4.5.2.4, by way of jSCSI)."""

    least = 0
    sksv: bool = flag(default=False)
    _byte0 = reserved(7)
    count: int = uint(16, default=0, label="ACTUAL RETRY COUNT")


@record
class Progress(Record):
    """Progress indication, of NO SENSE and NOT READY (SPC-4 5.11.2.3)."""

    least = 0
    sksv: bool = flag(default=False)
    _byte0 = reserved(7)
    indication: int = uint(16, default=0, label="PROGRESS INDICATION", names=share)


@record
class AttentionOverflow(Record):
    """Unit attention condition queue overflow, of UNIT ATTENTION (SPC-4 4.5.2.4, by way of sg3_utils)."""

    least = 0
    sksv: bool = flag(default=False)
    _byte0 = reserved(6)
    overflow: bool = flag(default=False, names={1: "unit attentions were lost"})
    _byte1 = reserved(16)


@record
class OtherSpecific(Record):
    """Sense-key-specific bytes of a sense key that defines none (SPC-4 4.5.2.4, by way of jSCSI)."""

    least = 0
    sksv: bool = flag(default=False)
    value: int = uint(23, default=0, label="SENSE KEY SPECIFIC")


SenseKeySpecific = (
    FieldPointerSpecific | SegmentPointerSpecific | RetryCount | Progress | AttentionOverflow | OtherSpecific
)
SPECIFICS: dict[int, type[Record]] = {
    NO_SENSE: Progress,
    RECOVERED_ERROR: RetryCount,
    NOT_READY: Progress,
    MEDIUM_ERROR: RetryCount,
    HARDWARE_ERROR: RetryCount,
    ILLEGAL_REQUEST: FieldPointerSpecific,
    UNIT_ATTENTION: AttentionOverflow,
    COPY_ABORTED: SegmentPointerSpecific,
}


@record
class CommandInformation(Record):
    """COMMAND-SPECIFIC INFORMATION in fixed format (SPC-4 4.5.3, by way of sg3_utils)."""

    least = 0
    value: int = uint(32, default=0, label="COMMAND-SPECIFIC INFORMATION")


@record
class CopyInformation(Record):
    """COMMAND-SPECIFIC INFORMATION of COPY ABORTED in fixed format (SPC-4 5.17.7.4).

    Where in the sense data the status byte and sense of the copy source and destination begin, in bytes
    from its start, 0 for none; and the segment the copy stopped in, the first being 0.
    """

    least = 0
    source: int = uint(8, default=0, label="SOURCE STATUS AND SENSE OFFSET", names={0: "none"})
    destination: int = uint(8, default=0, label="DESTINATION STATUS AND SENSE OFFSET", names={0: "none"})
    segment: int = uint(16, default=0, label="SEGMENT NUMBER")
