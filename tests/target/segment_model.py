"""What segments do to plain bytes and lists of records, from the words of SPC-4 5.17.7.2 (tables 115 to 117).

Shares nothing with the array. A segment is read, processed and written as a whole; one that is refused
changes nothing, which is stricter than the standard asks.
"""

from __future__ import annotations

from dataclasses import dataclass, field


class Abort(Exception):
    """The segment ends in COPY ABORTED with one of these ASC, ASCQ."""

    def __init__(self, *codes: tuple[int, int]) -> None:
        super().__init__(*codes)
        self.codes = codes


INEXACT = (0x26, 0x0A)
FAILED = (0x0D, 0x01)


@dataclass
class Device:
    """A disk (`blocks`) or a tape (`records` and where it stands) of this block or transfer length."""

    size: int
    blocks: bytearray = field(default_factory=bytearray)
    records: list[bytes] = field(default_factory=list)
    position: int = 0
    pad: bool = False
    tape: bool = False


@dataclass
class Segment:
    """What is asked: `count` bytes to process, or to write with `designated`; `at` and `to` in bytes.

    With `ranged_source` and `ranged_destination` these are byte ranges, not whole blocks. `literal` is data
    from the list. None for a side that the segment type has not.
    """

    source: Device | None
    destination: Device | None
    count: int
    at: int = 0
    to: int = 0
    cat: bool = False
    designated: bool = False
    ranged_source: bool = False
    ranged_destination: bool = False
    literal: bytes | None = None
    held: bool = False


@dataclass
class Model:
    """Residual data of the segments so far, and what was held."""

    source_data: bytes = b""
    destination_data: bytes = b""
    held: bytes = b""

    def perform(self, segment: Segment) -> None:
        """One segment, whole or not at all."""
        wanted = segment.count
        if segment.designated and not (segment.ranged_source and segment.ranged_destination):
            wanted = max(0, segment.count - len(self.destination_data))
        if segment.literal is not None:
            wanted = 0
        read, source_after = self._read(segment, wanted)
        available = self.source_data + read
        processed, left = available[:wanted], available[wanted:]
        ready = self.destination_data
        if segment.destination is not None:
            ready += processed if segment.literal is None else segment.literal
        if segment.destination is None:
            writes, rest = b"", ready
        elif segment.designated:
            writes, rest = ready[: segment.count], ready[segment.count :]
        else:
            whole = len(ready) - len(ready) % segment.destination.size
            writes, rest = ready[:whole], ready[whole:]
        left, rest, padding = self._residue(segment, left, rest)
        self._write(segment, writes + padding)
        if segment.source is not None:
            segment.source.position = source_after
        self.source_data, self.destination_data = left, rest
        if segment.held:
            self.held += processed

    def _read(self, segment: Segment, wanted: int) -> tuple[bytes, int]:
        source = segment.source
        if source is None:
            return b"", 0
        if segment.ranged_source:
            if segment.count and segment.at + segment.count > len(source.blocks):
                raise Abort(FAILED, INEXACT)
            return bytes(source.blocks[segment.at : segment.at + segment.count]), 0
        missing = max(0, wanted - len(self.source_data))
        units = -(-missing // source.size)
        if not source.tape:
            end = segment.at + units * source.size
            if units and end > len(source.blocks):
                raise Abort(FAILED, INEXACT)
            return bytes(source.blocks[segment.at : end]), 0
        records = source.records[source.position : source.position + units]
        if len(records) < units or any(len(record) != source.size for record in records):
            raise Abort(FAILED, INEXACT)
        return b"".join(records), source.position + units

    @staticmethod
    def _residue(segment: Segment, left: bytes, rest: bytes) -> tuple[bytes, bytes, bytes]:
        """Table 116: what stays of source and destination data, and what padding writes."""
        if segment.cat:
            return left, rest, b""
        source_pad = segment.source is not None and segment.source.pad
        destination_pad = segment.destination is not None and segment.destination.pad
        if not source_pad and not destination_pad:
            if left or rest:
                raise Abort(INEXACT, FAILED)
            return b"", b"", b""
        if source_pad and not destination_pad:
            return b"", b"", b""
        if segment.designated and rest:
            raise Abort(INEXACT, FAILED)
        assert segment.destination is not None
        padding = rest + bytes(-len(rest) % segment.destination.size) if rest else b""
        return (b"" if source_pad else left), b"", padding

    @staticmethod
    def _write(segment: Segment, data: bytes) -> None:
        destination = segment.destination
        if destination is None or not data:
            return
        if destination.tape:
            del destination.records[destination.position :]
            size = destination.size
            destination.records += [data[n : n + size] for n in range(0, len(data), size)]
            destination.position = len(destination.records)
            return
        if segment.to + len(data) > len(destination.blocks):
            raise Abort(FAILED)
        destination.blocks[segment.to : segment.to + len(data)] = data
