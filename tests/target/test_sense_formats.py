"""What a refused or failed copy says in descriptor format: the same as in fixed format, every byte by hand.

SPC-4 5.17.7.4 says what is told and where; the descriptors' layouts (SPC-4 4.5.2, not among the texts that
could be read) are those of sg3_utils. In fixed format it is what all the other tests look at.
"""

from __future__ import annotations

import pytest

from cdb.command import Command
from tests.target.bench import (
    BLOCK,
    CHECK_CONDITION,
    GOOD,
    Bench,
    bench,
    copy_list,
    data_in,
    embedded,
    extended_copy,
    no,
    residual,
    segment,
    segment_number,
)
from tests.target.results_bench import copy_lid4, lid4_status
from xcopy.target.faults import Fault, check

PAST_THE_END = segment(0, 256, 1)
FIRST = segment(0, 64, 4)
OUT_OF_RANGE = "7205210000000000"  # every unit has its sense data in this format
WRITE_ERROR = bytes.fromhex("700003000000000a000000000c00000000000000")[:18]


@pytest.fixture
def array() -> Bench:
    return bench(descriptor_sense=True)


def test_phase_1_points_at_the_list(array: Bench) -> None:
    parameter_list = copy_list(array.cscds(), [segment(0, 8, 8, type_code=0x03)])
    reply = array.send(1, extended_copy(parameter_list))
    assert reply.status == CHECK_CONDITION
    assert reply.sense.hex() == "7205260900000008" + "0206000080005000"


def test_the_cdb_is_pointed_at(array: Bench) -> None:
    reply = array.send(0, data_in("841f0000000000000000000002080000"))
    assert reply.sense.hex() == "7205240000000008" + "02060000cc000100"


def test_a_failed_segment_has_its_number_its_field_and_the_device_s_answer(array: Bench) -> None:
    reply = array.copy(FIRST, PAST_THE_END)
    forwarded = "0c" + "0a" + "02" + "02" + OUT_OF_RANGE
    body = "010a0000" + "0000000100000000" + "02060000a0001400" + forwarded
    assert reply.sense.hex() == "720a0d01000000" + f"{len(body) // 2:02x}" + body


def d_sense(on: bool) -> Command:
    """MODE SELECT(6) of the control page."""
    page = bytes.fromhex("00000000" + "0a0a" + ("04" if on else "00") + "1000000000ffff0000")
    return Command(name="MODE SELECT(6)", cdb=bytes([0x15, 0x10, 0, 0, len(page), 0]), data_out=page)


@pytest.mark.parametrize("receiver", [False, True], ids=["fixed", "descriptor"])
@pytest.mark.parametrize("device", [False, True], ids=["of fixed", "of descriptor"])
def test_each_unit_answers_in_the_format_that_was_selected_for_it(receiver: bool, device: bool) -> None:
    # SPC-4 7.5.8; 5.17.7.4 d), e): what the device sent is passed on as it is
    array = bench()
    array.send(0, d_sense(receiver))
    array.send(1, d_sense(device))
    array.array.change(1, read_only=True)
    reply = array.copy(FIRST, to=0, usage=0b00, list_id=7)
    inner = "7207270000000000" if device else "700007000000000a00000000270000000000"
    assert reply.sense[0] == (0x72 if receiver else 0x70)
    assert reply.sense[1 if receiver else 2] & 0x0F == 0xA
    passed_on = f"0c{len(inner) // 2 + 2:02x}0202" if receiver else "02"
    assert reply.sense.hex().endswith(passed_on + inner)
    assert lid4_status(array, 7).sense == reply.sense


def test_a_copy_in_the_background_has_its_sense_in_the_format_of_the_unit_that_received_it() -> None:
    array = bench()
    array.send(1, d_sense(True))
    copy_lid4(array, segment(0, 256, 1, source=1, destination=2), immed=True)
    array.array.work()
    assert lid4_status(array, 7).sense[0] == 0x72


def test_what_is_missing_is_an_information_descriptor() -> None:
    fault = Fault(at="write", nth=2, then=check(3, 0x0C, 0x00))
    array = bench(descriptor_sense=True, chunk_size=BLOCK, faults=[fault])
    sense = array.copy(FIRST).sense
    assert sense[8:20].hex() == "000a8000" + "0000000000000003"
    assert sense.endswith(bytes.fromhex("0c140202") + WRITE_ERROR)


def test_a_source_that_failed_is_source_1() -> None:
    array = bench(descriptor_sense=True, faults=[Fault(at="read", then=check(3, 0x0C, 0x00))])
    assert array.copy(FIRST).sense.endswith(bytes.fromhex("0c140102") + WRITE_ERROR)


def test_segments_processed_are_command_specific_information(array: Bench) -> None:
    reply = copy_lid4(array, segment(0, 8, 8, source=1, destination=2), g_sense=True)
    assert (reply.status, reply.sense.hex()) == (GOOD, "720f00200000000c" + "010a0000" + "00" * 7 + "01")


def test_the_status_of_a_copy_has_the_sense_the_command_had(array: Bench) -> None:
    reply = array.copy(FIRST, PAST_THE_END, usage=0b00, list_id=7)
    assert lid4_status(array, 7).sense == reply.sense
    assert reply.sense[0] == 0x72


def test_the_status_of_a_copy_in_the_background_has_it_too(array: Bench) -> None:
    copy_lid4(array, segment(0, 256, 1, source=1, destination=2), immed=True)
    array.array.work()
    assert lid4_status(array, 7).sense[:4].hex() == "720a0d01"


def test_fixed_format_says_the_same_in_18_bytes_and_what_is_embedded_behind_them() -> None:
    fault = Fault(at="write", nth=6, then=check(3, 0x0C, 0x00))
    array = bench(chunk_size=BLOCK, faults=[fault])
    reply = array.copy(FIRST, segment(8, 0, 4))
    assert no(reply)[:3] == (0xA, 0x0D, 0x01)
    assert (segment_number(reply), residual(reply)) == (1, 3)
    assert embedded(reply) == ("destination", CHECK_CONDITION, (3, 0x0C, 0x00))
    assert reply.sense[9] == 18
    assert reply.sense[18:] == bytes([CHECK_CONDITION]) + WRITE_ERROR
