"""Segments with a tape at one side or both: what moves, how it is counted, and where each begins.

A tape is read and written in transfers of the length that the segment and its CSCD descriptor say together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.segment import (
    BlockOffsetToStream,
    BlockToStream,
    EmbeddedToStream,
    InlineToStream,
    StreamToBlock,
    StreamToBlockOffset,
    StreamToDiscard,
    StreamToStream,
)
from cdb.segment_tape import Locate, Space, TapeImage, WriteFilemarks
from cdb.sense import FixedSense
from xcopy.target.endpoints import disk_reader, disk_writer, tape_reader, tape_writer
from xcopy.target.faults import Step
from xcopy.target.movement import Movement, move
from xcopy.target.refusal import Refused
from xcopy.target.sides import BlockSide, NullSide, disk, stream, tape
from xcopy.target.tape import BLANK_CHECK, FILEMARK, signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.target.run import CopyRun
    from xcopy.target.sides import StreamSide
    from xcopy.target.tape import Object

INLINE_DATA_LENGTH_EXCEEDED = (0x26, 0x0B)
HOLDING = frozenset({0x0B, 0x0C, 0x0E, 0x0F})


def block_to_stream(run: CopyRun) -> None:
    """00h and 0Bh: blocks to a tape (SPC-4 6.4.6.2)."""
    segment = run.segment
    assert isinstance(segment, BlockToStream)
    source, destination = disk(run, "source"), stream(run, "destination")
    if isinstance(source, NullSide) and segment.blocks:
        run.not_reachable(source.pointer)
    size = 0 if isinstance(source, NullSide) else source.unit.block_size
    move(
        run,
        Movement(
            reader=disk_reader(run, source, segment.lba, "lba"),
            writer=tape_writer(run, destination, segment.blocks),
            amount=segment.blocks * size,
            source_pad=source.pad,
            destination_pad=destination.pad,
            held=segment.descriptor_type in HOLDING,
        ),
    )


def stream_to_block(run: CopyRun) -> None:
    """01h and 0Ch: a tape's data to so many blocks (SPC-4 6.4.6.3)."""
    segment = run.segment
    assert isinstance(segment, StreamToBlock)
    source, destination = stream(run, "source"), disk(run, "destination")
    writer = disk_writer(run, destination, segment.lba, "lba", segment.blocks)
    asked = 0 if isinstance(destination, NullSide) else segment.blocks * destination.unit.block_size
    move(
        run,
        Movement(
            reader=tape_reader(run, source),
            writer=writer,
            amount=max(asked - len(run.destination_data), 0),
            designated=asked,
            source_pad=source.pad,
            destination_pad=destination.pad,
            held=segment.descriptor_type in HOLDING,
        ),
    )


def stream_to_stream(run: CopyRun) -> None:
    """03h and 0Eh: so many bytes from tape to tape (SPC-4 6.4.6.5)."""
    segment = run.segment
    assert isinstance(segment, StreamToStream)
    source, destination = stream(run, "source"), stream(run, "destination")
    move(
        run,
        Movement(
            reader=tape_reader(run, source, "source_transfer_length"),
            writer=tape_writer(run, destination, segment.byte_count, "destination_transfer_length"),
            amount=segment.byte_count,
            source_pad=source.pad,
            destination_pad=destination.pad,
            counted_by="byte_count",
            held=segment.descriptor_type in HOLDING,
        ),
    )


def inline_to_stream(run: CopyRun) -> None:
    """04h: bytes that came behind the descriptors (SPC-4 6.4.6.6)."""
    segment = run.segment
    assert isinstance(segment, InlineToStream)
    end = segment.inline_offset + segment.byte_count
    if segment.inline_offset % 4:
        run.abort(0x26, 0x00, run.in_segment("inline_offset"))
    if end > len(run.request.inline_data):
        run.abort(*INLINE_DATA_LENGTH_EXCEEDED, run.in_segment("byte_count"))
    _appended(run, run.request.inline_data[segment.inline_offset : end], "byte_count")


def embedded_to_stream(run: CopyRun) -> None:
    """05h: bytes in the segment itself (SPC-4 6.4.6.7)."""
    segment = run.segment
    assert isinstance(segment, EmbeddedToStream)
    _appended(run, segment.embedded_data, "embedded_data_length")


def _appended(run: CopyRun, data: bytes, counted_by: str) -> None:
    """No source: its PAD bit counts as 0 (SPC-4 5.17.7.2, table 117)."""
    destination = stream(run, "destination")
    move(
        run,
        Movement(
            writer=tape_writer(run, destination, len(data)),
            appended=data,
            destination_pad=destination.pad,
            counted_by=counted_by,
        ),
    )


def stream_to_discard(run: CopyRun) -> None:
    """06h and 0Fh: bytes of a tape to nowhere, or held (SPC-4 6.4.6.8); there is no destination's PAD bit."""
    segment = run.segment
    assert isinstance(segment, StreamToDiscard)
    source = stream(run, "source")
    move(
        run,
        Movement(
            reader=tape_reader(run, source),
            amount=segment.byte_count,
            source_pad=source.pad,
            counted_by="byte_count",
            held=segment.descriptor_type in HOLDING,
        ),
    )


