"""The emulated array: units behind one copy manager, what happens to them, and what was asked of them.

Every command passes the log and the faults here, and goes on to the door of the units.
Data moves outside the lock, so commands at once run at once.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from threading import Lock
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from cdb.command import Command, NotSent, Reply
from xcopy.target import identity
from xcopy.target.attention import (
    CAPACITY_CHANGED,
    DEVICE_RESET,
    NEXUS_LOSS,
    POWER_ON,
    Attention,
    Attentions,
)
from xcopy.target.backing import MemoryBacking
from xcopy.target.copy_manager import CopyManager
from xcopy.target.door import Door
from xcopy.target.faults import Fault, Faults, Step, nothing
from xcopy.target.mode import Mode
from xcopy.target.pace import Pace
from xcopy.target.profile import STRICT, Profile
from xcopy.target.refusal import Refused
from xcopy.target.reservation import Reservations
from xcopy.target.tokens import counted
from xcopy.target.unit import Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from xcopy.target.run import CopiedSegment
    from xcopy.target.tape import TapeUnit

MEMORY_ID = bytes.fromhex("0000000000000001")
LOG_LENGTH = 10_000  # entries kept; the counts are exact whatever was forgotten


@dataclass(frozen=True, slots=True)
class Logged:
    """One command that arrived: at which unit, its bytes, and what its sender calls it."""

    unit: int
    cdb: bytes
    name: str

    @property
    def opcode(self) -> int | None:
        """The first byte, None of an empty CDB."""
        return self.cdb[0] if self.cdb else None


def standing_still() -> float:
    """A clock for arrays in which nothing depends on time."""
    return 0.0


class Array:
    """Units that copy among each other; `open` gives a `Transport` to one of them.

    `array_id` is 8 bytes and makes the units' designators differ from any other array's; `now` gives
    seconds from any beginning, never fewer than before; `token_bytes` gives that many bytes for a ROD token:
    without it tokens can be guessed. `later` is handed what is to be done after an answer, for a thread of
    the caller's own; without it `work` does it. `pause` waits for so many seconds, of which the profile and
    the faults say how many; without it nothing is waited for. `tapes` are copied to and from, like the units.
    """

    def __init__(
        self,
        units: Iterable[Unit],
        profile: Profile = STRICT,
        *,
        array_id: bytes = MEMORY_ID,
        faults: Iterable[Fault] = (),
        now: Callable[[], float] = standing_still,
        token_bytes: Callable[[int], bytes] | None = None,
        tapes: Iterable[TapeUnit] = (),
        later: Callable[[Callable[[], None]], None] | None = None,
        pause: Callable[[float], object] = nothing,
    ) -> None:
        if len(array_id) != identity.ARRAY_ID_LENGTH:
            raise ValueError(f"an array id is {identity.ARRAY_ID_LENGTH} bytes, got {len(array_id)}")
        listed, wound = tuple(units), tuple(tapes)
        self._units = {u.number: u for u in listed}
        self._tapes = {tape.number: tape for tape in wound}
        if len(self._units | self._tapes) != len(listed) + len(wound):
            raise ValueError("two units of the array have the same number")
        self.array_id = array_id
        self.profile = profile = profile if wound else profile.without_tapes()
        self._pace = Pace(
            latency=profile.latency, bandwidth=profile.bandwidth, ahead=profile.ahead, now=now, pause=pause
        )
        self.faults = Faults((*profile.faults, *faults), pause=pause, moved=self._pace.moved)
        self._lock = Lock()
        self._attentions = Attentions(Attention(*profile.first_attention))
        self._log: deque[Logged] = deque(maxlen=LOG_LENGTH)
        self._counts: Counter[int | None] = Counter()
        descriptor_sense = _descriptor_sense(profile, self._units)
        self._copy_manager = CopyManager(
            array_id=array_id,
            units=self._units,  # the same dict: a change is seen there, and there is no way back to here
            tapes=self._tapes,
            profile=profile,
            faults=self.faults,
            now=now,
            remembered=LOG_LENGTH,
            token_bytes=token_bytes or counted(),
            later=later,
            descriptor_sense=descriptor_sense,
        )
        self._units.update({n: self._taken_in(unit) for n, unit in self._units.items()})
        self._door = Door(
            array_id=array_id,
            profile=profile,
            units=self._units,
            tapes=self._tapes,
            copy_manager=self._copy_manager,
            attentions=self._attentions,
            descriptor_sense=descriptor_sense,
        )

    @property
    def units(self) -> Mapping[int, Unit]:
        """The disks by number."""
        return MappingProxyType(self._units)

    @property
    def tapes(self) -> Mapping[int, TapeUnit]:
        """The tapes by number; no disk has the number of a tape."""
        return MappingProxyType(self._tapes)

    @property
    def log(self) -> tuple[Logged, ...]:
        """The last commands that arrived, oldest first."""
        with self._lock:
            return tuple(self._log)

    @property
    def copied_segments(self) -> tuple[CopiedSegment, ...]:
        """The last segments that were copied to their end, in the order they were finished."""
        return self._copy_manager.copied_segments

    def count(self, opcode: int) -> int:
        """How many commands with that operation code arrived, answered or not."""
        with self._lock:
            return self._counts[opcode]

    def open(self, number: int, nexus: str = "initiator") -> Session:
        """A way to one unit; a number the array has not is a `LookupError`."""
        if number not in self._units and number not in self._tapes:
            units = _spoken({*self._units, *self._tapes})
            raise LookupError(f"the array has no unit {number}; it has {units}")
        if number in self._units and not self._units[number].is_seen_by(nexus):
            raise LookupError(f"unit {number} of the array is not mapped to {nexus}")
        return Session(self, number, nexus)

    def change(
        self, number: int, *, third_party_copy: bool | None = None, read_only: bool | None = None
    ) -> None:
        """Switch a unit's 3PC or write protection, also under a running copy: the next segment sees it.

        Nobody is told; `attend` can do that.
        """
        with self._lock:
            unit = self._units[number]
            self._units[number] = replace(
                unit,
                third_party_copy=unit.third_party_copy if third_party_copy is None else third_party_copy,
                read_only=unit.read_only if read_only is None else read_only,
            )

    def resize(self, number: int, blocks: int) -> None:
        """Give a unit more or fewer blocks, also under a running copy; every nexus is told.

        Blocks that its backing has no room for are a `ValueError`.
        """
        with self._lock:
            self._units[number] = replace(self._units[number], blocks=blocks)
        self.attend(CAPACITY_CHANGED, number=number)

    def attend(self, attention: Attention, *, number: int | None = None, nexus: str | None = None) -> None:
        """Have every nexus that knows a unit told of something; only of that unit, or only that nexus."""
        self._attentions.establish(attention, number=number, nexus=nexus)

    def power_cycle(self) -> None:
        """Power is lost and comes back: copies, results and reservations do not survive it."""
        for number in self._units:
            self._copy_manager.reset(number)
        for unit in self._units.values():
            unit.reservations.lose_power()
        self.attend(POWER_ON)

    def work(self) -> bool:
        """One step of what goes on in the background, a segment of a copy; True when there is more to do."""
        return self._copy_manager.work()

    def reset(self, number: int, *, but: str | None = None) -> None:
        """LOGICAL UNIT RESET: every nexus `but` that one is told, the copies end, their results are gone."""
        self._attentions.establish(DEVICE_RESET, number=number, but=but)
        self._copy_manager.reset(number)

    def abort(self, number: int, nexus: str) -> None:
        """ABORT TASK SET: the copies in the commands of a nexus end; what is told of them stays."""
        self._copy_manager.abort_commands(nexus, number)

    def lose(self, nexus: str) -> None:
        """I_T NEXUS LOSS: the results of its copies are gone, what runs in the background goes on."""
        self._copy_manager.lose(nexus)
        self.attend(NEXUS_LOSS, nexus=nexus)

    def revoke_tokens(self, number: int) -> None:
        """End every ROD token of a unit's data, as an administrator would."""
        self._copy_manager.place.tokens.revoke(number)

    def send(self, number: int, nexus: str, command: Command) -> Reply:
        """What `Session.send` does: note the command, let a fault have its way, answer."""
        with self._lock:
            logged = Logged(number, command.cdb, command.name)
            self._log.append(logged)
            self._counts[logged.opcode] += 1
        self._pace.command()
        step = Step(kind="command", unit=number, cdb=command.cdb, timeout=command.timeout, nexus=nexus)
        try:
            return self.faults.command(step, lambda: self._door.answer(number, nexus, command))
        except Refused as refusal:
            return refusal.reply

    def _taken_in(self, unit: Unit) -> Unit:
        """A unit with what is this array's own."""
        attentions = self._attentions

        def tell(nexus: str, attention: Attention) -> None:
            attentions.establish(attention, number=unit.number, nexus=nexus)

        return replace(
            unit,
            overwriting=self._copy_manager.place.rods.overwriting,
            reservations=Reservations(tell),
            mode=Mode(descriptor_sense=self.profile.descriptor_sense),
        )


