"""One EXTENDED COPY and what follows each answer to it."""

from __future__ import annotations

import pytest

from cdb.command import Command, NotSent, Reply, Silence, Status
from cdb.extended_copy import NO_LIST_ID, Lid1ParameterList
from cdb.vpd import Designator
from tests.cdb.independent import fixed_sense
from tests.xcopy.script import play
from tests.xcopy.units import unit
from xcopy.errors import AccessError
from xcopy.offload import REPEATS, WAITS, Pair, command_for, copy_batch, synchronize
from xcopy.plan import Batch, Piece, Request
from xcopy.verdict import Action

XCOPY = Command(name="EXTENDED COPY(LID1)", cdb=bytes.fromhex("83" + "00" * 15))
CDB = XCOPY.cdb.hex()
SYNC = "91" + "00" * 15
ATTENTION = Reply(status=2, sense=fixed_sense(6, 0x3F, 0x0E))
POWER_ON = Reply(status=2, sense=fixed_sense(6, 0x29, 0))
SYNC10 = "35" + "00" * 9


def request(blocks: int = 100) -> Request:
    return Request(
        source_lba=5, destination_lba=9, blocks=blocks, source_block_size=512, destination_block_size=512
    )


def test_good_is_done_with_one_command() -> None:
    assert play(copy_batch(XCOPY, proven=False), [(CDB, Reply())]).action is Action.DONE


def test_a_unit_attention_is_taken_off_and_the_command_sent_again() -> None:
    assert play(copy_batch(XCOPY, proven=False), [(CDB, ATTENTION), (CDB, Reply())]).action is Action.DONE


def test_unit_attentions_without_end_are_given_up() -> None:
    verdict = play(copy_batch(XCOPY, proven=False), [(CDB, ATTENTION)] * (REPEATS + 1))
    assert verdict.action is Action.OTHER_MEANS


def test_busy_is_waited_for() -> None:
    busy = Reply(status=Status.BUSY)
    assert (
        play(
            copy_batch(XCOPY, proven=True),
            [(CDB, busy), ("wait", None), (CDB, busy), ("wait", None), (CDB, Reply())],
        ).action
        is Action.DONE
    )


@pytest.mark.parametrize(
    ("before", "begun"),
    [([], False), ([fixed_sense(6, 0x3F, 0x0E)], False), ([fixed_sense(0xB, 0, 0)], True)],
)
def test_a_command_was_not_begun_only_where_no_try_of_it_was(before: list[bytes], begun: bool) -> None:
    lines: list[tuple[str, Reply | Exception | bool | None]] = []
    for sense in before:
        lines += [(CDB, Reply(status=2, sense=sense)), *([("wait", None)] if begun else [])]
    refusal = Reply(status=2, sense=fixed_sense(5, 0x20, 0))
    assert play(copy_batch(XCOPY, proven=True), [*lines, (CDB, refusal)]).begun is begun


def test_busy_without_end_goes_another_way() -> None:
    busy = Reply(status=Status.TASK_SET_FULL)
    lines: list[tuple[str, Reply | Exception | bool | None]] = [(CDB, busy), ("wait", None)] * len(WAITS)
    verdict = play(copy_batch(XCOPY, proven=True), [*lines, (CDB, busy)])
    assert verdict.action is Action.OTHER_MEANS
    assert "TASK SET FULL" in verdict.reason


def test_not_ready_is_not_waited_out() -> None:
    not_ready = Reply(status=2, sense=fixed_sense(2, 0x08, 0))
    assert play(copy_batch(XCOPY, proven=False), [(CDB, not_ready)]).action is Action.NO_OFFLOAD


def test_silence_is_never_sent_again() -> None:
    verdict = play(copy_batch(XCOPY, proven=True), [(CDB, Silence("no answer in 60 s"))])
    assert verdict.action is Action.STOP
    assert "no answer in 60 s" in verdict.reason


def test_a_node_that_may_not_send_leaves_other_means() -> None:
    verdict = play(copy_batch(XCOPY, proven=False), [(CDB, NotSent("not permitted"))])
    assert verdict.action is Action.NO_OFFLOAD


def test_one_unit_is_named_once() -> None:
    batch = Batch((Piece(0, 10), Piece(10, 20)))
    command = command_for(batch, request(), Pair(unit(0), unit(0), True))
    sent = Lid1ParameterList.unpack(bytes(command.data_out))
    assert len(sent.cscds) == 1
    assert {(s.source_cscd, s.destination_cscd) for s in sent.segments} == {(0, 0)}


def test_without_list_identifiers_usage_is_11b_and_the_identifier_0() -> None:
    sent = Lid1ParameterList.unpack(
        bytes(
            command_for(Batch((Piece(0, 1),)), request(), Pair(unit(0), unit(1), True), list_id=77).data_out
        )
    )
    assert (sent.list_id_usage, sent.list_identifier) == (NO_LIST_ID, 0)


