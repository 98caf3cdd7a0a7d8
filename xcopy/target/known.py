"""A command that is known: its CDB, what answers it, and whose reservation it passes.

One entry in a table of commands, from which it is answered and told of (REPORT SUPPORTED OPERATION CODES).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from cdb.command import Reply
    from cdb.record import Record
    from xcopy.target.reservation import Through

Key = tuple[int, int | None]

SERVICE_ACTION = 0x1F  # of byte 1
WITH_SERVICE_ACTION = frozenset({0x5E, 0x5F, 0x83, 0x84, 0x9E, 0x9F, 0xA3, 0xA4})


class Known(NamedTuple):
    """`service_action` is that of a CDB whose record leaves it open; `through` may depend on the CDB."""

    record: type[Record]
    action: Callable[..., Reply]
    through: Through | Callable[[bytes], Through]
    service_action: int | None = None

    @property
    def key(self) -> Key:
        """Operation code and service action, None where the operation code has none."""
        fixed = {row.name: row.default for row in self.record.rows if row.kind == "const"}
        return fixed["operation_code"], fixed.get("service_action", self.service_action)

    def passes(self, cdb: bytes) -> Through:
        """Whose reservation that command passes."""
        return self.through(cdb) if callable(self.through) else self.through


def key_of(cdb: bytes) -> Key | None:
    """What a CDB asks for, None when not even that is there."""
    if not cdb:
        return None
    if cdb[0] not in WITH_SERVICE_ACTION:
        return cdb[0], None
    return (cdb[0], cdb[1] & SERVICE_ACTION) if len(cdb) > 1 else None


def table(entries: Iterable[Known]) -> Mapping[Key, Known]:
    """The commands by what is asked for."""
    return {entry.key: entry for entry in entries}
