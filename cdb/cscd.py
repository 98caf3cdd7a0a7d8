"""CSCD descriptors: who is copied from and to (SPC-4 6.4.5). One record and one entry each.

A descriptor's id is where it begins in the parameter list, byte 16 + 32 x id (SPC-4 6.4.6.1, table 148): one
of 64 bytes takes up two ids. The first descriptor of a LID1 list has id 0. In a LID4 list the second half of
the header stands at byte 16, made so that an older copy manager takes it for a descriptor of an invalid type
(6.4.2): the first descriptor, at byte 48, has id 1. FreeBSD counts from 0 there too.
Those that name a unit by its address in a transport are in `cscd_transport`.
"""

from __future__ import annotations

from typing import Self

from cdb.cscd_id import cscd_id_name
from cdb.cscd_parameters import (
    DEVICE_PARAMETERS,
    DEVICE_TYPES,
    INITIATOR_PORTS,
    LU_ID_TYPES,
    PARAMETERS,
    TYPE_FIELD,
    BlockParameters,
    DeviceParameters,
    OtherParameters,
    ProcessorParameters,
    StreamParameters,
)
from cdb.cscd_transport import (
    INTERNET_PROTOCOLS,
    CheckedPortIdCscd,
    Ieee1394Cscd,
    Ipv4Cscd,
    Ipv6Cscd,
    ParallelCscd,
    PortIdCscd,
    PortNameCscd,
    RdmaCscd,
    SasCscd,
    ipv4_address,
    ipv6_address,
)
from cdb.errors import EncodeError
from cdb.family import Family, Member
from cdb.record import Record, choice, const, flag, length, raw, record, reserved, slot, uint
from cdb.vpd import ASSOCIATIONS, CODE_SETS, DESIGNATOR_TYPES, Designator

__all__ = [
    "CSCDS",
    "CSCD_LENGTH",
    "DEVICE_PARAMETERS",
    "MAXIMUM_DESIGNATOR_LENGTH",
    "AliasCscd",
    "BlockParameters",
    "CheckedPortIdCscd",
    "Cscd",
    "CscdExtension",
    "DeviceParameters",
    "IdentificationCscd",
    "Ieee1394Cscd",
    "IpCopyServiceCscd",
    "Ipv4Cscd",
    "Ipv6Cscd",
    "MultipleDeviceCscd",
    "OtherParameters",
    "ParallelCscd",
    "PortIdCscd",
    "PortNameCscd",
    "ProcessorParameters",
    "RdmaCscd",
    "RodCscd",
    "SasCscd",
    "StreamParameters",
    "UnknownCscd",
]

CSCD_LENGTH = 32
MAXIMUM_DESIGNATOR_LENGTH = 20

ROD_TYPES = {
    0x0000_0000: "told by the ROD token",
    0x0001_0000: "access upon reference",
    0x0080_0000: "point in time copy, default",
    0x0080_0001: "point in time copy, change vulnerable",
    0x0080_0002: "point in time copy, persistent",
    0x0080_FFFF: "point in time copy, any",
}


def rod_type_name(value: int) -> str:
    """What a ROD type stands for (SPC-4 5.17.6.2.1, table 110)."""
    if value >= 0xFFFF_FFF0:
        return "vendor specific"
    if value >= 0xFF00_0000:
        return "block device zero" if value == 0xFFFF_0001 else "device type specific"
    return ROD_TYPES.get(value, "reserved")


def seconds(value: int) -> str:
    """A time in seconds."""
    return f"{value} s"


def inactivity_timeout(value: int) -> str:
    """How long a token may be unused, in seconds."""
    return seconds(value) if value else "no limit"


def copy_service_address(value: int) -> str:
    """An address of 16 bytes as it is written: of IPv4 the first four, zeros behind them."""
    return ipv4_address(value >> 96) if not value << 32 & (1 << 128) - 1 else ipv6_address(value)


@record
class UnknownCscd(Record):
    """A CSCD descriptor of a type not known here (SPC-4 6.4.5.1, table 132)."""

    descriptor_type: int = uint(8, label="DESCRIPTOR TYPE CODE")
    parameters: bytes = raw(31, label="CSCD descriptor parameters")


