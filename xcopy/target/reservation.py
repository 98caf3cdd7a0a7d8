"""Persistent reservations of one unit: who is registered, who holds it, and which commands of others pass.

The rules are those of SPC-4 5.13 and SBC-4 4.17. Nothing survives loss of power; there is one target port.
The bytes of the commands are `reservation_commands`' question.
"""

from __future__ import annotations

from enum import Enum, auto
from threading import RLock
from typing import TYPE_CHECKING, NoReturn

from cdb.command import Reply, Status
from cdb.reservation import (
    CurrentReservation,
    FullStatus,
    FullStatusDescriptor,
    PersistentReserveOut,
    RegisterAndMoveList,
    RegisteredKeys,
    Reservation,
    ReservationCapabilities,
    ReserveOutList,
)
from cdb.sense import ILLEGAL_REQUEST
from xcopy.target.attention import (
    REGISTRATIONS_PREEMPTED,
    RESERVATIONS_PREEMPTED,
    RESERVATIONS_RELEASED,
    Attention,
)
from xcopy.target.initiator_port import transport_id
from xcopy.target.refusal import Refused, at_row, refuse, wrong_field

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WRITE_EXCLUSIVE, EXCLUSIVE_ACCESS = 0x1, 0x3
WRITE_EXCLUSIVE_REGISTRANTS, EXCLUSIVE_ACCESS_REGISTRANTS = 0x5, 0x6
WRITE_EXCLUSIVE_ALL, EXCLUSIVE_ACCESS_ALL = 0x7, 0x8

EXCLUSIVE = {EXCLUSIVE_ACCESS, EXCLUSIVE_ACCESS_REGISTRANTS, EXCLUSIVE_ACCESS_ALL}
REGISTRANTS_ONLY = {WRITE_EXCLUSIVE_REGISTRANTS, EXCLUSIVE_ACCESS_REGISTRANTS}
ALL_REGISTRANTS = {WRITE_EXCLUSIVE_ALL, EXCLUSIVE_ACCESS_ALL}
TYPES = {WRITE_EXCLUSIVE, EXCLUSIVE_ACCESS} | REGISTRANTS_ONLY | ALL_REGISTRANTS

MAXIMUM_REGISTRATIONS = 256
TARGET_PORT = 1  # its relative target port identifier
CONFLICT = Reply(status=Status.RESERVATION_CONFLICT)


class Through(Enum):
    """Whose command passes a reservation that another nexus holds (SPC-4 table 65, SBC-4 table 13)."""

    ANYONE = auto()
    READERS = auto()  # anyone's where the reservation excludes writing only
    HOLDERS = auto()


def nobody(_nexus: str, _attention: Attention) -> None:
    """There is nobody to be told."""


