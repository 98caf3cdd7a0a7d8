"""A tape by itself: what its commands do, and how it says where records, marks and data end (SSC-3).

Sense data by byte: 2 has FILEMARK 80h, EOM 40h, ILI 20h and the key, 3 to 6 what is left.
"""

from __future__ import annotations

import pytest

from cdb.command import Command, Reply
from tests.target.bench import GOOD, No, no
from xcopy.target.array import Array
from xcopy.target.tape import MAXIMUM_OBJECTS, Medium, TapeUnit

CONTENT = [b"a" * 10, b"b" * 20, None, b"c" * 10, None, None]


class Wound:
    """A tape in an array of its own, its power on attention taken."""

    def __init__(self, objects: list[bytes | None], **changes: int) -> None:
        medium = Medium(objects, capacity=changes.pop("capacity", 1 << 20))
        self.unit = TapeUnit(number=0, serial="tape", medium=medium, **changes)  # type: ignore[arg-type]
        self.array = Array([], tapes=[self.unit])
        self.send("000000000000")

    def send(self, cdb: str, *, room: int = 0, data: bytes = b"") -> Reply:
        """One command."""
        command = Command(name="tape", cdb=bytes.fromhex(cdb), data_in=room, data_out=data)
        return self.array.open(0).send(command)

    @property
    def position(self) -> int:
        """FIRST LOGICAL OBJECT LOCATION of READ POSITION, short form."""
        return int.from_bytes(self.send("34000000000000000000", room=20).data[4:8], "big")

    def at(self, position: int) -> Wound:
        """Go there first."""
        assert self.send(f"2b0000{position:08x}000000").status == GOOD
        return self


def stop(reply: Reply) -> tuple[int, int, int, int]:
    """Byte 2, ASC, ASCQ and INFORMATION as a signed number of a CHECK CONDITION."""
    assert reply.status == 0x02
    assert reply.sense[0] == 0xF0
    information = int.from_bytes(reply.sense[3:7], "big", signed=True)
    return reply.sense[2], reply.sense[12], reply.sense[13], information


@pytest.fixture
def tape() -> Wound:
    return Wound(CONTENT, block_length=10)


def test_inquiry_says_sequential_access_and_removable_and_no_copy_manager(tape: Wound) -> None:
    data = tape.send("120000002400", room=36).data
    assert (data[0], data[1], data[5] & 0x08) == (0x01, 0x80, 0)


def test_its_pages_are_those_without_blocks(tape: Wound) -> None:
    assert tape.send("12010000ff00", room=255).data.hex() == "01000003008083"


def test_it_takes_no_command_of_a_copy(tape: Wound) -> None:
    reply = tape.send("83" + "00" * 15)
    assert no(reply) == No(0x5, 0x20, 0x00)


def test_a_number_that_a_disk_has_is_no_number_of_a_tape() -> None:
    unit = TapeUnit(number=0, serial="tape", medium=Medium())
    with pytest.raises(ValueError, match="same number"):
        Array([], tapes=[unit, unit])


def test_a_record_is_read_whole(tape: Wound) -> None:
    assert tape.send("080000000a00", room=10).data == b"a" * 10
    assert tape.position == 1


def test_blocks_are_read_by_their_number_in_fixed_mode() -> None:
    fixed = Wound([b"a" * 10, b"b" * 10, b"c" * 10], block_length=10)
    assert fixed.send("080100000200", room=20).data == b"a" * 10 + b"b" * 10
    assert fixed.position == 2


def test_a_record_that_is_shorter_says_by_how_much_and_is_passed(tape: Wound) -> None:
    reply = tape.send("080000000f00", room=15)
    assert stop(reply) == (0x20, 0, 0, 5)
    assert (reply.data, reply.residual) == (b"a" * 10, 5)
    assert tape.position == 1


def test_a_record_that_is_longer_says_by_how_much_with_a_minus(tape: Wound) -> None:
    reply = tape.at(1).send("080000000f00", room=15)
    assert stop(reply) == (0x20, 0, 0, -5)
    assert reply.data == b"b" * 15


def test_sili_takes_a_shorter_record_as_it_is(tape: Wound) -> None:
    reply = tape.send("080200000f00", room=15)
    assert (reply.status, reply.data) == (GOOD, b"a" * 10)


def test_a_block_of_another_length_in_fixed_mode_counts_the_blocks_that_are_missing(tape: Wound) -> None:
    reply = tape.send("080100000300", room=30)
    assert stop(reply) == (0x20, 0, 0, 2)
    assert reply.data == b"a" * 10


def test_a_filemark_ends_a_read_and_is_passed(tape: Wound) -> None:
    assert stop(tape.at(2).send("080000000a00", room=10)) == (0x80, 0x00, 0x01, 10)
    assert tape.position == 3


def test_a_filemark_ends_a_read_of_blocks_behind_those_before_it(tape: Wound) -> None:
    reply = tape.at(3).send("080100000500", room=50)
    assert stop(reply) == (0x80, 0x00, 0x01, 4)
    assert reply.data == b"c" * 10


def test_the_end_of_the_data_is_a_blank_check(tape: Wound) -> None:
    assert stop(tape.at(6).send("080000000a00", room=10)) == (0x08, 0x00, 0x05, 10)
    assert tape.position == 6


