"""A second encoder, by struct and T10's byte numbers alone, that shares nothing with cdb."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def laid_out(size: int, places: Mapping[str, int | bytes]) -> bytes:
    """`size` bytes with each value at its place, all else zero.

    A place is written as the standard numbers it: "10-11" is two bytes, "1.5" bit 5 of byte 1,
    "1.4-3" bits 4 and 3 of it. No two places may touch the same bit; a value must fit.
    """
    whole = bytearray(size)
    taken = bytearray(size)
    for place, value in places.items():
        byte, _, bits = place.partition(".")
        first, _, last = byte.partition("-")
        start, end = int(first), int(last or first) + 1
        if isinstance(value, bytes):
            assert len(value) == end - start, place
            mask = b"\xff" * (end - start)
            part = value
        elif bits:
            high, _, low = bits.partition("-")
            width = int(high) - int(low or high) + 1
            assert 0 <= value < 1 << width, place
            shift = int(low or high)
            part, mask = bytes([value << shift]), bytes([((1 << width) - 1) << shift])
        else:
            formats = {1: ">B", 2: ">H", 4: ">I", 8: ">Q"}
            width = end - start
            part = struct.pack(formats[width], value) if width in formats else value.to_bytes(width, "big")
            mask = b"\xff" * width
        for i, (p, m) in enumerate(zip(part, mask, strict=True), start):
            assert not taken[i] & m, f"{place} touches a bit that is taken"
            taken[i] |= m
            whole[i] |= p
    return bytes(whole)


def cscd_e4(
    designator: bytes, block_length: int, code_set: int = 1, kind: int = 3, device_type: int = 0
) -> bytes:
    head = struct.pack(">BBHBBBB", 0xE4, device_type, 0, code_set, kind, 0, len(designator))
    return head + designator.ljust(20, b"\0") + b"\0" + block_length.to_bytes(3, "big")


def segment_02(
    source: int,
    destination: int,
    blocks: int,
    source_lba: int,
    destination_lba: int,
    dc: int = 0,
    cat: int = 0,
) -> bytes:
    return struct.pack(
        ">BBHHHHHQQ", 2, dc << 1 | cat, 24, source, destination, 0, blocks, source_lba, destination_lba
    )


def lid1_list(
    list_id: int, usage: int, priority: int, cscds: list[bytes], segments: list[bytes], inline: bytes = b""
) -> bytes:
    body = b"".join(cscds), b"".join(segments)
    head = struct.pack(">BBHIII", list_id, usage << 3 | priority, len(body[0]), 0, len(body[1]), len(inline))
    return head + body[0] + body[1] + inline


def extended_copy_cdb(length: int) -> bytes:
    return struct.pack(">BBQIBB", 0x83, 0, 0, length, 0, 0)


def fixed_sense(key: int, asc: int, ascq: int, **fields: bytes | int) -> bytes:
    sense = bytearray(18)
    sense[0], sense[2], sense[7], sense[12], sense[13] = 0x70, key, 10, asc, ascq
    if "information" in fields:
        sense[0] |= 0x80
        sense[3:7] = struct.pack(">I", fields["information"])
    sense[8:12] = bytes(fields.get("specific", bytes(4)))  # type: ignore[arg-type]
    sense[15:18] = bytes(fields.get("sks", bytes(3)))  # type: ignore[arg-type]
    tail = bytes(fields.get("tail", b""))  # type: ignore[arg-type]
    sense[7] += len(tail)
    return bytes(sense) + tail
