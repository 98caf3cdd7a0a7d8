"""The record of a copy as bytes: a heading that ties it to two units, then what is copied, line by line.

Every line is a seal, a space and a JSON value. A seal is the digest of the value and of the seal before it,
and the first value holds random bytes: a line that is torn, changed, moved, or left over from another journal
does not fit, and nothing from there on is believed. Pieces are of the request. Knows no file and no device.
"""

from __future__ import annotations

import json
from array import array
from dataclasses import asdict, dataclass, fields
from functools import partial
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from xcopy.coverage import Coverage, LedgerError, State
from xcopy.errors import UsageError
from xcopy.party import Party, party
from xcopy.plan import Piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from xcopy.plan import Range

TITLE = b"xcopy-dev journal "
VERSION = 1
LONGEST_LINE = 1 << 20  # bytes, the newline included; what is longer is damage
MOST_IN_A_LINE = 4096  # pieces or ranges
_SEAL = 32  # hexadecimal digits
_DAMAGE = (ValueError, TypeError, KeyError, LedgerError, RecursionError, OverflowError)

Value = TypeVar("Value")
Copied: TypeAlias = tuple[Piece, str]  # blocks, and the means they were copied by
Asked: TypeAlias = tuple[int, int, int, int]  # line, source LBA, source blocks, destination LBA of the parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """What is copied: a request of `blocks` blocks that `ranges` ranges ask for, lines of `file` if of one.

    `layout` tells one order of blocks in the request from another; `mark` is random; `options` are plain.
    """

    mark: str
    source: Party
    destination: Party
    blocks: int
    layout: str
    ranges: int
    file: str | None
    options: Mapping[str, object]

    def __post_init__(self) -> None:
        numbers, texts = (self.blocks, self.ranges), (self.mark, self.layout, self.file or "")
        if {type(number) for number in numbers} != {int} or min(numbers) < 0:
            raise ValueError("not the numbers of a heading")
        if {type(text) for text in texts} != {str} or not isinstance(self.options, dict):
            raise ValueError("not the words of a heading")

    @property
    def sides(self) -> tuple[Party, Party]:
        """Source and destination."""
        return self.source, self.destination


class Seals:
    """Seals lines, and tells whether a line fits behind those before it."""

    def __init__(self, title: bytes) -> None:
        self._last = title

    def seal(self, value: object) -> bytes:
        """The next line."""
        text = json.dumps(value, separators=(",", ":")).encode()
        self._last = self._digest(text)
        return self._last + b" " + text + b"\n"

    def opened(self, line: bytes) -> Any:
        """The value of what may be the next line; `ValueError` when it is not whole or does not fit."""
        text = line[_SEAL + 1 : -1]
        if line != line[:_SEAL] + b" " + text + b"\n":
            raise ValueError("not a whole line")
        if line[:_SEAL] != self._digest(text):
            raise ValueError("the seal does not fit")
        return json.loads(text)

    def accept(self, line: bytes) -> None:
        """A line that was opened is the last one now."""
        self._last = line[:_SEAL]

    def _digest(self, text: bytes) -> bytes:
        return blake2b(text, key=self._last, digest_size=_SEAL // 2).hexdigest().encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a journal says as far as it is believed: its first `trusted` bytes; `notice` if not to its end.

    `seals` goes on behind those bytes.
    """

    heading: Heading
    ranges: Ranges
    copied: tuple[Copied, ...]
    trusted: int
    seals: Seals
    notice: str

    @property
    def complete(self) -> bool:
        """True when every block is copied."""
        return sum(piece.blocks for piece, _ in self.copied) == self.heading.blocks


class Ranges:
    """The ranges of a journal in the order they were asked for, many of them in little memory."""

    def __init__(self) -> None:
        self._numbers = array("Q")

    def __len__(self) -> int:
        return len(self._numbers) // 4

    def __iter__(self) -> Iterator[Asked]:
        numbers = iter(self._numbers)
        return zip(numbers, numbers, numbers, numbers, strict=True)

    def add(self, value: Any) -> bool:
        """Those of a line, or none of them."""
        rows = [tuple(row) for row in value["ranges"]]
        if not rows or {len(row) for row in rows} != {4}:
            raise ValueError("not ranges")
        numbers = array("Q")
        for row in rows:
            if {type(number) for number in row} != {int}:
                raise TypeError(f"{row} is no range")
            numbers.extend(row)
        self._numbers.extend(numbers)
        return True


def layout(ranges: Iterable[Range]) -> str:
    """A word for the order of a request's blocks: the digest of its ranges."""
    digest = blake2b(digest_size=16)
    for each in ranges:
        digest.update(b"%d %d %d %d\n" % each)
    return digest.hexdigest()


def title() -> bytes:
    """The first line."""
    return TITLE + str(VERSION).encode() + b"\n"


def begin(heading: Heading, ranges: Iterable[Asked]) -> tuple[Seals, Iterator[bytes]]:
    """The lines of a new journal, made as they are asked for; the seals go on when all of them were."""
    seals = Seals(title())
    return seals, _beginning(seals, heading, ranges)


