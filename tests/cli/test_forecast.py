"""`xcopy-dev probe SRC DST`: what it says of a copy is what the copy then does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from xcopy.cli.exit_codes import ExitCode
from xcopy.device.array_dir import create, open_array
from xcopy.target.profiles import PROFILES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Directory, Ran

MIB = 2**20
QUESTIONS = {  # TEST UNIT READY, INQUIRY, READ CAPACITY, RECEIVE COPY RESULTS, READ(16)
    *(0x00, 0x12, 0x25, 0x84, 0x88, 0x9E),
}


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., str]:
    """Make an array of units of 1 MiB in a directory of this name; `emu:DIRECTORY/` to name its units by."""

    def make(name: str, **how: Any) -> str:
        create(tmp_path / name, **{"units": 2, "size": MIB, **how})
        return f"emu:{tmp_path}/{name}/"

    return make


def words_of(ran: Ran) -> str:
    """What it said, wherever its lines end."""
    return " ".join(ran.out.split())


def verdict(ran: Ran) -> dict[str, Any]:
    return ran.records[0]


def test_the_first_line_says_that_the_storage_would_do_it(run: Callable[..., Ran], array: Directory) -> None:
    ran = run("probe", array.unit(0) + ":8+100", array.unit(1) + ":16")

    assert ran.code == 0
    assert ran.out.startswith("yes: EXTENDED COPY of 50.0 KiB, as far as both units tell\n")
    assert "source LBA 8, destination LBA 16, 100 blocks of 512 bytes" in ran.out


def test_each_limit_has_its_rule_and_the_side_that_it_came_from(
    run: Callable[..., Ran], made: Callable[..., str]
) -> None:
    array = made("a", profile="lio")

    said = run("probe", array + "0", array + "1").out

    assert f"{array}0 -> {array}1: EXTENDED COPY can be tried, commands go to the destination" in said
    assert f"segments in a command: 1 (maximum segment count of {array}1)" in said


@pytest.mark.parametrize("profile", PROFILES)
def test_nothing_but_questions_is_sent(
    run: Callable[..., Ran], made: Callable[..., str], profile: str
) -> None:
    array = made("a", profile=profile)
    opened = open_array(array.removeprefix("emu:"))

    run("probe", array + "0", array + "1")

    assert {logged.opcode for logged in opened.log} <= QUESTIONS


def test_a_unit_without_third_party_copy_is_named_with_what_to_change(
    run: Callable[..., Ran], made: Callable[..., str]
) -> None:
    array = made("a", third_party_copy=[False, True])

    ran = run("probe", array + "0", array + "1")

    assert ran.code == ExitCode.UNSUPPORTED
    assert ran.out.startswith(f"no: not by EXTENDED COPY: {array}0 does not offer EXTENDED COPY")
    assert f"to change that: switch third-party copy on for {array}0" in words_of(ran)
    assert "this host would read and write it" in ran.out


def test_block_sizes_that_differ_are_named(run: Callable[..., Ran], made: Callable[..., str]) -> None:
    array = made("a", block_size=[512, 4096])

    ran = run("probe", array + "0", array + "1")

    assert ran.code == ExitCode.UNSUPPORTED
    assert f"the block sizes differ: {array}0 has 512 bytes, {array}1 4096" in ran.out.splitlines()[0]


def test_blocks_that_overlap_are_refused_before_they_are_copied(
    run: Callable[..., Ran], array: Directory
) -> None:
    ran = run("probe", array.unit(0) + ":0+100", array.unit(0) + ":50")

    assert ran.code == ExitCode.UNSAFE
    assert ran.out.startswith("no: such a copy is refused: source and destination overlap")


def test_a_range_that_does_not_fit_does_not_keep_the_limits_from_being_shown(
    run: Callable[..., Ran], array: Directory
) -> None:
    ran = run("probe", array.unit(0) + ":0+100", array.unit(1) + ":4090")

    assert ran.code == ExitCode.USAGE
    assert ran.out.startswith("no: such a copy is refused: ")
    assert "EXTENDED COPY can be tried" in ran.out
    assert "blocks in a segment" in ran.out


def test_an_end_that_is_less_than_the_granularity_is_left_to_the_host(
    run: Callable[..., Ran], made: Callable[..., str]
) -> None:
    array = made("a", profile="scst")

    ran = run("probe", array + "0:0+1000", array + "1", "--json")

    assert ran.code == ExitCode.UNSUPPORTED
    told = verdict(ran)
    assert (told["verdict"], told["offload"], told["exit"]) == ("in part", False, 4)
    assert (told["bytes"], told["host_bytes"]) == (1000 * 512, 1000 * 512 % 65536)
    assert told["reasons"][0].startswith("the last 104 of 1000 blocks are less than")
    assert run("probe", array + "0:0+1024", array + "1").code == 0


def test_units_of_two_arrays_are_doubted(run: Callable[..., Ran], made: Callable[..., str]) -> None:
    words = made("a") + "0", made("b", profile="lio") + "1"

    ran = run("probe", *words)

    assert ran.code == 0
    assert ran.out.startswith("perhaps: EXTENDED COPY of 1.0 MiB, which both units offer\n")
    assert "the storage may refuse it all the same: " in words_of(ran)
    assert "is made by XCOPYDEV, " in words_of(ran)
    told = verdict(run("probe", *words, "--json"))
    assert (told["verdict"], told["offload"], told["exit"]) == ("perhaps", True, 0)


def test_what_is_known_of_a_product_is_said_once(run: Callable[..., Ran], made: Callable[..., str]) -> None:
    array = made("a", profile="lio")

    said = words_of(run("probe", array + "0", array + "1"))

    assert said.count("known of LIO-ORG FILEIO: Linux 6.1: TOTAL CONCURRENT COPIES is 1") == 1
    assert said.count("CVE-2020-28374") == 2  # in what is said, and where it comes from
    assert "No answer tells the version" in said


def test_an_array_that_nothing_is_known_of_has_no_remarks(
    run: Callable[..., Ran], made: Callable[..., str]
) -> None:
    array = made("a", profile="scst")

    assert verdict(run("probe", array + "0", array + "1", "--json"))["remarks"] == []


def test_no_blocks_are_no_objection(run: Callable[..., Ran], array: Directory) -> None:
    ran = run("probe", array.unit(0) + ":0+0", array.unit(1))

    assert ran.code == 0
    assert ran.out.startswith("yes: 0 blocks")


@pytest.mark.parametrize("words", [("{0}:0+10", "{1}:0+10"), ("{0}:x", "{1}"), ("", "{1}")])
def test_words_that_cannot_be_meant_are_a_usage_error(
    run: Callable[..., Ran], array: Directory, words: tuple[str, str]
) -> None:
    ran = run("probe", *(word.format(array.unit(0), array.unit(1)) for word in words))

    assert ran.code == ExitCode.USAGE
    assert ran.err.startswith("xcopy-dev: ")


def test_a_side_that_is_not_there_does_not_hide_the_other(run: Callable[..., Ran], array: Directory) -> None:
    ran = run("probe", "/dev/null", array.unit(0))

    assert ran.code == ExitCode.USAGE
    assert ran.out.startswith("no: such a copy is refused: /dev/null is a character device")
    assert "EXTENDED COPY: yes" in ran.out


def test_in_json_the_verdict_comes_first_then_the_pairs_then_the_units(
    run: Callable[..., Ran], array: Directory
) -> None:
    first, pair, *units = run("probe", array.unit(0), array.unit(1), "--json").records

    assert (first["record"], first["verdict"], first["exit"], first["reasons"]) == ("verdict", "yes", 0, [])
    assert (first["source_lba"], first["destination_lba"], first["blocks"]) == (0, 0, 4096)
    assert (pair["record"], pair["offload"], pair["to"]) == ("pair", True, "destination")
    assert pair["limits"]["segment_blocks"]["value"] > 0
    assert [unit["name"] for unit in units] == [array.unit(0), array.unit(1)]


SCENES: list[tuple[dict[str, Any], str, str]] = [
    *(({"profile": name}, "0:0+1024", "1:1024") for name in PROFILES),
    ({"profile": "scst"}, "0:0+1000", "1:0"),
    ({"third_party_copy": [True, False]}, "0", "1"),
    ({"third_party_copy": [False, True]}, "0", "1"),
    ({"block_size": [4096, 512]}, "0", "1"),
    ({"block_size": [512, 4096]}, "0:0+3", "1"),
    ({}, "0:0+10", "0:5"),
    ({}, "0:0+10", "0:10"),
    ({}, "0:2000+100", "1"),
    ({}, "0:0+0", "1"),
    ({}, "0", "1:5"),
    ({}, "0", "7"),
]


@pytest.mark.parametrize(("array", "source", "destination"), SCENES)
def test_its_exit_code_is_that_of_the_copy_that_requires_offload(
    run: Callable[..., Ran], made: Callable[..., str], array: dict[str, Any], source: str, destination: str
) -> None:
    directory = made("a", **array)
    words = directory + source, directory + destination

    assert run("probe", *words).code == run(*words, "--require", "offload", "--dry-run").code
