"""Sense data of both formats, as targets send it and as it is built."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.errors import DecodeError, EncodeError
from cdb.sense import DescriptorSense, DeviceSense, FieldPointer, FixedSense, Sense
from tests.cdb.independent import fixed_sense, laid_out


def test_lio_says_unreachable_in_18_bytes_and_nothing_else() -> None:
    sense = Sense.unpack(fixed_sense(0xA, 0x0D, 0x02))
    assert sense.triple == (0xA, 0x0D, 0x02)
    assert sense.information is None
    assert sense.pointer is None
    assert sense.devices == ()


def test_lio_with_more_than_2_to_the_32_blocks_sends_descriptor_format_without_descriptors() -> None:
    sense = Sense.unpack(bytes.fromhex("720a0d0200000000"))
    assert sense.triple == (0xA, 0x0D, 0x02)
    assert sense.segment is None


def test_a_residual_and_a_segment_number() -> None:
    sense = Sense.unpack(fixed_sense(0xA, 0x0D, 0x01, information=100, specific=bytes([0, 0, 0, 3])))
    assert (sense.information, sense.segment) == (100, 3)


def test_a_field_pointer_into_the_segment() -> None:
    sense = Sense.unpack(fixed_sense(0xA, 0x00, 0x00, sks=bytes([0xA0, 0, 10])))
    assert sense.pointer == FieldPointer(sksv=True, segment=True, byte=10)
    assert "at byte 10 of the segment descriptor" in str(sense)


def test_a_field_pointer_into_the_cdb() -> None:
    sense = Sense.unpack(fixed_sense(0x5, 0x24, 0x00, sks=bytes([0xCF, 0, 1])))
    assert "at byte 1 bit 7 of the CDB" in str(sense)


def test_the_destinations_answer_is_found_behind_its_status_byte() -> None:
    inner = fixed_sense(0x7, 0x27, 0x00)
    sense = Sense.unpack(fixed_sense(0xA, 0x0D, 0x01, specific=bytes([0, 18, 0, 0]), tail=b"\x02" + inner))
    assert sense.devices == (DeviceSense(role="destination", status=2, sense=inner),)
    assert "the destination device answered status 02h with DATA PROTECT, WRITE PROTECTED" in str(sense)


def test_scst_points_at_the_sense_itself_and_puts_the_status_before_it() -> None:
    inner = fixed_sense(0x5, 0x21, 0x00)
    scst = bytearray(fixed_sense(0xA, 0x00, 0x00, specific=bytes([18, 0, 0, 1]), tail=inner))
    scst[17] = 0x02
    sense = Sense.unpack(bytes(scst))
    assert sense.segment == 1
    assert sense.devices == (DeviceSense(role="source", status=2, sense=inner),)


def test_descriptor_format_carries_the_same() -> None:
    inner = fixed_sense(0x5, 0x21, 0x00)
    descriptors = (
        bytes.fromhex("000a8000" + "0000000000000064")
        + bytes.fromhex("010a0000" + "0000000000000002")
        + bytes.fromhex("02060000" + "c00054" + "00")
        + bytes([0x0C, 2 + len(inner), 0x02, 0x02])
        + inner
    )
    sense = Sense.unpack(bytes([0x72, 0x0A, 0x0D, 0x01, 0, 0, 0, len(descriptors)]) + descriptors)
    assert (sense.information, sense.segment) == (100, 2)
    assert sense.pointer is not None
    assert sense.pointer.byte == 0x54
    assert sense.devices == (DeviceSense(role="destination", status=2, sense=inner),)


@pytest.mark.parametrize(
    "command_specific", ["0000000300000000", "0000000000000003"], ids=["third and fourth byte", "last bytes"]
)
def test_the_descriptor_of_a_block_device_carries_the_same(command_specific: str) -> None:
    """No bytes of a device: laid out by SBC-4 4.18.5, table 20, which has it instead of 00h, 01h and 02h."""
    direct = bytes.fromhex("0d16 80 00 a8000a 00" + "0000000000000064" + command_specific)
    sense = Sense.unpack(bytes.fromhex("720a0d0100000018") + direct)
    assert (sense.information, sense.segment) == (100, 3)
    assert sense.pointer == FieldPointer(sksv=True, segment=True, bpv=True, bit=0, byte=10)


def test_the_descriptor_of_a_block_device_counts_the_segments_of_a_copy_that_went_well() -> None:
    direct = bytes.fromhex("0d16 00 00 000000 00" + "0000000000000000" + "0000000000000003")
    sense = Sense.unpack(bytes.fromhex("720f002000000018") + direct)
    assert (sense.processed, sense.information, sense.pointer) == (3, None, None)


def test_scst_puts_the_segment_number_in_the_third_and_fourth_byte_of_its_descriptor() -> None:
    descriptor = bytes.fromhex("010a0000" + "0000000500000000")
    assert Sense.unpack(bytes([0x72, 0x0A, 0, 0, 0, 0, 0, 12]) + descriptor).segment == 5


def test_a_key_this_program_has_no_use_for_is_still_a_key() -> None:
    assert Sense.unpack(fixed_sense(0xC, 0x99, 0x77)).triple == (0xC, 0x99, 0x77)


@pytest.mark.parametrize("data", [b"", b"\x70", b"\x72", b"\x00" * 18, b"\x7f" + bytes(17)])
def test_bytes_that_are_no_sense_are_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        Sense.unpack(data)


@given(st.one_of(st.binary(max_size=252), st.binary(max_size=250).map(lambda b: b"\x70\x00" + b)))
def test_garbage_is_sense_or_a_decode_error_and_can_be_printed(data: bytes) -> None:
    try:
        assert str(Sense.unpack(data))
    except DecodeError:
        pass


@given(st.binary(max_size=244).map(lambda b: b"\x72\x0a\x0d\x01\x00\x00\x00" + b))
def test_garbage_descriptors_are_sense_or_a_decode_error(data: bytes) -> None:
    try:
        assert str(Sense.unpack(data))
    except DecodeError:
        pass


def test_a_copy_that_went_well_says_how_many_segments_it_did_when_asked() -> None:
    fixed = fixed_sense(0xF, 0x00, 0x20, specific=bytes([0, 0, 0, 3]))
    descriptor = bytes.fromhex("720f00200000000c 010a0000 0000000000000003")
    assert Sense.unpack(fixed).processed == Sense.unpack(descriptor).processed == 3
    assert str(Sense.unpack(fixed)).endswith("(F/00/20), 3 segments processed")


def test_freebsd_right_aligns_the_segment_number() -> None:
    descriptor = bytes.fromhex("010a0000" + "0000000000000005")
    assert Sense.unpack(bytes([0x72, 0x0A, 0x0D, 0x01, 0, 0, 0, 12]) + descriptor).segment == 5


def test_a_residual_is_told_in_plain_words() -> None:
    sense = Sense.unpack(fixed_sense(0xA, 0x0D, 0x01, information=100, specific=bytes([0, 0, 0, 3])))
    assert str(sense) == (
        "COPY ABORTED, THIRD PARTY DEVICE FAILURE (A/0D/01), in segment 3, "
        "with 100 destination blocks of it not written"
    )


def test_a_device_that_was_busy_is_named_by_its_status() -> None:
    sense = Sense(key=0xA, asc=0x0D, ascq=1, devices=(DeviceSense(role="source", status=8, sense=b""),))
    assert str(sense).endswith("the source device answered status 08h (BUSY)")


def test_a_progress_indication_is_no_field_pointer() -> None:
    assert Sense.unpack(fixed_sense(0x2, 0x04, 0x04, sks=bytes([0x80, 0x40, 0]))).pointer is None


def test_answers_of_source_and_destination_are_told_apart_by_their_offsets() -> None:
    source, destination = fixed_sense(0x3, 0x11, 0x00), fixed_sense(0x7, 0x27, 0x00)
    tail = b"\x02" + source + b"\x02" + destination
    sense = Sense.unpack(fixed_sense(0xA, 0x0D, 0x01, specific=bytes([18, 37, 0, 0]), tail=tail))
    assert sense.devices == (
        DeviceSense(role="source", status=2, sense=source),
        DeviceSense(role="destination", status=2, sense=destination),
    )


def nested(levels: int) -> bytes:
    """Sense data in which source and destination answer at the same byte, with such sense data."""
    inner = b""
    for _ in range(levels):
        inner = fixed_sense(0xA, 0x0D, 0x01, specific=bytes([18, 18, 0, 0]), tail=inner)
    return inner


def test_one_answer_at_the_offset_of_both_is_told_once_and_is_nobodys() -> None:
    sense = Sense.unpack(nested(2))
    assert [(device.role, device.sense) for device in sense.devices] == [("unknown", nested(1))]


def test_answers_inside_answers_do_not_double_the_text_at_each_level() -> None:
    assert len(str(Sense.unpack(nested(13)))) < 200 * 13


@pytest.mark.parametrize("offset", [1, 17, 37, 255])
def test_an_offset_that_points_at_no_additional_byte_is_no_answer(offset: int) -> None:
    tail = b"\x02" + fixed_sense(0x3, 0x11, 0x00)
    assert Sense.unpack(fixed_sense(0xA, 0x0D, 1, specific=bytes([offset, 0, 0, 0]), tail=tail)).devices == ()


def test_forwarded_sense_that_was_cut_short_says_so() -> None:
    sense = Sense.unpack(bytes.fromhex("720a0d01 0000000e 0c0c8202 7205240000000008 0206"))
    assert sense.devices[0].truncated
    assert str(sense).endswith("ILLEGAL REQUEST, INVALID FIELD IN CDB (5/24/00) (cut short)")


def test_sense_that_was_cut_off_on_the_way_keeps_its_code_and_what_is_whole() -> None:
    descriptors = bytes.fromhex("000a8000 0000000000000064 010a0000 00000002")
    sense = Sense.unpack(bytes([0x72, 0x0A, 0x0D, 0x01, 0, 0, 0, 60]) + descriptors)
    assert (sense.triple, sense.information, sense.segment) == ((0xA, 0x0D, 1), 100, None)


def test_fixed_sense_that_ends_behind_the_code_has_no_pointer() -> None:
    sense = Sense.unpack(bytes.fromhex("70000500000000060000000024 00"))
    assert (sense.triple, sense.pointer) == ((5, 0x24, 0), None)


def test_copy_aborted_in_8_bytes_names_no_segment() -> None:
    assert Sense.unpack(bytes.fromhex("70000a0000000000")).segment is None


def test_a_descriptor_that_is_shorter_than_its_type_says_nothing() -> None:
    assert Sense.unpack(bytes.fromhex("720a0d0100000004 00028000")).information is None


POINTERS = {
    name: st.builds(
        FieldPointer,
        sksv=st.just(True),
        bpv=st.booleans(),
        bit=st.integers(0, 7),
        byte=st.integers(0, 2**16 - 1),
        **{name: st.booleans()},
    )
    for name in ("command", "segment")
}
ANSWERS = st.sampled_from([b"", fixed_sense(0x3, 0x11, 0), bytes.fromhex("7205240000000000")])
COPIES = st.fixed_dictionaries(
    {
        "key": st.just(0xA),
        "segment": st.integers(0, 2**16 - 1),
        "pointer": st.none() | POINTERS["segment"],
        "devices": st.lists(st.sampled_from(["source", "destination"]), unique=True)
        .flatmap(
            lambda roles: st.tuples(
                *(
                    st.builds(DeviceSense, role=st.just(r), status=st.integers(0, 0x6F), sense=ANSWERS)
                    for r in sorted(roles, reverse=True)
                )
            )
        )
        .map(tuple),
    }
)
REFUSALS = st.fixed_dictionaries({"key": st.just(5), "pointer": st.none() | POINTERS["command"]})
OTHERS = st.fixed_dictionaries({"key": st.integers(0, 15).filter(lambda k: k not in (5, 0xA))})
CODES = st.fixed_dictionaries(
    {
        "asc": st.integers(1, 255),
        "ascq": st.integers(0, 255),
        "deferred": st.booleans(),
        "information": st.none() | st.integers(0, 2**32 - 1),
    }
)
COUNTS = st.builds(Sense, key=st.just(0xF), ascq=st.just(0x20), processed=st.integers(0, 2**32 - 1))
SENSES = COUNTS | st.builds(lambda a, b: Sense(**a, **b), COPIES | REFUSALS | OTHERS, CODES)


@given(SENSES)
def test_fixed_format_is_read_as_it_was_built(sense: Sense) -> None:
    assert Sense.unpack(sense.pack_fixed()) == sense


@given(SENSES)
def test_descriptor_format_is_read_as_it_was_built(sense: Sense) -> None:
    assert Sense.unpack(sense.pack_descriptor()) == sense


@given(SENSES)
def test_what_is_built_is_whole_for_a_decoder_too(sense: Sense) -> None:
    assert FixedSense.unpack(sense.pack_fixed()).sense_key == sense.key
    assert DescriptorSense.unpack(sense.pack_descriptor()).sense_key == sense.key


def test_a_copy_that_stopped_laid_out_by_hand() -> None:
    """Bytes by number from 5.17.7.4 and sg3_utils' decoder, not from our rows."""
    inner = fixed_sense(0x7, 0x27, 0x00)
    sense = Sense(
        key=0xA,
        asc=0x0D,
        ascq=0x01,
        information=100,
        segment=3,
        pointer=FieldPointer(sksv=True, bpv=True, bit=2, byte=0x54),
        devices=(DeviceSense(role="destination", status=2, sense=inner),),
    )
    fixed = {"0": 0xF0, "2": 0xA, "3-6": 100, "7": 10 + 19, "9": 18, "10-11": 3, "12": 0x0D, "13": 1,
             "15": 0x8A, "16-17": 0x54, "18": 2}  # fmt: skip
    assert sense.pack_fixed() == laid_out(19, fixed) + inner
    descriptor = {"0": 0x72, "1": 0xA, "2": 0x0D, "3": 1, "7": 12 + 12 + 8 + 4 + 18,
                  "8": 0, "9": 10, "10": 0x80, "12-19": 100,
                  "20": 1, "21": 10, "26-27": 3,
                  "32": 2, "33": 6, "36": 0x8A, "37-38": 0x54,
                  "40": 0x0C, "41": 20, "42": 2, "43": 2}  # fmt: skip
    assert sense.pack_descriptor() == laid_out(44, descriptor) + inner