@record
class IdentificationCscd(Record):
    """Identification descriptor: a unit named by a designator of its page 83h (SPC-4 6.4.5.6, table 140).

    The copy manager ignores `lu_id_type`.
    """

    descriptor_type = const(8, 0xE4, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    relative_initiator_port: int = uint(
        16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER", names=INITIATOR_PORTS
    )
    _byte4 = reserved(4)
    code_set: int = uint(4, names=CODE_SETS)
    _byte5 = reserved(2)
    association: int = uint(2, names=ASSOCIATIONS)
    designator_type: int = uint(4, names=DESIGNATOR_TYPES)
    _byte6 = reserved(8)
    designator_length = length(8, "value", label="DESIGNATOR LENGTH")
    value: bytes = slot(MAXIMUM_DESIGNATOR_LENGTH, label="DESIGNATOR")
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )

    @classmethod
    def of(cls, designator: Designator, *, block_length: int, device_type: int = 0) -> Self:
        """The descriptor of a block device; protocol identifier and PIV have no place in it and are left out.

        A designator over 20 bytes does not fit and is an `EncodeError`.
        """
        if len(designator.value) > MAXIMUM_DESIGNATOR_LENGTH:
            raise EncodeError(
                f"an E4h CSCD descriptor holds a designator of at most 20 bytes, got {len(designator.value)}"
            )
        return cls(
            peripheral_device_type=device_type,
            code_set=designator.code_set,
            association=designator.association,
            designator_type=designator.designator_type,
            value=designator.value,
            parameters=BlockParameters(block_length=block_length),
        )

    @property
    def designator(self) -> Designator:
        """The designator that names the unit."""
        return Designator(
            code_set=self.code_set,
            association=self.association,
            designator_type=self.designator_type,
            value=self.value,
        )


@record
class AliasCscd(Record):
    """Alias descriptor: a port by its entry in the list of CHANGE ALIASES (SPC-4 6.4.5.7, table 141)."""

    descriptor_type = const(8, 0xE6, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0, names=LU_ID_TYPES)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    relative_initiator_port: int = uint(
        16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER", names=INITIATOR_PORTS
    )
    lu_identifier: bytes = raw(8)
    alias_value: bytes = raw(8)
    _byte20 = reserved(64)
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )


@record
class IpCopyServiceCscd(Record):
    """IP copy service descriptor: a unit behind another copy service; 64 bytes (SPC-4 6.4.5.8, table 142).

    Its second half is a CSCD descriptor extension, so the next descriptor's id is two more than its own.
    Alone among the descriptors it has no relative initiator port. The copy manager ignores `lu_id_type`.
    """

    descriptor_type = const(8, 0xEB, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    _byte2 = reserved(7)
    ipv6: bool = flag(
        default=False, label="IPTYPE", names={0: "IPv4 address, zeros behind it", 1: "IPv6 address"}
    )
    _byte3 = reserved(72)
    address: int = uint(128, label="COPY SERVICE IP ADDRESS", names=copy_service_address)
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )
    extension_type = const(8, 0xFF, label="EXTENSION DESCRIPTOR TYPE CODE")
    _byte33 = reserved(24)
    port: int = uint(16, label="COPY SERVICE PORT NUMBER")
    internet_protocol: int = uint(
        16, default=6, label="COPY SERVICE INTERNET PROTOCOL NUMBER", names=INTERNET_PROTOCOLS
    )
    _byte40 = reserved(4)
    code_set: int = uint(4, names=CODE_SETS)
    _byte41 = reserved(2)
    association: int = uint(2, names=ASSOCIATIONS)
    designator_type: int = uint(4, names=DESIGNATOR_TYPES)
    _byte42 = reserved(8)
    designator_length = length(8, "value", label="DESIGNATOR LENGTH")
    value: bytes = slot(MAXIMUM_DESIGNATOR_LENGTH, label="DESIGNATOR")


