"""What a means of copying is driven by, as the runner sees it, and a drive that decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from xcopy.plan import Shape

if TYPE_CHECKING:
    from xcopy.bucket import Bucket
    from xcopy.conversation import Pushback
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


class Unguided:
    """The drive of tasks that are as large and as many as they should be, and only paced, by a `bucket`."""

    window = 1 << 16
    state = ""

    def __init__(self, bucket: Bucket | None = None) -> None:
        self._bucket = bucket

    def shape_for(self, remaining: int) -> Shape:
        """Of no task that this drives: `remaining` bytes or not, it has a size of its own."""
        return Shape(max(1, remaining), 1)

    def ready_at(self, now: float) -> float:
        """When the next task may go: `now` for at once."""
        return self._bucket.ready_at(now) if self._bucket else now

    def sent(self, size: int, now: float) -> None:
        """A task of that many bytes went out."""
        if self._bucket:
            self._bucket.sent(size, now)

    def completed(self, size: int, latency: float, now: float) -> None:
        """Nothing is learnt from it."""

    def lost(self, now: float) -> None:
        """Nothing is learnt from it."""

    def refused(self, size: int, sent: float, now: float) -> None:
        """A task of that many bytes that was sent then was not even begun."""
        if self._bucket:
            self._bucket.refused(size, sent, now)

    def bound(self, bounds: Bounds, now: float) -> None:
        """It has none."""

    def pushed_back(self, why: Pushback, now: float) -> None:
        """The task itself waits."""
