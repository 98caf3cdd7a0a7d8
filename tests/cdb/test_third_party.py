"""VPD page 8Fh: what copy managers say of themselves.

Bytes from outside: FreeBSD's page worked out from its code and checked with sg_vpd, the page sg3_utils ships
as an example, and a page of every descriptor whose fields sg_vpd 1.46 named (fixtures/samples.json). sg_vpd
of a later source takes MAXIMUM INLINE DATA LENGTH from byte 17, where SPC-4 and 1.46 have byte 16.
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
)
from cdb.third_party_rod import (
    BlockRodFeatures,
    BlockRodLimits,
    RodTokenFeatures,
    SupportedRodTypes,
)
from cdb.vpd import Designator
from tests.cdb import samples
from tests.cdb.independent import laid_out
from tests.cdb.strategies import records
from tests.cdb.third_party_layout import LAID_OUT

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.record import Record

CTL = samples.sample("ctl_vpd_third_party_copy")
EVERY = samples.sample("sg3_vpd_third_party_copy_every_descriptor")
SHIPPED = samples.sample("sg3_vpd_third_party_copy")


def page(sample: samples.Sample) -> dict[type[Record], Any]:
    return {type(d): d for d in ThirdPartyCopy.unpack(sample.data).descriptors}


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
