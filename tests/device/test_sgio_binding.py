"""The sgio binding: its presence, its exceptions, its limits."""

from __future__ import annotations

import errno
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from cdb.command import Command, NoPassThrough, NotSent, Silence
from tests.device.scripted_unit import Unit
from xcopy.device import sgio_binding
from xcopy.device.sgio_binding import SgioTransport
from xcopy.errors import UnsupportedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

NODE = "/dev/null"
TUR = Command(name="TEST UNIT READY", cdb=bytes(6))


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    fake = Unit().module()
    monkeypatch.setitem(sys.modules, "sgio", fake)
    return fake


@pytest.fixture
def transport(module: ModuleType) -> Iterator[SgioTransport]:  # noqa: ARG001
    opened = SgioTransport(NODE)
    yield opened
    opened.close()


def test_without_the_binding_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sgio", None)

    with pytest.raises(UnsupportedError, match=r"pip install xcopy-dev\[sgio\].*--transport sg$"):
        SgioTransport(NODE)


def test_the_unrelated_project_of_that_name_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sgio", ModuleType("sgio"))

    with pytest.raises(UnsupportedError, match="another project of that name"):
        SgioTransport(NODE)


def test_a_path_that_is_not_there(module: ModuleType) -> None:  # noqa: ARG001
    with pytest.raises(UsageError, match="no such file"):
        SgioTransport("/dev/no-such-disk")


def test_it_serves_one_command_at_a_time() -> None:
    assert sgio_binding.WINDOW == 1


def test_room_for_the_longest_sense_is_asked_for(module: ModuleType, transport: SgioTransport) -> None:
    asked: list[object] = []
    module.execute = lambda *arguments: asked.append(arguments[4]) or 0  # type: ignore[attr-defined]

    transport.send(TUR)

    assert asked == [252]


def test_an_unspecified_error_is_silence_and_says_what_it_may_have_been(
    module: ModuleType, transport: SgioTransport
) -> None:
    def execute(*_: object) -> int:
        raise module.UnspecifiedError

    module.execute = execute  # type: ignore[attr-defined]

    with pytest.raises(Silence, match="BUSY, RESERVATION CONFLICT, a timeout"):
        transport.send(TUR)


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOTTY, NoPassThrough), (errno.EPERM, NotSent), (errno.EINTR, Silence)]
)
def test_an_errno_means_what_it_means_for_sg(
    module: ModuleType, transport: SgioTransport, number: int, kind: type[Exception]
) -> None:
    def execute(*_: object) -> int:
        raise OSError(number, "ioctl failed")

    module.execute = execute  # type: ignore[attr-defined]

    with pytest.raises(kind, match=os.strerror(number)):
        transport.send(TUR)


def test_a_cdb_that_would_wrap_in_the_header_is_refused(transport: SgioTransport) -> None:
    with pytest.raises(ValueError, match="this one 300"):
        transport.send(Command(name="x", cdb=bytes(300)))


class TestRealBinding:
    """The installed module against the kernel, as far as a node without SCSI goes."""

    @pytest.fixture
    def real(self) -> Iterator[SgioTransport]:
        pytest.importorskip("sgio", reason="the extra [sgio] is not installed")
        opened = SgioTransport(NODE)
        yield opened
        opened.close()

    @pytest.mark.parametrize(
        "command",
        [
            TUR,
            Command(name="in", cdb=bytes(6), data_in=96),
            Command(name="out", cdb=bytes(6), data_out=memoryview(b"abc")),
        ],
        ids=lambda command: command.name,
    )
    def test_it_takes_our_arguments_and_the_kernel_refuses(
        self, real: SgioTransport, command: Command
    ) -> None:
        with pytest.raises(NoPassThrough, match="ENOTTY"):
            real.send(command)
