"""What two units say of themselves, and whether a copy manager may reach both."""

from __future__ import annotations

import pytest

from cdb.vpd import Designator
from tests.xcopy.units import unit
from xcopy.kinship import doubt

OWN = unit(0).designators


def at(target: str) -> tuple[Designator, ...]:
    """A name string of the target device, as a unit's page 83h has it besides the unit's own designators."""
    return (Designator(code_set=3, association=2, designator_type=8, value=target.encode()),)


def test_units_of_one_maker_that_say_no_more_are_not_doubted() -> None:
    assert doubt(unit(0), unit(1)) == ""


def test_units_of_two_makers_are() -> None:
    said = doubt(unit(0), unit(1, vendor="OTHER"))

    assert "unit0 is made by ACME, unit1 by OTHER" in said


def test_the_product_is_not_looked_at_for_some_arrays_name_each_unit_by_it() -> None:
    assert doubt(unit(0, product="RAM0"), unit(1, product="RAM1")) == ""


@pytest.mark.parametrize(
    ("one", "other", "doubted"),
    [
        (at("iqn.a"), at("iqn.b"), True),
        (at("iqn.a"), at("iqn.a"), False),
        (at("iqn.a") + at("iqn.b"), at("iqn.b"), False),
        (at("iqn.a"), (), False),
        (at("iqn.a"), at("\0\0"), False),
    ],
)
def test_units_of_two_targets_are_when_both_say_which(
    one: tuple[Designator, ...], other: tuple[Designator, ...], doubted: bool
) -> None:
    source = unit(0, designators=OWN + one)
    destination = unit(1, designators=unit(1).designators + other)

    said = doubt(source, destination)

    assert bool(said) is doubted
    if doubted:
        assert "unit0 is a unit of target iqn.a, unit1 of iqn.b" in said


def test_one_unit_by_two_targets_is_not_doubted() -> None:
    assert doubt(unit(0, designators=OWN + at("iqn.a")), unit(0, designators=OWN + at("iqn.b"))) == ""


def test_a_target_s_name_sends_nothing_to_the_terminal() -> None:
    source = unit(0, designators=OWN + at("iqn.\x1b[2J"))
    destination = unit(1, designators=unit(1).designators + at("iqn.b"))

    assert doubt(source, destination).isprintable()
