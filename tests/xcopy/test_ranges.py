"""What a person may write for a range, and what is said of what nobody can mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xcopy.errors import UsageError
from xcopy.ranges import EndpointText, parse_endpoint, parse_quantity

BY_PATH = "/dev/disk/by-path/pci-0000:00:10.0-scsi-0:0:0:0"
THERE = {"/dev/sdb", BY_PATH, "emu:array/0"}


def exists(path: str) -> bool:
    return path in THERE


def blocks(text: EndpointText, size: int = 512) -> tuple[int | None, int | None]:
    return tuple(None if q is None else q.blocks(size) for q in (text.lba, text.count))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("text", "path", "lba", "count"),
    [
        ("/dev/sdb", "/dev/sdb", None, None),
        ("/dev/sdb:0", "/dev/sdb", 0, None),
        ("/dev/sdb:2048+1GiB", "/dev/sdb", 2048, 2097152),
        ("/dev/sdb:0x10+0xFF", "/dev/sdb", 16, 255),
        ("/dev/sdb:1MB+64kB", "/dev/sdb", None, None),
        ("/dev/sdb:010+08", "/dev/sdb", 10, 8),
        (BY_PATH, BY_PATH, None, None),
        (f"{BY_PATH}:5+6", BY_PATH, 5, 6),
        ("emu:array/0:1+2", "emu:array/0", 1, 2),
        ("emu:array/0", "emu:array/0", None, None),
    ],
)
def test_a_path_and_a_range(text: str, path: str, lba: int | None, count: int | None) -> None:
    found = parse_endpoint(text, exists)
    assert found.path == path
    if "MB" not in text:
        assert blocks(found) == (lba, count)


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("1KiB", 1024), ("1kB", 1000), ("3MiB", 3 * 2**20), ("2TB", 2 * 10**12), ("1TiB", 2**40)],
)
def test_a_suffix_means_bytes(text: str, bytes_: int) -> None:
    assert parse_quantity(text).blocks(1) == bytes_


def test_bytes_that_are_not_whole_blocks_are_refused_with_the_nearest_that_are() -> None:
    with pytest.raises(UsageError, match=r"64kB is 64000 bytes, not a whole number of 4096-byte blocks"):
        parse_quantity("64kB").blocks(4096)


@pytest.mark.parametrize(
    "text",
    [
        "/dev/sdb:10+",
        "/dev/sdb:x",
        "/dev/sdb:-1",
        "/dev/sdb:1.5GiB",
        "/dev/sdb:1gib",
        "/dev/sdb:0x",
        "/dev/sdb:",
        "/dev/sdb:+7",
    ],
)
def test_a_range_nobody_can_mean_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="/dev/sdb"):
        parse_endpoint(text, exists)


@pytest.mark.parametrize("text", ["", ":5", ":"])
def test_no_device_is_a_usage_error(text: str) -> None:
    with pytest.raises(UsageError):
        parse_endpoint(text, exists)


def test_a_path_that_is_not_there_is_left_for_whoever_opens_it() -> None:
    assert parse_endpoint("/dev/by:nobody", exists).path == "/dev/by:nobody"


def test_a_number_over_64_bits_is_refused() -> None:
    with pytest.raises(UsageError, match="64-bit"):
        parse_quantity("18446744073709551616")
    with pytest.raises(UsageError, match="64-bit"):
        parse_quantity("16777216TiB")


@given(st.text(max_size=30))
def test_any_text_is_a_range_or_a_usage_error(text: str) -> None:
    try:
        parse_endpoint(text, exists)
    except UsageError:
        pass


def test_an_emulated_unit_without_a_directory_keeps_its_prefix() -> None:
    assert parse_endpoint("emu:0", exists) == EndpointText("emu:0")


def test_a_number_of_5000_digits_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="not a number"):
        parse_quantity("9" * 5000)
