"""What two units allow together, each number with the rule it came from; or why they cannot copy at all.

Only what the units said, before anything is copied. What they answer later is `verdict`'s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from cdb.cscd import CSCD_LENGTH
from cdb.segment import MAXIMUM_BLOCKS, BlockToBlock
from xcopy.conversation import Side
from xcopy.errors import UsageError
from xcopy.follow_up import question
from xcopy.list_ids import MOST
from xcopy.quirks import quirk_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xcopy.unit import LogicalUnit

EVEN_BYTES = 2**20  # longer segments are whole multiples of it: pages, stripes and extents are not cut
HALVED = "halved: the copy manager took no more"
DEFAULT_COMMAND_BYTES = 64 * 2**20  # what one lost command costs to copy again
DEFAULT_JOBS = 64  # a slow LIO backend gains up to 32 and more; few arrays take more
NEEDED_TYPES = (0x02, 0xE4)
SWITCH_ON = (
    "switch third-party copy on for {} where its storage has a setting for it (Linux's target: the attribute "
    "emulate_3pc)"
)


@dataclass(frozen=True, slots=True)
class Bound:
    """A number and the rule that set it."""

    value: int
    rule: str

    def __str__(self) -> str:
        return f"{self.value} ({self.rule})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a copy between two units keeps to; block counts in their (equal) block size."""

    segment_blocks: Bound
    segments_per_command: Bound
    command_blocks: Bound
    granularity_blocks: Bound
    in_flight: Bound
    without_list_id: bool

    @property
    def bounds(self) -> dict[str, Bound]:
        """Every number with its rule, by name, in the order they are shown in."""
        return {
            "segment_blocks": self.segment_blocks,
            "segments_per_command": self.segments_per_command,
            "command_blocks": self.command_blocks,
            "granularity_blocks": self.granularity_blocks,
            "in_flight": self.in_flight,
        }

    def fewer_segments(self, sent: int) -> Limits | None:
        """Half the segments of a command that had `sent`, or None where one is all that is allowed."""
        if self.segments_per_command.value == 1:
            return None
        return replace(self, segments_per_command=Bound(max(1, sent // 2), HALVED))

    def smaller_segments(self) -> Limits | None:
        """Half the blocks in a segment, still whole granules, or None when it cannot shrink."""
        grain = self.granularity_blocks.value
        blocks = self.segment_blocks.value // 2 // grain * grain
        if not blocks:
            return None
        return replace(self, segment_blocks=Bound(blocks, HALVED))


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the storage cannot copy between these units; `way_out` is what would change that, if known."""

    reason: str
    way_out: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user fixed, None where it is to be found out: commands in flight, bytes, segments.

    UsageError for more commands than there are identifiers for.
    """

    jobs: int | None = None
    segment: int | None = None
    segments_per_command: int | None = None

    def __post_init__(self) -> None:
        if self.jobs is not None and not 1 <= self.jobs <= MOST:
            raise UsageError(f"{self.jobs} commands in flight: --jobs takes 1 to {MOST}")


ANYTHING = Wanted()


def agree(
    source: LogicalUnit,
    destination: LogicalUnit,
    wanted: Wanted = ANYTHING,
    *,
    receiver: Side = Side.DESTINATION,
) -> Limits | Refusal:
    """Both units' limits merged, with what the user wanted within them.

    The list is bounded by what the `receiver` says, the unit that the commands are sent to.
    """
    to = destination if receiver is Side.DESTINATION else source
    refusal = _cannot(source, destination, to)
    if refusal is not None:
        return refusal
    size = destination.block_size
    units = (source, destination)
    grain = Bound(1, "no copy granularity")
    segment = [
        Bound(MAXIMUM_BLOCKS, "the segment's block count has 16 bits"),
        _or(wanted.segment and wanted.segment // size, "--segment")
        or Bound(DEFAULT_COMMAND_BYTES // size, f"default of {DEFAULT_COMMAND_BYTES >> 20} MiB"),
    ]
    flight = [_or(wanted.jobs, "--jobs") or Bound(DEFAULT_JOBS, "as many as are tried unasked")]
    for unit in units:
        given = unit.parameters
        assert given is not None
        granule = math.ceil(2**given.data_segment_granularity / size)
        if granule > grain.value:
            grain = Bound(granule, f"copy granularity of {unit.name}")
        if given.maximum_segment_length:
            segment.append(
                Bound(given.maximum_segment_length // size, f"maximum segment length of {unit.name}")
            )
    parameters = to.parameters
    assert parameters is not None
    if parameters.total_concurrent_copies:
        quirk = quirk_of(to)
        if not (quirk and quirk.concurrent_is_advice):
            flight.append(Bound(parameters.total_concurrent_copies, f"total concurrent copies of {to.name}"))
    without_list_id = parameters.snlid and not tells_state(to)
    if not without_list_id and parameters.maximum_concurrent_copies:
        flight.append(Bound(parameters.maximum_concurrent_copies, f"list identifiers of {to.name}"))
    largest = min(segment, key=lambda b: b.value)
    blocks = largest.value // grain.value * grain.value
    even = math.lcm(grain.value, max(1, EVEN_BYTES // size))
    if blocks > even and wanted.segment is None:
        blocks = blocks // even * even
    if not blocks:
        return Refusal(
            f"no segment fits: at most {largest.value} blocks ({largest.rule}), "
            f"in multiples of {grain.value} ({grain.rule})"
        )
    return Limits(
        segment_blocks=Bound(blocks, largest.rule),
        segments_per_command=_segments(to, wanted, cscds=1 if source.named_like(destination) else 2),
        command_blocks=_command(wanted, blocks, size),
        granularity_blocks=grain,
        in_flight=min(flight, key=lambda b: b.value),
        without_list_id=without_list_id,
    )


def agree_all(offers: Sequence[Limits | Refusal]) -> Limits | Refusal:
    """What all pairs of units allow together, of those that may be tried; the first refusal if none may."""
    found = [offer for offer in offers if isinstance(offer, Limits)]
    if len(found) < 2:
        return found[0] if found else offers[0]
    grain = max((each.granularity_blocks for each in found), key=lambda b: b.value)
    grain = Bound(math.lcm(*(each.granularity_blocks.value for each in found)), grain.rule)
    segment = min((each.segment_blocks for each in found), key=lambda b: b.value)
    blocks = segment.value // grain.value * grain.value
    if not blocks:
        return Refusal(
            f"no segment fits: at most {segment.value} blocks ({segment.rule}), "
            f"in multiples of {grain.value} ({grain.rule})"
        )
    return Limits(
        segment_blocks=Bound(blocks, segment.rule),
        segments_per_command=min((each.segments_per_command for each in found), key=lambda b: b.value),
        command_blocks=min((each.command_blocks for each in found), key=lambda b: b.value),
        granularity_blocks=grain,
        in_flight=min((each.in_flight for each in found), key=lambda b: b.value),
        without_list_id=all(each.without_list_id for each in found),
    )


def _or(number: int | None, rule: str) -> Bound | None:
    return None if number is None else Bound(number, rule)


def _command(wanted: Wanted, segment_blocks: int, size: int) -> Bound:
    """How much one command copies at the most: what the user fixed is not cut."""
    default = Bound(DEFAULT_COMMAND_BYTES // size, f"default of {DEFAULT_COMMAND_BYTES >> 20} MiB")
    asked = Bound(segment_blocks * (wanted.segments_per_command or 1), "--segments-per-command")
    return max(default, asked, key=lambda b: b.value)


def _segments(unit: LogicalUnit, wanted: Wanted, *, cscds: int) -> Bound:
    parameters = unit.parameters
    assert parameters is not None
    bounds = [Bound(max(1, parameters.maximum_segment_count), f"maximum segment count of {unit.name}")]
    if wanted.segments_per_command is not None:
        bounds.append(Bound(wanted.segments_per_command, "--segments-per-command"))
    if parameters.maximum_list_length:
        room = (parameters.maximum_list_length - cscds * CSCD_LENGTH) // BlockToBlock.size
        bounds.append(Bound(max(1, room), f"maximum descriptor list length of {unit.name}"))
    return min(bounds, key=lambda b: b.value)


def tells_state(unit: LogicalUnit) -> bool:
    """True where a copy that has a list identifier can be asked after when its answer is not heard."""
    return question(0, unit.copy_commands) is not None


def _cannot(source: LogicalUnit, destination: LogicalUnit, to: LogicalUnit) -> Refusal | None:
    """The first reason why these units cannot be copied between, or None."""
    for unit in (destination, source):
        if unit.parameters is None:
            return Refusal(
                f"{unit.name} does not offer EXTENDED COPY: {unit.no_parameters}",
                "" if unit.third_party_copy else SWITCH_ON.format(unit.name),
            )
        if unit.copy_designator is None:
            return Refusal(
                f"{unit.name} has no designator of at most 20 bytes to be named by (VPD page 83h)",
                f"have the storage give {unit.name} an identity of its own (an NAA designator)",
            )
    if source.block_size != destination.block_size:
        return Refusal(
            f"the block sizes differ: {source.name} has {source.block_size} bytes, "
            f"{destination.name} {destination.block_size}",
            "copy to a unit with blocks of the same size",
        )
    parameters = to.parameters
    assert parameters is not None
    for code in NEEDED_TYPES:
        if parameters.implemented_types and code not in parameters.implemented_types:
            return Refusal(f"{to.name} does not implement descriptor type {code:02X}h")
    needed = 1 if source.named_like(destination) else 2
    if needed == 1 and (source.blocks, source.serial) != (destination.blocks, destination.serial):
        return Refusal(
            f"{source.name} and {destination.name} are two units that go by one designator",
            "have the storage give each of them an identity of its own",
        )
    if 0 < parameters.maximum_cscd_count < needed:
        return Refusal(
            f"{to.name} takes {parameters.maximum_cscd_count} CSCD descriptor, {needed} are needed"
        )
    if 0 < parameters.maximum_list_length < needed * CSCD_LENGTH + BlockToBlock.size:
        room = parameters.maximum_list_length
        return Refusal(f"{to.name} takes {room} bytes of descriptors, too few for one segment")
    return None
