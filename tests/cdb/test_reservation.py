"""PERSISTENT RESERVE IN and OUT: what sg_persist of sg3-utils 1.46 sends and reads, a second encoder.

The data of two service actions are python-scsi's.

TransportIDs of Fibre Channel, SAS and iSCSI are checked with sg_persist; for those of parallel SCSI,
IEEE 1394, RDMA and PCI Express there are no bytes from outside, only SPC-4's tables in the second encoder.
"""

from __future__ import annotations

import pytest
from hypothesis import given

from cdb import transport_id as ports
from cdb.errors import DecodeError
from cdb.reservation import (
    CLEAR,
    PREEMPT,
    PREEMPT_AND_ABORT,
    READ_FULL_STATUS,
    READ_KEYS,
    READ_RESERVATION,
    REGISTER,
    REGISTER_AND_IGNORE_EXISTING_KEY,
    REGISTER_AND_MOVE,
    RELEASE,
    REPORT_CAPABILITIES,
    RESERVE,
    CurrentReservation,
    FullStatus,
    FullStatusDescriptor,
    PersistentReserveIn,
    PersistentReserveOut,
    RegisterAndMoveList,
    RegisteredKeys,
    Reservation,
    ReservationCapabilities,
    ReserveOutList,
)
from cdb.transport_id import TransportId
from tests.cdb.independent import laid_out
from tests.cdb.samples import sample
from tests.cdb.strategies import records

# Laid out by SPC-4 tables 210, 211, 500, 506 and 507, and read by sg_persist as the test says.
FULL_STATUS = bytes.fromhex(
    "00000009000000ac"
    "1122334455667788000000000105000000000001000000180000000000000000"
    "2100001b320000010000000000000000"
    "aabbccddeeff0011000000000000000000000002000000344500003069716e2e"
    "313939332d30382e6f72672e64656269616e3a30313a6162632c692c30783030"
    "3032336430303030303100"
    "00"
    "1122334455667788000000000308000000000000000000180600000050"
    "0a098000000001000000000000000000000000"
)


@pytest.mark.parametrize(
    ("sent", "action"),
    [
        ("5e000000000000200000", READ_KEYS),
        ("5e010000000000200000", READ_RESERVATION),
        ("5e020000000000200000", REPORT_CAPABILITIES),
    ],
)
def test_the_commands_are_those_sg_persist_sends(sent: str, action: int) -> None:
    assert PersistentReserveIn(service_action=action, allocation_length=0x2000).pack().hex() == sent


def test_full_status_is_asked_for_as_sg_persist_asks() -> None:
    command = PersistentReserveIn(service_action=READ_FULL_STATUS, allocation_length=0x400)
    assert command.pack().hex() == "5e030000000000040000"


def test_a_sample_command_is_read_and_built() -> None:
    expected = PersistentReserveIn(service_action=31, allocation_length=57005, control=255)
    assert PersistentReserveIn.unpack(sample("cdb_persistent_reserve_in").data) == expected
    assert expected.pack() == sample("cdb_persistent_reserve_in").data


@pytest.mark.parametrize(
    ("data", "generation", "keys"),
    [  # python-scsi, tests/test_cdb_persistentreservein.py
        ("0000000200000000", 2, ()),
        ("000001000000000800000000deadbeef", 256, (0xDEADBEEF,)),
        (
            "010000000000001000000000deadbeefabcdefaabbccddee",
            16777216,
            (0xDEADBEEF, 0xABCDEFAABBCCDDEE),
        ),
    ],
)
def test_keys_are_read_as_python_scsi_reads_them(data: str, generation: int, keys: tuple[int, ...]) -> None:
    expected = RegisteredKeys(generation=generation, keys=keys)
    assert RegisteredKeys.unpack(bytes.fromhex(data)) == expected
    assert expected.pack().hex() == data


def test_no_reservation_is_no_descriptor() -> None:
    # python-scsi, tests/test_cdb_persistentreservein.py
    assert CurrentReservation.unpack(bytes.fromhex("0000001f00000000")) == CurrentReservation(
        generation=31, held=()
    )


def test_a_reservation_says_whose_and_which() -> None:
    # python-scsi, tests/test_cdb_persistentreservein.py: Write Exclusive
    data = bytes.fromhex("000000200000001000000000deadbeef0000000000010000")
    read = CurrentReservation.unpack(data)
    assert read == CurrentReservation(generation=32, held=(Reservation(key=0xDEADBEEF, type=1),))
    assert Reservation.row("type").meaning(1) == "Write Exclusive"
    assert Reservation.row("scope").meaning(0) == "logical unit"
    assert read.pack() == data


