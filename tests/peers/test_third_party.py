"""sg_vpd reads VPD page 8Fh as the records of `cdb` do: every descriptor, field by field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.copy_results import descriptor_type_name
from cdb.cscd import rod_type_name
from cdb.cscd_id import SPECIAL_CSCD_IDS
from cdb.supported_commands import SERVICE_ACTIONS
from cdb.third_party import (
    DESCRIPTORS,
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
from tests.cdb import samples
from tests.cdb.strategies import records
from tests.peers.agreement import Silent, Wrong, agree, fields, still_silent, still_wrong
from tests.peers.tool import SG_VPD, colon, number

if TYPE_CHECKING:
    from cdb.record import Record
    from tests.peers.agreement import Fields, Table

pytestmark = SG_VPD.needed
some = settings(max_examples=50, deadline=None)


def unlimited(name: str, bits: int) -> Any:
    """A field that is printed as -1 where all its bits are set."""
    return lambda r: -1 if getattr(r, name) == (1 << bits) - 1 else getattr(r, name)


def power(name: str) -> Any:
    """A field that is an exponent of two and is printed as the power."""
    return lambda r: 1 << getattr(r, name)


TABLES: dict[type[Record], Table] = {
    BlockRodLimits: {
        "Maximum range descriptors": "maximum_ranges",
        "Maximum inactivity timeout": unlimited("maximum_inactivity_timeout", 32),
        "Default inactivity timeout": "default_inactivity_timeout",
        "Maximum token transfer size": "maximum_token_transfer_size",
        "Optimal transfer count": "optimal_transfer_count",
    },
    ParameterData: {
        "Maximum CSCD descriptor count": "maximum_cscd_count",
        "Maximum segment descriptor count": "maximum_segment_count",
        "Maximum descriptor list length": "maximum_list_length",
        "Maximum inline data length": "maximum_inline_data_length",
    },
    RodTokenFeatures: {
        "Remote tokens": "remote_tokens",
        "Minimum token lifetime": "minimum_lifetime",
        "Maximum token lifetime": "maximum_lifetime",
        "Maximum token inactivity timeout": "maximum_inactivity_timeout",
    },
    BlockRodFeatures: {
        "Optimal block ROD length granularity": "optimal_granularity",
        "Maximum Bytes in block ROD": "maximum_bytes",
        "Optimal Bytes in block ROD transfer": unlimited("optimal_bytes", 64),
        "Optimal Bytes to token per segment": unlimited("optimal_bytes_to_token", 64),
        "Optimal Bytes from token per segment": unlimited("optimal_bytes_from_token", 64),
    },
    StreamRodFeatures: {
        "Maximum Bytes in stream ROD": "maximum_bytes",
        "Optimal Bytes in stream ROD transfer": unlimited("optimal_bytes", 64),
    },
    ProcessorRodFeatures: {
        "Maximum Bytes in processor ROD": "maximum_bytes",
        "Optimal Bytes in processor ROD transfer": unlimited("optimal_bytes", 64),
    },
    OtherRodFeatures: {
        "format": lambda r: r.device_type >> 5,
        "device type": lambda r: r.device_type & 0x1F,
    },
    RodType: {
        "ROD type": "rod_type",
        "Internal": "ecpy_int",
        "Token in": "token_in",
        "Token out": "token_out",
        "Preference": "preference",
    },
    GeneralCopyOperations: {
        "Total concurrent copies": "total_concurrent_copies",
        "Maximum identified concurrent copies": "maximum_identified_copies",
        "Maximum segment length": "maximum_segment_length",
        "Data segment granularity": power("data_segment_granularity"),
        "Inline data granularity": power("inline_data_granularity"),
    },
    StreamCopyOperations: {"Maximum stream device transfer size": "maximum_transfer_size"},
    HeldData: {
        "Held data limit": "held_data_limit",
        "Held data granularity": power("held_data_granularity"),
    },
}
TITLES: dict[str, type[Record]] = {
    "Block Device ROD Token Limits": BlockRodLimits,
    "Supported commands": SupportedCommands,
    "Parameter data": ParameterData,
    "Supported descriptors": SupportedDescriptors,
    "Supported CSCD IDs (above 0x7ff)": SupportedCscdIds,
    "Copy group identifier": CopyGroupIdentifier,
    "ROD token features": RodTokenFeatures,
    "Supported ROD token and ROD types": SupportedRodTypes,
    "General copy operations": GeneralCopyOperations,
    "Stream copy operations": StreamCopyOperations,
    "Held data": HeldData,
}
# Service actions have no number in what is printed. T10 dropped "(LID4)" from the names in SPC-5.
COMMANDS = {
    name.casefold().removesuffix("(lid4)"): code
    for code, name in SERVICE_ACTIONS.items()
    if code[0] in (0x83, 0x84)
}
COMMANDS |= {"set tape stream mirroring": (0x83, 0x16), "report tape stream mirroring": (0x84, 0x16)}
OTHER_COMMANDS = {"test unit ready": 0x00, "request sense": 0x03, "inquiry": 0x12, "report luns": 0xA0}
WITHOUT_ACTIONS = {"third party copy out": 0x83, "third party copy in": 0x84}

KNOWN_WRONG = (
    Wrong(
        "Held data granularity",
        "the tool shifts an int: from 2^31 on the power is not what the byte says",
        HeldData(held_data_limit=1, held_data_granularity=31),
        when=lambda power: power >= 1 << 31,
    ),
    Wrong(
        "Held data granularity",
        "the tool shifts an int by more bits than it has",
        HeldData(held_data_limit=1, held_data_granularity=40),
        when=lambda power: power >= 1 << 31,
    ),
)
SILENT = (
    Silent(
        "VENDOR SPECIFIC",
        "not printed",
        BlockRodLimits(maximum_ranges=1, vendor_specific=b"abcdef"),
        BlockRodLimits(maximum_ranges=1, vendor_specific=b"ghijkl"),
    ),
)
UNNAMED = {  # descriptor type codes whose names came after sg3-utils 1.46
    0x19: "SPC-5",
    0xEC: "SPC-5",
}


def command_said(line: str) -> tuple[int, int | None]:
    """The operation code and the service action of a line, None where none is listed."""
    name = line.strip().casefold()
    if unnamed := re.match(r"(.*) service action=(0x[0-9a-f]+)", name):
        return WITHOUT_ACTIONS[unnamed[1]], int(unnamed[2], 16)
    if name in COMMANDS:
        return COMMANDS[name]
    return (OTHER_COMMANDS | WITHOUT_ACTIONS)[name], None


def said(data: bytes) -> Fields:
    """What sg_vpd prints of a page: a descriptor's title, then its fields."""
    out = SG_VPD.run("--raw", "--inhex=-", data=data)
    found: Fields = []
    of: type[Record] = ThirdPartyCopy
    for line in out.out.splitlines()[1:]:
        if re.match(r" \S", line):
            of = TITLES[line.strip(" :")]
            found.append(("descriptor", of))
        elif of is SupportedCommands:
            found.append(("command", command_said(line)))
        elif of in (SupportedDescriptors, SupportedCscdIds):
            found.append(("code", number(line)))
        elif of is CopyGroupIdentifier:
            found.append(("identifier", "1000" + line.partition("UUID: ")[2].replace("-", "")))
        elif other := re.search(r"Unhandled descriptor \(format (\d), device type (\d+)\)", line):
            found += [("format", int(other[1])), ("device type", int(other[2]))]
        else:
            found.append(colon(line))
    return found + [("unexpected", int(code)) for code in re.findall(r"Unexpected type=(\d+)", out.err)]


