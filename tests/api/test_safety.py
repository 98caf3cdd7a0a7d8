"""Overlap is found by identity: what units answer, and what the kernel knows where they answer nothing."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from tests.xcopy.units import unit
from xcopy.api import safety
from xcopy.api.endpoint import Endpoint, Part
from xcopy.asked import Asked, Extent
from xcopy.device.disk import Node
from xcopy.device.tree import Block
from xcopy.errors import UnsafeError
from xcopy.ranges import EndpointText

SDA = Block(name="sda", path="/dev/sda", major=8, minor=0)
SDB = Block(name="sdb", path="/dev/sdb", major=8, minor=16)


def node(disk: Block | None, **changes: Any) -> Node:
    values = {"path": disk.path if disk else "/dev/sg0", "kind": "disk", "sg": None, "major": 8, "minor": 0}
    return Node(disk=disk, **{**values, **changes})


def side(of: Node | None, number: int = 0, **changes: Any) -> Endpoint:
    made = unit(number, **changes)

    def closed(*_: object) -> Any:
        raise AssertionError("nothing is opened to find an overlap")

    return Endpoint(
        text=EndpointText(of.path if of else made.name),
        parts=(Part(made, closed, closed),),
        node=of,
        base=0,
        blocks=made.blocks,
        window=None,
    )


def one(source: Endpoint, destination: Endpoint, source_lba: int, lba: int, blocks: int = 100) -> Asked:
    return asked(source, destination, [(source_lba, blocks, lba)], file=None)


def asked(
    source: Endpoint, destination: Endpoint, ranges: list[tuple[int, int, int]], file: str | None = "list"
) -> Asked:
    extents = (
        Extent(side.name, side.base, side.blocks, side.unit.block_size) for side in (source, destination)
    )
    return Asked(*extents, enumerate(ranges, 1), file=file)


NAMELESS: dict[str, Any] = {"designators": ()}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (side(node(SDA)), side(node(SDB))),
        (side(node(SDA, siblings=(SDB,)), **NAMELESS), side(node(SDB, siblings=(SDA,)), **NAMELESS)),
        (side(node(SDA, wwid="naa.6"), **NAMELESS), side(node(SDB, wwid="naa.6"), **NAMELESS)),
        (side(node(SDA, sg="/dev/sg0"), **NAMELESS), side(node(None, sg="/dev/sg0"), **NAMELESS)),
        (side(node(SDA), **NAMELESS), side(node(SDA, path="/dev/sda1"), **NAMELESS)),
        (side(None), side(None)),
    ],
    ids=["one designator", "sysfs siblings", "one wwid", "sg and sd", "partition and disk", "emulated"],
)
def test_one_unit_by_two_names_overlaps_by_lba(first: Endpoint, second: Endpoint) -> None:
    for lbas in ((0, 0), (0, 99), (99, 0)):
        with pytest.raises(UnsafeError, match="overlap"):
            safety.refuse_overlap(first, second, one(first, second, *lbas))
    safety.refuse_overlap(first, second, one(first, second, 0, 100))
    safety.refuse_overlap(first, second, one(first, second, 100, 0))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (side(node(SDA), 0), side(node(SDB), 1)),
        (side(node(None, sg="/dev/sg0"), **NAMELESS), side(node(None, sg="/dev/sg1"), **NAMELESS)),
        (side(node(SDA), **NAMELESS), side(node(SDB), **NAMELESS)),
    ],
    ids=["two designators", "two sg nodes", "two disks"],
)
def test_two_units_never_overlap(first: Endpoint, second: Endpoint) -> None:
    safety.refuse_overlap(first, second, one(first, second, 0, 0))


def test_a_range_that_reads_what_another_writes_is_refused_with_both_lines() -> None:
    unit = side(None)
    ranges = [(0, 10, 100), (500, 0, 200), (300, 10, 400), (409, 10, 600), (20, 10, 110)]
    with pytest.raises(UnsafeError, match="list line 4 reads blocks that list line 3 writes"):
        safety.refuse_overlap(unit, unit, asked(unit, unit, ranges))
    ranges[3] = (410, 10, 600)
    safety.refuse_overlap(unit, unit, asked(unit, unit, ranges))
    with pytest.raises(UnsafeError, match="list line 1 reads blocks that it writes"):
        safety.refuse_overlap(unit, unit, asked(unit, unit, [(7, 1, 7)]))


def test_one_unit_with_two_block_sizes_is_a_riddle_and_refused() -> None:
    first, second = side(None), side(None, block_size=4096)
    with pytest.raises(UnsafeError, match="look like one unit"):
        safety.refuse_overlap(first, second, one(first, second, 0, 5000, 80))


def test_a_read_only_destination_is_refused_even_with_force() -> None:
    locked = Block(name="sda", path="/dev/sda", major=8, minor=0, read_only=True)
    with ExitStack() as stack, pytest.raises(UnsafeError, match="read-only"):
        safety.secure(side(None), side(node(locked), 1), stack, force=True)


def test_a_destination_in_use_is_refused_with_its_user_and_force_says_what_it_overrides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from xcopy.device import claims

    mounted = claims.Claim("mounted", "/dev/sda1", "/srv")
    monkeypatch.setattr(claims, "claims", lambda _: (mounted,))
    tried: list[str] = []

    def hold(path: str) -> Any:
        tried.append(path)
        raise UnsafeError(f"{path} is open exclusively elsewhere")

    monkeypatch.setattr(claims, "hold", hold)
    with ExitStack() as stack:
        with pytest.raises(UnsafeError, match="/srv"):
            safety.secure(side(None), side(node(SDA), 1), stack, force=False)
        assert not tried
        warnings = safety.secure(side(None), side(node(SDA), 1), stack, force=True)
    assert tried == ["/dev/sda"]
    assert any("/srv" in w for w in warnings)
    assert any("open exclusively" in w for w in warnings)


def test_a_source_in_use_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    from xcopy.device import claims

    monkeypatch.setattr(claims, "claims", lambda _: (claims.Claim("mounted", "/dev/sda1", "/srv"),))
    with ExitStack() as stack:
        (warning,) = safety.secure(side(node(SDA)), side(None, 1), stack, force=False)
    assert "/srv" in warning
