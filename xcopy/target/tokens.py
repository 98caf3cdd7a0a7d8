"""ROD tokens: made, known again byte for byte, and how each comes to its end (SPC-4 5.17.6.4 to 5.17.6.7).

Whoever presents the 512 bytes may use a token. What a ROD's data are is the business of `rods`.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from threading import Lock
from typing import TYPE_CHECKING, NoReturn

from cdb.cscd import CSCD_LENGTH, IdentificationCscd
from cdb.errors import DecodeError
from cdb.sense import ILLEGAL_REQUEST, FieldPointer
from cdb.token import (
    BLOCK_DEVICE_ZERO,
    ROD_TOKEN_LENGTH,
    TOKEN_LENGTH,
    BlockTokenData,
    GenericRod,
    RodManagementToken,
    RodToken,
)
from xcopy.target import identity
from xcopy.target.refusal import refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from xcopy.target.rod_policy import RodPolicy
    from xcopy.target.rods import Rod, Rods
    from xcopy.target.unit import Unit

INVALID_TOKEN_OPERATION = 0x23
# ASCQ of each reason (SPC-4 5.17.6.5.2.3; SBC-4 5.59.2)
UNSUPPORTED_TYPE, REMOTE, UNKNOWN, CORRUPT = 0x01, 0x02, 0x04, 0x05
REVOKED, EXPIRED, CANCELLED, DELETED, WRONG_LENGTH = 0x06, 0x07, 0x08, 0x09, 0x0A

IDENTIFIER = slice(8, 16)
MANAGEMENT = slice(0, 96)
EXTENDED = slice(256, TOKEN_LENGTH)  # EXTENDED ROD TOKEN DATA: all of it random
REMEMBERED = 10_000  # tokens that came to their end and whose reason is still told, at most


def counted() -> Callable[[int], bytes]:
    """Bytes that differ from call to call and are the same in every run: no secret, and none in a test."""
    numbers = count(1)
    return lambda length: (next(numbers).to_bytes(8, "big") * -(-length // 8))[:length]


@dataclass(slots=True, eq=False)
class Token:
    """One token this copy manager made; `ended` is the ASCQ of why it is no longer valid."""

    data: bytes
    rod: Rod
    made_at: float
    lifetime: int
    inactivity: int
    used_at: float
    users: int = 0
    ended: int | None = None


class Tokens:
    """Those of one array, in the order they were made; `now` gives seconds."""

    def __init__(
        self,
        *,
        array_id: bytes,
        units: Mapping[int, Unit],
        rods: Rods,
        policy: RodPolicy,
        now: Callable[[], float],
        token_bytes: Callable[[int], bytes],
    ) -> None:
        self._array_id = array_id
        self._units = units
        self._rods = rods
        self._policy = policy
        self._now = now
        self._token_bytes = token_bytes
        self._lock = Lock()
        self._by_identifier: dict[bytes, Token] = {}
        self._by_extended: dict[bytes, Token] = {}

    def make(self, rod: Rod, creator: Unit, *, lifetime: int, inactivity: int) -> bytes:
        """A token of a ROD, valid from now on; `inactivity` 0 is for ever.

        Too many tokens are INSUFFICIENT RESOURCES TO CREATE ROD TOKEN.
        """
        with self._lock:
            self._settle()
            if sum(token.ended is None for token in self._by_identifier.values()) >= (
                self._policy.maximum_tokens
            ):
                refuse(ILLEGAL_REQUEST, 0x55, 0x0D)
            identifier = self._token_bytes(8)
            while identifier in self._by_identifier:
                identifier = self._token_bytes(8)
            data = self._packed(rod, creator, identifier)
            now = self._now()
            token = Token(data, rod, now, lifetime, inactivity, now)
            self._by_identifier[identifier] = self._by_extended[data[EXTENDED]] = token
        return data

    @contextmanager
    def using(self, data: bytes, pointer: FieldPointer | None = None) -> Iterator[Rod]:
        """The ROD a valid token stands for; while it is used no time counts. `Refused` says what is wrong."""
        with self._lock:
            self._settle()
            token = self._valid(data, pointer)
            token.users += 1
        try:
            yield token.rod
        finally:
            with self._lock:
                token.users -= 1
                token.used_at = self._now()
                if token.ended is not None and token.users == 0:
                    self._rods.forget(token.rod)

    def delete(self, data: bytes) -> None:
        """End a token at an initiator's wish; bytes that are no token of ours are let be."""
        with self._lock:
            token = self._by_identifier.get(data[IDENTIFIER])
            if token is not None and token.data == data:
                self._end(token, DELETED)

    def revoke(self, unit: int) -> None:
        """End the tokens of a unit's data at an administrator's wish."""
        with self._lock:
            for token in self._by_identifier.values():
                if token.rod.unit == unit:
                    self._end(token, REVOKED)

    def known(self) -> tuple[RodManagementToken, ...]:
        """The management tokens of those that are valid."""
        with self._lock:
            self._settle()
            valid = [token for token in self._by_identifier.values() if token.ended is None]
            return tuple(RodManagementToken.unpack(token.data[MANAGEMENT]) for token in valid)

    def _packed(self, rod: Rod, creator: Unit, identifier: bytes) -> bytes:
        named = IdentificationCscd.of(
            identity.naa(self._array_id, creator.number), block_length=rod.block_size
        )
        generic = GenericRod(
            identifier=identifier,
            creator=named.pack(),
            bytes_represented=rod.size,
            device_specific=BlockTokenData(
                block_length=rod.block_size, lbpme=creator.thin, lbprz=creator.thin
            ).pack(),
            target_device=identity.target_device(self._array_id).pack().ljust(128, b"\0"),
            extended_data=self._token_bytes(EXTENDED.stop - EXTENDED.start),
        )
        return RodToken(rod_type=rod.rod_type, rod=generic).pack()

    def settle(self) -> None:
        """End those whose time is over, so that their RODs make room."""
        with self._lock:
            self._settle()

    def _settle(self) -> None:
        """Let the clock and the units have had their way with every token."""
        now = self._now()
        for token in list(self._by_identifier.values()):
            if token.ended is None and token.users == 0:
                self._age(token, now)
            if token.ended is not None and (
                now >= token.made_at + 2 * token.lifetime or len(self._by_identifier) > REMEMBERED
            ):
                del self._by_identifier[token.data[IDENTIFIER]], self._by_extended[token.data[EXTENDED]]

    def _age(self, token: Token, now: float) -> None:
        unit = self._units.get(token.rod.unit)
        if unit is None or not unit.third_party_copy:
            self._end(token, REVOKED)
        elif token.rod.cancelled or any(extent.end > unit.blocks for extent in token.rod.extents):
            self._end(token, CANCELLED)
        elif now >= token.made_at + token.lifetime or (
            token.inactivity and now >= token.used_at + token.inactivity
        ):
            self._end(token, EXPIRED)

    def _end(self, token: Token, why: int) -> None:
        if token.ended is None:
            token.ended = why
            if token.users == 0:
                self._rods.forget(token.rod)

    def _valid(self, data: bytes, pointer: FieldPointer | None) -> Token:
        """The token these bytes are; the reasons in the order of SPC-4 5.17.6.5.2.3."""
        if int.from_bytes(data[6:8], "big") != ROD_TOKEN_LENGTH:
            self._refuse(WRONG_LENGTH, pointer)
        found = self._by_identifier.get(data[IDENTIFIER]) or self._by_extended.get(data[EXTENDED])
        if found is None:
            self._refuse(self._stranger(data), pointer)
        if found.data != data:
            self._refuse(CORRUPT, pointer)
        if found.rod.cancelled and found.ended is None:
            self._end(found, CANCELLED)
        if found.ended is not None:
            self._refuse(found.ended, pointer)
        return found

    def _stranger(self, data: bytes) -> int:
        """Why a token that was never made here, or is forgotten, is no good."""
        if int.from_bytes(data[:4], "big") not in self._policy.types:
            return UNSUPPORTED_TYPE
        try:
            creator = IdentificationCscd.unpack(data[16 : 16 + CSCD_LENGTH])
        except DecodeError:
            return CORRUPT
        ours = {identity.naa(self._array_id, number) for number in self._units}
        return UNKNOWN if creator.designator in ours else REMOTE

    def _refuse(self, why: int, pointer: FieldPointer | None) -> NoReturn:
        refuse(ILLEGAL_REQUEST, INVALID_TOKEN_OPERATION, why if self._policy.says_why else UNKNOWN, pointer)


def is_zero_token(data: bytes) -> bool:
    """Whether it is a block device zero ROD token: its type and length say so, the rest is reserved."""
    head = BLOCK_DEVICE_ZERO << 32 | ROD_TOKEN_LENGTH
    return int.from_bytes(data[:8], "big") & ~(0xFFFF << 16) == head
