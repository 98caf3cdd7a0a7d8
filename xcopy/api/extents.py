"""A file onto a unit by the storage itself: its extents, as blocks of the device that its file system is on.

The file is kept still by a freeze, or looked at before and after. Nothing of it is read or written by the
host but zeros. Never prints.

with prepare("disk.img", "/dev/sdc") as copy:
    report = copy.run()
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Self

from xcopy.api.copy import Copy, OfFile, ready
from xcopy.api.endpoint import open_endpoint, split
from xcopy.api.freezing import to_freeze_of
from xcopy.api.offers import insist_on, offers
from xcopy.api.options import Options
from xcopy.api.request import check_texts, extent_of
from xcopy.api.safety import refuse_overlap, refuse_own_ground
from xcopy.api.zeroing import Zeros
from xcopy.asked import Asked, Extent
from xcopy.device.file_place import look, place_of, stand_still
from xcopy.device.open_file import open_source
from xcopy.errors import UnsafeError, UnsupportedError, UsageError
from xcopy.file_map import moved_on
from xcopy.job import Method
from xcopy.ranges import EMULATED, EndpointText

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.api.copy import Report
    from xcopy.api.endpoint import Endpoint
    from xcopy.device.file_place import Place
    from xcopy.device.freeze import Frozen
    from xcopy.device.mounts import Mount
    from xcopy.device.open_file import OpenFile
    from xcopy.file_map import FileMap, Look
    from xcopy.progress import Progress


def prepare(
    source: str,
    destination: str,
    options: Options | None = None,
    agree: Callable[[tuple[str, ...]], object] = lambda _: None,
) -> ExtentsCopy:
    """Open and check both sides and plan the copy of FILE[:OFFSET[+LENGTH]], bytes, onto a unit.

    Nothing is written before `ExtentsCopy.run`. Of `options` the method is always that of the storage.
    Raises as `copy.prepare`, UnsupportedError also where this file cannot be copied from its blocks: then
    `files.prepare` copies it through its file system.
    """
    wanted = options or Options()
    options = replace(wanted, method=Method.OFFLOAD, freeze=False)
    if options.journal is not None or options.verify:
        raise UsageError("a file that is copied by its extents has neither a journal nor a verification")
    texts = split(source), split(destination)
    check_texts(*texts, many=False)
    if texts[1].path.startswith(EMULATED):
        raise UsageError(f"{texts[1].path} is an emulated unit, and no disk of this machine can copy to it")
    with ExitStack() as stack:
        file = stack.enter_context(open_source(texts[0].path))
        if file.facts.device:
            raise UsageError(f"{file.name} is a device, which has no extents: leave --extents out")
        place = place_of(file, frozen=wanted.freeze)
        opened = partial(open_endpoint, transport=options.transport, timeout=options.timeout)
        try:
            first = opened(EndpointText(place.device))
        except UnsupportedError as error:
            raise UnsupportedError(f"{file.name} lies on {place.device}: {error}") from error
        if _number(first) != os.fstat(file.fd).st_dev:
            raise UnsafeError(
                f"{place.device} is not the device that {file.name} lies on; in a container, give it its "
                "devices by their own names"
            )
        second = opened(texts[1])
        frozen = to_freeze_of(file, _number(second)) if wanted.freeze else ()
        plan = _Plan(file, first, second, texts[0], frozen=wanted.freeze)
        refuse_own_ground(first, second, plan.whole)
        planned = plan.look()
        asked, zeros = plan.pieces(planned.map)
        copy = ready(first, second, asked, options, stack, agree=agree, of_file=OfFile(plan.whole, zeros))
        return ExtentsCopy(plan, planned, copy, place, frozen)


def _number(side: Endpoint) -> int:
    """Of the device that was named; 0 for none."""
    return 0 if side.node is None else os.makedev(side.node.major, side.node.minor)


class _Plan:
    """What of the file goes where: `whole` is all of the destination that it fills."""

    def __init__(
        self, file: OpenFile, first: Endpoint, second: Endpoint, text: EndpointText, *, frozen: bool
    ) -> None:
        self.file, self.first, self.second, self.frozen = file, first, second, frozen
        size, block = file.facts.size, second.unit.block_size
        self.start = text.lba.blocks(1) if text.lba else 0
        self.length = text.count.blocks(1) if text.count else max(0, size - self.start)
        if self.start + self.length > size:
            raise UsageError(
                f"{file.name}: {self.length} bytes from byte {self.start} end past its end: it has {size}"
            )
        if self.length % block:
            raise UsageError(
                f"{file.name}: {self.length} bytes are not whole blocks of {block} bytes, and {second.name} "
                "has no others: give a COUNT that is"
            )
        blocks = self.length // block
        self.whole = Asked(
            Extent(file.name, 0, blocks, block),
            extent_of(second),
            [(0, (0, blocks, second.text.lba or 0))],
        )

    def look(self, still: os.stat_result | None = None) -> Look:
        return look(self.file, self.start, self.length, still)

    def pieces(self, found: FileMap) -> tuple[Asked, Zeros]:
        """Of the unit's blocks those that are copied, and those that are made zeros."""
        reads, writes = self.first.unit.block_size, self.second.unit.block_size
        to = self.whole.named(0)[2]
        pieces = found.in_blocks(reads, writes, to)
        asked = Asked(
            extent_of(self.first), extent_of(self.second), pieces, file=self.file.name, each="extent"
        )
        return asked, Zeros(self.second, found.zeros_in_blocks(writes, to))