@pytest.mark.parametrize(
    ("data", "only"),
    [  # python-scsi, tests/test_cdb_persistentreservein.py, bit by bit
        ("0008010000000000", "ptpl_c"),
        ("0008040000000000", "atp_c"),
        ("0008080000000000", "sip_c"),
    ],
)
def test_a_capability_has_its_bit(data: str, only: str) -> None:
    assert ReservationCapabilities.unpack(bytes.fromhex(data)) == ReservationCapabilities(**{only: True})


def test_capabilities_say_what_sg_persist_says() -> None:
    # Laid out by SPC-4 tables 207 and 209; what it says is the word of sg_persist 1.46.
    data = bytes.fromhex("00089dc1aa010000")
    read = ReservationCapabilities.unpack(data)
    assert read == ReservationCapabilities(
        rlr_c=True,
        crh=True,
        sip_c=True,
        atp_c=True,
        ptpl_c=True,
        tmv=True,
        allow_commands=4,
        ptpl_a=True,
        wr_ex_ar=True,
        ex_ac_ro=False,
        wr_ex_ro=True,
        ex_ac=True,
        wr_ex=True,
        ex_ac_ar=True,
    )
    assert read.pack() == data


def test_full_status_says_what_sg_persist_says() -> None:
    read = FullStatus.unpack(FULL_STATUS)
    first, second, third = read.descriptors
    assert (read.generation, first.key, second.key) == (9, 0x1122334455667788, 0xAABBCCDDEEFF0011)
    assert [d.relative_target_port for d in read.descriptors] == [1, 2, 0]
    assert [(d.all_tg_pt, d.r_holder) for d in read.descriptors] == [
        (False, True),
        (False, False),
        (True, True),
    ]
    meaning = FullStatusDescriptor.row("type").meaning
    assert (meaning(first.type), meaning(third.type)) == (
        "Write Exclusive, Registrants Only",
        "Exclusive Access, All Registrants",
    )
    assert [d.transport_id.text for d in read.descriptors] == [
        "naa.2100001b32000001",
        "iqn.1993-08.org.debian:01:abc,i,0x00023d000001",
        "naa.500a098000000001",
    ]
    assert second.transport_id.format_code == 1
    assert read.pack() == FULL_STATUS


def test_a_transport_id_that_runs_past_its_descriptor_is_a_decode_error() -> None:
    damaged = bytearray(FULL_STATUS)
    damaged[31] = 0xFF
    with pytest.raises(DecodeError, match="TransportID at byte 32 takes up 255 bytes"):
        FullStatus.unpack(bytes(damaged))


def test_an_iscsi_name_longer_than_its_descriptor_is_a_decode_error() -> None:
    damaged = bytearray(FULL_STATUS)
    damaged[8 + 48 + 24 + 3] = 0x31
    with pytest.raises(DecodeError, match="ADDITIONAL LENGTH at byte 82 is 49"):
        FullStatus.unpack(bytes(damaged))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("01000007000000020000000000000000" + "00" * 8, "SCSI address 7"),
        ("030000000000000000112233445566770000000000000000", "eui.0011223344556677"),
        (
            "0400000000000000" + "fe80000000000000" + "0002c90300a1b2c3",
            "eui.fe800000000000000002c90300a1b2c3",
        ),
        ("0a00010000000000" + "00" * 16, "routing id 0100"),
        ("07c0ffee", "c0ffee"),
    ],
)
def test_an_initiator_port_is_one_word_in_a_listing(data: str, text: str) -> None:
    assert TransportId.unpack(bytes.fromhex(data)).text == text


def port_bytes(port: ports.Port) -> bytes:
    """A TransportID from its byte 1 on, by the tables of SPC-4 7.6.4."""
    places: dict[str, int | bytes]
    match port:
        case ports.FibreChannelPort():
            places = {"8-15": port.n_port_name}
        case ports.ParallelPort():
            places = {"2-3": port.scsi_address, "6-7": port.relative_target_port}
        case ports.Ieee1394Port():
            places = {"8-15": port.eui_64_name}
        case ports.RdmaPort():
            places = {"8-23": port.initiator_port_identifier}
        case ports.SasPort():
            places = {"4-11": port.sas_address}
        case ports.PciExpressPort():
            places = {"2-3": port.routing_id}
        case ports.IscsiPort():
            return b"\0" + len(port.iscsi_name).to_bytes(2, "big") + port.iscsi_name
        case _:
            return port.parameters
    return laid_out(24, places)[1:]