class Reservations:
    """Registrations and the reservation of one unit; `tell` is how a nexus learns what others did to it."""

    def __init__(self, tell: Callable[[str, Attention], None] = nobody) -> None:
        self._tell = tell
        self._lock = RLock()
        self._keys: dict[str, int] = {}  # by nexus, in the order they registered
        self._type = 0
        self._holder = ""  # of the types that have one
        self._generation = 0

    def check(self, nexus: str, through: Through) -> None:
        """RESERVATION CONFLICT unless a command of that nexus passes."""
        with self._lock:
            if self._type == 0 or through is Through.ANYONE or self._is_holder(nexus):
                return
            if self._type in REGISTRANTS_ONLY and nexus in self._keys:
                return
            if through is Through.HOLDERS or self._type in EXCLUSIVE:
                conflict()

    def authenticate(self, nexus: str, key: int) -> None:
        """RESERVATION CONFLICT unless that is the key of a registered nexus."""
        with self._lock:
            if nexus not in self._keys or self._keys[nexus] != key:
                conflict()

    def register(self, nexus: str, key: int, new_key: int) -> None:
        """REGISTER: `key` must be the one the nexus has, 0 for none; a new key of 0 ends the registration."""
        with self._lock:
            if key != self._keys.get(nexus, 0):
                conflict()
            self.register_anyway(nexus, new_key)

    def register_anyway(self, nexus: str, new_key: int) -> None:
        """REGISTER AND IGNORE EXISTING KEY."""
        with self._lock:
            if new_key:
                if nexus not in self._keys and len(self._keys) >= MAXIMUM_REGISTRATIONS:
                    refuse(ILLEGAL_REQUEST, 0x55, 0x04)
                self._keys[nexus] = new_key
            elif nexus in self._keys:
                self._unregister(nexus)
            self._changed()

    def reserve(self, nexus: str, key: int, reservation_type: int) -> None:
        """RESERVE; a holder may repeat it, anybody else or another type is a conflict."""
        with self._lock:
            self.authenticate(nexus, key)
            if self._type and not (self._is_holder(nexus) and self._type == reservation_type):
                conflict()
            self._type, self._holder = reservation_type, nexus

    def release(self, nexus: str, key: int, reservation_type: int) -> None:
        """RELEASE; of one that is not a holder it does nothing."""
        with self._lock:
            self.authenticate(nexus, key)
            if not self._type or not self._is_holder(nexus):
                return
            if self._type != reservation_type:
                refuse(ILLEGAL_REQUEST, 0x26, 0x04)
            if self._type in REGISTRANTS_ONLY | ALL_REGISTRANTS:
                self._tell_all(RESERVATIONS_RELEASED, self._others(nexus))
            self._free()

    def clear(self, nexus: str, key: int) -> None:
        """CLEAR: no reservation and no registrations are left."""
        with self._lock:
            self.authenticate(nexus, key)
            self._tell_all(RESERVATIONS_PREEMPTED, self._others(nexus))
            self._keys.clear()
            self._free()
            self._changed()

    def preempt(self, nexus: str, key: int, victim: int, reservation_type: int) -> tuple[str, ...]:
        """PREEMPT: registrations of the key `victim` go, and where it is a holder's the reservation too.

        Gives the nexuses, but the one that asks, that were registered with it.
        """
        with self._lock:
            self.authenticate(nexus, key)
            for_all = self._type in ALL_REGISTRANTS
            if victim == 0 and not for_all:
                refuse(ILLEGAL_REQUEST, 0x26, 0x00, at_row(ReserveOutList.row("service_action_key")))
            takes_over = victim == 0 if for_all else bool(self._type) and self._keys[self._holder] == victim
            named = [who for who, its in self._keys.items() if its == victim or (takes_over and for_all)]
            if not named:
                conflict()
            if takes_over and reservation_type not in TYPES:
                wrong_field(PersistentReserveOut, "type")
            lost = tuple(who for who in named if who != nexus)
            self._tell_all(REGISTRATIONS_PREEMPTED, lost)
            for who in lost:
                del self._keys[who]
            if takes_over:
                if reservation_type != self._type:
                    self._tell_all(RESERVATIONS_RELEASED, self._others(nexus))
                self._type, self._holder = reservation_type, nexus
            elif nexus in named:
                self._unregister(nexus)
            if not self._keys:
                self._free()
            self._changed()
            return lost

    def move(self, nexus: str, key: int, to: str, new_key: int, *, unregister: bool) -> None:
        """REGISTER AND MOVE: another nexus gets the registration and the reservation."""
        with self._lock:
            self.authenticate(nexus, key)
            if not self._type:
                wrong_field(PersistentReserveOut, "service_action")
            if self._type in ALL_REGISTRANTS or self._holder != nexus:
                conflict()
            if new_key == 0:
                _wrong_in_list("service_action_key")
            if to == nexus:
                _wrong_in_list("transport_id")
            if to not in self._keys and len(self._keys) >= MAXIMUM_REGISTRATIONS:
                refuse(ILLEGAL_REQUEST, 0x55, 0x04)
            self._keys[to] = new_key
            self._holder = to
            if unregister:
                del self._keys[nexus]
            self._changed()

    def lose_power(self) -> None:
        """Nothing is kept without power."""
        with self._lock:
            self._keys.clear()
            self._free()
            self._generation = 0

    def registered_keys(self) -> RegisteredKeys:
        """READ KEYS."""
        with self._lock:
            return RegisteredKeys(generation=self._generation, keys=tuple(self._keys.values()))

    def current(self) -> CurrentReservation:
        """READ RESERVATION; the key of a reservation that all registrants hold is 0."""
        with self._lock:
            key = 0 if self._type in ALL_REGISTRANTS else self._keys.get(self._holder, 0)
            held = (Reservation(key=key, type=self._type),) if self._type else ()
            return CurrentReservation(generation=self._generation, held=held)

    def full_status(self) -> FullStatus:
        """READ FULL STATUS."""
        with self._lock:
            descriptors = tuple(
                FullStatusDescriptor(
                    key=key,
                    r_holder=self._is_holder(nexus),
                    type=self._type if self._is_holder(nexus) else 0,
                    relative_target_port=TARGET_PORT,
                    transport_id=transport_id(nexus),
                )
                for nexus, key in self._keys.items()
            )
            return FullStatus(generation=self._generation, descriptors=descriptors)

    def _is_holder(self, nexus: str) -> bool:
        if self._type in ALL_REGISTRANTS:
            return nexus in self._keys
        return self._type != 0 and nexus == self._holder

    def _unregister(self, nexus: str) -> None:
        """A registration goes; with that of the last holder the reservation does."""
        del self._keys[nexus]
        if self._type in ALL_REGISTRANTS:
            if not self._keys:
                self._free()
        elif self._holder == nexus:
            if self._type in REGISTRANTS_ONLY:
                self._tell_all(RESERVATIONS_RELEASED, self._others(nexus))
            self._free()

    def _others(self, nexus: str) -> tuple[str, ...]:
        return tuple(who for who in self._keys if who != nexus)

    def _tell_all(self, attention: Attention, nexuses: Iterable[str]) -> None:
        for nexus in nexuses:
            self._tell(nexus, attention)

    def _free(self) -> None:
        self._type, self._holder = 0, ""

    def _changed(self) -> None:
        self._generation = (self._generation + 1) & 0xFFFFFFFF


CAPABILITIES = ReservationCapabilities(
    tmv=True,
    allow_commands=0b100,
    wr_ex_ar=True,
    ex_ac_ro=True,
    wr_ex_ro=True,
    ex_ac=True,
    wr_ex=True,
    ex_ac_ar=True,
)


def conflict() -> NoReturn:
    """End the command with RESERVATION CONFLICT."""
    raise Refused(CONFLICT)


def _wrong_in_list(name: str) -> NoReturn:
    refuse(ILLEGAL_REQUEST, 0x26, 0x00, at_row(RegisterAndMoveList.row(name)))
