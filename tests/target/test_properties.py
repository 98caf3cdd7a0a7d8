"""What holds for any request: the model's bytes after a good one, no damage after a bad one."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.command import Command, Reply
from tests.target.bench import GOOD, Bench, bench, copy_list, extended_copy, mixed_bench, segment

SIZE = 32 * 4096  # bytes a unit has, whatever its block size
UNITS = (512, 4096, 512)
ILLEGAL_REQUEST = 0x5

few = settings(max_examples=60, deadline=None)
more = settings(max_examples=150, deadline=None)

SHARED = bench(2, chunk_size=1024)  # what garbage is sent to; each example compares with what it found


@dataclass(frozen=True)
class Copy:
    """One segment of whole 4096-byte pieces, so that it fits every block size."""

    source: int
    destination: int
    start: int
    to: int
    pieces: int
    by_destination: bool

    @property
    def descriptor(self) -> bytes:
        """The segment's bytes."""
        counted = UNITS[self.destination if self.by_destination else self.source]
        return segment(
            self.start * 4096 // UNITS[self.source],
            self.to * 4096 // UNITS[self.destination],
            self.pieces * 4096 // counted,
            source=self.source,
            destination=self.destination,
            flags=2 if self.by_destination else 0,
        )

    def apply(self, units: list[bytearray]) -> None:
        """What it does to plain bytes."""
        data = units[self.source][self.start * 4096 : (self.start + self.pieces) * 4096]
        units[self.destination][self.to * 4096 : (self.to + self.pieces) * 4096] = data


@st.composite
def copies(draw: st.DrawFn) -> Copy:
    """A segment within the units whose ranges do not overlap."""
    pieces = draw(st.integers(0, 8))
    source, destination = draw(st.integers(0, 2)), draw(st.integers(0, 2))
    if source == destination:
        start, to = draw(st.integers(0, 8)), draw(st.integers(16, 24))
        start, to = draw(st.sampled_from([(start, to), (to, start)]))
    else:
        start, to = draw(st.integers(0, 32 - pieces)), draw(st.integers(0, 32 - pieces))
    return Copy(source, destination, start, to, pieces, draw(st.booleans()))


@given(asked=st.lists(copies(), max_size=16), chunk=st.sampled_from([1, 4096, 5000, 12288, 1 << 20]))
@few
def test_any_list_of_good_segments_does_to_the_units_what_it_does_to_plain_bytes(
    asked: list[Copy], chunk: int
) -> None:
    array = mixed_bench(*UNITS, size=SIZE, chunk_size=chunk)
    model = [bytearray(unit) for unit in array.before]
    for each in asked:
        each.apply(model)
    assert array.copy(*[each.descriptor for each in asked]) == Reply()
    assert array.contents == model


def unharmed_unless_good(array: Bench, command: Command) -> None:
    """Send it; the answer is a Reply, and ILLEGAL REQUEST has moved nothing."""
    before = array.contents
    reply = array.send(1, command)
    assert isinstance(reply, Reply)
    if reply.status != GOOD:
        assert reply.status == 0x02
        if reply.sense[2] & 0x0F == ILLEGAL_REQUEST:
            assert array.contents == before


@given(cdb=st.binary(max_size=20), data=st.binary(max_size=64), inward=st.booleans())
@more
def test_any_cdb_gets_an_answer(cdb: bytes, data: bytes, inward: bool) -> None:
    command = Command(
        name="garbage", cdb=cdb, data_out=b"" if inward else data, data_in=len(data) if inward else 0
    )
    unharmed_unless_good(SHARED, command)


@given(
    opcode=st.sampled_from([0x00, 0x12, 0x25, 0x83, 0x84, 0x88, 0x8A, 0x91, 0x9E]),
    rest=st.binary(min_size=5, max_size=15),
    data=st.binary(max_size=1024),
)
@more
def test_any_cdb_of_a_known_command_gets_an_answer(opcode: int, rest: bytes, data: bytes) -> None:
    unharmed_unless_good(SHARED, Command(name="garbage", cdb=bytes([opcode]) + rest, data_out=data))


@given(data=st.binary(max_size=300))
@more
def test_any_parameter_list_gets_an_answer(data: bytes) -> None:
    unharmed_unless_good(SHARED, extended_copy(data))


@given(
    changes=st.lists(st.tuples(st.integers(0, 135), st.integers(0, 255)), min_size=1, max_size=4),
    cut=st.integers(0, 136),
)
@more
def test_a_good_list_with_some_bytes_changed_gets_an_answer(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(copy_list(SHARED.cscds(), [segment(0, 8, 8), segment(16, 32, 8)]))
    for at, value in changes:
        data[at] = value
    unharmed_unless_good(SHARED, extended_copy(bytes(data[:cut])))
