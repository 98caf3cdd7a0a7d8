"""Which limit holds, and the rule that is shown for it."""

from __future__ import annotations

from typing import Any

import pytest

from cdb.vpd import Designator
from tests.xcopy.units import parameters, unit
from xcopy.errors import UsageError
from xcopy.limits import Bound, Limits, Refusal, Wanted, agree


def limits(source: dict[str, Any], destination: dict[str, Any], **changes: Any) -> Limits:
    agreed = agree(
        unit(0, parameters=parameters(**source), **changes),
        unit(1, parameters=parameters(**destination), **changes),
        Wanted(jobs=4),
    )
    assert isinstance(agreed, Limits)
    return agreed


def test_the_smaller_maximum_segment_length_holds_whichever_side_it_is_on() -> None:
    for sides in (({"maximum_segment_length": 2**20}, {}), ({}, {"maximum_segment_length": 2**20})):
        assert limits(*sides).segment_blocks.value == 2048


@pytest.mark.parametrize("jobs", [-1, 0, 256])
def test_no_more_commands_are_wanted_than_there_are_identifiers_and_no_fewer_than_one(jobs: int) -> None:
    with pytest.raises(UsageError, match=f"{jobs} commands in flight: --jobs takes 1 to 255"):
        Wanted(jobs=jobs)


def test_a_segment_length_of_zero_is_no_limit() -> None:
    assert limits({"maximum_segment_length": 0}, {"maximum_segment_length": 0}).segment_blocks == Bound(
        63488, "the segment's block count has 16 bits"
    )


def test_a_long_segment_is_whole_mebibytes() -> None:
    assert limits({"maximum_segment_length": 3_500_000}, {}).segment_blocks.value == 6144


def test_a_segment_of_large_blocks_is_no_longer_than_a_command() -> None:
    assert limits({}, {}, block_size=4096).segment_blocks == Bound(16384, "default of 64 MiB")


