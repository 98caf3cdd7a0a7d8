"""Which means may copy which bytes, and what is said of one that may not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcopy.errnos import Means
from xcopy.errors import UnsupportedError, UsageError
from xcopy.ladder import OCFS2, OVERLAY, FileFacts, Ladder, Reflink
from xcopy.plan import Request
from xcopy.sparse import Sparse

G = 4096


def facts(
    size: int = 10 * G, block: int = G, system: int = 0, *, device: bool = False, copies: int = 0
) -> FileFacts:
    return FileFacts("a.img", size, block, system, device, copies)


def ladder(
    source: FileFacts | None = None, destination: FileFacts | None = None, reflink: Reflink = Reflink.AUTO
) -> Ladder:
    return Ladder(source or facts(), destination or facts(), reflink=reflink)


def request(start: int, length: int, to: int) -> Request:
    return Request(
        source_lba=start, destination_lba=to, blocks=length, source_block_size=1, destination_block_size=1
    )


OFFSETS = st.integers(0, 9 * G)


@given(OFFSETS, OFFSETS, st.integers(1, 9 * G), st.sampled_from([0, OCFS2, OVERLAY]), st.booleans())
def test_a_clone_is_only_ever_asked_for_whole_blocks_or_the_end_of_both_files(
    start: int, to: int, length: int, system: int, refused: bool
) -> None:
    made = ladder(facts(system=system), facts(system=system))
    if refused:
        made.drop(Means.CLONE, "refused")
    chosen = made.choose(start, length, to)
    assert chosen is not None
    means, room = chosen
    assert 0 < room <= length
    whole = not (start % G or to % G or room % G)
    if system and means is not Means.HOST:
        assert whole
    if means is Means.CLONE and not whole:
        assert not start % G
        assert not to % G
        assert start + room == made.source.size
        assert to + room >= made.destination.size


def test_the_block_of_two_files_is_one_that_both_have_whole() -> None:
    assert ladder(facts(block=3 * 512), facts(block=4096)).granule == 12288


def test_the_last_bytes_are_not_cloned_where_the_destination_goes_on() -> None:
    assert ladder(facts(5), facts(6)).choose(0, 5, 0) == (Means.HOST, 5)
    assert ladder(facts(5), facts(5)).choose(0, 5, 0) == (Means.CLONE, 5)


def test_nor_on_ocfs2_where_they_would_take_a_cluster_with_them() -> None:
    assert ladder(facts(5, system=OCFS2), facts(0, system=OCFS2)).choose(0, 5, 0) == (Means.HOST, 5)


def test_one_file_on_ocfs2_is_enough_for_its_rule() -> None:
    made = ladder(facts(system=OCFS2), facts())
    made.drop(Means.CLONE, "another file system")
    assert made.choose(1, G, 2) == (Means.HOST, G)


@pytest.mark.parametrize("numbers", [(1, G, G), (G, 1, G), (G, G, 1)])
def test_the_last_look_lets_nothing_but_whole_clusters_pass_on_ocfs2(numbers: tuple[int, int, int]) -> None:
    on_ocfs2 = ladder(facts(system=OCFS2), facts(system=OCFS2))
    for means in (Means.CLONE, Means.KERNEL):
        assert not on_ocfs2.allows(means, *numbers)
        assert on_ocfs2.allows(means, G, G, 3 * G)
        assert ladder().allows(means, *numbers)
    assert on_ocfs2.allows(Means.HOST, *numbers)


@pytest.mark.parametrize("sparse", [Sparse.ALWAYS, Sparse.NEVER])
def test_always_a_clone_and_another_wish_for_holes_exclude_each_other(sparse: Sparse) -> None:
    with pytest.raises(UsageError, match="exclude each other"):
        Ladder(facts(), facts(), reflink=Reflink.ALWAYS, sparse=sparse)


@pytest.mark.parametrize(
    ("start", "length", "to"), [(1, G, 0), (0, G, 1), (0, G + 1, 0), (1, G, 1), (0, 10 * G - 1, 0)]
)
def test_always_refuses_beforehand_what_clones_cannot_copy(start: int, length: int, to: int) -> None:
    with pytest.raises(UnsupportedError, match="whole blocks of 4096 bytes"):
        ladder(reflink=Reflink.ALWAYS).insist(request(start, length, to))


def test_always_takes_whole_blocks_and_the_end_of_both_files() -> None:
    made = ladder(facts(G + 1), facts(0), Reflink.ALWAYS)
    made.insist(request(0, G, 9 * G))
    made.insist(request(0, G + 1, 3 * G))
    assert made.choose(0, G, 1) is None


def test_it_is_explained_why_a_means_is_not_taken() -> None:
    never = dict(ladder(reflink=Reflink.NEVER).explain(request(0, G, 0)))
    assert "--reflink never" in never[Means.CLONE]
    assert "may share blocks" in never[Means.KERNEL]
    assert never[Means.HOST] == ""
    shifted = dict(ladder().explain(request(1, G, 0)))
    assert "no range has a whole block of 4096 bytes" in shifted[Means.CLONE]
    assert (shifted[Means.KERNEL], shifted[Means.HOST]) == ("", "")
    on_ocfs2 = dict(ladder(facts(system=OCFS2)).explain(request(1, G, 0)))
    assert "no range has a whole block" in on_ocfs2[Means.KERNEL]
    assert all(not why for _, why in ladder().explain(request(7, 3 * G, 7)))


@pytest.mark.parametrize("copies", [(0, 0), (0, G), (G, 0)])
def test_two_devices_have_only_the_host_unless_the_kernel_says_that_it_has_both_copy(
    copies: tuple[int, int],
) -> None:
    sides = [facts(device=True, copies=each) for each in copies]
    made = dict(ladder(*sides).explain(request(0, G, 0)))
    assert "no blocks to share" in made[Means.CLONE]
    assert made[Means.KERNEL] == "this kernel has a.img copy nothing by itself"
    assert made[Means.HOST] == ""


def test_two_devices_that_the_kernel_has_copy_are_left_to_it_in_whole_blocks_of_both() -> None:
    sides = facts(block=512, device=True, copies=1 << 20), facts(block=4096, device=True, copies=1 << 20)
    made = ladder(*sides)
    assert made.choose(512, 8 * 4096, 0) == (Means.KERNEL, 8 * 4096)
    assert made.step == 4096


def test_a_device_has_only_the_host() -> None:
    made = dict(ladder(facts(device=True)).explain(request(0, G, 0)))
    assert "block device" in made[Means.CLONE]
    assert "block device" in made[Means.KERNEL]
    assert made[Means.HOST] == ""


@pytest.mark.parametrize(("system", "name"), [(0x9123683E, "btrfs"), (0x1234, "file system 1234h")])
def test_a_file_system_is_called_by_its_name_where_it_has_one_here(system: int, name: str) -> None:
    assert facts(system=system).system_name == name