def test_a_number_that_fixed_format_has_no_room_for_is_not_cut() -> None:
    sense = Sense(key=3, asc=0x11, information=2**32)
    assert Sense.unpack(sense.pack_fixed()).information is None
    assert Sense.unpack(sense.pack_descriptor()).information == 2**32


@pytest.mark.parametrize(
    "sense",
    [
        Sense(key=16),
        Sense(key=5, asc=256),
        Sense(key=5, ascq=-1),
        Sense(key=5, segment=1),
        Sense(key=5, devices=(DeviceSense(role="source", status=8, sense=b""),)),
        Sense(key=2, pointer=FieldPointer(sksv=True, byte=1)),
        Sense(key=0xF, processed=1),
        Sense(key=0xA, segment=65536),
        Sense(key=0xA, devices=(DeviceSense(role="source", status=256, sense=b""),)),
        Sense(key=0xA, devices=(DeviceSense(role="source", status=2, sense=bytes(300)),)),
        Sense(key=3, information=-1),
    ],
    ids=lambda s: f"{s.key:X}-{s.asc}-{s.ascq}",
)
def test_what_has_no_place_is_refused_before_a_byte_exists(sense: Sense) -> None:
    with pytest.raises(EncodeError):
        sense.pack_fixed()
    with pytest.raises(EncodeError):
        sense.pack_descriptor()
