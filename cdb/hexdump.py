"""The bytes that a text shows: hex in any common form -> blocks. It finds bytes, never what they mean.

The rule, line by line; the first that fits decides, and a line that fits none is prose and is skipped:

1. Input that is not text (a control character, or not UTF-8) is one block as it is.
2. What a kernel log puts before its message is taken off: time, host, `sd 0:0:0:0: [sda] tag#0`.
3. A dump row is an address column, groups of hex, and perhaps the same bytes as text (the table DUMPS).
   A dump begins at address 0 and each address follows from the row above; `*` repeats that row up to the
   next address; the text column must agree with the bytes. Groups wider than a byte are read only where
   a tool prints them in order and can be held to it (xxd with its text column, tcpdump): the words that
   hexdump and od swap are refused.
4. A comment is what follows `#` or `//` (first, or after a space), or stands in /* */.
5. `sg_raw -s 92 /dev/sg0 83 00 ...` ends in a command.
6. After a label (it ends in one of LABELS' words and a colon) come bytes, in [ ] or not, perhaps after a
   command's name. They are a block of their own. One number of less than six bytes there is a value.
7. A hex line has tokens of one form only (the table TOKENS). Letters alone are words: `add` is prose, and
   `dead beef`, which may be either, is refused unless it continues a hex line. A long 0x number is a
   value, unless it is all there is.
8. A line that is more than half bytes, but not all, is an error and not a guess.

Hex lines form one block until prose or a closing brace ends it; blank lines and comments do not. The prose
just above a block is its label, if it ends in a colon or has a word of LABELS in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import NoReturn

from cdb.errors import DecodeError

_MOST = 1_000_000  # bytes that an input may show: a `*` can promise more than memory holds
_WIDEST = 4096  # characters of a dump row
_GAPS = 8  # runs of spaces in a row that may open the text column
_WAY_OUT = (
    "understood: 83 00, 8300, 0x83, 83h, \\x83, 83:00, and what xxd, hexdump -C, od -A x -t x1, sg3_utils, "
    "tcpdump -x, Wireshark and dmesg print"
)


def _re(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.ASCII | re.IGNORECASE)  # digits of other scripts are no hex


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One run of bytes: `label` is what the text around it calls it, in lower case, "" if nothing; `line` is
    the line of the input on which it begins, from 1, or 0 for binary input."""

    data: bytes
    label: str = ""
    line: int = 1


@dataclass(frozen=True, slots=True)
class _Dump:
    """How a tool prints the rows of a dump."""

    head: re.Pattern[str]  # the address column; group 1 is the address
    text: str = " {2,}"  # what opens the text column; "" where there is none
    bases: tuple[int, ...] = (16,)  # what the address may be written in
    widths: tuple[int, ...] = (2,)  # digits of a group
    blind: bool = False  # wide groups are in order even without a text column
    ends: bool = False  # the end address comes last, alone on its line


_SG3 = r"([\da-f]{2}(?= {5}\w)|[\da-f]{3}(?= {4}\w)|[\da-f]{4}(?= {3}\w)|[\da-f]{5}(?= {2}\w)) +"
DUMPS = (  # no row begins like two of them, but for the order
    _Dump(_re(r"CDB\[([\da-f]{2,16})\]: +"), text=""),  # the kernel, a command of more than 16 bytes
    _Dump(_re(r"0x([\da-f]{4,16}):? +"), widths=(2, 4), blind=True),  # tcpdump -x, -X
    _Dump(_re(r"([\da-f]{4,16}): +"), widths=(2, 4)),  # xxd; the kernel's dump of single bytes
    _Dump(_re(r"([\da-f]{8,16}) {2,}"), text=r" {2,}\|", ends=True),  # hexdump -C
    _Dump(_re(_SG3), text=" {3,}"),  # sg3_utils; Wireshark's copy as hex dump
    _Dump(_re(r"([\da-f]{4,5}) {2,}")),  # tshark -x
    _Dump(_re(r"(\d{7}) (?! )"), text=" +>", bases=(8, 10), ends=True),  # od -t x1z, -A o or -A d
    _Dump(_re(r"(\d{7}) {2,}"), text="", bases=(8, 10, 16), ends=True),  # od -t x1 of BSD and macOS
    _Dump(_re(r"([\da-f]{6,16}) (?! )"), text=" +>", ends=True),  # od -A x -t x1z
)

