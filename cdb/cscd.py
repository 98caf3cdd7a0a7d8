"""CSCD descriptors: who is copied from and to (SPC-4 6.4.5). One record and one entry each."""

from __future__ import annotations

from typing import Self

from cdb.errors import EncodeError
from cdb.family import Family, Member
from cdb.record import Record, choice, const, flag, length, raw, record, reserved, slot, uint
from cdb.vpd import ASSOCIATIONS, CODE_SETS, DESIGNATOR_TYPES, Designator

CSCD_LENGTH = 32
MAXIMUM_DESIGNATOR_LENGTH = 20


@record
class BlockParameters(Record):
    """Device type specific parameters of a block device (SPC-4 6.4.5.3, table 136)."""

    _byte28 = reserved(5)
    pad: bool = flag(default=False)
    _byte28b = reserved(2)
    block_length: int = uint(24, label="DISK BLOCK LENGTH")


@record
class OtherParameters(Record):
    """Device type specific parameters of a device type that has none (SPC-4 6.4.5.1, table 134)."""

    parameters: bytes = raw(4, default=bytes(4), label="Device type specific parameters")


DEVICE_PARAMETERS: dict[int, type[Record]] = dict.fromkeys((0, 4, 5, 7, 14), BlockParameters)
DeviceParameters = BlockParameters | OtherParameters


@record
class UnknownCscd(Record):
    """A CSCD descriptor of a type not known here (SPC-4 6.4.5.1, table 132)."""

    descriptor_type: int = uint(8, label="DESCRIPTOR TYPE CODE")
    parameters: bytes = raw(31, label="CSCD descriptor parameters")


@record
class IdentificationCscd(Record):
    """Identification descriptor: a unit named by a designator of its page 83h (SPC-4 6.4.5.6, table 140)."""

    descriptor_type = const(8, 0xE4, label="DESCRIPTOR TYPE CODE")
    lu_id_type: int = uint(2, default=0)
    nul: bool = flag(default=False)
    peripheral_device_type: int = uint(5, default=0)
    relative_initiator_port: int = uint(16, default=0, label="RELATIVE INITIATOR PORT IDENTIFIER")
    _byte4 = reserved(4)
    code_set: int = uint(4, names=CODE_SETS)
    _byte5 = reserved(2)
    association: int = uint(2, names=ASSOCIATIONS)
    designator_type: int = uint(4, names=DESIGNATOR_TYPES)
    _byte6 = reserved(8)
    designator_length = length(8, "value", label="DESIGNATOR LENGTH")
    value: bytes = slot(MAXIMUM_DESIGNATOR_LENGTH, label="DESIGNATOR")
    parameters: DeviceParameters = choice(
        "peripheral_device_type",
        DEVICE_PARAMETERS,
        otherwise=OtherParameters,
        label="Device type specific parameters",
    )

    @classmethod
    def of(cls, designator: Designator, *, block_length: int, device_type: int = 0) -> Self:
        """The descriptor of a block device; protocol identifier and PIV have no place in it and are left out.

        A designator over 20 bytes does not fit and is an `EncodeError`.
        """
        if len(designator.value) > MAXIMUM_DESIGNATOR_LENGTH:
            raise EncodeError(
                f"an E4h CSCD descriptor holds a designator of at most 20 bytes, got {len(designator.value)}"
            )
        return cls(
            peripheral_device_type=device_type,
            code_set=designator.code_set,
            association=designator.association,
            designator_type=designator.designator_type,
            value=designator.value,
            parameters=BlockParameters(block_length=block_length),
        )

    @property
    def designator(self) -> Designator:
        """The designator that names the unit."""
        return Designator(
            code_set=self.code_set,
            association=self.association,
            designator_type=self.designator_type,
            value=self.value,
        )


CSCDS = Family(
    label="CSCD descriptor",
    stride=CSCD_LENGTH,
    unknown=UnknownCscd,
    members={0xE4: Member("identification descriptor", IdentificationCscd)},
)

Cscd = IdentificationCscd | UnknownCscd
