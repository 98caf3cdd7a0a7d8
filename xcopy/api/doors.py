"""The ways of one worker to the units of a copy: by pair and side to a unit, and to what it was opened by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.api.failover import FailoverTransport
from xcopy.conversation import Side

if TYPE_CHECKING:
    from cdb.command import Transport
    from xcopy.api.endpoint import Endpoint, Part
    from xcopy.conversation import BlockDoor


class Doors:
    """One worker's ways to the units of both sides, each opened when it is first used.

    The destination's blocks are opened for writing unless `read_only`.
    """

    def __init__(self, source: Endpoint, destination: Endpoint, *, read_only: bool = False) -> None:
        self._read_only = read_only
        self._sides = {Side.SOURCE: source, Side.DESTINATION: destination}
        self._transports: dict[tuple[Side, int], Transport] = {}
        self._blocks: dict[tuple[Side, int], BlockDoor] = {}

    def transport(self, side: Side, pair: int) -> Transport:
        """The way commands go to a unit."""
        at = self._place(side, pair)
        if at not in self._transports:
            self._transports[at] = self._part(at).open_transport()
        return self._transports[at]

    def same_way(self, side: Side, pair: int) -> Transport:
        """The path by which commands went to a unit last, and no other."""
        way = self.transport(side, pair)
        return way.same_way if isinstance(way, FailoverTransport) else way

    def blocks(self, side: Side, pair: int) -> BlockDoor:
        """The way the host reads the source or writes the destination."""
        at = self._place(side, pair)
        if at not in self._blocks:
            self._blocks[at] = self._part(at).open_blocks(side is Side.DESTINATION and not self._read_only)
        return self._blocks[at]

    def _place(self, side: Side, pair: int) -> tuple[Side, int]:
        read, write = divmod(pair, len(self._sides[Side.DESTINATION].parts))
        return side, read if side is Side.SOURCE else write

    def _part(self, at: tuple[Side, int]) -> Part:
        side, number = at
        return self._sides[side].parts[number]

    def close(self) -> None:
        """Close what was opened."""
        for way in self._transports.values():
            way.close()
        for door in self._blocks.values():
            door.close()
