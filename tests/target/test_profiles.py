"""The kinds of arrays, each by what a command gets that another kind answers otherwise.

What they advertise is compared with the recorded facts (RECEIVE COPY OPERATING PARAMETERS, byte by byte).
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any

import pytest

from cdb.command import Command, Reply
from tests.target.bench import (
    BUSY,
    GOOD,
    TASK_SET_FULL,
    Bench,
    No,
    bench,
    copy_list,
    cscd,
    data_in,
    extended_copy,
    no,
    segment,
)
from tests.target.results_bench import Clock, Running, failure_details, status_lid1
from xcopy.target.array import memory_array
from xcopy.target.faults import Fault, check
from xcopy.target.profile import STRICT
from xcopy.target.profiles import PROFILES
from xcopy.target.segments import PERFORMED
from xcopy.target.sides import SIDE_OF

OPERATING_PARAMETERS = data_in("84030000000000000000000002080000", 520)
ONE = segment(0, 64, 8)
INVALID = (0x5, 0x26, 0x00)


def array_of(name: str, units: int = 2, **changes: Any) -> Bench:
    """A bench over an array of that kind."""
    return bench(units, profile=replace(PROFILES[name], **changes))


@pytest.mark.parametrize(
    ("name", "snlid", "cscds", "segments", "list_length", "longest", "concurrent", "granularity", "types"),
    [
        # notes of what arrays advertise: measured, read, and of sg_copy_results' manual page
        ("lio", 1, 2, 1, 1024, 256 << 20, (1, 1), 9, "02e4"),
        ("tcmu", 1, 2, 1, 1024, 16 << 20, (1, 1), 9, "02e4"),
        ("ctl", 1, 64, 64, 8192, 0, (255, 255), 0, "020714e4"),
        ("array-small", 0, 2, 1, 92, 33553920, (0, 255), 20, "02e4"),
    ],
)
def test_an_array_advertises_what_the_real_one_does(
    name: str,
    snlid: int,
    cscds: int,
    segments: int,
    list_length: int,
    longest: int,
    concurrent: tuple[int, int],
    granularity: int,
    types: str,
) -> None:
    told = array_of(name).send(0, OPERATING_PARAMETERS).data
    codes = bytes.fromhex(types)
    assert (told[4], told[36], told[37]) == (snlid, concurrent[1], granularity)
    assert struct.unpack(">HHII", told[8:20]) == (cscds, segments, list_length, longest)
    assert struct.unpack(">H", told[34:36]) == (concurrent[0],)
    assert (told[43], told[44 : 44 + len(codes)]) == (len(codes), codes)


def test_the_strict_array_advertises_every_descriptor_that_it_performs() -> None:
    told = set(PROFILES["strict"].advertised.implemented_types)
    assert told == {*PERFORMED, 0xE4, 0xFE}
    assert len(SIDE_OF) == 2, "a CSCD descriptor type has come: is it advertised?"


@pytest.mark.parametrize("name", PROFILES)
def test_whatever_an_array_advertises_a_list_of_it_does_not_end_in_an_error_of_ours(name: str) -> None:
    array = array_of(name, chunk_size=4096)
    for code in PROFILES[name].advertised.implemented_types:
        reply = array.copy(segment(0, 64, 8, type_code=code))
        assert reply.status in (GOOD, 0x02, BUSY, TASK_SET_FULL)


@pytest.mark.parametrize("name", PROFILES)
def test_an_array_calls_itself_by_one_name_wherever_it_is_asked(name: str) -> None:
    profile, array = PROFILES[name], array_of(name)
    standard = array.send(0, data_in("120000006000", 96)).data
    page = array.send(0, data_in("120183010000", 256)).data
    assert (standard[8:16], standard[16:32]) == (profile.vendor, profile.product)
    assert profile.vendor in page


@pytest.mark.parametrize("name", [n for n in PROFILES if n not in ("flaky", "tcmu")])
def test_one_segment_between_two_units_is_copied(name: str) -> None:
    blocks = max(1 << PROFILES[name].enforced.data_segment_granularity >> 9, 8)
    array = bench(blocks=2 * blocks + 64, profile=PROFILES[name])
    reply = array.copy(segment(0, 64, blocks), usage=0b10, list_id=1)
    assert reply == type(reply)()
    assert array.contents[1][64 * 512 :][: blocks * 512] == array.before[0][: blocks * 512]


class TestCtl:
    """FreeBSD's, as its source reads."""

    def test_takes_nine_segments_of_the_64_it_advertises(self) -> None:
        array = array_of("ctl")
        assert array.copy(*[ONE] * 9).status == GOOD
        assert no(array.copy(*[ONE] * 10))[:3] == (0x5, 0x26, 0x08)

    def test_says_that_a_unit_it_does_not_know_is_unreachable_in_its_own_words(self) -> None:
        array = array_of("ctl")
        listed = [cscd(array.naa(0)), cscd(bytes.fromhex("6025843ffffffffff000000000000009"))]
        reply = array.send(0, extended_copy(copy_list(listed, [ONE])))
        assert no(reply)[:3] == (0xA, 0x08, 0x04)


