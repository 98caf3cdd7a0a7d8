"""What a means of copying is driven by, as the runner sees it. Decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from xcopy.conversation import Pushback
    from xcopy.plan import Shape
    from xcopy.settings import Bounds


class Drive(Protocol):
    """How one means is driven: how many tasks at once, of what shape, and not before when."""

    @property
    def window(self) -> int:
        """How many tasks may be under way."""
        ...

    def shape_for(self, remaining: int) -> Shape:
        """The shape of the next task, with that many bytes left."""
        ...

    def ready_at(self, now: float) -> float:
        """When the next task may go: `now` for at once."""
        ...

    def sent(self, size: int, now: float) -> None:
        """A task of that many bytes went out."""
        ...

    def completed(self, size: int, latency: float, now: float) -> None:
        """A task of that many bytes was done within `latency` seconds."""
        ...

    def lost(self, now: float) -> None:
        """A task ended without being done."""
        ...

    def refused(self, size: int, sent: float, now: float) -> None:
        """A task of that many bytes that was sent then, and is lost, was not even begun."""
        ...

    def bound(self, bounds: Bounds, now: float) -> None:
        """From now on tasks have other bounds."""
        ...

    def pushed_back(self, why: Pushback, now: float) -> None:
        """A unit did not take what it was sent, or took it and said nothing."""
        ...
