"""Machines of disks, partitions, multipath maps and volumes at random, and where each sector of them lies.

The model reads the words of tables as `dmsetup table` shows them, one sector at a time, and knows nothing of
the code under test. Which unit a disk is, how large its blocks are and where a partition begins is said here.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    from tests.device.fake_sysfs import Machine

SECTOR = 512
Place = tuple[int, int]  # a unit and a sector of it


@dataclass(frozen=True, slots=True)
class Device:
    """What can be named: on a unit, from a sector on; or made of the lines of a table."""

    name: str
    number: str  # MAJOR:MINOR
    sectors: int
    block_size: int
    unit: int = -1
    first: int = 0
    lines: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        return f"/dev/{self.name}"

    @property
    def blocks(self) -> int:
        return self.sectors * SECTOR // self.block_size


@dataclass
class World:
    """One machine: `units` have so many sectors each, in blocks of these sizes."""

    random: Random
    machine: Machine
    sizes: list[int]
    sectors: int = 512
    devices: dict[str, Device] = field(default_factory=dict)  # by number
    disks: dict[str, int] = field(default_factory=dict)  # unit by name

    def __post_init__(self) -> None:
        for unit in range(len(self.sizes)):
            self._disk(unit)
        self._multipath(0)
        for _ in range(self.random.randint(2, 6)):
            self._volume()

    def place(self, device: Device, sector: int) -> Place:
        """Where a sector lies in the end."""
        assert 0 <= sector < device.sectors
        if not device.lines:
            return device.unit, device.first + sector
        for line in device.lines:
            start, length, kind, *words = line.split()
            within = sector - int(start)
            if not 0 <= within < int(length):
                continue
            if kind == "linear":
                below, first = words[0], int(words[1]) + within
            else:
                stripes, chunk = int(words[0]), int(words[1])
                number = within // chunk
                column = 2 + 2 * (number % stripes)
                below = words[column]
                first = int(words[column + 1]) + number // stripes * chunk + within % chunk
            return self.place(self.devices[below], first)
        raise AssertionError(f"no line of {device} has sector {sector}")

    def places(self, device: Device, lba: int, blocks: int) -> list[Place]:
        """Of all sectors of these blocks, in order."""
        scale = device.block_size // SECTOR
        return [self.place(device, sector) for sector in range(lba * scale, (lba + blocks) * scale)]

    def whole_blocks(self, device: Device, places: list[Place], size: int) -> bool:
        """Whether sectors come in blocks of a size, each block in one place."""
        scale, own = size // SECTOR, device.block_size // SECTOR
        return all(
            places[at + n] == (places[at][0], places[at][1] + n) and places[at][1] % own == 0
            for at in range(0, len(places), scale)
            for n in range(scale)
        )

    def lines(self, device: Device, *, below: bool = False) -> list[str]:
        """The lines of its table and of all tables below it, or of those alone."""
        numbers = {word for line in device.lines for word in line.split()[3:] if ":" in word}
        deeper = [line for number in sorted(numbers) for line in self.lines(self.devices[number])]
        return deeper if below else [*device.lines, *deeper]

    def ways(self, device: Device) -> dict[int, set[str]]:
        """By which disks or multipath maps the units of a device are reached."""
        found: dict[int, set[str]] = {}
        if not device.lines:
            way = device.name.rstrip("0123456789") if device.name.startswith("sd") else device.name
            return {device.unit: {way}}
        for line in device.lines:
            for word in line.split()[3:]:
                if ":" in word:
                    for unit, ways in self.ways(self.devices[word]).items():
                        found.setdefault(unit, set()).update(ways)
        return found

    def _disk(self, unit: int, *, again: bool = False) -> str:
        index = len(self.disks)
        name, minor = f"sd{chr(ord('b') + index)}", 16 * (index + 1)
        grain = self.sizes[unit] // SECTOR
        parts = {}
        if not again and self.random.random() < 0.6:
            first = self.random.randint(1, 12) * grain
            parts = {1: (first, 200), 2: (first + 200, 200)}
        self.machine.disk(
            name, minor, sg=index, size=self.sectors, wwid=f"naa.6001405{unit:025x}", partitions=parts
        )
        self.disks[name] = unit
        self._add(Device(name, f"8:{minor}", self.sectors, self.sizes[unit], unit))
        for number, (first, length) in parts.items():
            self._add(Device(f"{name}{number}", f"8:{minor + number}", length, self.sizes[unit], unit, first))
        return name

    def _multipath(self, unit: int) -> None:
        if self.random.random() < 0.6:
            return
        near, far = f"sd{chr(ord('b') + unit)}", self._disk(unit, again=True)
        uuid = f"mpath-36001405{unit:025x}"
        self.machine.mapped("dm-0", 0, on=[near, far], uuid=uuid, size=self.sectors)
        whole = self._add(Device("dm-0", "253:0", self.sectors, self.sizes[unit], unit))
        grain = self.sizes[unit] // SECTOR
        line = f"0 {16 * grain} linear {whole.number} {self.random.randint(0, 20) * grain}"
        self.machine.mapped("dm-1", 1, on=["dm-0"], uuid=f"part1-{uuid}", table=line)
        self._add(Device("dm-1", "253:1", 16 * grain, self.sizes[unit], lines=(line,)))

    def _volume(self) -> None:
        """Some pieces of whatever there is; at times they overlap, or end inside a block."""
        like = self.random.choice(sorted(set(self.sizes)))
        units = self.random.choice([{0, 1}, {2, 3}, {0, 1, 2, 3}])
        below = [
            device
            for device in self.devices.values()
            if device.block_size == like and self.ways(device).keys() <= units
        ]
        if self.random.random() < 0.9:  # by one way to each unit
            by_map = [device for device in below if "dm-0" in self.ways(device).get(0, ())]
            by_disk = [device for device in below if self.ways(device).get(0, {"sdb"}) == {"sdb"}]
            below = self.random.choice([by_map or by_disk, by_disk])
        if not below:
            return
        grain = like // SECTOR if self.random.random() < 0.9 else 1
        lines: list[str] = []
        taken: list[Place] = []
        for _ in range(self.random.randint(2, 8)):
            columns = self.random.choice([1, 1, 2, 3])
            chunk, rows = self.random.randint(1, 6) * grain, self.random.randint(1, 6)
            on = [self.random.choice(below) for _ in range(columns)]
            rooms = [(device.sectors - chunk * rows) // grain for device in on]
            if min(rooms) < 0:
                continue
            words = [
                f"{device.number} {self.random.randint(0, room) * grain}"
                for device, room in zip(on, rooms, strict=True)
            ]
            length = chunk * rows * columns
            kind = f"striped {columns} {chunk}" if columns > 1 or self.random.random() < 0.2 else "linear"
            line = f"{length} {kind} {' '.join(words)}"
            alone = Device("", "", length, like, lines=(f"0 {line}",))
            places = [self.place(alone, sector) for sector in range(length)]
            if len({*taken, *places}) == len(taken) + length or self.random.random() < 0.02:
                lines.append(f"{len(taken)} {line}")
                taken += places
        if not lines:
            return
        minor = 10 + len(self.devices)
        name, number = f"dm-{minor}", f"253:{minor}"
        made = self._add(Device(name, number, len(taken), like, lines=tuple(lines)))
        numbers = {word for line in lines for word in line.split() if ":" in word}
        on_these = sorted(self.devices[each].name for each in numbers)
        self.machine.mapped(name, minor, on=on_these, uuid=f"LVM-{minor}", table=";".join(made.lines))

    def _add(self, device: Device) -> Device:
        self.devices[device.number] = device
        return device


Range = tuple[int, int, int]  # source LBA, source blocks, destination LBA


def ranges_of(random: Random, source: Device, destination: Device) -> list[Range]:
    """A few ranges inside both, some of which may have blocks in common."""
    large = max(source.block_size, destination.block_size)
    per_read, per_write = large // source.block_size, large // destination.block_size
    found, free, careless = [], 0, random.random() < 0.2
    for _ in range(random.choice([1, 1, 1, 2, 5])):
        to = random.randint(0, destination.blocks) if careless else free + random.randint(0, 3)
        room = min(source.blocks // per_read, (destination.blocks - to) // per_write)
        if room < 0:
            break
        count = random.randint(0, room if random.random() < 0.5 else min(room, 9))
        lba = random.randint(0, source.blocks - count * per_read)
        if random.random() < 0.5:
            lba, to = lba // per_read * per_read, to // per_write * per_write
        found.append((lba, count * per_read, to))
        free = to + count * per_write
    random.shuffle(found)
    return found


@dataclass(frozen=True, slots=True)
class Expected:
    """What a copy has to do: sectors from where to where, in the order of the ranges."""

    moves: list[tuple[Place, Place]]
    must_refuse: str  # why, "" where it has to be done
    may_refuse: bool

    def carried_out(self, before: Iterable[bytes]) -> list[bytearray]:
        """All units afterwards."""
        old = list(before)
        after = [bytearray(unit) for unit in old]
        for (unit, sector), (onto, to) in self.moves:
            data = old[unit][sector * SECTOR : (sector + 1) * SECTOR]
            after[onto][to * SECTOR : (to + 1) * SECTOR] = data
        return after


def expected(world: World, source: Device, destination: Device, ranges: list[Range]) -> Expected:
    """By counting sectors."""
    large = max(source.block_size, destination.block_size)
    moves: list[tuple[Place, Place]] = []
    whole = True
    for lba, blocks, to in ranges:
        reads = world.places(source, lba, blocks)
        writes = world.places(destination, to, blocks * source.block_size // destination.block_size)
        whole = whole and world.whole_blocks(source, reads, large)
        whole = whole and world.whole_blocks(destination, writes, large)
        moves += zip(reads, writes, strict=True)
    written = {to for _, to in moves}
    sides = (source, destination)
    everywhere = [world.places(side, 0, side.blocks) for side in sides]
    why = {
        "a block is written twice": len(written) < len(moves),
        "a block is read and written": bool(written & {place for place, _ in moves}),
        "a block of the larger size is in pieces": not whole,
        "a volume has a block in pieces": not all(
            world.whole_blocks(side, places, side.block_size)
            for side, places in zip(sides, everywhere, strict=True)
        ),
        "a volume has a block twice": any(len(set(places)) < len(places) for places in everywhere),
        "a unit is reached by two ways": any(
            len(by) > 1 for side in sides if side.lines for by in world.ways(side).values()
        ),
    }
    must = next((words for words, is_so in why.items() if is_so), "")
    nested = any(" striped " in line for side in sides for line in world.lines(side, below=True))
    sizes = source.block_size != destination.block_size and any(side.lines for side in sides)
    ragged = any(
        int(number) * SECTOR % side.block_size
        for side in sides
        for line in world.lines(side)
        for number in line.split()
        if number.isdigit() and int(number) != 1
    )
    return Expected(moves, must, bool(must) or nested or sizes or ragged)
