"""`copy_range` and its kin as a program calls them: bytes, what is raised, and what is known afterwards."""

from __future__ import annotations

import errno
import os
import resource
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import xcopy
from xcopy.api import files as api
from xcopy.api.files import CopyStopped, FileCopy, FileOptions, prepare
from xcopy.api.reflink import reflink
from xcopy.device.fileops import FileCalls
from xcopy.device.open_file import open_source
from xcopy.device.worker import start
from xcopy.errors import NoThread, UnsafeError, UnsupportedError, UsageError
from xcopy.file_steps import Answer, Clone, KernelCopy, Transfer
from xcopy.ladder import Reflink
from xcopy.sparse import Sparse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import NoReturn

    from xcopy.file_steps import Step
    from xcopy.progress import Progress

MIB = 2**20


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "a.img"
    path.write_bytes(os.urandom(3 * MIB + 17))
    return path


@pytest.fixture
def destination(tmp_path: Path) -> Path:
    path = tmp_path / "b.img"
    path.write_bytes(b"d" * (2 * MIB))
    return path


def model(old: bytes, source: bytes, start: int, to: int, length: int) -> bytes:
    new = bytearray(old.ljust(to if length else 0, b"\0"))
    new[to : to + length] = source[start : start + length]
    return bytes(new)


@pytest.fixture
def performed(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Step], Answer | None]], list[Step]]:
    """Have a function answer steps in the kernel's place, where it answers at all; all steps are kept."""

    def instead(answer: Callable[[Step], Answer | None]) -> list[Step]:
        steps: list[Step] = []
        real = FileCalls.perform

        def perform(self: FileCalls, step: Step) -> Answer:
            steps.append(step)
            return answer(step) or real(self, step)

        monkeypatch.setattr(FileCalls, "perform", perform)
        return steps

    return instead


def test_a_range_is_copied_and_nothing_outside_it(source: Path, destination: Path) -> None:
    before = destination.read_bytes()
    report = xcopy.copy_range(source, destination, 5, 4096, 100_000)
    assert report.complete
    assert (report.copied, report.total) == (100_000, 100_000)
    assert destination.read_bytes() == model(before, source.read_bytes(), 5, 4096, 100_000)


def test_without_a_length_it_goes_to_the_end_and_the_destination_grows(
    source: Path, destination: Path
) -> None:
    before = destination.read_bytes()
    assert xcopy.copy_range(source, destination, MIB, 2 * MIB - 5).copied == 2 * MIB + 17
    assert destination.read_bytes() == model(before, source.read_bytes(), MIB, 2 * MIB - 5, 2 * MIB + 17)


@pytest.mark.parametrize("options", [FileOptions(), FileOptions(sparse=Sparse.NEVER)])
def test_a_length_of_0_copies_nothing_and_is_no_error(
    source: Path, destination: Path, options: FileOptions
) -> None:
    before = destination.read_bytes()
    report = xcopy.copy_range(source, destination, 0, 0, 0, options)
    assert (report.complete, report.copied) == (True, 0)
    assert destination.read_bytes() == before


def test_a_destination_that_is_not_there_is_made(source: Path, tmp_path: Path) -> None:
    xcopy.copy_range(source, tmp_path / "new")
    assert (tmp_path / "new").read_bytes() == source.read_bytes()


def test_descriptors_are_taken_and_their_positions_stay(source: Path, destination: Path) -> None:
    with source.open("rb") as one, destination.open("r+b") as other:
        one.seek(77)
        other.seek(99)
        xcopy.copy_range(one.fileno(), other.fileno(), 1, 2, 3)
        assert (one.tell(), other.tell()) == (77, 99)
    assert destination.read_bytes()[2:5] == source.read_bytes()[1:4]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.integers(0, 9000),
    to=st.integers(0, 20000),
    length=st.integers(0, 9000),
    size=st.integers(0, 20000),
    options=st.builds(
        FileOptions,
        reflink=st.sampled_from([Reflink.AUTO, Reflink.NEVER]),
        sparse=st.sampled_from(list(Sparse)),
    ),
)
def test_every_range_is_what_a_bytearray_would_be(
    tmp_path: Path, start: int, to: int, length: int, size: int, options: FileOptions
) -> None:
    source, destination = tmp_path / "a", tmp_path / "b"
    content = b"".join(at.to_bytes(4, "little") for at in range(1, 1200)) + bytes(8192) + b"x" * 5012
    source.write_bytes(content)
    destination.write_bytes(b"d" * size)
    xcopy.copy_range(source, destination, start, to, length, options)
    assert destination.read_bytes() == model(b"d" * size, content, start, to, length)
    assert source.read_bytes() == content


