"""INQUIRY and its standard data: bytes of sg3_utils and python-scsi, and a second encoder."""

from __future__ import annotations

import pytest
from hypothesis import given

from cdb.errors import DecodeError
from cdb.inquiry import Inquiry, StandardInquiry, StandardInquiryTail, page_name, standard_name
from cdb.pointer import field_at
from tests.cdb.independent import laid_out
from tests.cdb.strategies import records

# sg3_utils, inhex/inq_standard.hex: the kernel's scsi_debug; what it says is sg_inq 1.46's word.
SCSI_DEBUG = bytes.fromhex(
    "000007025b00100a4c696e7578202020736373695f6465627567202020202020"
    "3031393132303231303532300000000000000000000000000000"
    "00c005c006002100"
).ljust(96, b"\0")
# sg3_utils, inhex/inq_emc_symm.hex
SYMMETRIX = bytes.fromhex("000005021f000032454d43202020202053594d4d45545249582020202020202035383736")


def test_the_commands_are_those_sg_inq_and_sg_vpd_send() -> None:
    assert Inquiry(allocation_length=36).pack().hex() == "120000002400"
    assert Inquiry(evpd=True, page_code=0, allocation_length=252).pack().hex() == "12010000fc00"


def test_the_data_of_scsi_debug_says_what_sg_inq_says() -> None:
    read = StandardInquiry.unpack(SCSI_DEBUG)
    assert (read.version, read.response_data_format, read.additional_length) == (7, 2, 96 - 5)
    assert (read.multip, read.cmdque, read.third_party_copy, read.tpgs) == (True, True, False, 0)
    assert (read.t10_vendor, read.product, read.revision) == (b"Linux   ", b"scsi_debug      ", b"0191")
    tail = StandardInquiryTail.unpack(read.rest)
    assert tail.vendor_specific == b"20210520".ljust(20, b"\0")
    assert [standard_name(v) for v in tail.version_descriptors] == [
        "SAM-6, no version claimed",
        "SPC-5, no version claimed",
        "SBC-4, no version claimed",
        "SPL-4, no version claimed",
    ]
    # Obsolete LINKED (byte 7, bit 3), which sg_inq prints in brackets, is set and not kept.
    assert read.pack() == SCSI_DEBUG[:7] + b"\x02" + SCSI_DEBUG[8:]


def test_a_symmetrix_that_sends_36_bytes_has_nothing_behind_them() -> None:
    read = StandardInquiry.unpack(SYMMETRIX)
    assert (read.version, read.additional_length, read.rest) == (5, 31, b"")
    assert (read.wbus16, read.sync, read.cmdque) == (True, True, True)


def test_data_with_every_flag_is_read_as_python_scsi_says() -> None:
    # python-scsi, tests/test_unmarshall_inquiry.py
    data = bytes.fromhex("25800723 40b97133") + b"abcdefgh" + b"iiiiiiiijjjjjjjj" + b"revn"
    data += bytes(20) + b"\x09"
    read = StandardInquiry.unpack(data)
    expected = StandardInquiry(
        peripheral_qualifier=1,
        peripheral_device_type=5,
        removable=True,
        version=7,
        normaca=True,
        hisup=False,
        response_data_format=3,
        additional_length=64,
        sccs=True,
        acc=False,
        tpgs=3,
        third_party_copy=True,
        protect=True,
        encserv=True,
        vs_6=True,
        multip=True,
        addr16=True,
        wbus16=True,
        sync=True,
        cmdque=True,
        vs_7=True,
        t10_vendor=b"abcdefgh",
        product=b"iiiiiiiijjjjjjjj",
        revision=b"revn",
        rest=bytes(20) + b"\x09",
    )
    assert read == expected
    assert read.pack() == data
    tail = StandardInquiryTail.unpack(read.rest)
    assert (tail.clocking, tail.qas, tail.ius, tail.version_descriptors) == (2, False, True, ())


def test_data_cut_to_the_allocation_length_is_read_for_what_is_there() -> None:
    assert StandardInquiry.unpack(SCSI_DEBUG[:36]).additional_length == 91
    assert StandardInquiryTail.unpack(SCSI_DEBUG[36:61]).version_descriptors == (0x00C0,)


def test_less_than_36_bytes_are_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="PRODUCT REVISION LEVEL at byte 32 is cut off"):
        StandardInquiry.unpack(SYMMETRIX[:35])


