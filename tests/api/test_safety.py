"""Overlap is found by identity: what units answer, and what the kernel knows where they answer nothing."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from tests.xcopy.units import unit
from xcopy.api import safety
from xcopy.api.endpoint import Endpoint
from xcopy.device.topology import Block, Node
from xcopy.errors import UnsafeError
from xcopy.plan import Request
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
        unit=made,
        node=of,
        base=0,
        blocks=made.blocks,
        window=None,
        open_transport=closed,
        open_blocks=closed,
    )


def request(source_lba: int, destination_lba: int, blocks: int = 100) -> Request:
    return Request(
        source_lba=source_lba,
        destination_lba=destination_lba,
        blocks=blocks,
        source_block_size=512,
        destination_block_size=512,
    )


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
            safety.refuse_overlap(first, second, request(*lbas))
    safety.refuse_overlap(first, second, request(0, 100))
    safety.refuse_overlap(first, second, request(100, 0))


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
    safety.refuse_overlap(first, second, request(0, 0))


def test_one_unit_with_two_block_sizes_is_a_riddle_and_refused() -> None:
    with pytest.raises(UnsafeError, match="look like one unit"):
        safety.refuse_overlap(side(None), side(None, block_size=4096), request(0, 5000))


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
