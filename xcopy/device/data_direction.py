"""Which way a command's data goes, by its operation code, where nothing else tells.

A ring of TCMU has a buffer and no direction. A code that is not listed sends data in, if it moves any.
"""

from __future__ import annotations

DATA_OUT = frozenset(
    {
        0x04,  # FORMAT UNIT
        0x07,  # REASSIGN BLOCKS
        0x0A,  # WRITE(6)
        0x15,  # MODE SELECT(6)
        0x18,  # COPY
        0x1D,  # SEND DIAGNOSTIC
        0x2A,  # WRITE(10)
        0x2E,  # WRITE AND VERIFY(10)
        0x2F,  # VERIFY(10), with BYTCHK; without it there is no data
        0x39,  # COMPARE
        0x3A,  # COPY AND VERIFY
        0x3B,  # WRITE BUFFER
        0x3F,  # WRITE LONG(10)
        0x41,  # WRITE SAME(10)
        0x42,  # UNMAP
        0x4C,  # LOG SELECT
        0x50,  # XDWRITE(10)
        0x51,  # XPWRITE(10)
        0x53,  # XDWRITEREAD(10): both ways, the first buffer is this one
        0x55,  # MODE SELECT(10)
        0x56,  # RESERVE(10)
        0x5F,  # PERSISTENT RESERVE OUT
        0x83,  # EXTENDED COPY and all third-party copy OUT
        0x87,  # ACCESS CONTROL OUT
        0x89,  # COMPARE AND WRITE
        0x8A,  # WRITE(16)
        0x8B,  # ORWRITE(16)
        0x8D,  # WRITE ATTRIBUTE
        0x8E,  # WRITE AND VERIFY(16)
        0x8F,  # VERIFY(16), as VERIFY(10)
        0x93,  # WRITE SAME(16)
        0x9C,  # WRITE ATOMIC(16)
        0x9F,  # SERVICE ACTION OUT(16)
        0xA4,  # MAINTENANCE OUT
        0xA9,  # SERVICE ACTION OUT(12)
        0xAA,  # WRITE(12)
        0xAE,  # WRITE AND VERIFY(12)
        0xAF,  # VERIFY(12), as VERIFY(10)
        0xB5,  # SECURITY PROTOCOL OUT
        0xBB,  # REDUNDANCY GROUP OUT
        0xBD,  # SPARE OUT
        0xBF,  # VOLUME SET OUT
    }
)
VARIABLE_LENGTH = 0x7F  # its service action, bytes 8 and 9 of the CDB, decides
VARIABLE_DATA_OUT = frozenset(
    {
        0x0004,  # XDWRITE(32)
        0x0006,  # XPWRITE(32)
        0x0007,  # XDWRITEREAD(32)
        0x000A,  # VERIFY(32)
        0x000B,  # WRITE(32)
        0x000C,  # WRITE AND VERIFY(32)
        0x000D,  # WRITE SAME(32)
        0x000E,  # ORWRITE(32)
        0x000F,  # WRITE ATOMIC(32)
    }
)


def sends_data_out(cdb: bytes) -> bool:
    """True where the data of that command, if it has any, goes to the device."""
    if not cdb:
        return False
    if cdb[0] == VARIABLE_LENGTH:
        return int.from_bytes(cdb[8:10], "big") in VARIABLE_DATA_OUT
    return cdb[0] in DATA_OUT
