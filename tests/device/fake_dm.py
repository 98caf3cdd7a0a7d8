"""Device-mapper's side of DM_TABLE_STATUS, written from <linux/dm-ioctl.h> and what dm-ioctl.c does with it.

The offsets of `struct dm_ioctl`: version 0, data_size 12, data_start 16, target_count 20, flags 28, dev 40,
name 48 (128 bytes), uuid 176 (129 bytes), 312 in all. Of `struct dm_target_spec`: sector_start 0, length 8,
status 16, next 20, target_type 24 (16 bytes), 40 in all; the words of the target follow, NUL at their end.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, field

EMPTY_FLAGS = 0x20  # DM_ACTIVE_PRESENT_FLAG
SUSPENDED = 0x2
HEAD, SPEC = 312, 40


def le(number: int, size: int) -> bytes:
    """A number as this machine has it."""
    return number.to_bytes(size, "little")


def device_number(major: int, minor: int) -> int:
    """What the kernel's huge_encode_dev makes of a number."""
    return (minor & 0xFF) | (major << 8) | ((minor & ~0xFF) << 12)


@dataclass
class FakeDm:
    """The tables of a machine by device number, each line as `dmsetup table` shows it."""

    tables: dict[tuple[int, int], list[str]] = field(default_factory=dict)
    uuids: dict[tuple[int, int], str] = field(default_factory=dict)
    suspended: set[tuple[int, int]] = field(default_factory=set)
    rooms: list[int] = field(default_factory=list)  # of every question

    def __call__(self, buffer: bytearray) -> None:
        assert buffer[0:4] == le(4, 4), "the major version of the interface"
        assert int.from_bytes(buffer[12:16], "little") == len(buffer), "data_size is the room there is"
        flags = int.from_bytes(buffer[28:32], "little")
        assert flags & 0x10, "the table is asked for, not the status"
        assert flags & 0x800, "nothing is to be flushed for it"
        assert not any(buffer[48:305]), "neither a name nor a uuid: it goes by number"
        self.rooms.append(len(buffer))
        asked = int.from_bytes(buffer[40:48], "little")
        number = next((n for n in self.tables if device_number(*n) == asked), None)
        if number is None:
            raise OSError(errno.ENXIO, os.strerror(errno.ENXIO))
        buffer[:] = answer(
            number,
            self.tables[number],
            self.uuids.get(number, ""),
            len(buffer),
            EMPTY_FLAGS | (SUSPENDED if number in self.suspended else 0),
        )


def answer(
    number: tuple[int, int], lines: list[str], uuid: str, room: int, flags: int = EMPTY_FLAGS
) -> bytes:
    """What the kernel leaves in a buffer of `room` bytes."""
    data, specs = b"", [line.split(" ", 3) for line in lines]
    end = 0  # the data end with the last word, where the last target says that it ends is aligned
    for start, length, kind, *words in specs:
        text = " ".join(words).encode() + b"\0"
        end = len(data) + SPEC + len(text)
        following = -(-end // 8) * 8
        spec = le(int(start), 8) + le(int(length), 8) + le(0, 4) + le(following, 4)
        data += (spec + kind.encode().ljust(16, b"\0") + text).ljust(following - len(data), b"\0")
    data = data[:end]
    full = HEAD + len(data) > room
    size = HEAD if full else HEAD + len(data)
    head = le(4, 4) + le(48, 4) + le(0, 4) + le(size, 4) + le(HEAD, 4) + le(len(lines), 4) + le(1, 4)
    head += le(flags | (0x100 if full else 0), 4) + le(0, 4) + le(0, 4) + le(device_number(*number), 8)
    head += b"a-name".ljust(128, b"\0") + uuid.encode().ljust(129, b"\0") + bytes(7)
    return (head + (b"" if full else data)).ljust(room, b"\0")
