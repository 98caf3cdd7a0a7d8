"""Which way data goes: against what Linux's own disk driver and the commands' own names say."""

from __future__ import annotations

import pytest

from xcopy.device.data_direction import sends_data_out


@pytest.mark.parametrize(
    "cdb",
    ["0a", "2a", "aa", "8a", "2e", "15", "55", "42", "93", "89", "83", "83 01", "83 10", "83 11", "5f", "3b"],
)
def test_data_goes_out(cdb: str) -> None:
    assert sends_data_out(bytes.fromhex(cdb))


@pytest.mark.parametrize(
    "cdb",
    ["", "00", "03", "08", "12", "1a", "25", "28", "3c", "5a", "5e", "84", "88", "9e 10", "a0", "a3", "a8"],
)
def test_data_comes_in(cdb: str) -> None:
    assert not sends_data_out(bytes.fromhex(cdb))


@pytest.mark.parametrize(("service_action", "out"), [("0009", False), ("000b", True), ("000d", True)])
def test_a_variable_length_command_says_it_by_its_service_action(service_action: str, out: bool) -> None:
    assert sends_data_out(bytes.fromhex("7f 00 00 00 00 00 00 18" + service_action + "00" * 22)) is out


def test_a_variable_length_command_cut_short_sends_nothing_out() -> None:
    assert not sends_data_out(b"\x7f")