def test_the_timeout_grows_with_what_a_command_moves() -> None:
    pair = Pair(unit(0), unit(1), True)
    small = command_for(Batch((Piece(0, 1),)), request(), pair)
    large = command_for(Batch((Piece(0, 60000),)), request(60000), pair)
    assert 60 <= small.timeout < large.timeout
    assert command_for(Batch((Piece(0, 1),)), request(), pair, timeout=5).timeout == 5


def test_a_unit_without_a_cache_to_synchronize_is_fine() -> None:
    unknown = Reply(status=2, sense=fixed_sense(5, 0x20, 0))
    play(synchronize("d"), [(SYNC, unknown), (SYNC10, unknown)])


def test_a_unit_with_the_short_command_only_is_given_that() -> None:
    play(synchronize("d"), [(SYNC, Reply(status=2, sense=fixed_sense(5, 0x20, 0))), (SYNC10, Reply())])


def test_a_unit_that_was_reset_before_the_flush_may_have_lost_what_it_acknowledged() -> None:
    with pytest.raises(AccessError, match="the unit was reset during the copy"):
        play(synchronize("d"), [(SYNC, POWER_ON)])


def test_a_reset_before_the_first_copy_is_no_loss_and_after_it_stops_the_copy() -> None:
    assert play(copy_batch(XCOPY, proven=False), [(CDB, POWER_ON), (CDB, Reply())]).action is Action.DONE
    assert play(copy_batch(XCOPY, proven=True), [(CDB, POWER_ON)]).action is Action.STOP


def test_good_with_a_parameter_list_cut_short_is_not_done() -> None:
    short = Command(name="x", cdb=XCOPY.cdb, data_out=bytes(108))
    verdict = play(copy_batch(short, proven=True), [(CDB, Reply(residual=100))])
    assert verdict.action is Action.OTHER_MEANS
    assert "8 of 108 bytes" in verdict.reason


def test_deferred_sense_speaks_of_an_earlier_command() -> None:
    deferred = bytearray(fixed_sense(1, 0x17, 0))
    deferred[0] = 0x71
    recovered = Reply(status=2, sense=bytes(deferred))
    assert play(copy_batch(XCOPY, proven=True), [(CDB, recovered), (CDB, Reply())]).action is Action.DONE
    deferred[2] = 3
    lost = play(copy_batch(XCOPY, proven=True), [(CDB, Reply(status=2, sense=bytes(deferred)))])
    assert lost.action is Action.STOP


def test_a_list_identifier_in_use_to_the_end_is_never_copied_over() -> None:
    busy = Reply(status=2, sense=fixed_sense(5, 0x00, 0x16))
    lines: list[tuple[str, Reply | Exception | bool | None]] = [(CDB, busy), ("wait", None)] * len(WAITS)
    assert play(copy_batch(XCOPY, proven=True), [*lines, (CDB, busy)]).action is Action.STOP


def test_a_stop_while_waiting_sends_nothing_more() -> None:
    verdict = play(copy_batch(XCOPY, proven=True), [(CDB, Reply(status=Status.BUSY)), ("wait", False)])
    assert verdict.action is Action.OTHER_MEANS
    assert "stopped" in verdict.reason


def test_two_units_that_share_a_name_are_still_two_descriptors() -> None:
    shared = Designator(code_set=1, association=0, designator_type=2, value=b"12345678")
    pair = [unit(n, designators=(*unit(n).designators, shared)) for n in (0, 1)]
    assert pair[0].same_as(pair[1])
    sent = Lid1ParameterList.unpack(
        bytes(command_for(Batch((Piece(0, 1),)), request(), Pair(pair[0], pair[1], True)).data_out)
    )
    assert [c.designator for c in sent.cscds] == [pair[0].copy_designator, pair[1].copy_designator]
    assert (sent.segments[0].source_cscd, sent.segments[0].destination_cscd) == (0, 1)


def test_a_cache_that_cannot_be_synchronized_is_an_error() -> None:
    with pytest.raises(AccessError, match=r"did not make the copy durable: .*MEDIUM ERROR"):
        play(synchronize("d"), [(SYNC, ATTENTION), (SYNC, Reply(status=2, sense=fixed_sense(3, 0x0C, 0)))])


def test_the_reason_names_the_field_of_the_command_that_the_device_points_at() -> None:
    pair = Pair(source=unit(), destination=unit(), without_list_id=True)
    sent = command_for(Batch(pieces=(Piece(0, 7), Piece(7, 3))), request(), pair)
    # COPY ABORTED, COPY SEGMENT GRANULARITY VIOLATION in segment 1; SKSV, SD, byte 10 (SPC-4 5.17.7.4).
    said = fixed_sense(10, 0x26, 0x0D, specific=b"\0\0\0\1", sks=b"\xa0\0\x0a")
    verdict = play(copy_batch(sent, proven=True), [(sent.cdb.hex(), Reply(status=2, sense=said))])
    assert "segment 1 (block to block), byte 10: BLOCK DEVICE NUMBER OF BLOCKS, which was 3" in verdict.reason
