"""Third-party copy descriptors about RODs and their tokens (SPC-4 7.8.17.8, 7.8.17.9; SBC-4 6.6.9.3).

They are members of VPD page 8Fh, which is in `third_party`.
"""

from __future__ import annotations

from cdb.cscd import rod_type_name, seconds
from cdb.family import Family, Member
from cdb.record import Record, const, data, flag, items, length, raw, record, reserved, uint
from cdb.vpd import NOT_REPORTED

NO_MAXIMUM = 0xFFFF_FFFF
UNLIMITED = 0xFFFF_FFFF_FFFF_FFFF
OPTIMAL_BYTES = NOT_REPORTED | {UNLIMITED: "no limit"}

REMOTE_TOKENS = {
    0x0: "tokens of this target device are used, none made for other units",
    0x4: "tokens of any target device are used, none made for other units",
    0x6: "tokens of any target device are used, and made for other units",
}


def inactivity_limit(value: int) -> str:
    """The longest inactivity timeout that may be asked for (SBC-4 6.6.9.3)."""
    return NOT_REPORTED.get(value) or ("no maximum" if value == NO_MAXIMUM else seconds(value))


def default_inactivity(value: int) -> str:
    """The inactivity timeout of who asks for none (SBC-4 6.6.9.3)."""
    return NOT_REPORTED.get(value) or seconds(value)


def remote_tokens_name(value: int) -> str:
    """Which tokens are taken, and made (SPC-4 7.8.17.8, table 652)."""
    return REMOTE_TOKENS.get(value, "reserved")


@record
class BlockRodLimits(Record):
    """Block device ROD limits descriptor (SBC-4 6.6.9.3, table 284).

    For POPULATE TOKEN and WRITE USING TOKEN: sizes in logical blocks, times in seconds.
    """

    descriptor_type = const(16, 0x0000, label="THIRD-PARTY COPY DESCRIPTOR TYPE")
    descriptor_length = length(16, label="THIRD-PARTY COPY DESCRIPTOR LENGTH")
    vendor_specific: bytes = raw(6, default=bytes(6))
    maximum_ranges: int = uint(16, label="MAXIMUM RANGE DESCRIPTORS", names=NOT_REPORTED)
    maximum_inactivity_timeout: int = uint(32, default=0, names=inactivity_limit)
    default_inactivity_timeout: int = uint(32, default=0, names=default_inactivity)
    maximum_token_transfer_size: int = uint(64, default=0, names=NOT_REPORTED)
    optimal_transfer_count: int = uint(64, default=0, names=NOT_REPORTED)


@record
class OtherRodFeatures(Record):
    """ROD device type specific features descriptor (SPC-4 7.8.17.8.1, table 651).

    Of a format or device type not known here: both are in the first byte, the format in its first three bits.
    """

    device_type: int = uint(8, label="DESCRIPTOR FORMAT, PERIPHERAL DEVICE TYPE")
    _byte1 = reserved(8)
    descriptor_length = length(16)
    parameters: bytes = data(default=b"")


@record
class BlockRodFeatures(Record):
    """Block ROD device type specific features descriptor (SPC-4 7.8.17.8.2, table 653).

    Bytes, but for the granularity, which is in blocks.
    """

    device_type = const(8, 0x00, label="DESCRIPTOR FORMAT, PERIPHERAL DEVICE TYPE")
    _byte1 = reserved(8)
    descriptor_length = length(16)
    _byte4 = reserved(16)
    optimal_granularity: int = uint(
        16, default=0, label="OPTIMAL BLOCK ROD LENGTH GRANULARITY", names=NOT_REPORTED
    )
    maximum_bytes: int = uint(64, default=0, label="MAXIMUM BYTES IN BLOCK ROD", names=NOT_REPORTED)
    optimal_bytes: int = uint(64, default=0, label="OPTIMAL BYTES IN BLOCK ROD TRANSFER", names=OPTIMAL_BYTES)
    optimal_bytes_to_token: int = uint(
        64, default=0, label="OPTIMAL BYTES TO TOKEN PER SEGMENT", names=OPTIMAL_BYTES
    )
    optimal_bytes_from_token: int = uint(
        64, default=0, label="OPTIMAL BYTES FROM TOKEN PER SEGMENT", names=OPTIMAL_BYTES
    )
    _byte40 = reserved(64)


