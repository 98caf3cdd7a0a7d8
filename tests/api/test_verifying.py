"""How both sides are read: for reading only, at the rate, told as it goes, whatever goes wrong meanwhile."""

from __future__ import annotations

import os
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Any

import pytest

from xcopy.api import endpoint, verifying
from xcopy.api.copy import prepare
from xcopy.api.options import Options
from xcopy.api.verify_only import prepare_verification
from xcopy.device import sg, topology
from xcopy.device.array_dir import create, open_array, unit_file
from xcopy.device.disk import Node
from xcopy.device.tree import Block
from xcopy.errors import UsageError
from xcopy.target.faults import Call, Fault
from xcopy.verification import PIECE_BYTES, VERIFY

if TYPE_CHECKING:
    from pathlib import Path

    from cdb.command import Transport
    from xcopy.progress import Progress

SIZE = 16 * 2**20


@pytest.fixture
def array(tmp_path: Path) -> Path:
    """Two units with the same random bytes."""
    create(tmp_path / "array", units=2, size=SIZE)
    content = os.urandom(SIZE)
    for number in (0, 1):
        unit_file(tmp_path / "array", number).write_bytes(content)
    return tmp_path / "array"


def units(array: Path) -> tuple[str, str]:
    return f"emu:{array}/0", f"emu:{array}/1"


def test_a_verification_keeps_the_rate(array: Path) -> None:
    rate = 32 * 2**20
    found = prepare_verification(*units(array), Options(rate=rate)).run()
    assert found.equal
    assert found.compared == SIZE
    assert found.elapsed >= 0.9 * SIZE / rate


@pytest.mark.parametrize("jobs", [1, 3])
def test_no_more_is_read_at_once_than_jobs(array: Path, monkeypatch: pytest.MonkeyPatch, jobs: int) -> None:
    monkeypatch.setattr(verifying, "LOOK", 0.001)
    seen: list[Progress] = []
    looked = Event()
    opened = open_array(array)
    opened.faults.add(Fault(opcode=0x88, nth=jobs, then=Call(partial(looked.wait, 60))))

    def look(progress: Progress) -> None:
        seen.append(progress)
        if progress.in_flight:
            looked.set()

    assert prepare_verification(*units(array), Options(jobs=jobs)).run(look).equal
    assert 0 < max(progress.in_flight for progress in seen) <= jobs


def test_a_copy_that_is_verified_tells_how_far_the_verification_is(
    array: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "LOOK", 0.0)
    seen: list[Progress] = []
    with prepare(*units(array), Options(verify="whole", jobs=1)) as copy:
        report = copy.run(seen.append)
    assert report.complete
    assert report.verified is not None
    assert report.verified.compared == SIZE
    told = [progress for progress in seen if progress.means == VERIFY]
    assert {progress.total for progress in told} == {SIZE}
    counts = [progress.done for progress in told]
    assert counts == sorted(counts)
    assert SIZE - PIECE_BYTES <= counts[-1] <= SIZE  # the last piece is in the report
    clock = [progress.elapsed for progress in seen]
    assert clock == sorted(clock)  # or a progress line that waits for its time would never come
    assert report.elapsed <= clock[-1]


def test_what_goes_wrong_in_who_looks_on_ends_it_with_nothing_in_flight(
    array: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verifying, "LOOK", 0.0)

    def broken(_: Progress) -> None:
        raise ZeroDivisionError("in the renderer")

    check = prepare_verification(*units(array))
    found = check.run(broken)
    assert isinstance(check.fault, ZeroDivisionError)
    assert not found.equal
    assert "a fault of this program" in found.stopped


def test_a_copy_that_this_program_failed_in_is_not_called_verified(array: Path) -> None:
    class Broken(Exception):
        pass

    with prepare(*units(array), Options(verify="whole")) as copy:
        copy.fault = Broken("while it copied")
        report = copy.run()
    assert report.verified is not None
    assert report.verified.compared == 0
    assert not report.complete


def test_what_cannot_be_verified_is_refused_before_a_journal_is_begun(array: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="'half' is no part to verify"):
        prepare(*units(array), Options(verify="half", journal=str(tmp_path / "journal")))
    assert not (tmp_path / "journal").exists()


def test_verify_only_opens_for_reading_and_claims_nothing(
    array: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two disks whose nodes are the files of an emulated array, which answers for them too."""
    emulated = open_array(array)
    paths = [str(unit_file(array, number)) for number in (0, 1)]
    opened: list[tuple[str, int]] = []
    transports: list[bool] = []
    really = os.open

    def spied(path: Any, flags: int, *more: Any, **others: Any) -> int:
        if path in paths:
            opened.append((path, flags))
        return really(path, flags, *more, **others)

    def resolved(path: str) -> Node:
        number = paths.index(path)
        disk = Block(name=f"sd{number}", path=path, major=8, minor=16 * number)
        return Node(path=path, kind="disk", major=8, minor=16 * number, disk=disk, sg=None)

    def transport(path: str, *, read_only: bool = False) -> Transport:
        transports.append(read_only)
        return emulated.open(paths.index(path))

    monkeypatch.setattr(os, "open", spied)
    monkeypatch.setattr(topology, "resolve", resolved)
    monkeypatch.setattr(sg, "SgTransport", transport)
    monkeypatch.setattr(endpoint, "_exists", lambda _: True)
    found = prepare_verification(*paths).run()
    assert found.equal
    assert found.compared == SIZE
    assert transports == [True, True]
    assert {path for path, _ in opened} == set(paths)
    for _, flags in opened:
        assert flags & os.O_ACCMODE == os.O_RDONLY
        assert not flags & (os.O_EXCL | os.O_CREAT | os.O_TRUNC)
    assert any(flags & os.O_DIRECT for _, flags in opened)
