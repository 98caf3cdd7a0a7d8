"""CSCD descriptors that name a unit by its address in one SCSI transport (SPC-4 7.6.3).

A field the tables mark with MSB and LSB is a number here, any other is bytes. `nul` is bit 5 of byte 1,
obsolete in SPC-4; what is set by older initiators is kept (its name by way of FreeBSD).
"""

from __future__ import annotations

from cdb.cscd_parameters import (
    DEVICE_PARAMETERS,
    DEVICE_TYPES,
    INITIATOR_PORTS,
    LU_ID_TYPES,
    PARAMETERS,
    TYPE_FIELD,
    DeviceParameters,
    OtherParameters,
)
from cdb.record import Record, choice, const, flag, raw, record, reserved, uint

INTERNET_PROTOCOLS = {6: "TCP"}


def ipv4_address(value: int) -> str:
    """An IPv4 address as it is written."""
    return ".".join(str(part) for part in value.to_bytes(4, "big"))


def ipv6_address(value: int) -> str:
    """An IPv6 address as it is written."""
    from ipaddress import IPv6Address

    return str(IPv6Address(value))


@record
class PortNameCscd(Record):
    """Fibre Channel N_Port_Name descriptor: a port by its name (SPC-4 7.6.3.2, table 489)."""

    descriptor_type = const(8, 0xE0, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0, names=LU_ID_TYPES)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    relative_initiator_port: int = uint(
        16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER", names=INITIATOR_PORTS
    )
    lu_identifier: bytes = raw(8)
    port_name: bytes = raw(8, label="N_PORT_NAME")
    _byte20 = reserved(64)
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )


@record
class PortIdCscd(Record):
    """Fibre Channel N_Port_ID descriptor: a port by its address (SPC-4 7.6.3.3, table 490)."""

    descriptor_type = const(8, 0xE1, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0, names=LU_ID_TYPES)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    relative_initiator_port: int = uint(
        16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER", names=INITIATOR_PORTS
    )
    lu_identifier: bytes = raw(8)
    _byte12 = reserved(72)
    port_id: int = uint(24, label="N_PORT_ID")
    _byte24 = reserved(32)
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )


@record
class CheckedPortIdCscd(Record):
    """Fibre Channel N_Port_ID with N_Port_Name checking descriptor (SPC-4 7.6.3.4, table 491).

    A port by its address, which must be that of the port with the name.
    """

    descriptor_type = const(8, 0xE2, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0, names=LU_ID_TYPES)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    relative_initiator_port: int = uint(
        16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER", names=INITIATOR_PORTS
    )
    lu_identifier: bytes = raw(8)
    port_name: bytes = raw(8, label="N_PORT_NAME")
    _byte20 = reserved(8)
    port_id: int = uint(24, label="N_PORT_ID")
    _byte24 = reserved(32)
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )


@record
class ParallelCscd(Record):
    """SCSI parallel T_L descriptor: a target of the parallel bus (SPC-4 7.6.3.5, table 492)."""

    descriptor_type = const(8, 0xE3, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0, names=LU_ID_TYPES)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    relative_initiator_port: int = uint(
        16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER", names=INITIATOR_PORTS
    )
    lu_identifier: bytes = raw(8)
    vendor_specific: int = uint(8, default=0)
    target_identifier: int = uint(8)
    _byte14 = reserved(112)
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )


@record
class Ipv4Cscd(Record):
    """iSCSI IPv4 descriptor: a portal by its address (SPC-4 7.6.3.8, table 495)."""

    descriptor_type = const(8, 0xE5, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0, names=LU_ID_TYPES)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    relative_initiator_port: int = uint(
        16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER", names=INITIATOR_PORTS
    )
    lu_identifier: bytes = raw(8)
    address: int = uint(32, label="IPV4 ADDRESS", names=ipv4_address)
    _byte16 = reserved(48)
    port: int = uint(16, label="PORT NUMBER")
    _byte24 = reserved(16)
    internet_protocol: int = uint(16, default=6, label="INTERNET PROTOCOL NUMBER", names=INTERNET_PROTOCOLS)
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )


@record
class RdmaCscd(Record):
    """RDMA descriptor: an SRP target port by its identifier (SPC-4 7.6.3.7, table 494)."""

    descriptor_type = const(8, 0xE7, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0, names=LU_ID_TYPES)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    relative_initiator_port: int = uint(
        16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER", names=INITIATOR_PORTS
    )
    lu_identifier: bytes = raw(8)
    target_port: bytes = raw(16, label="TARGET PORT IDENTIFIER")
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )


@record
class Ieee1394Cscd(Record):
    """IEEE 1394 EUI-64 descriptor: an SBP-3 node and directory (SPC-4 7.6.3.6, table 493)."""

    descriptor_type = const(8, 0xE8, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0, names=LU_ID_TYPES)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    relative_initiator_port: int = uint(
        16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER", names=INITIATOR_PORTS
    )
    lu_identifier: bytes = raw(8)
    eui64: bytes = raw(8, label="EUI-64")
    directory_id: bytes = raw(3)
    _byte23 = reserved(40)
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )


@record
class SasCscd(Record):
    """SAS Serial SCSI Protocol descriptor: a port by its SAS address (SPC-4 7.6.3.10, table 497)."""

    descriptor_type = const(8, 0xE9, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0, names=LU_ID_TYPES)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    relative_initiator_port: int = uint(
        16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER", names=INITIATOR_PORTS
    )
    lu_identifier: bytes = raw(8)
    sas_address: bytes = raw(8)
    _byte20 = reserved(64)
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )


@record
class Ipv6Cscd(Record):
    """iSCSI IPv6 descriptor: a portal by its address; 64 bytes (SPC-4 7.6.3.9, table 496).

    Its second half is a CSCD descriptor extension, so the next descriptor's id is two more than its own.
    """

    descriptor_type = const(8, 0xEA, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0, names=LU_ID_TYPES)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0, names=DEVICE_TYPES)
    relative_initiator_port: int = uint(
        16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER", names=INITIATOR_PORTS
    )
    lu_identifier: bytes = raw(8)
    address: int = uint(128, label="IPV6 ADDRESS", names=ipv6_address)
    parameters: DeviceParameters = choice(
        TYPE_FIELD, DEVICE_PARAMETERS, otherwise=OtherParameters, label=PARAMETERS
    )
    extension_type = const(8, 0xFF, label="EXTENSION DESCRIPTOR TYPE CODE")
    _byte33 = reserved(24)
    port: int = uint(16, label="PORT NUMBER")
    internet_protocol: int = uint(16, default=6, label="INTERNET PROTOCOL NUMBER", names=INTERNET_PROTOCOLS)
    _byte40 = reserved(192)
