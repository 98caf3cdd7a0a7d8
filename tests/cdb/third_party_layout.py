"""A second encoder of the descriptors of VPD page 8Fh, by T10's byte numbers alone (SPC-4 7.8.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdb.third_party import (
    CopyGroupIdentifier,
    CopyInSupport,
    CopyOutSupport,
    GeneralCopyOperations,
    HeldData,
    OtherCommandSupport,
    ParameterData,
    StreamCopyOperations,
    SupportedCommands,
    SupportedCscdIds,
    SupportedDescriptors,
    UnknownDescriptor,
)
from cdb.third_party_rod import (
    BlockRodFeatures,
    BlockRodLimits,
    OtherRodFeatures,
    ProcessorRodFeatures,
    RodTokenFeatures,
    RodType,
    StreamRodFeatures,
    SupportedRodTypes,
)
from tests.cdb.independent import laid_out

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.record import Record

    Places = dict[str, int | bytes]


def limits(d: Any) -> bytes:
    return laid_out(
        36,
        {
            "2-3": 0x20,
            "4-9": d.vendor_specific,
            "10-11": d.maximum_ranges,
            "12-15": d.maximum_inactivity_timeout,
            "16-19": d.default_inactivity_timeout,
            "20-27": d.maximum_token_transfer_size,
            "28-35": d.optimal_transfer_count,
        },
    )


def support(d: Any) -> bytes:
    return bytes([d.operation_code, len(d.service_actions), *d.service_actions])


def supported_commands(d: Any) -> bytes:
    listed = b"".join(support(c) for c in d.commands)
    size = 1 + len(listed) + len(d.descriptor_pad)
    return laid_out(5, {"0-1": 1, "2-3": size, "4": len(listed)}) + listed + bytes(d.descriptor_pad)


def parameter_data(d: Any) -> bytes:
    return laid_out(
        32,
        {
            "0-1": 4,
            "2-3": 0x1C,
            "8-9": d.maximum_cscd_count,
            "10-11": d.maximum_segment_count,
            "12-15": d.maximum_list_length,
            "16-19": d.maximum_inline_data_length,
        },
    )


def supported_descriptors(d: Any) -> bytes:
    size = 1 + len(d.types) + len(d.descriptor_pad)
    head = laid_out(5, {"0-1": 8, "2-3": size, "4": len(d.types)})
    return head + bytes(d.types) + bytes(d.descriptor_pad)


def supported_ids(d: Any) -> bytes:
    listed = b"".join(number.to_bytes(2, "big") for number in d.ids)
    size = 2 + len(listed) + len(d.descriptor_pad)
    return laid_out(6, {"0-1": 0xC, "2-3": size, "4-5": len(listed)}) + listed + bytes(d.descriptor_pad)


def copy_group(d: Any) -> bytes:
    size = 1 + len(d.identifier) + len(d.descriptor_pad)
    head = laid_out(5, {"0-1": 0xD, "2-3": size, "4": len(d.identifier)})
    return head + bytes(d.identifier) + bytes(d.descriptor_pad)


def block_features(d: Any) -> bytes:
    return laid_out(
        48,
        {
            "0": 0x00,
            "2-3": 0x2C,
            "6-7": d.optimal_granularity,
            "8-15": d.maximum_bytes,
            "16-23": d.optimal_bytes,
            "24-31": d.optimal_bytes_to_token,
            "32-39": d.optimal_bytes_from_token,
        },
    )


def stream_features(d: Any) -> bytes:
    return laid_out(48, {"0": 0x01, "2-3": 0x2C, "8-15": d.maximum_bytes, "16-23": d.optimal_bytes})


def processor_features(d: Any) -> bytes:
    return laid_out(48, {"0": 0x03, "2-3": 0x2C, "8-15": d.maximum_bytes, "16-23": d.optimal_bytes})


def other_features(d: Any) -> bytes:
    return laid_out(4, {"0": d.device_type, "2-3": len(d.parameters)}) + bytes(d.parameters)


def token_features(d: Any) -> bytes:
    listed = b"".join(LAID_OUT[type(f)](f) for f in d.features)
    head = laid_out(
        48,
        {
            "0-1": 0x106,
            "2-3": 44 + len(listed) + len(d.descriptor_pad),
            "4.3-0": d.remote_tokens,
            "16-19": d.minimum_lifetime,
            "20-23": d.maximum_lifetime,
            "24-27": d.maximum_inactivity_timeout,
            "46-47": len(listed),
        },
    )
    return head + listed + bytes(d.descriptor_pad)


def rod_type(d: Any) -> bytes:
    return laid_out(
        64,
        {
            "0-3": d.rod_type,
            "4.7": int(d.ecpy_int),
            "4.1": int(d.token_in),
            "4.0": int(d.token_out),
            "6-7": d.preference,
        },
    )


def rod_types(d: Any) -> bytes:
    listed = b"".join(rod_type(t) for t in d.types)
    head = laid_out(8, {"0-1": 0x108, "2-3": 4 + len(listed) + len(d.descriptor_pad), "6-7": len(listed)})
    return head + listed + bytes(d.descriptor_pad)


def general(d: Any) -> bytes:
    return laid_out(
        36,
        {
            "0-1": 0x8001,
            "2-3": 0x20,
            "4-7": d.total_concurrent_copies,
            "8-11": d.maximum_identified_copies,
            "12-15": d.maximum_segment_length,
            "16": d.data_segment_granularity,
            "17": d.inline_data_granularity,
        },
    )


def stream(d: Any) -> bytes:
    return laid_out(16, {"0-1": 0x9101, "2-3": 0xC, "4-7": d.maximum_transfer_size})


def held(d: Any) -> bytes:
    places: Places = {
        "0-1": 0xC001,
        "2-3": 0x1C,
        "4-7": d.held_data_limit,
        "8": d.held_data_granularity,
    }
    return laid_out(32, places)


def unknown(d: Any) -> bytes:
    return laid_out(4, {"0-1": d.descriptor_type, "2-3": len(d.parameters)}) + bytes(d.parameters)


LAID_OUT: dict[type[Record], Callable[[Any], bytes]] = {
    BlockRodLimits: limits,
    CopyInSupport: support,
    CopyOutSupport: support,
    OtherCommandSupport: support,
    SupportedCommands: supported_commands,
    ParameterData: parameter_data,
    SupportedDescriptors: supported_descriptors,
    SupportedCscdIds: supported_ids,
    CopyGroupIdentifier: copy_group,
    BlockRodFeatures: block_features,
    StreamRodFeatures: stream_features,
    ProcessorRodFeatures: processor_features,
    OtherRodFeatures: other_features,
    RodTokenFeatures: token_features,
    RodType: rod_type,
    SupportedRodTypes: rod_types,
    GeneralCopyOperations: general,
    StreamCopyOperations: stream,
    HeldData: held,
    UnknownDescriptor: unknown,
}