class TestScst:
    """SCST, as its source reads."""

    STRANGER = cscd(bytes.fromhex("6025843ffffffffff000000000000009"))

    def test_refuses_a_list_that_names_a_unit_it_does_not_know_though_no_segment_uses_it(self) -> None:
        array = array_of("scst")
        reply = array.send(0, extended_copy(copy_list([*array.cscds(), self.STRANGER], [ONE])))
        assert no(reply) == No(*INVALID, "800050")
        assert array.contents == array.before

    def test_other_arrays_do_not_look_at_it(self) -> None:
        array = array_of("strict")
        reply = array.send(0, extended_copy(copy_list([*array.cscds(), self.STRANGER], [ONE])))
        assert reply.status == GOOD

    def test_looks_at_bytes_behind_the_list(self) -> None:
        array = array_of("scst")
        reply = array.send(0, extended_copy(copy_list(array.cscds(), [ONE]) + bytes(1)))
        assert no(reply)[:3] == (0x5, 0x26, 0x0B)

    @pytest.mark.parametrize("question", [status_lid1(3), status_lid1(3, 0)], ids=["read", "no room"])
    def test_a_copy_whose_status_was_read_while_it_ran_is_good_and_forgotten(self, question: Command) -> None:
        array = array_of("scst")
        running = Running(array, ONE, usage=0b00, list_id=3)
        asked = array.send(1, question)
        assert (asked.status, running.finish()) == (GOOD, Reply())
        assert array.contents[1][64 * 512 : 72 * 512] == array.before[0][: 8 * 512]
        for later in (status_lid1(3), failure_details(3)):
            assert no(array.send(1, later)) == No(0x5, 0x24, 0x00, "c00002")

    def test_a_copy_that_nobody_asked_about_is_told_of_once_within_5_seconds(self) -> None:
        clock = Clock()
        array = Bench(memory_array(2, blocks=256, profile=PROFILES["scst"], now=clock))
        for seconds, told in ((4.9, GOOD), (5.0, 0x02)):
            array.copy(ONE, usage=0b00, list_id=3)
            clock.seconds += seconds
            assert array.send(1, status_lid1(3)).status == told
            assert no(array.send(1, status_lid1(3))) == No(0x5, 0x24, 0x00, "c00002")

    @pytest.mark.parametrize(
        ("changes", "pointer"),
        [
            ({"byte1": 0x40}, "8e0011"),
            ({"byte1": 0x01, "block_length": 0}, "880011"),
            ({"block_length": 0}, "80002d"),
            ({"block_length": 4096}, "80002d"),
        ],
        ids=["LU ID TYPE", "a tape", "no block length", "another block length"],
    )
    def test_looks_at_every_descriptor_before_anything_is_copied(
        self, changes: dict[str, Any], pointer: str
    ) -> None:
        array = array_of("scst")
        listed = [cscd(array.naa(0), **changes), array.cscds()[1]]
        assert no(array.send(1, extended_copy(copy_list(listed, [])))) == No(*INVALID, pointer)

    def test_tells_one_byte_too_many_of_what_failed(self) -> None:
        array = array_of("scst")
        array.copy(segment(1000, 0, 1), usage=0b00, list_id=3)
        told = array.send(1, failure_details(3)).data
        assert int.from_bytes(told[:4], "big") == len(told) - 4 + 1


