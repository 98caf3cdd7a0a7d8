"""sg_vpd reads VPD pages 00h, 80h, B0h, B1h and B2h as the records of `cdb` do: field by field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.vpd import (
    BlockDeviceCharacteristics,
    BlockLimits,
    LogicalBlockProvisioning,
    SupportedPages,
    UnitSerialNumber,
)
from tests.cdb import samples
from tests.peers.agreement import Wrong, agree, fields, still_wrong
from tests.peers.tool import SG_INQ, SG_VPD, colon, number

if TYPE_CHECKING:
    from cdb.record import Record
    from tests.peers.agreement import Fields, Table

pytestmark = SG_VPD.needed
some = settings(max_examples=40, deadline=None)

DISK, ALL_ONES = 0x00, 0xFFFF_FFFF  # of other device types B0h to B2h are other pages


def or_no_limit(name: str) -> Any:
    """A field that is printed as -1 where all its bits are set."""
    return lambda r: -1 if getattr(r, name) == ALL_ONES else getattr(r, name)


HEAD: Table = {
    "Peripheral device type": "peripheral_device_type",
    "PQual": "peripheral_qualifier",
}
BLOCK_LIMITS: Table = {
    "Write same non-zero (WSNZ)": "wsnz",
    "Maximum compare and write length": "maximum_compare_and_write_length",
    "Optimal transfer length granularity": "optimal_transfer_length_granularity",
    "Maximum transfer length": "maximum_transfer_length",
    "Optimal transfer length": "optimal_transfer_length",
    "Maximum prefetch transfer length": "maximum_prefetch_length",
    "Maximum unmap LBA count": or_no_limit("maximum_unmap_lba_count"),
    "Maximum unmap block descriptor count": or_no_limit("maximum_unmap_block_descriptor_count"),
    "Optimal unmap granularity": "optimal_unmap_granularity",
    "Unmap granularity alignment valid": "ugavalid",
    "Unmap granularity alignment": "unmap_granularity_alignment",
    "Maximum write same length": "maximum_write_same_length",
    "Maximum atomic transfer length": "maximum_atomic_transfer_length",
    "Atomic alignment": "atomic_alignment",
    "Atomic transfer length granularity": "atomic_transfer_length_granularity",
    "Maximum atomic transfer length with atomic boundary": "maximum_atomic_transfer_length_with_boundary",
    "Maximum atomic boundary size": "maximum_atomic_boundary_size",
}
CHARACTERISTICS: Table = {
    "Nominal rotation rate": "medium_rotation_rate",
    "Product type": "product_type",
    "WABEREQ": "wabereq",
    "WACEREQ": "wacereq",
    "Nominal form factor": lambda r: min(r.nominal_form_factor, 6),
    "ZONED": "zoned",
    "zoned name": lambda r: {1: "host-aware", 2: "device-managed"}.get(r.zoned, ""),
    "RBWZ": "rbwz",
    "BOCS": "bocs",
    "FUAB": "fuab",
    "VBULS": "vbuls",
    "DEPOPULATION_TIME": "depopulation_time",
}
PROVISIONING: Table = {
    "Unmap command supported (LBPU)": "lbpu",
    "Write same (16) with unmap bit supported (LBPWS)": "lbpws",
    "Write same (10) with unmap bit supported (LBPWS10)": "lbpws10",
    "Logical block provisioning read zeros (LBPRZ)": "lbprz",
    "Anchored LBAs supported (ANC_SUP)": "anc_sup",
    "Threshold exponent": "threshold_exponent",
    "Descriptor present (DP)": "dp",
    "Minimum percentage": "minimum_percentage",
    "Provisioning type": "provisioning_type",
    "Threshold percentage": "threshold_percentage",
}
WORDS = {
    "disk": DISK,
    "Not specified": 0,
    "CFast": 1,
    "CompactFlash": 2,
    "MemoryStick": 3,
    "MultiMediaCard": 4,
    "Secure Digital Card (SD)": 5,
    "XQD": 6,
    "Universal Flash Storage Card (UFS)": 7,
    "5.25 inch": 1,
    "3.5 inch": 2,
    "2.5 inch": 3,
    "1.8 inch": 4,
    "less then 1.8 inch": 5,
    "reserved": 6,
    "true": 1,
    "false": 0,
}
SENTENCES = {  # lines without a label
    "Medium rotation rate is not reported": "Nominal rotation rate: 0",
    "Non-rotating medium (e.g. solid state)": "Nominal rotation rate: 1",
    "Nominal form factor not reported": "Nominal form factor: 0",
}
TABLES: dict[type[Record], Table] = {
    BlockLimits: BLOCK_LIMITS,
    BlockDeviceCharacteristics: CHARACTERISTICS,
    LogicalBlockProvisioning: PROVISIONING,
}

KNOWN_WRONG = (
    Wrong(
        "zoned name",
        "SBC-4 table 264 has 10b as device managed; the tool says host managed, which is a device type",
        BlockDeviceCharacteristics(zoned=2),
        when=lambda name: name == "device-managed",
    ),
)


def page_said(data: bytes) -> Fields:
    """The fields sg_vpd prints of pages B0h, B1h and B2h."""
    said = SG_VPD.run("--long", "--raw", "--inhex=-", data=data).out.splitlines()[1:]
    found: Fields = []
    for line in said:
        line = SENTENCES.get(line.strip(), line)
        if line.startswith("   [PQual"):
            qualifier, _, kind = line.strip(" []").partition("  ")
            found += [colon(kind, WORDS), colon(qualifier)]
        elif line.startswith("  Provisioning group"):
            break
        elif line.startswith("  Reserved [0x"):
            found.append(("Nominal rotation rate", number(line)))
        elif line.startswith("  ZONED"):
            label, value, *name = re.split(r"=|  ", line.strip())
            found += [(label, int(value)), ("zoned name", "".join(name).strip("[]"))]
        else:
            found.append(colon(line, WORDS))
    return found


def page_read(record: Any) -> Fields:
    """Our fields under the same labels."""
    return fields(record, HEAD) + fields(record, TABLES[type(record)])


def with_body(of: type[Record]) -> st.SearchStrategy[bytes]:
    """A page of a disk with any 60 bytes in it, and no provisioning group."""
    code = bytes([of.row("page_code").default])
    page = st.binary(min_size=60, max_size=60).map(lambda body: b"\0" + code + b"\0\x3c" + body)
    if of is LogicalBlockProvisioning:
        return page.map(lambda b: b[:5] + bytes([b[5] & 0xFE]) + b[6:])
    return page


@pytest.mark.parametrize("of", TABLES, ids=lambda r: r.__name__)
@given(data=st.data())
@some
def test_every_field_of_a_page(of: type[Record], data: st.DataObject) -> None:
    page = data.draw(with_body(of))
    agree(SG_VPD, page_read(of.unpack(page)), page_said(page), KNOWN_WRONG)


@pytest.mark.parametrize("of", TABLES, ids=lambda r: r.__name__)
def test_every_field_has_a_label(of: type[Record]) -> None:
    compared = {what for what in TABLES[of].values() if isinstance(what, str)}
    special = {
        "maximum_unmap_lba_count", "maximum_unmap_block_descriptor_count",  # printed as -1 if unlimited
        "nominal_form_factor",  # printed in words
        "provisioning_group",  # by itself, below
    }  # fmt: skip
    assert set(of.field_names()) - compared - special == {"peripheral_qualifier", "peripheral_device_type"}


@pytest.mark.parametrize("value", [0, 1, ALL_ONES])
def test_unmap_counts_that_have_a_meaning_of_their_own(value: int) -> None:
    page = BlockLimits(maximum_unmap_lba_count=value, maximum_unmap_block_descriptor_count=value)
    agree(SG_VPD, page_read(page), page_said(page.pack()))


@pytest.mark.parametrize("rate", [0, 1, 2, 0x400, 0x401, 0xFFFE, 0xFFFF])
def test_rotation_rates_that_have_a_meaning_of_their_own(rate: int) -> None:
    page = BlockDeviceCharacteristics(medium_rotation_rate=rate)
    agree(SG_VPD, page_read(page), page_said(page.pack()))


@pytest.mark.parametrize("size", [16, 20, 28, 36, 44])
def test_block_limits_of_an_older_standard(size: int) -> None:
    page = bytes([DISK, 0xB0, 0, size - 4, 1]) + bytes(range(5, size))
    read, said = page_read(BlockLimits.unpack(page)), page_said(page)
    agree(SG_VPD, read[: len(said)], said)
    assert {value for _, value in read[len(said) :]} == {0}


@pytest.mark.parametrize("sample", samples.of("VPD page B"), ids=lambda s: s.name)
def test_a_page_from_outside(sample: samples.Sample) -> None:
    record: Any = {0xB0: BlockLimits, 0xB2: LogicalBlockProvisioning}[sample.data[1]]
    agree(SG_VPD, page_read(record.unpack_from(sample.data)), page_said(sample.data))


def test_the_descriptor_of_a_provisioning_group() -> None:
    sample = samples.sample("sg3_vpd_logical_block_provisioning")
    group = LogicalBlockProvisioning.unpack(sample.data).provisioning_group
    assert group
    said = SG_VPD.run("--raw", "--inhex=-", data=sample.data).out.splitlines()[-2:]
    assert [line.strip() for line in said] == [
        "designator type: NAA,  code set: Binary",
        f"0x{group.value.hex()}",
    ]
    assert (group.designator_type, group.code_set) == (3, 1)


@SG_INQ.needed
@given(pages=st.lists(st.integers(0, 0xFF), max_size=30))
@some
def test_the_supported_pages(pages: list[int]) -> None:
    page = SupportedPages(pages=tuple(pages)).pack()
    said = SG_INQ.run(
        "--page=0", "--raw", "--inhex=-", data=page
    ).out  # sg_vpd gives most of them names alone
    codes = tuple(int(line.split()[0], 16) for line in said.splitlines()[2:])
    assert codes == SupportedPages.unpack(page).pages


@given(serial=st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40))
@some
def test_the_serial_number(serial: str) -> None:
    page = UnitSerialNumber.unpack(UnitSerialNumber(serial=serial.encode()).pack())
    said = SG_VPD.run("--raw", "--inhex=-", data=page.pack()).out.splitlines()[1]
    assert said == f"  Unit serial number: {page.serial.decode()}"


@pytest.mark.parametrize("entry", KNOWN_WRONG, ids=str)
def test_what_is_listed_as_wrong_is_wrong(entry: Wrong) -> None:
    still_wrong(SG_VPD, entry, page_read(entry.example), page_said(entry.example.pack()))
