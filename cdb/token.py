"""ROD tokens: what they are made of, and the commands that make and use them (SPC-4 5.17.6; SBC-4 4.28).

A token means something only to the copy manager that made it, which may compare every byte: a token that is
read and built again is the same bytes, reserved ones too. Whoever holds one can read the data it stands for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.capacity import PROTECTION_TYPES, blocks, intervals
from cdb.cscd import IdentificationCscd, rod_type_name, seconds
from cdb.record import Record, choice, const, data, flag, items, length, raw, record, reserved, uint
from cdb.vpd import Designator

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN_LENGTH = 512
ROD_TOKEN_LENGTH = 0x01F8  # what such a token says of itself: the bytes behind the field

ACCESS_UPON_REFERENCE = 0x0001_0000
POINT_IN_TIME = 0x0080_0000
CHANGE_VULNERABLE = 0x0080_0001
PERSISTENT = 0x0080_0002
ANY_POINT_IN_TIME = 0x0080_FFFF  # may be asked for; no token has it
BLOCK_DEVICE_ZERO = 0xFFFF_0001
# As its record packs: nothing is built when this is imported.
ZERO_TOKEN = bytes.fromhex("FFFF0001 0000 01F8") + bytes(ROD_TOKEN_LENGTH)

UNKNOWN_SIZE = (1 << 128) - 1  # NUMBER OF BYTES REPRESENTED: not known, or more than the field holds


def represented_name(value: int) -> str:
    """How much data a token stands for."""
    return "unknown, or more than the field holds" if value == UNKNOWN_SIZE else f"{value} bytes"


def timeout_name(value: int) -> str:
    """An inactivity timeout that is asked for."""
    return seconds(value) if value else "the copy manager's default"


def _creator(inner: bytes) -> type[Record] | None:
    return IdentificationCscd if inner[:1] == bytes([IdentificationCscd.descriptor_type]) else None


def _if_any(of: type[Record]) -> Callable[[bytes], type[Record] | None]:
    return lambda inner: of if any(inner) else None


@record
class BlockTokenData(Record):
    """Device type specific data of a block device's ROD token (SBC-4 6.7, table 287).

    What READ CAPACITY(16) said of the unit when the token was made.
    """

    block_length: int = uint(32, label="LOGICAL BLOCK LENGTH IN BYTES")
    _byte4 = reserved(4)
    p_type: int = uint(3, default=0, label="P_TYPE", names=PROTECTION_TYPES)
    prot_en: bool = flag(default=False, label="PROT_EN", doc="protection information")
    p_i_exponent: int = uint(4, default=0, label="P_I_EXPONENT", names=intervals)
    blocks_per_physical_exponent: int = uint(
        4, default=0, label="LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT", names=blocks
    )
    lbpme: bool = flag(default=False, doc="logical block provisioning")
    lbprz: bool = flag(default=False, doc="unmapped blocks read as zeros")
    lowest_aligned_lba: int = uint(14, default=0, label="LOWEST ALIGNED LOGICAL BLOCK ADDRESS")
    _byte8 = reserved(192)


@record
class GenericRod(Record):
    """Generic ROD token, from byte 4 (SPC-4 5.17.6.5.1, table 112).

    The device type specific data is shown as a block device's, whatever the creator is. The target device
    descriptor has 128 bytes (SPC-4 table 113, by way of QNAP's target).
    """

    reserved_4: bytes = raw(2, default=bytes(2), label="Reserved")
    rod_token_length = length(16)
    identifier: bytes = raw(8, label="COPY MANAGER ROD TOKEN IDENTIFIER")
    creator: bytes = raw(32, label="CREATOR LOGICAL UNIT DESCRIPTOR", holds=_creator)
    bytes_represented: int = uint(128, label="NUMBER OF BYTES REPRESENTED", names=represented_name)
    reserved_64: bytes = raw(32, default=bytes(32), label="Reserved")
    device_specific: bytes = raw(32, label="Device type specific data", holds=_if_any(BlockTokenData))
    target_device: bytes = raw(128, label="TARGET DEVICE DESCRIPTOR", holds=_if_any(Designator))
    extended_data: bytes = data(label="EXTENDED ROD TOKEN DATA")


@record
class ZeroRod(Record):
    """Block device zero ROD token, from byte 4 (SBC-4 4.28.4, table 31).

    SBC-4 has a bit CRC VALID in the reserved bytes, whose place is not known here: they are kept.
    """

    reserved_4: bytes = raw(2, default=bytes(2), label="Reserved")
    rod_token_length = length(16)
    reserved_8: bytes = data(default=bytes(ROD_TOKEN_LENGTH), label="Reserved")


@record
class OtherRod(Record):
    """ROD token of a type that is not defined, from byte 4 (SPC-4 5.17.6.4, table 111)."""

    reserved_4: bytes = raw(2, default=bytes(2), label="Reserved")
    rod_token_length = length(16)
    body: bytes = data(label="ROD token body and extension")


RODS: dict[int, type[Record]] = {
    ACCESS_UPON_REFERENCE: GenericRod,
    POINT_IN_TIME: GenericRod,
    CHANGE_VULNERABLE: GenericRod,
    PERSISTENT: GenericRod,
    BLOCK_DEVICE_ZERO: ZeroRod,
}
Rod = GenericRod | ZeroRod | OtherRod


@record
class RodToken(Record):
    """ROD token (SPC-4 5.17.6.4, table 111).

    As long as its ROD TOKEN LENGTH says: 512 bytes, where that is 01F8h, as it is in every type defined.
    """

    rod_type: int = uint(32, names=rod_type_name)
    rod: Rod = choice("rod_type", RODS, otherwise=OtherRod, label="what the ROD type has")


@record
class RodManagementToken(Record):
    """ROD management token (SPC-4 5.17.6.4, table 111).

    A token's first 96 bytes; the length is the whole token's, not this one's.
    """

    rod_type: int = uint(32, names=rod_type_name)
    reserved_4: bytes = raw(2, default=bytes(2), label="Reserved")
    rod_token_length: int = uint(16, default=ROD_TOKEN_LENGTH)
    identifier: bytes = raw(8, label="COPY MANAGER ROD TOKEN IDENTIFIER")
    creator: bytes = raw(32, label="CREATOR LOGICAL UNIT DESCRIPTOR", holds=_creator)
    bytes_represented: int = uint(128, label="NUMBER OF BYTES REPRESENTED", names=represented_name)
    type_specific: bytes = raw(32, default=bytes(32), label="ROD token type specific data")


def token_within(inner: bytes) -> type[Record] | None:
    """The record of a token inside a field of 512 bytes: none if it says another length."""
    told = int.from_bytes(inner[6:8], "big")
    return RodToken if told == ROD_TOKEN_LENGTH else None


@record
class BlockRange(Record):
    """Block device range descriptor (SBC-4 5.12.3, table 73).

    0 blocks are no operation and no error.
    """

    lba: int = uint(64, label="LOGICAL BLOCK ADDRESS")
    blocks: int = uint(32, label="NUMBER OF LOGICAL BLOCKS")
    _byte12 = reserved(32)


@record
class PopulateToken(Record):
    """POPULATE TOKEN (SBC-4 5.12.1, table 71).

    The list identifier is that of `HOLD`. A parameter list length of 0 does nothing and is no error.
    """

    operation_code = const(8, 0x83)
    _byte1 = reserved(3)
    service_action = const(5, 0x10)
    _byte2 = reserved(32)
    list_identifier: int = uint(32)
    parameter_list_length: int = uint(32)
    _byte14 = reserved(2)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)


@record
class PopulateTokenList(Record):
    """POPULATE TOKEN parameter list (SBC-4 5.12.2, table 72).

    `inactivity_timeout` is in seconds; without `rtv` the ROD type is ignored. A last range that is cut off is
    an error here; a copy manager ignores it.
    """

    data_length = length(16, label="POPULATE TOKEN DATA LENGTH")
    _byte2 = reserved(6)
    rtv: bool = flag(default=False, doc="the ROD type is valid")
    immed: bool = flag(default=False, doc="status first, the work in the background")
    _byte3 = reserved(8)
    inactivity_timeout: int = uint(32, default=0, names=timeout_name)
    rod_type: int = uint(32, default=0, names=rod_type_name)
    _byte12 = reserved(16)
    ranges_length = length(16, "ranges", label="BLOCK DEVICE RANGE DESCRIPTOR LENGTH")
    ranges: tuple[BlockRange, ...] = items(BlockRange, label="block device range descriptor")


@record
class WriteUsingToken(Record):
    """WRITE USING TOKEN (SBC-4 5.59.1, table 158).

    The list identifier is that of `HOLD`. A parameter list length of 0 does nothing and is no error.
    """

    operation_code = const(8, 0x83)
    _byte1 = reserved(3)
    service_action = const(5, 0x11)
    _byte2 = reserved(32)
    list_identifier: int = uint(32)
    parameter_list_length: int = uint(32)
    _byte14 = reserved(2)
    group_number: int = uint(6, default=0)
    control: int = uint(8, default=0)


@record
class WriteUsingTokenList(Record):
    """WRITE USING TOKEN parameter list (SBC-4 5.59.2, table 159).

    `offset` counts blocks of the unit that is written to. The token is bytes: a wrong one can be sent as
    well, and is an INVALID TOKEN LENGTH to the copy manager unless it says 01F8h. A last range that is cut
    off is an error here; a copy manager ignores it.
    """

    data_length = length(16, label="WRITE USING TOKEN DATA LENGTH")
    _byte2 = reserved(6)
    del_tkn: bool = flag(default=False, label="DEL_TKN", doc="the token is deleted afterwards")
    immed: bool = flag(default=False, doc="status first, the work in the background")
    _byte3 = reserved(40)
    offset: int = uint(64, default=0, label="OFFSET INTO ROD")
    token: bytes = raw(TOKEN_LENGTH, label="ROD TOKEN", holds=token_within)
    _byte528 = reserved(48)
    ranges_length = length(16, "ranges", label="BLOCK DEVICE RANGE DESCRIPTOR LENGTH")
    ranges: tuple[BlockRange, ...] = items(BlockRange, label="block device range descriptor")
