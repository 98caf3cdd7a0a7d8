"""The emulated array in a directory: what is made, what is refused, whose bytes its blocks are."""

from __future__ import annotations

import errno
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from tests.target.bench import (
    BLOCK,
    GOOD,
    TEST_UNIT_READY,
    Bench,
    No,
    capable,
    no,
    read_16,
    segment,
    write_16,
)
from xcopy.device.array_dir import create, open_array, unit_file
from xcopy.errors import UsageError, XcopyError
from xcopy.target.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 1 << 20


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An array of two units of 1 MiB."""
    create(tmp_path / "array", units=2, size=MIB)
    return tmp_path / "array"


def test_an_array_is_made_of_a_description_and_one_image_a_unit(directory: Path) -> None:
    assert sorted(p.name for p in directory.iterdir()) == ["array.json", "unit-0.img", "unit-1.img"]
    assert [unit_file(directory, n).stat().st_size for n in (0, 1)] == [MIB, MIB]


def test_images_are_sparse(tmp_path: Path) -> None:
    create(tmp_path / "array", units=1, size=1 << 40)
    assert unit_file(tmp_path / "array", 0).stat().st_blocks < 1000


def test_an_empty_directory_is_used(tmp_path: Path) -> None:
    create(tmp_path, units=1, size=MIB)
    assert sorted(open_array(tmp_path).units) == [0]


def test_two_arrays_have_different_identities(tmp_path: Path) -> None:
    for name in ("one", "two"):
        create(tmp_path / name, units=1, size=MIB)
    one, two = (open_array(tmp_path / name) for name in ("one", "two"))
    assert Bench(one).naa(0) != Bench(two).naa(0)
    assert one.units[0].serial != two.units[0].serial


def test_an_array_opens_as_it_was_made(tmp_path: Path) -> None:
    create(
        tmp_path,
        units=2,
        size=MIB,
        block_size=[512, 4096],
        third_party_copy=[True, False],
        read_only=[False, True],
        parameters=capable(maximum_segment_count=3),
        enforced=capable(data_segment_granularity=12),
    )
    array = open_array(tmp_path)
    units = [(u.block_size, u.blocks, u.third_party_copy, u.read_only) for u in array.units.values()]
    assert units == [(512, 2048, True, False), (4096, 256, False, True)]
    assert array.profile.advertised == capable(maximum_segment_count=3)


@pytest.mark.parametrize("name", PROFILES)
def test_an_array_of_a_profile_is_that_profile_when_it_is_opened(tmp_path: Path, name: str) -> None:
    create(tmp_path, units=2, size=MIB, profile=name)
    assert json.loads((tmp_path / "array.json").read_text())["profile"] == name
    assert open_array(tmp_path).profile == PROFILES[name].without_tapes()


def test_a_profile_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no profile grand; there are strict, lio"):
        create(tmp_path / "array", units=2, size=MIB, profile="grand")
    assert not (tmp_path / "array").exists()


def test_values_kept_in_the_description_stand_above_the_profile(tmp_path: Path) -> None:
    create(tmp_path, units=2, size=MIB, profile="lio", parameters=capable(maximum_segment_count=3))
    profile = open_array(tmp_path).profile
    assert (profile.name, profile.advertised.maximum_segment_count) == ("lio", 3)
    assert profile.enforced.maximum_segment_count == 3
    assert profile.chunk_size == PROFILES["lio"].chunk_size


def test_an_array_made_before_there_were_profiles_is_as_it_was(described: Path) -> None:
    content = json.loads((described / "array.json").read_text())
    del content["profile"]
    (described / "array.json").write_text(json.dumps({**content, "format": 1}))
    profile = open_array(described).profile
    assert (profile.name, profile.advertised, profile.chunk_size) == ("strict", capable(), 1 << 16)


def test_what_is_enforced_is_kept_too(tmp_path: Path) -> None:
    create(tmp_path, units=2, size=MIB, enforced=capable(data_segment_granularity=12))
    assert no(Bench(open_array(tmp_path)).copy(segment(0, 0, 1))) == No(0xA, 0x26, 0x0D, "a0000a")


def test_blocks_written_are_bytes_of_the_image(directory: Path) -> None:
    session = open_array(directory).open(1)
    session.send(TEST_UNIT_READY)
    assert session.send(write_16(3, b"x" * BLOCK)).status == GOOD
    expected = bytes(3 * BLOCK) + b"x" * BLOCK + bytes(MIB - 4 * BLOCK)
    assert unit_file(directory, 1).read_bytes() == expected


def test_bytes_of_the_image_are_blocks_read(directory: Path) -> None:
    session = open_array(directory).open(0)
    session.send(TEST_UNIT_READY)
    with unit_file(directory, 0).open("r+b") as image:
        image.seek(5 * BLOCK)
        image.write(b"y" * BLOCK)
    assert session.send(read_16(5, 1)).data == b"y" * BLOCK


def test_a_copy_moves_bytes_from_image_to_image_and_no_others(directory: Path) -> None:
    bench = Bench(open_array(directory))
    assert bench.copy(segment(1, 7, 100)).status == GOOD
    expected = bytearray(bench.before[1])
    expected[7 * BLOCK : 107 * BLOCK] = bench.before[0][BLOCK : 101 * BLOCK]
    assert unit_file(directory, 0).read_bytes() == bench.before[0]
    assert unit_file(directory, 1).read_bytes() == expected


def test_the_same_directory_by_any_path_is_one_array(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = open_array(directory)
    (tmp_path / "link").symlink_to(directory)
    monkeypatch.chdir(tmp_path)
    assert open_array(tmp_path / "link") is array
    assert open_array("array") is array


def test_an_array_made_anew_at_the_same_path_is_another(directory: Path) -> None:
    old = open_array(directory)
    for path in directory.iterdir():
        path.unlink()
    create(directory, units=1, size=MIB)
    assert open_array(directory) is not old
    assert sorted(open_array(directory).units) == [0]


def test_a_description_changed_in_place_is_read_again(directory: Path) -> None:
    old = open_array(directory)
    description = directory / "array.json"
    description.write_text(description.read_text().replace('"read_only": false', '"read_only": true'))
    os.utime(description, ns=(1, 1))
    assert [(a.units[0].read_only, a.units[1].read_only) for a in (old, open_array(directory))] == [
        (False, False),
        (True, True),
    ]


def test_reads_and_writes_that_the_system_cuts_short_go_on(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pread, pwrite = os.pread, os.pwrite
    monkeypatch.setattr(os, "pread", lambda fd, length, at: pread(fd, min(length, 100), at))
    monkeypatch.setattr(os, "pwrite", lambda fd, data, at: pwrite(fd, data[:100], at))
    bench = Bench(open_array(directory))
    assert bench.send(0, write_16(3, bytes(range(256)) * 4)).status == GOOD
    assert bench.send(0, read_16(3, 2)).data == bytes(range(256)) * 4
    assert unit_file(directory, 0).read_bytes()[3 * BLOCK : 5 * BLOCK] == bytes(range(256)) * 4


def test_an_array_no_longer_used_closes_its_images(directory: Path) -> None:
    def images() -> int:
        links = [f"/proc/self/fd/{each}" for each in os.listdir("/proc/self/fd")]
        return sum(os.path.realpath(each).startswith(f"{directory.resolve()}/") for each in links)

    array = open_array(directory)
    assert images() == 2
    del array
    assert images() == 0


# Refused when made.


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"units": 0}, "1 to 256 units, not 0"),
        ({"units": 257}, "1 to 256 units, not 257"),
        ({"size": 0}, "not made of whole 512-byte blocks; 512 bytes would be"),
        ({"size": -512}, "not made of whole 512-byte blocks"),
        ({"size": 1000}, "512 or 1024 bytes would be"),
        ({"size": 512, "block_size": 4096}, "not made of whole 4096-byte blocks; 4096 bytes would be"),
        ({"block_size": 520}, "512 or 4096 bytes, not 520"),
        ({"block_size": [512]}, "block_size: 2 units need 2 values, 1 were given"),
        ({"size": 1 << 70}, "cannot make an array in"),
    ],
)
def test_what_no_array_can_be_is_refused_and_leaves_nothing(
    tmp_path: Path, wrong: dict[str, Any], said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        create(tmp_path / "array", **{"units": 2, "size": MIB, **wrong})
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_not_empty_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(UsageError, match="is not empty"):
        create(tmp_path, units=1, size=MIB)
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]


def test_a_file_in_the_place_of_the_directory_is_refused_and_kept(tmp_path: Path) -> None:
    (tmp_path / "array").write_text("precious")
    with pytest.raises(UsageError, match="is not a directory"):
        create(tmp_path / "array", units=1, size=MIB)
    assert (tmp_path / "array").read_text() == "precious"


def test_a_directory_whose_parent_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot make an array in .*: No such file"):
        create(tmp_path / "nowhere" / "array", units=1, size=MIB)


@pytest.mark.parametrize("existing", [False, True], ids=["new directory", "empty directory"])
def test_a_disk_that_fills_up_half_way_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "array"
    if existing:
        path.mkdir()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="No space left on device"):
        create(path, units=2, size=MIB)
    assert list(tmp_path.rglob("*")) == ([path] if existing else [])


# Refused when opened.


def test_a_directory_without_an_array_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no array\.json; xcopy-dev emu create"):
        open_array(tmp_path)


def shorter(directory: Path) -> None:
    os.truncate(unit_file(directory, 1), MIB - BLOCK)


def longer(directory: Path) -> None:
    os.truncate(unit_file(directory, 1), MIB + BLOCK)


def missing(directory: Path) -> None:
    unit_file(directory, 1).unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shorter, r"unit-1\.img is 1048064 bytes long, array\.json says 1048576"),
        (longer, r"unit-1\.img is 1049088 bytes long, array\.json says 1048576"),
        (missing, r"unit-1\.img is missing"),
    ],
)
@pytest.mark.parametrize("held", [False, True], ids=["not open yet", "open already"])
def test_an_image_that_is_not_what_it_was_is_named(
    directory: Path, damage: Callable[[Path], None], said: str, held: bool
) -> None:
    array = open_array(directory) if held else None
    damage(directory)
    with pytest.raises(UsageError, match=said):
        open_array(directory)
    assert (array is not None) is held


def test_an_image_that_shrinks_under_an_open_array_is_a_medium_error_and_does_not_grow(
    directory: Path,
) -> None:
    session = open_array(directory).open(1)
    session.send(TEST_UNIT_READY)
    shorter(directory)
    last = MIB // BLOCK - 1
    assert no(session.send(read_16(last, 1))) == No(0x3, 0x11, 0x00)
    assert no(session.send(write_16(last, bytes(BLOCK)))) == No(0x3, 0x0C, 0x00)
    assert unit_file(directory, 1).stat().st_size == MIB - BLOCK


@pytest.fixture
def described(tmp_path: Path) -> Path:
    """An array that says all that an array.json can say."""
    create(
        tmp_path / "array", units=2, size=MIB, parameters=capable(), enforced=capable(), chunk_size=1 << 16
    )
    return tmp_path / "array"


def edited(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.update(changes)


def unit_edited(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["units"][1].update(changes)


@pytest.mark.parametrize(
    "damage",
    [
        edited(format=3),
        edited(profile="grand"),
        edited(profile=["strict"]),
        edited(profile=None),
        edited(units=[]),
        edited(units=None),
        edited(units=[1]),
        edited(array_id="12"),
        edited(array_id="no number"),
        edited(array_id=None),
        edited(chunk_size="many"),
        edited(advertised={}),
        edited(enforced=None),
        unit_edited(number=0),
        unit_edited(number="1"),
        unit_edited(serial="ü"),
        unit_edited(read_only=1),
        unit_edited(block_size=1024, blocks=1024),
        unit_edited(more=1),
        lambda content: content["advertised"].update(maximum_cscd_count=1 << 16),
        lambda content: content["advertised"].update(implemented_types=[300]),
        lambda content: content.pop("profile"),
        lambda content: content.pop("units"),
    ],
)
def test_a_damaged_description_is_named(described: Path, damage: Callable[[dict[str, Any]], None]) -> None:
    description = described / "array.json"
    content = json.loads(description.read_text())
    damage(content)
    description.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=r"array\.json is damaged"):
        open_array(described)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"[" * 100_000])
def test_a_description_that_is_no_description_is_named(directory: Path, content: bytes) -> None:
    (directory / "array.json").write_bytes(content)
    with pytest.raises(XcopyError, match=r"array\.json is damaged"):
        open_array(directory)
