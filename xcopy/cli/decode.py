"""`xcopy-dev decode`: hex or binary in, an annotated dump out. Knows no structure and opens no device."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cdb.catalogue import SENSE, groups, is_cdb, name_of, named, structures
from cdb.errors import DecodeError
from cdb.hexdump import Block, read_blocks
from cdb.pointer import Field, pointed_field
from cdb.recognise import Reading, best_of, recognise
from cdb.sense import Sense
from xcopy.cli.exit_codes import ExitCode
from xcopy.cli.render_trace import WIDTH, as_json, dump
from xcopy.errors import UsageError

if TYPE_CHECKING:
    import argparse

    from cdb.record import Record

LARGEST_INPUT = 64 << 20  # bytes of input; what is larger is no dump of one command
SHOWN_CANDIDATES = 3
UNKNOWN = 24  # bytes shown of what is not recognised
CLOSE = 4  # bits of evidence: a reading this near to the best may be the right one


class Decoded(NamedTuple):
    """One block of the input, and the readings of it, the best first."""

    block: Block
    readings: tuple[Reading, ...]


def run_decode(arguments: argparse.Namespace) -> int:
    """Decode as the command line says: 0 all is read, 1 something is damaged, 2 not known what it is."""
    if arguments.list:
        _print_names()
        return ExitCode.COPIED
    decoded = [d for text in _inputs(arguments.input) for d in _decode(text, arguments.structure)]
    unknown = [d.block for d in decoded if not d.readings]
    pointed = _pointed_at(decoded)
    if arguments.json:
        _print_json(decoded, pointed)
    else:
        _print_text(decoded, pointed)
    if unknown:
        return ExitCode.USAGE
    return ExitCode.STOPPED if any(d.readings[0].error for d in decoded) else ExitCode.COPIED


def _print_names() -> None:
    for name, members in groups().items():
        print(f"{name:<36} whichever of {len(members)} it is")
    for name, record in named().items():
        print(f"{name:<36} {record.title()}")


def _inputs(words: list[str]) -> list[bytes]:
    """Each file there is, standard input for none or `-`; words that are no files are hex, all together."""
    if not words or words == ["-"]:
        return [_limited(sys.stdin.buffer.read(LARGEST_INPUT + 1), "standard input")]
    if not any(os.path.exists(word) for word in words):  # a word too long for a name is none
        if any(not set(word) & set("0123456789abcdefABCDEF") or "." in word or "/" in word for word in words):
            raise UsageError(f"{words[0]}: no such file, or none that may be looked at, and no hex digits")
        return [" ".join(words).encode()]
    try:
        return [_limited(_head(Path(word)), word) for word in words]
    except OSError as error:
        raise UsageError(
            f"{error.filename}: {error.strerror}; what to decode is a file, standard input or hex digits"
        ) from error


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_INPUT + 1)


def _limited(content: bytes, name: str) -> bytes:
    if len(content) > LARGEST_INPUT:
        raise UsageError(f"{name} is larger than {LARGEST_INPUT >> 20} MiB: cut out the part to decode")
    return content


def _decode(content: bytes, name: str | None) -> list[Decoded]:
    try:
        blocks = read_blocks(content)
    except DecodeError as error:
        raise UsageError(str(error)) from error
    asked = _asked_for(name) if name else ()
    decoded: list[Decoded] = []
    cdb = b""
    for block in blocks:
        readings = best_of(asked, block.data)[:1] if asked else recognise(block.data, block.label, cdb)
        decoded.append(Decoded(block, readings))
        if readings and is_cdb(readings[0].record):
            cdb = block.data
    return decoded


def _asked_for(name: str) -> tuple[type[Record], ...]:
    found = structures(name)
    if not found:
        near = get_close_matches(name, [*named(), *groups()], 3, 0.5)
        hint = f"; near it: {', '.join(near)}" if near else ""
        raise UsageError(f"--as {name}: no such structure{hint} (decode --list has them all)")
    return found


def _pointed_at(decoded: list[Decoded]) -> list[Field]:
    """The fields that the senses in the input point at, in the command and the list before them."""
    cdb = parameters = b""
    found = []
    for block, readings in decoded:
        record = readings[0].record if readings else None
        if record and is_cdb(record):
            cdb, parameters = block.data, b""
        elif record in SENSE and cdb:
            field = None if readings[0].error else pointed_field(Sense.unpack(block.data), cdb, parameters)
            if field:
                found.append(field)
        elif cdb and not parameters:
            parameters = block.data
    return found


def _print_text(decoded: list[Decoded], pointed: list[Field]) -> None:
    for number, (block, readings) in enumerate(decoded):
        if number:
            print()
        where = f"line {block.line}: " if block.line and len(decoded) > 1 else ""
        if not readings:
            print(f"{where}{len(block.data)} bytes that are no structure known here, or too few to tell:")
            print(f"  {block.data[:UNKNOWN].hex(' ')}{' ...' if len(block.data) > UNKNOWN else ''}")
            print("  say what they are with --as NAME (decode --list has the names)")
            continue
        for line in dump(readings[0]):
            print(line)
        others = [r for r in readings[1:SHOWN_CANDIDATES] if r.evidence >= readings[0].evidence - CLOSE]
        if others:
            print(f"  it could also be: {', '.join('--as ' + name_of(r.record) for r in others)}")
    for field in pointed:
        print("\n" + textwrap.fill(f"the sense points at {field}", WIDTH, subsequent_indent="  "))


def _print_json(decoded: list[Decoded], pointed: list[Field]) -> None:
    for block, readings in decoded:
        found = as_json(readings[0]) if readings else {"structure": None, "left_over": block.data.hex()}
        also = [name_of(r.record) for r in readings[1:SHOWN_CANDIDATES]]
        print(
            json.dumps({"record": "decoded", "line": block.line, "label": block.label, **found, "also": also})
        )
    for field in pointed:
        print(json.dumps({"record": "pointed", "field": str(field)}))
