"""An initiator for tests of persistent reservations: commands by their bytes, answers read by theirs."""

from __future__ import annotations

import struct
from typing import Any

from cdb.command import Command, Reply
from tests.target.bench import GOOD, RESERVATION_CONFLICT, TEST_UNIT_READY, Bench, No, bench, data_in

REGISTER, RESERVE, RELEASE, CLEAR, PREEMPT, PREEMPT_AND_ABORT, REGISTER_ANYWAY, MOVE = range(8)
ME, OTHER, THIRD = "initiator", "other", "third"
KEY, OTHER_KEY, THIRD_KEY = 0x1111, 0x2222, 0x3333
WE, EA, WE_RO, EA_RO, WE_AR, EA_AR = 1, 3, 5, 6, 7, 8
PREEMPTED, RELEASED, REGISTRATIONS = No(6, 0x2A, 3), No(6, 0x2A, 4), No(6, 0x2A, 5)


def out(
    action: int,
    key: int = 0,
    service_key: int = 0,
    *,
    kind: int = 0,
    scope: int = 0,
    flags: int = 0,
    length: int | None = None,
) -> Command:
    """PERSISTENT RESERVE OUT with the basic list."""
    data = struct.pack(">QQ4xB3x", key, service_key, flags)
    size = len(data) if length is None else length
    cdb = struct.pack(">BBB2xIB", 0x5F, action, scope << 4 | kind, size, 0)
    return Command(name="PERSISTENT RESERVE OUT", cdb=cdb, data_out=data)


def move(key: int, new_key: int, port: bytes, *, unreg: int = 0, target_port: int = 1) -> Command:
    """PERSISTENT RESERVE OUT, REGISTER AND MOVE."""
    data = struct.pack(">QQxBHI", key, new_key, unreg << 1, target_port, len(port)) + port
    cdb = struct.pack(">BBB2xIB", 0x5F, MOVE, 0, len(data), 0)
    return Command(name="REGISTER AND MOVE", cdb=cdb, data_out=data)


def data_of(array: Bench, action: int, number: int = 0) -> bytes:
    """PERSISTENT RESERVE IN."""
    reply = array.send(number, data_in(f"5e{action:02x}00000000000400 00".replace(" ", ""), 1024))
    assert reply.status == GOOD
    return reply.data


def keys(array: Bench) -> tuple[int, list[int]]:
    """PRGENERATION and the registered keys."""
    data = data_of(array, 0)
    generation, length = struct.unpack(">II", data[:8])
    assert length == len(data) - 8
    return generation, [int.from_bytes(data[n : n + 8], "big") for n in range(8, len(data), 8)]


def held(array: Bench) -> tuple[int, int] | None:
    """The reservation's key and type."""
    data = data_of(array, 1)
    (length,) = struct.unpack(">I", data[4:8])
    if not length:
        return None
    assert (length, len(data), data[21] >> 4) == (16, 24, 0)
    return int.from_bytes(data[8:16], "big"), data[21] & 0x0F


def registered(*nexuses: tuple[str, int], **changes: Any) -> Bench:
    """Two units, the nexuses registered with unit 0, and nobody has anything to be told."""
    array = bench(**changes)
    for nexus, key in nexuses:
        for number in (0, 1):
            array.send(number, TEST_UNIT_READY, nexus)
        assert array.send(0, out(REGISTER, 0, key), nexus) == Reply()
    return array


def conflicts(reply: Reply) -> bool:
    """Whether a reply is RESERVATION CONFLICT, which comes without sense data."""
    assert reply.status in (GOOD, RESERVATION_CONFLICT), reply
    assert reply.status == GOOD or not reply.sense
    return reply.status == RESERVATION_CONFLICT


def stranger(array: Bench) -> str:
    """A nexus that is not registered and has nothing to be told."""
    array.send(0, TEST_UNIT_READY, THIRD)
    return THIRD
