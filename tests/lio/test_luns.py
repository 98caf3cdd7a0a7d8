"""The target itself, before anything is tested with it: the LUNs are what their table says."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lio.luns import UNITS
from tests.lio.target_log import Segment, watching

if TYPE_CHECKING:
    from tests.lio.luns import Lun
    from tests.lio.media import Media

NAMES = [*(unit.name for unit in UNITS), "dual-second-path"]


def queue(lun: Lun, attribute: str) -> int:
    return int(Path("/sys/class/block", Path(lun.path).name, attribute).read_text())


def device(lun: Lun, attribute: str) -> bytes:
    return Path("/sys/class/block", Path(lun.path).name, "device", attribute).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_a_lun_has_the_blocks_of_the_table(luns: dict[str, Lun], name: str) -> None:
    lun = luns[name]
    assert queue(lun, "queue/logical_block_size") == lun.block_size
    assert queue(lun, "size") * 512 == lun.size


@pytest.mark.parametrize("name", NAMES)
def test_a_lun_says_third_party_copy_unless_it_was_switched_off(luns: dict[str, Lun], name: str) -> None:
    third_party_copy = bool(device(luns[name], "inquiry")[5] & 0x08)
    assert third_party_copy == luns[name].copies


@pytest.mark.parametrize("name", NAMES)
def test_a_lun_names_itself_with_the_naa_of_the_table(luns: dict[str, Lun], name: str) -> None:
    assert bytes.fromhex("01030010" + luns[name].naa) in device(luns[name], "vpd_pg83")


@pytest.mark.parametrize("name", NAMES)
def test_the_sg_node_is_the_same_lun(luns: dict[str, Lun], name: str) -> None:
    lun = luns[name]
    generic = Path("/sys/class/scsi_generic", Path(lun.sg).name, "device").resolve()
    assert generic == Path("/sys/class/block", Path(lun.path).name, "device").resolve()


def test_only_the_read_only_lun_is_write_protected(luns: dict[str, Lun]) -> None:
    assert [lun.name for lun in luns.values() if queue(lun, "ro")] == ["readonly"]


def test_the_two_paths_of_one_unit_are_two_nodes_with_one_name(luns: dict[str, Lun]) -> None:
    near, second = luns["dual"], luns["dual-second-path"]
    assert near.path != second.path
    assert near.naa == second.naa


def test_a_peer_copies_between_ramdisks_and_the_target_logs_it(luns: dict[str, Lun], media: Media) -> None:
    source, destination = luns["ram0"], luns["ram1"]
    media.renew(source, 1237, 32768)
    with watching() as seen:
        subprocess.run(
            [
                *("sg_xcopy", f"if={source.path}", f"of={destination.path}"),
                *("bs=512", "count=32768", "skip=1237", "seek=20011"),
            ],
            check=True,
            capture_output=True,
        )
    media.copied(source, 1237, destination, 20011, 32768 * 512)
    assert media.wrong_byte(destination) is None
    assert media.wrong_byte(source) is None
    assert seen.commands == 1
    assert seen.segments == [Segment(source=1237, destination=20011, blocks=32768)]
    assert (seen.sources, seen.destinations) == ({source.naa}, {destination.naa})
