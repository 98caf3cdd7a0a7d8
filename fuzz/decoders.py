"""What a decoder may do with any bytes: return, or raise `DecodeError`; soon, its answer of bounded size.

One function a decoder, each of them a law: what it asserts holds for every input. Which inputs there are,
and how they are found, is `campaign`'s business.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cdb import catalogue
from cdb.copy_status import bytes_transferred
from cdb.errors import DecodeError
from cdb.hexdump import read_blocks
from cdb.pointer import field_named
from cdb.recognise import Reading, read_as, recognise
from cdb.sense import Sense
from cdb.trace import Heading, Seen, Trace
from tests.cdb.strategies import all_records
from xcopy.cli.render_trace import WIDTH, as_json, dump

if TYPE_CHECKING:
    from cdb.record import Record

RECORDS = tuple(
    sorted({*catalogue.named().values(), *all_records()}, key=lambda r: (r.__module__, r.__name__))
)
LABELS = ("", "cdb", "data", "sense", "param list")
WORDY = 64  # characters of a message or a sense line for each byte of input, at most
LEAST_WORDS = 4096
MOST_HEX = 1_000_000  # bytes that a text may show, `*` included


def record(data: bytes) -> None:
    """A record, read whole, or at an offset and traced: those agree. What is built of it reads the same."""
    if len(data) < 2:
        return
    of, way, body = RECORDS[data[0] % len(RECORDS)], data[1], data[2:]
    if way % 2:
        try:
            _stable(of, of.unpack(body))
        except DecodeError as error:
            _brief(str(error), body)
        return
    offset = way // 2 % 4
    try:
        made = of.unpack_from(body, offset)
    except DecodeError:
        made = None
    if made is not None:
        _stable(of, made)
    trace = Trace()
    refused = ""
    try:
        end = of.trace(body[offset:], trace)
    except DecodeError as error:
        refused = str(error)
    else:
        assert 0 <= end <= len(body)
    _brief(refused, body)
    assert bool(refused) == (made is None), f"{of.__name__} read: {made!r}; traced: {refused or 'no error'}"
    for entry in trace.entries:
        assert 0 <= entry.at <= len(body)
        assert not isinstance(entry, Seen) or entry.at + entry.size <= len(body)


def _stable(of: type[Record], made: Record) -> None:
    packed = made.pack()
    assert len(packed) == made.packed_size, f"{made!r} is {len(packed)} bytes, not {made.packed_size}"
    assert of.unpack(packed) == made, f"{made!r} is another when it is read again"


def sense(data: bytes) -> None:
    """Sense data, in words, and the field it points at in a command and a list that may be anything."""
    if len(data) < 2:
        return
    size, cdb_size = data[0], data[1] % 33
    body, rest = data[2 : 2 + size], data[2 + size :]
    try:
        found = Sense.unpack(body)
    except DecodeError as error:
        _brief(str(error), body)
        return
    _brief(str(found), body)
    _brief(field_named(found, rest[:cdb_size], rest[cdb_size:]) or "", data)


def shown(data: bytes) -> None:
    """A reading of any bytes as any structure: its evidence, its dump, its JSON; sense data are a `Sense`."""
    if data:
        _show(read_as(RECORDS[data[0] % len(RECORDS)], data[1:]))


def recognised(data: bytes) -> None:
    """What bytes are, with a label and a command or without."""
    if len(data) < 2:
        return
    label, cdb_size = LABELS[data[0] % len(LABELS)], data[1] % 17
    cdb, body = data[2 : 2 + cdb_size], data[2 + cdb_size :]
    for reading in recognise(body, label, cdb):
        _show(reading)


def text(data: bytes) -> None:
    """The bytes that a text shows."""
    try:
        blocks = read_blocks(data)
    except DecodeError as error:
        _brief(str(error), data)
        return
    assert blocks
    assert sum(len(block.data) for block in blocks) <= MOST_HEX
    lines = len(data) + 1
    assert all(0 <= block.line <= lines and block.label == block.label.lower() for block in blocks)


def transferred(data: bytes) -> None:
    """The bytes that a transfer count stands for."""
    count, units = int.from_bytes(data[:8], "big"), int.from_bytes(data[8:9], "big")
    found = bytes_transferred(count, units, len(data) or None)
    assert found is None or found >= count


def _show(reading: Reading) -> None:
    assert isinstance(reading.evidence, int)
    assert 0 <= reading.end <= len(reading.data)
    for line in dump(reading):
        assert len(line) <= WIDTH, f"{len(line)} columns: {line}"
        assert line.isprintable(), f"not for a terminal: {line!r}"
    if reading.record in catalogue.SENSE and not reading.error:
        Sense.unpack(reading.data)
    told = json.loads(json.dumps(as_json(reading)))
    assert len(told["fields"]) == len(reading.trace.entries)
    assert bytes.fromhex(told["left_over"]) == reading.left_over
    assert all(isinstance(entry, Heading) or entry.depth >= 0 for entry in reading.trace.entries)


def _brief(words: str, data: bytes) -> None:
    assert len(words) <= LEAST_WORDS + WORDY * len(data), f"{len(words)} characters about {len(data)} bytes"


LAWS = {
    "record": record,
    "sense": sense,
    "shown": shown,
    "recognised": recognised,
    "text": text,
    "transferred": transferred,
}
