"""The table: every command that is sent both to the kernel's own target (LIO) and to the emulated array.

`fixtures/lio_answers.json` holds what LIO answered. A name is the situation, and is the key of the answer.
Write protection is not in it: LIO protects by the mapping of a unit, which its loopback fabric does not
have, and a unit that is read-only in itself says so in its mode pages and takes writes all the same.
"""

from __future__ import annotations

from tests.target import lio_block_commands as block_commands
from tests.target import lio_copies as copies
from tests.target import lio_questions as questions

SECTIONS = {
    "copies that are well formed": copies.MOVED,
    "copies at the end of a unit": copies.PAST_THE_END,
    "copies by the units they name": copies.UNITS_NAMED,
    "copies by their command": copies.COMMANDS,
    "copies by their header": copies.HEADERS,
    "copies by their CSCD descriptors": copies.CSCDS,
    "copies by their segment": copies.SEGMENTS,
    "copies with two things wrong": copies.TWO_WRONG,
    "copy results": questions.RESULTS,
    "INQUIRY": questions.IDENTITY,
    "READ CAPACITY": questions.CAPACITY,
    "READ": questions.READS,
    "WRITE": questions.WRITES,
    "SYNCHRONIZE CACHE": questions.FLUSHES,
    "other commands": questions.OTHERS,
    "older commands": block_commands.OLDER,
    "rarer commands": block_commands.RARER,
}
TABLE = tuple(case for section in SECTIONS.values() for case in section)
