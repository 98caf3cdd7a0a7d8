"""Sense data as structures: every row where the standard puts it; others' dumps read as they say.

The four samples and their fields are sg3_utils'; the bytes written out here are its sg_sense_test's.
The rest is laid out by byte number from SPC-4 5.17.7.4, SBC-4 4.18 and sg3_utils' own decoder.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import sense_block as b
from cdb import sense_descriptors as d
from cdb.sense import DescriptorSense, FixedSense, sense_record
from cdb.sense_key import (
    CopyInformation,
    FieldPointerSpecific,
    Progress,
    RetryCount,
    SegmentPointerSpecific,
)
from cdb.trace import Heading, Seen, Trace
from tests.cdb.independent import laid_out
from tests.cdb.samples import sample
from tests.cdb.strategies import records

if TYPE_CHECKING:
    from cdb.record import Record


def seen(sense: bytes) -> dict[str, Any]:
    """What a decoder sees, by label; the first of a label stands."""
    trace, found = Trace(), {}
    record = sense_record(sense)
    assert record is not None
    assert record.trace(sense, trace) == len(sense)
    for entry in trace.entries:
        if isinstance(entry, Seen):
            found.setdefault(entry.row.label, entry.value)
    return found


def headings(sense: bytes) -> list[str]:
    trace = Trace()
    record = sense_record(sense)
    assert record is not None
    record.trace(sense, trace)
    return [entry.title for entry in trace.entries if isinstance(entry, Heading) and entry.title]


def test_sg3_utils_fixed_sample_has_its_retry_count() -> None:
    bytes_, says = sample("sg3_sense_fixed").data, sample("sg3_sense_fixed").says
    sense = FixedSense.unpack(bytes_)
    assert (sense.valid, sense.response_code) == (says["valid"], says["response code"])
    assert sense.information == says["information"]
    assert FixedSense.row("sense_key").meaning(sense.sense_key) == says["sense key"].upper()
    assert sense.additional_sense == says["asc"] << 8 | says["ascq"]
    assert sense.fru == says["field replaceable unit code"]
    assert sense.specific == RetryCount(sksv=True, count=says["actual retry count"])


def test_sg3_utils_descriptor_sample_is_read_descriptor_by_descriptor() -> None:
    bytes_, says = sample("sg3_sense_descriptors").data, sample("sg3_sense_descriptors").says
    assert headings(bytes_) == [
        "information",
        "command specific information",
        "sense key specific",
        "field replaceable unit",
        "another progress indication",
        "block commands",
        "user data segment referral",
    ]
    found = seen(bytes_)
    another, referral = says["0Ah another progress indication"], says["0Bh user data segment referral"]
    assert found["SDAT_OVFL"] == says["SDAT_OVFL"]
    assert found["ADDITIONAL SENSE LENGTH"] == says["additional sense length"]
    assert found["INFORMATION"] == says["information"]
    assert found["COMMAND-SPECIFIC INFORMATION"] == says["command specific"]
    assert f"Actual retry count: {found['ACTUAL RETRY COUNT']}" == says["sense key specific"]
    assert found["FIELD REPLACEABLE UNIT CODE"] == says["field replaceable unit code"]
    assert found["ANOTHER SENSE KEY"] == another["sense key"]
    assert found["ANOTHER ADDITIONAL SENSE CODE, QUALIFIER"] == another["asc"] << 8 | another["ascq"]
    # sg_decode_sense prints 19.0253: the remainder of its integer division, put behind the point
    assert d.AnotherProgress.row("indication").meaning(found["PROGRESS INDICATION"]) == "19.5% done"
    assert found["NOT_ALL_R"] == referral["not all referrals"]
    assert found["FIRST USER DATA SEGMENT LBA"] == referral["first LBA"]
    assert found["LAST USER DATA SEGMENT LBA"] == referral["last LBA"]
    assert found["TARGET PORT GROUP"] == referral["target port group"]
    assert found["ASYMMETRIC ACCESS STATE"] == referral["state"]


def test_sg3_utils_referral_sample_has_two_referrals_with_their_groups() -> None:
    found = sample("sg3_sense_referrals")
    sense = DescriptorSense.unpack(found.data)
    (descriptor,) = sense.descriptors.descriptors
    assert isinstance(descriptor, b.Referrals)
    assert [
        {
            "first LBA": r.first_lba,
            "last LBA": r.last_lba,
            "target port groups": [[g.group, g.access_state] for g in r.groups],
        }
        for r in descriptor.referrals
    ] == found.says["0Bh"]


def test_sg3_utils_forwarded_sample_shows_the_sense_inside_it() -> None:
    found = sample("sg3_sense_forwarded")
    trace = Trace()
    DescriptorSense.trace(found.data, trace)
    inner = [
        (e.row.label, e.value)
        for e in trace.entries
        if isinstance(e, Seen) and e.record is DescriptorSense and e.at > 8
    ]
    says = found.says["0Ch"]["forwarded"]
    assert ("SENSE KEY", 6) in inner
    assert ("ADDITIONAL SENSE CODE, QUALIFIER", says["asc"] << 8 | says["ascq"]) in inner
    assert d.ForwardedSense.row("source").meaning(1) == "source"  # not "destination device 0", as 1.46 says


def test_sg_sense_tests_ata_registers() -> None:
    sense = bytes.fromhex("7200001d0000000e 090c01003412441155226633 0100")
    (ata,) = DescriptorSense.unpack(sense).descriptors.descriptors
    assert isinstance(ata, d.AtaStatusReturn)
    lba = bytes([ata.lba_47_40, ata.lba_39_32, ata.lba_31_24, ata.lba_23_16, ata.lba_15_8, ata.lba_7_0])
    assert (ata.extend, ata.count, lba.hex(), ata.device, ata.status) == (True, 0x3412, "665544332211", 1, 0)


def test_sg_sense_tests_direct_access_descriptor_is_longer_than_the_standards_and_read_all_the_same() -> None:
    sense = bytes.fromhex(
        "72030905 00000020 0d1ea00080010145 0000001122334455 0000000000000001 0000000000000000"
    )
    (direct,) = DescriptorSense.unpack(sense).descriptors.descriptors
    assert isinstance(direct, b.DirectAccess)
    assert (direct.information, direct.command_specific, direct.code) == (0x1122334455, 1, 0x45)
    assert direct.specific == bytes.fromhex("800101")


@pytest.mark.parametrize("code", [0x06, 0x07, 0x08, 0x0E, 0x0F, 0x7F, 0x80, 0xFF])
def test_a_descriptor_of_a_type_not_read_here_is_kept_as_it_is(code: int) -> None:
    (unknown,) = DescriptorSense.unpack(
        bytes([0x72, 5, 0x24, 0, 0, 0, 0, 4, code, 2, 0xAB, 0xCD])
    ).descriptors.descriptors
    assert unknown == d.UnknownDescriptor(descriptor_type=code, value=b"\xab\xcd")


def test_types_not_read_here_have_names() -> None:
    assert d.descriptor_name(0x06) == "OSD object identification"
    assert d.descriptor_name(0x80) == "vendor specific"
    assert d.descriptor_name(0x0F) == "microcode activation"
    assert d.descriptor_name(0x10) == "reserved"


@pytest.mark.parametrize(
    ("source", "name"),
    [(0, "unknown"), (1, "source"), (2, "destination"), (3, "destination 2"), (9, "reserved")],
)
def test_whose_sense_is_forwarded(source: int, name: str) -> None:
    assert d.role_name(source) == name


SPECIFIC = {
    "field pointer of a CDB": (
        5,
        "cf0001",
        FieldPointerSpecific(sksv=True, command=True, bpv=True, bit=7, byte=1),
    ),
    "segment pointer": (0xA, "a8000a", SegmentPointerSpecific(sksv=True, segment=True, bpv=True, byte=10)),
    "retry count": (1, "800198", RetryCount(sksv=True, count=408)),
    "progress of NOT READY": (2, "804000", Progress(sksv=True, indication=0x4000)),
    "progress of NO SENSE": (0, "804000", Progress(sksv=True, indication=0x4000)),
}


@pytest.mark.parametrize("case", SPECIFIC)
def test_the_sense_key_says_what_the_sense_key_specific_bytes_are(case: str) -> None:
    key, bytes_, specific = SPECIFIC[case]
    fixed = laid_out(18, {"0": 0x70, "2": key, "7": 10, "15-17": bytes.fromhex(bytes_)})
    descriptor = laid_out(16, {"0": 0x72, "1": key, "7": 8, "8": 2, "9": 6, "12-14": bytes.fromhex(bytes_)})
    assert FixedSense.unpack(fixed).specific == specific
    (found,) = DescriptorSense.unpack(descriptor).descriptors.descriptors
    assert getattr(found, "specific", None) == specific


def test_unit_attentions_that_were_lost_are_told_by_the_overflow_bit() -> None:
    assert seen(laid_out(18, {"0": 0x70, "2": 6, "7": 10, "12": 0x29, "15": 0x81}))["OVERFLOW"] == 1


def test_8_bytes_are_fixed_sense_and_what_is_missing_says_nothing() -> None:
    sense = FixedSense.unpack(bytes.fromhex("7000050000000000"))
    assert (sense.sense_key, sense.additional_sense, sense.additional) == (5, 0, b"")


def test_zeros_of_a_larger_buffer_are_not_taken_for_sense() -> None:
    assert FixedSense.unpack_from(laid_out(96, {"0": 0x70, "2": 0xA, "7": 10})).additional == b""


def test_a_copy_sources_answer_behind_byte_17_is_shown_as_status_and_sense() -> None:
    inner = laid_out(18, {"0": 0x70, "2": 3, "7": 10, "12": 0x11})
    outer = laid_out(18, {"0": 0x70, "2": 0xA, "7": 10 + 19, "8": 18, "10-11": 2})
    trace = Trace()
    FixedSense.trace(outer + b"\x02" + inner, trace)
    at = {(e.at, e.row.label): e.value for e in trace.entries if isinstance(e, Seen)}
    assert at[18, "STATUS"] == 2
    assert at[19 + 2, "SENSE KEY"] == 3
    assert at[19 + 12, "ADDITIONAL SENSE CODE, QUALIFIER"] == 0x1100


def test_scsts_answer_without_a_status_in_front_is_shown_as_sense() -> None:
    inner = laid_out(18, {"0": 0x70, "2": 3, "7": 10, "12": 0x11})
    outer = laid_out(18, {"0": 0x70, "2": 0xA, "7": 10 + 18, "8": 18, "17": 2})
    trace = Trace()
    FixedSense.trace(outer + inner, trace)
    assert {(e.at, e.row.label): e.value for e in trace.entries if isinstance(e, Seen)}[
        18 + 2, "SENSE KEY"
    ] == 3


@pytest.mark.parametrize(
    "bytes_", [b"", b"\x00", b"\x6f" + bytes(17), b"\x74" + bytes(7), b"\x7f" + bytes(17)]
)
def test_no_other_response_code_is_sense(bytes_: bytes) -> None:
    assert sense_record(bytes_) is None


@pytest.mark.parametrize("code", [0x70, 0x71, 0xF0, 0xF1, 0x72, 0x73, 0xF2])
def test_the_valid_bit_is_no_part_of_the_response_code(code: int) -> None:
    assert sense_record(bytes([code])) is (FixedSense if code & 0x7F < 0x72 else DescriptorSense)


def test_forwarded_sense_in_forwarded_sense_without_end_is_shown_as_far_as_it_goes() -> None:
    sense = b""
    for _ in range(18):
        sense = bytes([0x72, 0xA, 0, 0, 0, 0, 0, len(sense) + 4, 0x0C, len(sense) + 2, 1, 2]) + sense
    trace = Trace()
    DescriptorSense.trace(sense, trace)
    assert len(trace.entries) < 200


# The second encoder: every row at its byte, without our rows.


def fixed(s: Any) -> bytes:
    head = {
        "0.7": s.valid, "0.6-0": s.response_code, "2.7": s.filemark, "2.6": s.eom, "2.5": s.ili,
        "2.4": s.sdat_ovfl, "2.3-0": s.sense_key, "3-6": s.information, "7": 10 + len(s.additional),
        "12-13": s.additional_sense, "14": s.fru, "15-17": specific(s.sense_key, s.specific),
    }  # fmt: skip
    if s.sense_key == 0xA:
        of = s.command_specific
        head |= {"8": of.source, "9": of.destination, "10-11": of.segment}
    else:
        head |= {"8-11": s.command_specific.value}
    return laid_out(18, head) + bytes(s.additional)


def specific(key: int, s: Any) -> bytes:
    if key in (5, 0xA):
        base = {"0.6": s.command} if key == 5 else {"0.5": s.segment}
        return laid_out(3, base | {"0.7": s.sksv, "0.3": s.bpv, "0.2-0": s.bit, "1-2": s.byte})
    if key in (1, 3, 4):
        return laid_out(3, {"0.7": s.sksv, "1-2": s.count})
    if key in (0, 2):
        return laid_out(3, {"0.7": s.sksv, "1-2": s.indication})
    if key == 6:
        return laid_out(3, {"0.7": s.sksv, "0.0": s.overflow})
    return (s.sksv << 23 | s.value).to_bytes(3, "big")


def information(s: Any) -> bytes:
    return laid_out(12, {"0": 0, "1": 10, "2.7": s.valid, "4-11": s.value})


def command_specific(s: Any) -> bytes:
    return laid_out(12, {"0": 1, "1": 10, "4-11": s.value})


def copy_specific(s: Any) -> bytes:
    return laid_out(12, {"0": 1, "1": 10, "6-7": s.segment, "8-11": s.right_aligned})


def pointer(s: Any) -> bytes:
    return laid_out(8, {"0": 2, "1": 6, "4-6": specific(5, s.specific)})


def segment_pointer(s: Any) -> bytes:
    return laid_out(8, {"0": 2, "1": 6, "4-6": specific(0xA, s.specific)})


def retry(s: Any) -> bytes:
    return laid_out(8, {"0": 2, "1": 6, "4-6": specific(1, s.specific)})


def progress(s: Any) -> bytes:
    return laid_out(8, {"0": 2, "1": 6, "4-6": specific(0, s.specific)})


def overflow(s: Any) -> bytes:
    return laid_out(8, {"0": 2, "1": 6, "4-6": specific(6, s.specific)})


def other(s: Any) -> bytes:
    return laid_out(8, {"0": 2, "1": 6, "4-6": specific(7, s.specific)})


def unit(s: Any) -> bytes:
    return laid_out(4, {"0": 3, "1": 2, "3": s.code})


def stream(s: Any) -> bytes:
    return laid_out(4, {"0": 4, "1": 2, "3.7": s.filemark, "3.6": s.eom, "3.5": s.ili})


def block(s: Any) -> bytes:
    return laid_out(4, {"0": 5, "1": 2, "3.5": s.ili})


def ata(s: Any) -> bytes:
    return laid_out(14, {
        "0": 9, "1": 12, "2.0": s.extend, "3": s.error, "4-5": s.count, "6": s.lba_31_24, "7": s.lba_7_0,
        "8": s.lba_39_32, "9": s.lba_15_8, "10": s.lba_47_40, "11": s.lba_23_16, "12": s.device,
        "13": s.status,
    })  # fmt: skip


def another(s: Any) -> bytes:
    return laid_out(8, {"0": 10, "1": 6, "2": s.sense_key, "3-4": s.additional_sense, "6-7": s.indication})


def referrals(s: Any) -> bytes:
    body = b""
    for r in s.referrals:
        body += laid_out(20, {"3": len(r.groups), "4-11": r.first_lba, "12-19": r.last_lba})
        for g in r.groups:
            body += laid_out(4, {"0.3-0": g.access_state, "2-3": g.group})
    return laid_out(4, {"0": 11, "1": 2 + len(body), "2.0": s.not_all_r}) + body


def forwarded(s: Any) -> bytes:
    head = {"0": 12, "1": 2 + len(s.sense), "2.7": s.fsdt, "2.3-0": s.source, "3": s.status}
    return laid_out(4, head) + bytes(s.sense)


def direct(s: Any) -> bytes:
    return laid_out(24, {
        "0": 13, "1": 22, "2.7": s.valid, "2.5": s.ili, "4-6": s.specific, "7": s.code, "8-15": s.information,
        "16-23": s.command_specific,
    })  # fmt: skip


def unknown(s: Any) -> bytes:
    return bytes([s.descriptor_type, len(s.value)]) + bytes(s.value)


ENCODERS = {
    FixedSense: fixed,
    d.Information: information,
    d.CommandSpecific: command_specific,
    d.CopySpecific: copy_specific,
    d.PointerDescriptor: pointer,
    d.SegmentPointerDescriptor: segment_pointer,
    d.RetryDescriptor: retry,
    d.ProgressDescriptor: progress,
    d.OverflowDescriptor: overflow,
    d.OtherSpecificDescriptor: other,
    d.ReplaceableUnit: unit,
    d.StreamCommands: stream,
    b.BlockCommands: block,
    d.AtaStatusReturn: ata,
    d.AnotherProgress: another,
    b.Referrals: referrals,
    d.ForwardedSense: forwarded,
    b.DirectAccess: direct,
    d.UnknownDescriptor: unknown,
}


@pytest.mark.parametrize("of", ENCODERS, ids=lambda r: r.__name__)
@given(data=st.data())
def test_the_independent_encoder_agrees(of: type[Record], data: st.DataObject) -> None:
    made = data.draw(records(of))
    assert made.pack() == ENCODERS[of](made)


@given(records(DescriptorSense))
def test_the_independent_encoder_agrees_on_descriptor_format(sense: Any) -> None:
    body = b"".join(ENCODERS[type(one)](one) for one in sense.descriptors.descriptors)
    head = {"0.6-0": sense.response_code, "1.3-0": sense.sense_key, "2-3": sense.additional_sense,
            "4.7": sense.sdat_ovfl, "7": len(body)}  # fmt: skip
    assert sense.pack() == laid_out(8, head) + body


def test_copy_information_has_its_two_offsets_before_the_segment() -> None:
    assert CopyInformation(source=18, destination=37, segment=0x0102).pack() == bytes.fromhex("12250102")