def transport_id_bytes(made: TransportId) -> bytes:
    head = laid_out(1, {"0.7-6": made.format_code, "0.3-0": made.protocol_identifier})
    return head + port_bytes(made.port)


@given(records(TransportId))
def test_a_second_encoder_builds_the_same_transport_id(made: TransportId) -> None:
    assert made.pack() == transport_id_bytes(made)


@given(records(FullStatus))
def test_a_second_encoder_builds_the_same_full_status(made: FullStatus) -> None:
    body = b"".join(
        laid_out(
            24,
            {
                "0-7": d.key,
                "12.1": d.all_tg_pt,
                "12.0": d.r_holder,
                "13.7-4": d.scope,
                "13.3-0": d.type,
                "18-19": d.relative_target_port,
                "20-23": len(transport_id_bytes(d.transport_id)),
            },
        )
        + transport_id_bytes(d.transport_id)
        for d in made.descriptors
    )
    assert made.pack() == laid_out(8, {"0-3": made.generation, "4-7": len(body)}) + body


@given(records(RegisteredKeys))
def test_a_second_encoder_builds_the_same_keys(made: RegisteredKeys) -> None:
    body = b"".join(key.to_bytes(8, "big") for key in made.keys)
    assert made.pack() == laid_out(8, {"0-3": made.generation, "4-7": len(body)}) + body


@given(records(CurrentReservation))
def test_a_second_encoder_builds_the_same_reservation(made: CurrentReservation) -> None:
    body = b"".join(
        laid_out(24, {"8-15": held.key, "21.7-4": held.scope, "21.3-0": held.type})[8:] for held in made.held
    )
    assert made.pack() == laid_out(8, {"0-3": made.generation, "4-7": len(body)}) + body


@given(records(ReservationCapabilities))
def test_a_second_encoder_builds_the_same_capabilities(made: ReservationCapabilities) -> None:
    assert made.pack() == laid_out(
        8,
        {
            "0-1": 8,
            "2.7": made.rlr_c,
            "2.4": made.crh,
            "2.3": made.sip_c,
            "2.2": made.atp_c,
            "2.0": made.ptpl_c,
            "3.7": made.tmv,
            "3.6-4": made.allow_commands,
            "3.0": made.ptpl_a,
            "4.7": made.wr_ex_ar,
            "4.6": made.ex_ac_ro,
            "4.5": made.wr_ex_ro,
            "4.3": made.ex_ac,
            "4.1": made.wr_ex,
            "5.0": made.ex_ac_ar,
        },
    )


@given(records(PersistentReserveIn))
def test_a_second_encoder_builds_the_same_command(made: PersistentReserveIn) -> None:
    assert made.pack() == laid_out(
        10,
        {
            "0": 0x5E,
            "1.4-0": made.service_action,
            "7-8": made.allocation_length,
            "9": made.control,
        },
    )