class Session:
    """An open way to one unit (`cdb.command.Transport`); any number may be open, in any number of threads."""

    def __init__(self, array: Array, number: int, nexus: str) -> None:
        self._array: Array | None = array
        self._number = number
        self._nexus = nexus

    def send(self, command: Command) -> Reply:
        """The array's answer; after `close` it is `NotSent`."""
        if self._array is None:
            raise NotSent(f"{command.name}: unit {self._number} of the emulated array is closed")
        return self._array.send(self._number, self._nexus, command)

    def close(self) -> None:
        """Let go of the array; a second call does nothing."""
        self._array = None


def memory_array(
    units: int = 2,
    *,
    blocks: int = 2048,
    block_size: int = 512,
    profile: Profile = STRICT,
    array_id: bytes = MEMORY_ID,
    faults: Iterable[Fault] = (),
    now: Callable[[], float] = standing_still,
    pause: Callable[[float], object] = nothing,
    **changes: Any,
) -> Array:
    """An array of equal units of zeros in memory, numbered from 0; for other units build `Array` yourself.

    `changes` are fields of the profile that shall be others.
    """
    made = [
        Unit(
            number=n,
            serial=serial(array_id, n),
            block_size=block_size,
            blocks=blocks,
            backing=MemoryBacking(bytes(blocks * block_size)),
        )
        for n in range(units)
    ]
    return Array(made, replace(profile, **changes), array_id=array_id, faults=faults, now=now, pause=pause)


def serial(array_id: bytes, number: int) -> str:
    """The serial number of a unit, different for every unit of every array."""
    return f"{array_id.hex()}-{number:04d}"


def _descriptor_sense(profile: Profile, units: Mapping[int, Unit]) -> Callable[[int], bool]:
    """Which format the sense data of a unit have, without a way back to the array."""
    longest = profile.fixed_sense_blocks

    def descriptor_sense(number: int) -> bool:
        unit = units.get(number)
        if unit is None:  # a tape is not among them
            return profile.descriptor_sense
        return unit.mode.descriptor_sense or bool(longest and unit.blocks > longest)

    return descriptor_sense


def _spoken(units: Collection[int]) -> str:
    return f"units {min(units)} to {max(units)}" if units else "none"
