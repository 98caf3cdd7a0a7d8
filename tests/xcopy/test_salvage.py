"""What a failed command is believed to have copied: never a block that it has not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.command import Reply, Status
from cdb.sense import Sense
from tests.xcopy.by_hand import BLOCK, ByHand, content, filled, probed
from xcopy.coverage import State
from xcopy.job import Method
from xcopy.plan import Batch, Piece
from xcopy.quirks import quirk_of
from xcopy.salvage import certainly_copied
from xcopy.target.faults import Call, Fault, Shorten, check
from xcopy.target.profile import CAPABLE
from xcopy.target.profiles import CTL, SCST, STRICT
from xcopy.task import HOST, OFFLOAD, OffloadTask
from xcopy.verdict import Verdict

if TYPE_CHECKING:
    from xcopy.target.array import Array

SEGMENT, SEGMENTS, CHUNK = 6, 8, 2  # blocks, segments, blocks in one internal read or write
BLOCKS = SEGMENT * SEGMENTS
SOURCE, DESTINATION = 3, 7
UNIT = BLOCKS + 16
BATCH = Batch(tuple(Piece(100 + SEGMENT * n, SEGMENT) for n in range(SEGMENTS)))
THREE_DEEP = Sense(key=0xA, asc=0x0D, ascq=0x01, segment=3)


@pytest.mark.parametrize(
    ("sense", "blocks"),
    [
        (THREE_DEEP, 18),
        (replace(THREE_DEEP, information=2), 22),
        (replace(THREE_DEEP, information=6), 18),
        (replace(THREE_DEEP, information=7), 0),
        (replace(THREE_DEEP, information=0), 0),
        (replace(THREE_DEEP, segment=8), 0),
        (replace(THREE_DEEP, segment=65535), 0),
        (replace(THREE_DEEP, segment=0), 0),
        (replace(THREE_DEEP, segment=0, information=1), 5),
        (replace(THREE_DEEP, segment=None, information=1), 0),
        (replace(THREE_DEEP, key=3), 0),
        (replace(THREE_DEEP, deferred=True), 0),
    ],
)
def test_segments_before_the_failed_one_and_what_is_written_of_it_are_copied(
    sense: Sense, blocks: int
) -> None:
    assert certainly_copied(sense, BATCH, 1) == blocks


def descriptor_sense(command_specific: str) -> Sense:
    """COPY ABORTED in descriptor format with a command-specific information descriptor (SPC-4 5.17.7.4)."""
    return Sense.unpack(bytes.fromhex("720a0d010000000c" + "010a0000" + command_specific))


@pytest.mark.parametrize(
    ("command_specific", "blocks"),
    [
        ("0000000300000000", 18),  # the third and fourth byte of the field, as the standard has it
        ("0000000000000003", 18),  # right-aligned, as FreeBSD has it
        ("0000000300000003", 18),
        ("0000000300000002", 0),  # two numbers: it is not certain which
        ("0000000200000003", 0),
        ("0000000000000000", 0),
        ("0000000000010003", 0),  # no number of a segment that was sent
    ],
)
def test_the_segment_number_of_descriptor_format_counts_where_it_is_certain(
    command_specific: str, blocks: int
) -> None:
    assert certainly_copied(descriptor_sense(command_specific), BATCH, 1) == blocks


def test_of_the_failed_segment_whole_granules_count() -> None:
    assert certainly_copied(replace(THREE_DEEP, information=1), BATCH, 3) == 18 + 3


@given(st.binary(max_size=64), st.integers(1, 6))
def test_no_sense_at_all_claims_more_than_was_sent(data: bytes, granule: int) -> None:
    try:
        sense = Sense.unpack(data)
    except ValueError:
        return
    assert 0 <= certainly_copied(sense, BATCH, granule) < BATCH.whole.blocks


def made(*faults: Fault, chunk: int = CHUNK, **changes: Any) -> Array:
    advertised = CAPABLE.but(maximum_segment_length=SEGMENT * BLOCK, maximum_segment_count=SEGMENTS)
    return filled(UNIT, advertised=advertised, chunk_size=chunk * BLOCK, faults=faults, **changes)


def first_verdict(array: Array, **unit_changes: Any) -> tuple[ByHand, Verdict]:
    """What becomes of the first command, which has all the segments."""
    units = probed(array, 0), replace(probed(array, 1), **unit_changes)
    hand = ByHand(array, BLOCKS, SOURCE, DESTINATION, units=units)
    task = hand.job.next()
    assert isinstance(task, OffloadTask)
    assert task.piece.blocks == BLOCKS
    verdict = hand.perform(task)
    assert isinstance(verdict, Verdict)
    hand.job.finish(task, verdict)
    return hand, verdict


@pytest.mark.parametrize("nth", range(1, BLOCKS // CHUNK + 1))
@pytest.mark.parametrize("profile", [STRICT, CTL], ids=lambda p: p.name)
def test_a_write_that_fails_tells_the_exact_block(nth: int, profile: Any) -> None:
    broken = Fault(at="write", nth=nth, then=check(3, 0x0C, 0))
    hand, verdict = first_verdict(made(broken, profile=profile))
    assert verdict.copied == (nth - 1) * CHUNK
    assert hand.job.coverage.count(State.COPIED, OFFLOAD) == verdict.copied
    assert_equal(hand, verdict.copied)


FAULTS = st.builds(
    Fault,
    at=st.sampled_from(["read", "write", "segment"]),
    nth=st.integers(1, BLOCKS // CHUNK),
    then=st.sampled_from(
        [
            check(3, 0x11, 0),
            check(4, 0x44, 0),
            check(7, 0x27, 0),
            check(5, 0x21, 0),
            check(0xB, 0, 0),
            check(0xA, 0x0D, 0x02),
            Reply(status=Status.RESERVATION_CONFLICT),
            Reply(status=Status.CHECK_CONDITION),
            Shorten(0),
            Shorten(BLOCK),
        ]
    ),
    after=st.booleans(),
)


ORDERS = st.sampled_from(["ascending", "descending", "read first"])


@given(FAULTS, st.sampled_from([STRICT, CTL]), st.booleans(), st.sampled_from([CHUNK, 1, SEGMENT]), ORDERS)
@settings(max_examples=150, deadline=None)
def test_whatever_goes_wrong_once_what_is_claimed_is_there(
    fault: Fault, profile: Any, descriptor: bool, chunk: int, order: Any
) -> None:
    if isinstance(fault.then, Shorten) and (fault.at == "segment" or fault.after):
        return  # a segment has no bytes of its own to cut
    profile = replace(profile, descriptor_sense=descriptor, copies=replace(profile.copies, order=order))
    array = made(fault, profile=profile, chunk=chunk)
    hand, verdict = first_verdict(array)
    assert_equal(hand, hand.job.coverage.count(State.COPIED, OFFLOAD))
    assert hand.job.coverage.count(State.COPIED, OFFLOAD) in (verdict.copied, BLOCKS)


@pytest.mark.parametrize("nth", [1, 2, 7])
def test_a_resized_unit_in_the_middle_of_a_batch_claims_nothing_it_has_not(nth: int) -> None:
    array = made()
    half = DESTINATION + BLOCKS // 2
    array.faults.add(Fault(at="write", nth=nth, then=Call(lambda: array.resize(1, half))))
    hand, _ = first_verdict(array)
    assert_equal(hand, hand.job.coverage.count(State.COPIED, OFFLOAD))


def test_the_rest_of_the_batch_is_copied_by_the_host_and_the_copy_is_whole() -> None:
    array = made(Fault(at="write", nth=8, then=check(3, 0x0C, 0)))
    hand = ByHand(array, BLOCKS, SOURCE, DESTINATION)
    job = hand.all()
    assert job.coverage.complete
    assert job.coverage.count(State.COPIED, OFFLOAD) == 7 * CHUNK
    assert job.coverage.count(State.COPIED, HOST) == BLOCKS - 7 * CHUNK
    assert [f.blocks for f in job.fallbacks.values()] == [BLOCKS - 7 * CHUNK]
    assert_equal(hand, BLOCKS)


def test_where_only_offload_is_allowed_what_is_certain_is_kept_and_the_rest_is_reported() -> None:
    array = made(Fault(at="write", nth=8, then=check(3, 0x0C, 0)))
    job = ByHand(array, BLOCKS, SOURCE, DESTINATION, method=Method.OFFLOAD).all()
    assert job.stopped
    assert [(p.start, p.blocks) for p, _ in job.coverage.runs(State.FAILED)] == [
        (7 * CHUNK, BLOCKS - 7 * CHUNK)
    ]


# SCST 3: the number is put in after it went on to the next segment (scst_copy_mgr.c).
ONE_TOO_MANY = bytes([0x70, 0, 0x0A, 0, 0, 0, 0, 29, 0, 18, 0, 1, 0, 0, 0, 0, 0, 2])
ONE_TOO_MANY += bytes([0x70, 0, 3, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x0C, 0, 0, 0, 0, 0])


@pytest.mark.parametrize(
    "product",
    [("SCST_FIO", "disk"), ("SCST_BIO", "x"), ("LIO-ORG", "FILEIO"), ("PURE", "FlashArray"), ("NETAPP", "L")],
)
def test_a_product_that_nobody_vouches_for_is_not_believed(product: tuple[str, str]) -> None:
    array = made(Fault(opcode=0x83, then=Reply(status=2, sense=ONE_TOO_MANY)), profile=SCST)
    vendor, name = product
    hand, verdict = first_verdict(array, vendor=vendor, product=name)
    assert verdict.copied == 0
    assert hand.job.coverage.count(State.COPIED) == 0


def test_those_that_are_believed_have_evidence() -> None:
    array = made(profile=CTL)
    quirk = quirk_of(probed(array, 1))
    assert quirk is not None
    assert quirk.tells_failed_segment
    assert "ctl_tpc.c" in quirk.evidence


def assert_equal(hand: ByHand, copied: int) -> None:
    """The first `copied` blocks are the source's, and nothing outside the range has changed."""
    found, source, before = hand.found(UNIT), content(0, UNIT), content(1, UNIT)
    assert found[DESTINATION * BLOCK :][: copied * BLOCK] == source[SOURCE * BLOCK :][: copied * BLOCK]
    assert found[: DESTINATION * BLOCK] == before[: DESTINATION * BLOCK]
    assert found[(DESTINATION + BLOCKS) * BLOCK :] == before[(DESTINATION + BLOCKS) * BLOCK :]
