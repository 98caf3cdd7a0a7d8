"""The RODs of one EXTENDED COPY: what its ROD CSCD descriptors stand for (SPC-4 6.4.5.9, 5.17.7.5, 5.17.7.6).

To a segment a ROD is a block device. Which segments populate it is the business of `segment_rod`.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cdb.cscd import IdentificationCscd, RodCscd
from cdb.extended_copy import NO_LIST_ID
from cdb.sense import ILLEGAL_REQUEST, FieldPointer
from cdb.token import TOKEN_LENGTH
from xcopy.target import identity
from xcopy.target.refusal import at_byte, at_row, refuse
from xcopy.target.tokens import CANCELLED, INVALID_TOKEN_OPERATION, REMOTE
from xcopy.target.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from xcopy.target.operation import Operation
    from xcopy.target.request import CopyRequest
    from xcopy.target.rods import Extent, Rod, Rods
    from xcopy.target.run import Place

RECEIVING_UNIT, TOKENS_UNIT = 0xFFFF, 0xF800  # CSCD ids
SERIAL = "ROD"
FARTHEST = 0xFFFF  # byte a field pointer reaches


class RodBacking:
    """The blocks of a ROD, one after another, as those of a unit; offsets are whole blocks."""

    def __init__(self, rod: Rod, rods: Rods, units: Mapping[int, Unit]) -> None:
        self._rod, self._rods, self._units = rod, rods, units

    @property
    def size(self) -> int:
        """Bytes represented."""
        return self._rod.size

    def read(self, offset: int, length: int) -> bytes:
        """Those bytes; TOKEN CANCELLED where they are no longer what they were."""
        unit = self._units[self._rod.unit]
        data = b"".join(self._rods.read(self._rod, unit, piece) for piece in self._pieces(offset, length))
        if self._rod.cancelled:
            refuse(ILLEGAL_REQUEST, INVALID_TOKEN_OPERATION, CANCELLED)
        return data

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        """To the blocks that an access upon reference ROD stands for."""
        unit, done = self._units[self._rod.unit], 0
        for piece in self._pieces(offset, len(data)):
            size = piece.blocks * self._rod.block_size
            unit.write(piece.lba, data[done : done + size])
            done += size

    def flush(self) -> None:
        """That of the unit."""
        self._units[self._rod.unit].flush()

    def _pieces(self, offset: int, length: int) -> Iterator[Extent]:
        return self._rod.pieces(offset // self._rod.block_size, length // self._rod.block_size)


@dataclass(slots=True, eq=False)
class CopyRods:
    """Those of one copy by CSCD id: RODs of tokens from the beginning, others once they are populated."""

    place: Place
    request: CopyRequest
    receiver: Unit
    _rods: dict[int, Rod] = field(default_factory=dict)
    _used: set[int] = field(default_factory=set)  # those that are not populated any more

    @contextmanager
    def open(self, operation: Operation) -> Iterator[None]:
        """Around the segments; when they all went well, the tokens that were asked for are made."""
        listed = {n: c for n, c in enumerate(self.request.cscds) if isinstance(c, RodCscd)}
        with ExitStack() as tokens:
            for cscd_id, cscd in listed.items():
                self._check(cscd_id, cscd, operation.nexus)
            for cscd_id, cscd in listed.items():
                if not cscd.rod_type:
                    token, pointer = self._token(cscd_id, cscd)
                    self._rods[cscd_id] = tokens.enter_context(self.place.tokens.using(token, pointer))
            kept: set[int] = set()
            try:
                yield
                for cscd_id, cscd in listed.items():
                    if cscd.r_token and cscd_id in self._rods:
                        operation.tokens += ((cscd_id, self._make_token(cscd_id, cscd)),)
                        kept.add(cscd_id)
            finally:
                for cscd_id, cscd in listed.items():
                    if cscd.rod_type and cscd_id in self._rods and cscd_id not in kept:
                        self.place.rods.forget(self._rods[cscd_id])
        for cscd_id, cscd in listed.items():
            if cscd.del_tkn:
                self.place.tokens.delete(self._token(cscd_id, cscd)[0])

    def populate(self, cscd_id: int, extents: tuple[Extent, ...]) -> bool:
        """Blocks of the receiving unit at the end of a ROD; False where it was already used."""
        if cscd_id in self._used:
            return False
        if cscd_id in self._rods:
            self.place.rods.add(self._rods[cscd_id], extents)
        else:
            rod_type = self.place.profile.rods.made(self.cscd(cscd_id).rod_type)
            assert rod_type is not None, "checked before the first segment"
            self.place.tokens.settle()
            self._rods[cscd_id] = self.place.rods.represent(self.receiver, rod_type, extents)
        return True

    def populated(self, cscd_id: int) -> tuple[Extent, ...]:
        """What a ROD stands for until now."""
        return self._rods[cscd_id].extents if cscd_id in self._rods else ()

    def unit(self, cscd_id: int) -> Unit | None:
        """A ROD as a block device, populated no more; None where nothing is in it."""
        self._used.add(cscd_id)
        rod = self._rods.get(cscd_id)
        if rod is None or not rod.blocks:
            return None
        return Unit(
            number=rod.unit,
            serial=SERIAL,
            block_size=rod.block_size,
            blocks=rod.blocks,
            backing=RodBacking(rod, self.place.rods, self.place.units),
        )

    def may_be_written(self, cscd_id: int) -> bool:
        """Whether a ROD may be a copy destination: none that holds a point in time (SPC-4 5.17.6.2.3.1)."""
        rod = self._rods.get(cscd_id)
        return rod is None or not rod.point_in_time

    def cscd(self, cscd_id: int) -> RodCscd:
        """The descriptor with that id."""
        found = self.request.cscds[cscd_id]
        assert isinstance(found, RodCscd)
        return found

    def _check(self, cscd_id: int, cscd: RodCscd, nexus: str) -> None:
        """What SPC-4 6.4.5.9 and its tables 144 and 145 refuse."""
        policy = self.place.profile.rods
        wrong = {
            "rod_type": cscd.rod_type and policy.made(cscd.rod_type) is None,
            "r_token": cscd.r_token and (not cscd.rod_type or self.request.list_id_usage == NO_LIST_ID),
            "del_tkn": cscd.del_tkn and cscd.rod_type,
            "token_offset": cscd.token_offset and cscd.rod_type,
            "producer_cscd": cscd.producer_cscd == TOKENS_UNIT and cscd.rod_type,
            "token_lifetime": cscd.token_lifetime > (policy.maximum_lifetime if cscd.r_token else 0),
            "token_inactivity_timeout": cscd.token_inactivity_timeout
            > (policy.maximum_inactivity if cscd.r_token else 0),
        }
        for name, is_wrong in wrong.items():
            if is_wrong:
                refuse(ILLEGAL_REQUEST, 0x26, 0x00, self._at(cscd_id, name))
        special = cscd.producer_cscd in (RECEIVING_UNIT, TOKENS_UNIT)
        if not special and not self._is_ours(cscd.producer_cscd, nexus):
            refuse(ILLEGAL_REQUEST, INVALID_TOKEN_OPERATION, REMOTE, self._at(cscd_id, "producer_cscd"))

    def _is_ours(self, cscd_id: int, nexus: str) -> bool:
        """Whether a descriptor names a unit of this array that the nexus can see."""
        cscds = self.request.cscds
        named = cscds[cscd_id] if cscd_id < len(cscds) else None
        return isinstance(named, IdentificationCscd) and any(
            identity.names(named.designator, unit, self.place.array_id, self.place.profile)
            for unit in self.place.units.values()
            if unit.is_seen_by(nexus)
        )

    def _token(self, cscd_id: int, cscd: RodCscd) -> tuple[bytes, FieldPointer]:
        """The token in the inline data, and where it is in the parameter list."""
        inline = self.request.inline_data
        token = inline[cscd.token_offset : cscd.token_offset + TOKEN_LENGTH]
        if len(token) < TOKEN_LENGTH:
            refuse(ILLEGAL_REQUEST, 0x26, 0x00, self._at(cscd_id, "token_offset"))
        return token, at_byte(min(self.request.inline_offset + cscd.token_offset, FARTHEST))

    def _make_token(self, cscd_id: int, cscd: RodCscd) -> bytes:
        policy = self.place.profile.rods
        return self.place.tokens.make(
            self._rods[cscd_id],
            self.receiver,
            lifetime=max(cscd.token_lifetime, policy.minimum_lifetime),
            inactivity=cscd.token_inactivity_timeout,
        )

    def _at(self, cscd_id: int, name: str) -> FieldPointer:
        return at_row(RodCscd.row(name), self.request.cscd_offset(cscd_id))
