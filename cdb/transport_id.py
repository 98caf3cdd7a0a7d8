"""TransportIDs: an initiator port named by its transport protocol (SPC-4 7.6.4). One record per protocol."""

from __future__ import annotations

from cdb.record import Record, choice, data, length, raw, record, reserved, uint
from cdb.vpd import PROTOCOLS, printable

FIBRE_CHANNEL, PARALLEL, IEEE_1394, RDMA, ISCSI, SAS, PCI_EXPRESS = 0x0, 0x1, 0x3, 0x4, 0x5, 0x6, 0xA

FORMATS = {0b00: "name of the port or its device", 0b01: "iSCSI name with session"}


@record
class FibreChannelPort(Record):
    """Fibre Channel initiator port (SPC-4 7.6.4.2, table 500)."""

    _byte1 = reserved(56)
    n_port_name: bytes = raw(8, label="N_PORT_NAME")
    _byte16 = reserved(64)


@record
class ParallelPort(Record):
    """Parallel SCSI initiator port (SPC-4 7.6.4.3, table 501)."""

    _byte1 = reserved(8)
    scsi_address: int = uint(16)
    _byte4 = reserved(16, label="Obsolete")
    relative_target_port: int = uint(16, label="RELATIVE TARGET PORT IDENTIFIER")
    _byte8 = reserved(128)


@record
class Ieee1394Port(Record):
    """IEEE 1394 initiator port (SPC-4 7.6.4.4, table 502)."""

    _byte1 = reserved(56)
    eui_64_name: bytes = raw(8, label="EUI-64 NAME")
    _byte16 = reserved(64)


@record
class RdmaPort(Record):
    """RDMA (SRP) initiator port (SPC-4 7.6.4.5, table 503)."""

    _byte1 = reserved(56)
    initiator_port_identifier: bytes = raw(16)


@record
class IscsiPort(Record):
    """iSCSI initiator device or port (SPC-4 7.6.4.6, tables 505 and 506).

    `name` ends with a zero byte and is padded with more; with format code 01b it is the device's name,
    `,i,0x` and the session identifier in hexadecimal digits.
    """

    _byte1 = reserved(8)
    additional_length = length(16)
    iscsi_name: bytes = data(text=True)


@record
class SasPort(Record):
    """SAS initiator port (SPC-4 7.6.4.7, table 507)."""

    _byte1 = reserved(24)
    sas_address: bytes = raw(8)
    _byte12 = reserved(96)


@record
class PciExpressPort(Record):
    """SCSI over PCI Express initiator port (SPC-4 7.6.4.8, table 508)."""

    _byte1 = reserved(8)
    routing_id: int = uint(16)
    _byte4 = reserved(160)


@record
class OtherPort(Record):
    """Initiator port of a protocol without a TransportID format (SPC-4 7.6.4.1, table 498)."""

    parameters: bytes = data(label="SCSI transport protocol specific data")


Port = (
    FibreChannelPort
    | ParallelPort
    | Ieee1394Port
    | RdmaPort
    | IscsiPort
    | SasPort
    | PciExpressPort
    | OtherPort
)

PORTS: dict[int, type[Record]] = {
    FIBRE_CHANNEL: FibreChannelPort,
    PARALLEL: ParallelPort,
    IEEE_1394: Ieee1394Port,
    RDMA: RdmaPort,
    ISCSI: IscsiPort,
    SAS: SasPort,
    PCI_EXPRESS: PciExpressPort,
}


@record
class TransportId(Record):
    """TransportID (SPC-4 7.6.4.1, table 498).

    24 bytes or more, a multiple of four.
    """

    format_code: int = uint(2, default=0, names=FORMATS)
    _byte0 = reserved(2)
    protocol_identifier: int = uint(4, names=PROTOCOLS)
    port: Port = choice(
        "protocol_identifier", PORTS, otherwise=OtherPort, label="SCSI transport protocol specific data"
    )

    @property
    def text(self) -> str:
        """The port as one word for a listing: a name, or `naa.`, `eui.` and hexadecimal digits."""
        match self.port:
            case IscsiPort(iscsi_name=name):
                return printable(name.partition(b"\0")[0])
            case FibreChannelPort(n_port_name=name) | SasPort(sas_address=name):
                return f"naa.{name.hex()}"
            case Ieee1394Port(eui_64_name=name):
                return f"eui.{name.hex()}"
            case RdmaPort(initiator_port_identifier=name):
                return f"eui.{name.hex()}"
            case ParallelPort(scsi_address=address):
                return f"SCSI address {address}"
            case PciExpressPort(routing_id=routing):
                return f"routing id {routing:04x}"
            case _:
                return self.port.pack().hex()
