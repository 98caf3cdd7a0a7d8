"""VPD pages as devices send them, and as they should not; a second encoder for each.

What a page from outside says is the word of sg_vpd 1.63 (sg3-utils 1.46), unless a test names another.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import vpd
from cdb.errors import DecodeError
from tests.cdb.independent import laid_out
from tests.cdb.samples import sample
from tests.cdb.strategies import records

if TYPE_CHECKING:
    from cdb.record import Record

PAGES: list[type[Record]] = [
    vpd.SupportedPages,
    vpd.UnitSerialNumber,
    vpd.DeviceIdentification,
    vpd.BlockLimits,
    vpd.BlockDeviceCharacteristics,
    vpd.LogicalBlockProvisioning,
]
# sg3_utils, inhex/vpd_dev_id.hex
SAS_DISK = bytes.fromhex(
    "00830048010300085000c5003011cb2b619300085000c5003011cb29619400040000000161a300085000c5003011cb28"
    "032800186e61612e353030304335303033303131434232380000 0000"
)


def header(made: Record, code: int, length: int) -> dict[str, int | bytes]:
    """The first four bytes of any page (SPC-4 table 577)."""
    values = made.values()
    return {
        "0.7-5": values["peripheral_qualifier"],
        "0.4-0": values["peripheral_device_type"],
        "1": code,
        "2-3": length,
    }


def designator_bytes(made: vpd.Designator) -> bytes:
    head = {
        "0.7-4": made.protocol_identifier,
        "0.3-0": made.code_set,
        "1.7": made.piv,
        "1.5-4": made.association,
        "1.3-0": made.designator_type,
        "3": len(made.value),
    }
    return laid_out(4, head) + made.value


def test_the_designators_of_a_page_keep_their_order_and_their_bits() -> None:
    # NAA-6 of a LIO unit, then a relative target port: laid out by SPC-4's table for page 83h.
    page = bytes.fromhex("0083001c0103001060014050000000000123456789abcde05194000400000001")
    assert vpd.DeviceIdentification.unpack(page).designators == (
        vpd.Designator(
            code_set=1,
            association=0,
            designator_type=3,
            value=bytes.fromhex("60014050000000000123456789abcde0"),
        ),
        vpd.Designator(
            code_set=1,
            association=1,
            designator_type=4,
            value=b"\0\0\0\1",
            piv=True,
            protocol_identifier=5,
        ),
    )


def test_a_designator_that_runs_past_the_page_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="Designator: DESIGNATOR at byte 8 takes up 16 bytes, 2 are there"):
        vpd.DeviceIdentification.unpack(bytes.fromhex("00830006010300106001"))


def test_another_page_than_asked_for_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="PAGE CODE at byte 1 is 0x80, expected 0x83"):
        vpd.DeviceIdentification.unpack(bytes.fromhex("00800000"))


def test_a_page_that_says_more_than_arrived_is_a_decode_error() -> None:
    with pytest.raises(
        DecodeError,
        match="PAGE LENGTH at byte 2 is 16: the structure would end at byte 20, the bytes end at 5",
    ):
        vpd.UnitSerialNumber.unpack(bytes.fromhex("0080001041"))


def test_a_short_block_limits_page_reports_nothing_for_what_it_lacks() -> None:
    limits = vpd.BlockLimits.unpack(bytes.fromhex("00b0000c000000080001000000000000"))
    assert limits.maximum_transfer_length == 0x10000
    assert limits.maximum_unmap_lba_count == 0


def test_the_designators_of_a_sas_disk_say_what_sg_vpd_says() -> None:
    read = vpd.DeviceIdentification.unpack(SAS_DISK)
    assert [(d.association, d.piv, d.kind, d.text) for d in read.designators] == [
        (0, False, "NAA IEEE Registered", "naa.5000c5003011cb2b"),
        (1, True, "NAA IEEE Registered", "naa.5000c5003011cb29"),
        (1, True, "relative target port", "port 1"),
        (2, True, "NAA IEEE Registered", "naa.5000c5003011cb28"),
        (2, False, "SCSI name string", "naa.5000C5003011CB28"),
    ]
    assert vpd.Designator.row("protocol_identifier").meaning(read.designators[1].protocol_identifier) == "SAS"
    assert read.pack() == SAS_DISK


@pytest.mark.parametrize(
    ("data", "text"),
    [
        # Laid out by SPC-4 7.8.6 (UUID: SPC-5); name, number and digits are those sg_vpd prints.
        ("020100184c494f2d4f5247206469736b303a61626364656630313233", "LIO-ORG disk0:abcdef0123"),
        ("010200080011223344556677", "eui.0011223344556677"),
        ("0102000c00112233445566778899aabb", "eui.00112233445566778899aabb"),
        ("0115000400000005", "port group 5"),
        ("0106000400000007", "unit group 7"),
        # SPC-4 7.8.6.10, the MD5 of the standard's example.
        (
            "010700108facac2a0ac03839255 25f20efe2e7e7".replace(" ", ""),
            "md5.8facac2a0ac0383925525f20efe2e7e7",
        ),
        ("5398001869716e2e323030332d30312e612e622c742c307830310000", "iqn.2003-01.a.b,t,0x01"),
        ("010a00121000f81d4fae7dec11d0a76500a0c91e6bf6", "uuid.f81d4fae-7dec-11d0-a765-00a0c91e6bf6"),
        # Vendor specific, garbage and too short.
        ("01000003c0ffee", "c0ffee"),
        ("02000003414243", "ABC"),
        ("0101000441420a43", "AB\\x0aC"),
        ("0104000101", "01"),
        ("01030000", "naa."),
    ],
)
def test_a_designator_is_one_word_in_a_listing(data: str, text: str) -> None:
    assert vpd.Designator.unpack(bytes.fromhex(data)).text == text


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("0103001060014050000000000123456789abcde0", "NAA IEEE Registered Extended"),
        ("010300083333333000007d00", "NAA Locally Assigned"),
        ("0103000841000000000007d0", "NAA reserved"),
        ("01030000", "NAA"),
        ("010f000100", "designator type Fh"),
    ],
)
def test_a_designator_says_of_which_kind_it_is(data: str, kind: str) -> None:
    assert vpd.Designator.unpack(bytes.fromhex(data)).kind == kind


def test_the_pages_of_scsi_debug_have_names() -> None:
    # sg3_utils, inhex/vpd_sdeb.hex
    read = vpd.SupportedPages.unpack(bytes.fromhex("0000000c008083848586878889b0b1b2"))
    assert [vpd.SupportedPages.row("pages").meaning(page) for page in read.pages[:3]] == [
        "Supported VPD Pages",
        "Unit Serial Number",
        "Device Identification",
    ]
    assert read.pages[-1] == vpd.LOGICAL_BLOCK_PROVISIONING


def test_the_serial_number_of_scsi_debug_is_read() -> None:
    # sg3_utils, inhex/vpd_sdeb.hex
    assert vpd.UnitSerialNumber.unpack(bytes.fromhex("0080000432303030")).serial == b"2000"


def test_block_limits_with_every_field_say_what_sg_vpd_says() -> None:
    # Laid out by SBC-4 table 269.
    page = bytes.fromhex(
        "00b0003c01ff00400000800000001000000002000040000000000020000000808000003000000001000000000000010000000008"
        "000000100000020000000004"
    )
    expected = vpd.BlockLimits(
        wsnz=True,
        maximum_compare_and_write_length=255,
        optimal_transfer_length_granularity=64,
        maximum_transfer_length=32768,
        optimal_transfer_length=4096,
        maximum_prefetch_length=512,
        maximum_unmap_lba_count=4194304,
        maximum_unmap_block_descriptor_count=32,
        optimal_unmap_granularity=128,
        ugavalid=True,
        unmap_granularity_alignment=48,
        maximum_write_same_length=0x100000000,
        maximum_atomic_transfer_length=256,
        atomic_alignment=8,
        atomic_transfer_length_granularity=16,
        maximum_atomic_transfer_length_with_boundary=512,
        maximum_atomic_boundary_size=4,
    )
    assert vpd.BlockLimits.unpack(page) == expected
    assert expected.pack() == page


def test_a_block_limits_page_longer_than_the_standard_s_is_read_without_its_end() -> None:
    read = vpd.BlockLimits.unpack(sample("sg3_vpd_block_limits").data)
    assert read == vpd.BlockLimits(
        optimal_transfer_length_granularity=8,
        maximum_transfer_length=65535,
        maximum_unmap_lba_count=393216,
        maximum_unmap_block_descriptor_count=512,
        optimal_unmap_granularity=8,
    )
    meanings = {name: vpd.BlockLimits.row(name).meaning(value) for name, value in read.values().items()}
    assert meanings["optimal_transfer_length"] == "not reported"
    assert meanings["maximum_compare_and_write_length"] == "command not implemented"
    assert meanings["maximum_unmap_lba_count"] == ""


def test_block_device_characteristics_say_what_sg_vpd_says() -> None:
    # Laid out by SBC-4 table 258. sg_vpd calls ZONED 2 host managed; SBC-4 table 264 says device managed.
    page = bytes.fromhex("00b1003c000100532b00000000000e10").ljust(64, b"\0")
    read = vpd.BlockDeviceCharacteristics.unpack(page)
    expected = vpd.BlockDeviceCharacteristics(
        medium_rotation_rate=1,
        wabereq=1,
        wacereq=1,
        nominal_form_factor=3,
        zoned=2,
        rbwz=True,
        fuab=True,
        vbuls=True,
        depopulation_time=3600,
    )
    assert read == expected
    assert expected.pack() == page
    meaning = vpd.BlockDeviceCharacteristics.row("nominal_form_factor").meaning
    assert meaning(read.nominal_form_factor) == "2.5 inch"


@pytest.mark.parametrize(
    ("rate", "name"),
    [
        (0, "not reported"),
        (1, "does not rotate"),
        (2, "reserved"),
        (0x1C20, "7200 rpm"),
        (0xFFFF, "reserved"),
    ],
)
def test_a_rotation_rate_is_in_words(rate: int, name: str) -> None:
    assert vpd.rotation_name(rate) == name  # SBC-4 table 259


def test_provisioning_with_every_field_says_what_sg_vpd_says() -> None:
    # Laid out by SBC-4 table 277.
    page = bytes.fromhex("00b2000412eefa7f")
    expected = vpd.LogicalBlockProvisioning(
        threshold_exponent=18,
        lbpu=True,
        lbpws=True,
        lbpws10=True,
        lbprz=3,
        anc_sup=True,
        minimum_percentage=31,
        provisioning_type=2,
        threshold_percentage=127,
    )
    assert vpd.LogicalBlockProvisioning.unpack(page) == expected
    assert expected.pack() == page


def test_the_provisioning_group_of_sg3_utils_is_a_designator() -> None:
    page = sample("sg3_vpd_logical_block_provisioning").data
    read = vpd.LogicalBlockProvisioning.unpack(page)
    assert read.provisioning_group is not None
    assert read.provisioning_group.text == "naa.5122334455667788"
    assert vpd.LogicalBlockProvisioning.row("provisioning_type").meaning(0) == "full, or not told"
    assert read == vpd.LogicalBlockProvisioning(dp=True, provisioning_group=read.provisioning_group)
    assert read.pack() == page


def test_a_page_that_promises_a_group_and_has_none_is_a_decode_error() -> None:
    # python-scsi, tests/test_unmarshall_inquiry.py
    with pytest.raises(DecodeError, match="Designator at byte 8 needs 4 bytes, 0 are there"):
        vpd.LogicalBlockProvisioning.unpack(bytes.fromhex("00b2000412e70200"))


@pytest.mark.parametrize(
    ("lbprz", "meaning"),
    [
        (0, "vendor specific"),
        (1, "zeros"),
        (2, "the provisioning initialization pattern"),
        (4, "reserved"),
        (5, "zeros"),
    ],
)
def test_lbprz_says_what_an_unmapped_block_reads_as(lbprz: int, meaning: str) -> None:
    assert vpd.LogicalBlockProvisioning.row("lbprz").meaning(lbprz) == meaning  # SBC-4 table 280


def test_a_percentage_has_its_unit() -> None:
    # SBC-4 tables 278 and 279
    assert [vpd.tenths_of_percent(value) for value in (0, 255)] == ["not supported", "25.5 %"]
    assert [vpd.percent(value) for value in (0, 30, 31)] == ["not reported", "30 %", "reserved"]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.__name__)
@given(body=st.binary(max_size=300))
def test_garbage_in_the_right_page_is_a_page_or_a_decode_error(page: type[Record], body: bytes) -> None:
    code = page.row("page_code").default
    try:
        page.unpack(bytes([0, code]) + len(body).to_bytes(2, "big") + body)
    except DecodeError:
        pass


@given(records(vpd.DeviceIdentification))
def test_a_second_encoder_builds_the_same_designators(made: vpd.DeviceIdentification) -> None:
    body = b"".join(designator_bytes(d) for d in made.designators)
    assert made.pack() == laid_out(4, header(made, 0x83, len(body))) + body


@given(records(vpd.SupportedPages))
def test_a_second_encoder_builds_the_same_list_of_pages(made: vpd.SupportedPages) -> None:
    assert made.pack() == laid_out(4, header(made, 0x00, len(made.pages))) + bytes(made.pages)


@given(records(vpd.UnitSerialNumber))
def test_a_second_encoder_builds_the_same_serial_number(made: vpd.UnitSerialNumber) -> None:
    assert made.pack() == laid_out(4, header(made, 0x80, len(made.serial))) + made.serial


@given(records(vpd.BlockLimits))
def test_a_second_encoder_builds_the_same_block_limits(made: vpd.BlockLimits) -> None:
    assert made.pack() == laid_out(
        64,
        header(made, 0xB0, 0x3C)
        | {
            "4.0": made.wsnz,
            "5": made.maximum_compare_and_write_length,
            "6-7": made.optimal_transfer_length_granularity,
            "8-11": made.maximum_transfer_length,
            "12-15": made.optimal_transfer_length,
            "16-19": made.maximum_prefetch_length,
            "20-23": made.maximum_unmap_lba_count,
            "24-27": made.maximum_unmap_block_descriptor_count,
            "28-31": made.optimal_unmap_granularity,
            "32-35": made.ugavalid << 31 | made.unmap_granularity_alignment,
            "36-43": made.maximum_write_same_length,
            "44-47": made.maximum_atomic_transfer_length,
            "48-51": made.atomic_alignment,
            "52-55": made.atomic_transfer_length_granularity,
            "56-59": made.maximum_atomic_transfer_length_with_boundary,
            "60-63": made.maximum_atomic_boundary_size,
        },
    )


@given(records(vpd.BlockDeviceCharacteristics))
def test_a_second_encoder_builds_the_same_characteristics(made: vpd.BlockDeviceCharacteristics) -> None:
    assert made.pack() == laid_out(
        64,
        header(made, 0xB1, 0x3C)
        | {
            "4-5": made.medium_rotation_rate,
            "6": made.product_type,
            "7.7-6": made.wabereq,
            "7.5-4": made.wacereq,
            "7.3-0": made.nominal_form_factor,
            "8.5-4": made.zoned,
            "8.3": made.rbwz,
            "8.2": made.bocs,
            "8.1": made.fuab,
            "8.0": made.vbuls,
            "12-15": made.depopulation_time,
        },
    )


@given(records(vpd.LogicalBlockProvisioning))
def test_a_second_encoder_builds_the_same_provisioning(made: vpd.LogicalBlockProvisioning) -> None:
    group = designator_bytes(made.provisioning_group) if made.provisioning_group else b""
    places = {
        "4": made.threshold_exponent,
        "5.7": made.lbpu,
        "5.6": made.lbpws,
        "5.5": made.lbpws10,
        "5.4-2": made.lbprz,
        "5.1": made.anc_sup,
        "5.0": made.dp,
        "6.7-3": made.minimum_percentage,
        "6.2-0": made.provisioning_type,
        "7": made.threshold_percentage,
    }
    assert made.pack() == laid_out(8, header(made, 0xB2, 4 + len(group)) | places) + group
