"""Persistent reservations told in full and moved to another port (SPC-4 5.13.8, table 70; 6.15.5)."""

from __future__ import annotations

import struct

import pytest

from cdb.command import Reply
from tests.target.bench import BLOCK, Bench, No, no, write_16
from tests.target.reservation_bench import (
    EA,
    KEY,
    ME,
    OTHER,
    OTHER_KEY,
    RESERVE,
    WE,
    WE_AR,
    conflicts,
    data_of,
    held,
    keys,
    move,
    out,
    registered,
)


@pytest.fixture
def array() -> Bench:
    """Two registered nexuses."""
    return registered((ME, KEY), (OTHER, OTHER_KEY))


# Full status and moving (5.13.8, table 70; 6.15.5)


def full_status(array: Bench) -> list[tuple[int, int, int, bytes]]:
    """For each registration the key, whether it holds, the type, and the TransportID."""
    data, found, at = data_of(array, 3), [], 8
    assert struct.unpack(">I", data[4:8]) == (len(data) - 8,)
    while at < len(data):
        (length,) = struct.unpack(">I", data[at + 20 : at + 24])
        assert data[at + 18 : at + 20] == b"\0\1"
        port = data[at + 24 : at + 24 + length]
        found.append((int.from_bytes(data[at : at + 8], "big"), data[at + 12], data[at + 13] & 0x0F, port))
        at += 24 + length
    return found


def test_full_status_names_every_registrant_by_its_port(array: Bench) -> None:
    array.send(0, out(RESERVE, OTHER_KEY, kind=EA), OTHER)
    mine, others = full_status(array)
    assert (mine[:3], others[:3]) == ((KEY, 0, 0), (OTHER_KEY, 1, EA))
    for found, name in ((mine, b"initiator"), (others, b"other")):
        port = found[3]
        assert (port[:2], len(port) % 4) == (b"\x05\0", 0)
        assert len(port) == 4 + int.from_bytes(port[2:4], "big")
        assert port[4:].rstrip(b"\0") == b"iqn.2001-04.invalid.xcopy-dev:" + name


def test_a_reservation_is_moved_to_the_port_that_full_status_names(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE))
    port = full_status(array)[1][3]
    assert array.send(0, move(KEY, 0x77, port)) == Reply()
    assert (held(array), keys(array)) == ((0x77, WE), (3, [KEY, 0x77]))
    assert conflicts(array.send(0, write_16(0, bytes(BLOCK))))
    assert not conflicts(array.send(0, write_16(0, bytes(BLOCK)), OTHER))


def test_who_moves_a_reservation_may_unregister_at_once(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE))
    array.send(0, move(KEY, 0x77, full_status(array)[1][3], unreg=1))
    assert (held(array), keys(array)[1]) == ((0x77, WE), [0x77])


def test_only_a_holder_moves_a_reservation(array: Bench) -> None:
    ports = [port for _, _, _, port in full_status(array)]
    assert no(array.send(0, move(KEY, 7, ports[1]))) == No(5, 0x24, 0, "cc0001")
    array.send(0, out(RESERVE, OTHER_KEY, kind=WE), OTHER)
    assert conflicts(array.send(0, move(KEY, 7, ports[1])))
    assert conflicts(array.send(0, move(9, 7, ports[1])))


def test_a_reservation_of_all_registrants_is_not_moved(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE_AR))
    assert conflicts(array.send(0, move(KEY, 7, full_status(array)[1][3])))


SAS = bytes.fromhex("060000005000c50012345678") + bytes(12)


def test_what_a_move_names_must_be_there(array: Bench) -> None:
    array.send(0, out(RESERVE, KEY, kind=WE))
    mine, other = (port for _, _, _, port in full_status(array))
    assert no(array.send(0, move(KEY, 7, mine))) == No(5, 0x26, 0, "800018")
    assert no(array.send(0, move(KEY, 7, SAS))) == No(5, 0x26, 0, "800018")
    assert no(array.send(0, move(KEY, 0, other))) == No(5, 0x26, 0, "800008")
    assert no(array.send(0, move(KEY, 7, other, target_port=2))) == No(5, 0x26, 0, "800012")
    assert no(array.send(0, move(KEY, 7, other[:-4]))) == No(5, 0x1A, 0)
    assert held(array) == (KEY, WE)
