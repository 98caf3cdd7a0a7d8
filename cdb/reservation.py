"""PERSISTENT RESERVE IN and OUT: who may use a unit, and who is registered with it (SPC-4 6.15, 6.16).

One record for each command, one for the data of each service action; all service actions of PERSISTENT
RESERVE OUT but one have the same list.
"""

from __future__ import annotations

from cdb.record import Record, const, data, flag, items, length, numbers, part, record, reserved, uint
from cdb.transport_id import TransportId

READ_KEYS, READ_RESERVATION, REPORT_CAPABILITIES, READ_FULL_STATUS = 0x00, 0x01, 0x02, 0x03

SERVICE_ACTIONS = {
    READ_KEYS: "READ KEYS",
    READ_RESERVATION: "READ RESERVATION",
    REPORT_CAPABILITIES: "REPORT CAPABILITIES",
    READ_FULL_STATUS: "READ FULL STATUS",
}
REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT = 0x00, 0x01, 0x02, 0x03, 0x04, 0x05
REGISTER_AND_IGNORE_EXISTING_KEY, REGISTER_AND_MOVE, REPLACE_LOST_RESERVATION = 0x06, 0x07, 0x08

OUT_SERVICE_ACTIONS = {
    REGISTER: "REGISTER",
    RESERVE: "RESERVE",
    RELEASE: "RELEASE",
    CLEAR: "CLEAR",
    PREEMPT: "PREEMPT",
    PREEMPT_AND_ABORT: "PREEMPT AND ABORT",
    REGISTER_AND_IGNORE_EXISTING_KEY: "REGISTER AND IGNORE EXISTING KEY",
    REGISTER_AND_MOVE: "REGISTER AND MOVE",
    REPLACE_LOST_RESERVATION: "REPLACE LOST RESERVATION",
}
LU_SCOPE = 0x0
SCOPES = {LU_SCOPE: "logical unit", 0x1: "obsolete", 0x2: "obsolete"}
TYPES = {
    0x0: "none, or obsolete",
    0x1: "Write Exclusive",
    0x2: "obsolete",
    0x3: "Exclusive Access",
    0x4: "obsolete",
    0x5: "Write Exclusive, Registrants Only",
    0x6: "Exclusive Access, Registrants Only",
    0x7: "Write Exclusive, All Registrants",
    0x8: "Exclusive Access, All Registrants",
}
ALLOWED_COMMANDS = {  # through a reservation by another; the lists are in SPC-4 table 208
    0b000: "not told",
    0b001: "TEST UNIT READY; others not told",
    0b010: "TEST UNIT READY; no informational commands",
    0b011: "TEST UNIT READY; informational commands through Write Exclusive",
    0b100: "TEST UNIT READY, RECEIVE COPY RESULTS; informational commands through Write Exclusive",
}


@record
class PersistentReserveIn(Record):
    """PERSISTENT RESERVE IN (SPC-4 6.15.1, table 200)."""

    operation_code = const(8, 0x5E)
    _byte1 = reserved(3)
    service_action: int = uint(5, names=SERVICE_ACTIONS)
    _byte2 = reserved(40)
    allocation_length: int = uint(16)
    control: int = uint(8, default=0)


@record
class RegisteredKeys(Record):
    """PERSISTENT RESERVE IN data for READ KEYS (SPC-4 6.15.2, table 202).

    One key for each registered path from an initiator port to a target port.
    """

    generation: int = uint(32, label="PRGENERATION", doc="registrations changed so often")
    additional_length = length(32, "keys")
    keys: tuple[int, ...] = numbers(64, label="Reservation key")


@record
class Reservation(Record):
    """Reservation descriptor of READ RESERVATION (SPC-4 6.15.3.2, table 204)."""

    key: int = uint(64, label="RESERVATION KEY")
    _byte16 = reserved(32, label="Obsolete")
    _byte20 = reserved(8)
    scope: int = uint(4, default=LU_SCOPE, names=SCOPES)
    type: int = uint(4, names=TYPES)
    _byte22 = reserved(16, label="Obsolete")


@record
class CurrentReservation(Record):
    """PERSISTENT RESERVE IN data for READ RESERVATION (SPC-4 6.15.3.2, tables 203 and 204).

    `held` has one reservation, or none.
    """

    generation: int = uint(32, label="PRGENERATION", doc="registrations changed so often")
    additional_length = length(32, "held")
    held: tuple[Reservation, ...] = items(Reservation, label="Reservation")


