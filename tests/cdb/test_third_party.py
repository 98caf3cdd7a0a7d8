"""VPD page 8Fh: what copy managers say of themselves.

Bytes from outside: FreeBSD's page worked out from its code and checked with sg_vpd, the page sg3_utils ships
as an example, and a page of every descriptor whose fields sg_vpd 1.46 named (fixtures/samples.json). sg_vpd
takes MAXIMUM INLINE DATA LENGTH from byte 17 since 1.48 (by way of its source), where SPC-4 has byte 16.
No outside bytes exist of the stream and copy manager ROD features: only a second encoder checks those.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import third_party, third_party_rod
from cdb.copy_results import power_of_two
from cdb.errors import DecodeError
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
    ThirdPartyCopy,
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
from cdb.vpd import Designator
from tests.cdb import samples
from tests.cdb.independent import laid_out
from tests.cdb.strategies import records

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.record import Record

    Places = dict[str, int | bytes]

CTL = samples.sample("ctl_vpd_third_party_copy")
EVERY = samples.sample("sg3_vpd_third_party_copy_every_descriptor")
SHIPPED = samples.sample("sg3_vpd_third_party_copy")


def page(sample: samples.Sample) -> dict[type[Record], Any]:
    return {type(d): d for d in ThirdPartyCopy.unpack(sample.data).descriptors}


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


@pytest.mark.parametrize("of", LAID_OUT, ids=lambda r: r.__name__)
@given(data=st.data())
def test_a_descriptor_lies_where_its_table_says(of: type[Record], data: st.DataObject) -> None:
    made = data.draw(records(of))
    assert made.pack() == LAID_OUT[of](made)


@given(made=records(ThirdPartyCopy))
def test_the_page_is_its_header_and_its_descriptors(made: Any) -> None:
    listed = b"".join(LAID_OUT[type(d)](d) for d in made.descriptors)
    head = laid_out(
        4,
        {
            "0.7-5": made.peripheral_qualifier,
            "0.4-0": made.peripheral_device_type,
            "1": 0x8F,
            "2-3": len(listed),
        },
    )
    assert made.pack() == head + listed


def test_every_descriptor_of_the_standard_is_known() -> None:
    # SPC-4 7.8.17.3, table 645; 000Dh is SPC-5's
    spc4 = {0x0000, 0x0001, 0x0004, 0x0008, 0x000C, 0x0106, 0x0108, 0x8001, 0x9101, 0xC001}
    assert third_party.DESCRIPTORS.members.keys() == spc4 | {0x000D}


@pytest.mark.parametrize("sample", [CTL, EVERY], ids=lambda s: s.name)
def test_a_page_is_read_as_sg_vpd_reads_it(sample: samples.Sample) -> None:
    found = page(sample)
    says = sample.says
    limit, data, features = found[BlockRodLimits], found[ParameterData], found[RodTokenFeatures]
    assert says["0000h"] == {
        "Maximum range descriptors": limit.maximum_ranges,
        "Maximum inactivity timeout": limit.maximum_inactivity_timeout,
        "Default inactivity timeout": limit.default_inactivity_timeout,
        "Maximum token transfer size": limit.maximum_token_transfer_size,
        "Optimal transfer count": limit.optimal_transfer_count,
    }
    assert says["0004h"] == {
        "Maximum CSCD descriptor count": data.maximum_cscd_count,
        "Maximum segment descriptor count": data.maximum_segment_count,
        "Maximum descriptor list length": data.maximum_list_length,
        "Maximum inline data length": data.maximum_inline_data_length,
    }
    assert says["0008h"] == list(found[SupportedDescriptors].types)
    assert says["000Ch"] == list(found[SupportedCscdIds].ids)
    told = {
        "Remote tokens": features.remote_tokens,
        "Minimum token lifetime": features.minimum_lifetime,
        "Maximum token lifetime": features.maximum_lifetime,
        "Maximum token inactivity timeout": features.maximum_inactivity_timeout,
    }
    (block,) = features.features
    told |= {
        "Optimal block ROD length granularity": block.optimal_granularity,
        "Maximum Bytes in block ROD": block.maximum_bytes,
        "Optimal Bytes in block ROD transfer": block.optimal_bytes,
        "Optimal Bytes to token per segment": block.optimal_bytes_to_token,
        "Optimal Bytes from token per segment": block.optimal_bytes_from_token,
    }
    assert says["0106h"] == told
    assert says["0108h"] == [
        {
            "ROD type": t.rod_type,
            "Internal": t.ecpy_int,
            "Token in": t.token_in,
            "Token out": t.token_out,
            "Preference": t.preference,
        }
        for t in found[SupportedRodTypes].types
    ]
    copies = found[GeneralCopyOperations]
    assert says["8001h"] == {
        "Total concurrent copies": copies.total_concurrent_copies,
        "Maximum identified concurrent copies": copies.maximum_identified_copies,
        "Maximum segment length": copies.maximum_segment_length,
        "Data segment granularity": 1 << copies.data_segment_granularity,
        "Inline data granularity": 1 << copies.inline_data_granularity,
    }


def test_the_page_of_freebsd_is_built_again_byte_for_byte() -> None:
    assert ThirdPartyCopy.unpack(CTL.data).pack() == CTL.data


def test_a_descriptor_longer_than_the_standard_has_it_is_read_as_far_as_that_goes() -> None:
    # The page of every descriptor has a 9101h of length 0010h: SPC-4 7.8.17.11 has 000Ch.
    found = page(EVERY)
    size = EVERY.says["9101h"]["Maximum stream device transfer size"]
    assert found[StreamCopyOperations].maximum_transfer_size == size
    assert EVERY.says["C001h"] == {
        "Held data limit": found[HeldData].held_data_limit,
        "Held data granularity": 1 << found[HeldData].held_data_granularity,
    }


def test_service_actions_need_not_be_in_order() -> None:
    commands = page(CTL)[SupportedCommands]
    assert commands.commands == (
        CopyOutSupport(service_actions=(0x00, 0x01, 0x10, 0x11, 0x1C)),
        CopyInSupport(service_actions=(0x00, 0x04, 0x05, 0x03, 0x07, 0x08)),
    )
    assert commands.supports(0x84, 0x08)
    assert not commands.supports(0x84, 0x06)
    assert not commands.supports(0x12, 0x08)


def test_service_actions_are_named() -> None:
    out, into = (of.row("service_actions") for of in (CopyOutSupport, CopyInSupport))
    names = [out.meaning(0x1C), into.meaning(0x04), out.meaning(0x1F)]
    assert names == ["COPY OPERATION ABORT", "RECEIVE COPY FAILURE DETAILS(LID1)", ""]


def test_a_page_that_says_more_than_is_there_is_an_error_with_both_numbers() -> None:
    with pytest.raises(
        DecodeError,
        match="PAGE LENGTH at byte 2 is 140: the structure would end at byte 144, the bytes end at 140",
    ):
        ThirdPartyCopy.unpack(SHIPPED.data)


def test_the_page_sg3_utils_ships_is_read_once_its_length_is_right() -> None:
    right = SHIPPED.data[:2] + (len(SHIPPED.data) - 4).to_bytes(2, "big") + SHIPPED.data[4:]
    read = ThirdPartyCopy.unpack(right)
    assert read.pack() == right
    found = {type(d): d for d in read.descriptors}
    limit = found[BlockRodLimits]
    assert isinstance(limit, BlockRodLimits)
    assert SHIPPED.says["0000h Block Device ROD Token Limits"] == {
        "Maximum range descriptors": limit.maximum_ranges,
        "Maximum inactivity timeout": limit.maximum_inactivity_timeout,
        "Default inactivity timeout": limit.default_inactivity_timeout,
        "Maximum token transfer size": limit.maximum_token_transfer_size,
        "Optimal transfer count": limit.optimal_transfer_count,
    }
    assert found[SupportedCommands] == SupportedCommands.of(
        (
            OtherCommandSupport(operation_code=0x00),
            OtherCommandSupport(operation_code=0x03),
            OtherCommandSupport(operation_code=0x12),
            CopyOutSupport(service_actions=(0x10, 0x11)),
            CopyInSupport(service_actions=(0x07,)),
        )
    )
    assert found[SupportedDescriptors] == SupportedDescriptors.of((0x02, 0xE9))
    assert found[SupportedCscdIds] == SupportedCscdIds.of((0, 1, 0xC000, 0xFFFF))


def test_a_copy_group_is_a_uuid() -> None:
    right = SHIPPED.data[:2] + (len(SHIPPED.data) - 4).to_bytes(2, "big") + SHIPPED.data[4:]
    group = ThirdPartyCopy.unpack(right).descriptors[-1]
    assert isinstance(group, CopyGroupIdentifier)
    assert group == CopyGroupIdentifier.of(group.identifier)
    name = Designator(code_set=1, association=0, designator_type=10, value=group.identifier).text
    assert name == "uuid." + SHIPPED.says["000Dh Copy group identifier"].rpartition(" ")[2]


PADDED: list[Callable[[int], Record]] = [
    lambda n: SupportedCommands.of((CopyOutSupport(service_actions=tuple(range(n))),)),
    lambda n: SupportedDescriptors.of(tuple(range(n))),
    lambda n: SupportedCscdIds.of(tuple(range(n))),
    lambda n: CopyGroupIdentifier.of(bytes(range(n))),
]


@pytest.mark.parametrize("build", PADDED, ids=["commands", "descriptors", "ids", "group"])
@pytest.mark.parametrize("count", range(9))
def test_a_descriptor_is_padded_to_a_multiple_of_four_bytes(
    build: Callable[[int], Record], count: int
) -> None:
    packed = build(count).pack()
    assert len(packed) % 4 == 0
    assert int.from_bytes(packed[2:4], "big") == len(packed) - 4
    assert type(build(count)).unpack(packed) == build(count)


def test_a_list_longer_than_its_descriptor_is_a_decode_error() -> None:
    descriptor = bytearray(SupportedDescriptors.of((0x02, 0xE4)).pack())
    descriptor[4] = 4
    sent = bytes.fromhex("008f0008") + descriptor
    with pytest.raises(
        DecodeError, match=r"third-party copy descriptor 0 at byte 4: .* takes up 4 bytes, 3 are"
    ):
        ThirdPartyCopy.unpack(sent)


def test_values_that_are_no_numbers_are_named() -> None:
    names = third_party_rod.inactivity_limit
    assert [names(v) for v in (0, 60, 0xFFFFFFFF)] == ["not reported", "60 s", "no maximum"]
    assert [third_party_rod.default_inactivity(v) for v in (0, 30)] == ["not reported", "30 s"]
    assert third_party_rod.remote_tokens_name(1) == "reserved"
    optimal = BlockRodFeatures.row("optimal_bytes")
    assert [optimal.meaning(v) for v in (0, 4096, 2**64 - 1)] == ["not reported", "", "no limit"]
    assert [third_party.descriptor_name(v) for v in (0xDFFF, 0xE000, 0xEFFF, 0xF000)] == [
        "reserved",
        "restricted",
        "restricted",
        "reserved",
    ]
    assert GeneralCopyOperations.row("data_segment_granularity").meaning(16) == power_of_two(16)
