"""A copy between files: bytes equal a plain model, whatever the means do; the ledger says what is there."""

from __future__ import annotations

import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.xcopy.fake_files import FakeFiles
from tests.xcopy.test_errnos import STOP
from xcopy.coverage import State
from xcopy.errnos import Means
from xcopy.file_job import FileJob
from xcopy.file_steps import Answer, Clone, Extend, FindData, KernelCopy, Settle, Transfer, Zero
from xcopy.ladder import OCFS2, OVERLAY, FileFacts, Ladder, Reflink
from xcopy.plan import Request
from xcopy.sparse import Sparse

CANNOT = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV, errno.ENOTTY, errno.EINVAL, errno.EPERM, errno.EACCES)


def content(length: int, start: int = 1) -> bytearray:
    """No byte is like its neighbours, and none is zero."""
    return bytearray((start + at * 7) % 251 + 1 for at in range(length))


def kinds(files: FakeFiles) -> list[type]:
    return [type(step) for step in files.asked]


def by_means(job: FileJob) -> dict[str, int]:
    return {means.value: count for means, count in job.bytes.items() if count}


ABLE = (("a", 512), ("b", 4096))  # devices that the kernel has copy, and their blocks


class TestWhichMeans:
    def test_a_file_that_can_be_cloned_is_cloned_and_nothing_else_is_asked(self) -> None:
        files = FakeFiles(content(8192), bytearray(), block=4096)
        job = files.run(files.job())
        assert kinds(files) == [Clone]
        assert by_means(job) == {"clone": 8192}
        assert files.destination == files.source

    def test_a_last_block_that_both_files_end_with_is_cloned_too(self) -> None:
        files = FakeFiles(content(8195), bytearray(), block=4096)
        assert by_means(files.run(files.job())) == {"clone": 8195}
        assert files.destination == files.source

    def test_a_last_block_with_other_bytes_behind_it_is_copied_by_the_host(self) -> None:
        files = FakeFiles(content(8195), content(9000, 9), block=4096)
        before = bytes(files.destination)
        assert by_means(files.run(files.job())) == {"clone": 8192, "host": 3}
        assert files.destination == files.source + before[8195:]

    def test_both_ends_of_a_range_inside_blocks_go_by_the_host_and_whole_blocks_between_are_cloned(
        self,
    ) -> None:
        files = FakeFiles(content(20000), content(20000, 9), block=4096)
        model = files.destination[:5] + files.source[5:13000] + files.destination[13000:]
        assert by_means(files.run(files.job((5, 12995, 5)))) == {"host": 4091 + 13000 - 12288, "clone": 8192}
        assert files.destination == model

    def test_blocks_at_other_places_in_a_block_are_copied_by_the_kernel(self) -> None:
        files = FakeFiles(content(20000), bytearray(), block=4096)
        assert by_means(files.run(files.job((5, 12995, 0)))) == {"copy_file_range": 12995}
        assert files.destination == files.source[5:13000]

    def test_never_shares_no_block_and_calls_nothing_that_might(self) -> None:
        files = FakeFiles(content(8192), bytearray(), block=4096)
        assert by_means(files.run(files.job(reflink=Reflink.NEVER))) == {"host": 8192}
        assert set(kinds(files)) == {FindData, Transfer}

    def test_always_ends_where_a_clone_is_refused_and_copies_nothing(self) -> None:
        files = FakeFiles(content(8192), bytearray(), block=4096, troubles={Clone: [errno.EOPNOTSUPP]})
        job = files.run(files.job(reflink=Reflink.ALWAYS))
        assert kinds(files) == [Clone]
        assert (job.copied, job.stopped) == (0, "Clone: ENOTSUP")

    def test_nothing_is_asked_for_a_range_of_no_bytes(self) -> None:
        """A length of 0 means "to the end" to FICLONERANGE: desync 353 cloned over its neighbours."""
        files = FakeFiles(content(8192), content(8192, 9), block=4096)
        before = bytes(files.destination)
        job = files.run(files.job((4096, 0, 0)))
        assert (files.asked, job.stopped, files.destination) == ([], "", before)


