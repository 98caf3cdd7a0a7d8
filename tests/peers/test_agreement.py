"""The comparison with other tools notices what it has to: an error of either side, and a stale list."""

from __future__ import annotations

import pytest

from cdb.third_party import HeldData
from tests.peers.agreement import Silent, Wrong, agree, still_silent, still_wrong
from tests.peers.tool import Tool, colon, dumped, number

LISTED, OTHER = "1.0 20200101", "2.0 20300101"
ONE, TWO = (HeldData(held_data_limit=n) for n in (1, 2))
ENTRY = Wrong("limit", "it counts from one", ONE, when=lambda value: value > 0)


def tool(version: str) -> Tool:
    """A tool that is not run, of that version."""
    made = Tool("sg_none", listed=LISTED)
    made.__dict__["version"] = version
    return made


def test_the_same_fields_agree() -> None:
    agree(tool(LISTED), [("limit", True), ("units", 2)], [("limit", 1), ("units", 2)])


@pytest.mark.parametrize("theirs", [[("limit", 2)], [("units", 1)], [], [("limit", 1), ("units", 1)]])
def test_another_value_label_or_number_of_fields_does_not(theirs: list[tuple[str, int]]) -> None:
    with pytest.raises(AssertionError):
        agree(tool(LISTED), [("limit", 1)], theirs)


def test_a_field_listed_as_wrong_may_differ_where_the_entry_says_so() -> None:
    agree(tool(LISTED), [("limit", 1)], [("limit", 2)], [ENTRY])
    with pytest.raises(AssertionError):
        agree(tool(LISTED), [("limit", 0)], [("limit", 1)], [ENTRY])


def test_a_field_listed_as_wrong_that_is_right_is_a_failure() -> None:
    with pytest.raises(AssertionError, match="listed as wrong: limit: it counts from one"):
        agree(tool(LISTED), [("limit", 1)], [("limit", 1)], [ENTRY])
    with pytest.raises(AssertionError, match="listed as wrong"):
        still_wrong(tool(LISTED), ENTRY, [("limit", 1)], [("limit", 1)])


def test_in_another_version_of_the_tool_it_is_none() -> None:
    agree(tool(OTHER), [("limit", 1)], [("limit", 1)], [ENTRY])
    with pytest.raises(pytest.skip.Exception, match="no longer so: limit: it counts from one"):
        still_wrong(tool(OTHER), ENTRY, [("limit", 1)], [("limit", 1)])
    with pytest.raises(pytest.skip.Exception, match=": still so: limit"):
        still_wrong(tool(OTHER), ENTRY, [("limit", 1)], [("limit", 2)])


def test_an_entry_whose_example_does_not_show_it_is_a_failure() -> None:
    with pytest.raises(AssertionError, match="does not show it"):
        still_wrong(tool(LISTED), ENTRY, [("limit", 0)], [("limit", 1)])


def test_a_field_listed_as_unsaid_that_is_said_is_a_failure() -> None:
    entry = Silent("limit", "not printed", ONE, TWO)
    still_silent(tool(LISTED), entry, "held data", "held data")
    with pytest.raises(AssertionError, match="listed as silent: limit: not printed"):
        still_silent(tool(LISTED), entry, "held data 1", "held data 2")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("64", 64),
        ("0x100 blocks", 256),
        ("0 [not reported]", 0),
        ("-1 [no limit]", -1),
        ("2**31 bytes", 1 << 31),
        ("too large [2^70]", 1 << 70),
        ("yes", 1),
        ("Reserved [0x8]", 8),
        ("5.25 inch", "5.25 inch"),
        ("512 bytes", 512),
    ],
)
def test_numbers_as_the_tools_write_them(text: str, value: int | str) -> None:
    assert number(text) == value


def test_lines_as_the_tools_write_them() -> None:
    assert colon("  Total concurrent copies: 255") == ("Total concurrent copies", 255)
    assert colon("  RBWZ=1") == ("RBWZ", 1)
    assert dumped(["00 01 02 03 04 05 06 07  08 09 0a 0b 0c 0d 0e 0f", "10 11"]) == bytes(range(18))
    assert dumped(["01 02 61 62 63                                      ..abc           "]) == b"\x01\x02abc"
