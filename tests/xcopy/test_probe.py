"""What a unit is asked before a copy, in which order, and what its answers become."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.command import Reply, Status, TransportError
from cdb.copy_results import OperatingParameters
from tests.cdb.independent import fixed_sense
from tests.xcopy.script import play
from xcopy.conversation import Send, Step, converse
from xcopy.errors import AccessError, ReservedElsewhere, UnsupportedError, XcopyError
from xcopy.probe import discover

TUR = "00 00 00 00 00 00"
INQUIRY = "12 00 00 00 24 00"
PAGE = "12 01 {} 00 fc 00"
CAPACITY16 = "9e 10" + "00" * 8 + "00000020" + "0000"
CAPACITY10 = "25" + "00" * 9
PARAMETERS = "84 03" + "00" * 8 + "00000208" + "0000"
NO = Reply(status=2, sense=fixed_sense(5, 0x24, 0))
ATTENTION = Reply(status=2, sense=fixed_sense(6, 0x3F, 0x0E))
NAA = "60014050000000000123456789abcde0"


def inquiry(three_pc: int = 1, device_type: int = 0) -> Reply:
    head = bytes([device_type, 0, 6, 2, 31, three_pc << 3, 0, 2])
    return Reply(data=head + b"LIO-ORG " + b"RAMDISK-A".ljust(16) + b"4.0 ")


def page(code: int, body: str) -> Reply:
    data = bytes.fromhex(body)
    return Reply(data=bytes([0, code]) + len(data).to_bytes(2, "big") + data)


CAPACITY = Reply(data=bytes.fromhex("00000000000fffff00000200") + bytes(20))
OPERATING = OperatingParameters(
    snlid=True,
    maximum_cscd_count=2,
    maximum_segment_count=1,
    maximum_list_length=1024,
    maximum_segment_length=2**28,
    implemented_types=(2, 0xE4),
)


def test_everything_is_asked_once_and_in_order() -> None:
    unit = play(
        discover("sdb"),
        [
            (TUR, ATTENTION),
            (TUR, Reply()),
            (INQUIRY, inquiry()),
            (PAGE.format("00"), page(0, "0080 83b0")),
            (PAGE.format("80"), page(0x80, "4142")),
            (PAGE.format("83"), page(0x83, "01030010" + NAA)),
            (PAGE.format("b0"), page(0xB0, "0000000800010000")),
            (CAPACITY16, CAPACITY),
            (PARAMETERS, Reply(data=OPERATING.pack().ljust(520, b"\0"))),
        ],
    )
    assert (unit.vendor, unit.product, unit.serial) == ("LIO-ORG", "RAMDISK-A", "AB")
    assert (unit.blocks, unit.block_size, unit.maximum_transfer_blocks) == (2**20, 512, 65536)
    assert unit.copy_designator.value.hex() == NAA
    assert unit.parameters == OPERATING


def test_a_unit_without_3pc_is_not_asked_for_parameters() -> None:
    unit = play(
        discover("sdb"),
        [
            (TUR, Reply()),
            (INQUIRY, inquiry(three_pc=0)),
            (PAGE.format("00"), NO),
            (CAPACITY16, CAPACITY),
        ],
    )
    assert unit.parameters is None
    assert "3PC is 0" in unit.no_parameters


def test_a_page_longer_than_the_first_room_is_asked_for_whole() -> None:
    body = "0103 0010" + NAA + "".join("02080004" + "41424344" for _ in range(60))
    long = page(0x83, body)
    unit = play(
        discover("sdb"),
        [
            (TUR, Reply()),
            (INQUIRY, inquiry(three_pc=0)),
            (PAGE.format("00"), page(0, "0083")),
            (PAGE.format("83"), Reply(data=long.data[:252])),
            (f"12 01 83 {len(long.data):04x} 00", long),
            (CAPACITY16, CAPACITY),
        ],
    )
    assert len(unit.designators) == 61


def test_without_read_capacity_16_the_short_one_is_asked() -> None:
    unit = play(
        discover("sdb"),
        [
            (TUR, Reply()),
            (INQUIRY, inquiry(three_pc=0)),
            (PAGE.format("00"), NO),
            (CAPACITY16, NO),
            (CAPACITY10, Reply(data=bytes.fromhex("0000ffff00001000"))),
        ],
    )
    assert (unit.blocks, unit.block_size) == (65536, 4096)


def test_a_copy_manager_that_refuses_its_parameters_is_remembered_with_the_reason() -> None:
    unit = play(
        discover("sdb"),
        [
            (TUR, Reply()),
            (INQUIRY, inquiry()),
            (PAGE.format("00"), NO),
            (CAPACITY16, CAPACITY),
            (PARAMETERS, NO),
        ],
    )
    assert "INVALID FIELD IN CDB" in unit.no_parameters


def test_a_tape_is_no_block_device() -> None:
    with pytest.raises(UnsupportedError, match="peripheral device type 01h"):
        play(discover("st0"), [(TUR, Reply()), (INQUIRY, inquiry(device_type=1))])


def test_a_unit_that_is_not_ready_says_why() -> None:
    with pytest.raises(AccessError, match="sdb is not ready: NOT READY, MEDIUM NOT PRESENT"):
        play(discover("sdb"), [(TUR, Reply(status=2, sense=fixed_sense(2, 0x3A, 0)))])


def test_a_reserved_unit_is_called_reserved() -> None:
    with pytest.raises(ReservedElsewhere, match="reserved by another initiator"):
        play(discover("sdb"), [(TUR, Reply(status=Status.RESERVATION_CONFLICT))])


def test_a_busy_unit_is_waited_for() -> None:
    busy = Reply(status=Status.BUSY)
    with pytest.raises(AccessError):
        play(discover("sdb"), [(TUR, busy), ("wait", None), (TUR, NO)])


def test_a_reservation_that_is_first_told_of_by_another_command_is_called_one_too() -> None:
    conflict = Reply(status=Status.RESERVATION_CONFLICT)
    lines = [
        (TUR, Reply()),
        (INQUIRY, inquiry(three_pc=0)),
        (PAGE.format("00"), NO),
        (CAPACITY16, conflict),
        (CAPACITY10, conflict),
    ]
    with pytest.raises(ReservedElsewhere, match="reserved by another initiator"):
        play(discover("sdb"), lines)


@pytest.mark.parametrize("later", [Status.BUSY, Status.TASK_SET_FULL])
def test_what_a_busy_unit_does_not_answer_now_is_not_taken_for_a_refusal(later: int) -> None:
    busy = Reply(status=later)
    unit = play(
        discover("sdb"),
        [
            (TUR, Reply()),
            (INQUIRY, inquiry()),
            (PAGE.format("00"), busy),
            ("wait", None),
            (PAGE.format("00"), page(0, "0083")),
            (PAGE.format("83"), busy),
            ("wait", None),
            (PAGE.format("83"), page(0x83, "01030010" + NAA)),
            (CAPACITY16, busy),
            ("wait", None),
            (CAPACITY16, CAPACITY),
            (PARAMETERS, busy),
            ("wait", None),
            (PARAMETERS, Reply(data=OPERATING.pack())),
        ],
    )
    assert unit.copy_designator.value.hex() == NAA
    assert unit.parameters == OPERATING


@given(st.data())
def test_a_device_that_answers_garbage_ends_in_a_clear_error_or_a_unit(data: st.DataObject) -> None:
    replies = st.builds(
        Reply,
        status=st.sampled_from([0, 0, 0, 0, 2, 8, 0x18]),
        data=st.one_of(
            st.binary(max_size=80), st.sampled_from([inquiry().data, CAPACITY.data, page(0, "0083b0").data])
        ),
        sense=st.binary(max_size=30),
    )

    def perform(step: Step) -> object:
        return data.draw(replies) if isinstance(step, Send) else None

    try:
        converse(discover("sdb"), perform)
    except (XcopyError, TransportError):
        pass


@pytest.mark.parametrize(
    ("answer", "commands"),
    [
        # 0001h: 83h with 00h and 1Ch, 84h with 03h and 00h, in no order, and a pad; then a type nobody knows
        (
            page(0x8F, "0001000c 08 8302001c 84020300 000000 beef0004 00000000"),
            {(0x83, 0x00), (0x83, 0x1C), (0x84, 0x03), (0x84, 0x00)},
        ),
        (page(0x8F, "0001000c 40 8302001c"), set()),
        (page(0x8F, "ff"), set()),
        (NO, set()),
    ],
    ids=["listed", "cut short", "garbage", "refused"],
)
def test_what_page_8fh_lists_is_known_and_what_cannot_be_read_lists_nothing(
    answer: Reply, commands: set[tuple[int, int]]
) -> None:
    unit = play(
        discover("sdb"),
        [
            (TUR, Reply()),
            (INQUIRY, inquiry()),
            (PAGE.format("00"), page(0, "008f")),
            (PAGE.format("8f"), answer),
            (CAPACITY16, CAPACITY),
            (PARAMETERS, Reply(data=OPERATING.pack())),
        ],
    )
    assert unit.copy_commands == commands


THIN = "00000000000fffff00000200" + "0000" + "c000" + "00" * 16  # LBPME and LBPRZ
LIMITS_OF_THIN = (
    "00" * 16 + "ffffffff" + "00000100" + "00000008" + "80000003" + "0000000000010000" + "00" * 20
)


def thin_answers(b2: Reply | None, capacity: str = THIN) -> list[tuple[str, Reply]]:
    """A unit without third-party copy, and with that capacity; page B2h is listed where there is one."""
    return [
        (TUR, Reply()),
        (INQUIRY, inquiry(three_pc=0)),
        (PAGE.format("00"), page(0, "b0 b2" if b2 else "b0")),
        (PAGE.format("b0"), page(0xB0, LIMITS_OF_THIN)),
        (CAPACITY16, Reply(data=bytes.fromhex(capacity))),
        *([(PAGE.format("b2"), b2)] if b2 else []),
    ]


@pytest.mark.parametrize(
    ("b2", "zeros", "unmaps"),
    [
        (page(0xB2, "00 e4 02 00"), True, True),  # LBPU, LBPWS, LBPWS10, LBPRZ 001b
        (page(0xB2, "00 44 02 00"), True, True),
        (page(0xB2, "00 84 02 00"), True, False),
        (page(0xB2, "00 e0 02 00"), False, True),  # LBPRZ 000b: not what READ CAPACITY(16) says
        (page(0xB2, "00 e8 02 00"), False, True),  # 010b: a pattern
        (Reply(data=b"\0\xb2\0"), False, False),
        (NO, False, False),
        (None, True, False),
    ],
)
def test_what_unmapped_blocks_read_as_is_believed_where_nothing_says_otherwise(
    b2: Reply | None, zeros: bool, unmaps: bool
) -> None:
    unit = play(discover("sdb"), thin_answers(b2))
    assert (unit.provisioning.managed, unit.provisioning.zeros) == (True, zeros)
    assert unit.provisioning.write_same_unmaps == unmaps
    assert (unit.provisioning.granule, unit.provisioning.aligned_to) == (8, 3)
    assert unit.maximum_write_same_blocks == 0x10000


def test_zeros_that_read_capacity_does_not_promise_are_promised_by_no_page() -> None:
    capacity = THIN.replace("c000", "8000")
    unit = play(discover("sdb"), thin_answers(page(0xB2, "00 e4 02 00"), capacity))
    assert not unit.provisioning.zeros


def test_a_unit_that_is_not_thin_is_not_asked_how_thin_it_is() -> None:
    answers = thin_answers(page(0xB2, "00 e4 02 00"), THIN.replace("c000", "0000"))[:-1]
    assert not play(discover("sdb"), answers).provisioning.managed
