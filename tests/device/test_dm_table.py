"""The table of a mapped device: what the kernel answers is read, and what it never would is refused."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.errors import DecodeError
from tests.device.fake_dm import FakeDm, answer
from xcopy.device.dm_table import Striping, Target, decode, striping, table
from xcopy.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Callable

UUID = "LVM-" + "y" * 64
words = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """Targets of any kind that follow each other."""
    found, at = [], 0
    for _ in range(draw(st.integers(1, 12))):
        length = draw(st.integers(1, 1 << 40))
        kind = draw(words)[:15]
        found.append(f"{at} {length} {kind} {' '.join(draw(st.lists(words, min_size=1, max_size=6)))}")
        at += length
    return found


@given(lines=lines(), major=st.integers(0, 4095), minor=st.integers(0, (1 << 20) - 1))
def test_every_target_is_read_as_dmsetup_shows_it(lines: list[str], major: int, minor: int) -> None:
    found = table(major, minor, ioctl=FakeDm({(major, minor): lines}, {(major, minor): UUID}))

    assert [f"{t.start} {t.length} {t.kind} {t.words}" for t in found.targets] == lines
    assert (found.uuid, found.suspended) == (UUID, False)


def test_a_suspended_device_says_so() -> None:
    dm = FakeDm({(253, 0): ["0 8 linear 8:16 0"]}, suspended={(253, 0)})

    assert table(253, 0, ioctl=dm).suspended


def test_a_table_that_is_longer_than_the_buffer_is_asked_for_again_with_more_room() -> None:
    many = [f"{8 * n} 8 linear 8:16 {16 * n}" for n in range(3000)]
    dm = FakeDm({(253, 0): many})

    assert len(table(253, 0, ioctl=dm).targets) == 3000
    assert dm.rooms == sorted(set(dm.rooms))
    assert len(dm.rooms) > 1


def test_a_table_without_end_is_left_alone() -> None:
    rooms: list[int] = []

    def full(buffer: bytearray) -> None:
        rooms.append(len(buffer))
        buffer[:] = answer((253, 0), ["0 8 linear 8:16 0"], "", len(buffer), 0x120)

    with pytest.raises(AccessError, match=r"253:0: its table takes more than \d+ bytes"):
        table(253, 0, ioctl=full)
    assert max(rooms) <= 64 << 20


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.EACCES, "253:7: only root may read its table"),
        (errno.EPERM, "only root may read its table"),
        (errno.ENXIO, "253:7 is gone, or is not device-mapper's"),
        (errno.ENOENT, "there is no /dev/mapper/control .*modprobe dm_mod"),
        (errno.ENODEV, "there is no /dev/mapper/control .*modprobe dm_mod"),
        (errno.EIO, "cannot be read by /dev/mapper/control: Input/output error"),
    ],
)
def test_what_the_kernel_does_not_give_is_told_with_its_reason(number: int, says: str) -> None:
    def refuse(_: bytearray) -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(AccessError, match=says):
        table(253, 7, ioctl=refuse)


GOOD = answer((253, 0), ["0 8 linear 8:16 0", "8 8 linear 8:32 0"], UUID, 1024)


def changed(at: int, value: int, size: int = 4) -> bytes:
    return GOOD[:at] + value.to_bytes(size, "little") + GOOD[at + size :]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (GOOD[:300], "300 bytes are no answer"),
        (changed(0, 5), "version 5"),
        (changed(40, 0xFD01, 8), "another device"),
        (changed(28, 0), "no live table"),
        (changed(12, 5000), "data from byte"),
        (changed(16, 100), "data from byte"),
        (changed(20, 0), "no target"),
        (changed(20, 9), "a target at byte"),
        (changed(312, 1, 8), "from sector 1, behind sector 0"),
        (changed(320, 0, 8), "0 sectors from sector 0"),
        (changed(320, 1 << 63, 8), "sectors from sector 0"),
        (changed(332, 0), "the next one at byte 0"),
        (changed(332, 40), "the next one at byte 40"),
        (changed(332, 1 << 31), "the next one at byte"),
        (changed(336, (1 << 128) - 1, 16), "no end"),
    ],
)
def test_an_odd_answer_is_refused_with_what_is_odd(data: bytes, says: str) -> None:
    assert decode(GOOD, 253, 0) is not None
    with pytest.raises(DecodeError, match=says):
        decode(data, 253, 0)


def test_an_odd_answer_names_the_device() -> None:
    def odd(buffer: bytearray) -> None:
        buffer[:] = bytes(len(buffer))

    with pytest.raises(AccessError, match="device-mapper's 253:0: its table makes no sense: version 0"):
        table(253, 0, ioctl=odd)


@given(at=st.integers(0, len(GOOD) - 1), value=st.integers(0, 255), length=st.integers(0, len(GOOD)))
def test_whatever_arrives_is_a_table_without_gaps_or_refused(at: int, value: int, length: int) -> None:
    damaged = bytearray(GOOD)
    damaged[at] = value
    try:
        found = decode(bytes(damaged[:length]), 253, 0)
    except DecodeError:
        return
    if found is not None:
        ends = [target.start + target.length for target in found.targets]
        assert [target.start for target in found.targets] == [0, *ends[:-1]]


class TestStriping:
    """The words of the two kinds that only move addresses."""

    def test_a_linear_target_is_one_column_and_one_chunk(self) -> None:
        target = Target(49152, 32768, "linear", "8:32 16384")

        assert striping(target) == Striping(32768, (((8, 32), 16384),))

    def test_a_striped_target_has_a_place_in_each_column(self) -> None:
        target = Target(0, 32768, "striped", "2 128 8:32 49152 8:48 65536")

        assert striping(target) == Striping(128, (((8, 32), 49152), ((8, 48), 65536)))

    @pytest.mark.parametrize("kind", ["crypt", "thin", "snapshot", "raid", "linear2", "", "LINEAR"])
    def test_any_other_kind_is_not_decoded(self, kind: str) -> None:
        assert striping(Target(0, 8, kind, "8:16 0")) is None

    @pytest.mark.parametrize(
        ("kind", "words"),
        [
            ("linear", "8:16"),
            ("linear", "8:16 0 0"),
            ("linear", "/dev/sdb 0"),
            ("linear", "8:16 -1"),
            ("linear", "8:16 ²"),
            ("linear", "8: 0"),
            ("linear", "8:16 99999999999999999999"),
            ("linear", ""),
            ("striped", ""),
            ("striped", "0 128"),
            ("striped", "2 128 8:32 0"),
            ("striped", "1 128 8:32 0 8:48 0"),
            ("striped", "2 0 8:32 0 8:48 0"),
            ("striped", "2 100 8:32 0 8:48 0"),
            ("striped", "3 128 8:32 0 8:48 0 8:64 0"),
        ],
    )
    def test_words_that_the_kernel_would_not_say_are_refused(self, kind: str, words: str) -> None:
        with pytest.raises(DecodeError):
            striping(Target(0, 1024, kind, words))

    @given(text=st.text(max_size=40), kind=st.sampled_from(["linear", "striped"]))
    def test_any_words_are_places_or_refused(self, text: str, kind: str) -> None:
        reads: Callable[[Target], Striping | None] = striping
        try:
            found = reads(Target(0, 1024, kind, text))
        except DecodeError:
            return
        assert found is not None
        assert found.chunk * len(found.columns) <= 1024
