"""What an array says of itself and how it behaves where arrays differ: one value for each difference.

Only what a profile says differs between emulated arrays; the copy manager asks the profile and nothing else.
What is advertised and what is enforced are separate values, for arrays lie.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cdb.copy_results import OperatingParameters
from xcopy.target.copy_policy import STANDARD_COPIES, CopyPolicy
from xcopy.target.rod_policy import STANDARD, RodPolicy

if TYPE_CHECKING:
    from xcopy.target.faults import Fault

CAPABLE = OperatingParameters(
    snlid=True,
    maximum_cscd_count=8,
    maximum_segment_count=16,
    maximum_list_length=8 * 32 + 16 * 28 + 1024,
    maximum_segment_length=16 << 20,
    implemented_types=(0x02, 0xE4),
    total_concurrent_copies=16,
    maximum_concurrent_copies=16,
)
COMPLETE = CAPABLE.but(  # every segment type that copies, marks, verifies or registers, and RODs
    maximum_inline_data_length=1 << 16,
    held_data_limit=1 << 20,
    maximum_stream_transfer_size=(1 << 24) - 1,
    implemented_types=(*range(0x15), 0x16, 0xBE, 0xBF, 0xE4, 0xFE),
)
NEED_TAPES = frozenset({0x00, 0x01, *range(0x03, 0x07), 0x08, 0x09, 0x0B, 0x0C, *range(0x0E, 0x14)})
CHUNK_SIZE = 1 << 20  # bytes one internal read or write of a copy moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one kind of array behaves; the defaults are those of the standard.

    `retention` is how many seconds results are kept after a copy, 0 for not at all; `advertised` is what
    RECEIVE COPY OPERATING PARAMETERS says, `enforces` what the copy manager holds to where that is something
    else: there, 0 for segment length, granularity or concurrency is no limit. Page 8Fh is there with
    `has_third_party_page` and says what is advertised, or `page_parameters` where that is something else;
    `special_cscd_ids` are the ids above 07FFh that segments may use; without `test_unit_ready` a segment of
    type 07h may not ask for it. `beyond_end` is the ASC and ASCQ where the copy manager itself sees that a
    range ends behind its unit, None where it has the unit say so.

    With `ignores_reserved` bits of a CDB that mean nothing are not looked at, but for `reserved_looked_at`:
    operation codes, each with a byte of its CDB. Of `bare_sense` there is no more than key, code and
    INFORMATION; sense data are in descriptor format where the unit has more than `fixed_sense_blocks` blocks,
    if that is not 0.
    `chunk_size_4096` is the chunk size of units of 4096 where that is another. `standard_inquiry` are the
    standard INQUIRY data but for 3PC, and `pages` are VPD pages, each with its page code.

    `first_attention` is what a nexus is told that comes to a unit the first time. `unknown_commands` are
    those that are not there, by operation code and service action, None where there is none. Copies read and
    write as a nexus of their own, and with `copies_as_initiator` as the one that asked for them.

    `description` is one line for a person. Every command takes `latency` seconds; copies move `bandwidth`
    bytes a second, all together, 0 for any number, and up to `ahead` bytes are acknowledged before they have
    moved. `faults` happen by themselves.
    """

    name: str = "strict"
    description: str = "all of SPC-4's third-party copy, checked to the last bit"
    vendor: bytes = b"XCOPYDEV"
    product: bytes = b"EMULATED ARRAY".ljust(16)
    revision: bytes = b"1".ljust(4)
    advertised: OperatingParameters = CAPABLE
    enforces: OperatingParameters | None = None
    chunk_size: int = CHUNK_SIZE
    version: int = 0x06  # of INQUIRY: 06h is SPC-4
    descriptor_sense: bool = False
    retention: float = 60.0
    copies: CopyPolicy = STANDARD_COPIES
    rods: RodPolicy = STANDARD
    has_third_party_page: bool = True
    page_parameters: OperatingParameters | None = None
    special_cscd_ids: tuple[int, ...] = (0xC000, 0xC001, 0xFFFF)
    test_unit_ready: bool = True
    unreachable: tuple[int, int] = (0x0D, 0x02)  # ASC, ASCQ where a CSCD cannot be reached
    beyond_end: tuple[int, int] | None = None
    ignores_reserved: bool = False
    reserved_looked_at: tuple[tuple[int, int], ...] = ()
    bare_sense: bool = False
    fixed_sense_blocks: int = 0
    chunk_size_4096: int | None = None
    standard_inquiry: bytes | None = None
    pages: tuple[tuple[int, bytes], ...] = ()
    first_attention: tuple[int, int] = (0x29, 0x00)
    unknown_commands: frozenset[tuple[int, int | None]] = frozenset()
    copies_as_initiator: bool = False
    latency: float = 0.0
    bandwidth: int = 0
    ahead: int = 0
    faults: tuple[Fault, ...] = ()

    @property
    def enforced(self) -> OperatingParameters:
        """What the copy manager holds to."""
        return self.enforces or self.advertised

    def without_tapes(self) -> Profile:
        """This array where it has no tape: no segment of those that need one is implemented."""

        def kept(told: OperatingParameters) -> OperatingParameters:
            types = tuple(kind for kind in told.implemented_types if kind not in NEED_TAPES)
            return told.but(implemented_types=types)

        return replace(
            self,
            advertised=kept(self.advertised),
            enforces=self.enforces and kept(self.enforces),
            page_parameters=self.page_parameters and kept(self.page_parameters),
        )

    def chunk_of(self, block_size: int) -> int:
        """Bytes one internal read or write moves between units of that block size."""
        return (block_size == 4096 and self.chunk_size_4096) or self.chunk_size


# No ASC is named for an error that the copy manager finds in a segment by itself (SPC-4 5.17.7.4).
STRICT = Profile(advertised=COMPLETE, beyond_end=(0x00, 0x00))