class TestWhatAnErrnoMeans:
    @pytest.mark.parametrize("number", [*CANNOT, errno.EAGAIN])
    @pytest.mark.parametrize("call", [Clone, KernelCopy])
    def test_a_means_that_cannot_is_followed_by_the_next_and_not_asked_again(
        self, call: type, number: int
    ) -> None:
        files = FakeFiles(content(3 * 4096), bytearray(), block=4096)
        files.troubles = {Clone: [errno.EOPNOTSUPP] * 9, call: [number] * 9}
        job = files.run(files.job())
        assert job.stopped == ""
        assert files.destination == files.source
        tries = 2 if number == errno.EAGAIN else 1
        assert kinds(files).count(call) == tries
        assert means_of(call) in job.ladder.refused

    @pytest.mark.parametrize("number", STOP)
    @pytest.mark.parametrize("call", [Clone, KernelCopy, Transfer])
    def test_what_no_other_means_would_cure_ends_the_copy_with_its_reason(
        self, call: type, number: int
    ) -> None:
        files = FakeFiles(content(3 * 4096), bytearray(), block=4096)
        files.troubles = {Clone: [errno.EOPNOTSUPP], KernelCopy: [errno.EOPNOTSUPP], call: [number]}
        job = files.run(files.job())
        assert errno.errorcode[number] in job.stopped
        assert (job.copied, files.destination) == (0, b"")

    @pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
    def test_no_permission_after_some_bytes_is_an_error_of_the_copy(self, number: int) -> None:
        files = FakeFiles(content(1000), bytearray(), block=4096)
        files.troubles = {Clone: [errno.EXDEV], KernelCopy: [-300, number]}
        job = files.run(files.job())
        assert errno.errorcode[number] in job.stopped
        assert files.destination == files.source[:300]
        assert job.copied == 300

    @pytest.mark.parametrize(("system", "copied"), [(0xFF534D42, 1000), (0xEF53, 0)])
    def test_an_input_output_error_of_a_server_of_smb_is_its_way_to_say_that_it_cannot(
        self, system: int, copied: int
    ) -> None:
        files = FakeFiles(content(1000), bytearray(), block=4096)
        files.troubles = {Clone: [errno.EOPNOTSUPP], KernelCopy: [errno.EIO]}
        assert files.run(files.job(system=system)).copied == copied

    def test_nothing_copied_without_an_error_is_a_means_that_cannot(self) -> None:
        """procfs says so (Go 44272), and portage 778 asked for ever."""
        files = FakeFiles(content(1000), bytearray(), block=4096)
        files.troubles = {Clone: [errno.EOPNOTSUPP], KernelCopy: [0]}
        job = files.run(files.job())
        assert by_means(job) == {"host": 1000}
        assert "copied nothing" in job.ladder.refused[Means.KERNEL]

    def test_a_call_that_was_interrupted_is_made_again(self) -> None:
        files = FakeFiles(
            content(8192), bytearray(), block=4096, troubles={Clone: [errno.EINTR, errno.EINTR]}
        )
        assert by_means(files.run(files.job())) == {"clone": 8192}
        assert kinds(files) == [Clone] * 3

    def test_a_call_that_is_interrupted_for_ever_is_not_made_for_ever(self) -> None:
        files = FakeFiles(content(8192), bytearray(), block=4096, troubles={Clone: [errno.EINTR] * 1000})
        assert "EINTR" in files.run(files.job()).stopped

    def test_a_dirty_source_is_written_and_the_clone_asked_for_once_more(self) -> None:
        files = FakeFiles(content(8192), bytearray(), block=4096, troubles={Clone: [errno.EAGAIN]})
        assert by_means(files.run(files.job())) == {"clone": 8192}
        assert kinds(files) == [Clone, Settle, Clone]


class TestWhereTheNextMeansGoesOn:
    """Bun 43398 began at 0 again and counted from the middle: padded files."""

    def test_after_part_of_a_range_the_next_means_copies_the_rest_and_no_more(self) -> None:
        files = FakeFiles(content(1000), bytearray(), block=4096)
        files.troubles = {Clone: [errno.EOPNOTSUPP], KernelCopy: [-300, errno.EXDEV]}
        job = files.run(files.job())
        assert by_means(job) == {"copy_file_range": 300, "host": 700}
        assert [step for step in files.asked if isinstance(step, Transfer)] == [Transfer(300, 700, 300)]
        assert files.destination == files.source

    def test_short_counts_are_added_up_to_the_end(self) -> None:
        """KarpelesLab/reflink 3 made one call, and the kernel copies at most 2147479552 bytes in one."""
        files = FakeFiles(content(1000), bytearray(), block=4096)
        files.troubles = {Clone: [errno.EOPNOTSUPP], KernelCopy: [-1] * 500}
        assert by_means(files.run(files.job())) == {"copy_file_range": 1000}
        assert files.destination == files.source

    def test_a_means_is_given_up_for_all_ranges_of_these_files(self) -> None:
        files = FakeFiles(content(8192), bytearray(), block=4096, troubles={Clone: [errno.EXDEV]})
        files.run(files.job((0, 4096, 0), (4096, 4096, 8192)))
        assert kinds(files).count(Clone) == 1

    def test_a_source_that_has_become_shorter_ends_the_copy_where_it_ends(self) -> None:
        files = FakeFiles(content(1000), bytearray(), block=4096)
        job = files.job()
        del files.source[600:]
        files.run(job)
        assert "shorter" in job.stopped
        assert job.copied == 600
        assert files.destination == files.source

    def test_nothing_more_is_asked_for_once_it_is_stopped(self) -> None:
        files = FakeFiles(content(1000), bytearray())
        job = files.job()
        job.stop("enough")
        assert (files.run(job).copied, files.asked) == (0, [])

    def test_a_means_that_says_more_than_it_was_asked_for_is_not_believed(self) -> None:
        files = FakeFiles(content(1000), bytearray(), block=4096)
        job = files.job()
        conversation = job.conversation()
        next(conversation)
        with pytest.raises(AssertionError, match="copied 9999 of 1000"):
            conversation.send(files.perform(FindData(0, 9999)))