class TestManyRanges:
    def test_each_has_its_result_in_the_order_asked_for(self, source: Path, destination: Path) -> None:
        before = destination.read_bytes()
        report = xcopy.copy_ranges(source, destination, [(10, 20, 50), (0, 10, 0), (5, 0, 9)])
        assert [(each.blocks, each.copied, each.complete) for each in report.ranges] == [
            (20, 20, True),
            (10, 10, True),
            (0, 0, True),
        ]
        after = model(before, source.read_bytes(), 10, 50, 20)
        assert destination.read_bytes() == model(after, source.read_bytes(), 0, 0, 10)

    def test_a_byte_written_twice_is_refused_before_the_first(self, source: Path, destination: Path) -> None:
        before = destination.read_bytes()
        with pytest.raises(UnsafeError, match=r"ranges\[0\] and ranges\[1\] both write byte 109 of"):
            xcopy.copy_ranges(source, destination, [(0, 10, 100), (50, 10, 109)])
        assert destination.read_bytes() == before

    def test_a_range_past_the_end_is_refused_before_the_first(self, source: Path, destination: Path) -> None:
        before = destination.read_bytes()
        with pytest.raises(UsageError, match=r"ranges\[1\]: .*a\.img: 20 bytes from byte 3145740 end past"):
            xcopy.copy_ranges(source, destination, [(0, 10, 0), (3 * MIB + 12, 20, 50)])
        assert destination.read_bytes() == before

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ((-1, 10, 0), "offsets and lengths are not negative"),
            ((0, -10, 0), "offsets and lengths are not negative"),
            ((0, 1, 2**63 - 1), "end past its last byte"),
            ((2**40, None, 0), "byte 1099511627776 is past its end"),
            ((0, 1.5, 0), "no number"),
        ],
    )
    def test_what_cannot_be_meant_is_refused(
        self, source: Path, destination: Path, wrong: tuple[int, int, int], said: str
    ) -> None:
        with pytest.raises(UsageError, match=said):
            xcopy.copy_ranges(source, destination, [wrong])


class TestOneFile:
    def test_a_range_that_reads_what_it_writes_is_refused(self, source: Path) -> None:
        before = source.read_bytes()
        with pytest.raises(UnsafeError, match="reads bytes that it writes; --move"):
            xcopy.copy_range(source, source, 0, 100, 200)
        assert source.read_bytes() == before

    def test_by_another_name_too(self, source: Path, tmp_path: Path) -> None:
        os.link(source, tmp_path / "other")
        with pytest.raises(UnsafeError, match="overlap in one file"):
            xcopy.copy_range(source, tmp_path / "other", 0, 100, 200)

    def test_and_one_that_reads_what_another_writes_even_when_a_move_was_asked_for(
        self, source: Path
    ) -> None:
        with pytest.raises(UnsafeError, match=r"ranges\[0\] reads bytes that ranges\[1\] writes"):
            xcopy.copy_ranges(source, source, [(0, 10, 100), (50, 10, 5)], FileOptions(move=True))

    def test_ranges_apart_are_copied(self, source: Path) -> None:
        before = source.read_bytes()
        xcopy.copy_range(source, source, 0, MIB, MIB)
        assert source.read_bytes() == model(before, before, 0, MIB, MIB)

    @pytest.mark.parametrize(("start", "to"), [(0, 5), (5, 0), (0, 70_000), (70_000, 0), (3, 3)])
    def test_a_move_is_as_if_all_was_read_first(self, source: Path, start: int, to: int) -> None:
        before = source.read_bytes()
        report = xcopy.copy_range(source, source, start, to, 2 * MIB, FileOptions(move=True))
        assert report.complete
        assert source.read_bytes() == model(before, before, start, to, 2 * MIB)

    @pytest.mark.parametrize("distance", [1, 100, 4095, 4096, 5000])
    @pytest.mark.parametrize("short", [1, 50, 5000])
    def test_one_to_the_back_that_finds_no_room_can_be_completed(
        self, tmp_path: Path, distance: int, short: int
    ) -> None:
        file = tmp_path / "file"
        file.write_bytes(before := os.urandom(30_000))
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (max(30_000, 30_000 + distance - short), hard))
        try:
            with pytest.raises(CopyStopped) as stopped:
                xcopy.copy_range(file, file, 0, distance, options=FileOptions(move=True))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        rest = [(r.source_lba, r.source_blocks, r.destination_lba) for r in stopped.value.report.not_copied]
        xcopy.copy_ranges(file, file, rest, FileOptions(move=True))
        assert file.read_bytes() == before[:distance] + before


