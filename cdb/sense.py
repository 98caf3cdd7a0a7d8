"""Sense data, fixed and descriptor format, with what it says about a third-party copy (SPC-4 5.17.7.4).

What was said is decoded here; what it means for a copy is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from cdb.asc import SENSE_KEYS, additional_sense_name
from cdb.errors import DecodeError, EncodeError
from cdb.sense_block import DirectAccess
from cdb.sense_descriptors import (
    LISTS,
    SOURCE_ROLES,
    STATUS_NAMES,
    CommandSpecific,
    CopySpecific,
    ForwardedSense,
    Information,
    OtherDescriptors,
    PointerDescriptor,
    SegmentPointerDescriptor,
)
from cdb.sense_format import FIXED_SIZE, DescriptorSense, EmbeddedAnswer, FixedSense, sense_record
from cdb.sense_key import (
    ABORTED_COMMAND,
    COMPLETED,
    COPY_ABORTED,
    DATA_PROTECT,
    HARDWARE_ERROR,
    ILLEGAL_REQUEST,
    MEDIUM_ERROR,
    MISCOMPARE,
    NO_SENSE,
    NOT_READY,
    RECOVERED_ERROR,
    SPECIFICS,
    UNIT_ATTENTION,
    CommandInformation,
    CopyInformation,
    FieldPointerSpecific,
    OtherSpecific,
    SegmentPointerSpecific,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cdb.family import Family
    from cdb.record import Record

__all__ = [
    "ABORTED_COMMAND",
    "COMPLETED",
    "COPY_ABORTED",
    "DATA_PROTECT",
    "HARDWARE_ERROR",
    "ILLEGAL_REQUEST",
    "MEDIUM_ERROR",
    "MISCOMPARE",
    "NOT_READY",
    "NO_SENSE",
    "RECOVERED_ERROR",
    "UNIT_ATTENTION",
    "DescriptorSense",
    "DeviceSense",
    "FieldPointer",
    "FixedSense",
    "Sense",
    "sense_record",
]

SEGMENT_END = 12  # where the segment number of the fixed format ends
COPY_INFORMATION_AVAILABLE = (COMPLETED, 0x00, 0x20)


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldPointer:
    """Which field is wrong: a byte and, with `bpv`, its bit, the field's most significant one.

    It counts from the parameter list; with `command` (C/D, ILLEGAL REQUEST only) from the CDB, with `segment`
    (SD, COPY ABORTED only) from the segment descriptor. `sksv` says that there is a pointer at all.
    """

    sksv: bool
    command: bool = False
    segment: bool = False
    bpv: bool = False
    bit: int = 0
    byte: int

    def specific(self, key: int) -> FieldPointerSpecific | SegmentPointerSpecific:
        """The sense-key-specific bytes of a sense key; one that has no pointer is an `EncodeError`."""
        if key == ILLEGAL_REQUEST:
            return FieldPointerSpecific(
                sksv=self.sksv, command=self.command, bpv=self.bpv, bit=self.bit, byte=self.byte
            )
        if key == COPY_ABORTED:
            return SegmentPointerSpecific(
                sksv=self.sksv, segment=self.segment, bpv=self.bpv, bit=self.bit, byte=self.byte
            )
        raise EncodeError(f"sense key {key:X}h has no field pointer")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSense:
    """What a copy source or destination answered: its status, and its sense data if it sent any.

    `role` is "source", "destination", "destination 2" to "destination 6", or "unknown"; `truncated` says
    that the copy manager cut the sense short.
    """

    role: str
    status: int
    sense: bytes
    truncated: bool = False

    def __str__(self) -> str:
        who = "a device" if self.role == "unknown" else f"the {self.role} device"
        name = "" if self.sense or self.status not in STATUS_NAMES else f" ({STATUS_NAMES[self.status]})"
        try:
            inner = f" with {Sense.unpack(self.sense)}" if self.sense else ""
        except DecodeError:
            inner = f" with sense {self.sense.hex()}"
        return f"{who} answered status {self.status:02X}h{name}{inner}{' (cut short)' * self.truncated}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sense:
    """Decoded sense data.

    `information` is None unless valid: of an EXTENDED COPY that stopped, how many destination blocks of the
    segment are not written (bytes for processors and tapes of variable block length); of POPULATE TOKEN and
    WRITE USING TOKEN that stopped short (0D/04), how many blocks are done (SBC-4 4.28.2): which of the two
    only who sent the command knows, and `str` says it of the former. `segment` is the number,
    from 0, of the segment a copy stopped in; `processed` how many segments a copy that went well did.
    """

    key: int
    asc: int = 0
    ascq: int = 0
    deferred: bool = False
    information: int | None = None
    segment: int | None = None
    pointer: FieldPointer | None = None
    devices: tuple[DeviceSense, ...] = ()
    processed: int | None = None

    @property
    def triple(self) -> tuple[int, int, int]:
        """Sense key, ASC, ASCQ."""
        return self.key, self.asc, self.ascq

    def __str__(self) -> str:
        parts = [f"{SENSE_KEYS[self.key]}, {additional_sense_name(self.asc, self.ascq)}"]
        parts[0] += f" ({self.key:X}/{self.asc:02X}/{self.ascq:02X})"
        if self.segment is not None:
            parts.append(f"in segment {self.segment}")
        if self.key == COPY_ABORTED and self.information is not None:
            parts.append(f"with {self.information} destination blocks of it not written")
        if self.processed is not None:
            parts.append(f"{self.processed} segments processed")
        if self.pointer is not None:
            base = "the CDB" if self.pointer.command else "the parameter list"
            if self.pointer.segment:
                base = "the segment descriptor"
            bit = f" bit {self.pointer.bit}" if self.pointer.bpv else ""
            parts.append(f"at byte {self.pointer.byte}{bit} of {base}")
        return ", ".join([*parts, *map(str, self.devices)])

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Sense data of either format; anything that is neither is a `DecodeError`.

        What is cut off at the end, by the device or on the way, is left out.
        """
        if not data:
            raise DecodeError("no sense data")
        record = sense_record(data)
        if record is None:
            raise DecodeError(
                f"sense response code {data[0] & 0x7F:02X}h is neither fixed nor descriptor format"
            )
        if len(data) < 8:
            raise DecodeError(f"sense data is at least 8 bytes, got {len(data)}")
        body = bytes(data[: 8 + data[7]])
        return cls._of_fixed(body) if record is FixedSense else cls._of_descriptors(body)

    @classmethod
    def _of_fixed(cls, body: bytes) -> Self:
        told = max(len(body), FIXED_SIZE) - 8
        fixed = FixedSense.unpack(body[:7] + bytes([told]) + body[8:].ljust(told, b"\0"))
        command = fixed.command_specific
        copy = command if isinstance(command, CopyInformation) and len(body) >= SEGMENT_END else None
        triple = fixed.sense_key, fixed.additional_sense >> 8, fixed.additional_sense & 0xFF
        return cls(
            key=triple[0],
            asc=triple[1],
            ascq=triple[2],
            deferred=fixed.response_code == 0x71,
            information=fixed.information if fixed.valid else None,
            segment=copy.segment if copy else None,
            pointer=_pointer(fixed.specific),
            devices=_embedded(body, copy.source, copy.destination) if copy else (),
            processed=_processed(triple, command),
        )

    @classmethod
    def _of_descriptors(cls, body: bytes) -> Self:
        head = DescriptorSense.unpack(body[:7] + b"\0")
        triple = head.sense_key, head.additional_sense >> 8, head.additional_sense & 0xFF
        found: dict[type[Record], Record] = {}
        devices = []
        for descriptor in _descriptors(head.sense_key, body):
            found.setdefault(type(descriptor), descriptor)
            if isinstance(descriptor, DirectAccess):
                for part in _stands_for(head.sense_key, descriptor):
                    found.setdefault(type(part), part)
            if isinstance(descriptor, ForwardedSense):
                devices.append(
                    DeviceSense(
                        role=SOURCE_ROLES.get(descriptor.source, "unknown"),
                        status=descriptor.status,
                        sense=descriptor.sense,
                        truncated=descriptor.fsdt,
                    )
                )
        copy = found.get(CopySpecific)
        pointer = found.get(PointerDescriptor) or found.get(SegmentPointerDescriptor)
        return cls(
            key=triple[0],
            asc=triple[1],
            ascq=triple[2],
            deferred=head.response_code == 0x73,
            information=_information(found.get(Information), found.get(DirectAccess)),
            segment=_segment(copy),
            pointer=_pointer(getattr(pointer, "specific", None)),
            devices=tuple(devices),
            processed=_processed(triple, found.get(CommandSpecific)),
        )

    def pack_fixed(self) -> bytes:
        """Fixed format, 18 bytes and the answers of source and destination behind them.

        INFORMATION above 32 bits has no place and is left out (SBC-4 4.18.1); so are answers of others.
        """
        self._check()
        information = (
            self.information if self.information is not None and self.information < 1 << 32 else None
        )
        offsets, areas = {"source": 0, "destination": 0}, b""
        for device in self.devices:
            if not offsets.get(device.role, 1):
                offsets[device.role] = FIXED_SIZE + len(areas)
                areas += EmbeddedAnswer(status=device.status, sense=device.sense).pack()
        return FixedSense(
            valid=information is not None,
            response_code=0x71 if self.deferred else 0x70,
            sense_key=self.key,
            information=information or 0,
            command_specific=CopyInformation(segment=self.segment or 0, **offsets)
            if self.key == COPY_ABORTED
            else CommandInformation(value=self.processed or 0),
            additional_sense=self.asc << 8 | self.ascq,
            specific=self.pointer.specific(self.key)
            if self.pointer
            else SPECIFICS.get(self.key, OtherSpecific)(),  # type: ignore[arg-type]
            additional=areas,
        ).pack()

    def pack_descriptor(self) -> bytes:
        """Descriptor format, with a descriptor for everything there is to say."""
        self._check()
        descriptors: list[Record] = []
        if self.information is not None:
            descriptors.append(Information(value=self.information))
        if self.key == COPY_ABORTED and self.segment is not None:
            descriptors.append(CopySpecific(segment=self.segment))
        if self.processed is not None:
            descriptors.append(CommandSpecific(value=self.processed))
        if self.pointer is not None:
            specific = self.pointer.specific(self.key)
            descriptors.append(
                PointerDescriptor(specific=specific)
                if isinstance(specific, FieldPointerSpecific)
                else SegmentPointerDescriptor(specific=specific)
            )
        codes = {role: code for code, role in SOURCE_ROLES.items()}
        for device in self.devices:
            source = codes.get(device.role, 0)
            descriptors.append(
                ForwardedSense(fsdt=device.truncated, source=source, status=device.status, sense=device.sense)
            )
        return DescriptorSense(
            response_code=0x73 if self.deferred else 0x72,
            sense_key=self.key,
            additional_sense=self.asc << 8 | self.ascq,
            descriptors=LISTS.get(self.key, OtherDescriptors)(descriptors=tuple(descriptors)),  # type: ignore[arg-type]
        ).pack()

    def _check(self) -> None:
        """Codes are bytes; only some sense keys have a place for a segment, a pointer, answers, a count."""
        if not (0 <= self.asc < 256 and 0 <= self.ascq < 256):
            raise EncodeError(f"ASC and ASCQ are 0 to 255, got {self.asc}, {self.ascq}")
        if self.key != COPY_ABORTED and (self.segment is not None or self.devices):
            raise EncodeError(f"sense key {self.key:X}h says nothing of a segment or of other devices")
        if self.processed is not None and self.triple != COPY_INFORMATION_AVAILABLE:
            raise EncodeError("only F/00/20 says how many segments were processed")