class TestDevices:
    @given(st.lists(st.floats(0.0001, 3), min_size=1, max_size=20), st.sampled_from([512, 4096, 520]))
    def test_every_call_is_of_whole_blocks_however_long_the_last_one_took(
        self, seconds: list[float], block: int
    ) -> None:
        size = 2**30 // block * block
        ladder = Ladder(FileFacts("disk", size, block, device=True), FileFacts("b", 0, 4096))
        request = Request(
            source_lba=0, destination_lba=7, blocks=size, source_block_size=1, destination_block_size=1
        )
        conversation = FileJob(request, ladder).conversation()
        step, at = next(conversation), 0
        for each in seconds:
            assert isinstance(step, Transfer)
            assert (step.source, step.length % block, step.zeros_to_holes) == (at, 0, True)
            at += step.length
            step = conversation.send(Answer(step.length, seconds=each))


class TestTwoDevices:
    """By the kernel where it says that it can, in whole blocks of both; by us else, and where it stopped."""

    @pytest.mark.parametrize(
        ("troubles", "means"),
        [
            ([], {"copy_file_range": 40960}),
            ([errno.EINVAL], {"host": 40960}),
            ([errno.EOPNOTSUPP], {"host": 40960}),
            ([-8192 - 512, errno.EINVAL], {"copy_file_range": 8192, "host": 32768}),
            ([-512], {"host": 40960}),
        ],
    )
    def test_all_is_copied_once(self, troubles: list[int | None], means: dict[str, int]) -> None:
        files = FakeFiles(content(40960), bytearray(40960), troubles={KernelCopy: troubles})
        sides = [FileFacts(name, 40960, block, device=True, copies=1) for name, block in ABLE]
        request = files.job((0, 40960, 0)).request
        assert by_means(files.run(FileJob(request, Ladder(*sides)))) == means
        assert files.destination == files.source
        assert all(not step.length % 4096 for step in files.asked if isinstance(step, KernelCopy))