@record
class ReservationCapabilities(Record):
    """PERSISTENT RESERVE IN data for REPORT CAPABILITIES (SPC-4 6.15.4, tables 207 and 209).

    The type bits of bytes 4 and 5 count only with `tmv`.
    """

    parameter_length = length(16, plus=2, label="LENGTH")
    rlr_c: bool = flag(default=False, label="RLR_C", doc="REPLACE LOST RESERVATION is supported")
    _byte2 = reserved(2)
    crh: bool = flag(default=False, doc="RESERVE and RELEASE get along with persistent reservations")
    sip_c: bool = flag(default=False, label="SIP_C", doc="other initiator ports can be registered")
    atp_c: bool = flag(default=False, label="ATP_C", doc="all target ports can be registered at once")
    _byte2b = reserved(1)
    ptpl_c: bool = flag(default=False, label="PTPL_C", doc="can persist through power loss")
    tmv: bool = flag(default=False, doc="the type mask is valid")
    allow_commands: int = uint(3, default=0, names=ALLOWED_COMMANDS)
    _byte3 = reserved(3)
    ptpl_a: bool = flag(default=False, label="PTPL_A", doc="does persist through power loss")
    wr_ex_ar: bool = flag(default=False, label="WR_EX_AR", doc=TYPES[0x7])
    ex_ac_ro: bool = flag(default=False, label="EX_AC_RO", doc=TYPES[0x6])
    wr_ex_ro: bool = flag(default=False, label="WR_EX_RO", doc=TYPES[0x5])
    _byte4 = reserved(1)
    ex_ac: bool = flag(default=False, label="EX_AC", doc=TYPES[0x3])
    _byte4b = reserved(1)
    wr_ex: bool = flag(default=False, label="WR_EX", doc=TYPES[0x1])
    _byte4c = reserved(1)
    _byte5 = reserved(7)
    ex_ac_ar: bool = flag(default=False, label="EX_AC_AR", doc=TYPES[0x8])
    _byte6 = reserved(16)


@record
class FullStatusDescriptor(Record):
    """Full status descriptor (SPC-4 6.15.5, table 211).

    One registration; with `all_tg_pt` it is that of the initiator port at every target port.
    """

    key: int = uint(64, label="RESERVATION KEY")
    _byte8 = reserved(32)
    _byte12 = reserved(6)
    all_tg_pt: bool = flag(default=False, label="ALL_TG_PT", doc="at every target port")
    r_holder: bool = flag(default=False, label="R_HOLDER", doc="holds the reservation")
    scope: int = uint(4, default=LU_SCOPE, names=SCOPES, doc="means something only with R_HOLDER")
    type: int = uint(4, default=0, names=TYPES, doc="means something only with R_HOLDER")
    _byte14 = reserved(32)
    relative_target_port: int = uint(16, default=0, label="RELATIVE TARGET PORT IDENTIFIER")
    additional_descriptor_length = length(32, "transport_id")
    transport_id: TransportId = part(TransportId, label="TransportID")


@record
class FullStatus(Record):
    """PERSISTENT RESERVE IN data for READ FULL STATUS (SPC-4 6.15.5, table 210)."""

    generation: int = uint(32, label="PRGENERATION", doc="registrations changed so often")
    additional_length = length(32, "descriptors")
    descriptors: tuple[FullStatusDescriptor, ...] = items(
        FullStatusDescriptor, label="full status descriptor"
    )


@record
class PersistentReserveOut(Record):
    """PERSISTENT RESERVE OUT (SPC-4 6.16.1, table 212).

    `scope` and `type` mean nothing where keys are registered, and for CLEAR.
    """

    operation_code = const(8, 0x5F)
    _byte1 = reserved(3)
    service_action: int = uint(5, names=OUT_SERVICE_ACTIONS)
    scope: int = uint(4, default=LU_SCOPE, names=SCOPES)
    type: int = uint(4, default=0, names=TYPES)
    _byte3 = reserved(16)
    parameter_list_length: int = uint(32)
    control: int = uint(8, default=0)


@record
class ReserveOutList(Record):
    """Basic PERSISTENT RESERVE OUT parameter list (SPC-4 6.16.3, table 214).

    `additional` is there with `spec_i_pt`: the length of the TransportIDs in four bytes, and these.
    """

    reservation_key: int = uint(64)
    service_action_key: int = uint(64, default=0, label="SERVICE ACTION RESERVATION KEY")
    _byte16 = reserved(32, label="Obsolete")
    _byte20 = reserved(4)
    spec_i_pt: bool = flag(default=False, label="SPEC_I_PT", doc="other initiator ports, too")
    all_tg_pt: bool = flag(default=False, label="ALL_TG_PT", doc="at every target port")
    _byte20b = reserved(1)
    aptpl: bool = flag(default=False, doc="persist through power loss")
    _byte21 = reserved(8)
    _byte22 = reserved(16, label="Obsolete")
    additional: bytes = data(default=b"", label="Additional parameter data")


@record
class RegisterAndMoveList(Record):
    """PERSISTENT RESERVE OUT parameter list of REGISTER AND MOVE (SPC-4 6.16.4)."""

    reservation_key: int = uint(64)
    service_action_key: int = uint(64, label="SERVICE ACTION RESERVATION KEY")
    _byte16 = reserved(8)
    _byte17 = reserved(6)
    unreg: bool = flag(default=False, doc="unregister who sends this")
    aptpl: bool = flag(default=False, doc="persist through power loss")
    relative_target_port: int = uint(16, label="RELATIVE TARGET PORT IDENTIFIER")
    transport_id_length = length(32, "transport_id", label="TRANSPORTID LENGTH")
    transport_id: TransportId = part(TransportId, label="TransportID")
