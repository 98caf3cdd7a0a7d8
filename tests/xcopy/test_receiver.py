"""Which unit gets the commands: the destination, and the source once when the destination says no."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from cdb.command import NotSent, Reply
from tests.xcopy.by_hand import BLOCK, ByHand, content, filled
from tests.xcopy.units import parameters, unit
from xcopy.conversation import Side
from xcopy.coverage import State
from xcopy.job import Job, Method
from xcopy.limits import Limits, Refusal, Wanted, agree
from xcopy.plan import Request
from xcopy.target.faults import Fault, check
from xcopy.target.profile import CAPABLE
from xcopy.task import HOST, OFFLOAD, OffloadTask
from xcopy.verdict import Action, Verdict

if TYPE_CHECKING:
    from cdb.command import TransportError
    from xcopy.target.array import Array

UNREACHABLE, UNSUPPORTED = check(0xA, 0x0D, 0x02), check(5, 0x20, 0x00)
SOURCE, DESTINATION = 0, 1  # unit numbers


def array(*faults: Fault) -> Array:
    advertised = CAPABLE.but(maximum_segment_length=8 * BLOCK, maximum_segment_count=2)
    return filled(128, advertised=advertised, faults=faults)


def refusing(number: int, then: Reply | TransportError, nth: int = 1) -> Fault:
    return Fault(opcode=0x83, unit=number, then=then, nth=nth, times=None)


def sent_to(a: Array, number: int) -> int:
    return sum(1 for entry in a.log if entry.unit == number and entry.opcode == 0x83)


@pytest.mark.parametrize("no", [UNREACHABLE, UNSUPPORTED, NotSent("not permitted")], ids=repr)
def test_when_the_destination_says_no_the_source_gets_the_commands_from_then_on(
    no: Reply | TransportError,
) -> None:
    a = array(refusing(DESTINATION, no))
    hand = ByHand(a, 100, 3, 5)
    job = hand.all()
    assert job.coverage.count(State.COPIED, OFFLOAD) == 100
    assert sent_to(a, DESTINATION) == 1
    assert sent_to(a, SOURCE) == 7
    assert not job.fallbacks
    assert not job.refused
    assert hand.found(128)[5 * BLOCK : 105 * BLOCK] == content(0, 128)[3 * BLOCK : 103 * BLOCK]


@pytest.mark.parametrize("method", [Method.AUTO, Method.OFFLOAD])
def test_when_both_say_no_each_is_asked_once_and_the_reason_tells_both(method: Method) -> None:
    a = array(refusing(DESTINATION, UNREACHABLE), refusing(SOURCE, UNSUPPORTED))
    job = ByHand(a, 100, 3, 5, method=method).all()
    assert sent_to(a, DESTINATION) == sent_to(a, SOURCE) == 1
    reason = job.stopped if method is Method.OFFLOAD else next(iter(job.fallbacks.values())).reason
    assert "COPY TARGET DEVICE NOT REACHABLE" in reason
    assert "sent to the source instead" in reason
    assert "INVALID COMMAND OPERATION CODE" in reason
    assert job.refused == reason
    if method is Method.AUTO:
        assert [f.blocks for f in job.fallbacks.values()] == [100]
        assert job.coverage.count(State.COPIED, HOST) == 100
    else:
        assert not job.coverage.count(State.COPIED)


def test_once_something_is_copied_nobody_else_is_tried() -> None:
    a = array(refusing(DESTINATION, UNSUPPORTED, nth=3))
    job = ByHand(a, 100, 3, 5).all()
    assert sent_to(a, SOURCE) == 0
    assert job.coverage.count(State.COPIED, OFFLOAD) == 32
    assert job.coverage.count(State.COPIED, HOST) == 68


def test_a_source_that_says_no_in_the_middle_is_the_only_reason() -> None:
    a = array(refusing(DESTINATION, UNREACHABLE), refusing(SOURCE, UNSUPPORTED, nth=3))
    job = ByHand(a, 100, 3, 5).all()
    assert job.coverage.complete
    (fallback,) = job.fallbacks.values()
    assert "INVALID COMMAND OPERATION CODE" in fallback.reason
    assert "NOT REACHABLE" not in fallback.reason


def test_limits_are_those_of_the_unit_that_gets_the_command() -> None:
    source = unit(0, parameters=parameters(maximum_segment_count=9, total_concurrent_copies=3))
    destination = unit(1, parameters=parameters(maximum_segment_count=2, total_concurrent_copies=5))
    to_destination = agree(source, destination, Wanted(jobs=8))
    to_source = agree(source, destination, Wanted(jobs=8), receiver=Side.SOURCE)
    assert isinstance(to_destination, Limits)
    assert isinstance(to_source, Limits)
    assert (to_destination.in_flight.value, to_source.in_flight.value) == (5, 3)
    assert to_destination.segments_per_command.rule == "maximum segment count of unit1"
    assert to_source.segments_per_command.rule != "maximum segment count of unit1"


def request(blocks: int = 100) -> Request:
    return Request(
        source_lba=0, destination_lba=0, blocks=blocks, source_block_size=512, destination_block_size=512
    )


def test_a_destination_that_cannot_take_such_commands_is_not_sent_any() -> None:
    pair = unit(0), unit(1, parameters=parameters(implemented_types=(0x01, 0xE0)))
    offer, other = (agree(*pair, Wanted(jobs=4), receiver=side) for side in (Side.DESTINATION, Side.SOURCE))
    assert isinstance(offer, Refusal)
    job = Job(request(), offer, Method.AUTO, other)
    task = job.next()
    assert isinstance(task, OffloadTask)
    assert task.to is Side.SOURCE
    job.finish(task, Verdict(Action.NO_OFFLOAD, "no such thing", kind="no"))
    assert job.refused == f"{offer.reason}; sent to the source instead: no such thing"
    assert Job(request(), offer, Method.AUTO, Refusal("neither")).refused == offer.reason


def test_the_source_is_sent_no_more_at_once_than_it_takes() -> None:
    source = unit(0, parameters=parameters(total_concurrent_copies=2))
    offer, other = (
        agree(source, unit(1), Wanted(jobs=8), receiver=side) for side in (Side.DESTINATION, Side.SOURCE)
    )
    job = Job(request(10**7), offer, Method.AUTO, other)
    for verdict in (Verdict(Action.NO_OFFLOAD, "no"), Verdict(Action.DONE, "")):
        task = job.next()
        assert task is not None
        job.finish(task, verdict)
    assert [job.next() is not None for _ in range(3)] == [True, True, False]
