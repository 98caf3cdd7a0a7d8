"""Blocks by the host: whole transfers however the kernel cuts them, and past the page cache."""

from __future__ import annotations

import ctypes
import errno
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from xcopy.device.blockio import BlockFile
from xcopy.errors import AccessError, IoFailed, UnsafeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

BLOCK = 512
SIZE = 1 << 20


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.fixture
def opened(image: Path) -> Iterator[BlockFile]:
    with BlockFile(str(image), BLOCK, writable=True) as file:
        yield file


def at_most(length: int, call: Callable[..., int]) -> Callable[..., int]:
    """A preadv or pwritev that moves no more than `length` bytes at once."""
    return lambda fd, buffers, offset: call(fd, [buffers[0][:length]], offset)


def address(view: memoryview) -> int:
    return ctypes.addressof(ctypes.c_char.from_buffer(view))


class TestRead:
    def test_exactly_the_asked_blocks(self, opened: BlockFile, image: Path) -> None:
        assert bytes(opened.read(8, 100)) == image.read_bytes()[8 * BLOCK : 108 * BLOCK]

    def test_short_reads_are_continued(
        self, opened: BlockFile, image: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "preadv", at_most(4096, os.preadv))

        assert bytes(opened.read(0, SIZE // BLOCK)) == image.read_bytes()

    def test_the_memory_is_page_aligned_and_grows_with_the_length(self, opened: BlockFile) -> None:
        for blocks in (1, 8, 9, 2048):
            view = opened.read(0, blocks)
            assert (len(view), address(view) % 4096) == (blocks * BLOCK, 0)

    def test_the_end_in_the_middle_is_a_failure_that_names_the_block(
        self, opened: BlockFile, image: Path
    ) -> None:
        with pytest.raises(
            IoFailed, match=f"{image}: read of 16 blocks .* from block 2040 .* at block 2048: it ends there"
        ):
            opened.read(2040, 16)

    def test_the_end_inside_a_block_is_a_failure_too(self, tmp_path: Path) -> None:
        path = tmp_path / "odd"
        path.write_bytes(bytes(5 * BLOCK + 100))

        with BlockFile(str(path), BLOCK, writable=False) as file:
            assert file.size_blocks == 5
            with pytest.raises(IoFailed, match=r"it ends there"):
                file.read(0, 6)

    def test_what_the_system_says_is_in_the_failure(
        self, opened: BlockFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.preadv

        def breaks(fd: int, buffers: Sequence[memoryview], offset: int) -> int:
            if offset:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            return real(fd, [buffers[0][:4096]], offset)

        monkeypatch.setattr(os, "preadv", breaks)

        with pytest.raises(IoFailed, match=r"from block 0 failed at block 8: Input/output error"):
            opened.read(0, 100)

    def test_no_blocks_are_no_bytes(self, opened: BlockFile) -> None:
        assert len(opened.read(3, 0)) == 0

    def test_less_than_none_is_a_mistake_of_the_caller(self, opened: BlockFile) -> None:
        with pytest.raises(ValueError, match="-1 blocks"):
            opened.read(3, -1)


class TestWrite:
    @pytest.mark.parametrize("make", [bytes, bytearray], ids=["read-only", "unaligned"])
    def test_any_memory_is_written_and_nothing_beside_it(
        self, opened: BlockFile, image: Path, make: Callable[[bytes], bytes | bytearray]
    ) -> None:
        before, data = image.read_bytes(), os.urandom(3 * BLOCK)

        opened.write(5, memoryview(make(b"x" + data))[1:])

        assert image.read_bytes() == before[: 5 * BLOCK] + data + before[8 * BLOCK :]

    def test_short_writes_are_continued(
        self, opened: BlockFile, image: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        data = os.urandom(SIZE)
        monkeypatch.setattr(os, "pwritev", at_most(8192, os.pwritev))

        opened.write(0, memoryview(data))

        assert image.read_bytes() == data

    def test_blocks_of_another_instance_go_out_without_a_copy(
        self, opened: BlockFile, image: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sent: list[int] = []
        real = os.pwritev

        def note(fd: int, buffers: Sequence[memoryview], offset: int) -> int:
            sent.append(address(buffers[0]))
            return real(fd, buffers, offset)

        monkeypatch.setattr(os, "pwritev", note)
        with BlockFile(str(image), BLOCK, writable=False) as source:
            view = source.read(0, 64)
            opened.write(1000, view)

            assert sent == [address(view)]

    def test_part_of_a_block_is_a_mistake_of_the_caller(self, opened: BlockFile, image: Path) -> None:
        before = image.read_bytes()

        with pytest.raises(ValueError, match="not whole blocks of 512"):
            opened.write(0, memoryview(bytes(513)))

        assert image.read_bytes() == before

    def test_a_full_device_is_a_failure(self, opened: BlockFile, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "pwritev", full)

        with pytest.raises(IoFailed, match=r"write of 2 blocks .* block 7.*No space left"):
            opened.write(7, memoryview(bytes(1024)))

    def test_a_write_that_moves_nothing_does_not_go_on_for_ever(
        self, opened: BlockFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "pwritev", lambda *_: 0)

        with pytest.raises(IoFailed):
            opened.write(0, memoryview(bytes(512)))

    def test_a_flush_that_fails_is_told(self, opened: BlockFile, monkeypatch: pytest.MonkeyPatch) -> None:
        def broken(_: int) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(os, "fsync", broken)

        with pytest.raises(IoFailed, match=r"flush failed: Input/output error"):
            opened.flush()


class TestWithoutDirect:
    """Where O_DIRECT is refused: by the open (tmpfs of older kernels), or by the first transfer."""

    def test_a_file_system_without_it_is_read_and_written_all_the_same(
        self, image: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.open

        def refuse(path: str, flags: int) -> int:
            if flags & os.O_DIRECT:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            return real(path, flags)

        monkeypatch.setattr(os, "open", refuse)
        data = os.urandom(BLOCK)

        with BlockFile(str(image), BLOCK, writable=True) as file:
            assert not file.direct
            file.write(1, memoryview(data))
            file.flush()
            assert bytes(file.read(1, 1)) == data

    def test_blocks_smaller_than_the_disks_are_read_through_the_cache(
        self, opened: BlockFile, image: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = os.preadv

        def only_buffered(fd: int, buffers: Sequence[memoryview], offset: int) -> int:
            if opened.direct:
                raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
            return real(fd, buffers, offset)

        monkeypatch.setattr(os, "preadv", only_buffered)

        assert bytes(opened.read(1, 1)) == image.read_bytes()[BLOCK : 2 * BLOCK]

    @pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no tmpfs at /dev/shm")
    def test_tmpfs(self) -> None:
        with tempfile.NamedTemporaryFile(dir="/dev/shm") as made:
            made.write(bytes(8 * BLOCK))
            made.flush()
            data = os.urandom(BLOCK)

            with BlockFile(made.name, BLOCK, writable=True) as file:
                file.write(3, memoryview(data))
                file.flush()
                assert bytes(file.read(2, 3)) == bytes(BLOCK) + data + bytes(BLOCK)


class TestOpening:
    def test_size_in_whole_blocks(self, opened: BlockFile) -> None:
        assert opened.size_blocks == SIZE // BLOCK

    def test_a_descriptor_is_opened_anew_and_keeps_its_own_flags(self, image: Path) -> None:
        fd = os.open(image, os.O_RDWR)
        try:
            with BlockFile(fd, BLOCK, writable=True) as file:
                assert file.path == str(image)
                assert bytes(file.read(0, 1)) == image.read_bytes()[:BLOCK]
            assert os.read(fd, 3) == image.read_bytes()[:3]  # neither closed nor direct nor moved
        finally:
            os.close(fd)

    def test_a_path_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"nothing: No such file"):
            BlockFile(str(tmp_path / "nothing"), BLOCK, writable=False)

    def test_a_directory(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="name a block device or a file"):
            BlockFile(str(tmp_path), BLOCK, writable=True)

    @pytest.mark.parametrize(
        ("number", "kind", "words"),
        [
            (errno.EACCES, AccessError, "Permission denied; run as root"),
            (errno.EROFS, AccessError, "write-protected, so it can only be a source"),
            (errno.EBUSY, UnsafeError, "is in use, the kernel says; unmount it"),
            (errno.EMFILE, AccessError, "cannot be opened: Too many open files"),
        ],
    )
    def test_what_does_not_open(
        self,
        image: Path,
        monkeypatch: pytest.MonkeyPatch,
        number: int,
        kind: type[Exception],
        words: str,
    ) -> None:
        def refuse(*_: object) -> int:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "open", refuse)

        with pytest.raises(kind, match=f"{image}.*{words}"):
            BlockFile(str(image), BLOCK, writable=True)

    def test_a_block_of_no_bytes_is_a_mistake_of_the_caller(self, image: Path) -> None:
        with pytest.raises(ValueError, match="not 0"):
            BlockFile(str(image), 0, writable=False)

    def test_what_was_read_stays_readable_after_close(self, image: Path) -> None:
        file = BlockFile(str(image), BLOCK, writable=False)
        view = file.read(0, 1)

        file.close()
        file.close()

        assert bytes(view) == image.read_bytes()[:BLOCK]