@record
class MultipleDeviceCscd(Record):
    """Multiple device descriptor, its layout not public (SPC-5 6.6.5.1, table 103, by way of python-scsi).

    Of SPC-5's table no more is known here than the code, the name and the length of 32 bytes.
    """

    descriptor_type = const(8, 0xEC, label="DESCRIPTOR TYPE CODE")
    contents: bytes = raw(31, label="CSCD descriptor parameters")


@record
class RodCscd(Record):
    """ROD descriptor: a representation of data is the source or destination (SPC-4 6.4.5.9, table 143).

    ROD type 0: the ROD is the one of the token at `token_offset` bytes into the inline data. Any other type:
    the command populates a ROD; with `r_token` it makes a token of it (list id usage 00b or 10b only), which
    should live `token_lifetime` seconds and may be unused for `token_inactivity_timeout` seconds, 0 being
    for ever. Without `r_token` both times are 0, and so is the offset unless the type is 0.
    """

    descriptor_type = const(8, 0xFE, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    relative_initiator_port: int = uint(
        16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER", names=INITIATOR_PORTS
    )
    producer_cscd: int = uint(16, label="ROD PRODUCER CSCD DESCRIPTOR ID", names=cscd_id_name)
    _byte6 = reserved(16)
    rod_type: int = uint(32, names=rod_type_name)
    token_lifetime: int = uint(32, default=0, label="REQUESTED ROD TOKEN LIFETIME", names=seconds)
    token_inactivity_timeout: int = uint(
        32, default=0, label="REQUESTED ROD TOKEN INACTIVITY TIMEOUT", names=inactivity_timeout
    )
    _byte20 = reserved(16)
    _byte22 = reserved(7)
    r_token: bool = flag(default=False, label="R_TOKEN")
    _byte23 = reserved(7)
    del_tkn: bool = flag(default=False, label="DEL_TKN")
    token_offset: int = uint(32, default=0, label="ROD TOKEN OFFSET")
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )


@record
class CscdExtension(Record):
    """CSCD descriptor extension on its own, behind a descriptor that has none (SPC-4 6.4.5.2, table 135).

    The standard knows it only as bytes 32 to 63 of an EAh or EBh descriptor, where it is part of that.
    """

    descriptor_type = const(8, 0xFF, label="EXTENSION DESCRIPTOR TYPE CODE")
    contents: bytes = raw(31, label="CSCD descriptor specific information")


CSCDS = Family(
    label="CSCD descriptor",
    stride=CSCD_LENGTH,
    unknown=UnknownCscd,
    members={
        0xE0: Member("FC N_Port_Name descriptor", PortNameCscd),
        0xE1: Member("FC N_Port_ID descriptor", PortIdCscd),
        0xE2: Member("FC N_Port_ID with name checking descriptor", CheckedPortIdCscd),
        0xE3: Member("parallel interface T_L descriptor", ParallelCscd),
        0xE4: Member("identification descriptor", IdentificationCscd),
        0xE5: Member("IPv4 descriptor", Ipv4Cscd),
        0xE6: Member("alias descriptor", AliasCscd),
        0xE7: Member("RDMA descriptor", RdmaCscd),
        0xE8: Member("IEEE 1394 EUI-64 descriptor", Ieee1394Cscd),
        0xE9: Member("SAS descriptor", SasCscd),
        0xEA: Member("IPv6 descriptor", Ipv6Cscd),
        0xEB: Member("IP copy service descriptor", IpCopyServiceCscd),
        0xEC: Member("multiple device descriptor", MultipleDeviceCscd),
        0xFE: Member("ROD descriptor", RodCscd),
        0xFF: Member("extension descriptor", CscdExtension),
    },
)

Cscd = (
    PortNameCscd
    | PortIdCscd
    | CheckedPortIdCscd
    | ParallelCscd
    | IdentificationCscd
    | Ipv4Cscd
    | AliasCscd
    | RdmaCscd
    | Ieee1394Cscd
    | SasCscd
    | Ipv6Cscd
    | IpCopyServiceCscd
    | MultipleDeviceCscd
    | RodCscd
    | CscdExtension
    | UnknownCscd
)
