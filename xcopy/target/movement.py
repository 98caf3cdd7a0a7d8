"""How data move in a segment: just enough reads, bytes made destination data, as many writes as possible.

What is left over at the end is dealt with by CAT and PAD (SPC-4 5.17.7.2, tables 115 to 117). All of it is
known before the first byte moves, so a segment that cannot be exact changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from xcopy.target.endpoints import Reader, Writer
    from xcopy.target.run import CopyRun

Fate = Literal["retained", "discarded", "padded"]
UNEXPECTED_INEXACT_SEGMENT = (0x26, 0x0A)
GRANULARITY_VIOLATION = (0x26, 0x0D)
INLINE = 0x04


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What one segment asks for, in bytes.

    `amount` is how many bytes of source data are processed; without a reader there are none. `designated` is
    how many bytes are written, None for as many whole blocks as there are. `appended` is destination data
    that comes from the parameter list. `counted_by` names the field of the segment that says how much.
    """

    reader: Reader | None = None
    writer: Writer | None = None
    amount: int = 0
    designated: int | None = None
    appended: bytes = b""
    source_pad: bool = False
    destination_pad: bool = False
    counted_by: str = "blocks"
    held: bool = False


def move(run: CopyRun, movement: Movement) -> int:
    """Perform it, and deal with what is left; how many bytes were written, padding included."""
    reader, writer, amount = movement.reader, movement.writer, movement.amount
    reads = reader.plan(amount, len(run.source_data)) if reader else 0
    ready = len(run.destination_data) + len(movement.appended) + (amount if writer else 0)
    writes = 0
    if writer:
        writes = writer.whole(ready) if movement.designated is None else movement.designated
    left = ready - writes
    source, destination = _fates(run, movement, len(run.source_data) + reads - amount, left)
    padding = writer.padding(left) if writer and destination == "padded" else 0
    check_limits(run, movement.counted_by, writes if writer else amount)
    if reader:
        reader.check()
    if writer:
        writer.plan(writes, left + padding if padding else 0)
    _perform(run, movement)
    if source != "retained":
        run.source_data = b""
    if writer and padding:
        writer.write(run.destination_data + bytes(padding))
    if destination != "retained":
        run.destination_data = b""
    if writer:
        writer.finish()
    return writes + (left + padding if padding else 0)


def _fates(run: CopyRun, movement: Movement, source: int, destination: int) -> tuple[Fate, Fate]:
    """What becomes of residual source and destination data of these lengths (SPC-4 5.17.7.2, table 116)."""
    if getattr(run.segment, "cat", False):
        return "retained", "retained"
    if movement.destination_pad:
        if destination and movement.designated is not None:  # note a of the table
            run.abort(*UNEXPECTED_INEXACT_SEGMENT, run.in_segment(movement.counted_by))
        return "discarded" if movement.source_pad else "retained", "padded"
    if not movement.source_pad and (source or destination):
        run.abort(*UNEXPECTED_INEXACT_SEGMENT, run.in_segment(movement.counted_by))
    return "discarded", "discarded"


def check_limits(run: CopyRun, counted_by: str, transferred: int) -> None:
    """The longest segment, and the granularity; neither counts padding (SPC-4 6.22)."""
    limits = run.place.profile.enforced
    inline = run.segment.descriptor_type == INLINE
    granularity = limits.inline_data_granularity if inline else limits.data_segment_granularity
    if transferred % (1 << granularity):
        run.abort(*GRANULARITY_VIOLATION, run.in_segment(counted_by))
    if limits.maximum_segment_length and transferred > limits.maximum_segment_length:
        run.abort(0x26, 0x00, run.in_segment(counted_by))


def _perform(run: CopyRun, movement: Movement) -> None:
    """Read, process and write chunk by chunk, from the first to the last."""
    reader, writer, left = movement.reader, movement.writer, movement.amount
    chunk = _chunk(run, reader, writer)
    if movement.appended:
        run.destination_data += movement.appended
    _write(run, writer)
    while True:
        if left and run.source_data:
            size = min(left, chunk)
            piece, run.source_data = run.source_data[:size], run.source_data[size:]
            left -= len(piece)
            if movement.held:
                run.hold(piece)
            if writer:
                run.destination_data += piece
                _write(run, writer)
        elif reader and reader.left:
            run.source_data += reader.read(chunk)
        else:
            return


def _write(run: CopyRun, writer: Writer | None) -> None:
    size = min(writer.whole(len(run.destination_data)), writer.left) if writer else 0
    if writer and size:
        data, run.destination_data = run.destination_data[:size], run.destination_data[size:]
        writer.write(data)


def _chunk(run: CopyRun, reader: Reader | None, writer: Writer | None) -> int:
    """Bytes of one round: the chunk size, in whole reads that are enough for a whole write."""
    read, write = reader.size if reader else 1, writer.size if writer else 1
    step = -(-write // read) * read
    return max(run.place.profile.chunk_size // step, 1) * step