def _pointer(specific: Record | None) -> FieldPointer | None:
    if not isinstance(specific, FieldPointerSpecific | SegmentPointerSpecific) or not specific.sksv:
        return None
    return FieldPointer(**specific.values())


def _segment(copy: Record | None) -> int | None:
    """The one number that is there, at whichever of its two places; two that differ are none."""
    if not isinstance(copy, CopySpecific):
        return None
    found = {copy.segment, copy.right_aligned} - {0}
    return None if len(found) > 1 else max(found, default=0)


def _processed(triple: tuple[int, int, int], command: Record | None) -> int | None:
    """How many segments are done, of the sense that comes with GOOD when G_SENSE asked for it (6.4.2)."""
    if triple == COPY_INFORMATION_AVAILABLE and isinstance(command, CommandInformation | CommandSpecific):
        return command.value
    return None


def _information(*where: Record | None) -> int | None:
    for found in where:
        if isinstance(found, Information) and found.valid:
            return found.value
        if isinstance(found, DirectAccess) and found.valid:
            return found.information
    return None


def _family(key: int) -> Family:
    family = LISTS.get(key, OtherDescriptors).row("descriptors").family
    assert family is not None
    return family


def _stands_for(key: int, direct: DirectAccess) -> Iterator[Record]:
    """The command specific and sense key specific descriptors that it is sent instead of (SBC-4 4.18.5)."""
    family = _family(key)
    yield family.record_of(0x01).unpack(b"\x01\x0a\0\0" + direct.command_specific.to_bytes(8, "big"))
    yield family.record_of(0x02).unpack(b"\x02\x06\0\0" + direct.specific + b"\0")