@record
class StreamRodFeatures(Record):
    """Stream ROD device type specific features descriptor (SPC-4 7.8.17.8.3, table 654)."""

    device_type = const(8, 0x01, label="DESCRIPTOR FORMAT, PERIPHERAL DEVICE TYPE")
    _byte1 = reserved(8)
    descriptor_length = length(16)
    _byte4 = reserved(32)
    maximum_bytes: int = uint(64, default=0, label="MAXIMUM BYTES IN STREAM ROD", names=NOT_REPORTED)
    optimal_bytes: int = uint(
        64, default=0, label="OPTIMAL BYTES IN STREAM ROD TRANSFER", names=OPTIMAL_BYTES
    )
    _byte24 = reserved(192)


@record
class ProcessorRodFeatures(Record):
    """Copy manager ROD device type specific features descriptor (SPC-4 7.8.17.8.4, table 655)."""

    device_type = const(8, 0x03, label="DESCRIPTOR FORMAT, PERIPHERAL DEVICE TYPE")
    _byte1 = reserved(8)
    descriptor_length = length(16)
    _byte4 = reserved(32)
    maximum_bytes: int = uint(64, default=0, label="MAXIMUM BYTES IN PROCESSOR ROD", names=NOT_REPORTED)
    optimal_bytes: int = uint(
        64, default=0, label="OPTIMAL BYTES IN PROCESSOR ROD TRANSFER", names=OPTIMAL_BYTES
    )
    _byte24 = reserved(192)


ROD_FEATURES = Family(
    label="ROD device type specific features descriptor",
    unknown=OtherRodFeatures,
    members={
        0x00: Member("block device", BlockRodFeatures),
        0x01: Member("stream device", StreamRodFeatures),
        0x03: Member("copy manager", ProcessorRodFeatures),
    },
)
RodFeatures = BlockRodFeatures | StreamRodFeatures | ProcessorRodFeatures | OtherRodFeatures


@record
class RodTokenFeatures(Record):
    """ROD token features descriptor (SPC-4 7.8.17.8.1, table 651).

    Times in seconds. What the standard names is a multiple of four bytes long without a pad.
    """

    descriptor_type = const(16, 0x0106, label="THIRD-PARTY COPY DESCRIPTOR TYPE")
    descriptor_length = length(16, label="THIRD-PARTY COPY DESCRIPTOR LENGTH")
    _byte4 = reserved(4)
    remote_tokens: int = uint(4, default=0, names=remote_tokens_name)
    _byte5 = reserved(88)
    minimum_lifetime: int = uint(32, label="MINIMUM TOKEN LIFETIME", names=seconds)
    maximum_lifetime: int = uint(32, label="MAXIMUM TOKEN LIFETIME", names=seconds)
    maximum_inactivity_timeout: int = uint(32, label="MAXIMUM TOKEN INACTIVITY TIMEOUT", names=seconds)
    _byte28 = reserved(144)
    features_length = length(16, "features", label="ROD DEVICE TYPE SPECIFIC FEATURES DESCRIPTORS LENGTH")
    features: tuple[RodFeatures, ...] = items(
        ROD_FEATURES, default=(), label="ROD device type specific features descriptor"
    )
    descriptor_pad: bytes = data(default=b"")


@record
class RodType(Record):
    """ROD type descriptor (SPC-4 7.8.17.9.1, table 657).

    The greater the preference the better; 0 cannot be compared.
    """

    rod_type: int = uint(32, names=rod_type_name)
    ecpy_int: bool = flag(default=False, label="ECPY_INT", doc="as an internal ROD of EXTENDED COPY")
    _byte4 = reserved(5)
    token_in: bool = flag(default=False, label="TOKEN_IN", doc="tokens of this type are taken")
    token_out: bool = flag(default=False, label="TOKEN_OUT", doc="tokens of this type are made")
    _byte5 = reserved(8)
    preference: int = uint(16, default=0, label="PREFERENCE INDICATION", names={0: "not comparable"})
    _byte8 = reserved(448)


@record
class SupportedRodTypes(Record):
    """Supported ROD types descriptor (SPC-4 7.8.17.9, table 656).

    A multiple of four bytes long without a pad.
    """

    descriptor_type = const(16, 0x0108, label="THIRD-PARTY COPY DESCRIPTOR TYPE")
    descriptor_length = length(16, label="THIRD-PARTY COPY DESCRIPTOR LENGTH")
    _byte4 = reserved(16)
    types_length = length(16, "types", label="ROD TYPE DESCRIPTORS LENGTH")
    types: tuple[RodType, ...] = items(RodType, label="ROD type descriptor")
    descriptor_pad: bytes = data(default=b"")