class TestHoles:
    def test_a_hole_becomes_a_hole_and_the_data_around_it_is_copied(self) -> None:
        files = FakeFiles(content(1000), content(1000, 9), holes=[(300, 400)])
        files.source[300:700] = bytes(400)
        files.troubles = {Clone: [errno.EOPNOTSUPP]}
        job = files.run(files.job())
        assert by_means(job) == {"copy_file_range": 600, "hole": 400}
        assert files.destination == files.source

    def test_a_hole_past_the_end_of_the_destination_counts_when_that_has_grown_over_it(self) -> None:
        files = FakeFiles(bytearray(700) + content(300), bytearray(), holes=[(0, 700)])
        files.troubles = {Clone: [errno.EOPNOTSUPP], KernelCopy: [errno.ENOSPC], Extend: [errno.ENOSPC]}
        job = files.run(files.job())
        assert (job.copied, len(files.destination)) == (0, 0)

    def test_a_hole_at_the_end_makes_the_destination_as_long_as_it_should_be(self) -> None:
        files = FakeFiles(content(300) + bytearray(700), bytearray(), holes=[(300, 700)])
        files.troubles = {Clone: [errno.EOPNOTSUPP]}
        assert by_means(files.run(files.job())) == {"copy_file_range": 300, "hole": 700}
        assert files.destination == files.source

    def test_what_is_copied_up_to_a_stop_inside_a_hole_is_there(self) -> None:
        files = FakeFiles(bytearray(700) + content(300), bytearray(), holes=[(0, 700)])
        files.troubles = {Clone: [errno.EOPNOTSUPP], KernelCopy: [errno.ENOSPC]}
        job = files.run(files.job())
        assert (job.copied, files.destination) == (700, bytes(700))

    def test_never_sparse_reads_and_writes_every_byte(self) -> None:
        files = FakeFiles(bytearray(1000), content(1000, 9), holes=[(0, 1000)])
        assert by_means(files.run(files.job(sparse=Sparse.NEVER))) == {"host": 1000}
        assert set(kinds(files)) == {Transfer}

    def test_always_sparse_has_zeros_looked_for_and_keeps_holes(self) -> None:
        files = FakeFiles(content(1000), bytearray(), holes=[(900, 100)])
        files.run(files.job(sparse=Sparse.ALWAYS))
        assert [step for step in files.asked if isinstance(step, Transfer)] == [Transfer(0, 900, 0, True)]
        assert [step for step in files.asked if isinstance(step, Zero)] == [Zero(100, 900)]

    @pytest.mark.parametrize("dirty", [(0, 1000), (300, 200), (900, 100)])
    def test_what_is_called_a_hole_until_it_is_written_is_copied(self, dirty: tuple[int, int]) -> None:
        files = FakeFiles(content(1000), content(1000, 9), dirty=[dirty])
        assert by_means(files.run(files.job(reflink=Reflink.NEVER))) == {"host": 1000}
        assert files.destination == files.source

    def test_a_source_without_holes_is_not_written_to_its_device_first(self) -> None:
        files = FakeFiles(content(1000), bytearray())
        files.run(files.job(reflink=Reflink.NEVER))
        assert kinds(files) == [FindData, Transfer]

    @pytest.mark.parametrize("hole", [(0, 1000), (900, 100)])
    def test_a_source_whose_pages_cannot_be_written_is_not_believed_to_have_holes(
        self, hole: tuple[int, int]
    ) -> None:
        files = FakeFiles(content(1000), content(1000, 9), holes=[hole], troubles={Settle: [errno.EIO]})
        job = files.run(files.job(reflink=Reflink.NEVER))
        assert (job.copied, "EIO" in job.stopped) == (0, True)
        assert files.destination == content(1000, 9)


class TestOcfs2:
    """Both calls move whole clusters there, whatever they are asked for, and say nothing of it."""

    @pytest.mark.parametrize("system", [OCFS2, OVERLAY])
    @pytest.mark.parametrize("troubles", [{}, {Clone: [errno.EOPNOTSUPP]}], ids=["clone", "copy"])
    @settings(max_examples=60)
    @given(
        st.integers(0, 70), st.integers(0, 70), st.integers(0, 200), st.integers(0, 60), st.integers(0, 99)
    )
    def test_bytes_outside_the_range_stay_at_every_alignment(
        self,
        system: int,
        troubles: dict[type, list[int | None]],
        start: int,
        to: int,
        length: int,
        behind: int,
        hole: int,
    ) -> None:
        files = FakeFiles(content(start + length), content(to + length + behind, 9), block=4, cluster=16)
        model = bytearray(files.destination)
        model[to : to + length] = files.source[start : start + length]
        files.holes = [(hole, 1000)] if hole else []  # a hole need not begin where a cluster does
        if hole:
            files.source[hole:] = bytes(max(0, len(files.source) - hole))
            model[to : to + length] = files.source[start : start + length]
        files.troubles = {call: list(each) for call, each in troubles.items()}
        job = files.run(files.job((start, length, to), system=system))
        assert job.copied == length
        assert files.destination == model
        for step in files.asked:
            if isinstance(step, Clone | KernelCopy):
                assert (step.source % 16, step.length % 16, step.destination % 16) == (0, 0, 0)

    def test_the_fake_does_harm_where_the_rule_is_not_kept(self) -> None:
        files = FakeFiles(content(64), content(64, 9), block=4, cluster=16)
        model = bytearray(files.destination)
        model[8:12] = files.source[8:12]
        files.run(files.job((8, 4, 8), granule=4))
        assert files.destination != model

    def test_whole_clusters_are_cloned(self) -> None:
        files = FakeFiles(content(64), content(64, 9), block=4, cluster=16)
        assert by_means(files.run(files.job((8, 44, 24), system=OCFS2))) == {"host": 8 + 4, "clone": 32}


