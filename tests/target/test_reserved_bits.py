"""Every bit of a copy command that means nothing: set, it is pointed at and the command does nothing.

Which bits those are is from the tables of SPC-4 6.3 to 6.5, 6.20 to 6.26 and 6.31 and of SBC-4 5.12 and 5.59;
where the pointer is, from SPC-4 6.5's way of speaking and sg3_utils (4.5.2.4 could not be read).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdb.command import Command
from tests.target.bench import GOOD, No, bench, data_in, no

if TYPE_CHECKING:
    from collections.abc import Sequence

OUT, IN = 0x83, 0x84
# Operation code, service action, and the bytes whose bits all have a meaning.
COMMANDS: dict[str, tuple[int, int, Sequence[int]]] = {
    "EXTENDED COPY(LID1)": (OUT, 0x00, range(10, 14)),
    "EXTENDED COPY(LID4)": (OUT, 0x01, range(10, 14)),
    "POPULATE TOKEN": (OUT, 0x10, range(6, 14)),
    "WRITE USING TOKEN": (OUT, 0x11, range(6, 14)),
    "COPY OPERATION ABORT": (OUT, 0x1C, range(2, 6)),
    "RECEIVE COPY STATUS(LID1)": (IN, 0x00, (2, *range(10, 14))),
    "RECEIVE COPY DATA(LID1)": (IN, 0x01, (2, *range(10, 14))),
    "RECEIVE COPY OPERATING PARAMETERS": (IN, 0x03, range(10, 14)),
    "RECEIVE COPY FAILURE DETAILS(LID1)": (IN, 0x04, (2, *range(10, 14))),
    "RECEIVE COPY STATUS(LID4)": (IN, 0x05, (*range(2, 6), *range(10, 14))),
    "RECEIVE COPY DATA(LID4)": (IN, 0x06, (*range(2, 6), *range(10, 14))),
    "RECEIVE ROD TOKEN INFORMATION": (IN, 0x07, (*range(2, 6), *range(10, 14))),
    "REPORT ALL ROD TOKENS": (IN, 0x08, range(10, 14)),
}
BYTE_1 = range(5, 8)  # above the service action
GROUP_NUMBER = range(6)  # of byte 14, of the commands of tokens
CONTROL = range(6)  # NACA and what is reserved or obsolete; bits 7 and 6 are vendor specific


def wrong_bits(code: int, action: int, meaningful: Sequence[int]) -> list[tuple[int, int]]:
    """The bytes and bits that mean nothing."""
    group = set(GROUP_NUMBER) if code == OUT and action in (0x10, 0x11) else set()
    found = [(1, bit) for bit in BYTE_1]
    found += [(byte, bit) for byte in range(2, 14) if byte not in meaningful for bit in range(8)]
    found += [(14, bit) for bit in range(8) if bit not in group]
    return found + [(15, bit) for bit in CONTROL]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_reserved_bit_of_a_copy_command_is_pointed_at(name: str) -> None:
    code, action, meaningful = COMMANDS[name]
    array = bench()
    answers = {}
    expected = {}
    for byte, bit in wrong_bits(code, action, meaningful):
        cdb = bytearray([code, action, *bytes(14)])
        cdb[byte] |= 1 << bit
        reply = array.send(0, Command(name=name, cdb=bytes(cdb), data_in=16 if code == IN else 0))
        answers[byte, bit] = no(reply)
        expected[byte, bit] = No(0x5, 0x24, 0x00, f"{0xC8 | bit:02x}{byte:04x}")
    assert answers == expected
    assert array.contents == array.before


@pytest.mark.parametrize("bit", [6, 7])
def test_the_vendor_specific_bits_of_control_are_not_looked_at(bit: int) -> None:
    assert bench().send(0, data_in(f"8403{'00' * 8}00000208 00{1 << bit:02x}")).status == GOOD