def test_a_segment_that_is_asked_for_is_not_rounded() -> None:
    units = (unit(0, parameters=parameters()), unit(1, parameters=parameters()))
    agreed = agree(*units, Wanted(segment=3_500_000 // 512 * 512))
    assert isinstance(agreed, Limits)
    assert agreed.segment_blocks.value == 3_500_000 // 512


def test_segments_are_whole_granules() -> None:
    agreed = limits({"data_segment_granularity": 16}, {"maximum_segment_length": 200_000})
    assert agreed.granularity_blocks == Bound(128, "copy granularity of unit0")
    assert agreed.segment_blocks.value == 384


def test_a_granule_larger_than_a_segment_is_a_refusal() -> None:
    refusal = agree(
        unit(0, parameters=parameters(data_segment_granularity=20)),
        unit(1, parameters=parameters(maximum_segment_length=65536)),
        Wanted(jobs=4),
    )
    assert isinstance(refusal, Refusal)
    assert "no segment fits" in refusal.reason


def test_a_descriptor_list_of_92_bytes_holds_one_segment() -> None:
    agreed = limits({}, {"maximum_list_length": 92, "maximum_segment_count": 16})
    assert agreed.segments_per_command == Bound(1, "maximum descriptor list length of unit1")


def test_total_concurrent_copies_bounds_the_window_but_0_means_not_told() -> None:
    assert limits({}, {"total_concurrent_copies": 2}).in_flight.value == 2
    assert limits({}, {"total_concurrent_copies": 0}).in_flight == Bound(4, "--jobs")


def test_lio_says_one_copy_and_runs_many() -> None:
    assert limits({}, {"total_concurrent_copies": 1}, vendor="LIO-ORG").in_flight.value == 4


def test_list_identifiers_are_left_out_where_snlid_allows() -> None:
    assert limits({}, {"snlid": True}).without_list_id
    assert not limits({}, {"snlid": False}).without_list_id


@pytest.mark.parametrize("side", [0, 1])
def test_a_unit_without_operating_parameters_is_named_with_the_reason(side: int) -> None:
    units = [unit(0), unit(1)]
    units[side] = unit(side, parameters=None, no_parameters="3PC is 0")
    refusal = agree(units[0], units[1], Wanted(jobs=4))
    assert isinstance(refusal, Refusal)
    assert f"unit{side} does not offer EXTENDED COPY: 3PC is 0" in refusal.reason


def test_a_unit_without_a_short_designator_is_refused() -> None:
    long = Designator(code_set=2, association=0, designator_type=1, value=bytes(21))
    refusal = agree(unit(0, designators=(long,)), unit(1), Wanted(jobs=4))
    assert isinstance(refusal, Refusal)
    assert "designator" in refusal.reason


def test_a_port_designator_never_names_a_unit() -> None:
    port = Designator(code_set=1, association=1, designator_type=3, value=b"12345678")
    assert unit(0, designators=(port,)).copy_designator is None
    assert not unit(0, designators=(port,)).same_as(unit(1, designators=(port,)))


def test_the_long_naa_is_preferred_over_the_short_one_and_over_others() -> None:
    short = Designator(code_set=1, association=0, designator_type=3, value=b"12345678")
    eui = Designator(code_set=1, association=0, designator_type=2, value=b"12345678")
    naa6 = Designator(code_set=1, association=0, designator_type=3, value=b"1234567890123456")
    assert unit(0, designators=(eui, short, naa6)).copy_designator == naa6


def test_a_copy_manager_without_segment_02_is_refused() -> None:
    refusal = agree(unit(0), unit(1, parameters=parameters(implemented_types=(0x07, 0xE4))), Wanted(jobs=4))
    assert isinstance(refusal, Refusal)
    assert "02h" in refusal.reason


def test_one_cscd_is_enough_within_one_unit_and_too_few_between_two() -> None:
    one = parameters(maximum_cscd_count=1)
    assert isinstance(agree(unit(0, parameters=one), unit(0, parameters=one), Wanted(jobs=4)), Limits)
    assert isinstance(agree(unit(0), unit(1, parameters=one), Wanted(jobs=4)), Refusal)


@pytest.mark.parametrize("value", [b"", bytes(8), b" " * 16])
def test_a_designator_that_was_never_filled_in_names_nobody(value: bytes) -> None:
    empty = Designator(code_set=1, association=0, designator_type=3, value=value)
    assert unit(0, designators=(empty,)).copy_designator is None
    assert not unit(0, designators=(empty,)).same_as(unit(1, designators=(empty,)))


@pytest.mark.parametrize("change", [{"blocks": 77}, {"serial": "another"}])
def test_two_units_that_go_by_one_designator_are_refused(change: dict[str, Any]) -> None:
    refusal = agree(unit(0), unit(0, **change), Wanted(jobs=4))
    assert isinstance(refusal, Refusal)
    assert "one designator" in refusal.reason


def test_shrinking_ends() -> None:
    agreed: Limits | None = limits({}, {"maximum_segment_count": 4, "maximum_segment_length": 0})
    while agreed is not None:
        last, agreed = agreed, agreed.smaller_segments()
    assert last.segment_blocks.value == 1
    assert limits({}, {"maximum_segment_count": 1}).fewer_segments(1) is None


@pytest.mark.parametrize(("sent", "left"), [(64, 32), (9, 4), (2, 1), (1, 1)])
def test_fewer_segments_are_half_of_what_was_sent_not_of_what_was_said(sent: int, left: int) -> None:
    fewer = limits({}, {"maximum_segment_count": 64}).fewer_segments(sent)
    assert fewer is not None
    assert fewer.segments_per_command.value == left


def test_a_command_is_64_mib_at_the_most_unless_the_user_fixes_more() -> None:
    told = {"maximum_segment_count": 64, "maximum_segment_length": 0}
    assert limits({}, told).command_blocks == Bound(131072, "default of 64 MiB")
    pair = unit(0, parameters=parameters(**told)), unit(1, parameters=parameters(**told))
    agreed = agree(*pair, Wanted(segment=2**24, segments_per_command=8))
    assert isinstance(agreed, Limits)
    assert agreed.command_blocks == Bound(8 * 32768, "--segments-per-command")


def test_a_unit_without_third_party_copy_can_be_told_how_to_have_it() -> None:
    off = unit(1, third_party_copy=False, parameters=None, no_parameters="3PC is 0")
    said = agree(unit(0), off)
    assert isinstance(said, Refusal)
    assert "switch third-party copy on for unit1" in said.way_out


def test_a_unit_that_has_it_and_gives_no_parameters_has_no_such_switch() -> None:
    said = agree(unit(0), unit(1, parameters=None, no_parameters="it refused"))
    assert said == Refusal("unit1 does not offer EXTENDED COPY: it refused")
