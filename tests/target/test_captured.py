"""Commands that other initiators really send (fixtures/captured.json) are understood as they mean them."""

from __future__ import annotations

import pytest

from cdb.command import Command, Reply
from tests.cdb.captured import commands
from tests.target.bench import GOOD, Bench, No, bench, capable, data_in, no

# The units the commands were captured with.
THEIRS = (
    bytes.fromhex("60014050000000000123456789abcde0"),
    bytes.fromhex("60014050000000010123456789abcde1"),
)


def replay(array: Bench, name: str) -> list[Reply]:
    """Send a vector's EXTENDED COPY commands, to this array's units in place of theirs."""
    replies = []
    for each in commands(name, 0x83):
        data = each.data_out
        for number, theirs in enumerate(THEIRS):
            data = data.replace(theirs, array.naa(number))
        replies.append(array.send(1, Command(name=name, cdb=each.cdb, data_out=data)))
    return replies


@pytest.mark.parametrize(
    ("name", "source", "destination", "blocks", "block_size"),
    [
        ("sgx_simple", 0, 0, 1024, 512),
        ("sgx_maxseg_1MiB", 0, 0, 5000, 512),
        ("sgx_4k_both", 7, 9, 100, 4096),
        ("ddpt_lid1_hold", 3, 5, 256, 512),
        ("spt_xcopy_3seg", 0, 0, 16384, 512),
    ],
)
def test_a_peer_s_copy_moves_the_blocks_it_asked_for(
    name: str, source: int, destination: int, blocks: int, block_size: int
) -> None:
    array = bench(blocks=blocks + 16, block_size=block_size)
    assert {r.status for r in replay(array, name)} == {GOOD}
    start, end = destination * block_size, (destination + blocks) * block_size
    expected = bytearray(array.before[1])
    expected[start:end] = array.before[0][source * block_size : (source + blocks) * block_size]
    assert array.contents == [array.before[0], bytes(expected)]


def test_a_peer_s_usage_11b_is_refused_by_an_array_without_snlid() -> None:
    array = bench(blocks=64, advertised=capable(snlid=False))
    assert [no(r) for r in replay(array, "spt_xcopy_3seg")] == [No(0x5, 0x26, 0x00, "8c0001")]


@pytest.mark.parametrize("name", ["copyres_params", "lisc_ReceiveCopyResults_OpParams"])
def test_a_peer_s_question_for_operating_parameters_is_answered(name: str) -> None:
    (asked,) = commands(name)
    reply = bench().send(0, data_in(asked.cdb.hex(), asked.data_in))
    assert (reply.status, len(reply.data), reply.residual) == (GOOD, 46, asked.data_in - 46)


@pytest.mark.parametrize("name", ["copyres_status", "copyres_data", "copyres_failed"])
def test_a_peer_s_question_for_results_nobody_has_points_at_the_list_identifier(name: str) -> None:
    (asked,) = commands(name)
    assert no(bench().send(0, data_in(asked.cdb.hex(), asked.data_in))) == No(0x5, 0x24, 0x00, "c00002")


def test_a_peer_s_copy_operation_abort_of_nothing_points_at_the_list_identifier() -> None:
    (asked,) = commands("ddptctl_abort")
    assert no(bench().send(0, data_in(asked.cdb.hex(), 0))) == No(0x5, 0x24, 0x00, "c00002")
