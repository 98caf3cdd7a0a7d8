"""What each target's answer means: the bytes they send, and what a copy does next."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.command import NotSent, Reply, Silence, Status
from tests.cdb.independent import fixed_sense
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
