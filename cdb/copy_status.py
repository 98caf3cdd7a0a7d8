"""How far a copy has come: status codes, counts, units, and the data that tell them (SPC-4 6.20 to 6.31).

What the LID4 commands tell begins with one and the same `CopyOperation`. The commands are in `copy_results`.
"""

from __future__ import annotations

from cdb.cscd_id import cscd_id_name
from cdb.record import Record, data, flag, items, length, part, record, reserved, uint
from cdb.sense import sense_record
from cdb.sense_descriptors import STATUS_NAMES
from cdb.supported_commands import SERVICE_ACTIONS
from cdb.token import RodManagementToken, RodToken

LID1_IN_PROGRESS = 0x00
LID1_COMPLETED = 0x01
LID1_FAILED = 0x02
LID1_STATUSES = {
    LID1_IN_PROGRESS: "in progress",
    LID1_COMPLETED: "completed without errors",
    LID1_FAILED: "completed with errors",
}

COMPLETED = 0x01
FAILED = 0x02
PARTLY_USED = 0x03
RESIDUAL = 0x04
IN_PROGRESS = 0x10
FOREGROUND = 0x11
BACKGROUND = 0x12
TERMINATED = 0x60
STATUSES = {
    COMPLETED: "completed without errors",
    FAILED: "completed with errors",
    PARTLY_USED: "completed without errors, the ROD token partly used",
    RESIDUAL: "completed without errors, but something may be left to copy",
    IN_PROGRESS: "in progress, foreground or background unknown",
    FOREGROUND: "in progress in the foreground",
    BACKGROUND: "in progress in the background",
    TERMINATED: "terminated",
}
WITHOUT_ERRORS = frozenset({COMPLETED, PARTLY_USED, RESIDUAL})  # only then held data and tokens are told
RUNNING = frozenset({IN_PROGRESS, FOREGROUND, BACKGROUND})

BLOCKS = 0xF1
UNITS = {0: "bytes", 1: "KiB", 2: "MiB", 3: "GiB", 4: "TiB", 5: "PiB", 6: "EiB", BLOCKS: "destination blocks"}

NO_MORE_UPDATES = 0xFFFF_FFFE
NO_DELAY_KNOWN = 0xFFFF_FFFF

ORIGINATORS = {action: name for (code, action), name in SERVICE_ACTIONS.items() if code == 0x83}


def lid1_status_name(value: int) -> str:
    """What a COPY COMMAND STATUS means (SPC-4 6.25, table 254)."""
    return LID1_STATUSES.get(value, "reserved")


def status_name(value: int) -> str:
    """What a COPY OPERATION STATUS means (SPC-4 6.24, table 249)."""
    return STATUSES.get(value, "reserved")


def units_name(value: int) -> str:
    """What a transfer count counts (SPC-4 6.24, table 251)."""
    return UNITS.get(value, "reserved")


def delay_name(value: int) -> str:
    """When to ask again (SPC-4 6.24)."""
    if value == NO_MORE_UPDATES:
        return "finished: nothing more will come"
    return "unknown" if value == NO_DELAY_KNOWN else f"{value} ms"


def bytes_transferred(count: int, units: int, block_length: int | None = None) -> int | None:
    """The bytes that a transfer count in these units stands for (SPC-4 6.24, table 251).

    None where that cannot be said: units that are reserved, or blocks whose length is not given.
    `block_length` is the copy destination's, in bytes; after POPULATE TOKEN, which writes nothing, that of
    the unit the token was made on (SBC-4 5.25.2).
    """
    if units == BLOCKS:
        return None if block_length is None else count * block_length
    return count << 10 * units if units in UNITS else None