TOKENS = (
    _re(r"(?:\\x[\da-f]{2})+"),
    _re(r"0x[\da-f]{1,2}"),
    _re(r"0?[\da-f]{2}h"),
    _re(r"[\da-f]{2}([:-])[\da-f]{2}(?:\1[\da-f]{2})*\1?"),
    _re(r"[\da-f]{1,2}"),  # as sg3_utils reads it: one digit is a byte too
    _re(r"(?:[\da-f]{2})+"),
)
_BARE = TOKENS[-2:]  # the forms that a word can have too
_MARKS = _re(r"0x|\\x|[:-]|^0(?=..h)|h$")
_BYTE = _re(r"(?:0x)?[\da-f]{2}|0?[\da-f]{2}h|(?:\\x[\da-f]{2})+")
_HEX = _re(r"[\da-f]+")

_WORDS = (
    r"\b(?:cdb|cmd|command|param(?:eter)? list|parameters|data(?:[ -](?:in|out))?|sense|response|buffer"
    r"|payload|hex|bytes)\b"
)
LABELS = _re(_WORDS + r"(?:\[\w*\]|=0x\w+| to send| sent| bytes| in hex| #?\d+| ?\([^()]*\)){0,6}[\"']? ?: ?")
_SAID = _re(_WORDS + "|:$")
_ASIDE = _re(r",.*| \([^()]*\)| in hex\b| to send\b|\bopcode=0x\w+|=0x\w+|\[\w*\]?|[\"':>{}]")
_ARRAY = _re(r"\b(\w+) ?(?:(?:\[\w*\] ?)+= ?(?=[{\"'])|= ?(?=[{\[]|b?[\"']\\x))")
_SG_RAW = _re(r"\bsg_raw ((?:(?! ?\d?[|<>;&]).)*)")
_COMMENT = _re(r"/\*[^*]*\*/|^#.*|(?<=\s)#(?!\d+:).*|(?:^|(?<=\s))(?://|/\*).*")
_LOG = _re(
    r"(?:.*?\bkernel: ?)?(?:<\d+>)?(?:\[(?: *\d+\.\d+|\w{3} \w{3} [^\]]*|\d{4}-[^\]]*)\] ?)?"
    r"(?:[a-z]+ \d+:\d+:\d+:\d+: (?:\[\w+\] )?(?:tag#\d+ )?)?"
)
_COLOUR = _re(r"\x1b\[[\d;]*[a-z]")
_CONTROL = _re(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


def _fail(line: int, what: str) -> NoReturn:
    raise DecodeError(f"line {line}: {what}; {_WAY_OUT}" if line else f"{what}; {_WAY_OUT}")


def _fits(line: int, size: int) -> None:
    if size > _MOST:
        where = f"line {line}: " if line else ""
        raise DecodeError(f"{where}more than {_MOST} bytes in one input; decode it in parts")


def read_blocks(content: bytes) -> tuple[Block, ...]:
    """The runs of bytes that `content` shows, in order; at least one.

    DecodeError names the line that is half bytes and half text, or whose address or text column does not
    agree with the bytes; input that shows no byte at all, or more than a million, is an error too.
    """
    try:
        text: str | None = _COLOUR.sub("", content.decode("utf-8-sig")).replace("\u00a0", " ")
    except UnicodeDecodeError:
        text = None
    if text is None or _CONTROL.search(text):
        _fits(0, len(content))
        return (Block(data=content, line=0),)
    if not text.strip():
        _fail(0, "the input is empty")
    lines = re.split(r"\r\n|\n|\r", text)
    number = re.fullmatch(r"0[xX]((?:[0-9a-fA-F]{2}){2,})", text.strip())
    if number:
        _fits(0, len(number[1]) // 2)
        line = next(n for n, raw in enumerate(lines, 1) if raw.strip())
        return (Block(data=bytes.fromhex(number[1]), line=line),)
    reader = _Reader()
    for line, raw in enumerate(lines, 1):
        reader.take(line, raw.expandtabs())
    reader.close()
    if not reader.blocks:
        _fail(0, "the input shows no bytes")
    return tuple(reader.blocks)


_Row = tuple[int, str, bytes, bool]  # line, address, data, whether a `*` stands above it


@dataclass(slots=True)
class _Reader:
    """What was read, and the run that is being read: rows of a dump, or hex lines."""

    blocks: list[Block] = field(default_factory=list)
    dump: _Dump | None = None
    rows: list[_Row] = field(default_factory=list)
    star: int = 0  # the line of a `*` that waits for the next address
    plain: bytearray = field(default_factory=bytearray)
    follows: bool = False  # the line above is a hex line
    shown: int = 0  # bytes in the blocks
    begins: int = 0  # the run's first line
    label: str = ""  # the run's
    said: str = ""  # by the prose above

    def take(self, line: int, raw: str) -> None:
        log = _LOG.match(raw)
        text = raw[log.end() if log else 0 :].strip()
        if self._repeat(line, text) or self._row(line, text):
            return
        text = " ".join(_COMMENT.sub(" ", text).split())
        if not text:
            self.follows = False
        elif sg_raw := _SG_RAW.search(text):
            tokens = sg_raw[1].split()
            cdb = tokens[_tail(tokens) :]
            device = "".join(tokens[: len(tokens) - len(cdb)][-1:])
            if len(cdb) < len(tokens) and len(device) < 3:
                _fail(line, f"'{device}' is not hex")
            self._block(line, "cdb", bytes(int(t, 16) for t in cdb) if len(cdb) >= 6 else b"")
        elif (said := LABELS.search(text)) and (found := _labelled(line, said[0], text[: said.end()], text)):
            self._block(line, *found)
        else:
            self._hex(line, text)

    def close(self) -> None:
        """End the run."""
        if self.star:
            _fail(self.star, "no address below '*' says how often the row above it is repeated")
        data = _assemble(self.rows, self.dump) if self.dump else bytes(self.plain)
        if data:
            self.blocks.append(Block(data=data, label=self.label, line=self.begins))
            self.shown += len(data)
            _fits(self.begins, self.shown)
        self.dump, self.rows, self.plain, self.follows = None, [], bytearray(), False

    def _begin(self, line: int) -> None:
        self.close()
        self.begins, self.label, self.said = line, self.said, ""

    def _block(self, line: int, label: str, data: bytes) -> None:
        """A line that is a run by itself."""
        self.said = label
        self._begin(line)
        self.plain += data
        self.close()

    def _repeat(self, line: int, text: str) -> bool:
        """Whether the line is a `*`, or the end address."""
        if text == "*" and self.follows:
            _fail(line, "no address says how often '*' repeats the row above it; od -v prints every row")
        if text == "*" and self.dump:
            self.star = line
            return True
        if self.dump and self.dump.ends and 6 <= len(text) <= 16 and _HEX.fullmatch(text):
            self._add(line, text, b"")
            self.close()
            return True
        return False

    def _row(self, line: int, text: str) -> bool:
        same = self.dump if self.dump and self.dump.head.match(text) else None
        for dump in (same,) if same else DUMPS:
            head = dump.head.match(text[:_WIDEST])
            start = head is not None and not int(head[1], 16)
            if (
                head is None
                or (data := _row_data(line, text[head.end() :], dump, bool(start or same))) is None
            ):
                continue
            if start:
                self._begin(line)
            elif not same:
                _fail(
                    line, f"the dump begins at address {head[1]}, not 0; if it is whole, drop the addresses"
                )
            self.dump = dump
            self._add(line, head[1], data)
            return True
        return False

    def _add(self, line: int, address: str, data: bytes) -> None:
        self.rows.append((line, address, data, bool(self.star)))
        self.star = 0

    def _hex(self, line: int, text: str) -> None:
        """A hex line, or prose."""
        array = _ARRAY.search(text)
        if array:
            self.close()
            self.said = array[1].lower()
        data = _hex_line(line, text[array.end() if array else 0 :], self.follows)
        if data is None:
            self.close()
            self.said = _label(text) if _SAID.search(text) else ""
            return
        if data and (self.dump or not self.plain):
            self._begin(line)
        self.plain += data
        self.follows = bool(data)
        if "}" in text:
            self.close()


def _row_data(line: int, body: str, dump: _Dump, sure: bool) -> bytes | None:
    """The bytes of a row without its address; None if it is none. `sure` if the address says it is one."""
    if not body or not _HEX.fullmatch(body.split(maxsplit=1)[0]) or len(body) > _WIDEST:
        return None
    why = ""
    texts = islice(re.finditer(dump.text, body), _GAPS) if dump.text else ()
    for end in [*(m.start() for m in texts), len(body)]:
        groups = body[:end].split()
        width = len(groups[0])
        if bad := next((g for g in groups if not _HEX.fullmatch(g)), ""):
            why = why or f"'{bad}' is not hex"
            break
        sizes = {*map(len, groups[:-1]), width}
        if width not in dump.widths or len(sizes) > 1 or len(groups[-1]) not in {2, width}:
            why = "groups are not single bytes, or not of one length; use hexdump -C or xxd -g 1"
            continue
        data = bytes.fromhex("".join(groups))
        if body[end:] and not re.fullmatch(dump.text + _shown(data), body[end:]):
            why = f"the text column does not agree with the bytes: '{body[end:].strip()}'"
        elif width > 2 and not body[end:] and not dump.blind and data.strip(b" "):
            why = f"groups of {width} digits without a text column may be swapped words; use xxd -g 1"
        else:
            return data
    if sure:
        _fail(line, why)
    return None


def _shown(data: bytes) -> str:
    """The pattern of a text column: any character for a byte that is none; tcpdump shows a space as a dot."""
    text = "".join(
        re.escape(chr(b)) if 32 < b < 127 else "[ .]" if b == 32 else "." for b in data.rstrip(b" ")
    )
    return text + "[ .]*[|<]?"


def _assemble(rows: list[_Row], dump: _Dump) -> bytes:
    """The bytes of a dump whose addresses agree with them in one, and only one, of the bases."""
    found: set[bytes] = set()
    broken: list[tuple[int, str]] = []
    for base in dump.bases:
        out, last = bytearray(), b""
        for line, address, data, repeats in rows:
            valid = set(address.lower()) <= set("0123456789abcdef"[:base])
            missing = int(address, base) - len(out) if valid else -1
            if repeats and last and missing > 0 == missing % len(last) and len(out) + missing <= 2 * _MOST:
                out += last * (missing // len(last))
            elif repeats or missing:
                after = f"{len(out)} (hex {len(out):x}) bytes" + " and a '*'" * repeats
                broken.append((line, f"address {address} does not follow {after}"))
                break
            out += data
            last = data
        else:
            found.add(bytes(out))
    if not found:
        _fail(*max(broken))
    if len(found) > 1:
        _fail(rows[-1][0], "octal or decimal addresses? '*' has another length in each; use od -A x")
    return found.pop()


def _hex_line(line: int, text: str, follows: bool) -> bytes | None:
    """The bytes of a line, b"" for a line of punctuation, None for prose."""
    bare = re.sub(r"\bb(?=[\"'])|[\"'{}]", " ", text).rstrip(" ;,\\").lstrip(" ,")
    if bare.startswith("[") and bare.endswith("]") and re.search("[ ,]", bare):
        bare = bare[1:-1].strip()
    if not re.search(r"\w", bare):
        return b""
    tokens = re.split(r"[\s,;]+", bare)
    sizes = {len(t) for t in tokens}
    form = next((f for f in TOKENS if all(map(f.fullmatch, tokens))), None)
    words = not follows and not re.search(r"\d", bare) and all(map(_HEX.fullmatch, tokens))
    if words and any(size % 2 for size in sizes):
        return None
    if form is None:
        _refuse(line, tokens, follows)
        return None
    if words and max(sizes) < 8 and (len(tokens) == 1 or sizes != {2}):
        _fail(line, f"'{bare}' may be words or bytes; if it is bytes, write them as 0x..")
    if form in _BARE and sizes == {1} and len(tokens) == 1:
        _fail(line, f"'{bare}' is one digit")
    if form is _BARE[1] and (len({*map(len, tokens[:-1])}) > 1 or len(tokens[-1]) > len(tokens[0])):
        _fail(line, "groups are of different lengths")
    digits = (_MARKS.sub("", t) for t in tokens)
    return b"".join(bytes.fromhex(d if len(d) > 1 else "0" + d) for d in digits)


def _refuse(line: int, tokens: list[str], follows: bool) -> None:
    """DecodeError if the line, no hex line, is nearly one."""
    shown = [bool(_BYTE.fullmatch(t)) for t in tokens]
    first = shown.index(True) if any(shown) else 0
    odd = next((t for t in tokens[first:] + tokens[:first] if not _BYTE.fullmatch(t)), "")
    if all(map(_HEX.fullmatch, tokens)):
        _fail(line, f"'{next(t for t in tokens if len(t) % 2)}' has an odd number of digits")
    if len(tokens) > 1 and all(re.fullmatch("0[xX][0-9a-fA-F]+", t) for t in tokens):
        _fail(line, f"'{odd}' is more than a byte, and nothing says in which order its bytes are")
    if sum(shown) >= 2 and 2 * sum(shown) > len(tokens):
        _fail(line, f"'{odd}' is not hex" if odd else "bytes are in more than one form")
    if follows and len(tokens) == 1 and len(odd) >= 8 and 4 * len("".join(_HEX.findall(odd))) > 3 * len(odd):
        _fail(line, f"'{odd}' is not hex")


def _tail(tokens: list[str]) -> int:
    """Where the bytes begin in which a line ends."""
    start = len(tokens)
    while start and TOKENS[-2].fullmatch(tokens[start - 1]):
        start -= 1
    return start


def _labelled(line: int, label: str, before: str, text: str) -> tuple[str, bytes] | None:
    """The label's block, or None if prose follows the label."""
    name, shown = "", text[len(before) :]
    tokens = shown.split()
    start = _tail(tokens)
    if bracket := re.fullmatch(r"([^\[\]]*)\[([^\[\]]*)\]", shown):
        name, shown = bracket[1], bracket[2]
    elif (
        0 < start <= len(tokens) - 6 and len(tokens[0]) > 2 and not any(map(_BYTE.fullmatch, tokens[:start]))
    ):
        name, shown = " ".join(tokens[:start]), " ".join(tokens[start:])
    if len(re.split("[ ,]+", shown)) == 1 and len(_MARKS.sub("", shown)) < 12:
        return None
    data = _hex_line(line, shown, False)
    return (_label(f"{_label(name)} {_label(label)}" if name.strip() else before), data) if data else None


def _label(text: str) -> str:
    return " ".join(_ASIDE.sub(" ", text).lower().split()[-6:])
