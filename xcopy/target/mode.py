"""The mode pages of a unit: which format its sense data have is all that can be changed (SPC-4 7.5.8).

What is written may wait in a volatile cache until it is flushed, and every page says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from cdb.errors import DecodeError
from cdb.mode import (
    ALL_PAGES,
    ALL_SUBPAGES,
    CACHING,
    CHANGEABLE,
    CONTROL,
    DEFAULT,
    SAVED,
    CachingPage,
    ControlPage,
    ModeParameters6,
    ModeParameters10,
    ModeSelect6,
    ModeSelect10,
    ModeSense6,
    ModeSense10,
)
from cdb.sense import ILLEGAL_REQUEST
from xcopy.target.refusal import answer, at_byte, parse_cdb, refuse, wrong_field

if TYPE_CHECKING:
    from cdb.command import Command, Reply
    from xcopy.target.unit import Unit

PAGE_LENGTH_AT = 1
D_SENSE = 0x04  # of byte 2 of the control page
MOST_BLOCKS = 0xFFFFFFFF


class Mode:
    """The mode parameters of one unit, the same for every nexus."""

    def __init__(self, *, descriptor_sense: bool = False) -> None:
        self.descriptor_sense = descriptor_sense
        self._default = descriptor_sense

    def pages(self, page_control: int) -> dict[int, bytes]:
        """Every page by its code; of the changeable values a bit is one where it can be changed."""
        if page_control == CHANGEABLE:
            caching, control = bytearray(CachingPage().pack()), bytearray(ControlPage().pack())
            control[2] = D_SENSE
            return {CACHING: bytes(caching), CONTROL: bytes(control)}
        descriptor = self._default if page_control == DEFAULT else self.descriptor_sense
        return {
            CACHING: CachingPage(wce=True).pack(),
            CONTROL: ControlPage(
                d_sense=descriptor, queue_algorithm_modifier=1, busy_timeout_period=0xFFFF
            ).pack(),
        }

    def select(self, sent: bytes, at: int) -> bool:
        """Take over pages that begin at byte `at` of a list; True when that changed something.

        Nothing is changed when anything is wrong.
        """
        current, changeable = self.pages(0), self.pages(CHANGEABLE)
        control = current[CONTROL]
        while sent:
            page = current.get(sent[0] & 0x7F)
            if page is None:
                _wrong(at)
            if len(sent) < len(page):
                refuse(ILLEGAL_REQUEST, 0x1A, 0x00)
            if sent[PAGE_LENGTH_AT] != page[PAGE_LENGTH_AT]:
                _wrong(at + PAGE_LENGTH_AT)
            code = page[0]
            for n in range(2, len(page)):
                if (sent[n] ^ page[n]) & ~changeable[code][n]:
                    _wrong(at + n)
            if code == CONTROL:
                control = sent[: len(page)]
            sent, at = sent[len(page) :], at + len(page)
        descriptor = bool(control[2] & D_SENSE)
        changed = descriptor != self.descriptor_sense
        self.descriptor_sense = descriptor
        return changed


def mode_sense(command: Command, unit: Unit) -> Reply:
    """MODE SENSE, of 6 bytes or of 10."""
    six = command.cdb[0] == ModeSense6.operation_code
    cdb = parse_cdb(ModeSense6, command.cdb) if six else parse_cdb(ModeSense10, command.cdb)
    of = type(cdb)
    if cdb.page_control == SAVED:
        refuse(ILLEGAL_REQUEST, 0x39, 0x00)
    if cdb.subpage_code not in (0, ALL_SUBPAGES):
        wrong_field(of, "subpage_code")
    pages = unit.mode.pages(cdb.page_control)
    if cdb.page_code not in (*pages, ALL_PAGES):
        wrong_field(of, "page_code")
    found = b"".join(page for code, page in pages.items() if cdb.page_code in (code, ALL_PAGES))
    descriptors = b"" if cdb.dbd else _block_descriptor(unit)
    kind = ModeParameters6 if six else ModeParameters10
    made = kind(wp=unit.read_only, dpofua=True, block_descriptors=descriptors, pages=found)
    length = made.packed_size - kind.row("mode_data_length").bytes
    return answer(command, made.but(mode_data_length=length).pack(), cdb.allocation_length)


def mode_select(command: Command, unit: Unit) -> tuple[Reply, bool]:
    """MODE SELECT, of 6 bytes or of 10; with the reply, whether that changed anything."""
    six = command.cdb[0] == ModeSelect6.operation_code
    cdb = parse_cdb(ModeSelect6, command.cdb) if six else parse_cdb(ModeSelect10, command.cdb)
    if not cdb.pf:
        wrong_field(type(cdb), "pf")
    if cdb.sp:
        wrong_field(type(cdb), "sp")
    size = cdb.parameter_list_length
    if size > len(command.data_out):
        refuse(ILLEGAL_REQUEST, 0x1A, 0x00)
    reply = answer(command, b"")
    if not size:
        return reply, False
    kind: type[ModeParameters6 | ModeParameters10] = ModeParameters6 if six else ModeParameters10
    data = bytes(command.data_out[:size])
    try:
        found = kind.unpack(data)
    except DecodeError:
        refuse(ILLEGAL_REQUEST, 0x1A, 0x00)
    if found.mode_data_length:
        _wrong(0)
    if found.medium_type:
        _wrong(kind.row("medium_type").offset)
    if found.block_descriptors not in (b"", _block_descriptor(unit)):
        _wrong(kind.size)
    return reply, unit.mode.select(found.pages, kind.size + len(found.block_descriptors))


def _block_descriptor(unit: Unit) -> bytes:
    """A short LBA mode parameter block descriptor (SBC-4 6.5.2, by way of Linux)."""
    return min(unit.blocks, MOST_BLOCKS).to_bytes(4, "big") + unit.block_size.to_bytes(4, "big")


def _wrong(at: int) -> NoReturn:
    refuse(ILLEGAL_REQUEST, 0x26, 0x00, at_byte(at))