def sense_field(sense: bytes) -> bytes:
    """Sense data as the SENSE DATA field has it: zeros behind it up to a multiple of four bytes."""
    return sense.ljust(-(-len(sense) // 4) * 4, b"\0")


@record
class CopyStatusLid1(Record):
    """RECEIVE COPY STATUS(LID1) data (SPC-4 6.25, table 253).

    Of a copy that is over it is told once. `segments_processed` may or may not count the one that failed.
    """

    available_data = length(32)
    hdd: bool = flag(default=False, doc="held data discarded")
    status: int = uint(7, label="COPY COMMAND STATUS", names=lid1_status_name)
    segments_processed: int = uint(16)
    transfer_count_units: int = uint(8, names=units_name)
    transfer_count: int = uint(32)

    def bytes_transferred(self, block_length: int | None = None) -> int | None:
        """The bytes written, None where that cannot be said: see the function of this name."""
        return bytes_transferred(self.transfer_count, self.transfer_count_units, block_length)


@record
class HeldDataLid1(Record):
    """RECEIVE COPY DATA(LID1) data (SPC-4 6.21, table 242)."""

    available_data = length(32)
    held_data: bytes = data()


@record
class FailureDetails(Record):
    """RECEIVE COPY FAILURE DETAILS(LID1) data (SPC-4 6.23, table 246).

    Four bytes of zero say that there are none, and are read as a status of GOOD without sense data.
    SCST's AVAILABLE DATA is one too many: its data are read with a byte put behind them.
    """

    least = 4

    available_data = length(32)
    _byte4 = reserved(416)
    status: int = uint(8, default=0, label="EXTENDED COPY COMMAND STATUS", names=STATUS_NAMES)
    _byte57 = reserved(8)
    sense_length = length(16, "sense", label="SENSE DATA LENGTH")
    sense: bytes = data(default=b"", label="SENSE DATA", holds=sense_record)


@record
class CopyOperation(Record):
    """State of a copy operation (SPC-4 6.24, table 248).

    What every answer about a LID4 operation begins with, behind AVAILABLE DATA. The SENSE DATA field is
    `sense_field` of the sense data; what follows it is found by the field's length, not the sense data's.
    HDD is told by RECEIVE COPY DATA alone (SPC-4 6.20, table 240) and reserved elsewhere.
    """

    _byte4 = reserved(3)
    response_to_service_action: int = uint(5, names=ORIGINATORS)
    hdd: bool = flag(default=False, doc="held data discarded")
    status: int = uint(7, label="COPY OPERATION STATUS", names=status_name)
    operation_counter: int = uint(16, default=0)
    estimated_status_update_delay: int = uint(32, default=NO_DELAY_KNOWN, names=delay_name)
    completion_status: int = uint(8, default=0, label="EXTENDED COPY COMPLETION STATUS", names=STATUS_NAMES)
    sense_field_length = length(8, "sense_field", label="LENGTH OF THE SENSE DATA FIELD")
    sense_length: int = uint(8, default=0, label="SENSE DATA LENGTH", doc="without the zeros behind it")
    transfer_count_units: int = uint(8, default=0, names=units_name)
    transfer_count: int = uint(64, default=0)
    segments_processed: int = uint(16, default=0, doc="with the one being processed")
    _byte26 = reserved(48)
    sense_field: bytes = data(default=b"", label="SENSE DATA", holds=sense_record)

    @property
    def sense(self) -> bytes:
        """The sense data without the zeros behind it."""
        return self.sense_field[: self.sense_length]

    def bytes_transferred(self, block_length: int | None = None) -> int | None:
        """The bytes written, None where that cannot be said: see the function of this name."""
        return bytes_transferred(self.transfer_count, self.transfer_count_units, block_length)


@record
class CopyStatusLid4(Record):
    """RECEIVE COPY STATUS(LID4) data (SPC-4 6.24, table 248)."""

    available_data = length(32)
    operation: CopyOperation = part(CopyOperation, label="state of the copy operation")


@record
class HeldDataLid4(Record):
    """RECEIVE COPY DATA(LID4) data (SPC-4 6.20, table 240)."""

    available_data = length(32)
    operation: CopyOperation = part(CopyOperation, label="state of the copy operation")
    held_data_length = length(32, "held_data")
    held_data: bytes = data(default=b"")


@record
class RodTokenDescriptor(Record):
    """ROD token descriptor (SPC-4 6.26, table 257).

    The id is reserved unless an EXTENDED COPY made the token.
    """

    creating_cscd: int = uint(16, default=0, label="ID FOR CREATING ROD CSCD DESCRIPTOR", names=cscd_id_name)
    token: RodToken = part(RodToken, label="ROD token")


@record
class RodTokenInformation(Record):
    """RECEIVE ROD TOKEN INFORMATION data (SPC-4 6.26, table 256; SBC-4 5.25)."""

    available_data = length(32)
    operation: CopyOperation = part(CopyOperation, label="state of the copy operation")
    tokens_length = length(32, "tokens", label="ROD TOKEN DESCRIPTORS LENGTH")
    tokens: tuple[RodTokenDescriptor, ...] = items(
        RodTokenDescriptor, default=(), label="ROD token descriptor"
    )


@record
class AllRodTokens(Record):
    """REPORT ALL ROD TOKENS data (SPC-4 6.31, table 278)."""

    available_data = length(32)
    _byte4 = reserved(32)
    tokens: tuple[RodManagementToken, ...] = items(RodManagementToken, label="ROD management token")