def _descriptors(key: int, body: bytes) -> Iterator[Record]:
    """The descriptors that are whole; one that is not what its type says is passed over."""
    family = _family(key)
    at = 8
    while at + 2 <= len(body):
        end = at + 2 + body[at + 1]
        if end <= len(body):
            try:
                yield family.record_of(body[at]).unpack(body[at:end])
            except DecodeError:
                pass
        at = end


def _embedded(body: bytes, source: int, destination: int) -> tuple[DeviceSense, ...]:
    """The status and sense that begin at these bytes (SPC-4 5.17.7.4).

    The status byte comes first. SCST points past it, at the sense itself: a response code there says so.
    Where both begin at the same byte it is one answer, and whose is not known: nested in each other, two
    would be four, and eight.
    """
    found = []
    sides = [("source", source, destination), ("destination", destination, source)]
    for role, at, other in sides if source != destination else [("unknown", source, 0)]:
        if not FIXED_SIZE - 1 < at < len(body):
            continue
        start = at if sense_record(body[at : at + 1]) else at + 1
        stop = other if at < other else len(body)
        sense = body[start:stop]
        if sense_record(sense) and len(sense) > 8:
            sense = sense[: 8 + sense[7]]
        found.append(DeviceSense(role=role, status=body[start - 1], sense=sense))
    return tuple(found)