def _beginning(seals: Seals, heading: Heading, ranges: Iterable[Asked]) -> Iterator[bytes]:
    yield title()
    yield seals.seal({"copy": asdict(heading)})
    waiting: list[Asked] = []
    for each in ranges:
        waiting.append(each)
        if len(waiting) == MOST_IN_A_LINE:
            yield seals.seal({"ranges": waiting})
            waiting = []
    if waiting:
        yield seals.seal({"ranges": waiting})


def record(seals: Seals, copied: Sequence[Copied]) -> bytes:
    """The next lines: these pieces are copied, and durable. Neighbours by the same means become one."""
    found = joined(copied)
    return b"".join(
        seals.seal({"copied": [(p.start, p.blocks, means) for p, means in found[at : at + MOST_IN_A_LINE]]})
        for at in range(0, len(found), MOST_IN_A_LINE)
    )


def joined(copied: Iterable[Copied]) -> list[Copied]:
    """The same blocks by the same means in order, in as few pieces as can be."""
    found: list[Copied] = []
    for piece, means in sorted(copied):
        if found and found[-1][1] == means and found[-1][0].end == piece.start:
            before, _ = found.pop()
            piece = Piece(before.start, before.blocks + piece.blocks)
        found.append((piece, means))
    return found


def read(name: str, lines: Iterable[bytes]) -> Contents:
    """What the journal `name` says; `lines` are its own, cut at `LONGEST_LINE` bytes.

    A last record that is torn is dropped, and so is all that follows damage: `notice` says so. A file that is
    no journal, one of another version and one whose heading is not whole are a `UsageError`.
    """
    page = _Page(name, lines)
    heading = page.next(_heading)
    if heading is None:
        raise UsageError(page.headless)
    ranges = Ranges()
    while len(ranges) < heading.ranges and page.next(ranges.add):
        pass
    if len(ranges) != heading.ranges:
        raise UsageError(page.headless)
    ledger = Coverage(heading.blocks)
    while page.next(partial(_book, ledger)):
        pass
    return Contents(
        heading=heading,
        ranges=ranges,
        copied=tuple((piece, entry.detail) for piece, entry in ledger.runs(State.COPIED)),
        trusted=page.trusted,
        seals=page.seals,
        notice=page.notice,
    )


class _Page:
    """The lines of a journal, believed one by one, up to the first that does not fit."""

    def __init__(self, name: str, lines: Iterable[bytes]) -> None:
        self._name, self._rest = name, iter(lines)
        self._number = 1
        self._damaged = False
        self.notice = ""
        first = next(self._rest, b"")
        if first != title():
            self._refuse(first)
        self.trusted = len(first)
        self.seals = Seals(first)

    def next(self, understand: Callable[[Any], Value]) -> Value | None:
        """What the next line says, or None when there is none, or it says what cannot be."""
        line = None if self.notice else next(self._rest, None)
        if line is None:
            return None
        self._number += 1
        try:
            value = understand(self.seals.opened(line))
        except _DAMAGE:
            where = f"{self._name} is {{}} in line {self._number}: what it says from there on is copied again"
            self._damaged = next(self._rest, None) is not None
            self.notice = where.format("damaged" if self._damaged else "torn at its end,")
            return None
        self.seals.accept(line)
        self.trusted += len(line)
        return value

    @property
    def headless(self) -> str:
        """Why nothing can be resumed; a copy begins when the heading is durable, so a short one is unused."""
        if self._damaged:
            where = f"{self._name} is damaged in line {self._number}, in its heading"
            return f"{where}: nobody can tell what it is of; begin a new copy with a new journal"
        short = f"{self._name} ends inside its heading"
        return f"{short}: nothing was copied yet; remove it and begin the copy again"

    def _refuse(self, first: bytes) -> None:
        if title().startswith(first):
            raise UsageError(self.headless)
        if not first.startswith(TITLE):
            raise UsageError(f"{self._name} is not a journal of xcopy-dev")
        version = first.removeprefix(TITLE).strip()[:20].decode("ascii", "backslashreplace")
        raise UsageError(
            f"{self._name} is a journal of version {version}, and this program reads version {VERSION}: "
            "resume with the program that began the copy, or begin a new copy with a new journal"
        )


def _heading(value: Any) -> Heading:
    known = {field.name: value["copy"][field.name] for field in fields(Heading)}
    sides = {name: party(known[name]) for name in ("source", "destination")}
    return Heading(**{**known, **sides})


def _book(ledger: Coverage, value: Any) -> bool:
    """All of a record's pieces, or none of them."""
    pieces = [(Piece(start, blocks), means) for start, blocks, means in value["copied"]]
    begun: list[Piece] = []
    try:
        for piece, means in pieces:
            if (type(piece.start), type(piece.blocks), type(means)) != (int, int, str):
                raise TypeError("not a piece and its means")
            ledger.begin(piece)
            begun.append(piece)
    except (LedgerError, TypeError):
        for piece in begun:
            ledger.back(piece)
        raise
    for piece, means in pieces:
        ledger.copied(piece, means)
    return True
