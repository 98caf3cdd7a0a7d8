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

    @property
    def enforced(self) -> OperatingParameters:
        """What the copy manager holds to."""
        return self.enforces or self.advertised


STRICT = Profile()
PROFILES: dict[str, Profile] = {profile.name: profile for profile in (STRICT,)}
