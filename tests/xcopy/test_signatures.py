"""Magic numbers at their places, and which of them a copy would destroy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcopy.signatures import SIGNATURES, Look, destroyed

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 8 << 20
# (byte, content) of what tools leave on a device of 8 MiB, from the formats' own descriptions
LEFT = {
    "an XFS file system": (0, b"XFSB"),
    "an ext2, ext3 or ext4 file system": (1024 + 0x38, b"\x53\xef"),
    "a btrfs file system": (0x10040, b"_BHRfS_M"),
    "swap space": (0xFF6, b"SWAPSPACE2"),
    "a physical volume of LVM": (512 + 24, b"LVM2 001"),
    "a partition table (GPT)": (512, b"EFI PART"),
    "the backup of a partition table (GPT)": (SIZE - 512, b"EFI PART"),
    "a partition table (MBR) or boot record": (510, b"\x55\xaa"),
    "an encrypted volume (LUKS)": (0, b"LUKS\xba\xbe"),
    "an NTFS file system": (3, b"NTFS    "),
    "a FAT file system": (82, b"FAT32   "),
    "an OCFS2 file system": (4096, b"OCFSV2"),
    "a VMFS file system": (0x200000, b"\x5e\xf1\xab\x2f"),
    "a disk of Oracle ASM": (32, b"ORCLDISK"),
    "a member of a ZFS pool": (0x20000 + 4 * 1024, b"\x0c\xb1\xba\0\0\0\0\0"),
    "an ISO 9660 file system": (0x8001, b"CD001"),
    "an F2FS file system": (1024, b"\x10\x20\xf5\xf2"),
    "a device of VDO": (0, b"dmvdo001"),
    "a device with dm-integrity": (0, b"integrt\0"),
    "a member of a Stratis pool": (0x204, b"!Stra0tis\x86\xff\x02^Arh"),
    "a device of DRBD": (SIZE - 4096 + 60, b"\x83\x74\x02\x6d"),
    "a bcachefs file system": (0x1018, bytes.fromhex("c68573f666ce90a9d96a60cf803df7ef")),
}


def image(*contents: tuple[int, bytes], size: int = SIZE) -> bytes:
    made = bytearray(size)
    for at, content in contents:
        made[at : at + len(content)] = content
    return bytes(made)


def everywhere(_first: int, _end: int) -> bool:
    return True


def only(low: int, high: int) -> Callable[[int, int], bool]:
    """Bytes from `low` up to `high` are written to."""
    return lambda first, end: first < high and low < end


def told(
    look: Look, data: bytes, writes: Callable[[int, int], bool] = everywhere, grain: int = 512
) -> list[str]:
    pieces = [(offset, data[offset : offset + length]) for offset, length in look.windows(grain)]
    return [str(found) for found in destroyed(look, pieces, writes)]


@pytest.mark.parametrize("what", LEFT)
def test_what_is_there_is_named(what: str) -> None:
    assert told(Look("sdb", 0, SIZE), image(LEFT[what])) == [f"sdb: {what}"]


def test_what_is_there_twice_is_named_once() -> None:
    data = image((0, b"LUKS\xba\xbe"), (0x4000, b"SKUL\xba\xbe"))
    assert told(Look("sdb", 0, SIZE), data) == ["sdb: an encrypted volume (LUKS)"]


@pytest.mark.parametrize("page", [4, 8, 16, 32, 64])
def test_swap_space_of_any_page_size_is_named(page: int) -> None:
    assert told(Look("sdb", 0, SIZE), image((page * 1024 - 10, b"SWAPSPACE2"))) == ["sdb: swap space"]


@pytest.mark.parametrize("sector", range(4))
def test_the_label_of_a_physical_volume_is_in_one_of_four_sectors(sector: int) -> None:
    data = image((sector * 512 + 24, b"LVM2 001" + b"abcdEF" * 5 + b"gh"))
    assert told(Look("sdb", 0, SIZE), data) == [f'sdb: a physical volume of LVM "{"abcdEF" * 5}gh"']


@pytest.mark.parametrize("at", [0, 4096, SIZE + 4095 - 4095 - 0x2000, SIZE - 0x10000])
def test_an_md_member_has_its_superblock_at_the_start_or_near_the_end(at: int) -> None:
    size = SIZE + 3584  # the end is rounded down
    assert told(Look("sdb", 0, size), image((at, b"\xfc\x4e\x2b\xa9"), size=size)) == [
        "sdb: a member of an md array"
    ]


def test_a_name_is_told_up_to_its_zero_byte() -> None:
    data = image((0, b"XFSB"), (108, b"archive\0\0\0\0\0"))
    assert told(Look("sdb", 0, SIZE), data) == ['sdb: an XFS file system "archive"']


def test_a_name_that_would_play_with_the_terminal_is_not_shown() -> None:
    data = image((0, b"XFSB"), (108, b"\x1b[2Jhi\0"))
    assert told(Look("sdb", 0, SIZE), data) == ["sdb: an XFS file system"]


def test_a_file_system_with_a_boot_sector_is_told_once() -> None:
    assert told(Look("sdb", 0, SIZE), image((3, b"NTFS    "), (510, b"\x55\xaa"))) == [
        "sdb: an NTFS file system"
    ]


def test_blocks_of_4096_bytes_have_the_table_in_the_second_of_them_and_in_the_last() -> None:
    data = image((4096, b"EFI PART"), (SIZE - 4096, b"EFI PART"))
    assert told(Look("sdb", 0, SIZE), data, grain=4096) == [
        "sdb: a partition table (GPT)",
        "sdb: the backup of a partition table (GPT)",
    ]


def test_a_file_system_suffers_from_a_write_anywhere_in_it() -> None:
    data = image(LEFT["an XFS file system"])
    assert told(Look("sdb", 0, SIZE), data, only(SIZE - 512, SIZE))


def test_a_partition_table_only_from_a_write_to_itself() -> None:
    data = image((512, b"EFI PART"), (SIZE - 512, b"EFI PART"))
    look = Look("sdb", 0, SIZE)
    assert told(look, data, only(1024, SIZE - 512)) == []
    assert told(look, data, only(0, 1024)) == ["sdb: a partition table (GPT)"]
    assert told(look, data, only(SIZE - 512, SIZE)) == ["sdb: the backup of a partition table (GPT)"]


def test_on_a_disk_with_partitions_what_is_left_of_earlier_times_only_from_a_write_to_itself() -> None:
    data = image(LEFT["a physical volume of LVM"])
    look = Look("sdb", 0, SIZE, divided=True)
    assert told(look, data, only(1024, SIZE)) == []
    assert told(look, data, only(0, 1024))


def test_a_partition_is_looked_at_where_it_lies() -> None:
    start = 3 << 20
    data = image((start, b"XFSB"))
    look = Look("sdb1", start, 2 << 20)
    assert told(look, data) == ["sdb1: an XFS file system"]
    assert told(look, data, only(0, start)) == []
    assert told(look, data, only(start + (2 << 20), SIZE)) == []


@given(size=st.integers(0, 1 << 16).map(lambda n: n * 512), grain=st.sampled_from([512, 4096]))
def test_what_is_read_is_whole_blocks_inside_the_device_in_order(size: int, grain: int) -> None:
    end = 0
    for offset, length in Look("sdb", 0, size).windows(grain):
        assert offset >= end
        assert length > 0
        assert offset % grain == length % grain == 0
        end = offset + length
    assert end <= size


@given(blocks=st.integers(1, 20_000))
def test_whatever_is_looked_for_is_read(blocks: int) -> None:
    size = blocks * 512
    windows = list(Look("sdb", 0, size).windows(512))
    for signature in SIGNATURES:
        for place in signature.places(size):
            end = place + len(signature.magic)
            assert any(at <= place and end <= at + length for at, length in windows)


def test_little_is_read_of_a_large_device() -> None:
    windows = list(Look("sdb", 0, 1 << 50).windows(4096))
    assert len(windows) <= 5
    assert sum(length for _, length in windows) < 512 << 10
