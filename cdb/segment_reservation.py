"""Segment descriptors that register and move persistent reservations (SPC-4 6.4.6.17 and 6.4.6.18)."""

from __future__ import annotations

from cdb.cscd_id import cscd_id_name
from cdb.record import Record, const, data, flag, length, record, reserved, uint
from cdb.transport_id import TransportId


@record
class RegisterKey(Record):
    """Register persistent reservation key (SPC-4 6.4.6.17, table 164).

    The copy manager sends PERSISTENT RESERVE OUT, REGISTER, with both keys to the destination.
    """

    descriptor_type = const(8, 0x14, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(8)
    descriptor_length = const(16, 0x18, label="DESCRIPTOR LENGTH")
    _byte4 = reserved(16)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    reservation_key: int = uint(64)
    service_action_key: int = uint(64, label="SERVICE ACTION RESERVATION KEY")
    _byte24 = reserved(32)


@record
class ThirdPartyReservation(Record):
    """Third party persistent reservations source I_T nexus (SPC-4 6.4.6.18, table 165).

    When all other segments are done, or one has failed, the copy manager sends what follows byte 7 as the
    parameter list of PERSISTENT RESERVE OUT, REGISTER AND MOVE. `transport_id` is one TransportID, at least
    24 bytes and a multiple of 4 (SPC-4 7.6.4.1).
    """

    descriptor_type = const(8, 0x15, label="DESCRIPTOR TYPE CODE")
    _byte1 = reserved(8)
    descriptor_length = length(16, label="DESCRIPTOR LENGTH")
    _byte4 = reserved(16)
    destination_cscd: int = uint(16, label="DESTINATION CSCD DESCRIPTOR ID", names=cscd_id_name)
    reservation_key: int = uint(64)
    service_action_key: int = uint(64, label="SERVICE ACTION RESERVATION KEY")
    _byte24 = reserved(8)
    _byte25 = reserved(6)
    unreg: bool = flag(default=False)
    aptpl: bool = flag(default=False)
    relative_target_port: int = uint(16, label="RELATIVE TARGET PORT IDENTIFIER")
    transport_id_length = length(32, "transport_id", label="TRANSPORTID LENGTH")
    transport_id: bytes = data(label="TransportID", holds=lambda _: TransportId)
