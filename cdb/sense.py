"""Sense data, fixed and descriptor format, with what it says about a third-party copy (SPC-4 5.17.7.4).

What was said is decoded here; what it means for a copy is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from cdb.asc import SENSE_KEYS, additional_sense_name
from cdb.errors import DecodeError
from cdb.record import Record, flag, raw, record, reserved, uint

NO_SENSE, RECOVERED_ERROR, NOT_READY, MEDIUM_ERROR = 0x0, 0x1, 0x2, 0x3
HARDWARE_ERROR, ILLEGAL_REQUEST, UNIT_ATTENTION, DATA_PROTECT = 0x4, 0x5, 0x6, 0x7
COPY_ABORTED, ABORTED_COMMAND, MISCOMPARE, COMPLETED = 0xA, 0xB, 0xE, 0xF


@record
class FixedLayout(Record):
    """The 18 bytes of fixed format sense data (SPC-4 4.5.3)."""

    valid: bool = flag(default=False)
    response_code: int = uint(7)
    _byte1 = reserved(8)
    filemark: bool = flag(default=False)
    eom: bool = flag(default=False)
    ili: bool = flag(default=False)
    sdat_ovfl: bool = flag(default=False)
    sense_key: int = uint(4)
    information: int = uint(32, default=0)
    additional_sense_length: int = uint(8, default=10)
    command_specific: bytes = raw(4, default=bytes(4), label="COMMAND-SPECIFIC INFORMATION")
    asc: int = uint(8, label="ADDITIONAL SENSE CODE")
    ascq: int = uint(8, label="ADDITIONAL SENSE CODE QUALIFIER")
    fru: int = uint(8, default=0, label="FIELD REPLACEABLE UNIT CODE")
    sense_key_specific: bytes = raw(3, default=bytes(3))


@record
class DescriptorLayout(Record):
    """The 8 bytes before the descriptors of descriptor format sense data (SPC-4 4.5.2)."""

    _byte0 = reserved(1)
    response_code: int = uint(7)
    _byte1 = reserved(4)
    sense_key: int = uint(4)
    asc: int = uint(8, label="ADDITIONAL SENSE CODE")
    ascq: int = uint(8, label="ADDITIONAL SENSE CODE QUALIFIER")
    sdat_ovfl: bool = flag(default=False)
    _byte4 = reserved(23)
    additional_sense_length: int = uint(8)


@record
class FieldPointer(Record):
    """The sense-key-specific bytes of ILLEGAL REQUEST and COPY ABORTED: which field is wrong.

    For COPY ABORTED, SD says that the pointer counts from the segment descriptor, not the parameter list.
    For ILLEGAL REQUEST, C/D says that it counts from the CDB.
    """

    sksv: bool = flag()
    command: bool = flag(default=False, label="C/D")
    segment: bool = flag(default=False, label="SD")
    _byte0 = reserved(1)
    bpv: bool = flag(default=False)
    bit: int = uint(3, default=0, label="BIT POINTER")
    byte: int = uint(16, label="FIELD POINTER")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSense:
    """What a copy source or destination answered; `role` is "source", "destination" or "unknown"."""

    role: str
    status: int
    sense: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sense:
    """Decoded sense data.

    `information` is None unless valid; `segment` is the number, from 0, of the segment a copy stopped in.
    """

    key: int
    asc: int = 0
    ascq: int = 0
    deferred: bool = False
    information: int | None = None
    segment: int | None = None
    pointer: FieldPointer | None = None
    devices: tuple[DeviceSense, ...] = ()

    @property
    def triple(self) -> tuple[int, int, int]:
        """Sense key, ASC, ASCQ."""
        return self.key, self.asc, self.ascq

    def __str__(self) -> str:
        parts = [f"{SENSE_KEYS[self.key]}, {additional_sense_name(self.asc, self.ascq)}"]
        parts[0] += f" ({self.key:X}/{self.asc:02X}/{self.ascq:02X})"
        if self.segment is not None:
            parts.append(f"in segment {self.segment}")
        if self.pointer is not None:
            base = "the CDB" if self.pointer.command else "the parameter list"
            if self.key == COPY_ABORTED and self.pointer.segment:
                base = "the segment descriptor"
            bit = f" bit {self.pointer.bit}" if self.pointer.bpv else ""
            parts.append(f"at byte {self.pointer.byte}{bit} of {base}")
        for device in self.devices:
            parts.append(f"the {device.role} device answered status {device.status:02X}h{_inner(device)}")
        return ", ".join(parts)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Sense data of either format; anything that is neither is a `DecodeError`."""
        if not data:
            raise DecodeError("no sense data")
        code = data[0] & 0x7F
        if code in (0x70, 0x71):
            return cls._unpack_fixed(data)
        if code in (0x72, 0x73):
            return cls._unpack_descriptors(data)
        raise DecodeError(f"sense response code {code:02X}h is neither fixed nor descriptor format")

    @classmethod
    def _unpack_fixed(cls, data: bytes) -> Self:
        if len(data) < 8:
            raise DecodeError(f"fixed format sense data is at least 8 bytes, got {len(data)}")
        end = min(len(data), 8 + data[7])
        body = bytes(data[:end])
        layout = FixedLayout.unpack_from(body.ljust(FixedLayout.size, b"\0"))
        copy = layout.sense_key == COPY_ABORTED
        specific = layout.command_specific
        return cls(
            key=layout.sense_key,
            asc=layout.asc,
            ascq=layout.ascq,
            deferred=layout.response_code == 0x71,
            information=layout.information if layout.valid else None,
            segment=int.from_bytes(specific[2:], "big") if copy else None,
            pointer=_pointer(layout.sense_key_specific),
            devices=_embedded(body, specific) if copy else (),
        )

    @classmethod
    def _unpack_descriptors(cls, data: bytes) -> Self:
        layout = DescriptorLayout.unpack_from(data)
        end = min(len(data), 8 + layout.additional_sense_length)
        found: dict[int, bytes] = {}
        devices: list[DeviceSense] = []
        at = 8
        while at < end:
            if at + 2 > end or at + 2 + data[at + 1] > end:
                raise DecodeError(f"sense descriptor at byte {at} runs past the end at byte {end}")
            kind, body = data[at], bytes(data[at + 2 : at + 2 + data[at + 1]])
            if kind == 0x0C and len(body) >= 2:
                role = {1: "source", 2: "destination"}.get(body[0] & 0x0F, "unknown")
                devices.append(DeviceSense(role=role, status=body[1], sense=body[2:]))
            found.setdefault(kind, body)
            at += 2 + data[at + 1]
        information = found.get(0x00, b"")
        valid = len(information) == 10 and information[0] & 0x80
        specific = found.get(0x01, b"")
        return cls(
            key=layout.sense_key,
            asc=layout.asc,
            ascq=layout.ascq,
            deferred=layout.response_code == 0x73,
            information=int.from_bytes(information[2:], "big") if valid else None,
            segment=_descriptor_segment(specific) if layout.sense_key == COPY_ABORTED else None,
            pointer=_pointer(found.get(0x02, b"")[2:5]),
            devices=tuple(devices),
        )

    def pack_fixed(self) -> bytes:
        """Fixed format, 18 bytes and the embedded answers of source and destination behind them."""
        specific = bytearray(4)
        if self.segment is not None:
            specific[2:] = self.segment.to_bytes(2, "big")
        tail = b""
        for device in self.devices:
            if device.role in ("source", "destination"):
                specific[0 if device.role == "source" else 1] = FixedLayout.size + len(tail)
                tail += bytes([device.status]) + device.sense
        layout = FixedLayout(
            valid=self.information is not None,
            response_code=0x71 if self.deferred else 0x70,
            sense_key=self.key,
            information=(self.information or 0) & 0xFFFFFFFF,
            additional_sense_length=FixedLayout.size - 8 + len(tail),
            command_specific=bytes(specific),
            asc=self.asc,
            ascq=self.ascq,
            sense_key_specific=self.pointer.pack() if self.pointer else bytes(3),
        )
        return layout.pack() + tail


