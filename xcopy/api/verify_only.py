"""Two ranges compared as a script asks for it: nothing is copied, nothing written, nothing claimed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.api.endpoint import open_endpoint, split
from xcopy.api.options import Options
from xcopy.api.request import check_texts, many_ranges, one_range
from xcopy.api.safety import reading_only
from xcopy.api.verifying import Verifying
from xcopy.errors import XcopyError
from xcopy.plan import Piece
from xcopy.verification import WHOLE, Verified, scope_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from xcopy.api.endpoint import Endpoint
    from xcopy.api.request import RangeList
    from xcopy.asked import Asked
    from xcopy.progress import Progress
    from xcopy.verification import Scope


def prepare_verification(
    source: str, destination: str, options: Options | None = None, ranges: RangeList | None = None
) -> Verification:
    """Open both sides for reading and check the ranges; of the options those for reading count.

    Raises UsageError, UnsafeError for a block that a list has twice, UnsupportedError or AccessError.
    """
    options = options or Options()
    scope = scope_of(options.verify or WHOLE)
    texts = split(source), split(destination)
    check_texts(*texts, many=ranges is not None)
    first, second = (
        open_endpoint(text, transport=options.transport, timeout=options.timeout, read_only=True)
        for text in texts
    )
    asked = one_range(first, second) if ranges is None else many_ranges(first, second, ranges)
    return Verification(first, second, asked, options, scope, tuple(reading_only(first, second, asked)))


class Verification:
    """One comparison that is ready to run; `fault` is as in `Copy`."""

    def __init__(
        self,
        source: Endpoint,
        destination: Endpoint,
        asked: Asked,
        options: Options,
        scope: Scope,
        warnings: tuple[str, ...],
    ) -> None:
        self.source, self.destination = source, destination
        self.asked, self.request = asked, asked.request
        self.options, self.scope, self.warnings = options, scope, warnings
        self._stop = ""
        self._verifying: Verifying | None = None
        self.fault: Exception | None = None

    def stop(self, reason: str) -> None:
        """Read nothing more. Safe in a signal handler."""
        self._stop = reason
        if self._verifying is not None:
            self._verifying.stop(reason)

    def run(self, observe: Callable[[Progress], object] = lambda _: None) -> Verified:
        """Compare; what this host still holds for either side goes to it first, or it would not be read."""
        runs = [Piece(0, self.request.blocks)] if self.request.blocks else []
        self._verifying = run = Verifying(
            self.request, runs, self.scope, self.source, self.destination, self.options, observe
        )
        if self._stop:
            run.stop(self._stop)
        try:
            self._settle()
        except XcopyError as error:
            run.stop(str(error))
        found = run.run()
        self.fault = run.fault
        return found

    def _settle(self) -> None:
        from xcopy.device.caches import settle

        for side in (self.source, self.destination):
            if side.node is not None:
                settle(side.node)
