"""Whatever bytes a parameter list is: a request that adds up, or a refusal that points into the list."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.cscd import CSCDS
from cdb.extended_copy import Lid1ParameterList, Lid4ParameterList
from cdb.segment import SEGMENTS
from tests.target.bench import CHECK_CONDITION, bench, capable, copy_list, cscd, segment
from tests.target.results_bench import extended_copy_lid4, lid4_list
from xcopy.target.copy_list import check_list
from xcopy.target.profile import STRICT
from xcopy.target.refusal import Refused

if TYPE_CHECKING:
    from cdb.command import Reply
    from xcopy.target.copy_list import ParameterList

EVERY_TYPE = tuple(sorted({*SEGMENTS.members, *CSCDS.members} - {0xFF}))
ABLE = replace(
    STRICT,
    advertised=capable(
        implemented_types=EVERY_TYPE, maximum_list_length=65536, maximum_inline_data_length=65536
    ),
)
LENGTH_ERROR = bytes.fromhex("1a00c0000a")  # ASC, ASCQ and the pointer at PARAMETER LIST LENGTH
CSCDS_HERE = [cscd(bytes([n] * 16)) for n in range(3)]
SEGMENTS_HERE = [segment(0, 8, 8), segment(8, 16, 8, type_code=0x0D), segment(0, 0, 1, source=2)]
LISTS = {
    Lid1ParameterList: copy_list(CSCDS_HERE, SEGMENTS_HERE, usage=0, list_id=1, inline=bytes(range(8))),
    Lid4ParameterList: lid4_list(CSCDS_HERE, SEGMENTS_HERE, inline=bytes(range(8))),
}
SHARED = bench(2)

many = settings(max_examples=400, deadline=None)


@st.composite
def damaged(draw: st.DrawFn, kind: ParameterList) -> bytes:
    """A good list with a few bytes changed, and perhaps cut short or longer."""
    data = bytearray(LISTS[kind])
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data) + 40))])


def points_into(data: bytes, reply: Reply) -> None:
    """What has to be true of a refusal: ILLEGAL REQUEST, and a pointer at a byte that is there."""
    sense = reply.sense
    assert (reply.status, sense[0], sense[2]) == (CHECK_CONDITION, 0x70, 0x05)
    if sense[12:14] + sense[15:18] != LENGTH_ERROR and sense[15] & 0x80:
        assert sense[15] & 0x40 == 0
        assert int.from_bytes(sense[16:18], "big") < len(data)


def holds(kind: ParameterList, data: bytes) -> None:
    """What has to be true of whatever phase 1 says of a list."""
    try:
        request = check_list(data, kind, ABLE)
    except Refused as refusal:
        points_into(data, refusal.reply)
        return
    assert len(request.segments) == len(request.segment_offsets)
    for segment_at, offset in zip(request.segments, request.segment_offsets, strict=True):
        assert data[offset] == segment_at.descriptor_type
        assert segment_at.pack()[4:8] == data[offset + 4 : offset + 8]
    for number, found in enumerate(request.cscds):
        if found is not None:
            assert data[request.cscd_offset(number)] == found.descriptor_type


@many
@given(damaged(Lid1ParameterList))
def test_a_damaged_lid1_list_is_a_request_that_adds_up_or_a_refusal(data: bytes) -> None:
    holds(Lid1ParameterList, data)


@many
@given(damaged(Lid4ParameterList))
def test_a_damaged_lid4_list_is_a_request_that_adds_up_or_a_refusal(data: bytes) -> None:
    holds(Lid4ParameterList, data)


@pytest.mark.parametrize("kind", [Lid1ParameterList, Lid4ParameterList])
@many
@given(data=st.binary(max_size=300))
def test_any_bytes_are_a_request_that_adds_up_or_a_refusal(kind: ParameterList, data: bytes) -> None:
    holds(kind, data)


@many
@given(damaged(Lid4ParameterList))
def test_a_damaged_lid4_list_sent_to_an_array_is_answered(data: bytes) -> None:
    before = SHARED.contents
    reply = SHARED.send(1, extended_copy_lid4(data))
    while SHARED.array.work():
        pass
    if reply.status == CHECK_CONDITION and reply.sense[2] & 0x0F == 0x5:
        assert SHARED.contents == before
