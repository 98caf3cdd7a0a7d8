"""A record is its rows: what fits, what is refused, where each field lies."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import blocks, capacity, copy_results, cscd, extended_copy, inquiry, segment, sense, vpd
from cdb.errors import DecodeError, EncodeError
from cdb.record import Record, Row, const, flag, record, reserved, uint

MODULES = (blocks, capacity, copy_results, cscd, extended_copy, inquiry, segment, sense, vpd)
RECORDS = sorted(
    {
        value
        for module in MODULES
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Record) and value is not Record
    },
    key=lambda r: r.__name__,
)


def values(row: Row) -> st.SearchStrategy[object]:
    if row.kind == "flag":
        return st.booleans()
    if row.kind == "raw":
        return st.binary(min_size=row.bits // 8, max_size=row.bits // 8)
    return st.integers(0, 2**row.bits - 1)


def records(of: type[Record]) -> st.SearchStrategy[Record]:
    return st.builds(of, **{r.name: values(r) for r in of.rows if r.kind in ("uint", "flag", "raw")})


@pytest.mark.parametrize("of", RECORDS, ids=lambda r: r.__name__)
@given(data=st.data())
def test_unpack_inverts_pack(of: type[Record], data: st.DataObject) -> None:
    made = data.draw(records(of))
    assert of.unpack(made.pack()) == made


@pytest.mark.parametrize("of", RECORDS, ids=lambda r: r.__name__)
@given(data=st.data())
def test_every_field_lies_where_its_row_says(of: type[Record], data: st.DataObject) -> None:
    made = data.draw(records(of))
    whole = int.from_bytes(made.pack(), "big")
    for row in of.rows:
        below = of.size * 8 - row.offset * 8 - (7 - row.bit) - row.bits
        found = whole >> below & (1 << row.bits) - 1
        if row.kind == "reserved":
            assert found == 0
        elif row.kind == "const":
            assert found == row.default
        elif row.kind == "raw":
            assert found == int.from_bytes(getattr(made, row.name), "big")
        else:
            assert found == getattr(made, row.name)


@pytest.mark.parametrize("of", RECORDS, ids=lambda r: r.__name__)
@given(data=st.binary(max_size=600))
def test_garbage_is_a_record_or_a_decode_error(of: type[Record], data: bytes) -> None:
    try:
        assert isinstance(of.unpack(data), of)
    except DecodeError:
        pass
    try:
        assert isinstance(of.unpack_from(data), of)
    except DecodeError:
        pass


@pytest.mark.parametrize("of", RECORDS, ids=lambda r: r.__name__)
def test_every_number_one_too_large_is_refused_before_a_byte_exists(of: type[Record]) -> None:
    base = {
        r.name: {"uint": 0, "flag": False, "raw": bytes(r.bits // 8)}[r.kind]
        for r in of.rows
        if r.kind in ("uint", "flag", "raw")
    }
    for row in of.rows:
        if row.kind == "uint":
            of(**{**base, row.name: 2**row.bits - 1})
            for wrong in (2**row.bits, -1, 1.0, None, True):
                with pytest.raises(EncodeError, match=row.name):
                    of(**{**base, row.name: wrong})
        elif row.kind == "flag":
            with pytest.raises(EncodeError, match=row.name):
                of(**{**base, row.name: 1})
        elif row.kind == "raw":
            for wrong_bytes in (bytes(row.bits // 8 + 1), bytes(row.bits // 8 - 1), "text"):
                with pytest.raises(EncodeError, match=row.name):
                    of(**{**base, row.name: wrong_bytes})


def test_a_block_count_of_65536_does_not_wrap_to_zero() -> None:
    with pytest.raises(EncodeError, match="65536 does not fit 16 bits"):
        segment.BlockToBlock(source_cscd=0, destination_cscd=1, blocks=65536, source_lba=0, destination_lba=0)


def test_a_misspelt_field_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="lbaa"):
        blocks.Read16(lbaa=0, transfer_length=1)  # type: ignore[call-arg]


def test_a_missing_field_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="lba"):
        blocks.Read16(transfer_length=1)  # type: ignore[call-arg]


def test_a_record_cannot_be_changed() -> None:
    command = blocks.Read16(lba=0, transfer_length=1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        command.lba = 5  # type: ignore[misc]


def test_a_constant_that_is_not_there_is_named() -> None:
    with pytest.raises(DecodeError, match="DESCRIPTOR TYPE CODE at byte 0 is 0xa, expected 0x2"):
        segment.BlockToBlock.unpack(b"\x0a" + bytes(27))


def test_reserved_bits_from_a_device_are_ignored() -> None:
    packed = bytearray(blocks.TestUnitReady().pack())
    packed[2] = 0xFF
    assert blocks.TestUnitReady.unpack(bytes(packed)) == blocks.TestUnitReady()


def test_rows_may_share_several_bytes() -> None:
    @record
    class Twelve(Record):
        first: int = uint(12)
        kind = const(2, 1)
        _gap = reserved(1)
        last: bool = flag()

    assert Twelve(first=0xABC, last=True).pack() == bytes([0xAB, 0xC5])
    assert Twelve.row("last") == Row("flag", 1, Twelve.row("last").default, "LAST", "", "last", 1, 0)


def test_rows_that_end_inside_a_byte_are_no_record() -> None:
    with pytest.raises(TypeError, match="inside a byte"):

        @record
        class Half(Record):
            nibble: int = uint(4)
