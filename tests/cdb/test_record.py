"""A record is its rows: what fits, what is refused, where each field lies."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb import blocks, segment
from cdb.errors import DecodeError, EncodeError
from cdb.record import Record, const, data, flag, length, record, reserved, slot, uint
from cdb.row import VARIABLE
from tests.cdb.strategies import all_records, least_values, records

RECORDS = all_records()
SOME = settings(max_examples=20)  # of each of many records


@pytest.mark.parametrize("of", RECORDS, ids=lambda r: r.__name__)
@SOME
@given(data=st.data())
def test_unpack_inverts_pack(of: type[Record], data: st.DataObject) -> None:
    made = data.draw(records(of))
    packed = made.pack()
    assert len(packed) == made.packed_size
    assert of.unpack(packed) == made


@pytest.mark.parametrize("of", RECORDS, ids=lambda r: r.__name__)
@SOME
@given(data=st.data())
def test_every_fixed_field_lies_where_its_row_says(of: type[Record], data: st.DataObject) -> None:
    made = data.draw(records(of))
    packed = made.pack()
    for row in of.rows:
        if row.kind in VARIABLE:
            break
        found = of.peek(row.name, packed)
        if row.kind == "reserved":
            assert found == 0
        elif row.kind == "const":
            assert found == row.default
        elif row.kind in ("raw", "slot"):
            assert found == int.from_bytes(getattr(made, row.name).ljust(row.bits // 8, b"\0"), "big")
        elif row.kind != "length":
            assert found == getattr(made, row.name)


@pytest.mark.parametrize("of", RECORDS, ids=lambda r: r.__name__)
@SOME
@given(data=st.binary(max_size=600))
def test_garbage_is_a_record_or_a_decode_error(of: type[Record], data: bytes) -> None:
    for unpack in (of.unpack, of.unpack_from):
        try:
            assert isinstance(unpack(data), of)
        except DecodeError:
            pass


@pytest.mark.parametrize("of", RECORDS, ids=lambda r: r.__name__)
@SOME
@given(data=st.data(), at=st.integers(0, 600), value=st.integers(0, 255), cut=st.integers(0, 600))
def test_a_damaged_record_is_a_record_or_a_decode_error(
    of: type[Record], data: st.DataObject, at: int, value: int, cut: int
) -> None:
    packed = bytearray(data.draw(records(of)).pack())
    if at < len(packed):
        packed[at] = value
    try:
        assert isinstance(of.unpack_from(packed[: len(packed) - cut or None]), of)
    except DecodeError:
        pass


@pytest.mark.parametrize("of", RECORDS, ids=lambda r: r.__name__)
def test_every_number_one_too_large_is_refused_before_a_byte_exists(of: type[Record]) -> None:
    base = least_values(of)
    for row in of.rows:
        wrong: tuple[object, ...] = ()
        if row.kind == "uint":
            wrong = (2**row.bits, -1, 1.0, None, True)
        elif row.kind == "flag":
            wrong = (1, 0, None)
        elif row.kind == "raw":
            wrong = (bytes(row.bits // 8 + 1), bytes(row.bits // 8 - 1), "text")
        elif row.kind == "slot":
            wrong = (bytes(row.bits // 8 + 1), "text", None)
        elif row.kind == "data":
            wrong = ("text", None)
        elif row.kind == "numbers":
            wrong = ((256**row.unit,), (-1,), [1], None)
        elif row.kind == "items":
            wrong = ((b"",), [], None)
        elif row.kind in ("part", "choice"):
            wrong = (b"", 7)
        for value in wrong:
            with pytest.raises(EncodeError, match=row.name):
                of(**{**base, row.name: value})


@pytest.mark.parametrize("of", RECORDS, ids=lambda r: r.__name__)
def test_every_record_has_a_title_and_says_where_it_is_defined(of: type[Record]) -> None:
    assert of.title()
    assert of.clause(), f"{of.__name__}: the docstring's first line ends with no (SPC-4 ...)"
    assert all(row.label for row in of.rows)


# Names that have an underscore in T10's tables (SPC-4, SBC-4): a label is made of the attribute without one.
UNDERSCORED = {
    "ALL_TG_PT", "ANC_SUP", "ATP_C", "DEL_TKN", "ECPY_INT", "EX_AC", "EX_AC_AR", "EX_AC_RO", "G_SENSE",
    "NOT_ALL_R", "N_PORT_ID", "N_PORT_NAME", "PROT_EN", "PTPL_A", "PTPL_C", "P_I_EXPONENT", "P_TYPE", "RLR_C",
    "R_HOLDER", "R_TOKEN", "SDAT_OVFL", "SIP_C", "TOKEN_IN", "TOKEN_OUT", "WR_EX", "WR_EX_AR", "WR_EX_RO",
    "W_IMMED",
}  # fmt: skip


@pytest.mark.parametrize("of", RECORDS, ids=lambda r: r.__name__)
def test_a_field_is_called_what_t10_calls_it_underscores_too(of: type[Record]) -> None:
    spaced = {name.replace("_", " ") for name in UNDERSCORED}
    assert not [row.name for row in of.rows if row.label in spaced]


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
    with pytest.raises(AttributeError, match="Read16 does not change; cannot set lba"):
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
    last = Twelve.row("last")
    assert (last.label, last.offset, last.bit, last.bytes) == ("LAST", 1, 0, 1)


@record
class Padded(Record):
    """A list of lengths (made up)."""

    total = length(16)
    counted = length(8, "kept", plus=1)
    _gap = reserved(8)
    name_length = length(8, "name")
    name: bytes = slot(3)
    kept: bytes = data(pad_to=4)
    last: int = uint(8)


def test_lengths_are_worked_out_and_padding_is_not_counted() -> None:
    made = Padded(name=b"ab", kept=b"12345", last=9)
    assert made.pack() == bytes.fromhex("000f 06 00 02 616200 3132333435000000 09")
    assert Padded.unpack(made.pack()) == made


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        ("0010 06 00 02 616200 3132333435000000 09", "TOTAL at byte 0 is 16: the structure would end at"),
        ("000f 00 00 02 616200 3132333435000000 09", "COUNTED at byte 2 is 0, at least 1"),
        ("000f 0b 00 02 616200 3132333435000000 09", "KEPT at byte 8 takes up 12 bytes, 9 are there"),
        ("000f 06 00 04 616200 3132333435000000 09", "NAME at byte 5 has room for 3 bytes, not 4"),
        ("000e 06 00 02 616200 3132333435000000", "LAST at byte 16 is cut off"),
    ],
)
def test_a_length_that_cannot_be_is_named_with_its_place(damaged: str, message: str) -> None:
    with pytest.raises(DecodeError, match=message):
        Padded.unpack(bytes.fromhex(damaged))


def test_a_length_that_does_not_fit_its_field_is_refused_when_the_record_is_made() -> None:
    with pytest.raises(EncodeError, match="COUNTED is 256, more than 8 bits hold"):
        Padded(name=b"", kept=bytes(255), last=0)


def test_what_a_longer_structure_adds_behind_what_is_known_is_skipped() -> None:
    longer = bytes.fromhex("0011 06 00 02 616200 3132333435000000 09 aaaa")
    assert Padded.unpack(longer) == Padded(name=b"ab", kept=b"12345", last=9)


def test_rows_that_end_inside_a_byte_are_no_record() -> None:
    with pytest.raises(TypeError, match="inside a byte"):

        @record
        class Half(Record):
            nibble: int = uint(4)
