"""What an array does with RODs and their tokens where arrays differ: one value for each difference.

Part of the profile. Limits are bytes, blocks and seconds as SBC-4 6.6.9.3 and SPC-4 7.8.17.8 count them.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdb.token import ACCESS_UPON_REFERENCE, ANY_POINT_IN_TIME, CHANGE_VULNERABLE, PERSISTENT, POINT_IN_TIME

# Those that hold what the blocks were when the ROD was populated (SPC-4 5.17.6.2.3).
POINTS_IN_TIME = frozenset({POINT_IN_TIME, CHANGE_VULNERABLE, PERSISTENT, ANY_POINT_IN_TIME})


@dataclass(frozen=True, slots=True, kw_only=True)
class RodPolicy:
    """How one kind of array treats RODs; the defaults are those of the standard.

    `types` are the ROD types it has tokens of, `default_type` that of a POPULATE TOKEN without RTV.
    `by_reference`: POPULATE TOKEN makes access upon reference tokens, too. `cancels`: a write to what a
    "point in time copy - default" ROD represents cancels its token; else the old data are kept, those of all
    RODs together up to `preserved_bytes`, beyond which tokens are cancelled. `zero_token`: the block device
    zero ROD token is taken. There are `maximum_rods` at once, those of tokens among them, and
    `maximum_tokens`.

    `maximum_bytes` of one ROD and of one WRITE USING TOKEN, 0 for no limit; `granularity` in blocks.
    `populates_at_most` and `writes_at_most`: how many bytes one command gets through before it stops short,
    0 for all; both whole blocks. `advertises` is what page 8Fh says instead.

    `says_why`: a token that is no good is answered with its reason; else all are TOKEN UNKNOWN.
    `short_list`: ASC and ASCQ of a parameter list too short for its header. `beyond_rod`: ASC and ASCQ where
    a WRITE USING TOKEN asks for more than there is. `forwards_failure`: what a device answered is the
    answer, word for word. `dies_with_list`: a token is deleted when another is made under its list
    identifier.
    """

    types: tuple[int, ...] = (ACCESS_UPON_REFERENCE, POINT_IN_TIME, CHANGE_VULNERABLE, PERSISTENT)
    default_type: int = POINT_IN_TIME
    by_reference: bool = False
    cancels: bool = False
    zero_token: bool = True
    preserved_bytes: int = 256 << 20
    maximum_rods: int = 4096
    maximum_tokens: int = 1024
    maximum_ranges: int = 64
    maximum_bytes: int = 1 << 30
    optimal_bytes: int = 64 << 20
    granularity: int = 1
    populates_at_most: int = 0
    writes_at_most: int = 0
    default_inactivity: int = 60
    maximum_inactivity: int = 600
    minimum_lifetime: int = 1
    default_lifetime: int = 3600
    maximum_lifetime: int = 86400
    says_why: bool = True
    short_list: tuple[int, int] = (0x1A, 0x00)
    beyond_rod: tuple[int, int] = (0x0D, 0x04)
    forwards_failure: bool = False
    dies_with_list: bool = False
    advertises: RodPolicy | None = None

    def made(self, rod_type: int) -> int | None:
        """The type a ROD gets that is asked for as `rod_type`; None where it cannot be made.

        "Any point in time copy" becomes persistent, or else change vulnerable (SPC-4 5.17.6.2.3.5).
        """
        wanted = (PERSISTENT, CHANGE_VULNERABLE) if rod_type == ANY_POINT_IN_TIME else (rod_type,)
        return next((each for each in wanted if each in self.types), None)

    def cancels_on_write(self, rod_type: int) -> bool:
        """A write to what such a ROD represents makes it invalid (SPC-4 5.17.6.2.3)."""
        return rod_type == CHANGE_VULNERABLE or (rod_type == POINT_IN_TIME and self.cancels)


STANDARD = RodPolicy()

# What public targets do, by way of their sources.
CTL_RODS = RodPolicy(
    types=(ACCESS_UPON_REFERENCE,),
    default_type=ACCESS_UPON_REFERENCE,
    by_reference=True,
    maximum_bytes=0,
    optimal_bytes=0,
    default_lifetime=0xFFFF_FFFF,
    maximum_lifetime=0xFFFF_FFFF,
    says_why=False,
    short_list=(0x24, 0x00),
    beyond_rod=(0x26, 0x00),
    forwards_failure=True,
)
QNAP_RODS = RodPolicy(
    types=(POINT_IN_TIME,),
    cancels=True,
    maximum_ranges=2,
    maximum_bytes=128 << 20,
    optimal_bytes=64 << 20,
    default_inactivity=30,
    maximum_inactivity=32,
    dies_with_list=True,
)
QUADSTOR_RODS = RodPolicy(
    types=(POINT_IN_TIME, CHANGE_VULNERABLE, PERSISTENT),
    maximum_ranges=1,
    maximum_bytes=4 << 20,
    optimal_bytes=4 << 20,
    default_inactivity=35,
    maximum_inactivity=60,
    says_why=False,
)
