"""Any list of segments does to disks and tapes what the standard's words do to plain bytes (5.17.7.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import event, given, settings
from hypothesis import strategies as st

from tests.target import stream_bench as s
from tests.target.bench import CHECK_CONDITION, GOOD, no, segment, segment_number
from tests.target.segment_model import Abort, Device, Model, Segment
from tests.target.stream_bench import PAD, StreamBench

if TYPE_CHECKING:
    from cdb.command import Reply

SIZE = 16 * 4096
BLOCKS = (512, 4096, 512)
RECORDS = [bytes([n + 1]) * 700 for n in range(120)]  # more than eight segments read
FROM_TAPE, TO_TAPE = 3, 4  # unit numbers
LIST_ID = 7

few = settings(max_examples=150, deadline=None)


@dataclass(frozen=True)
class Asked:
    """A segment as bytes, and what the model is asked."""

    sent: bytes
    wanted: Segment


def disks(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Two disks and a byte in each; of one disk ranges without overlap, the second up to past its end."""
    source, destination = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    first, second = draw(st.integers(0, SIZE // 4)), draw(st.integers(SIZE // 2, SIZE - 1))
    at, to = draw(st.permutations([first, second]))
    return source, destination, at, to


@st.composite
def block_segments(draw: st.DrawFn, devices: list[Device]) -> Asked:
    """02h, 0Dh or 0Ah."""
    source, destination, at, to = disks(draw)
    one, other = devices[source], devices[destination]
    cat = draw(st.booleans())
    if draw(st.booleans()):
        count = draw(st.one_of(st.just(0), st.integers(1, 9000)))
        sent = s.offset_to_offset(
            source, destination, count, divmod(at, one.size), divmod(to, other.size), cat=cat
        )
        ranged = Segment(
            one, other, count, at, to, cat, designated=True, ranged_source=True, ranged_destination=True
        )
        return Asked(sent, ranged)
    dc, kind = draw(st.booleans()), draw(st.sampled_from([0x02, 0x0D]))
    counted = other.size if dc else one.size
    blocks = draw(st.integers(0, 12288 // counted))
    lba, destination_lba = at // one.size, to // other.size
    sent = segment(
        lba,
        destination_lba,
        blocks,
        source=source,
        destination=destination,
        flags=dc << 1 | cat,
        type_code=kind,
    )
    whole = Segment(
        one,
        other,
        blocks * counted,
        lba * one.size,
        destination_lba * other.size,
        cat,
        designated=dc,
        held=kind == 0x0D,
    )
    return Asked(sent, whole)


@st.composite
def stream_segments(draw: st.DrawFn, devices: list[Device]) -> Asked:
    """00h, 01h, 03h, 05h, 06h, 08h, 09h and those that hold."""
    tape, out = devices[FROM_TAPE], devices[TO_TAPE]
    disk = draw(st.integers(0, 2))
    one = devices[disk]
    at = draw(st.integers(0, SIZE - 1))
    lba, cat = at // one.size, draw(st.booleans())
    blocks = draw(st.integers(0, 8192 // one.size))
    count = draw(st.one_of(st.just(0), st.integers(1, 4000)))
    read, write = tape.size, out.size
    match draw(st.sampled_from([0x00, 0x01, 0x03, 0x05, 0x06, 0x08, 0x09, 0x0B, 0x0C, 0x0E, 0x0F])):
        case 0x00 | 0x0B as kind:
            sent = s.block_to_stream(disk, TO_TAPE, lba, blocks, write, cat=cat, kind=kind)
            wanted = Segment(one, out, blocks * one.size, lba * one.size, cat=cat, held=kind == 0x0B)
        case 0x01 | 0x0C as kind:
            sent = s.stream_to_block(FROM_TAPE, disk, lba, blocks, read, cat=cat, kind=kind)
            wanted = Segment(tape, one, blocks * one.size, to=lba * one.size, cat=cat, designated=True)
            wanted.held = kind == 0x0C
        case 0x03 | 0x0E as kind:
            sent = s.stream_to_stream(FROM_TAPE, TO_TAPE, count, read, write, cat=cat, kind=kind)
            wanted = Segment(tape, out, count, cat=cat, held=kind == 0x0E)
        case 0x05:
            data = draw(st.binary(max_size=300))
            sent = s.embedded_to_stream(TO_TAPE, data, write, cat=cat)
            wanted = Segment(None, out, 0, cat=cat, literal=data)
        case 0x06 | 0x0F as kind:
            sent = s.discard(FROM_TAPE, count, read, cat=cat, kind=kind)
            wanted = Segment(tape, None, count, cat=cat, held=kind == 0x0F)
        case 0x08:
            offset = at % one.size
            sent = s.offset_and_stream(disk, TO_TAPE, lba, offset, count, write, cat=cat)
            wanted = Segment(one, out, count, at, cat=cat, ranged_source=True)
        case _:
            offset = at % one.size
            sent = s.offset_and_stream(FROM_TAPE, disk, lba, offset, count, read, cat=cat, kind=0x09)
            wanted = Segment(tape, one, count, to=at, cat=cat, designated=True, ranged_destination=True)
    return Asked(sent, wanted)


@st.composite
def lists(draw: st.DrawFn, *, streams: bool) -> tuple[list[Device], list[Asked]]:
    """Devices with any PAD bits, and segments between them."""
    devices = [Device(size, pad=draw(st.booleans())) for size in BLOCKS]
    for size in (700, draw(st.sampled_from([100, 512, 700, 1000]))):
        devices.append(Device(size, pad=draw(st.booleans()), tape=True))
    of = block_segments(devices)
    asked = st.one_of(of, stream_segments(devices), stream_segments(devices)) if streams else of
    return devices, draw(st.lists(asked, min_size=1, max_size=8))


def compare(devices: list[Device], asked: list[Asked], chunk: int) -> None:
    """The array and the model, given the same, have the same bytes, and fail at the same segment."""
    array = StreamBench(BLOCKS, [RECORDS, []], size=SIZE, chunk_size=chunk)
    array.specific = {
        n: (0 if device.tape else device.size) | (PAD if device.pad else 0)
        for n, device in enumerate(devices)
    }
    for number, content in enumerate(array.before):
        devices[number].blocks = bytearray(content)
    devices[FROM_TAPE].records = list(RECORDS)
    model, stopped = Model(), None
    for number, each in enumerate(asked):
        try:
            model.perform(each.wanted)
        except Abort as abort:
            stopped = number, abort.codes
            break
    reply = array.perform(*[each.sent for each in asked], usage=0b00, list_id=LIST_ID)
    event(f"stopped: {stopped is not None}")
    check_end(reply, stopped)
    assert array.contents == [bytes(device.blocks) for device in devices if not device.tape]
    assert array.tape(TO_TAPE) == devices[TO_TAPE].records
    if stopped is None:
        assert array.held(LIST_ID) == model.held


def check_end(reply: Reply, stopped: tuple[int, tuple[tuple[int, int], ...]] | None) -> None:
    """GOOD, or COPY ABORTED in that segment for one of those reasons."""
    if stopped is None:
        assert reply.status == GOOD, no(reply)
        return
    assert reply.status == CHECK_CONDITION
    assert no(reply).key == 0xA
    assert (no(reply).asc, no(reply).ascq) in stopped[1]
    assert segment_number(reply) == stopped[0]


@given(lists(streams=False), st.sampled_from([1, 4096, 5000, 1 << 20]))
@few
def test_any_list_of_disk_segments_does_what_it_does_to_plain_bytes(
    drawn: tuple[list[Device], list[Asked]], chunk: int
) -> None:
    compare(*drawn, chunk)


@given(lists(streams=True), st.sampled_from([1, 1000, 4096, 1 << 20]))
@few
def test_any_list_of_segments_with_tapes_does_what_it_does_to_plain_bytes(
    drawn: tuple[list[Device], list[Asked]], chunk: int
) -> None:
    compare(*drawn, chunk)