SENT = {  # the service action, and what sg_persist --out sent with the options
    "--reserve --param-rk=0x12 --prout-type=5": (
        "5f010500000000001800",
        "000000000000001200000000000000000000000000000000",
        PersistentReserveOut(service_action=RESERVE, type=5, parameter_list_length=24),
        ReserveOutList(reservation_key=0x12),
    ),
    "--release --param-rk=0x12 --prout-type=8": (
        "5f020800000000001800",
        "000000000000001200000000000000000000000000000000",
        PersistentReserveOut(service_action=RELEASE, type=8, parameter_list_length=24),
        ReserveOutList(reservation_key=0x12),
    ),
    "--clear --param-rk=0x12": (
        "5f030000000000001800",
        "000000000000001200000000000000000000000000000000",
        PersistentReserveOut(service_action=CLEAR, parameter_list_length=24),
        ReserveOutList(reservation_key=0x12),
    ),
    "--preempt --param-rk=0x12 --param-sark=0x34 --prout-type=3": (
        "5f040300000000001800",
        "000000000000001200000000000000340000000000000000",
        PersistentReserveOut(service_action=PREEMPT, type=3, parameter_list_length=24),
        ReserveOutList(reservation_key=0x12, service_action_key=0x34),
    ),
    "--preempt-abort --param-rk=0x12 --param-sark=0x34 --prout-type=1": (
        "5f050100000000001800",
        "000000000000001200000000000000340000000000000000",
        PersistentReserveOut(service_action=PREEMPT_AND_ABORT, type=1, parameter_list_length=24),
        ReserveOutList(reservation_key=0x12, service_action_key=0x34),
    ),
    "--register-ignore --param-sark=0xaabbccddeeff0011 --param-aptpl --param-alltgpt": (
        "5f060000000000001800",
        "0000000000000000aabbccddeeff00110000000005000000",
        PersistentReserveOut(service_action=REGISTER_AND_IGNORE_EXISTING_KEY, parameter_list_length=24),
        ReserveOutList(reservation_key=0, service_action_key=0xAABBCCDDEEFF0011, aptpl=True, all_tg_pt=True),
    ),
    "--register --param-sark=0x34 --transport-id=sas,5000c50012345678": (
        "5f000000000000003400",
        "0000000000000000000000000000003400000000080000000000001806000000"
        "5000c50012345678000000000000000000000000",
        PersistentReserveOut(service_action=REGISTER, parameter_list_length=52),
        ReserveOutList(
            reservation_key=0,
            service_action_key=0x34,
            spec_i_pt=True,
            additional=bytes.fromhex("00000018060000005000c50012345678000000000000000000000000"),
        ),
    ),
    "--register-move --param-rk=0x12 --param-sark=0x34 --relative-target-port=0x102 --param-unreg": (
        "5f070000000000003c00",
        "0000000000000012000000000000003400030102000000240500002069716e2e"
        "313939332d30382e6f72672e64656269616e3a30313a616263000000",
        PersistentReserveOut(service_action=REGISTER_AND_MOVE, parameter_list_length=60),
        RegisterAndMoveList(
            reservation_key=0x12,
            service_action_key=0x34,
            unreg=True,
            aptpl=True,
            relative_target_port=0x102,
            transport_id=TransportId(
                protocol_identifier=ports.ISCSI,
                port=ports.IscsiPort(iscsi_name=b"iqn.1993-08.org.debian:01:abc\0\0\0"),
            ),
        ),
    ),
}


@pytest.mark.parametrize("options", SENT)
def test_a_command_and_its_list_are_what_sg_persist_sends(options: str) -> None:
    cdb, sent, command, made = SENT[options]
    assert (command.pack().hex(), made.pack().hex()) == (cdb, sent)
    assert PersistentReserveOut.unpack(bytes.fromhex(cdb)) == command
    assert type(made).unpack(bytes.fromhex(sent)) == made


def test_a_sample_of_persistent_reserve_out_is_read_and_built() -> None:
    expected = PersistentReserveOut(
        service_action=31, scope=15, type=15, parameter_list_length=0xDEADBEEF, control=255
    )
    assert PersistentReserveOut.unpack(sample("cdb_persistent_reserve_out").data) == expected
    assert expected.pack() == sample("cdb_persistent_reserve_out").data


@given(records(PersistentReserveOut))
def test_a_second_encoder_builds_the_same_command_out(made: PersistentReserveOut) -> None:
    assert made.pack() == laid_out(
        10,
        {
            "0": 0x5F,
            "1.4-0": made.service_action,
            "2.7-4": made.scope,
            "2.3-0": made.type,
            "5-8": made.parameter_list_length,
            "9": made.control,
        },
    )


@given(records(ReserveOutList))
def test_a_second_encoder_builds_the_same_list_out(made: ReserveOutList) -> None:
    fixed = laid_out(
        24,
        {
            "0-7": made.reservation_key,
            "8-15": made.service_action_key,
            "20.3": made.spec_i_pt,
            "20.2": made.all_tg_pt,
            "20.0": made.aptpl,
        },
    )
    assert made.pack() == fixed + made.additional


@given(records(RegisterAndMoveList))
def test_a_second_encoder_builds_the_same_list_of_register_and_move(made: RegisterAndMoveList) -> None:
    port = transport_id_bytes(made.transport_id)
    fixed = laid_out(
        24,
        {
            "0-7": made.reservation_key,
            "8-15": made.service_action_key,
            "17.1": made.unreg,
            "17.0": made.aptpl,
            "18-19": made.relative_target_port,
            "20-23": len(port),
        },
    )
    assert made.pack() == fixed + port
