"""Which setting a copy runs at next: commands in flight, bytes per segment, segments per command.

It tries one step at a time from the best setting so far, keeps what pays, and remembers what did not and
where the storage pushed back. Nothing here sends or waits, and time is an argument.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from math import hypot
from typing import TYPE_CHECKING

from xcopy.conversation import Pushback
from xcopy.gauge import Gauge, Reading
from xcopy.settings import LEAST_SEGMENT, Bounds, Knob, Move, Setting, size_text

if TYPE_CHECKING:
    from xcopy.bucket import Bucket
    from xcopy.plan import Shape

# The policy. Seconds and shares; the reason beside each.
FIRST_WINDOW = 2  # polite, and two already tell a serial target from a parallel one
FIRST_SEGMENT = 2**20  # bytes: small commands teach fast, and no array is far from its best at 1 MiB
SHORT_COMMAND = 0.05  # seconds: one that takes less is mostly overhead, whoever's it is
LEAP = Move(Knob.SEGMENT, 4, 1.1)  # only from short commands: on fast storage sizes are what there is to gain
MOVES = (  # in the order they are tried: what may double throughput comes before what trims it
    LEAP,
    Move(Knob.WINDOW, 2, 1.03),  # less than 3 % for twice the load is not worth other people's latency
    Move(Knob.SEGMENT, 2, 1.02),
    Move(
        Knob.SEGMENT, 1 / 2, 1.12
    ),  # smaller ones cost the host more, and look better than they are at first
    Move(Knob.SEGMENTS, 2, 1.02),
    Move(Knob.SEGMENTS, 1 / 2, 1.03),
    Move(Knob.WINDOW, 1.5, 1.02),
    Move(Knob.WINDOW, 1 / 1.5, 0.985),  # fewer in flight for the same throughput is better for all
    Move(Knob.WINDOW, 1.2, 1.01),
    Move(Knob.WINDOW, 1 / 1.2, 0.985),
)
CLIMBS = tuple(move for move in MOVES if move.knob is Knob.WINDOW and move.factor > 1)
SLIDE = 0.96  # of the best seen: many small losses, each within the noise, may not add up to more
FADING = 0.99  # of the best seen, with each time it is not seen again: storage has its moments
LEAST_SAMPLES = 2  # commands in a round at the least
SURE = 2.0  # standard errors: past these a difference is believed at once
TRIAL_SECONDS, TRIAL_SAMPLES = 1.0, 128  # then a difference that is still in doubt is taken as measured
BASE_SECONDS, BASE_ERROR = 0.5, 0.01  # between trials: measuring what we return to costs nothing but time
PASSES = 3  # over the moves in one search: up and down by turns within the noise must end
LOST_TRIAL = 3.0  # times what its round takes if nothing is gained: then it has lost, whatever it would say
LONG_COMMAND = 4.0  # seconds: none is made to last longer; stopping waits for it, and it teaches slowly
TRIAL_COST = 0.02  # share of the throughput that looking for better may cost once settled
HOLD, HOLD_GROWTH, HOLD_MOST = 1.5, 1.3, 15.0  # seconds between looks: rarer while nothing changes
EPOCH_SECONDS = 0.5  # how long a settled copy is measured before it is compared with before
DRIFT, DRIFTS = (
    0.15,
    2,
)  # a change by more than this, twice running, is a change of the storage: search
REMEMBERED = 256  # refused settings kept in memory
CEILING_SECONDS = 5.0  # a window that was pushed back is let be: the storage may be restarting
CEILING_GROWTH, CEILING_MOST = 3.0, 240.0  # each time a climb meets it again it is believed for longer
EASE = {  # what is left of the window when the storage pushes back at a setting that had been fine
    Pushback.BUSY: 0.75,
    Pushback.QUEUE_FULL: 0.75,
    Pushback.ABORTED: 0.75,
    Pushback.RESOURCES: 0.5,
    Pushback.SILENT: 0.5,
    Pushback.ID_IN_USE: 1.0,  # says nothing of the load
}
SHRINKING = (Pushback.RESOURCES, Pushback.SILENT)  # with one command in flight: it may be the command's size
TAIL_SHARE = 8  # the last commands are no smaller than this part of a command: overhead must not eat the gain


class Governor:
    """Chooses `window` and `shape` from what is told of each command; sizes in bytes, times in seconds.

    Of every command `sent` is told once, and then either `completed` or `lost`; its latency runs from `sent`
    and includes waits. Times may repeat but mean nothing when they run backwards. The search begins at
    `start`, a polite one if not given. A `bucket` paces it; all that is to keep one rate together shares one.
    """

    def __init__(self, bounds: Bounds, *, start: Setting | None = None, bucket: Bucket | None = None) -> None:
        self._bucket = bucket
        self._gauge = Gauge()
        self._bounds = self._capped(bounds)
        start = start or Setting(FIRST_WINDOW, max(1, FIRST_SEGMENT // bounds.block_size), 1)
        self._base = self._setting = self._bounds.clip(start)
        self._shape = self._base.shape
        self._reading: Reading | None = None  # of the base
        self._best = 0.0  # bytes per second since the search began
        self._move: Move | None = None  # on trial
        self._moves: deque[Move] = deque(MOVES)
        self._improved = self._settled = self._warm = False
        self._early = False  # the reading of the base is from the trial it won
        self._passes = 1
        self._began = self._deadline = float("-inf")
        self._look = LEAST_SAMPLES
        self._refused: dict[Setting, float] = {}  # not to be tried again before
        self._pause, self._next_trial, self._turn = HOLD, 0.0, 0
        self._drifts = 0
        self._ceiling: int | None = None  # commands in flight that were pushed back
        self._ceiling_until, self._ceiling_seconds = 0.0, CEILING_SECONDS
        self._pushed = self._peak = 0  # pushed back since the setting changed; in flight at the first of them

    @property
    def window(self) -> int:
        """How many commands may be in flight now."""
        return self._setting.window

    @property
    def shape(self) -> Shape:
        """How big the next command is."""
        return self._shape

    @property
    def state(self) -> str:
        """The setting for a progress line, such as `32 x 1 MiB`, or `8 x 4 x 256 KiB` with four segments."""
        setting = self._setting
        segment = setting.segment_blocks * self._bounds.block_size
        count = f"{setting.segments} x " if setting.segments > 1 else ""
        return f"{setting.window} x {count}{size_text(segment, exact=True)}"

    def shape_for(self, remaining: int) -> Shape:
        """How big the next command is with `remaining` bytes to send: the last fill the window evenly."""
        setting, bounds = self._setting, self._bounds
        command = setting.command_blocks
        least = max(command // TAIL_SHARE, LEAST_SEGMENT // bounds.block_size, 1)
        share = max(-(-remaining // (bounds.block_size * setting.window)), least)
        if share >= command:
            return self._shape
        if share >= setting.segment_blocks:
            return bounds.clip(
                Setting(setting.window, setting.segment_blocks, -(-share // setting.segment_blocks))
            ).shape
        # A power of two: arrays have granularities that they do not tell.
        return bounds.clip(Setting(setting.window, 1 << (share - 1).bit_length(), 1)).shape

    def ready_at(self, now: float) -> float:
        """When the next command may go under the rate cap: `now` when it may at once."""
        return self._bucket.ready_at(now) if self._bucket else now

    def sent(self, size: int, now: float) -> None:
        """A command of `size` bytes went."""
        if self._bucket:
            self._bucket.sent(size, now)
        self._gauge.sent(now)

    def completed(self, size: int, latency: float, now: float) -> None:
        """A command copied `size` bytes, `latency` seconds after it was sent."""
        gauge = self._gauge
        now = gauge.completed(size, latency, now)
        if not self._warm:  # the first command goes alone, and wakes things up
            self._warm = True
            self._apply(self._base, now)
        elif gauge.started and gauge.samples >= self._look:
            self._judge(now)
        elif now > self._deadline and self._move and gauge.samples < self._round:
            self._refuse(0.0, now)

    def lost(self, now: float) -> None:
        """A command ended without copying anything."""
        self._gauge.gone(now)

    def refused(self, size: int, sent: float, now: float) -> None:
        """A command of `size` bytes that went at `sent` was lost before it began."""
        if self._bucket:
            self._bucket.refused(size, sent, now)

    def pushed_back(self, why: Pushback, now: float) -> None:
        """The storage would not take a command, or was silent: not so much at once."""
        if EASE[why] == 1:
            return
        gauge = self._gauge
        self._peak = self._peak or gauge.in_flight
        self._pushed += 1
        if self._move:
            if self._setting.window > self._base.window:
                self._ceiling, self._ceiling_until = self._accepted + 1, now + self._ceiling_seconds
                self._ceiling_seconds = min(self._ceiling_seconds * CEILING_GROWTH, CEILING_MOST)
                self._moves.appendleft(self._move)  # as far as the ceiling
            pushed, peak = self._pushed, self._peak
            self._refuse(0.0, now)
            self._pushed, self._peak = pushed, peak  # the others of this trial are still to be heard of
        elif not gauge.started:
            if self._ceiling is not None:
                self._ceiling = min(self._ceiling, self._accepted + 1)
        elif self._pushed == 1 or gauge.samples:
            self._ease(why, now)

    def bound(self, bounds: Bounds, now: float) -> None:
        """The bounds are others from now on: the storage took less than it said."""
        self._bounds = self._capped(bounds)
        self._move, self._reading = None, None
        self._apply(self._bounds.clip(self._base), now)
        self._base = self._setting

    def _capped(self, bounds: Bounds) -> Bounds:
        return bounds.holding(self._bucket.largest_command) if self._bucket else bounds

    @property
    def _accepted(self) -> int:
        """How many commands were taken when others were pushed back, no fewer than the base's."""
        return max(self._base.window, self._peak - self._pushed)

    def _ease(self, why: Pushback, now: float) -> None:
        base, bounds = self._base, self._bounds
        window = max(bounds.jobs.least, min(base.window - 1, int(base.window * EASE[why])))
        if window < base.window:
            self._ceiling, self._ceiling_until = base.window, max(self._ceiling_until, now + CEILING_SECONDS)
            eased = replace(base, window=window)
        elif why in SHRINKING and base.segments > 1:
            eased = replace(base, segments=base.segments // 2)
        elif why in SHRINKING:
            eased = replace(base, segment_blocks=max(1, base.segment_blocks // 2))
        else:
            return
        self._base, self._reading, self._best = bounds.clip(eased), None, 0.0
        self._search()
        self._apply(self._base, now)

    # The search: one step at a time from the base

    def _search(self, moves: tuple[Move, ...] = MOVES) -> None:
        self._settled, self._improved, self._passes = False, False, 1
        self._moves = deque(moves)
        self._pause = HOLD

    def _apply(self, setting: Setting, now: float) -> None:
        resized = setting.shape != self._shape
        usual = self._reading.latency if self._reading else 1.0
        self._gauge.begin(
            now,
            old=self._gauge.in_flight if resized else 0,
            level=setting.window,
            patience=LOST_TRIAL * usual,
        )
        self._setting, self._shape = setting, setting.shape
        self._began, self._look = now, self._round
        self._pushed = self._peak = 0

    @property
    def _round(self) -> int:
        return max(self._setting.window, LEAST_SAMPLES)

    def _judge(self, now: float) -> None:
        reading = self._gauge.reading(now)
        if self._move is None:
            self._measured(reading, now)
            return
        base = self._reading
        assert base is not None
        gain = reading.rate / base.rate if base.rate else 1.0
        pays = self._move.pays
        error = hypot(reading.error, base.error)
        if (
            abs(gain - pays) < SURE * error
            and reading.samples < TRIAL_SAMPLES
            and now - self._began < TRIAL_SECONDS
        ):
            self._look = reading.samples + self._round
        elif gain >= pays + (error if pays > 1 else 0.0) and reading.rate >= SLIDE * self._best:
            self._accept(reading, now)
        else:
            self._refuse(gain, now)

    def _accept(self, reading: Reading, now: float) -> None:
        move = self._move
        assert move is not None
        self._base, self._reading, self._move = self._setting, reading, None
        self._early = move.knob is Knob.WINDOW
        self._best = max(self._best, reading.rate)
        if self._settled:
            self._search()
        self._improved = self._improved or move.pays > 1
        self._moves.appendleft(move)  # what paid once may pay again
        self._next(now)

    def _refuse(self, gain: float, now: float) -> None:
        cost = (now - self._began) * max(1 - gain, 0.0) / TRIAL_COST
        if len(self._refused) >= REMEMBERED:
            self._refused.clear()
        self._refused[self._setting] = now + max(cost, HOLD)
        self._pause = min(self._pause * HOLD_GROWTH, HOLD_MOST)
        self._next_trial = now + max(cost, self._pause)
        self._move = None
        self._apply(self._base, now)

    def _measured(self, reading: Reading, now: float) -> None:
        """The base was measured for a while: is it time for another step?"""
        before = self._reading
        long_enough = now - self._began >= (EPOCH_SECONDS if self._settled else BASE_SECONDS)
        sure_enough = not self._settled and (before is None or reading.error <= BASE_ERROR)
        if not long_enough and not sure_enough:
            self._look = reading.samples + self._round
            return
        if self._settled and before is not None and self._drifted(before, reading):
            self._drifts += 1
            if self._drifts == DRIFTS:
                self._drifts, self._reading, self._best = 0, reading, reading.rate
                self._refused.clear()
                self._search()
                self._next(now)
                return
        else:
            self._drifts = 0
            if self._early:  # what a queue lets through while it fills is more than it lets through full
                self._reading, self._best, self._early = reading, reading.rate, False
            else:
                self._reading = reading if before is None else _both(before, reading)
                self._best = max(self._best * FADING, self._reading.rate)
            if not self._settled:
                self._next(now)
                return
            if self._ceiling is not None and now >= self._ceiling_until:
                self._ceiling = None
                self._search(CLIMBS)
                self._next(now)
                return
            if now >= self._next_trial and self._look_around(now):
                return
        self._apply(self._base, now)

    def _next(self, now: float) -> None:
        """The next step of a search, or the end of it."""
        while True:
            while self._moves:
                if self._early and self._moves[0].knob is not Knob.WINDOW:
                    self._apply(self._base, now)  # measured full before other things are tried against it
                    return
                if self._try(self._moves.popleft(), now):
                    return
            if not self._improved or self._passes == PASSES:
                break
            self._moves, self._improved = deque(MOVES), False
            self._passes += 1
        self._settled = True
        self._next_trial = max(self._next_trial, now + self._pause)
        self._apply(self._base, now)

    def _look_around(self, now: float) -> bool:
        """Settled: another step once in a while, each in its turn."""
        for ahead in range(1, len(MOVES) + 1):
            turn = (self._turn + ahead) % len(MOVES)
            if self._try(MOVES[turn], now):
                self._turn = turn
                return True
        return False

    def _try(self, move: Move, now: float) -> bool:
        """Begin a step, unless it leads nowhere or to what is known to be no better."""
        base, reading = self._base, self._reading
        assert reading is not None
        if move is LEAP and reading.latency > SHORT_COMMAND:
            return False
        target = move.of(base, self._bounds)
        if self._ceiling is not None and now < self._ceiling_until and target.window >= self._ceiling:
            target = replace(target, window=max(base.window, self._ceiling - 1))
        if target == base or self._refused.get(target, now) > now:
            return False
        if reading.latency * target.command_blocks > max(LONG_COMMAND, reading.latency) * base.command_blocks:
            return False
        load = max(1.0, target.window * target.command_blocks / (base.window * base.command_blocks))
        self._apply(target, now)
        self._move = move
        self._deadline = now + reading.latency * (1 + LOST_TRIAL * load)
        return True

    @staticmethod
    def _drifted(before: Reading, reading: Reading) -> bool:
        change = abs(reading.rate / before.rate - 1) if before.rate else 1.0
        return change > DRIFT + SURE * hypot(before.error, reading.error)


def _both(before: Reading, now: Reading) -> Reading:
    """Two readings of one setting as one; the older counts no more than the newer."""
    old = min(1 / before.error**2, 1 / now.error**2)
    new = 1 / now.error**2
    share = old / (old + new)
    return Reading(
        before.rate * share + now.rate * (1 - share),
        (old + new) ** -0.5,
        now.samples,
        now.latency,
    )
