"""A destination that is reserved, by this machine or by another, on the kernel's own target.

LIO keeps no EXTENDED COPY apart from what its sender reserved: it copies as an initiator of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lio.luns import NEXUSES, command
from tests.lio.test_refusals import assert_refused
from xcopy.device import initiator_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

LBA, BLOCKS = 40000, 2048
KEY = "0xabcd"


class TestReserved:
    """A unit with two paths, reserved by the nexus of one or the other."""

    @pytest.fixture
    def reserve(self, luns: dict[str, Lun]) -> Iterator[Callable[[str], None]]:
        """Reserve the unit, for writing, by the nexus of one of its paths."""
        reserved: list[str] = []

        def make(name: str) -> None:
            path = luns[name].path
            reserved.append(path)
            command("sg_persist", "--no-inquiry", "--out", "--register-ignore", f"--param-sark={KEY}", path)
            command(
                "sg_persist",
                "--no-inquiry",
                "--out",
                "--reserve",
                f"--param-rk={KEY}",
                "--prout-type=1",
                path,
            )

        yield make
        for path in reserved:
            command("sg_persist", "--no-inquiry", "--out", "--clear", f"--param-rk={KEY}", path)

    @pytest.fixture(autouse=True)
    def _one_nexus_is_another_machine(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Both initiators are this machine; as if the second one were not."""
        target = Path(f"/sys/kernel/config/target/loopback/{NEXUSES[0]}/tpgt_1/nexus")
        own = frozenset({target.read_text().strip()})
        assert own < initiator_ports.own_ports()
        monkeypatch.setattr(initiator_ports, "own_ports", lambda: own)

    def test_by_another_the_storage_itself_refuses_what_is_forced(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        reserve: Callable[[str], None],
    ) -> None:
        reserve("dual-second-path")
        words = (f"{luns['ram0'].path}:0+{BLOCKS}", f"{luns['dual'].path}:{LBA}")
        told = "reserved by naa.", "(Write Exclusive, key 0x000000000000abcd)"
        assert_refused(xcopy_dev(*words), 3, "--force=reserved writes", *told)
        outcome = xcopy_dev(*words, "--force=reserved")
        assert outcome.exit == 1
        assert outcome.done["bytes"]["offload"] + outcome.done["bytes"]["host"] == 0
        assert media.wrong_byte(luns["dual"]) is None

    def test_by_this_machine_the_host_copies_what_the_storage_cannot(
        self,
        luns: dict[str, Lun],
        media: Media,
        xcopy_dev: Callable[..., Outcome],
        reserve: Callable[[str], None],
    ) -> None:
        reserve("dual")
        source, dual = luns["ram0"], luns["dual"]
        words = (f"{source.path}:0+{BLOCKS}", f"{dual.path}:{LBA}")
        told = "reserved by this machine itself", "--method host", "sg_persist"
        assert_refused(xcopy_dev(*words), 3, "--force=own-reservation writes", *told)
        assert media.wrong_byte(dual) is None
        outcome = xcopy_dev(*words, "--force=own-reservation")
        assert outcome.exit == 0, outcome.said
        assert outcome.done["bytes"]["host"] == BLOCKS * 512
        media.copied(source, 0, dual, LBA, BLOCKS * 512)
        assert media.wrong_byte(dual) is None
