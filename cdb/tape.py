"""Commands of sequential-access devices: what a tape is read, written, marked and positioned by (SSC-3).

SSC is known here by way of FreeBSD's scsi_sa.h and, for READ POSITION, of CERN's tape software.
A transfer length is in bytes, or, with `fixed`, in blocks of the length the device is set to.
"""

from __future__ import annotations

from cdb.record import Record, const, flag, record, reserved, uint
from cdb.segment_tape import SPACE_CODES, space_count

SHORT_FORM = 0x00
POSITION_FORMS = {
    0x00: "short form, logical positions",
    0x01: "short form, vendor specific positions",
    0x06: "long form",
    0x08: "extended form",
}
TRANSFER_LENGTHS = {0: "transfer length in bytes", 1: "transfer length in blocks"}


def granularity(value: int) -> str:
    """Blocks are a multiple of this many bytes."""
    return f"{1 << value} bytes"


@record
class Rewind(Record):
    """REWIND (SSC-3, by way of FreeBSD)."""

    operation_code = const(8, 0x01)
    _byte1 = reserved(7)
    immed: bool = flag(default=False, doc="status before the work is done")
    _byte2 = reserved(24)
    control: int = uint(8, default=0)


@record
class ReadBlockLimits(Record):
    """READ BLOCK LIMITS (SSC-3, by way of FreeBSD)."""

    operation_code = const(8, 0x05)
    _byte1 = reserved(32)
    control: int = uint(8, default=0)


@record
class BlockLengthLimits(Record):
    """READ BLOCK LIMITS data (SSC-3, by way of FreeBSD).

    Lengths in bytes; a maximum of 0 is no limit told.
    """

    _byte0 = reserved(3)
    granularity: int = uint(5, default=0, names=granularity)
    maximum: int = uint(24, label="MAXIMUM BLOCK LENGTH LIMIT")
    minimum: int = uint(16, label="MINIMUM BLOCK LENGTH LIMIT")


@record
class Read6(Record):
    """READ(6) of a sequential-access device (SSC-3, by way of FreeBSD).

    `sili`: a record of another length is no exception. A transfer length of 0 reads nothing.
    """

    operation_code = const(8, 0x08)
    _byte1 = reserved(6)
    sili: bool = flag(default=False, doc="suppress incorrect-length indicator")
    fixed: bool = flag(default=False, names=TRANSFER_LENGTHS)
    transfer_length: int = uint(24)
    control: int = uint(8, default=0)


@record
class Write6(Record):
    """WRITE(6) of a sequential-access device (SSC-3, by way of FreeBSD).

    A transfer length of 0 writes nothing.
    """

    operation_code = const(8, 0x0A)
    _byte1 = reserved(7)
    fixed: bool = flag(default=False, names=TRANSFER_LENGTHS)
    transfer_length: int = uint(24)
    control: int = uint(8, default=0)


@record
class WriteFilemarks6(Record):
    """WRITE FILEMARKS(6) (SSC-3, by way of FreeBSD).

    A count of 0 writes what the device has not yet written, and no mark.
    """

    operation_code = const(8, 0x10)
    _byte1 = reserved(6)
    _wsmk = reserved(1, label="Obsolete")
    immed: bool = flag(default=False, doc="status before the work is done")
    filemarks: int = uint(24, label="FILEMARK COUNT")
    control: int = uint(8, default=0)


@record
class Space6(Record):
    """SPACE(6) (SSC-3, by way of FreeBSD).

    `count` is a two's complement of 24 bits: negative is towards the beginning.
    """

    operation_code = const(8, 0x11)
    _byte1 = reserved(4)
    code: int = uint(4, names=SPACE_CODES)
    count: int = uint(24, names=space_count)
    control: int = uint(8, default=0)


@record
class Locate10(Record):
    """LOCATE(10) (SSC-3, by way of FreeBSD)."""

    operation_code = const(8, 0x2B)
    _byte1 = reserved(5)
    bt: bool = flag(default=False, doc="block address of the vendor's type")
    cp: bool = flag(default=False, doc="change partition")
    immed: bool = flag(default=False, doc="status before the work is done")
    _byte2 = reserved(8)
    logical_object: int = uint(32, label="LOGICAL OBJECT IDENTIFIER")
    _byte7 = reserved(8)
    partition: int = uint(8, default=0)
    control: int = uint(8, default=0)


@record
class ReadPosition(Record):
    """READ POSITION (SSC-3, by way of FreeBSD and CERN's tape software).

    The allocation length is for the extended form; for the others it is 0.
    """

    operation_code = const(8, 0x34)
    _byte1 = reserved(3)
    service_action: int = uint(5, default=SHORT_FORM, names=POSITION_FORMS)
    _byte2 = reserved(40)
    allocation_length: int = uint(16, default=0)
    control: int = uint(8, default=0)


@record
class ShortPosition(Record):
    """READ POSITION data, short form (SSC-3, by way of FreeBSD and CERN's tape software).

    `first` is the logical object the next command begins at, counted from the beginning of the partition,
    filemarks included; `last` differs from it while the device has unwritten objects in its buffer.
    """

    bop: bool = flag(default=False, label="BOP", doc="at the beginning of the partition")
    eop: bool = flag(default=False, label="EOP", doc="near the end of the partition")
    locu: bool = flag(default=False, label="LOCU", doc="the count of objects in the buffer is unknown")
    bycu: bool = flag(default=False, label="BYCU", doc="the count of bytes in the buffer is unknown")
    _byte0 = reserved(1)
    lolu: bool = flag(default=False, label="LOLU", doc="the position is unknown")
    perr: bool = flag(default=False, label="PERR", doc="the position does not fit the fields")
    bpew: bool = flag(default=False, label="BPEW", doc="beyond the programmable early warning")
    partition: int = uint(8, default=0, label="PARTITION NUMBER")
    _byte2 = reserved(16)
    first: int = uint(32, label="FIRST LOGICAL OBJECT LOCATION")
    last: int = uint(32, label="LAST LOGICAL OBJECT LOCATION")
    _byte12 = reserved(8)
    buffered_objects: int = uint(24, default=0, label="NUMBER OF LOGICAL OBJECTS IN OBJECT BUFFER")
    buffered_bytes: int = uint(32, default=0, label="NUMBER OF BYTES IN OBJECT BUFFER")
