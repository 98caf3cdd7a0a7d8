"""What tests of list identifiers and results send and read: bytes by SPC-4's numbers, not our codec."""

from __future__ import annotations

import struct
from dataclasses import replace
from threading import Event, Thread
from typing import NamedTuple

from cdb.command import Command, Reply
from tests.cdb.independent import laid_out
from tests.target.bench import GOOD, Bench, bench
from xcopy.target.array import memory_array
from xcopy.target.faults import Call, Fault
from xcopy.target.profile import STRICT, Profile

FINISHED, UNKNOWN_DELAY = 0xFFFFFFFE, 0xFFFFFFFF


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def with_policy(
    units: int = 2, *, clock: Clock | None = None, profile: Profile = STRICT, **policy: object
) -> Bench:
    """A bench whose copy manager differs from the standard in some fields of its policy."""
    changed = replace(profile, copies=replace(profile.copies, **policy))  # type: ignore[arg-type]
    if clock is None:
        return bench(units, profile=changed)
    return Bench(memory_array(units, blocks=256, profile=changed, now=clock))


def lid4_list(
    cscds: list[bytes],
    segments: list[bytes],
    *,
    list_id: int = 7,
    usage: int = 0b00,
    immed: bool = False,
    g_sense: bool = False,
    inline: bytes = b"",
    header: dict[str, int | bytes] | None = None,
) -> bytes:
    """An EXTENDED COPY(LID4) parameter list (SPC-4 table 126); `header` are places of it that are other."""
    first, second = b"".join(cscds), b"".join(segments)
    places: dict[str, int | bytes] = {
        "0": 0x01,
        "1.4-3": usage,
        "1.2-0": 1,
        "2-3": 0x0020,
        "15.1": int(g_sense),
        "15.0": int(immed),
        "16": 0xFF,
        "20-23": list_id,
        "42-43": len(first),
        "44-45": len(second),
        "46-47": len(inline),
    }
    return laid_out(48, {**places, **(header or {})}) + first + second + inline


def extended_copy_lid4(parameter_list: bytes, length: int | None = None) -> Command:
    """EXTENDED COPY(LID4) with that list (SPC-4 table 125)."""
    size = len(parameter_list) if length is None else length
    cdb = laid_out(16, {"0": 0x83, "1.4-0": 0x01, "10-13": size})
    return Command(name="EXTENDED COPY(LID4)", cdb=cdb, data_out=parameter_list)


def copy_lid4(
    array: Bench, *segments: bytes, to: int = 1, nexus: str | None = None, **fields: object
) -> Reply:
    """Send those segments, with a CSCD descriptor for every unit; the first unit's id is 1."""
    parameter_list = lid4_list(array.cscds(), list(segments), **fields)  # type: ignore[arg-type]
    return array.send(to, extended_copy_lid4(parameter_list), nexus)


def ask_lid1(service_action: int, list_id: int, room: int = 1024) -> Command:
    """RECEIVE COPY STATUS, DATA or FAILURE DETAILS (LID1) (SPC-4 tables 252, 241 and 245)."""
    cdb = laid_out(16, {"0": 0x84, "1.4-0": service_action, "2": list_id, "10-13": room})
    return Command(name="RECEIVE COPY (LID1)", cdb=cdb, data_in=room)


def ask_lid4(service_action: int, list_id: int, room: int = 1024) -> Command:
    """RECEIVE COPY STATUS or DATA (LID4) (SPC-4 tables 247 and 239)."""
    cdb = laid_out(16, {"0": 0x84, "1.4-0": service_action, "2-5": list_id, "10-13": room})
    return Command(name="RECEIVE COPY (LID4)", cdb=cdb, data_in=room)


def status_lid1(list_id: int, room: int = 1024) -> Command:
    """RECEIVE COPY STATUS(LID1)."""
    return ask_lid1(0x00, list_id, room)


def data_lid1(list_id: int, room: int = 1024) -> Command:
    """RECEIVE COPY DATA(LID1)."""
    return ask_lid1(0x01, list_id, room)


def failure_details(list_id: int, room: int = 1024) -> Command:
    """RECEIVE COPY FAILURE DETAILS(LID1)."""
    return ask_lid1(0x04, list_id, room)


def status_lid4(list_id: int, room: int = 1024) -> Command:
    """RECEIVE COPY STATUS(LID4)."""
    return ask_lid4(0x05, list_id, room)


def data_lid4(list_id: int, room: int = 1024) -> Command:
    """RECEIVE COPY DATA(LID4)."""
    return ask_lid4(0x06, list_id, room)


def abort(list_id: int) -> Command:
    """COPY OPERATION ABORT (SPC-4 table 124)."""
    cdb = laid_out(16, {"0": 0x83, "1.4-0": 0x1C, "2-5": list_id})
    return Command(name="COPY OPERATION ABORT", cdb=cdb)


class Lid1Status(NamedTuple):
    """RECEIVE COPY STATUS(LID1) data (SPC-4 table 253)."""

    available: int
    hdd: bool
    status: int
    segments: int
    units: int
    count: int


class Lid4Status(NamedTuple):
    """The state of a copy operation (SPC-4 table 248); `rest` is what is behind the sense data field."""

    available: int
    action: int
    hdd: bool
    status: int
    counter: int
    delay: int
    completion: int
    sense: bytes
    units: int
    count: int
    segments: int
    rest: bytes


def lid1_status(array: Bench, list_id: int, nexus: str | None = None) -> Lid1Status:
    """What RECEIVE COPY STATUS(LID1) says."""
    reply = array.send(1, status_lid1(list_id), nexus)
    assert reply.status == GOOD, reply
    available, status, segments, units, count = struct.unpack(">IBHBI", reply.data)
    return Lid1Status(available, bool(status & 0x80), status & 0x7F, segments, units, count)


def lid4_state(reply: Reply) -> Lid4Status:
    """What the answer to a LID4 question says."""
    assert reply.status == GOOD, reply
    data = reply.data
    available, action, status, counter, delay = struct.unpack(">IBBHI", data[:12])
    completion, field, sense, units, count, segments = struct.unpack(">BBBBQH", data[12:26])
    assert data[26:32] == bytes(6)
    assert field % 4 == 0
    assert data[32 + sense : 32 + field] == bytes(field - sense)
    return Lid4Status(
        available=available,
        action=action,
        hdd=bool(status & 0x80),
        status=status & 0x7F,
        counter=counter,
        delay=delay,
        completion=completion,
        sense=data[32 : 32 + sense],
        units=units,
        count=count,
        segments=segments,
        rest=data[32 + field :],
    )


def lid4_status(array: Bench, list_id: int, nexus: str | None = None) -> Lid4Status:
    """What RECEIVE COPY STATUS(LID4) says."""
    return lid4_state(array.send(1, status_lid4(list_id), nexus))


class Running:
    """A copy that stands still before its first read until `finish`."""

    def __init__(self, array: Bench, *segments: bytes, **changes: object) -> None:
        started, self._released = Event(), Event()

        def wait() -> None:
            started.set()
            assert self._released.wait(30)

        array.array.faults.add(Fault(at="read", then=Call(wait)))
        self.replies: list[Reply] = []
        self._thread = Thread(target=lambda: self.replies.append(array.copy(*segments, **changes)))
        self._thread.start()
        assert started.wait(30)

    def finish(self) -> Reply:
        """Let it go on to its end."""
        self._released.set()
        self._thread.join(30)
        return self.replies[0]
