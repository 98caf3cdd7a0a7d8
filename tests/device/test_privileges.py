"""Which capabilities this process has, as the kernel writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from xcopy.device.privileges import Capability, may

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("effective", "rawio", "admin"),
    [
        ("000001ffffffffff", True, True),
        ("0000000000000000", False, False),
        ("0000000000020000", True, False),
        ("0000000000200000", False, True),
        ("000001fffffdffff", False, True),
    ],
)
def test_the_bits_of_the_effective_set_count(
    tmp_path: Path, effective: str, rawio: bool, admin: bool
) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/status").write_text(
        f"Name:\tpython\nCapPrm:\t000001ffffffffff\nCapEff:\t{effective}\nCapBnd:\t000001ffffffffff\n"
    )
    assert may(Capability.SYS_RAWIO, proc=str(tmp_path)) is rawio
    assert may(Capability.SYS_ADMIN, proc=str(tmp_path)) is admin


def test_where_nobody_knows_it_is_tried(tmp_path: Path) -> None:
    assert may(Capability.SYS_ADMIN, proc=str(tmp_path))
