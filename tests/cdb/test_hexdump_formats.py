"""Reading inverts what the tools on this machine print, and every format written here a second time."""

from __future__ import annotations

import random
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.errors import DecodeError
from cdb.hexdump import read_blocks
from tests.cdb.test_hexdump import CDB, LISTED, TSHARK, XXD, only

if TYPE_CHECKING:
    from collections.abc import Callable

SHOWN = bytes.fromhex("3c3d3e3f404142434445464748494a4b") + b"abcdef12" * 2 + b"xyz"
LOOKS_LIKE_HEX = bytes.fromhex("0083001c02010018") + b"abcdef12 deadface 83 00 "


@pytest.mark.parametrize(
    "text",
    [
        XXD,
        "00000000: 3C 3D 3E 3F 40 41 42 43  <=>?@ABC\n00000008: 44 45 46 47 48 49 4A 4B  DEFGHIJK\n"
        "00000010: 61 62 63 64 65 66 31 32  abcdef12\n00000018: 61 62 63 64 65 66 31 32  abcdef12\n"
        "00000020: 78 79 7A                 xyz\n",
        "3c3d3e3f404142434445464748494a4b616263646566313261626364\n6566313278797a\n",
        "unsigned char r_bin[] = {\n"
        "  0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47,\n"
        "  0x48, 0x49, 0x4a, 0x4b, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x31, 0x32,\n"
        "  0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x31, 0x32, 0x78, 0x79, 0x7a\n};\n"
        "unsigned int r_bin_len = 35;\n",
        "00000000  3c 3d 3e 3f 40 41 42 43  44 45 46 47 48 49 4a 4b  |<=>?@ABCDEFGHIJK|\n"
        "00000010  61 62 63 64 65 66 31 32  61 62 63 64 65 66 31 32  |abcdef12abcdef12|\n"
        "00000020  78 79 7a                                          |xyz|\n00000023\n",
        "0000000 3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b\n"
        "0000020 61 62 63 64 65 66 31 32 61 62 63 64 65 66 31 32\n0000040 78 79 7a\n0000043\n",
        "0000000 3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b\n"
        "0000016 61 62 63 64 65 66 31 32 61 62 63 64 65 66 31 32\n0000032 78 79 7a\n0000035\n",
        "000000 3c 3d 3e 3f 40 41 42 43 44 45 46 47 48 49 4a 4b  ><=>?@ABCDEFGHIJK<\n"
        "000010 61 62 63 64 65 66 31 32 61 62 63 64 65 66 31 32  >abcdef12abcdef12<\n"
        "000020 78 79 7a                                         >xyz<\n000023\n",
    ],
    ids=[
        "xxd",
        "xxd -u -c 8 -g 1",
        "xxd -p",
        "xxd -i",
        "hexdump -C",
        "od -t x1",
        "od -A d -t x1",
        "od -A x -t x1z",
    ],
)
def test_dumps_of_one_file(text: str) -> None:
    """xxd of 2022-01-14, hexdump of util-linux 2.38.1, od of coreutils 9.1."""
    assert only(text) == SHOWN


TOOLS = {
    "xxd": ["xxd"],
    "xxd -a": ["xxd", "-a"],
    "xxd -g 1 -c 24": ["xxd", "-g", "1", "-c", "24"],
    "xxd -p": ["xxd", "-p"],
    "xxd -i": ["xxd", "-i"],
    "hexdump -C": ["hexdump", "-C"],
    "hexdump -v -C": ["hexdump", "-v", "-C"],
    "od -A x -t x1": ["od", "-A", "x", "-t", "x1"],
    "od -A x -t x1z": ["od", "-A", "x", "-t", "x1z"],
    "od -v -t x1": ["od", "-v", "-t", "x1"],
    "od -v -A d -t x1": ["od", "-v", "-A", "d", "-t", "x1"],
    "od -v -A n -t x1": ["od", "-v", "-A", "n", "-t", "x1"],
}
FILES = {
    "command": CDB,
    "parameter list": LISTED,
    "text that is hex": LOOKS_LIKE_HEX,
    "equal rows": bytes(100) + b"\xff" * 64 + b"A" * 40,
    "equal rows to the end": LISTED[:16] + bytes(512),
    "a row of spaces": b" " * 40 + b"|<> *" + b" " * 16,
    "300 random": random.Random(8).randbytes(300),
}


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("name", FILES)
def test_what_the_tool_on_this_machine_prints(tool: str, name: str) -> None:
    argv = TOOLS[tool]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed")
    printed = subprocess.run(argv, input=FILES[name], stdout=subprocess.PIPE, check=True).stdout
    (block,) = read_blocks(printed)
    assert block.data == FILES[name]


def rows(data: bytes, width: int = 16) -> list[tuple[int, bytes]]:
    return [(at, data[at : at + width]) for at in range(0, len(data), width)]


def shown(data: bytes) -> str:
    return "".join(chr(b) if 0x20 <= b <= 0x7E else "." for b in data)


def starred(data: bytes, row: str, end: str) -> str:
    lines: list[str] = []
    last = b""
    for at, part in rows(data):
        if part == last:
            lines += [] if lines[-1] == "*" else ["*"]
        else:
            lines.append(row.format(at=at, hex=part.hex(" "), text=shown(part)))
        last = part
    return "\n".join([*lines, end.format(at=len(data)), ""])


def as_hexdump(data: bytes) -> str:
    lines = starred(data, "{at:08x}  {hex}\x00|{text}|", "{at:08x}").split("\n")
    return "\n".join(
        f"{r[:33]} {r[33:]}".partition("\x00")[0].ljust(60) + r.partition("\x00")[2] if "\x00" in r else r
        for r in lines
    )


