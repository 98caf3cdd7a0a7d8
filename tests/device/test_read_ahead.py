"""What is read ahead is what the file has, in turn, whatever ends it."""

from __future__ import annotations

import errno
import os
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcopy.device import read_ahead
from xcopy.device.fileops import FileCalls
from xcopy.device.read_ahead import CHUNK, ReadAhead
from xcopy.errors import NoThread
from xcopy.file_steps import Transfer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import NoReturn

SIZE = 3 * CHUNK + 1000


@pytest.fixture(scope="module")
def content() -> bytes:
    return os.urandom(SIZE)


@pytest.fixture(scope="module")
def fd(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    path = tmp_path_factory.mktemp("read_ahead") / "source"
    path.write_bytes(content)
    opened = os.open(path, os.O_RDONLY)
    yield opened
    os.close(opened)


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second chunk cannot be read."""
    real = os.preadv

    def read(fd: int, rooms: Sequence[memoryview], at: int) -> int:
        if at >= CHUNK:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(fd, rooms, at)

    monkeypatch.setattr(os, "preadv", read)


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "read ahead"]


@given(
    st.integers(0, SIZE + 10),
    st.one_of(st.integers(1, 2000), st.integers(CHUNK - 1, SIZE + 10)),
    st.sampled_from([1, 512]),
)
def test_chunks_are_the_bytes_of_the_range_in_whole_steps(
    content: bytes, fd: int, begin: int, length: int, step: int
) -> None:
    length = -(-length // step) * step
    chunks = [(bytes(chunk.data), chunk.end) for chunk in ReadAhead(fd).chunks(begin, length, step)]
    there = content[begin : begin + length]
    assert b"".join(data for data, _ in chunks) == there[: len(there) - len(there) % step]
    if len(there) == length:
        assert all(data for data, _ in chunks)
    else:
        assert chunks[-1] == (b"", max(begin, len(content)))


def test_a_range_of_one_chunk_needs_no_thread(fd: int) -> None:
    with closing(ReadAhead(fd).chunks(0, CHUNK)) as chunks:
        next(chunks)
        assert threads() == []


def test_where_there_are_no_more_threads_it_reads_in_turn(
    content: bytes, fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> NoReturn:
        raise NoThread("can't start new thread")

    monkeypatch.setattr(read_ahead, "start", refused)
    assert b"".join(bytes(chunk.data) for chunk in ReadAhead(fd).chunks(5, SIZE - 5)) == content[5:]


@pytest.mark.parametrize("taken", [1, 2, 4])
def test_who_leaves_leaves_no_thread_behind(fd: int, taken: int) -> None:
    with closing(ReadAhead(fd).chunks(0, SIZE)) as chunks:
        for _ in range(taken):
            next(chunks)
        assert threads() == ["read ahead"] or taken == 4
    assert threads() == []


@pytest.mark.usefixtures("failing")
def test_an_error_comes_after_what_was_read_before_it(content: bytes, fd: int) -> None:
    first, last = ReadAhead(fd).chunks(0, SIZE)
    assert bytes(first.data) == content[:CHUNK]
    assert isinstance(last.error, OSError)
    assert (len(last.data), last.end) == (0, CHUNK)


@pytest.mark.usefixtures("failing")
def test_what_was_read_before_an_error_is_copied_and_the_byte_is_named(
    content: bytes, fd: int, tmp_path: Path
) -> None:
    path = tmp_path / "destination"
    writer = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        answer = FileCalls(fd, writer, ("a", "b"), iter(range(9)).__next__).perform(Transfer(0, SIZE, 0))
    finally:
        os.close(writer)
    assert (answer.moved, answer.errno) == (CHUNK, errno.EIO)
    assert answer.reason == f"reading a at byte {CHUNK}: Input/output error"
    assert path.read_bytes() == content[:CHUNK]


def test_a_thread_that_fails_is_heard_of(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real, made = read_ahead.Chunk, iter(range(2))

    def chunk(data: memoryview, end: int, error: BaseException | None = None) -> read_ahead.Chunk:
        if next(made, None) == 1:
            raise MemoryError
        return real(data, end, error)

    monkeypatch.setattr(read_ahead, "Chunk", chunk)
    first, last = ReadAhead(fd).chunks(0, SIZE)
    assert len(first.data) == CHUNK
    assert isinstance(last.error, MemoryError)
    assert threads() == []


def test_a_fault_that_is_no_answer_is_not_taken_for_one(fd: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(os, "preadv", broken)
    with pytest.raises(MemoryError):
        FileCalls(fd, fd, ("a", "b"), iter(range(9)).__next__).perform(Transfer(0, SIZE, 0))
    assert threads() == []
