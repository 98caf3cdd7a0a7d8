"""Damaged bytes from outside, a few thousand of them, always the same; `make fuzz` has millions.

And one law in full: what a single wrong byte at the head of one segment may do to the list it is in.
"""

from __future__ import annotations

import random
from itertools import islice

import pytest

from cdb.errors import DecodeError
from cdb.extended_copy import Lid1ParameterList
from fuzz.decoders import LAWS
from fuzz.mutations import mutated
from fuzz.seeds import LONGEST, seeds
from tests.cdb.captured import commands

INPUTS = {"record": 6000, "sense": 2500, "shown": 600, "recognised": 60, "text": 2500, "transferred": 500}
SEGMENTS, DAMAGED = 64, 10


@pytest.mark.parametrize("law", LAWS)
def test_damaged_bytes_are_read_or_are_a_decode_error(law: str) -> None:
    for data in islice(mutated(random.Random(1), seeds(law), LONGEST[law]), INPUTS[law]):
        try:
            LAWS[law](data)
        except Exception as error:
            error.add_note(f"the input was {data.hex()}")
            raise


def list_of_64() -> tuple[bytes, int]:
    """A captured list with its one segment 64 times, and where segment 10 begins."""
    (captured,) = commands("sgx_simple", 0x83)
    header, cscds, segment = captured.data_out[:16], captured.data_out[16:80], captured.data_out[80:]
    header = header[:8] + (SEGMENTS * len(segment)).to_bytes(4, "big") + header[12:]
    return header + cscds + SEGMENTS * segment, 80 + DAMAGED * len(segment)


@pytest.mark.parametrize("byte", range(4))
def test_a_wrong_byte_in_segment_10_of_64_is_an_error_that_names_it_or_leaves_64_segments(byte: int) -> None:
    sent, start = list_of_64()
    assert len(Lid1ParameterList.unpack(sent).segments) == SEGMENTS
    for wrong in range(256):
        damaged = bytearray(sent)
        damaged[start + byte] = wrong
        try:
            found, error = len(Lid1ParameterList.unpack(bytes(damaged)).segments), ""
        except DecodeError as broken:
            found, error = 0, str(broken)
        assert found == SEGMENTS or f"segment {DAMAGED} at byte {start}:" in error


def test_every_wrong_length_of_segment_10_of_64_is_an_error_that_names_it() -> None:
    sent, start = list_of_64()
    for wrong in [*range(0x18), *range(0x19, 0x400), 0x7FFF, 0x8000, 0xFFFF]:
        damaged = sent[: start + 2] + wrong.to_bytes(2, "big") + sent[start + 4 :]
        with pytest.raises(DecodeError, match=f"segment {DAMAGED} at byte {start}:"):
            Lid1ParameterList.unpack(damaged)