@pytest.mark.parametrize(
    ("byte", "bit", "label"),
    [  # SPC-4 table 174: what was BQUE, MCHNGR, RELADR and LINKED, and the bits beside them
        (6, 7, "Obsolete"),
        (6, 3, "Obsolete"),
        (6, 2, "Reserved"),
        (6, 1, "Reserved"),
        (7, 7, "Obsolete"),
        (7, 6, "Reserved"),
        (7, 3, "Obsolete"),
        (7, 2, "Reserved"),
    ],
)
def test_a_bit_that_is_obsolete_is_told_from_a_reserved_one(byte: int, bit: int, label: str) -> None:
    field = field_at(StandardInquiry, SCSI_DEBUG, byte, bit, name="INQUIRY data")
    assert field is not None
    assert field.label == label


@pytest.mark.parametrize(
    ("row", "value", "meaning"),
    [
        ("peripheral_qualifier", 0b011, "not possible on this logical unit"),
        ("peripheral_device_type", 0x00, "direct access block device"),
        ("version", 0x06, "SPC-4"),
        ("tpgs", 0b11, "implicit and explicit asymmetric access"),
    ],
)
def test_a_value_of_the_standard_data_has_its_meaning(row: str, value: int, meaning: str) -> None:
    assert StandardInquiry.row(row).meaning(value) == meaning


@pytest.mark.parametrize(
    ("descriptor", "name"),
    [  # SPC-4 table 179
        (0x0000, "none"),
        (0x0460, "SPC-4, no version claimed"),
        (0x0466, "SPC-4, revision code 06h"),
        (0x033D, "SBC-2, revision code 1Dh"),
        (0x0960, "iSCSI, no version claimed"),
        (0xFFC1, ""),
    ],
)
def test_a_version_descriptor_names_its_standard(descriptor: int, name: str) -> None:
    assert standard_name(descriptor) == name


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0x83, "Device Identification"),
        (0x8F, "Third-party Copy"),
        (0x01, "ASCII Information"),
        (0x7F, "ASCII Information"),
        (0x81, "obsolete"),
        (0xC0, "vendor specific"),
        (0xBF, ""),
    ],
)
def test_a_page_code_has_its_name(code: int, name: str) -> None:
    assert page_name(code) == name


@given(records(StandardInquiry))
def test_a_second_encoder_builds_the_same_standard_data(made: StandardInquiry) -> None:
    head = laid_out(
        36,
        {
            "0.7-5": made.peripheral_qualifier,
            "0.4-0": made.peripheral_device_type,
            "1.7": made.removable,
            "2": made.version,
            "3.5": made.normaca,
            "3.4": made.hisup,
            "3.3-0": made.response_data_format,
            "4": made.additional_length,
            "5.7": made.sccs,
            "5.6": made.acc,
            "5.5-4": made.tpgs,
            "5.3": made.third_party_copy,
            "5.0": made.protect,
            "6.6": made.encserv,
            "6.5": made.vs_6,
            "6.4": made.multip,
            "6.0": made.addr16,
            "7.5": made.wbus16,
            "7.4": made.sync,
            "7.1": made.cmdque,
            "7.0": made.vs_7,
            "8-15": made.t10_vendor,
            "16-31": made.product,
            "32-35": made.revision,
        },
    )
    assert made.pack() == head + made.rest


@given(records(StandardInquiryTail))
def test_a_second_encoder_builds_the_same_tail(made: StandardInquiryTail) -> None:
    descriptors = {
        f"{56 + 2 * n}-{57 + 2 * n}": getattr(made, f"version_descriptor_{n}") for n in range(1, 9)
    }
    whole = laid_out(
        96,
        {
            "36-55": made.vendor_specific,
            "56.3-2": made.clocking,
            "56.1": made.qas,
            "56.0": made.ius,
            **descriptors,
        },
    )
    assert made.pack() == whole[36:] + made.parameters


@given(records(Inquiry))
def test_a_second_encoder_builds_the_same_command(made: Inquiry) -> None:
    assert made.pack() == laid_out(
        6,
        {
            "0": 0x12,
            "1.0": made.evpd,
            "2": made.page_code,
            "3-4": made.allocation_length,
            "5": made.control,
        },
    )