class TestTcmu:
    """tcmu-runner, as its source reads."""

    def test_copies_within_the_unit_that_received_the_command(self) -> None:
        array = array_of("tcmu")
        assert array.copy(segment(0, 64, 8, source=1), to=1).status == GOOD
        assert array.contents[1][64 * 512 : 72 * 512] == array.before[1][: 8 * 512]

    @pytest.mark.parametrize("to", [0, 1])
    def test_reaches_no_other_unit(self, to: int) -> None:
        array = array_of("tcmu")
        assert no(array.copy(ONE, to=to)) == No(0xA, 0x0D, 0x02)
        assert array.contents == array.before

    @pytest.mark.parametrize("usage", [0b00, 0b10])
    def test_wants_no_list_identifier(self, usage: int) -> None:
        array = array_of("tcmu")
        assert no(array.copy(segment(0, 64, 8, source=1), usage=usage, list_id=1)) == No(*INVALID)

    def test_answers_every_question_about_a_copy_with_its_operating_parameters(self) -> None:
        array = array_of("tcmu")
        told = array.send(0, OPERATING_PARAMETERS).data
        assert array.send(0, status_lid1(7, 520)).data == told
        assert array.send(0, failure_details(7, 520)).data == told

    @pytest.mark.parametrize("byte1", [0x40, 0x80, 0x20], ids=["LU ID TYPE 1", "LU ID TYPE 2", "NUL"])
    def test_looks_neither_at_lu_id_type_nor_at_nul(self, byte1: int) -> None:
        array = array_of("tcmu")
        listed = [cscd(array.naa(1), byte1=byte1)]
        command = extended_copy(copy_list(listed, [segment(0, 64, 8, source=0, destination=0)]))
        assert array.send(1, command).status == GOOD

    @pytest.mark.parametrize("side", ["source", "destination"])
    def test_does_not_know_the_id_of_the_unit_that_received_the_command(self, side: str) -> None:
        array = array_of("tcmu")
        ids = {"source": 1, "destination": 1, side: 0xFFFF}
        assert no(array.copy(segment(0, 64, 8, **ids)))[:3] == (0xA, 0x0D, 0x02)

    def test_hands_on_what_the_disk_said(self) -> None:
        array = array_of("tcmu")
        array.array.faults.add(Fault(at="read", then=check(0x3, 0x11, 0x00)))
        assert no(array.copy(segment(0, 64, 8, source=1)))[:3] == (0x3, 0x11, 0x00)


class TestArraySmall:
    """A midrange array."""

    def test_has_to_be_given_a_list_identifier(self) -> None:
        array = array_of("array-small")
        assert no(array.copy(ONE, usage=0b11)) == No(*INVALID, "8c0001")

    def test_copies_whole_mib_alone(self) -> None:
        array = bench(blocks=4096, profile=PROFILES["array-small"])
        assert no(array.copy(segment(0, 0, 8), usage=0b10, list_id=1))[:3] == (0xA, 0x26, 0x0D)
        assert array.copy(segment(0, 0, 2048), usage=0b10, list_id=1).status == GOOD


class TestLiar:
    """One that advertises what it refuses."""

    def test_takes_fewer_segments_than_it_advertises(self) -> None:
        array = array_of("liar")
        assert PROFILES["liar"].advertised.maximum_segment_count == 64
        assert no(array.copy(*[ONE] * 10))[:3] == (0x5, 0x26, 0x08)

    @pytest.mark.parametrize("code", [0x0A, 0x0D, 0x14, 0x16])
    def test_does_not_know_segments_that_it_advertises(self, code: int) -> None:
        assert code in array_of("liar").send(0, OPERATING_PARAMETERS).data[44:]
        assert no(array_of("liar").copy(segment(0, 64, 8, type_code=code)))[:3] == (0x5, 0x26, 0x09)

    def test_has_a_granularity_that_it_does_not_advertise(self) -> None:
        assert array_of("liar").send(0, OPERATING_PARAMETERS).data[37] == 0
        assert no(array_of("liar").copy(ONE))[:3] == (0xA, 0x26, 0x0D)


def test_a_flaky_array_says_no_three_times_in_seven_and_does_then_what_it_is_asked_to() -> None:
    array = array_of("flaky")
    answers = [array.copy(ONE) for _ in range(7)]
    assert [reply.status for reply in answers] == [BUSY, GOOD, TASK_SET_FULL, GOOD, 0x02, GOOD, GOOD]
    assert no(answers[4])[:3] == (0x6, 0x3F, 0x0E)
    assert array.copy(ONE).status == BUSY


@pytest.mark.parametrize(("name", "first", "second"), [("slow", 0.02, 0.02), ("array-async", 0.001, 0.001)])
def test_slow_arrays_wait_through_whoever_opened_them(name: str, first: float, second: float) -> None:
    waited: list[float] = []
    array = bench(profile=PROFILES[name], pause=waited.append)
    assert waited == [first, second]
    assert array.array.profile.bandwidth > 0


def test_the_profile_that_is_meant_without_a_name_is_the_strict_one() -> None:
    assert PROFILES["strict"] is STRICT


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_goes_by_its_name_and_has_one_line_for_a_person(name: str) -> None:
    profile = PROFILES[name]
    assert profile.name == name
    assert 20 < len(profile.description) <= 95
