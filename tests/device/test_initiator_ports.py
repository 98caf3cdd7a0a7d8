"""Our own initiator ports by name, on machines made of files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xcopy.device.initiator_ports import own_ports

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("file", "content", "name"),
    [
        ("class/fc_host/host3/port_name", "0x21000024FF123456\n", "naa.21000024ff123456"),
        ("class/sas_phy/phy-0:2/sas_address", "0x500605b000000001\n", "naa.500605b000000001"),
        ("class/iscsi_session/session1/initiatorname", "iqn.2026-01.org:A\n", "iqn.2026-01.org:a"),
        (
            "kernel/config/target/loopback/naa.50/tpgt_1/nexus",
            "naa.5001405cc0de0001\n",
            "naa.5001405cc0de0001",
        ),
    ],
)
def test_a_port_is_named_as_targets_name_it(tmp_path: Path, file: str, content: str, name: str) -> None:
    (tmp_path / file).parent.mkdir(parents=True)
    (tmp_path / file).write_text(content)

    assert own_ports(str(tmp_path)) == {name}


def test_the_ports_of_an_expander_are_not_ours(tmp_path: Path) -> None:
    phy = tmp_path / "class/sas_phy/phy-0:1:5"
    phy.mkdir(parents=True)
    (phy / "sas_address").write_text("0x500605b000000099\n")

    assert own_ports(str(tmp_path)) == frozenset()


def test_a_name_that_may_not_be_read_is_none(tmp_path: Path) -> None:
    (tmp_path / "class/fc_host/host3/port_name").mkdir(parents=True)

    assert own_ports(str(tmp_path)) == frozenset()