def _pointer(specific: bytes) -> FieldPointer | None:
    if len(specific) != 3 or not specific[0] & 0x80:
        return None
    return FieldPointer.unpack(specific)


def _embedded(body: bytes, specific: bytes) -> tuple[DeviceSense, ...]:
    """The status and sense that bytes 8 and 9 point at (SPC-4 5.17.7.4).

    The status byte comes first. SCST points past it, at the sense itself: a response code there says so.
    """
    found = []
    for role, at in (("source", specific[0]), ("destination", specific[1])):
        if not FixedLayout.size - 1 < at < len(body):
            continue
        shifted = body[at] & 0x7F in (0x70, 0x71, 0x72, 0x73)
        start = at if shifted else at + 1
        other = max(specific[:2])
        stop = other if at < other else len(body)
        found.append(DeviceSense(role=role, status=body[start - 1], sense=body[start:stop]))
    return tuple(found)


def _descriptor_segment(specific: bytes) -> int | None:
    """The 8-byte field holds the number in its third and fourth bytes (SCST) or in its last two."""
    if len(specific) != 10:
        return None
    field = specific[2:]
    return int.from_bytes(field[2:4], "big") or int.from_bytes(field[4:8], "big")


def _inner(device: DeviceSense) -> str:
    try:
        return f" with {Sense.unpack(device.sense)}" if device.sense else ""
    except DecodeError:
        return f" with sense {device.sense.hex()}"
