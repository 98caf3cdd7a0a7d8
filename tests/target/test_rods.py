"""RODs under writes that come at the same time: what was populated is never torn."""

from __future__ import annotations

import random
from threading import Event, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.target.bench import write_16
from tests.target.token_bench import PERSISTENT, TokenBench
from xcopy.target.array import Array, memory_array
from xcopy.target.backing import MemoryBacking
from xcopy.target.rods import Extent, Rod
from xcopy.target.unit import Unit

BLOCK = 512
PATIENCE = 10.0  # seconds until a thread that hangs fails its test


class SlowBacking(MemoryBacking):
    """A backing whose write of the first block waits, half done, for leave to end."""

    def __init__(self, size: int) -> None:
        super().__init__(bytes(size))
        self.armed = False
        self.half_done, self.go_on = Event(), Event()

    def write(self, offset: int, data: bytes | bytearray | memoryview) -> None:
        if not self.armed or offset:
            super().write(offset, data)
            return
        half = len(data) // 2
        super().write(0, data[:half])
        self.half_done.set()
        assert self.go_on.wait(PATIENCE)
        super().write(half, data[half:])


def test_a_rod_populated_during_a_write_has_all_of_the_old_data_or_all_of_the_new() -> None:
    # SPC-4 5.17.6.2.3.1
    backing = SlowBacking(64 * BLOCK)
    slow = Unit(number=0, serial="slow", block_size=BLOCK, blocks=64, backing=backing)
    other = Unit(
        number=1, serial="other", block_size=BLOCK, blocks=64, backing=MemoryBacking(bytes(64 * BLOCK))
    )
    array = TokenBench(Array([slow, other]))
    before, new = array.blocks(0, 0, 8), b"\x5a" * 8 * BLOCK
    backing.armed = True
    writer = Thread(target=array.send, args=(0, write_16(0, new)))
    writer.start()
    assert backing.half_done.wait(PATIENCE)
    maker = Thread(target=lambda: array.write(array.token((0, 8)), (0, 8)))
    maker.start()
    maker.join(0.1)  # who does not wait for the write is done by then, with half of it
    backing.go_on.set()
    for thread in (writer, maker):
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert array.blocks(1, 0, 8) in (before, new)


def test_a_write_elsewhere_does_not_hold_up_who_makes_a_token() -> None:
    backing = SlowBacking(64 * BLOCK)
    slow = Unit(number=0, serial="slow", block_size=BLOCK, blocks=64, backing=backing)
    array = TokenBench(Array([slow]))
    backing.armed = True
    writer = Thread(target=array.send, args=(0, write_16(0, bytes(BLOCK))))
    writer.start()
    assert backing.half_done.wait(PATIENCE)
    assert len(array.token((1, 8))) == 512
    backing.go_on.set()
    writer.join(PATIENCE)


def test_a_token_that_is_read_while_others_write_has_the_data_of_its_time() -> None:
    array = TokenBench(memory_array(2, blocks=64, chunk_size=2048))
    token = array.token((0, 64), rod_type=PERSISTENT)
    stop = Event()

    def overwrite(seed: int) -> None:
        numbers = random.Random(seed)
        while not stop.is_set():
            blocks = numbers.randint(1, 8)
            array.send(0, write_16(numbers.randint(0, 64 - blocks), numbers.randbytes(blocks * BLOCK)))

    writers = [Thread(target=overwrite, args=(seed,)) for seed in (1, 2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(10):
            array.write(token, (0, 64))
            assert array.contents[1] == array.before[0]
    finally:
        stop.set()
        for writer in writers:
            writer.join(PATIENCE)


def test_a_block_that_cannot_be_read_before_it_is_overwritten_cancels_the_token() -> None:
    class Unreadable(MemoryBacking):
        armed = False

        def read(self, offset: int, length: int) -> bytes:
            if self.armed:
                raise OSError("no")
            return super().read(offset, length)

    backing = Unreadable(bytes(16 * BLOCK))
    array = TokenBench(Array([Unit(number=0, serial="bad", block_size=BLOCK, blocks=16, backing=backing)]))
    array.token((0, 8))
    backing.armed = True
    assert array.send(0, write_16(0, bytes(BLOCK))).status == 0
    assert array.all_tokens() == []


extents = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=6)


@given(ranges=extents, first=st.integers(0, 60), count=st.integers(0, 60))
@settings(max_examples=200)
def test_the_pieces_of_a_rod_are_its_blocks_in_order(
    ranges: list[tuple[int, int]], first: int, count: int
) -> None:
    rod = Rod(0, BLOCK, PERSISTENT, tuple(Extent(*each) for each in ranges))
    blocks = [lba + n for lba, length in ranges for n in range(length)]
    found = [piece.lba + n for piece in rod.pieces(first, count) for n in range(piece.blocks)]
    assert rod.size == len(blocks) * BLOCK
    assert found == blocks[first : first + count]


@given(
    one=st.tuples(st.integers(0, 9), st.integers(0, 9)), other=st.tuples(st.integers(0, 9), st.integers(0, 9))
)
def test_what_two_extents_have_in_common_is_in_both(one: tuple[int, int], other: tuple[int, int]) -> None:
    common = Extent(*one).common(Extent(*other))
    blocks = set(range(one[0], sum(one))) & set(range(other[0], sum(other)))
    assert (set(range(common.lba, common.end)) if common else set()) == blocks


@given(
    operations=st.lists(
        st.one_of(
            st.tuples(st.just("token"), st.integers(0, 12), st.integers(1, 4)),
            st.tuples(st.just("write"), st.integers(0, 15), st.integers(0, 255)),
            st.tuples(st.just("use"), st.integers(0, 5), st.integers(0, 3)),
        ),
        max_size=25,
    )
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_written_in_between_a_token_gives_what_it_was_made_of(
    operations: list[tuple[str, int, int]],
) -> None:
    array = TokenBench(memory_array(2, blocks=16))
    made: list[tuple[bytes, bytes]] = []
    for kind, at, value in operations:
        if kind == "token":
            made.append((array.token((at, value)), array.blocks(0, at, value)))
        elif kind == "write":
            array.send(0, write_16(at, bytes([value]) * BLOCK))
        elif at < len(made):
            token, data = made[at]
            unit = value % 2  # also to the unit that it came from
            array.write(token, (0, len(data) // BLOCK), to=unit)
            assert array.blocks(unit, 0, len(data) // BLOCK) == data


@pytest.mark.parametrize("number", [0, 1])
def test_a_unit_changed_by_the_array_still_tells_its_rods(number: int) -> None:
    array = TokenBench(memory_array(2, blocks=16))
    token = array.token((0, 4), to=number)
    array.array.change(number, read_only=True)
    array.array.change(number, read_only=False)
    array.send(number, write_16(0, bytes(BLOCK)))
    array.write(token, (8, 4), to=1)
    assert array.blocks(1, 8, 4) == array.old(number, 0, 4)