def offset_to_stream(run: CopyRun) -> None:
    """08h: bytes from anywhere in a block to a tape (SPC-4 6.4.6.10)."""
    segment = run.segment
    assert isinstance(segment, BlockOffsetToStream)
    source, destination = disk(run, "source"), stream(run, "destination")
    _check_offset(run, source)
    move(
        run,
        Movement(
            reader=disk_reader(run, source, segment.lba, "lba", segment.byte_offset),
            writer=tape_writer(run, destination, segment.byte_count),
            amount=segment.byte_count,
            source_pad=source.pad,
            destination_pad=destination.pad,
            counted_by="byte_count",
        ),
    )


def stream_to_offset(run: CopyRun) -> None:
    """09h: a tape's data to anywhere in a block, what lies around it kept (SPC-4 6.4.6.11)."""
    segment = run.segment
    assert isinstance(segment, StreamToBlockOffset)
    source, destination = stream(run, "source"), disk(run, "destination")
    _check_offset(run, destination)
    asked = segment.byte_count
    move(
        run,
        Movement(
            reader=tape_reader(run, source),
            writer=disk_writer(run, destination, segment.lba, "lba", asked, segment.byte_offset),
            amount=max(asked - len(run.destination_data), 0),
            designated=asked,
            source_pad=source.pad,
            destination_pad=destination.pad,
            counted_by="byte_count",
        ),
    )


def _check_offset(run: CopyRun, found: BlockSide | NullSide) -> None:
    segment = run.segment
    assert isinstance(segment, BlockOffsetToStream | StreamToBlockOffset)
    if isinstance(found, BlockSide) and segment.byte_offset >= found.unit.block_size:
        run.abort(0x26, 0x00, run.in_segment("byte_offset"))


def write_filemarks(run: CopyRun) -> None:
    """10h: marks where the tape stands (SPC-4 6.4.6.13)."""
    segment = run.segment
    assert isinstance(segment, WriteFilemarks)
    _mark(run, tape(run, "destination"), segment.filemarks)


def space(run: CopyRun) -> None:
    """11h: pass records or marks (SPC-4 6.4.6.14)."""
    segment = run.segment
    assert isinstance(segment, Space)
    side = tape(run, "destination")
    run.go_on()
    try:
        side.unit.space(segment.code, signed(segment.count))
    except Refused as refusal:
        run.device_failed(side, refusal)


def locate(run: CopyRun) -> None:
    """12h: go to a logical object (SPC-4 6.4.6.15)."""
    segment = run.segment
    assert isinstance(segment, Locate)
    side = tape(run, "destination")
    run.go_on()
    try:
        side.unit.locate(segment.logical_object)
    except Refused as refusal:
        run.device_failed(side, refusal)


def tape_image(run: CopyRun) -> None:
    """13h: records and marks as they are, to their end or so many marks in a row (SPC-4 6.4.6.16)."""
    segment = run.segment
    assert isinstance(segment, TapeImage)
    source, destination = tape(run, "source"), tape(run, "destination")
    marks = 0
    while not segment.count or marks < segment.count:
        found, ended = _next_object(run, source)
        if ended:
            return
        if found is FILEMARK:
            marks += 1
            _mark(run, destination, 1)
        else:
            marks = 0
            _put_record(run, destination, found)


def _next_object(run: CopyRun, side: StreamSide) -> tuple[Object, bool]:
    """What is next on a tape, and whether there is nothing."""
    run.go_on()
    found: Object = FILEMARK

    def read() -> bytes:
        nonlocal found
        found = side.unit.copy_object()
        return found or b""

    step = Step(kind="read", unit=side.unit.number, lba=side.unit.medium.position, blocks=1)
    try:
        data = run.place.faults.read(step, read)
    except Refused as refusal:
        if _end_of_data(refusal.reply.sense):
            return FILEMARK, True
        run.device_failed(side, refusal)
    run.operation.commands += 1
    return (FILEMARK if found is FILEMARK else data), False


def _end_of_data(sense: bytes) -> bool:
    return FixedSense.peek("sense_key", sense) == BLANK_CHECK if sense else False


def _put_record(run: CopyRun, side: StreamSide, record: bytes) -> None:
    run.go_on()
    step = Step(kind="write", unit=side.unit.number, lba=side.unit.medium.position, blocks=1)
    try:
        run.place.faults.write(step, record, lambda changed: side.unit.write_records([changed]))
    except Refused as refusal:
        run.device_failed(side, refusal)
    run.operation.commands += 1
    run.operation.transferred += len(record)


def _mark(run: CopyRun, side: StreamSide, count: int) -> None:
    run.go_on()
    step = Step(kind="write", unit=side.unit.number, lba=side.unit.medium.position, blocks=count)
    try:
        run.place.faults.write(step, b"", lambda _: side.unit.write_filemarks(count))
    except Refused as refusal:
        run.device_failed(side, refusal)
    run.operation.commands += 1


PERFORMED_ON_TAPES: dict[int, Callable[[CopyRun], None]] = {
    0x00: block_to_stream,
    0x01: stream_to_block,
    0x03: stream_to_stream,
    0x04: inline_to_stream,
    0x05: embedded_to_stream,
    0x06: stream_to_discard,
    0x08: offset_to_stream,
    0x09: stream_to_offset,
    0x0B: block_to_stream,
    0x0C: stream_to_block,
    0x0E: stream_to_stream,
    0x0F: stream_to_discard,
    0x10: write_filemarks,
    0x11: space,
    0x12: locate,
    0x13: tape_image,
}