def as_sg3(data: bytes, text: bool) -> str:
    lines = []
    for at, part in rows(data):
        hexes = (part[:8].hex(" ") + "  " + part[8:].hex(" ")).rstrip()
        lines.append(f" {at:02x}".ljust(8) + hexes.ljust(52) * text + hexes * (not text) + shown(part) * text)
    return "\n".join(lines)


def as_xxd(data: bytes) -> str:
    return "\n".join(f"{at:08x}: {part.hex(' ', -2):39}  {shown(part)}" for at, part in rows(data))


FORMATS: dict[str, Callable[[bytes], str]] = {
    "spaced": lambda d: d.hex(" "),
    "spaced, 16 a line": lambda d: "\n".join(p.hex(" ") for _, p in rows(d)),
    "sg3 without address": lambda d: "\n".join(f"{p[:8].hex(' ')}  {p[8:].hex(' ')}" for _, p in rows(d)),
    "stream": lambda d: d.hex(),
    "stream, 30 a line": lambda d: "\n".join(p.hex() for _, p in rows(d, 30)),
    "upper": lambda d: d.hex(" ").upper(),
    "commas": lambda d: d.hex(","),
    "colons": lambda d: d.hex(":"),
    "dashes": lambda d: d.hex("-"),
    "0x": lambda d: " ".join(f"0x{b:x}" for b in d),
    "h": lambda d: " ".join(f"{b:02x}h" for b in d),
    "escapes": lambda d: "".join(f"\\x{b:02x}" for b in d),
    "C": lambda d: (
        "u8 x[] = {\n" + ",\n".join(",".join(f"0x{b:02x}" for b in p) for _, p in rows(d, 8)) + "\n};"
    ),
    "bracketed": lambda d: f"data-in: [{d.hex(' ')}]",
    "xxd": as_xxd,
    "hexdump -C": as_hexdump,
    "od -A x": lambda d: starred(d, "{at:06x} {hex}", "{at:06x}"),
    "od -A x z": lambda d: starred(d, "{at:06x} {hex:47}  >{text}<", "{at:06x}"),
    "od": lambda d: "\n".join([*(f"{a:07o} {p.hex(' ')}" for a, p in rows(d)), f"{len(d):07o}"]),
    "od -A d": lambda d: "\n".join([*(f"{a:07d} {p.hex(' ')}" for a, p in rows(d)), f"{len(d):07d}"]),
    "od of BSD": lambda d: "\n".join(
        [*(f"{a:07o}    {p.hex('.').replace('.', '  ')}" for a, p in rows(d)), f"{len(d):07o}"]
    ),
    "sg3": lambda d: as_sg3(d, False),
    "sg3 with text": lambda d: as_sg3(d, True),
    "tcpdump -x": lambda d: "\n".join(f"\t0x{a:04x}:  {p.hex(' ', -2)}" for a, p in rows(d)),
    "tshark -x": lambda d: "\n".join(f"{a:04x}  {p.hex(' '):47}   {shown(p)}" for a, p in rows(d)),
    "kernel": lambda d: "\n".join(f"[ 1.5] {a:08x}: {p.hex(' '):47}  {shown(p)}" for a, p in rows(d)),
}
pieces = st.one_of(
    st.binary(max_size=40),
    st.text(alphabet="0123456789abcdef |<>*:.", max_size=40).map(str.encode),
    st.tuples(st.binary(min_size=16, max_size=16), st.integers(1, 5)).map(lambda p: p[0] * p[1]),
    st.integers(0, 80).map(bytes),
)
DATA = st.lists(pieces, min_size=1, max_size=4).map(b"".join).filter(lambda d: len(d) >= 4)


@pytest.mark.parametrize("name", FORMATS)
@given(data=DATA)
def test_reading_inverts_every_format(name: str, data: bytes) -> None:
    assert only(FORMATS[name](data)) == data


@given(
    data=DATA,
    name=st.sampled_from(["xxd", "sg3", "sg3 with text", "tshark -x"]),
    at=st.integers(0),
)
def test_a_dump_without_a_later_row_is_refused_or_ends_there(data: bytes, name: str, at: int) -> None:
    lines = FORMATS[name](data).rstrip("\n").split("\n")
    gone = 1 + at % len(lines)
    try:
        found = only("\n".join(lines[:gone] + lines[gone + 1 :]))
    except DecodeError:
        return
    assert data.startswith(found)


@given(st.binary())
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        blocks = read_blocks(content)
    except DecodeError:
        return
    assert blocks
    assert all(b.data for b in blocks)


DUMPS = (XXD, TSHARK, as_hexdump(bytes(64) + bytes(range(99))))
PARTS = (
    "*",
    "cdb: [83 00",
    "CDB: Read(10) 28",
    "sg_raw /dev/sg0 83 00",
    "b'\\x83",
    "0x83, 0x00,",
    "x[] = {",
    "}",
)
MORE = ("}", "0000000 83 00", "0000002", "de ad", "")
LINES = st.sampled_from([row for dump in DUMPS for row in dump.splitlines()] + [*PARTS, *MORE])
NOISE = st.text(alphabet="0123456789abcdefxXh \t,;:-[]{}()#/*|<>\"'\\=_.zé٣ſ", max_size=30)


@given(st.lists(st.one_of(LINES, NOISE, st.tuples(LINES, NOISE).map("".join)), max_size=12).map("\n".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        blocks = read_blocks(text.encode())
    except DecodeError:
        return
    assert all(b.data and 1 <= b.line <= text.count("\n") + 1 for b in blocks)