def test_nothing_is_read_with_a_length_of_0(tape: Wound) -> None:
    assert tape.send("080000000000").status == GOOD
    assert tape.position == 0


@pytest.mark.parametrize(("cdb", "pointer"), [("080300000100", "c90001"), ("0a0100000100", "c80001")])
def test_fixed_mode_with_sili_or_without_a_block_length_is_an_invalid_field(cdb: str, pointer: str) -> None:
    variable = Wound([])
    assert no(variable.send(cdb, data=b"x")) == No(0x5, 0x24, 0x00, pointer)


def test_a_record_is_written_with_its_length_and_ends_what_was_behind_it(tape: Wound) -> None:
    assert tape.at(1).send("0a0000000500", data=b"hello").status == GOOD
    assert tape.unit.medium.objects == (b"a" * 10, b"hello")


def test_blocks_are_written_one_record_each_in_fixed_mode(tape: Wound) -> None:
    assert tape.send("0a0100000200", data=b"1" * 10 + b"2" * 10).status == GOOD
    assert tape.unit.medium.objects == (b"1" * 10, b"2" * 10)


def test_filemarks_are_written_where_it_stands(tape: Wound) -> None:
    assert tape.at(1).send("100000000200").status == GOOD
    assert tape.unit.medium.objects == (b"a" * 10, None, None)


def test_a_full_medium_says_so_and_has_none_of_what_did_not_fit() -> None:
    small = Wound([b"a" * 90], capacity=100)
    small.at(1)
    assert stop(small.send("0a0000001400", data=b"x" * 20)) == (0x4D, 0x00, 0x02, 20)
    assert small.unit.medium.objects == (b"a" * 90,)


def test_more_filemarks_than_a_medium_holds_are_too_many() -> None:
    small = Wound([])
    assert stop(small.send("1000ffffff00"))[0] == 0x4D
    assert small.send(f"1000{MAXIMUM_OBJECTS:06x}00").status == GOOD


def test_a_write_protected_tape_is_not_written() -> None:
    protected = Wound([], read_only=True)
    assert no(protected.send("0a0000000100", data=b"x")) == No(0x7, 0x27, 0x00)
    assert no(protected.send("100000000100")) == No(0x7, 0x27, 0x00)


@pytest.mark.parametrize(
    ("start", "cdb", "end"),
    [
        (0, "110000000200", 2),  # two records
        (2, "1100fffffe00", 0),  # two records back
        (0, "110100000200", 5),  # behind the second filemark
        (6, "1101fffffe00", 4),  # before the second last filemark
        (0, "110300000000", 6),  # end of data
        (4, "110000000000", 4),
    ],
)
def test_space_passes_what_it_counts(tape: Wound, start: int, cdb: str, end: int) -> None:
    assert tape.at(start).send(cdb).status == GOOD
    assert tape.position == end


@pytest.mark.parametrize(
    ("start", "cdb", "stopped", "end"),
    [
        (0, "110000000500", (0x80, 0x00, 0x01, 3), 3),  # a filemark after two records
        (5, "1100fffffe00", (0x80, 0x00, 0x01, 2), 4),
        (0, "110100000500", (0x08, 0x00, 0x05, 2), 6),
        (1, "1100fffffd00", (0x40, 0x00, 0x04, 2), 0),
        (2, "1101ffffff00", (0x40, 0x00, 0x04, 1), 0),
    ],
)
def test_space_stops_where_it_must_and_says_what_is_left(
    tape: Wound, start: int, cdb: str, stopped: tuple[int, int, int, int], end: int
) -> None:
    assert stop(tape.at(start).send(cdb)) == stopped
    assert tape.position == end


def test_setmarks_are_unknown(tape: Wound) -> None:
    assert no(tape.send("110400000100")) == No(0x5, 0x24, 0x00, "cb0001")


def test_locate_past_the_end_stops_there(tape: Wound) -> None:
    reply = tape.send("2b0000000000ff000000")
    assert (reply.sense[2], reply.sense[12:14].hex()) == (0x08, "0005")
    assert tape.position == 6


def test_another_partition_is_an_invalid_field(tape: Wound) -> None:
    assert no(tape.send("2b020000000000000100")) == No(0x5, 0x24, 0x00, "c00008")


def test_rewind_goes_to_the_beginning_and_the_position_says_so(tape: Wound) -> None:
    tape.at(4)
    assert tape.send("34000000000000000000", room=20).data.hex() == "00000000" + "00000004" * 2 + "00" * 8
    assert tape.send("010000000000").status == GOOD
    assert tape.send("34000000000000000000", room=20).data.hex() == "80000000" + "00" * 16


@pytest.mark.parametrize("cdb", ["34060000000000000000", "34000000000000002000"])
def test_other_forms_of_the_position_are_invalid_fields(tape: Wound, cdb: str) -> None:
    assert no(tape.send(cdb, room=32))[:3] == (0x5, 0x24, 0x00)


def test_records_may_have_1_to_16777215_bytes(tape: Wound) -> None:
    assert tape.send("050000000000", room=6).data.hex() == "00ffffff0001"


def test_a_disk_s_command_is_unknown(tape: Wound) -> None:
    assert no(tape.send("25" + "00" * 9, room=8)) == No(0x5, 0x20, 0x00)
