"""VPD page 8Fh of the array: what its profile says a copy manager can do (SPC-4 7.8.17; SBC-4 6.6.9).

Descriptors, commands, types and ids are in ascending order. What is enforced is not known here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cdb.third_party import (
    CopyInSupport,
    CopyOutSupport,
    GeneralCopyOperations,
    HeldData,
    ParameterData,
    StreamCopyOperations,
    SupportedCommands,
    SupportedCscdIds,
    SupportedDescriptors,
    ThirdPartyCopy,
)
from cdb.third_party_rod import (
    BlockRodFeatures,
    BlockRodLimits,
    RodTokenFeatures,
    RodType,
    SupportedRodTypes,
)
from cdb.token import ANY_POINT_IN_TIME, BLOCK_DEVICE_ZERO

if TYPE_CHECKING:
    from collections.abc import Iterator, Set

    from cdb.copy_results import OperatingParameters
    from cdb.record import Record
    from xcopy.target.profile import Profile
    from xcopy.target.rod_policy import RodPolicy

EXTENDED_COPIES = {0x00, 0x01}
POPULATE_TOKEN = 0x10
RECEIVE_COPY_DATA = {0x01, 0x06}
ROD_CSCD = 0xFE
TOKENS_UNIT = 0xF800  # CSCD id of the unit that a ROD token names
STREAM_SEGMENTS = {0x00, 0x01, 0x03, 0x04, 0x05, 0x06, 0x08, 0x09, 0x0B, 0x0C, 0x0E, 0x0F, 0x13}


def third_party_copy(profile: Profile, block_size: int, copy_out: Set[int], copy_in: Set[int]) -> bytes:
    """The page of a unit of blocks of that size; the service actions are those of 83h and 84h there are."""
    found = sorted(_descriptors(profile, block_size, copy_out, copy_in), key=_descriptor_type)
    return ThirdPartyCopy(descriptors=tuple(found)).pack()


def _descriptor_type(descriptor: Record) -> int:
    return int.from_bytes(descriptor.pack()[:2], "big")


def _descriptors(
    profile: Profile, block_size: int, copy_out: Set[int], copy_in: Set[int]
) -> Iterator[Record]:
    told = profile.page_parameters or profile.advertised
    rods = profile.rods.advertises or profile.rods
    types = set(told.implemented_types)
    commands = (
        CopyOutSupport(service_actions=tuple(sorted(copy_out))),
        CopyInSupport(service_actions=tuple(sorted(copy_in))),
    )
    yield SupportedCommands.of(commands)
    yield from _limits(told)
    if POPULATE_TOKEN in copy_out:
        yield _rod_limits(rods, block_size)
    if POPULATE_TOKEN in copy_out or ROD_CSCD in types:
        yield _token_features(rods)
        yield SupportedRodTypes(types=tuple(_rod_types(rods, with_cscd=ROD_CSCD in types)))
    if copy_out & EXTENDED_COPIES:
        yield SupportedDescriptors.of(tuple(sorted(types)))
        taken = {TOKENS_UNIT} if ROD_CSCD in types and rods.types else set()
        yield SupportedCscdIds.of(tuple(sorted(taken | set(profile.special_cscd_ids))))
    if types & STREAM_SEGMENTS:
        yield StreamCopyOperations(maximum_transfer_size=told.maximum_stream_transfer_size)
    if copy_in & RECEIVE_COPY_DATA:
        yield HeldData(held_data_limit=told.held_data_limit, held_data_granularity=told.held_data_granularity)


def _limits(told: OperatingParameters) -> Iterator[Record]:
    yield ParameterData(
        maximum_cscd_count=told.maximum_cscd_count,
        maximum_segment_count=told.maximum_segment_count,
        maximum_list_length=told.maximum_list_length,
        maximum_inline_data_length=told.maximum_inline_data_length,
    )
    yield GeneralCopyOperations(
        total_concurrent_copies=max(told.total_concurrent_copies, told.maximum_concurrent_copies),
        maximum_identified_copies=told.maximum_concurrent_copies,
        maximum_segment_length=told.maximum_segment_length,
        data_segment_granularity=told.data_segment_granularity,
        inline_data_granularity=told.inline_data_granularity,
    )


def _rod_limits(rods: RodPolicy, block_size: int) -> Record:
    return BlockRodLimits(
        maximum_ranges=rods.maximum_ranges,
        maximum_inactivity_timeout=rods.maximum_inactivity,
        default_inactivity_timeout=rods.default_inactivity,
        maximum_token_transfer_size=rods.maximum_bytes // block_size,
        optimal_transfer_count=rods.optimal_bytes // block_size,
    )


def _token_features(rods: RodPolicy) -> Record:
    return RodTokenFeatures(
        remote_tokens=0,
        minimum_lifetime=rods.minimum_lifetime,
        maximum_lifetime=rods.maximum_lifetime,
        maximum_inactivity_timeout=rods.maximum_inactivity,
        features=(
            BlockRodFeatures(
                optimal_granularity=rods.granularity,
                maximum_bytes=rods.maximum_bytes,
                optimal_bytes=rods.optimal_bytes,
                optimal_bytes_to_token=rods.optimal_bytes,
                optimal_bytes_from_token=rods.optimal_bytes,
            ),
        ),
    )


def _rod_types(rods: RodPolicy, *, with_cscd: bool) -> Iterator[RodType]:
    """In ascending order; type 0 stands for a token in the inline data (SPC-4 7.8.17.9.1)."""
    if with_cscd:
        yield RodType(rod_type=0, ecpy_int=True)
    asked = {ANY_POINT_IN_TIME} if rods.made(ANY_POINT_IN_TIME) else set()
    for rod_type in sorted(asked.union(rods.types)):
        token = rod_type in rods.types
        yield RodType(rod_type=rod_type, ecpy_int=with_cscd, token_in=token, token_out=token)
    if rods.zero_token:
        yield RodType(rod_type=BLOCK_DEVICE_ZERO, token_in=True)
