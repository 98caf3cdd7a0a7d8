"""An emulated array as disks of this kernel: every unit, once for each nexus, as /dev/sdX and /dev/sgX.

Ties the array in a directory to rings and disks of the kernel. Prints nothing and hears no signal.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Self

from xcopy.device import tcmu
from xcopy.device.array_dir import open_array
from xcopy.device.tcmu_ring import Ring, RingDamaged
from xcopy.device.tcmu_server import Device, Refusing, Server
from xcopy.errors import UnsafeError, UnsupportedError, UsageError

if TYPE_CHECKING:
    import mmap
    from collections.abc import Sequence

    from xcopy.device.tcmu import Found
    from xcopy.target.array import Array

MAXIMUM_NEXUSES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedUnit:
    """A unit as one nexus sees it; `disk` is None where it is no disk."""

    unit: int
    nexus: int
    disk: str | None
    sg: str
    block_size: int
    blocks: int


@dataclass(frozen=True, slots=True)
class _Served:
    unit: int
    nexus: int
    device: Device


class Serving:
    """An array that is being served; leaving it, or `close`, removes what was made.

    `cleared` names what an earlier process of the same array had left behind.
    """

    def __init__(self, array: Array, nexuses: int) -> None:
        self.units: tuple[ServedUnit, ...] = ()
        self.cleared: tuple[str, ...] = ()
        self._array = array
        self._id = array.array_id.hex()
        self._places = [(unit, nexus) for nexus in range(nexuses) for unit in sorted(array.units)]
        self._served: list[_Served] = []
        self._server: Server | None = None

    @property
    def trouble(self) -> Sequence[str]:
        """What is not served any more, and why; empty while all is well."""
        return tuple(self._server.trouble) if self._server else ()

    def open(self) -> None:
        """Make everything; on an error nothing is left behind."""
        with ExitStack() as stack:
            with tcmu.alone():
                self._clear()
                stack.callback(self.close)
                for unit, nexus in self._places:
                    self._served.append(_Served(unit, nexus, self._device(unit, nexus)))
            self._server = Server([each.device for each in self._served])
            self._server.start()
            for nexus in sorted({nexus for _, nexus in self._places}):
                tcmu.make_target(self._id, nexus)
            self.units = tuple(self._map(each) for each in self._served)
            stack.pop_all()

    def _clear(self) -> None:
        before = tcmu.of_array(self._id)
        if before.alive:
            raise UnsafeError(
                "this array is served already: a process holds the rings of "
                f"{', '.join(sorted(before.backstores))}; end that one first, with Ctrl-C or SIGTERM"
            )
        self.cleared = _remove(before)

    def _device(self, unit: int, nexus: int) -> Device:
        name = tcmu.backstore_name(self._id, unit, nexus)
        served = self._array.units[unit]
        tcmu.make_backstore(name, served.size, served.block_size)
        fd, memory = tcmu.open_ring(name)
        ring = _ring(name, fd, memory)
        who = f"nexus {nexus}"
        session = self._array.open(unit, who)
        # Who reset the unit hears of it from the kernel, for which this unit is that nexus's alone.
        return Device(name, fd, ring, session, partial(self._array.reset, unit, but=who))

    def _map(self, each: _Served) -> ServedUnit:
        tcmu.map_unit(self._id, each.unit, each.nexus)
        nodes = tcmu.wait_for_nodes(self._id, each.unit, each.nexus)
        unit = self._array.units[each.unit]
        return ServedUnit(
            unit=each.unit,
            nexus=each.nexus,
            disk=nodes.disk,
            sg=nodes.sg,
            block_size=unit.block_size,
            blocks=unit.blocks,
        )

    def close(self) -> None:
        """Remove everything that was made. Commands under way are waited for; a second call does nothing."""
        for each in self._served:
            each.device.end_silence()
        mine = tcmu.of_array(self._id)
        tcmu.remove_targets(mine.targets)
        if self._server is not None:
            self._server.stop()
            self._server = None
        for each in self._served:
            each.device.close()
        self._served = []
        tcmu.remove_backstores(mine.backstores)

    def fail(self) -> None:
        """End every command with an error, so that a `close` that waits in another thread can go on."""
        if self._server is not None:
            self._server.refuse_all(_end_commands)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(directory: str | os.PathLike[str], *, nexuses: int = 1) -> Serving:
    """The array in a directory as disks of this kernel, until the result is closed.

    Every nexus is one initiator with its own reservations, unit attentions and copies. Needs root
    (`AccessError`) and the kernel's modules (`UnsupportedError`); an array that another process serves
    is an `UnsafeError`. What such a process left behind when it was killed is removed first.
    """
    if not 1 <= nexuses <= MAXIMUM_NEXUSES:
        raise UsageError(f"an array is served to 1 to {MAXIMUM_NEXUSES} nexuses, not {nexuses}")
    array = open_array(directory)
    tcmu.load()
    serving = Serving(array, nexuses)
    serving.open()
    return serving


@dataclass(frozen=True, slots=True)
class Cleaned:
    """Names of what was removed, and of the backstores that a living process serves."""

    removed: tuple[str, ...]
    alive: tuple[str, ...]


def clean() -> Cleaned:
    """Remove what processes that served arrays left behind when they were killed; nothing else is touched."""
    tcmu.load()
    removed: list[str] = []
    alive: list[str] = []
    with tcmu.alone():
        for found in tcmu.found():
            if found.alive:
                alive += found.backstores
            else:
                removed += _remove(found)
    return Cleaned(tuple(removed), tuple(alive))


def _remove(left: Found) -> tuple[str, ...]:
    """Remove what nobody serves: it is served once more, with refusals, so that no command waits for ever."""
    devices: list[Device] = []
    try:
        for name in filter(tcmu.has_ring, left.backstores):
            tcmu.end_commands(name)
            fd, memory = tcmu.open_ring(name)
            devices.append(Device(name, fd, _ring(name, fd, memory), Refusing(), _nothing))
        server = Server(devices)
        server.start()
        try:
            for device in devices:
                tcmu.let_commands_in(device.name)
            tcmu.remove_targets(left.targets)
        finally:
            server.stop()
    finally:
        for device in devices:
            device.close()
    tcmu.remove_backstores(left.backstores)
    return (*sorted(left.targets), *sorted(left.backstores))


def _end_commands(name: str) -> None:
    tcmu.end_commands(name)
    tcmu.let_commands_in(name)


def _nothing() -> None:
    """A unit that is gone needs no reset."""


def _ring(name: str, fd: int, memory: mmap.mmap) -> Ring:
    try:
        return Ring(memory)
    except RingDamaged as error:
        memory.close()
        os.close(fd)
        raise UnsupportedError(f"{name}: {error}") from error
