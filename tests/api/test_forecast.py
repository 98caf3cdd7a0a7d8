"""What stands against a copy on a machine made of files whose disks are units of an emulated array."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from tests.api.test_open_volume import LINEAR, Bench
from xcopy.api import endpoint
from xcopy.api.copy import prepare
from xcopy.api.forecast import Verdict, forecast
from xcopy.api.options import Options
from xcopy.cli.main import main
from xcopy.device import claims, topology
from xcopy.errors import AccessError, UnsafeError, UnsupportedError
from xcopy.limits import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Seen(Bench):
    """A bench that notes what is held, and how nodes are opened."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, **array: Any) -> None:
        super().__init__(tmp_path, **array)
        self.opened: list[tuple[str, bool]] = []
        self.held: list[tuple[str, bool]] = []
        self.busy: set[str] = set()
        proc, sysfs = str(self.machine.proc), str(self.machine.sysfs)
        monkeypatch.setattr(endpoint, "_transport", self.noted)
        monkeypatch.setattr(topology, "resolve", self.machine.resolve)
        monkeypatch.setattr(topology, "links", lambda _: ())
        monkeypatch.setattr(endpoint, "_is_character", lambda path: path.startswith("/dev/sg"))
        monkeypatch.setattr(claims, "claims", partial(claims.claims, proc=proc, sysfs=sysfs))
        monkeypatch.setattr(claims, "hold", self.hold)

    def noted(self, kind: str, path: str, *, read_only: bool) -> tuple[Callable[[], Any], None]:
        self.opened.append((path, read_only))
        return self.opener(kind, path, read_only=False)

    def hold(self, path: str, *, writing: bool = True) -> Any:
        if path in self.busy:
            raise UnsafeError(f"{path}: the kernel reports it in use")
        self.held.append((path, writing))
        return nullcontext()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Seen:
    return Seen(tmp_path, monkeypatch)


def refused(source: str, destination: str) -> str:
    """Why a copy is refused; the probe's first reason is the same."""
    with pytest.raises((UnsafeError, UnsupportedError, AccessError)) as caught:
        prepare(source, destination, Options()).close()
    found = forecast(source, destination)
    assert found.verdict is Verdict.NO
    assert str(found.objections[0]) == str(caught.value)
    return str(found.objections[0])


def test_disks_are_opened_for_reading_and_let_go(bench: Seen) -> None:
    found = forecast("/dev/sdb", "/dev/sdc")

    assert found.verdict is Verdict.YES
    assert bench.opened == [("/dev/sdb", True), ("/dev/sdc", True)]
    assert bench.held == [("/dev/sdc", False)]


def test_an_sg_node_is_opened_for_writing_or_few_commands_would_pass(bench: Seen) -> None:
    forecast("/dev/sg0", "/dev/sg1")

    assert bench.opened == [("/dev/sg0", False), ("/dev/sg1", False)]


def test_a_destination_in_use_is_refused_with_every_use(bench: Seen) -> None:
    bench.machine.mount("/mnt", "8:32", "/dev/sdc")

    assert "/dev/sdc is mounted on /mnt" in refused("/dev/sdb", "/dev/sdc")


def test_so_is_one_that_only_the_kernel_knows_to_be_in_use(bench: Seen) -> None:
    bench.busy.add("/dev/sdc")

    assert "/dev/sdc is open exclusively elsewhere" in refused("/dev/sdb", "/dev/sdc")


def test_a_read_only_destination_is_refused(bench: Seen) -> None:
    (bench.machine.sysfs / "class/block/sdc/ro").write_text("1\n")

    assert "/dev/sdc is read-only" in refused("/dev/sdb", "/dev/sdc")


def test_a_partition_inside_a_block_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Seen(tmp_path, monkeypatch, block_size=4096)
    bench.machine.disk("sde", 64, sg=5, partitions={1: (63, 80)})

    opener = bench.opener
    monkeypatch.setattr(
        endpoint, "_transport", lambda kind, *_, **__: opener(kind, "/dev/sg1", read_only=False)
    )

    assert "inside a block of 4096 bytes" in refused("/dev/sdb", "/dev/sde1")


def test_a_layer_that_does_more_than_move_addresses_is_refused(bench: Seen) -> None:
    bench.machine.mapped("dm-0", 0, on=["sdb"], table="0 100 crypt aes 0 8:16 0")

    assert "its crypt target encrypts its blocks" in refused("/dev/dm-0", "/dev/sdc")


def test_all_that_stands_against_it_is_said_at_once(bench: Seen) -> None:
    bench.machine.mount("/mnt", "8:16", "/dev/sdb")

    found = forecast("/dev/sdb:0+10", "/dev/sdb:5")

    overlap, use = found.objections
    assert "source and destination overlap" in str(overlap)
    assert "/dev/sdb is mounted on /mnt" in str(use)
    assert found.copy is not None
    assert found.shortfall is None


def test_a_source_in_use_is_no_more_than_a_warning(bench: Seen) -> None:
    bench.machine.mount("/mnt", "8:16", "/dev/sdb")

    found = forecast("/dev/sdb", "/dev/sdc")

    assert found.verdict is Verdict.YES
    warning, *_ = (remark.text for remark in found.remarks if remark.kind == "warning")
    assert "/dev/sdb is mounted on /mnt" in warning


class TestVolume:
    def test_every_pair_of_units_that_is_copied_between_has_its_limits(
        self, bench: Seen, capsys: pytest.CaptureFixture[str]
    ) -> None:
        bench.machine.mapped("dm-0", 0, on=["sdb", "sdc"], table=LINEAR)

        assert main(["probe", "/dev/dm-0:0+2000", "/dev/sdd"]) == 0

        said = capsys.readouterr().out
        assert said.startswith("yes: EXTENDED COPY of 1000.0 KiB")
        for name in ("/dev/sdb (below /dev/dm-0)", "/dev/sdc (below /dev/dm-0)"):
            assert f"\n{name}: " in said
            assert f"\n{name} -> /dev/sdd: EXTENDED COPY can be tried" in said
        assert "/dev/dm-0: a volume of 3000 blocks of 512 bytes on " in said

    def test_a_pair_that_no_block_of_the_range_needs_is_left_out(self, bench: Seen) -> None:
        bench.machine.mapped("dm-0", 0, on=["sdb", "sdc"], table=LINEAR)

        found = forecast("/dev/dm-0:0+100", "/dev/sdd")

        assert [pair.source.name for pair in found.pairs] == ["/dev/sdb (below /dev/dm-0)"]

    def test_a_pair_that_the_storage_cannot_copy_between_is_left_to_the_host(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bench = Seen(tmp_path, monkeypatch, third_party_copy=[True, False, True])
        bench.machine.mapped("dm-0", 0, on=["sdb", "sdc"], table=LINEAR)

        found = forecast("/dev/dm-0:0+2000", "/dev/sdd")

        assert found.verdict is Verdict.PART
        assert found.copy is not None
        assert found.copy.host_bytes == 1000 * 512
        assert [isinstance(pair.offer, Refusal) for pair in found.pairs] == [False, True]
        assert found.ways_out[0].startswith("switch third-party copy on for /dev/sdc")


def test_nothing_is_written(bench: Seen) -> None:
    images = sorted(bench.directory.glob("unit-*.img"))
    before = [image.read_bytes() for image in images]

    forecast("/dev/sdb", "/dev/sdc")

    assert [image.read_bytes() for image in images] == before
