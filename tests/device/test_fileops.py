"""The calls between two files, on whatever file system this machine has for temporary files."""

from __future__ import annotations

import errno
import itertools
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from xcopy.device.fileops import BLOCK, CHUNK, FileCalls, alike
from xcopy.file_steps import Clone, Extend, FindData, KernelCopy, Settle, Transfer, Zero

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIB = 2**20


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(os.urandom(4 * CHUNK + 7))
    return path


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    path = tmp_path / "destination"
    path.write_bytes(b"d" * (2 * CHUNK))
    return path


@pytest.fixture
def calls(source: Path, destination: Path) -> Iterator[FileCalls]:
    fds = os.open(source, os.O_RDONLY), os.open(destination, os.O_WRONLY)
    yield FileCalls(*fds, ("source", "destination"), iter(range(1000)).__next__)
    for fd in fds:
        os.close(fd)


def test_bytes_are_read_and_written_at_any_offset_and_nothing_else_is(
    calls: FileCalls, source: Path, destination: Path
) -> None:
    answer = calls.perform(Transfer(3, 3 * CHUNK + 5, 11))
    assert (answer.moved, answer.errno, answer.seconds) == (3 * CHUNK + 5, 0, 1)
    model = bytearray(b"d" * (2 * CHUNK))
    model[11 : 11 + 3 * CHUNK + 5] = source.read_bytes()[3 : 3 + 3 * CHUNK + 5]
    assert destination.read_bytes() == model


def test_the_end_of_the_source_is_told_with_the_bytes_up_to_it(calls: FileCalls) -> None:
    answer = calls.perform(Transfer(4 * CHUNK, 100, 0))
    assert (answer.moved, answer.errno) == (7, 0)
    assert answer.reason == f"it ends at byte {4 * CHUNK + 7} now"


def test_what_is_no_whole_block_at_the_end_of_the_source_is_not_written_to_a_device(
    calls: FileCalls, source: Path, destination: Path
) -> None:
    answer = calls.perform(Transfer(4 * CHUNK, 100, 0, step=4))
    assert (answer.moved, answer.errno) == (4, 0)
    assert answer.reason == f"it ends at byte {4 * CHUNK + 7} now"
    assert destination.read_bytes() == source.read_bytes()[-7:-3] + b"d" * (2 * CHUNK - 4)


def test_an_error_names_the_file_the_byte_and_the_reason(source: Path) -> None:
    fd = os.open(source, os.O_RDONLY)
    try:
        answer = FileCalls(fd, fd, ("a.img", "b.img"), iter(range(9)).__next__).perform(Transfer(0, 100, 50))
    finally:
        os.close(fd)
    assert (answer.moved, answer.errno) == (0, errno.EBADF)
    assert answer.reason == "writing b.img at byte 50: Bad file descriptor"


def test_a_destination_without_room_says_so() -> None:
    full = "/dev/full"
    fds = os.open(__file__, os.O_RDONLY), os.open(full, os.O_WRONLY)
    try:
        answer = FileCalls(*fds, ("a", full), iter(range(9)).__next__).perform(Transfer(0, 100, 0))
    finally:
        for fd in fds:
            os.close(fd)
    assert (answer.moved, answer.errno) == (0, errno.ENOSPC)


def test_copy_file_range_copies_or_says_why_not(calls: FileCalls, source: Path, destination: Path) -> None:
    answer = calls.perform(KernelCopy(5, 1000, 9))
    if answer.errno:
        assert (answer.moved, destination.read_bytes()) == (0, b"d" * (2 * CHUNK))
    else:
        assert destination.read_bytes()[9 : 9 + answer.moved] == source.read_bytes()[5 : 5 + answer.moved]


def test_a_clone_of_part_of_a_block_is_refused_and_changes_nothing(
    calls: FileCalls, destination: Path
) -> None:
    answer = calls.perform(Clone(1, 10, 1))
    assert answer.errno in (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV)
    assert answer.reason.startswith("cloning 10 bytes from byte 1 of source: ")
    assert destination.read_bytes() == b"d" * (2 * CHUNK)


def test_zeros_are_made_of_what_is_inside_the_file_and_the_file_stays_as_long(
    calls: FileCalls, destination: Path
) -> None:
    assert calls.perform(Zero(4 * CHUNK, 1000)).moved == 2 * CHUNK - 1000
    assert destination.read_bytes() == b"d" * 1000 + bytes(2 * CHUNK - 1000)
    assert calls.perform(Zero(4 * CHUNK, 4 * CHUNK)).moved == 0


