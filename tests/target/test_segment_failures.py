"""Whatever goes wrong once segments are performed: COPY ABORTED in its segment, and what came before stays.

SPC-4 5.17.7.4: a) the sense key, b) the number, and no retry of what a device answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cdb.command import Reply
from tests.target.bench import (
    BLOCK,
    BUSY,
    CHECK_CONDITION,
    RESERVATION_CONFLICT,
    TASK_SET_FULL,
    Bench,
    bench,
    capable,
    copy_list,
    cscd,
    embedded,
    extended_copy,
    no,
    segment,
    segment_number,
)
from xcopy.target.faults import Call, Corrupt, Fault, Shorten, check

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.target.array import Array

FIRST = segment(0, 64, 4)
NOT_READY = (0x2, 0x04, 0x03)  # LOGICAL UNIT NOT READY, MANUAL INTERVENTION REQUIRED
LIMITS = capable(maximum_segment_length=8 * BLOCK, data_segment_granularity=10)


def at(kind: str, then: Any) -> Callable[[Bench], None]:
    """A fault at the second internal read or write: that of the second segment."""
    return lambda array: array.array.faults.add(Fault(at=kind, nth=2, then=then))  # type: ignore[arg-type]


def meanwhile(change: Callable[[Array], object]) -> Callable[[Bench], None]:
    """A unit that changes when the second segment begins."""
    return lambda bench: bench.array.faults.add(
        Fault(at="segment", nth=2, then=Call(lambda: change(bench.array)))
    )


SECOND = segment(8, 100, 4)
WRONG: dict[str, tuple[bytes, Callable[[Bench], None] | None]] = {
    "source beyond the end": (segment(254, 0, 4), None),
    "destination beyond the end": (segment(0, 254, 4), None),
    "a source that nobody is": (segment(0, 0, 4, source=5), None),
    "a destination that nobody is": (segment(0, 0, 4, destination=5), None),
    "an id that is reserved": (segment(0, 0, 4, source=0x0800), None),
    "a null unit as the source": (segment(0, 0, 4, source=0xC000), None),
    "a stream where a disk has to be": (segment(0, 0, 4, source=0xC001), None),
    "longer than a segment may be": (segment(0, 0, 10), None),
    "off the granularity": (segment(0, 0, 3), None),
    "a source that fails": (SECOND, at("read", check(0x3, 0x11, 0x00))),
    "a destination that fails": (SECOND, at("write", check(0x3, 0x0C, 0x00))),
    "a source that is busy": (SECOND, at("read", Reply(status=BUSY))),
    "a destination whose task set is full": (SECOND, at("write", Reply(status=TASK_SET_FULL))),
    "a destination that is reserved": (SECOND, at("write", Reply(status=RESERVATION_CONFLICT))),
    "a source that reads short": (SECOND, at("read", Shorten(0))),
    "a source that reads more": (SECOND, at("read", Corrupt(lambda data: data + b"!"))),
    "a destination that writes short": (SECOND, at("write", Shorten(0))),
    "a destination write protected meanwhile": (
        SECOND,
        meanwhile(lambda array: array.change(1, read_only=True)),
    ),
    "a source without 3PC meanwhile": (
        SECOND,
        meanwhile(lambda array: array.change(0, third_party_copy=False)),
    ),
    "a source cut short meanwhile": (SECOND, meanwhile(lambda array: array.resize(0, 10))),
    "a destination cut short meanwhile": (SECOND, meanwhile(lambda array: array.resize(1, 102))),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_whatever_fails_once_a_segment_is_copied_is_copy_aborted_in_its_segment(wrong: str) -> None:
    second, happens = WRONG[wrong]
    array = bench(advertised=LIMITS)
    if happens is not None:
        happens(array)
    reply = array.copy(FIRST, second, segment(0, 200, 4))
    assert no(reply).key == 0xA
    assert segment_number(reply) == 1
    end = array.array.units[1].size
    expected = bytearray(array.before[1])
    expected[64 * BLOCK : 68 * BLOCK] = array.before[0][: 4 * BLOCK]
    assert array.contents[1] == expected[:end]
    assert array.contents[0] == array.before[0][: array.array.units[0].size]


@pytest.mark.parametrize(("kind", "role"), [("read", "source"), ("write", "destination")])
@pytest.mark.parametrize(
    ("answer", "status", "inner"),
    [
        (check(*NOT_READY), CHECK_CONDITION, NOT_READY),
        (Reply(status=RESERVATION_CONFLICT), RESERVATION_CONFLICT, (0, 0, 0)),
    ],
    ids=["offline", "reserved"],
)
def test_a_unit_that_is_offline_or_reserved_is_told_with_its_own_status(
    kind: str, role: str, answer: Reply, status: int, inner: tuple[int, int, int]
) -> None:
    # SPC-4 5.17.7.4 d), e)
    array = bench(faults=[Fault(at=kind, times=None, then=answer)])  # type: ignore[arg-type]
    reply = array.copy(FIRST)
    assert no(reply)[:3] == (0xA, 0x0D, 0x01)
    assert embedded(reply) == (role, status, inner)
    assert array.contents == array.before


def test_a_unit_is_offline_for_the_copies_that_use_it_and_for_no_other() -> None:
    array = bench(3, faults=[Fault(at="read", unit=0, times=None, then=check(*NOT_READY))])
    assert no(array.copy(segment(0, 64, 4, source=0, destination=1))).key == 0xA
    assert array.copy(segment(0, 64, 4, source=1, destination=2)).status == 0x00
    assert array.copy(segment(0, 64, 4, source=1, destination=0)).status == 0x00


def test_a_descriptor_that_no_segment_uses_stops_nothing() -> None:
    # SPC-4 5.17.7.2: it should be validated when a segment refers to it
    array = bench()
    stranger = cscd(bytes.fromhex("6025843ffffffffff000000000000009"))
    listed = copy_list([*array.cscds(), stranger], [FIRST, segment(0, 0, 1, source=2)])
    reply = array.send(1, extended_copy(listed))
    assert (no(reply)[:3], segment_number(reply)) == ((0xA, 0x0D, 0x02), 1)
    assert array.send(1, extended_copy(copy_list([*array.cscds(), stranger], [FIRST]))).status == 0x00