def read(page: ThirdPartyCopy) -> Fields:
    """Our descriptors and their fields in the same order; those of an unknown type last."""
    found: Fields = []
    unknown: Fields = []
    for one in page.descriptors:
        if isinstance(one, UnknownDescriptor):
            unknown += [("unexpected", one.descriptor_type)] if one.parameters else []
            continue
        found.append(("descriptor", type(one)))
        match one:
            case SupportedCommands():
                for command in one.commands:
                    actions = command.service_actions or (None,)
                    found += [("command", (command.operation_code, action)) for action in actions]
            case SupportedDescriptors():
                found += [("code", code) for code in one.types]
            case SupportedCscdIds():
                found += [("code", code) for code in one.ids]
            case CopyGroupIdentifier():
                found.append(("identifier", one.identifier.hex()))
            case SupportedRodTypes():
                found += [field for kind in one.types for field in fields(kind, TABLES[RodType])]
            case RodTokenFeatures():
                found += fields(one, TABLES[RodTokenFeatures])
                found += [f for feature in one.features for f in fields(feature, TABLES[type(feature)])]
            case _:
                found += fields(one, TABLES[type(one)])
    return found + unknown


def test_every_field_has_a_label() -> None:
    compared = {
        of: {what for what in table.values() if isinstance(what, str)} for of, table in TABLES.items()
    }
    rest = {of.__name__: set(of.field_names()) - names for of, names in compared.items()}
    assert {name: left for name, left in rest.items() if left} == {
        # printed otherwise: as a power of two, or as -1 if unlimited
        "GeneralCopyOperations": {"data_segment_granularity", "inline_data_granularity"},
        "HeldData": {"held_data_granularity"},
        "BlockRodFeatures": {"optimal_bytes", "optimal_bytes_to_token", "optimal_bytes_from_token"},
        "StreamRodFeatures": {"optimal_bytes"},
        "ProcessorRodFeatures": {"optimal_bytes"},
        "OtherRodFeatures": {"device_type", "parameters"},
        "BlockRodLimits": {"maximum_inactivity_timeout", "vendor_specific"},  # the latter not at all
        "RodTokenFeatures": {"features", "descriptor_pad"},
    }


