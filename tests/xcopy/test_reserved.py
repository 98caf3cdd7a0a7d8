"""What a unit answers about reservations, byte by byte (SPC-4 6.15), and what that means to a copy."""

from __future__ import annotations

import pytest

from cdb.command import Reply, Status
from tests.xcopy.script import play
from xcopy.claim import Claim
from xcopy.reserved import Access, Reserved, ask, claim

KEYS, RESERVATION, FULL = (f"5e {action:02x} 0000000000 2000 00" for action in (0, 1, 3))
NONE = Reply(data=bytes.fromhex("00000007 00000000"))
WRITE_EXCLUSIVE = Reply(data=bytes.fromhex("00000007 00000010 000000000000abcd 00000000 00 01 0000"))
REFUSED = Reply(status=Status.CHECK_CONDITION, sense=bytes.fromhex("700005000000000a00000000200000000000"))
ATTENTION = Reply(status=Status.CHECK_CONDITION, sense=bytes.fromhex("700006000000000a000000002a0300000000"))
CONFLICT = Reply(status=Status.RESERVATION_CONFLICT)
ISCSI = b"iqn.2026-01.org.example:one,i,0x00023d000001"


def registration(port: str, *, holder: bool) -> bytes:
    """One full status descriptor (SPC-4 table 211) of a TransportID in hex."""
    transport = bytes.fromhex(port)
    head = bytes.fromhex("000000000000abcd 00000000") + bytes([holder, 0x01]) + bytes(4) + b"\0\1"
    return head + len(transport).to_bytes(4, "big") + transport


def status(*descriptors: bytes) -> Reply:
    data = b"".join(descriptors)
    return Reply(data=b"\0\0\0\7" + len(data).to_bytes(4, "big") + data)


SAS_1 = "06000000 5001405cc0de0001" + "00" * 12
SAS_2 = "06000000 5001405cc0de0002" + "00" * 12


def test_a_unit_that_nobody_has_reserved() -> None:
    assert play(ask(), [(RESERVATION, NONE), (KEYS, NONE)]) == Access()


def test_a_unit_with_registrations_alone() -> None:
    keys = Reply(data=bytes.fromhex("00000007 00000018") + bytes(24))
    assert play(ask(), [(RESERVATION, NONE), (KEYS, keys)]) == Access(None, 3)


def test_more_keys_than_there_was_room_for_are_keys() -> None:
    keys = Reply(data=bytes.fromhex("00000007 00010000") + bytes(8184))
    assert play(ask(), [(RESERVATION, NONE), (KEYS, keys)]).registrations == 1


def test_a_unit_that_knows_no_reservations_has_none() -> None:
    assert play(ask(), [(RESERVATION, REFUSED)]) == Access()


def test_a_reservation_and_its_holder() -> None:
    both = status(registration(SAS_1, holder=False), registration(SAS_2, holder=True))
    access = play(ask(), [(RESERVATION, WRITE_EXCLUSIVE), (FULL, both)])
    assert access.reserved == Reserved("Write Exclusive, key 0x000000000000abcd", ("naa.5001405cc0de0002",))


def test_unit_attentions_are_passed() -> None:
    script = [(RESERVATION, ATTENTION), (RESERVATION, NONE), (KEYS, ATTENTION), (KEYS, NONE)]
    assert play(ask(), script) == Access()


@pytest.mark.parametrize("answer", [REFUSED, Reply(data=b"\0\0\0\7\0\1\0\0")], ids=["refused", "cut off"])
def test_a_reservation_whose_holder_is_not_told(answer: Reply) -> None:
    access = play(ask(), [(RESERVATION, WRITE_EXCLUSIVE), (FULL, answer)])
    assert access.reserved == Reserved("Write Exclusive, key 0x000000000000abcd")


def test_a_unit_reserved_by_the_older_command_refuses_the_question() -> None:
    access = play(ask(), [(RESERVATION, CONFLICT)])
    assert str(claim("/dev/sdb", access.reserved, ())) == (
        "/dev/sdb is reserved by a command RESERVE, whoever sent it"
    )


def test_an_answer_that_cannot_be_read_is_a_reservation() -> None:
    assert play(ask(), [(RESERVATION, Reply(data=b"\0\0"))]).reserved is not None


def test_ours_is_told_from_anothers() -> None:
    held = Reserved("Write Exclusive, key 0x1", ("naa.5001405cc0de0002",))
    assert claim("/dev/sdb", held, {"naa.5001405CC0DE0002"}).kind == "own-reservation"
    assert claim("/dev/sdb", held, {"naa.5001405cc0de0001"}) == Claim(
        "reserved", "/dev/sdb", "naa.5001405cc0de0002 (Write Exclusive, key 0x1)"
    )


def test_an_iscsi_name_is_ours_in_whichever_session() -> None:
    held = Reserved("Write Exclusive", (ISCSI.decode(),))
    assert claim("/dev/sdb", held, {"iqn.2026-01.org.example:one"}).kind == "own-reservation"
    assert claim("/dev/sdb", held, {"iqn.2026-01.org.example:on"}).kind == "reserved"


def test_of_a_shared_reservation_one_holder_that_is_ours_is_enough() -> None:
    held = Reserved("Exclusive Access, All Registrants", ("naa.5001405cc0de0001", "naa.5001405cc0de0002"))
    assert claim("/dev/sdb", held, {"naa.5001405cc0de0002"}).kind == "own-reservation"


def test_a_holder_that_is_not_told_is_another() -> None:
    found = claim("/dev/sdb", Reserved("Write Exclusive, key 0x1"), {"naa.5001405cc0de0001"})
    assert (
        str(found) == "/dev/sdb is reserved by an initiator that it does not name (Write Exclusive, key 0x1)"
    )
