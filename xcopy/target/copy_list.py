"""Phase 1 of EXTENDED COPY, LID1 and LID4 alike: the parameter list, checked whole before anything is copied.

Every no here is ILLEGAL REQUEST with a pointer at the field, and no data has moved (SPC-4 5.17.7.3). Works
straight on the bytes, header first, then each descriptor, because the first thing wrong decides which refusal
is given. Knows no unit: whether a CSCD can be reached is phase 2's question.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, NoReturn, cast

from cdb.cscd import CSCD_LENGTH, CSCDS, StreamParameters
from cdb.errors import DecodeError
from cdb.extended_copy import NO_LIST_ID, ExtendedCopyLid1, Lid1ParameterList, Lid4ParameterList
from cdb.segment import SEGMENTS
from cdb.sense import ILLEGAL_REQUEST, FieldPointer
from xcopy.target.descriptor import first_wrong
from xcopy.target.refusal import at_byte, at_row, refuse, wrong_field
from xcopy.target.request import CopyRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cdb.cscd import Cscd
    from cdb.record import Record
    from cdb.segment import Segment
    from xcopy.target.profile import Profile

LENGTH_COVERS_FROM = 4  # DESCRIPTOR LENGTH of a segment counts what follows its fourth byte
HOLDING_TYPES = frozenset({0x0B, 0x0C, 0x0D, 0x0E, 0x0F})  # segments that hold data for the initiator
SPC_4 = 0x06

ParameterList = type[Lid1ParameterList] | type[Lid4ParameterList]


@dataclass(frozen=True, slots=True)
class Header:
    """What both headers say, lengths in bytes and not yet believed."""

    list_identifier: int
    list_id_usage: int
    str: int
    cscd_list_length: int
    segment_list_length: int
    inline_data_length: int


def check_list(data: bytes, kind: ParameterList, profile: Profile) -> CopyRequest:
    """The list in `data`, or `Refused`; the limits are those the copy manager enforces."""
    return _Check(data, kind, profile).request()


def check_transferred(transferred: int, parameter_list_length: int) -> None:
    """INVALID FIELD IN CDB when the CDB promises more than arrived."""
    if transferred < parameter_list_length:
        wrong_field(ExtendedCopyLid1, "parameter_list_length")


class _Check:
    """One list being checked."""

    def __init__(self, data: bytes, kind: ParameterList, profile: Profile) -> None:
        self.data, self.kind, self.profile, self.limits = data, kind, profile, profile.enforced
        if len(data) < kind.size:
            _list_length_error()
        self.header = header = Header(**{f.name: kind.peek(f.name, data) for f in fields(Header)})
        self.first_segment = kind.size + header.cscd_list_length
        self.end = self.first_segment + header.segment_list_length
        if self.end + header.inline_data_length > len(data):
            _list_length_error()
        if self.end - kind.size > self.limits.maximum_list_length:
            _list_length_error()

    def request(self) -> CopyRequest:
        """What the list asks for."""
        self._check_header()
        lid4 = self.kind is Lid4ParameterList
        cscds = self._cscds()
        segments = self._segments()
        last = self.end + self.header.inline_data_length
        if last < len(self.data) and not self.profile.copies.trailing_bytes:
            _invalid(0x0B, at_byte(last))
        ids_before = self.profile.copies.lid4_first_cscd if lid4 else 0
        usage = self.header.list_id_usage
        return CopyRequest(
            lid4=lid4,
            list_identifier=None if usage == NO_LIST_ID else self.header.list_identifier,
            list_id_usage=usage,
            header_length=self.kind.size - ids_before * CSCD_LENGTH,
            cscds=(*[None] * ids_before, *cscds),
            segments=tuple(segments.values()),
            segment_offsets=tuple(segments),
            inline_data=self.data[self.end : last],
            inline_offset=self.end,
            sequential_striped=bool(self.header.str),
            immediate=self._flag("immed"),
            good_with_sense=self._flag("g_sense"),
        )

    def _flag(self, name: str) -> bool:
        return self.kind is Lid4ParameterList and bool(self.kind.peek(name, self.data))

    def _check_header(self) -> None:
        header = self.header
        wrong = first_wrong(self.kind, self.data[: self.kind.size])
        if wrong:
            _invalid(0x00, wrong)
        usage = self._at("list_id_usage")
        if header.list_id_usage not in self.profile.copies.list_id_usages:
            _invalid(0x00, usage)
        if header.list_id_usage == NO_LIST_ID:
            if not self.limits.snlid:
                _invalid(0x00, usage)
            if header.list_identifier:
                _invalid(0x00, self._at("list_identifier"))
        if self._flag("immed") and (self._flag("g_sense") or header.list_id_usage == NO_LIST_ID):
            refuse(ILLEGAL_REQUEST, 0x24, 0x00)  # so SPC-4 6.4.2, though no field of the CDB is wrong
        if header.cscd_list_length % CSCD_LENGTH:
            _invalid(0x00, self._at("cscd_list_length"))
        if header.inline_data_length > self.limits.maximum_inline_data_length:
            _invalid(0x0B, self._at("inline_data_length"))

    def _cscds(self) -> tuple[Cscd | None, ...]:
        """One for each CSCD id: the second half of a descriptor of 64 bytes is None."""
        offsets = self._cscd_offsets()
        if len(offsets) > self.limits.maximum_cscd_count:
            _invalid(0x06, self._at("cscd_list_length"))
        for at in offsets:
            if self.data[at] not in self.limits.implemented_types or self.data[at] not in CSCDS.members:
                _invalid(0x07, at_byte(at))
        found: list[Cscd | None] = []
        for at in offsets:
            cls = CSCDS.record_of(self.data[at])
            size = _cscd_size(self.data[at])
            if at + size > self.first_segment:
                _invalid(0x00, self._at("cscd_list_length"))
            found.append(self._cscd(cls, self.data[at : at + size], at))
            found.extend([None] * (size // CSCD_LENGTH - 1))
        return tuple(found)

    def _cscd_offsets(self) -> list[int]:
        offsets = []
        at = self.kind.size
        while at < self.first_segment:
            offsets.append(at)
            at += _cscd_size(self.data[at])
        return offsets

    def _cscd(self, cls: type[Record], part: bytes, at: int) -> Cscd:
        names = {row.name for row in cls.rows}
        # An identification descriptor's LU ID TYPE says nothing (SPC-4 6.4.5.6); before SPC-4 it did.
        older = self.profile.version < SPC_4 and self.profile.copies.unit_identifiers
        checked = "lu_identifier" in names or older
        if checked and "lu_id_type" in names and cls.peek("lu_id_type", part):
            _invalid(0x00, at_row(cls.row("lu_id_type"), at))
        wrong = first_wrong(cls, part, at)
        if wrong:
            _invalid(0x00, wrong)
        found = cast("Cscd", _read(cls, part, at_byte(at)))
        parameters = getattr(found, "parameters", None)
        if isinstance(parameters, StreamParameters) and parameters.fixed == (parameters.block_length == 0):
            base = at + cls.row("parameters").offset  # SPC-4 6.4.5.4, table 138
            _invalid(0x00, at_row(StreamParameters.row("block_length"), base))
        return found

    def _segments(self) -> dict[int, Segment]:
        """Each by where it begins: counted first, then typed, then read."""
        offsets = list(self._segment_offsets())
        most = self.profile.copies.segment_list_bytes or self.end
        if len(offsets) > self.limits.maximum_segment_count or self.end - self.first_segment > most:
            _invalid(0x08, self._at("segment_list_length"))
        for at in offsets:
            if self.data[at] not in self.limits.implemented_types or self.data[at] not in SEGMENTS.members:
                _invalid(0x09, at_byte(at))
        for at in offsets:
            if self.data[at] in HOLDING_TYPES and self.header.list_id_usage == NO_LIST_ID:
                _invalid(0x00, at_byte(at))  # SPC-4 6.4.3.2: nobody could ask for what is held
        return {at: self._segment(SEGMENTS.record_of(self.data[at]), at) for at in offsets}

    def _segment_offsets(self) -> Iterator[int]:
        """Where each descriptor begins; one of fixed size that lies about it is the last counted."""
        at = self.first_segment
        while at < self.end:
            yield at
            length, cls = self._length_at(at), SEGMENTS.record_of(self.data[at])
            if _fixed_size(cls) and length != cls.size:
                return
            at += length

    def _length_at(self, at: int) -> int:
        """How long the segment descriptor at `at` says it is, its first four bytes included."""
        return int.from_bytes(self.data[at + 2 : min(at + 4, self.end)], "big") + LENGTH_COVERS_FROM

    def _segment(self, cls: type[Record], at: int) -> Segment:
        row = cls.row("descriptor_length")
        length = self._length_at(at)
        whole_length_is_there = at + LENGTH_COVERS_FROM <= self.end
        if whole_length_is_there and (length != cls.size if _fixed_size(cls) else length < cls.size):
            _invalid(0x00, at_row(row, at))
        if at + length > self.end:
            _invalid(0x00, self._at("segment_list_length"))
        part = self.data[at : at + length]
        wrong = first_wrong(cls, part, at)
        if wrong:
            _invalid(0x00, wrong)
        return cast("Segment", _read(cls, part, at_row(row, at)))

    def _at(self, name: str) -> FieldPointer:
        """A pointer at a field of the header."""
        return at_row(self.kind.row(name))


def _cscd_size(code: int) -> int:
    """How long a CSCD descriptor of a type is: 32 bytes, or 64 with an extension (SPC-4 6.4.5.2)."""
    return -(-CSCDS.record_of(code).size // CSCD_LENGTH) * CSCD_LENGTH


def _fixed_size(cls: type[Record]) -> bool:
    return cls.row("descriptor_length").kind == "const"


def _read(cls: type[Record], part: bytes, pointer: FieldPointer) -> Record:
    """The descriptor, or what does not add up in it."""
    try:
        return cls.unpack(part)
    except DecodeError:
        _invalid(0x00, pointer)


def _invalid(ascq: int, pointer: FieldPointer) -> NoReturn:
    refuse(ILLEGAL_REQUEST, 0x26, ascq, pointer)


def _list_length_error() -> NoReturn:
    pointer = at_row(ExtendedCopyLid1.row("parameter_list_length"), command=True)
    refuse(ILLEGAL_REQUEST, 0x1A, 0x00, pointer)
