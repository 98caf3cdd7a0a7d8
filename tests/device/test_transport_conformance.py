"""The three transports against one suite: SG_IO, the sgio binding, the emulated array."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from cdb.command import Reply, Silence, Status, Transport
from tests.device import conformance
from tests.device.scripted_unit import Unit
from xcopy.device.sg import SgTransport
from xcopy.device.sgio_binding import SgioTransport
from xcopy.target.array import Array, memory_array
from xcopy.target.faults import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

A_CHARACTER_NODE = "/dev/null"  # opens anywhere; the fakes never ask the kernel


@pytest.fixture
def unit() -> Unit:
    return Unit()


class TestSg(conformance.ScriptedTransport):
    @pytest.fixture
    def script(self, unit: Unit) -> Unit:
        return unit

    @pytest.fixture
    def opener(self, unit: Unit) -> Callable[[], Transport]:
        return lambda: SgTransport(A_CHARACTER_NODE, ioctl=unit.ioctl)


class TestSgioBinding(conformance.ScriptedTransport):
    """The suite, but for what the binding cannot tell: those differences are its documented limits."""

    @pytest.fixture
    def script(self, unit: Unit) -> Unit:
        return unit

    @pytest.fixture
    def opener(self, unit: Unit, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Transport]:
        monkeypatch.setitem(sys.modules, "sgio", unit.module())
        return lambda: SgioTransport(A_CHARACTER_NODE)

    @pytest.mark.parametrize("status", [Status.BUSY, Status.RESERVATION_CONFLICT, Status.TASK_SET_FULL])
    def test_a_no_without_sense_is_a_value(
        self, transport: Transport, script: conformance.Script, status: int
    ) -> None:
        script.answers(status)

        with pytest.raises(Silence, match=r"BUSY, RESERVATION CONFLICT.*--transport sg does tell"):
            transport.send(conformance.TEST_UNIT_READY)

    def test_good_with_sense_is_good_and_keeps_the_sense(
        self, transport: Transport, script: conformance.Script
    ) -> None:
        script.answers(Status.GOOD, sense=conformance.RECOVERED)

        assert self.outcome(transport, conformance.TEST_UNIT_READY) == (Status.GOOD, b"")


class ArrayScript:
    """Tells an emulated array what to answer next."""

    def __init__(self, array: Array) -> None:
        self._array = array

    def answers(self, status: int, *, sense: bytes = b"", data: bytes = b"") -> None:
        self._array.faults.add(Fault(then=Reply(status=status, sense=sense, data=data)))

    def is_silent(self) -> None:
        self._array.faults.add(Fault(then=Silence("no answer")))


class TestEmulatedArray(conformance.ScriptedTransport):
    @pytest.fixture
    def array(self) -> Array:
        return memory_array(blocks=8192)

    @pytest.fixture
    def script(self, array: Array) -> ArrayScript:
        return ArrayScript(array)

    @pytest.fixture
    def opener(self, array: Array) -> Callable[[], Transport]:
        return lambda: array.open(0)
