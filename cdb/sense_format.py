"""The two formats of sense data, and which of them some bytes are (SPC-4 4.5, by way of sg3_utils)."""

from __future__ import annotations

from cdb.record import Record, choice, const, data, flag, length, record, reserved, uint
from cdb.sense_descriptors import LISTS, STATUS_NAMES, DescriptorList, OtherDescriptors
from cdb.sense_key import (
    COPY_ABORTED,
    KEY_NAMES,
    SPECIFICS,
    CommandInformation,
    CopyInformation,
    OtherSpecific,
    SenseKeySpecific,
    code_name,
)

FIXED, DESCRIPTORS = (0x70, 0x71), (0x72, 0x73)  # response codes: for this command, for an earlier one
RESPONSE_CODES = {
    0x70: "fixed format, this command",
    0x71: "fixed format, an earlier command (deferred)",
    0x72: "descriptor format, this command",
    0x73: "descriptor format, an earlier command (deferred)",
}


def sense_record(sense: bytes) -> type[Record] | None:
    """The record that sense data are, by their response code; None for bytes that are none."""
    code = sense[0] & 0x7F if sense else 0
    return FixedSense if code in FIXED else DescriptorSense if code in DESCRIPTORS else None


def _answer_record(additional: bytes) -> type[Record] | None:
    """What stands behind byte 17: a status and sense, or (SCST) the sense, its status in byte 17."""
    return sense_record(additional) or (EmbeddedAnswer if sense_record(additional[1:]) else None)


@record
class EmbeddedAnswer(Record):
    """What a copy source or destination answered, inside fixed format sense data (SPC-4 5.17.7.4)."""

    status: int = uint(8, names=STATUS_NAMES)
    sense: bytes = data(default=b"", label="SENSE DATA", holds=sense_record)


@record
class FixedSense(Record):
    """Fixed format sense data (SPC-4 4.5.3, by way of sg3_utils).

    Devices may send as few as 8 bytes; what is missing says nothing.
    """

    least = 8
    valid: bool = flag(default=False, doc="INFORMATION is valid")
    response_code: int = uint(7, default=0x70, allowed=FIXED, names=RESPONSE_CODES)
    _byte1 = reserved(8, label="Obsolete")
    filemark: bool = flag(default=False)
    eom: bool = flag(default=False)
    ili: bool = flag(default=False)
    sdat_ovfl: bool = flag(default=False, label="SDAT_OVFL", names={1: "there was more sense data than room"})
    sense_key: int = uint(4, names=KEY_NAMES)
    information: int = uint(32, default=0)
    additional_length = length(8, label="ADDITIONAL SENSE LENGTH")
    command_specific: CopyInformation | CommandInformation = choice(
        "sense_key",
        {COPY_ABORTED: CopyInformation},
        otherwise=CommandInformation,
        label="COMMAND-SPECIFIC INFORMATION",
    )
    additional_sense: int = uint(16, default=0, label="ADDITIONAL SENSE CODE, QUALIFIER", names=code_name)
    fru: int = uint(8, default=0, label="FIELD REPLACEABLE UNIT CODE")
    specific: SenseKeySpecific = choice(
        "sense_key", SPECIFICS, otherwise=OtherSpecific, label="SENSE KEY SPECIFIC"
    )
    additional: bytes = data(default=b"", label="Additional sense bytes", holds=_answer_record)


FIXED_SIZE = 18  # bytes of fixed format sense data before the additional sense bytes


@record
class DescriptorSense(Record):
    """Descriptor format sense data (SPC-4 4.5.2, by way of sg3_utils)."""

    _byte0 = reserved(1)
    response_code: int = uint(7, default=0x72, allowed=DESCRIPTORS, names=RESPONSE_CODES)
    _byte1 = reserved(4)
    sense_key: int = uint(4, names=KEY_NAMES)
    additional_sense: int = uint(16, default=0, label="ADDITIONAL SENSE CODE, QUALIFIER", names=code_name)
    sdat_ovfl: bool = flag(default=False, label="SDAT_OVFL", names={1: "there was more sense data than room"})
    _byte4 = reserved(23)
    additional_length = length(8, label="ADDITIONAL SENSE LENGTH")
    descriptors: DescriptorList = choice(
        "sense_key", LISTS, otherwise=OtherDescriptors, label="Sense data descriptors"
    )


@record
class RequestSense(Record):
    """REQUEST SENSE (SPC-4 6.39, table 312)."""

    operation_code = const(8, 0x03)
    _byte1 = reserved(7)
    desc: bool = flag(default=False, doc="descriptor format, please")
    _byte2 = reserved(16)
    allocation_length: int = uint(8)
    control: int = uint(8, default=0)
