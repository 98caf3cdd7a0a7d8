"""What belongs to us in the kernel's target, in a tree of directories that looks like configfs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xcopy.device import tcmu

if TYPE_CHECKING:
    from pathlib import Path

ONE, OTHER = "0123456789abcdef", "fedcba9876543210"


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty but for the fabric."""
    monkeypatch.setattr(tcmu, "HBA", tmp_path / "core/user_5881")
    monkeypatch.setattr(tcmu, "LOOPBACK", tmp_path / "loopback")
    monkeypatch.setattr(tcmu, "UIO", tmp_path / "uio")
    (tmp_path / "loopback").mkdir()
    return tmp_path


def test_nothing_is_found_where_nothing_is(target: Path) -> None:
    del target
    assert tcmu.found() == ()
    assert tcmu.of_array(ONE) == tcmu.Found(ONE, (), (), alive=False)


def test_what_is_ours_is_found_by_array(target: Path) -> None:
    for nexus in (0, 1):
        (target / "loopback" / tcmu.target_name(ONE, nexus) / "tpgt_1").mkdir(parents=True)
        (target / "core/user_5881" / tcmu.backstore_name(ONE, 3, nexus)).mkdir(parents=True)
    (target / "core/user_5881" / tcmu.backstore_name(OTHER, 0, 0)).mkdir()
    one, other = tcmu.found()
    assert (one.array_id, sorted(one.targets)) == (ONE, [tcmu.target_name(ONE, n) for n in (0, 1)])
    assert sorted(one.backstores) == [tcmu.backstore_name(ONE, 3, n) for n in (0, 1)]
    assert (other.array_id, other.targets) == (OTHER, ())
    assert not one.alive


@pytest.mark.parametrize(
    "name",
    [
        "xcopydev-ram0",
        "xcopydev-serve-0123456789abcdef",
        "xcopydev-serve-0123456789abcdef-u0-n0-mine",
        "my-xcopydev-serve-0123456789abcdef-u0-n0",
        "xcopydev-serve-XYZ-u0-n0",
    ],
)
def test_a_backstore_with_another_name_is_somebody_else_s(target: Path, name: str) -> None:
    (target / "core/user_5881" / name).mkdir(parents=True)
    assert tcmu.found() == ()


@pytest.mark.parametrize(
    "name",
    [
        "naa.5001405cc0de0001",
        "naa.6025843f00000000",
        "naa.6025843e000000000123456789abcdef",
        "naa.6025843f000000000123456789abcdef0",
    ],
)
def test_a_target_with_another_name_is_somebody_else_s(target: Path, name: str) -> None:
    (target / "loopback" / name).mkdir()
    assert tcmu.found() == ()


def test_the_names_of_a_unit_s_nexuses_and_of_arrays_all_differ() -> None:
    places = [(array, unit, nexus) for array in (ONE, OTHER) for unit in (0, 1, 11) for nexus in (0, 1, 11)]
    assert len({tcmu.backstore_name(*place) for place in places}) == len(places)
    assert len({tcmu.target_name(array, nexus) for array, _, nexus in places}) == 6


def test_a_target_s_name_is_an_naa_designator_of_16_bytes() -> None:
    assert tcmu.target_name(ONE, 10) == "naa.6025843f0000000a0123456789abcdef"