class TestMoves:
    @settings(max_examples=150)
    @given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 20000))
    def test_a_range_that_overlaps_its_copy_is_moved_as_by_memmove(
        self, start: int, to: int, length: int
    ) -> None:
        memory = content(start + length)
        files = FakeFiles(memory, memory)
        model = memory.ljust(to, b"\0") if length else bytearray(memory)
        model[to : to + length] = model[start : start + length]
        job = files.run(files.job((start, length, to), overlapping=True))
        assert (job.copied, job.stopped) == (length, "")
        assert files.destination == model

    @settings(max_examples=150)
    @given(
        distance=st.one_of(st.integers(1, 300), st.integers(3000, 5000)),
        length=st.integers(1, 20000),
        most=st.integers(1, 9000),
        good=st.integers(0, 4),
    )
    def test_wherever_one_to_the_back_ends_the_rest_can_be_moved(
        self, distance: int, length: int, most: int, good: int
    ) -> None:
        memory = content(length)
        model = bytearray(memory.ljust(length + distance, b"\0"))
        model[distance:] = memory[:length]
        files = FakeFiles(memory, memory, troubles={Transfer: [None] * good + [-most, errno.ENOSPC]})
        job = files.run(files.job((0, length, distance), overlapping=True))
        left = sum(piece.blocks for piece, _ in job.coverage.runs(State.PENDING, State.FAILED))
        assert left == length - job.copied
        files.troubles = {}
        files.run(files.job((0, left, distance), overlapping=True))
        assert files.destination == model

    def test_an_error_in_a_move_to_the_back_leaves_the_end_copied_and_the_source_of_the_rest(self) -> None:
        memory = content(20000)
        files = FakeFiles(memory, memory, troubles={Transfer: [None, -100, errno.ENOSPC]})
        before = bytes(memory)
        job = files.job((0, 15000, 5000), overlapping=True)
        files.run(job)
        assert "shorter" in job.stopped
        assert job.copied == 5000
        assert memory[15000:] == before[10000:15000]
        assert memory[:10000] == before[:10000]


TROUBLES = st.lists(
    st.one_of(
        st.none(),
        st.integers(-70, -1),
        st.sampled_from([0, errno.EINTR, errno.EAGAIN, *CANNOT, *STOP]),
    ),
    max_size=6,
)


@settings(max_examples=300)
@given(
    source=st.integers(1, 200),
    destination=st.integers(0, 200),
    ranges=st.lists(st.tuples(st.integers(0, 200), st.integers(0, 80), st.integers(0, 200)), max_size=4),
    block=st.sampled_from([1, 4, 8, 16]),
    reflink=st.sampled_from([Reflink.AUTO, Reflink.NEVER]),
    sparse=st.sampled_from(list(Sparse)),
    holes=st.lists(st.tuples(st.integers(0, 200), st.integers(1, 60)), max_size=3),
    clones=TROUBLES,
    copies=TROUBLES,
    transfers=TROUBLES,
    zeros=TROUBLES,
)
def test_whatever_goes_wrong_the_ledger_says_what_is_there_and_nothing_else_is_touched(
    source: int,
    destination: int,
    ranges: list[tuple[int, int, int]],
    block: int,
    reflink: Reflink,
    sparse: Sparse,
    holes: list[tuple[int, int]],
    clones: list[int | None],
    copies: list[int | None],
    transfers: list[int | None],
    zeros: list[int | None],
) -> None:
    files = FakeFiles(content(source), content(destination, 99), block=block)
    at, wanted = 0, []
    for start, length, gap in sorted(ranges, key=lambda each: each[2]):
        start = min(start, source)
        length = min(length, source - start)
        wanted.append((start, length, at + gap % 50))
        at = wanted[-1][2] + length
    files.holes = [(start, size) for start, size in holes if start < source]
    for start, size in files.holes:
        files.source[start : min(start + size, source)] = bytes(min(size, source - start))
    files.troubles = {Clone: clones, KernelCopy: copies, Transfer: transfers}
    files.troubles[Zero] = [each for each in zeros if each is None or each > 0]
    before = bytes(files.destination)
    job = files.run(files.job(*wanted, (0, 0, 0), reflink=reflink, sparse=sparse))

    written: set[int] = set()
    for _, length, to in wanted:
        written |= set(range(to, to + length))
    for index, byte in enumerate(files.destination):
        if index not in written:
            assert byte == (before[index] if index < len(before) else 0)
    for piece, _ in job.coverage.runs(State.COPIED):
        for part in job.request.parts(piece):
            reads, writes = job.request.source(part)[0], job.request.destination(part)[0]
            assert (
                files.destination[writes : writes + part.blocks] == files.source[reads : reads + part.blocks]
            )
    assert not job.coverage.runs(State.IN_FLIGHT)
    assert bool(job.stopped) == (not job.coverage.complete)


def means_of(call: type) -> Means:
    return {Clone: Means.CLONE, KernelCopy: Means.KERNEL}[call]
