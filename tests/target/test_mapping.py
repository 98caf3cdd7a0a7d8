"""Units that are mapped to some nexuses only: who is not among them cannot name, list or copy them.

What a copy reads and writes is what the nexus that asked for it may reach: a target that looked among all of
its units instead gave everyone everything (CVE-2020-28374). SPC-4 leaves the mapping to SAM-5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.target.bench import (
    BLOCK,
    GOOD,
    TEST_UNIT_READY,
    Bench,
    No,
    copy_list,
    cscd,
    data_in,
    extended_copy,
    no,
    segment,
)
from tests.target.test_segment_rod import fill_one, rod_cscd
from tests.target.token_bench import ask, populate, told, write_using
from xcopy.target.array import Array
from xcopy.target.backing import MemoryBacking
from xcopy.target.profiles import PROFILES
from xcopy.target.unit import Unit

if TYPE_CHECKING:
    from cdb.command import Command
    from xcopy.target.profile import Profile

OURS, THEIRS = "ours", "theirs"
REPORT_LUNS = data_in("a00000000000000000ff0000", 255)
ONE = segment(0, 0, 4, source=0, destination=1)


class Mapped(Bench):
    """Unit 0 for everyone, unit 1 for one nexus, unit 2 for another; their bytes are not the same."""

    def __init__(self, profile: Profile) -> None:
        units = [
            Unit(
                number=number,
                serial=f"unit-{number}",
                block_size=BLOCK,
                blocks=16,
                backing=MemoryBacking(bytes([number + 1]) * 16 * BLOCK),
                nexuses=nexuses,
            )
            for number, nexuses in enumerate((None, frozenset({OURS}), frozenset({THEIRS})))
        ]
        self.array, self.nexus = Array(units, profile), OURS
        for nexus, numbers in ((OURS, (0, 1)), (THEIRS, (0, 2))):
            for number in numbers:
                self.send(number, TEST_UNIT_READY, nexus)
        self.before = self.contents


def mapped(name: str) -> Mapped:
    return Mapped(PROFILES[name])


def named(array: Mapped) -> list[bytes]:
    """Descriptors of units 0 and 1."""
    return [cscd(array.naa(number)) for number in (0, 1)]


def listed(array: Mapped, *segments: bytes) -> Command:
    """A copy between units 0 and 1."""
    return extended_copy(copy_list(named(array), list(segments)))


@pytest.mark.parametrize(
    ("profile", "answer"),
    [
        ("strict", No(0xA, 0x0D, 0x02, "800030")),
        ("ctl", No(0xA, 0x08, 0x04, "800030")),
        ("scst", No(0x5, 0x26, 0x00, "800030")),
        ("lio", No(0xA, 0x0D, 0x02)),
    ],
)
def test_a_copy_does_not_write_a_unit_that_its_nexus_is_not_mapped_to(profile: str, answer: No) -> None:
    array = mapped(profile)
    command = listed(array, ONE)
    assert no(array.send(0, command, THEIRS)) == answer
    assert array.contents == array.before
    assert array.send(0, command, OURS).status == GOOD
    assert array.contents[1][: 4 * BLOCK] == array.before[0][: 4 * BLOCK]


def test_a_copy_does_not_read_a_unit_that_its_nexus_is_not_mapped_to() -> None:
    array = mapped("strict")
    backwards = segment(0, 0, 4, source=1, destination=0)
    assert no(array.send(0, listed(array, backwards), THEIRS)) == No(0xA, 0x0D, 0x02, "800030")
    assert array.contents == array.before


def test_a_rod_is_not_produced_by_a_unit_that_the_nexus_is_not_mapped_to() -> None:
    array = mapped("strict")
    command = extended_copy(copy_list([*named(array), rod_cscd(producer=1)], [fill_one(0, 1)]))
    assert no(array.send(0, command, THEIRS))[:3] == (0x5, 0x23, 0x02)
    assert array.send(0, command, OURS).status == GOOD


@pytest.mark.parametrize(("nexus", "numbers"), [(OURS, [0, 1]), (THEIRS, [0, 2]), ("newcomer", [0])])
def test_report_luns_lists_the_units_that_are_mapped_to_who_asks(nexus: str, numbers: list[int]) -> None:
    data = mapped("strict").send(0, REPORT_LUNS, nexus).data
    assert [data[at + 1] for at in range(8, len(data), 8)] == numbers


def test_a_token_of_a_unit_may_be_used_by_whoever_presents_it() -> None:
    # SPC-4 5.17.6.5.2: what a token gives away its bytes alone protect
    array = mapped("strict")
    assert array.send(1, populate((0, 4)), OURS).status == GOOD
    token = told(array.send(1, ask(0x07), OURS).data).token
    assert array.send(2, write_using(token, (0, 4)), THEIRS).status == GOOD
    assert array.contents[2][: 4 * BLOCK] == array.before[1][: 4 * BLOCK]
