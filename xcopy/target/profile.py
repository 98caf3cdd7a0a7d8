"""What an array says of itself and how it behaves where arrays differ: one value for each difference.

Only what a profile says differs between emulated arrays; the copy manager asks the profile and nothing else.
What is advertised and what is enforced are separate values, for arrays lie.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdb.copy_results import OperatingParameters
from xcopy.target.copy_policy import STANDARD_COPIES, CopyPolicy
from xcopy.target.rod_policy import STANDARD, RodPolicy

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
CHUNK_SIZE = 1 << 20  # bytes one internal read or write of a copy moves


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How one kind of array behaves; the defaults are those of the standard.

    `retention` is how many seconds results are kept after a copy, 0 for not at all; `advertised` is what
    RECEIVE COPY OPERATING PARAMETERS says, `enforces` what the copy manager holds to where that is something
    else: there, 0 for segment length, granularity or concurrency is no limit. Page 8Fh is there with
    `has_third_party_page` and says what is advertised, or `page_parameters` where that is something else;
    `special_cscd_ids` are the ids above 07FFh that segments may use; without `test_unit_ready` a segment of
    type 07h may not ask for it.

    With `ignores_reserved` bits of a CDB that mean nothing are not looked at, but for `reserved_looked_at`:
    operation codes, each with a byte of its CDB. Of `bare_sense` there is no more than key, code and
    INFORMATION; sense data are in descriptor format where the unit has more than `fixed_sense_blocks` blocks,
    if that is not 0.
    `chunk_size_4096` is the chunk size of units of 4096 where that is another. `standard_inquiry` are the
    standard INQUIRY data but for 3PC, and `pages` are VPD pages, each with its page code.

    `first_attention` is what a nexus is told that comes to a unit the first time. `unknown_commands` are
    those that are not there, by operation code and service action, None where there is none. Copies read and
    write as a nexus of their own, and with `copies_as_initiator` as the one that asked for them.
    """

    name: str = "strict"
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

    @property
    def enforced(self) -> OperatingParameters:
        """What the copy manager holds to."""
        return self.enforces or self.advertised

    def chunk_of(self, block_size: int) -> int:
        """Bytes one internal read or write moves between units of that block size."""
        return (block_size == 4096 and self.chunk_size_4096) or self.chunk_size


STRICT = Profile(advertised=COMPLETE)
LIO_PARAMETERS = OperatingParameters(
    snlid=True,
    maximum_cscd_count=2,
    maximum_segment_count=1,
    maximum_list_length=1024,
    maximum_segment_length=256 << 20,
    data_segment_granularity=9,
    inline_data_granularity=9,
    held_data_granularity=9,
    implemented_types=(0x02, 0xE4),
    total_concurrent_copies=1,
    maximum_concurrent_copies=1,
)
LIO = Profile(  # of Linux 6.1, units that are files
    name="lio",
    vendor=b"LIO-ORG ",
    product=b"FILEIO".ljust(16),
    revision=b"4.0 ",
    advertised=LIO_PARAMETERS,
    enforces=LIO_PARAMETERS.but(
        total_concurrent_copies=0, maximum_concurrent_copies=0, data_segment_granularity=0
    ),
    chunk_size=8 << 20,
    chunk_size_4096=1 << 20,
    retention=0.0,
    copies=CopyPolicy(
        linux=True,
        copy_out=frozenset({0x00}),
        copy_in=frozenset({0x03}),
        unknown_copy_out=(0x20, 0x00),
        results_always=True,
        parameters_room=54,
        pads_parameters=True,
        reset_aborts=False,
    ),
    has_third_party_page=False,
    ignores_reserved=True,
    reserved_looked_at=((0x84, 2),),  # a list identifier, whatever the service action
    bare_sense=True,
    first_attention=(0x3F, 0x0E),
    unknown_commands=frozenset({(0x9E, 0x12), (0xA3, 0x0C)}),
    fixed_sense_blocks=1 << 32,
    standard_inquiry=bytes.fromhex("000006025bb00002")
    + b"LIO-ORG FILEIO          4.0 ".ljust(50, b"\0")
    + bytes.fromhex("00a00c60046004c0").ljust(38, b"\0"),
    pages=(
        (0x86, bytes.fromhex("0086003c0007").ljust(64, b"\0")),
        (0xB1, bytes.fromhex("00b1003c").ljust(64, b"\0")),
        (0xB2, bytes.fromhex("00b2000400000000")),
        (0xB3, bytes.fromhex("00b3000c").ljust(16, b"\0")),
    ),
)
PROFILES: dict[str, Profile] = {profile.name: profile for profile in (STRICT, LIO)}