def test_where_no_hole_can_be_punched_zeros_are_written(
    calls: FileCalls, destination: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ctypes

    def refused(*_: int) -> int:
        ctypes.set_errno(errno.EOPNOTSUPP)
        return -1

    monkeypatch.setattr("xcopy.device.fileops._fallocate", refused)
    assert calls.perform(Zero(CHUNK + 100, 1000)).moved == CHUNK + 100
    rest = 2 * CHUNK - 1000 - CHUNK - 100
    assert destination.read_bytes() == b"d" * 1000 + bytes(CHUNK + 100) + b"d" * rest


def test_a_file_is_made_longer_and_never_shorter(calls: FileCalls, destination: Path) -> None:
    calls.perform(Extend(100))
    assert destination.stat().st_size == 2 * CHUNK
    calls.perform(Extend(4 * CHUNK))
    assert destination.read_bytes() == b"d" * (2 * CHUNK) + bytes(2 * CHUNK)


def test_data_and_holes_are_found_up_to_what_was_asked(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        os.pwrite(file.fileno(), b"x" * 65536, MIB)
        os.truncate(path, 3 * MIB)
    fd = os.open(path, os.O_RDONLY)
    try:
        calls = FileCalls(fd, fd, ("a", "a"), iter(range(99)).__next__)
        assert calls.perform(Settle()).errno == 0
        first = calls.perform(FindData(0, 3 * MIB))
        if not first.hole:
            pytest.skip("this file system keeps no holes")
        assert first.moved == MIB
        assert (lambda a: (a.moved, a.hole))(calls.perform(FindData(0, 100))) == (100, True)
        assert (lambda a: (a.moved, a.hole))(calls.perform(FindData(MIB, 3 * MIB))) == (65536, False)
        assert (lambda a: (a.moved, a.hole))(calls.perform(FindData(MIB + 65536, 2 * MIB))) == (
            2 * MIB - 65536,
            True,
        )
        past = calls.perform(FindData(4 * MIB, 100))
        assert (past.moved, past.hole) == (100, False), "a hole past the end would be copied as zeros"
    finally:
        os.close(fd)


def test_zeros_that_fill_a_block_become_a_hole_and_others_are_written(tmp_path: Path) -> None:
    source, destination = tmp_path / "zeros", tmp_path / "sparse"
    content = b"x" * 100 + bytes(8092) + b"y" * 4096 + bytes(MIB) + b"z" + bytes(70000)
    source.write_bytes(content)
    destination.write_bytes(b"d" * 300000)
    fds = os.open(source, os.O_RDONLY), os.open(destination, os.O_WRONLY)
    try:
        answer = FileCalls(*fds, ("a", "b"), iter(range(9)).__next__).perform(
            Transfer(0, len(content), 0, zeros_to_holes=True)
        )
        os.fsync(fds[1])
    finally:
        for fd in fds:
            os.close(fd)
    assert answer.moved == len(content)
    assert destination.read_bytes() == content
    assert destination.stat().st_blocks * 512 < MIB // 2


BLOCKS = (
    bytes(BLOCK),
    bytes(BLOCK - 1) + b"e",
    b"s" + bytes(BLOCK - 1),
    bytes(8) + b"w" * (BLOCK - 8),
    b"w" * 5 + bytes(BLOCK - 5),
    b"d" * BLOCK,
)


@given(
    st.lists(st.sampled_from(BLOCKS), min_size=1, max_size=12),
    st.integers(0, BLOCK - 1),
    st.integers(0, BLOCK - 1),
)
@example([BLOCKS[5], BLOCKS[4], BLOCKS[0]], 0, 0)
@example([BLOCKS[5], BLOCKS[0]], 0, BLOCK - 5)
def test_a_run_is_of_zero_blocks_or_of_others_and_ends_where_the_other_kind_begins(
    blocks: list[bytes], skipped: int, cut: int
) -> None:
    content = b"".join(blocks)
    data = content[min(skipped, len(content) - 1) :]
    data = data[: max(1, len(data) - cut)]
    at = 3 * BLOCK + min(skipped, len(content) - 1) % BLOCK
    borders = [0, *range(BLOCK - at % BLOCK, len(data), BLOCK), len(data)]
    kinds = [not any(data[begin:end]) for begin, end in itertools.pairwise(borders)]
    run = next((n for n, kind in enumerate(kinds) if kind != kinds[0]), len(kinds))
    assert alike(memoryview(data), at) == (borders[run], kinds[0])
