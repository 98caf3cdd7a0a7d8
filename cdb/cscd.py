"""CSCD descriptors: who is copied from and to. Today the identification descriptor, E4h (SPC-4 6.4.5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from cdb.errors import DecodeError, EncodeError
from cdb.record import Record, const, flag, raw, record, reserved, uint
from cdb.vpd import Designator

CSCD_LENGTH = 32
MAXIMUM_DESIGNATOR_LENGTH = 20


@record
class IdentificationLayout(Record):
    """The 32 bytes of an E4h descriptor for a block device (SPC-4 6.4.5.6)."""

    descriptor_type = const(8, 0xE4, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0)
    relative_initiator_port: int = uint(16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER")
    _byte4 = reserved(4)
    code_set: int = uint(4)
    _byte5 = reserved(2)
    association: int = uint(2)
    designator_type: int = uint(4)
    _byte6 = reserved(8)
    designator_length: int = uint(8)
    designator: bytes = raw(20)
    _byte28 = reserved(5)
    pad: bool = flag(default=False)
    _byte28b = reserved(2)
    block_length: int = uint(24, label="DISK BLOCK LENGTH")


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentificationCscd:
    """A unit named by a designator of its VPD page 83h (E4h); `block_length` in bytes."""

    designator: Designator
    block_length: int
    peripheral_device_type: int = 0
    relative_initiator_port: int = 0
    lu_id_type: int = 0
    nul: bool = False
    pad: bool = False

    def pack(self) -> bytes:
        """32 bytes; a designator over 20 bytes does not fit and is an `EncodeError`.

        Protocol identifier and PIV are not part of the descriptor and are left out.
        """
        value = self.designator.value
        if len(value) > MAXIMUM_DESIGNATOR_LENGTH:
            raise EncodeError(
                f"an E4h CSCD descriptor holds a designator of at most 20 bytes, got {len(value)}"
            )
        return IdentificationLayout(
            lu_id_type=self.lu_id_type,
            nul=self.nul,
            peripheral_device_type=self.peripheral_device_type,
            relative_initiator_port=self.relative_initiator_port,
            code_set=self.designator.code_set,
            association=self.designator.association,
            designator_type=self.designator.designator_type,
            designator_length=len(value),
            designator=value.ljust(MAXIMUM_DESIGNATOR_LENGTH, b"\0"),
            pad=self.pad,
            block_length=self.block_length,
        ).pack()

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """The descriptor in exactly 32 bytes."""
        layout = IdentificationLayout.unpack(data)
        if layout.designator_length > MAXIMUM_DESIGNATOR_LENGTH:
            raise DecodeError(
                f"E4h CSCD descriptor: DESIGNATOR LENGTH at byte 7 is {layout.designator_length}, at most 20"
            )
        return cls(
            designator=Designator(
                code_set=layout.code_set,
                association=layout.association,
                designator_type=layout.designator_type,
                value=layout.designator[: layout.designator_length],
            ),
            block_length=layout.block_length,
            peripheral_device_type=layout.peripheral_device_type,
            relative_initiator_port=layout.relative_initiator_port,
            lu_id_type=layout.lu_id_type,
            nul=layout.nul,
            pad=layout.pad,
        )