ACTIONS = st.lists(st.integers(0, 0x1F), min_size=1, max_size=4).map(tuple)
COMMAND_SUPPORT = st.one_of(
    st.builds(CopyOutSupport, service_actions=ACTIONS),
    st.builds(CopyInSupport, service_actions=ACTIONS),
    st.builds(OtherCommandSupport, operation_code=st.sampled_from(sorted(OTHER_COMMANDS.values()))),
)
SHAPED = (SupportedCommands, CopyGroupIdentifier)
ANY_DESCRIPTOR = st.one_of(
    *(records(of) for of in TITLES.values() if of not in SHAPED),
    records(UnknownDescriptor).filter(lambda d: d.descriptor_type not in DESCRIPTORS.members),
    st.lists(COMMAND_SUPPORT, max_size=6).map(lambda c: SupportedCommands.of(tuple(c))),
    st.binary(min_size=16, max_size=16).map(lambda uuid: CopyGroupIdentifier.of(b"\x10\0" + uuid)),
)


@given(found=st.lists(ANY_DESCRIPTOR, max_size=6).map(tuple))
@some
def test_every_descriptor_of_a_page(found: tuple[Record, ...]) -> None:
    page = ThirdPartyCopy.unpack(ThirdPartyCopy(descriptors=found).pack())
    agree(SG_VPD, read(page), said(page.pack()), KNOWN_WRONG)


@pytest.mark.parametrize("sample", samples.of("VPD page 8Fh"), ids=lambda s: s.name)
def test_a_page_from_outside(sample: samples.Sample) -> None:
    told = sample.data[:2] + (len(sample.data) - 4).to_bytes(2, "big")  # that of sg3_utils says four too many
    page = told + sample.data[4:]
    agree(SG_VPD, read(ThirdPartyCopy.unpack(page)), said(page))


@pytest.mark.parametrize("edge", [0, 1, 0xFFFF_FFFF])
def test_times_that_have_a_meaning_of_their_own(edge: int) -> None:
    limits = BlockRodLimits(
        maximum_ranges=0, maximum_inactivity_timeout=edge, default_inactivity_timeout=edge
    )
    features = BlockRodFeatures(optimal_bytes=(1 << 64) - 1, optimal_bytes_to_token=0)
    tokens = RodTokenFeatures(
        minimum_lifetime=edge, maximum_lifetime=edge, maximum_inactivity_timeout=edge, features=(features,)
    )
    page = ThirdPartyCopy(descriptors=(limits, tokens))
    agree(SG_VPD, read(page), said(page.pack()))


def named(lines: list[str]) -> set[int]:
    """The codes that are printed with a name."""
    return {
        int(code, 16) for code in re.findall(r"^  \S.* \[(0x[0-9a-f]+)\]$", "\n".join(lines), re.MULTILINE)
    }


def test_the_codes_that_have_a_name() -> None:
    codes = [tuple(range(start, start + 128)) for start in (0, 128)]
    page = ThirdPartyCopy(descriptors=tuple(SupportedDescriptors.of(half) for half in codes))
    theirs = named(SG_VPD.run("--raw", "--inhex=-", data=page.pack()).out.splitlines())
    ours = {code for code in range(256) if descriptor_type_name(code) not in ("", "vendor specific")}
    if SG_VPD.is_listed:
        assert ours - theirs == set(UNNAMED)
    assert theirs <= ours


def test_the_cscd_ids_that_have_a_name() -> None:
    codes = (0x0800, *SPECIAL_CSCD_IDS, 0xC002, 0xF801)
    page = ThirdPartyCopy(descriptors=(SupportedCscdIds.of(codes),))
    assert named(SG_VPD.run("--raw", "--inhex=-", data=page.pack()).out.splitlines()) == set(SPECIAL_CSCD_IDS)


def test_the_rod_types_that_have_a_name() -> None:
    names = {
        "copy manager internal": 0x0,
        "access upon reference": 0x1_0000,
        "point in time copy - default": 0x80_0000,
        "point in time copy - change vulnerable": 0x80_0001,
        "point in time copy - persistent": 0x80_0002,
        "point in time copy - any": 0x80_FFFF,
        "block device zero": 0xFFFF_0001,
    }
    codes = (*names.values(), 0x2_0000)
    page = ThirdPartyCopy(descriptors=(SupportedRodTypes(types=tuple(RodType(rod_type=c) for c in codes)),))
    out = SG_VPD.run("--raw", "--inhex=-", data=page.pack()).out
    theirs = {name: int(code, 16) for name, code in re.findall(r"ROD type: (.+) \[(0x[0-9a-f]+)\]", out)}
    assert theirs == names
    assert all(rod_type_name(code) not in ("", "reserved") for code in names.values())


@pytest.mark.parametrize("entry", KNOWN_WRONG, ids=["from 2^31 on", "from 2^32 on"])
def test_what_is_listed_as_wrong_is_wrong(entry: Wrong) -> None:
    page = ThirdPartyCopy(descriptors=(entry.example,))
    still_wrong(SG_VPD, entry, read(page), said(page.pack()))


@pytest.mark.parametrize("entry", SILENT, ids=str)
def test_what_is_listed_as_unsaid_is_not_said(entry: Silent) -> None:
    one, other = (ThirdPartyCopy(descriptors=(d,)).pack() for d in (entry.one, entry.other))
    printed = [SG_VPD.run("--raw", "--inhex=-", data=page).out for page in (one, other)]
    still_silent(SG_VPD, entry, *printed)