class ExtentsCopy:
    """One copy that is ready to run; holds the destination, and the file open, until it is closed."""

    def __init__(
        self, plan: _Plan, planned: Look, copy: Copy, place: Place, to_freeze: tuple[Mount, ...]
    ) -> None:
        self.name, self.copy, self.place, self.to_freeze = plan.file.name, copy, place, to_freeze
        self._plan, self._planned, self._before = plan, planned, planned
        self._held = copy  # the first one: it has the destination
        self._stop = ""
        self._frozen: Frozen | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of both sides."""
        self._held.close()

    def stop(self, reason: str) -> None:
        """Issue no more commands; those in flight are waited for. Safe in a signal handler."""
        self._stop = reason
        self.copy.stop(reason)

    @property
    def extents(self) -> int:
        """How many pieces the file is in."""
        return len(self.copy.asked)

    def run(self, observe: Callable[[Progress], object] = lambda _: None) -> Report:
        """Copy; as `Copy.run`. The report of a file that changed meanwhile says so, and is not complete.

        Raises UnsafeError and AccessError where the file cannot be kept still, and UnsupportedError where its
        blocks are in other places by now, which the storage cannot copy from; then nothing was written.
        """
        from xcopy.device.freeze import Frozen

        def seen(progress: Progress) -> None:
            observe(progress)
            if self._frozen is not None:
                self._frozen.beat()

        trouble, still = "", None
        try:
            if self.to_freeze:
                self._frozen = Frozen(self.to_freeze)
            else:
                still = stand_still(self._plan.file)
            self._look_again(still)
            report = self.copy.run(seen)
            changed = self._changed()
        finally:
            if self._frozen is not None:
                trouble = self._frozen.thaw()
        if changed:
            trouble = (
                f"{self.name} was changed while it was copied ({changed}): what is on "
                f"{self.copy.destination.name} is no copy of it; copy it again, with --freeze if it is in use"
            )
        return replace(report, stopped=trouble) if trouble and not report.stopped else report

    def _changed(self) -> str:
        try:
            return moved_on(self._before, self._plan.look())
        except UnsupportedError as error:  # of a file that grows, for one
            return str(error)

    def _look_again(self, still: os.stat_result | None) -> None:
        """Where the file is now: planned anew if that is not where it was; nobody moves it from now on."""
        place_of(self._plan.file, frozen=self._plan.frozen)
        self._before = now = self._plan.look(still)
        if now.size != self._planned.size:
            raise UnsafeError(
                f"{self.name} had {self._planned.size} bytes a moment ago and has {now.size}: nothing was "
                "written; copy it again when it has its size"
            )
        if now.map == self._planned.map:
            return
        first, second, options = self.copy.source, self.copy.destination, self.copy.options
        asked, zeros = self._plan.pieces(now.map)
        refuse_overlap(first, second, asked)
        found = offers(first, second, asked.request, options.wanted)
        insist_on(found, asked.request)
        self.copy = Copy(first, second, asked, found, options, (), ExitStack(), zeros=zeros)
        if self._stop:
            self.copy.stop(self._stop)
