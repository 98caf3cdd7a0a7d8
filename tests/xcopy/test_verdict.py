"""What each target's answer means: the bytes they send, and what a copy does next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.command import Command, NotSent, Reply, Silence, Status
from tests.cdb.independent import cscd_e4, extended_copy_cdb, fixed_sense, lid1_list, segment_02
from xcopy.conversation import Pushback
from xcopy.verdict import Action, describe, judge, judge_error


def check(key: int, asc: int, ascq: int) -> Reply:
    return Reply(status=Status.CHECK_CONDITION, sense=fixed_sense(key, asc, ascq))


@pytest.mark.parametrize(
    ("target", "reply", "first", "later"),
    [
        ("any", Reply(), Action.DONE, Action.DONE),
        ("LIO unreachable", check(0xA, 0x0D, 0x02), Action.NO_OFFLOAD, Action.OTHER_MEANS),
        ("LIO block sizes differ", check(0x2, 0x08, 0x00), Action.NO_OFFLOAD, Action.OTHER_MEANS),
        ("LIO refuses a designator", check(0x5, 0x26, 0x00), Action.NO_OFFLOAD, Action.NO_OFFLOAD),
        ("LIO 3PC off", check(0x5, 0x20, 0x00), Action.NO_OFFLOAD, Action.NO_OFFLOAD),
        ("tcmu another device", check(0xA, 0x0D, 0x03), Action.NO_OFFLOAD, Action.NO_OFFLOAD),
        ("CTL unreachable", check(0xA, 0x08, 0x04), Action.NO_OFFLOAD, Action.OTHER_MEANS),
        ("CTL unknown action", check(0x5, 0x24, 0x00), Action.NO_OFFLOAD, Action.NO_OFFLOAD),
        ("tcmu past the end", check(0x5, 0x21, 0x00), Action.STOP, Action.STOP),
        ("CTL device failure", check(0xA, 0x0D, 0x01), Action.OTHER_MEANS, Action.OTHER_MEANS),
        ("SCST device failure", check(0xA, 0x00, 0x00), Action.OTHER_MEANS, Action.OTHER_MEANS),
        ("tcmu read error", check(0x3, 0x11, 0x00), Action.OTHER_MEANS, Action.OTHER_MEANS),
        ("LIO no memory", Reply(status=Status.TASK_SET_FULL), Action.WAIT, Action.WAIT),
        ("SCST no memory", Reply(status=Status.BUSY), Action.WAIT, Action.WAIT),
        ("SCST list id active", check(0x5, 0x00, 0x16), Action.WAIT, Action.WAIT),
        ("reserved", Reply(status=0x18), Action.NO_OFFLOAD, Action.NO_OFFLOAD),
        ("too many segments", check(0x5, 0x26, 0x08), Action.FEWER, Action.FEWER),
        ("list too long", check(0x5, 0x1A, 0x00), Action.FEWER, Action.FEWER),
        ("granularity", check(0xA, 0x26, 0x0D), Action.SMALLER, Action.SMALLER),
        ("unit attention", check(0x6, 0x3F, 0x0E), Action.REPEAT, Action.REPEAT),
        ("reset", check(0x6, 0x29, 0x01), Action.REPEAT, Action.STOP),
        ("LUN reset by another", check(0x6, 0x29, 0x03), Action.REPEAT, Action.REPEAT),
        ("medium changed", check(0x6, 0x28, 0x00), Action.STOP, Action.STOP),
        ("another unit now", check(0x6, 0x3F, 0x03), Action.STOP, Action.STOP),
        ("resized", check(0x6, 0x2A, 0x09), Action.STOP, Action.STOP),
        ("write protected", check(0x7, 0x27, 0x00), Action.STOP, Action.STOP),
    ],
)
def test_an_answer_has_its_action(target: str, reply: Reply, first: Action, later: Action) -> None:
    assert judge(reply, proven=False).action is first, target
    assert judge(reply, proven=True).action is later, target


@given(st.integers(1, 255), st.binary(max_size=40), st.booleans())
def test_any_answer_has_a_verdict_with_a_reason_and_only_good_or_recovered_is_done(
    status: int, sense: bytes, proven: bool
) -> None:
    verdict = judge(Reply(status=status, sense=sense), proven=proven)
    assert verdict.reason
    if verdict.action is Action.DONE:
        assert sense[0] & 0x7F in (0x70, 0x72)
        assert status == Status.CHECK_CONDITION
        assert sense[2 if sense[0] & 0x7F < 0x72 else 1] & 0xF == 1


def lio(key: int, asc: int, ascq: int) -> bytes:
    """18 bytes that say nothing beyond the code."""
    return bytes([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, asc, ascq, 0, 0, 0, 0])


def lio_large(key: int, asc: int, ascq: int) -> bytes:
    """Of a unit of more than 2^32 blocks: descriptor format without descriptors."""
    return bytes([0x72, key, asc, ascq, 0, 0, 0, 0])


def ctl(segment: int, cscd_at: int, asc: int = 0x0D, ascq: int = 0x01) -> bytes:
    """Fixed format: the segment in four bytes, a pointer at the CSCD descriptor, no forwarded sense."""
    head = bytes([0x70, 0, 0x0A, 0, 0, 0, 0, 10]) + segment.to_bytes(4, "big")
    return head + bytes([asc, ascq, 0, 0x80 if cscd_at else 0]) + cscd_at.to_bytes(2, "big")


def ctl_forwards(segment: int, cscd_at: int, source: int, status: int, sense: bytes) -> bytes:
    """Descriptor format: command specific information, the pointer, and what the unit answered."""
    body = bytes([0x01, 0x0A, 0, 0]) + segment.to_bytes(8, "big")
    body += bytes([0x02, 0x06, 0, 0, 0x80]) + cscd_at.to_bytes(2, "big") + b"\0"
    body += bytes([0x0C, 2 + len(sense), source, status]) + sense
    return bytes([0x72, 0x0A, 0x0D, 0x01, 0, 0, 0, len(body)]) + body


def scst(segment: int, role: str, status: int, sense: bytes) -> bytes:
    """A/00/00: the offset points at the sense, and the status stands before it."""
    at = {"source": bytes([18, 0]), "destination": bytes([0, 18])}[role]
    head = bytes([0x70, 0, 0x0A, 0, 0, 0, 0, 11 + len(sense)]) + at + segment.to_bytes(2, "big")
    return head + bytes([0, 0, 0, 0, 0, status]) + sense


def scst_in_segment(segment: int, byte: int) -> bytes:
    head = bytes([0x70, 0, 0x0A, 0, 0, 0, 0, 10, 0, 0]) + segment.to_bytes(2, "big")
    return head + bytes([0, 0, 0, 0xA0]) + byte.to_bytes(2, "big")


def standard(segment: int, role: str, status: int, sense: bytes, residual: int | None = None) -> bytes:
    """Fixed format by SPC-4 5.17.7.4: the offset points at the status byte, the sense follows it."""
    at = {"source": bytes([18, 0]), "destination": bytes([0, 18])}[role]
    head = bytes([0x70 if residual is None else 0xF0, 0, 0x0A]) + (residual or 0).to_bytes(4, "big")
    head += bytes([11 + len(sense)]) + at + segment.to_bytes(2, "big")
    return head + bytes([0x0D, 0x01, 0, 0x80, 0, 0x30, status]) + sense


def in_parameter_list(asc: int, ascq: int, byte: int) -> bytes:
    return fixed_sense(5, asc, ascq, sks=bytes([0x80]) + byte.to_bytes(2, "big"))


def in_cdb(asc: int, ascq: int, byte: int) -> bytes:
    return fixed_sense(5, asc, ascq, sks=bytes([0xC0]) + byte.to_bytes(2, "big"))


PAST_END = lio(5, 0x21, 0x00)
CSCDS = [cscd_e4(bytes.fromhex(f"6001405000000000{n:016x}"), 512) for n in (1, 2)]
SEGMENTS_AT = 16 + 2 * 32
NUMBER_OF_BLOCKS, SOURCE_LBA, DESTINATION_LBA = 10, 12, 20  # in a segment (SPC-4 6.4.6.4)


def sent(list_id: int = 7, usage: int = 0b10, segments: int = 3) -> Command:
    body = lid1_list(list_id, usage, 1, CSCDS, [segment_02(0, 1, 8, 8 * n, 8 * n) for n in range(segments)])
    return Command(name="EXTENDED COPY(LID1)", cdb=extended_copy_cdb(len(body)), data_out=body)


STOP, WAIT, REPEAT = Action.STOP, Action.WAIT, Action.REPEAT
NO, OTHER = Action.NO_OFFLOAD, Action.OTHER_MEANS


@pytest.mark.parametrize(
    ("target", "sense", "first", "later", "said"),
    [
        # not copyable here
        ("LIO", lio(0xA, 0x0D, 0x02), NO, OTHER, "cannot reach"),
        ("LIO, large", lio_large(0xA, 0x0D, 0x02), NO, OTHER, "cannot reach"),
        ("LIO, block sizes", lio(2, 0x08, 0x00), NO, OTHER, "not ready for copies"),
        ("LIO, designator", lio(5, 0x26, 0x00), NO, NO, "refuses these units"),
        ("tcmu", lio(0xA, 0x0D, 0x03), NO, NO, "not the kind of device"),
        ("CTL", ctl(0, 0, 0x08, 0x04), NO, OTHER, "cannot reach"),
        ("CTL, block sizes", ctl(0, 0, 0x26, 0x0A), NO, OTHER, "refuses this copy"),
        ("SCST", in_parameter_list(0x26, 0x00, 16), NO, NO, "refuses these units"),
        ("SCST, CSCD id", scst_in_segment(0, 4), NO, OTHER, "refuses this copy"),
        ("SCST, block sizes", scst_in_segment(0, 10), NO, OTHER, "refuses this copy"),
        ("SCST, destination protected", scst_in_segment(0, 6), NO, OTHER, "refuses this copy"),
        # beyond capacity
        ("tcmu", lio(5, 0x21, 0x00), STOP, STOP, "past the end"),
        ("CTL", ctl_forwards(0, 16, 1, 2, PAST_END), STOP, STOP, "past the end of the unit (the source)"),
        ("CTL", ctl_forwards(0, 48, 2, 2, PAST_END), STOP, STOP, "past the end of the unit (the dest"),
        ("SCST", scst(1, "source", 2, PAST_END), STOP, STOP, "past the end of the unit (the source)"),
        ("SCST", scst(1, "destination", 2, PAST_END), STOP, STOP, "the destination)"),
        ("strict", scst_in_segment(0, SOURCE_LBA), STOP, STOP, "past the end"),
        ("strict", scst_in_segment(0, DESTINATION_LBA), STOP, STOP, "past the end"),
        ("standard", standard(0, "source", 2, PAST_END), STOP, STOP, "the source)"),
        # unsupported
        ("LIO, 3PC off", lio(5, 0x20, 0x00), NO, NO, "does not do EXTENDED COPY"),
        ("CTL", in_cdb(0x24, 0x00, 1), NO, NO, "does not do EXTENDED COPY"),
        ("SCST", in_cdb(0x24, 0x00, 1), NO, NO, "does not do EXTENDED COPY"),
        # busy
        ("CTL, list id", in_parameter_list(0x26, 0x00, 0), WAIT, WAIT, "list identifier is still in use"),
        ("SCST, list id", fixed_sense(5, 0x00, 0x16), WAIT, WAIT, "list identifier is still in use"),
        ("resources", fixed_sense(5, 0x55, 0x03), WAIT, WAIT, "short of resources"),
        ("a unit is BUSY", ctl_forwards(0, 48, 2, 0x08, b""), WAIT, WAIT, "busy (the destination)"),
        ("a unit's queue", standard(0, "source", 0x28, b""), WAIT, WAIT, "task set is full (the source)"),
        ("a unit gets ready", scst(1, "source", 2, lio(2, 4, 1)), WAIT, WAIT, "becomes ready (the source)"),
        ("a unit's ACA", standard(0, "source", 0x30, b""), WAIT, WAIT, "ACA"),
        ("commands cleared", fixed_sense(0xA, 0x2F, 0x02), WAIT, WAIT, "aborted"),
        # reserved
        ("CTL", ctl_forwards(0, 48, 2, 0x18, b""), NO, NO, "reserved by another (the destination)"),
        ("standard", standard(0, "source", 0x18, b""), NO, NO, "reserved by another (the source)"),
        ("SCST tells no status", ctl(1, 48), OTHER, OTHER, "could not copy this piece"),
        # what a unit itself says of a block, of its hardware, of a command
        ("tcmu read", lio(3, 0x11, 0x00), OTHER, OTHER, "block cannot be read"),
        ("tcmu write", lio(3, 0x0C, 0x00), OTHER, OTHER, "block cannot be read or written"),
        ("CTL", ctl_forwards(2, 16, 1, 2, lio(3, 0x11, 0)), OTHER, OTHER, "written (the source)"),
        ("SCST", scst(1, "destination", 2, lio(3, 0x0C, 0)), OTHER, OTHER, "written (the destination)"),
        ("hardware", standard(0, "source", 2, lio(4, 0x44, 0)), OTHER, OTHER, "hardware failed (the source)"),
        ("CTL, fixed", ctl(2, 16), OTHER, OTHER, "could not copy this piece"),
        ("refused inside", standard(0, "source", 2, lio(5, 0x24, 0)), NO, OTHER, "copy manager's command"),
        ("protected", ctl_forwards(0, 48, 2, 2, lio(7, 0x27, 0)), STOP, STOP, "write protected"),
        ("thin and full", standard(0, "destination", 2, lio(7, 0x27, 7)), STOP, STOP, "no space left"),
        # unit attentions inside
        ("capacity", standard(0, "source", 2, lio(6, 0x2A, 9)), STOP, STOP, "capacity changed"),
        ("another", standard(0, "source", 2, lio(6, 0x3F, 3)), STOP, STOP, "become another"),
        ("reset", standard(0, "destination", 2, lio(6, 0x29, 0)), REPEAT, STOP, "reset during the copy"),
        ("attention", scst(1, "destination", 2, lio(6, 0x3F, 0x0E)), REPEAT, REPEAT, "unit attention"),
        # what decides nothing is left to the copy manager's own words
        ("recovered", standard(0, "source", 2, lio(1, 0x17, 1)), OTHER, OTHER, "could not copy this piece"),
        ("GOOD inside", standard(0, "source", 0, b""), OTHER, OTHER, "could not copy this piece"),
        ("garbled", standard(0, "source", 2, b"\x55\x66"), OTHER, OTHER, "could not copy this piece"),
        # sizes
        ("too many", in_parameter_list(0x26, 0x08, 8), Action.FEWER, Action.FEWER, "too many segments"),
        ("CTL, too long", in_cdb(0x24, 0x00, 9), Action.FEWER, Action.FEWER, "list is too long"),
        ("in the list", in_parameter_list(0x26, 0, SEGMENTS_AT + 28 + 10), Action.SMALLER, Action.SMALLER,
         "segment is too long"),
        ("in the segment", fixed_sense(0xA, 0x26, 0, sks=b"\xa0\0\x0a"), Action.SMALLER, Action.SMALLER,
         "segment is too long"),
        ("granularity", fixed_sense(0xA, 0x26, 0x0D), Action.SMALLER, Action.SMALLER, "granularity"),
    ],
)  # fmt: skip
def test_the_very_bytes_of_a_target_have_their_action(
    target: str, sense: bytes, first: Action, later: Action, said: str
) -> None:
    reply = Reply(status=Status.CHECK_CONDITION, sense=sense)
    assert judge(reply, proven=False, command=sent()).action is first, target
    verdict = judge(reply, proven=True, command=sent())
    assert verdict.action is later, target
    assert said in verdict.reason


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        (Reply(status=Status.BUSY), Pushback.BUSY),
        (Reply(status=Status.TASK_SET_FULL), Pushback.QUEUE_FULL),
        (Reply(status=Status.TASK_ABORTED), Pushback.ABORTED),
        (check(0xB, 0, 0), Pushback.ABORTED),
        (check(5, 0x55, 0x03), Pushback.RESOURCES),
        (check(5, 0x00, 0x16), Pushback.ID_IN_USE),
        (Reply(status=2, sense=standard(0, "source", 0x28, b"")), Pushback.QUEUE_FULL),
        (check(6, 0x3F, 0x0E), None),
        (check(3, 0x11, 0), None),
    ],
)
def test_a_unit_that_asks_for_less_says_why(reply: Reply, why: Pushback | None) -> None:
    assert judge(reply, proven=True).pushback is why


def test_a_pointer_at_the_list_identifier_of_a_command_without_one_is_no_busy_unit() -> None:
    reply = Reply(status=2, sense=in_parameter_list(0x26, 0x00, 0))
    assert judge(reply, proven=True, command=sent(0, 0b11)).action is NO
    assert judge(reply, proven=True, command=sent(9, 0b00)).action is WAIT


def test_of_two_units_that_failed_the_graver_answer_counts() -> None:
    body = b"".join(
        bytes([0x0C, 2 + len(inner), source, status]) + inner
        for source, status, inner in ((1, 0x08, b""), (2, 2, lio(7, 0x27, 0)))
    )
    sense = bytes([0x72, 0x0A, 0x0D, 0x01, 0, 0, 0, len(body)]) + body
    assert judge(Reply(status=2, sense=sense), proven=True).action is STOP


def test_an_acknowledged_write_that_failed_later_stops_the_copy_wherever_it_is_said() -> None:
    deferred = bytes([0x71]) + lio(3, 0x0C, 0)[1:]
    inside = standard(0, "destination", 2, deferred)
    verdict = judge(Reply(status=2, sense=inside), proven=True)
    assert verdict.action is STOP
    assert "after it was acknowledged" in verdict.reason


def test_what_is_certainly_copied_is_not_asked_where_a_unit_was_reset() -> None:
    for inner, copied in ((lio(3, 0x11, 0), 5), (lio(6, 0x29, 0), 0), (lio(6, 0x3F, 0x0E), 0)):
        reply = Reply(status=2, sense=standard(1, "destination", 2, inner))
        assert judge(reply, proven=True, salvage=lambda _: 5).copied == copied


def test_blocks_that_are_certainly_copied_prove_that_these_units_can_be_copied_between() -> None:
    reply = Reply(status=2, sense=lio(0xA, 0x0D, 0x02))
    assert judge(reply, proven=False, salvage=lambda _: 0).action is NO
    assert judge(reply, proven=False, salvage=lambda _: 8).action is OTHER


def test_answers_that_cannot_be_read_are_one_kind_whatever_else_they_hold() -> None:
    said = [Reply(status=2, sense=bytes([0x11, at])) for at in (7, 8)]
    first, second = (judge(reply, proven=True) for reply in said)
    assert first.reason != second.reason
    assert first.kind == second.kind


def test_sense_on_a_good_status_is_not_a_failure() -> None:
    assert judge(Reply(sense=fixed_sense(0xF, 0x00, 0x20)), proven=False).action is Action.DONE


def test_a_command_that_may_still_run_stops_the_copy() -> None:
    assert judge_error(Silence("timed out"), sent=True).action is Action.STOP


def test_a_command_that_was_never_sent_leaves_another_means() -> None:
    assert judge_error(NotSent("not permitted"), sent=False).action is Action.NO_OFFLOAD


def test_the_reason_names_t10s_words_and_numbers() -> None:
    assert "COPY TARGET DEVICE NOT REACHABLE (A/0D/02)" in describe(check(0xA, 0x0D, 0x02))
    assert describe(Reply(status=0x18)) == "RESERVATION CONFLICT"
    assert describe(Reply(status=0x99)) == "status 99h"