class TestWhenItGoesWrong:
    def test_the_error_has_the_report_and_what_is_left_can_be_copied(
        self, source: Path, destination: Path, performed: Callable[..., list[Step]]
    ) -> None:
        def full(step: Step) -> Answer | None:
            if isinstance(step, Clone | KernelCopy):
                return Answer(0, errno.EXDEV, "not here")
            if isinstance(step, Transfer) and step.source >= 2000:
                return Answer(0, errno.ENOSPC, "no room")
            return None

        before, data = destination.read_bytes(), source.read_bytes()
        performed(full)
        with pytest.raises(CopyStopped, match="copied 1000 of 3000 bytes: no room") as stopped:
            xcopy.copy_ranges(source, destination, [(0, 1000, 7), (2000, 2000, 5000)])
        (rest,) = stopped.value.report.not_copied
        assert (rest.source_lba, rest.source_blocks, rest.destination_lba) == (2000, 2000, 5000)
        first = model(before, data, 0, 7, 1000)
        assert destination.read_bytes() == first

    def test_a_new_file_that_got_nothing_is_not_left_behind(
        self, source: Path, tmp_path: Path, performed: Callable[..., list[Step]]
    ) -> None:
        performed(lambda step: Answer(0, errno.ENOSPC, "full") if isinstance(step, Clone) else None)
        with pytest.raises(CopyStopped):
            xcopy.copy_range(source, tmp_path / "new")
        assert not (tmp_path / "new").exists()

    def test_what_a_signal_handler_raises_is_raised_and_what_is_copied_is_known(
        self,
        source: Path,
        destination: Path,
        performed: Callable[..., list[Step]],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """os.copy_file_range loses its count there: the bytes are on the disk and nobody knows."""
        heard = threading.Event()

        class Alarm(Exception):
            pass

        def ring(*_: object) -> None:
            raise Alarm

        def slow(step: Step) -> Answer | None:
            if isinstance(step, Clone | KernelCopy):
                return Answer(0, errno.EXDEV, "not here")
            if isinstance(step, Transfer):
                assert threading.current_thread() is not threading.main_thread()
                if rings:
                    os.kill(os.getpid(), rings.pop())
                    assert heard.wait(60)
            return None

        def stop(copy: FileCopy, reason: str) -> None:
            copy.job.stop(reason)
            heard.set()

        rings = [signal.SIGALRM]
        before = signal.signal(signal.SIGALRM, ring)
        performed(slow)
        monkeypatch.setattr(FileCopy, "stop", stop)
        ranges = [(at, 1000, 2 * at) for at in range(0, 100_000, 1000)]
        try:
            with prepare(source, destination, enumerate(ranges)) as copy:
                with pytest.raises(Alarm):
                    copy.run()
                report = copy.report
        finally:
            signal.signal(signal.SIGALRM, before)
        assert report.copied == 1000
        assert "Alarm" in report.stopped
        done, data = destination.read_bytes(), source.read_bytes()
        assert [done[to : to + size] == data[at : at + size] for at, size, to in ranges] == [
            each.complete for each in report.ranges
        ]
        with prepare(source, destination, enumerate(ranges[report.copied // 1000 :])) as rest:
            assert rest.run().complete or rest.report.stopped

    def test_a_handler_that_raises_before_the_thread_began_has_nothing_copied_afterwards(
        self, source: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        late: list[Callable[[], None]] = []

        def interrupted(work: Callable[[], None], _: str) -> None:
            late.append(work)
            raise KeyboardInterrupt

        monkeypatch.setattr(api, "start", interrupted)
        before = destination.read_bytes()
        with prepare(source, destination) as copy:
            with pytest.raises(KeyboardInterrupt):
                copy.run()
            late[0]()
            assert (copy.report.copied, copy.report.stopped) == (0, "interrupted by KeyboardInterrupt")
        assert destination.read_bytes() == before

    def test_what_a_handler_raises_is_never_taken_for_a_lack_of_threads(
        self, source: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(work: Callable[[], None], name: str) -> None:
            start(work, name)
            raise RuntimeError("of a handler")

        monkeypatch.setattr(api, "start", interrupted)
        with prepare(source, destination) as copy, pytest.raises(RuntimeError, match="of a handler"):
            copy.run()

    def test_without_a_thread_nothing_is_copied_and_it_says_so(
        self, source: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def none(*_: object) -> NoReturn:
            raise NoThread("can't start new thread")

        monkeypatch.setattr(api, "start", none)
        before = destination.read_bytes()
        with prepare(source, destination) as copy:
            report = copy.run()
        assert (report.copied, report.complete) == (0, False)
        assert report.stopped == "can't start new thread"
        assert destination.read_bytes() == before

    def test_of_nothing_all_is_copied_unless_something_stood_against_it(
        self, source: Path, destination: Path
    ) -> None:
        source.write_bytes(b"")
        for stopped in ("", "flushing its cache failed"):
            with prepare(source, destination) as copy:
                if stopped:
                    copy.stop(stopped)
                assert copy.run().complete is not bool(stopped)

    def test_a_stop_ends_it_between_two_calls(self, source: Path, destination: Path) -> None:
        with prepare(source, destination) as copy:
            copy.stop("enough")
            report = copy.run()
        assert (report.stopped, report.copied, report.complete) == ("enough", 0, False)

    def test_a_fault_of_this_program_is_raised(
        self, source: Path, destination: Path, performed: Callable[..., list[Step]]
    ) -> None:
        performed(lambda step: Answer(moved=10**9) if isinstance(step, Clone) else None)
        with pytest.raises(AssertionError, match="clone copied"):
            xcopy.copy_range(source, destination)

    def test_a_source_that_becomes_shorter_is_copied_up_to_its_end(
        self, source: Path, destination: Path, performed: Callable[..., list[Step]]
    ) -> None:
        performed(lambda step: Answer(0, errno.EXDEV, "no") if isinstance(step, Clone | KernelCopy) else None)
        data = source.read_bytes()
        with prepare(source, destination) as copy:
            os.truncate(source, 100_000)
            report = copy.run()
        assert "shorter" in report.stopped
        assert report.copied == 100_000
        assert destination.read_bytes()[:100_000] == data[:100_000]

    def test_what_cannot_be_made_durable_is_not_complete(
        self, source: Path, destination: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(_: int) -> None:
            raise OSError(errno.EIO, "Input/output error")

        monkeypatch.setattr("xcopy.device.open_file.os.fsync", broken)
        with pytest.raises(CopyStopped, match="may be lost"):
            xcopy.copy_range(source, destination, options=FileOptions(sync=True))


def test_durable_is_said_where_it_was_asked_for(source: Path, destination: Path) -> None:
    assert not xcopy.copy_range(source, destination).durable
    assert xcopy.copy_range(source, destination, options=FileOptions(sync=True)).durable


def test_the_progress_is_shown_while_it_goes(
    source: Path, destination: Path, performed: Callable[..., list[Step]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "LOOK", 0.001)
    looked, seen = threading.Event(), list["Progress"]()

    def wait(step: Step) -> Answer | None:
        if isinstance(step, Clone | KernelCopy | Transfer):
            assert looked.wait(60)
        return None

    performed(wait)

    def look(progress: Progress) -> None:
        seen.append(progress)
        looked.set()

    with prepare(source, destination) as copy:
        assert copy.run(look).complete
    assert (seen[0].done, seen[0].total) == (0, 3 * MIB + 17)


def test_a_file_that_says_it_is_empty_and_is_not_has_no_end(destination: Path) -> None:
    with pytest.raises(UnsupportedError, match="cat copies it"):
        xcopy.copy_range("/proc/self/status", destination)


@pytest.mark.parametrize("wrong", [999, -1])
def test_a_descriptor_that_is_not_open_is_refused(source: Path, wrong: int) -> None:
    for sides in ((source, wrong), (wrong, source)):
        with pytest.raises(UsageError, match="no such file"):
            xcopy.copy_range(*sides)


@pytest.mark.parametrize("wrong", [(0, 1), 5, (0, 1, 2, 3)])
def test_what_is_no_range_is_refused(source: Path, destination: Path, wrong: object) -> None:
    before = destination.read_bytes()
    with pytest.raises(UsageError, match="is no range"):
        xcopy.copy_ranges(source, destination, [wrong])  # type: ignore[list-item]
    assert destination.read_bytes() == before


@pytest.mark.parametrize("name", ["b.img:", "b.img:-5", "b.img:+5", "b.img: 4096", "b.img:4k"])
def test_a_slip_in_an_offset_makes_no_file_of_that_name(source: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="is no offset"):
        xcopy.copy_range(source, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_wish_may_be_given_by_its_word(source: Path, tmp_path: Path) -> None:
    words = FileOptions(reflink="never", sparse="always")  # type: ignore[arg-type]
    assert words == FileOptions(reflink=Reflink.NEVER, sparse=Sparse.ALWAYS)
    report = xcopy.copy_range(source, tmp_path / "new", options=words)
    assert report.bytes["host"] == source.stat().st_size


def test_a_wish_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="reflink: 'sometimes' is none of auto, always, never"):
        FileOptions(reflink="sometimes")  # type: ignore[arg-type]


@pytest.mark.parametrize("latency", [0.0, -1.0, float("nan")])
def test_a_latency_of_nothing_is_refused(source: Path, destination: Path, latency: float) -> None:
    with pytest.raises(UsageError, match="latency"):
        xcopy.copy_range(source, destination, options=FileOptions(latency=latency))


class TestReflink:
    def test_a_file_that_is_there_is_not_touched(self, source: Path, destination: Path) -> None:
        before = destination.read_bytes()
        with pytest.raises(UnsafeError, match="is there already"):
            reflink(source, destination)
        assert destination.read_bytes() == before

    def test_one_that_somebody_makes_meanwhile_is_not_touched_either(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        new = tmp_path / "new"

        def opened(path: str) -> object:
            new.write_bytes(b"precious")
            return open_source(path)

        monkeypatch.setattr("xcopy.api.reflink.open_source", opened)
        with pytest.raises(UnsafeError, match="made by somebody else"):
            reflink(source, new)
        assert new.read_bytes() == b"precious"

    def test_one_that_took_the_place_of_a_failed_one_is_not_removed(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        new = tmp_path / "new"

        def clone(_: int, __: int) -> None:
            (tmp_path / "other").write_bytes(b"precious")
            os.rename(tmp_path / "other", new)
            raise OSError(errno.EOPNOTSUPP, "no")

        monkeypatch.setattr("xcopy.api.reflink.clone_whole", clone)
        with pytest.raises(UnsupportedError):
            reflink(source, new)
        assert new.read_bytes() == b"precious"

    def test_it_shares_the_source_or_there_is_no_new_file(self, source: Path, tmp_path: Path) -> None:
        new = tmp_path / "new"
        made = None
        with suppress(UnsupportedError):
            made = xcopy.reflink(source, new)
        assert new.exists() == (made is not None)
        if made is not None:
            assert (made.size, new.read_bytes()) == (3 * MIB + 17, source.read_bytes())

    def test_a_short_clone_is_an_error_and_removed(
        self, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """OpenZFS 15728: success, and a file that ends too early."""
        monkeypatch.setattr("xcopy.api.reflink.clone_whole", lambda _, new: os.pwrite(new, b"part", 0))
        with pytest.raises(xcopy.errors.AccessError, match=r"has 4 of \d+ bytes"):
            reflink(source, tmp_path / "new")
        assert not (tmp_path / "new").exists()
