"""A family of records: descriptors in one list, told apart by the number in their header.

One member is one entry: its code, T10's short name, its record. A code nobody knows is read as `unknown`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cdb.record import Record


class Member(NamedTuple):
    """One kind of descriptor: T10's name of it and the record it is."""

    name: str
    record: type[Record]


class Family:
    """Records that begin with a code of `code_bits` bits; `stride` is the bytes between their numbers."""

    __slots__ = ("code_bits", "label", "members", "records", "stride", "unknown")

    def __init__(
        self,
        *,
        label: str,
        members: Mapping[int, Member],
        unknown: type[Record],
        code_bits: int = 8,
        stride: int = 0,
    ) -> None:
        for code, member in members.items():
            head = member.record.rows[0]
            possible = head.allowed or ((head.default,) if head.kind == "const" else ())
            if head.bits != code_bits or code not in possible:
                raise TypeError(f"{member.record.__name__} does not begin with the code {code:#x}")
        self.label, self.members, self.unknown = label, dict(members), unknown
        self.code_bits, self.stride = code_bits, stride
        self.records: frozenset[type[Record] | None] = frozenset(
            {unknown, *(m.record for m in members.values())}
        )

    def code_at(self, data: bytes, at: int) -> int:
        """The code of the descriptor at `at`."""
        return int.from_bytes(data[at : at + self.code_bits // 8], "big")

    def record_of(self, code: int) -> type[Record]:
        """The record that a descriptor with this code is."""
        member = self.members.get(code)
        return member.record if member else self.unknown

    def name_of(self, code: int) -> str:
        """T10's name of a code, "" where it has none."""
        member = self.members.get(code)
        return member.name if member else ""
