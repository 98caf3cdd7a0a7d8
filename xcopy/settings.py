"""Which settings a copy may run at, and which are next to one: commands in flight, segment, segments.

Arithmetic alone: nothing here knows how fast a setting is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from xcopy.limits import ANYTHING, DEFAULT_COMMAND_BYTES
from xcopy.plan import Shape

if TYPE_CHECKING:
    from xcopy.limits import Limits, Wanted

LEAST_SEGMENT = 64 * 2**10  # bytes: below, commands cost more than they copy


@dataclass(frozen=True, slots=True)
class Span:
    """A number that may be chosen from `least` to `most`; the user's own number is a span of one."""

    least: int
    most: int

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.most:
            raise ValueError(f"no number from {self.least} to {self.most}")

    def clip(self, value: int) -> int:
        """The nearest number that may be chosen."""
        return min(max(value, self.least), self.most)


@dataclass(frozen=True, slots=True)
class Setting:
    """How a copy runs: `window` commands in flight of `segments` segments of `segment_blocks` blocks."""

    window: int
    segment_blocks: int
    segments: int

    @property
    def command_blocks(self) -> int:
        """Blocks in a command."""
        return self.segment_blocks * self.segments

    @property
    def shape(self) -> Shape:
        """What the plan wants to know of it."""
        return Shape(self.segment_blocks, self.segments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What settings may be chosen from.

    A segment has whole granules, and at least one whatever `command_bytes` says; a segment that the user
    fixed stays as it is.
    """

    block_size: int
    granularity_blocks: int = 1
    jobs: Span
    segment_blocks: Span
    segments: Span
    command_bytes: int = DEFAULT_COMMAND_BYTES

    def __post_init__(self) -> None:
        if self.block_size < 1 or self.granularity_blocks < 1 or self.command_bytes < 1:
            raise ValueError(f"sizes are at least 1: {self}")
        if self._whole(self.segment_blocks.most) < self.segment_blocks.least:
            raise ValueError(
                f"no segment of {self.segment_blocks.least} to {self.segment_blocks.most} blocks "
                f"is a multiple of {self.granularity_blocks}"
            )

    @classmethod
    def of(cls, limits: Limits, block_size: int, wanted: Wanted = ANYTHING) -> Bounds:
        """The room that two units' limits leave; what is wanted is kept as far as they allow."""
        grain = limits.granularity_blocks.value
        most = limits.segment_blocks.value
        least = min(max(LEAST_SEGMENT // block_size // grain * grain, grain), most)
        if wanted.segment is not None:
            most = least = min(max(wanted.segment // block_size // grain * grain, grain), most)
        in_flight, count = limits.in_flight.value, limits.segments_per_command.value
        jobs, segments = wanted.jobs, wanted.segments_per_command
        return cls(
            block_size=block_size,
            granularity_blocks=grain,
            jobs=Span(1, in_flight) if jobs is None else _fixed(jobs, in_flight),
            segment_blocks=Span(least, most),
            segments=Span(1, count) if segments is None else _fixed(segments, count),
            command_bytes=limits.command_blocks.value * block_size,
        )

    def holding(self, command_bytes: int) -> Bounds:
        """Also no more than this in a command, as far as granules allow and the user fixed no segment."""
        span = self.segment_blocks
        if span.least < span.most:
            room = max(self.granularity_blocks, self._whole(command_bytes // self.block_size))
            span = Span(min(span.least, room), span.most)
        return replace(
            self, segment_blocks=span, command_bytes=max(1, min(self.command_bytes, command_bytes))
        )

    def clip(self, setting: Setting) -> Setting:
        """The nearest setting that may be chosen: segments give way before the segment does."""
        room = self.command_bytes // self.block_size
        span = self.segment_blocks
        blocks = span.clip(self._whole(min(setting.segment_blocks, max(1, room // self.segments.least))))
        blocks = max(self._whole(blocks), self._up(span.least))
        segments = min(self.segments.clip(setting.segments), max(1, room // blocks, self.segments.least))
        return Setting(self.jobs.clip(setting.window), blocks, segments)

    def _whole(self, blocks: int) -> int:
        return blocks // self.granularity_blocks * self.granularity_blocks

    def _up(self, blocks: int) -> int:
        return -(-blocks // self.granularity_blocks) * self.granularity_blocks


class Knob(Enum):
    """What a move turns."""

    WINDOW = "window"
    SEGMENT = "segment"
    SEGMENTS = "segments"


@dataclass(frozen=True, slots=True)
class Move:
    """A step from one setting to another, tried for what it brings.

    It is kept when throughput is at least `pays` times what it was.
    """

    knob: Knob
    factor: float
    pays: float

    def of(self, setting: Setting, bounds: Bounds) -> Setting:
        """Where the step leads; the same setting where it leads nowhere."""
        match self.knob:
            case Knob.WINDOW:
                new = replace(setting, window=self._step(setting.window))
            case Knob.SEGMENT:
                new = replace(setting, segment_blocks=self._step(setting.segment_blocks))
            case Knob.SEGMENTS:
                new = replace(setting, segments=self._step(setting.segments))
        return bounds.clip(new)

    def _step(self, value: int) -> int:
        step = round(value * self.factor)
        return max(step, value + 1) if self.factor > 1 else max(1, min(step, value - 1))


def _fixed(value: int, most: int) -> Span:
    """A number that is kept, as far as it is allowed."""
    value = min(value, most)
    return Span(value, value)


def size_text(count: float, *, exact: bool = False) -> str:
    """Bytes for a person, such as `1.0 MiB`; with `exact` it is `1 MiB` where it is neither more nor less."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB", "PiB"):
        if round(count, 1) < 1024 or unit == "PiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if unit == "B" or (exact and count == int(count)) else f"{count:.1f} {unit}"
