"""ROD tokens and the commands that make and use them.

Bytes from outside: commands captured from spt (fixtures/captured.json), commands as scsi-cdb decodes them,
tokens and parameter lists worked out from the code of FreeBSD's CTL, ddpt and Windows' headers
(fixtures/samples.json).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import token
from cdb.cscd import IdentificationCscd
from cdb.errors import DecodeError, EncodeError
from cdb.token import (
    ZERO_TOKEN,
    BlockRange,
    BlockTokenData,
    GenericRod,
    OtherRod,
    PopulateToken,
    PopulateTokenList,
    RodManagementToken,
    RodToken,
    WriteUsingToken,
    WriteUsingTokenList,
    ZeroRod,
)
from cdb.trace import Heading, Trace
from cdb.vpd import Designator
from tests.cdb import samples
from tests.cdb.captured import commands
from tests.cdb.independent import laid_out
from tests.cdb.strategies import records

if TYPE_CHECKING:
    from cdb.record import Record

    Places = dict[str, int | bytes]


@pytest.mark.parametrize(("of", "action"), [(PopulateToken, 0x10), (WriteUsingToken, 0x11)])
@given(data=st.data())
def test_a_command_lies_where_its_table_says(of: type[Record], action: int, data: st.DataObject) -> None:
    made: Any = data.draw(records(of))
    assert made.pack() == laid_out(
        16,
        {
            "0": 0x83,
            "1.4-0": action,
            "6-9": made.list_identifier,
            "10-13": made.parameter_list_length,
            "14.5-0": made.group_number,
            "15": made.control,
        },
    )


@pytest.mark.parametrize(
    ("name", "of"), [("cdb_populate_token", PopulateToken), ("cdb_write_using_token", WriteUsingToken)]
)
def test_a_command_is_what_another_decoder_reads_in_it(name: str, of: type[Record]) -> None:
    sample = samples.sample(name)
    read: Any = of.unpack(sample.data)
    found = {field.replace("_", " "): getattr(read, field) for field in of.field_names()}
    assert found.items() <= sample.says.items()
    assert read.pack() == sample.data


def test_the_token_commands_of_spt_are_read_and_built_again() -> None:
    # spt src=/dev/sg0 starting=0x123456 dst=/dev/sg1 starting=0x10000 odx limit=8m ranges=2
    populate, write = commands("spt_odx", 0x83)
    assert PopulateToken(list_identifier=0x010123C6, parameter_list_length=32).pack() == populate.cdb
    assert WriteUsingToken(list_identifier=0x01014567, parameter_list_length=568).pack() == write.cdb
    assert PopulateTokenList(ranges=(BlockRange(lba=0x123456, blocks=0x4000),)).pack() == populate.data_out
    sent = WriteUsingTokenList.unpack(write.data_out)
    assert sent.ranges == (BlockRange(lba=0x10000, blocks=0x2000), BlockRange(lba=0x12000, blocks=0x2000))
    assert sent.token == write.data_out[16:528]
    assert sent.pack() == write.data_out


def one_byte_early(right: bytes, first: int) -> bytes:
    """A list as ddpt 0.96 and 0.97 write it: the ranges begin a byte too early, the lengths are right.

    By way of ddpt src/ddpt_xcopy.c, which starts at byte 15 or 535 and then overwrites the first byte of an
    LBA with the length before it.
    """
    return right[:first] + right[first + 1 :] + b"\0"


def test_ranges_a_byte_early_as_ddpt_sends_them_are_other_blocks_and_none_of_ours() -> None:
    populate, _write = commands("spt_odx", 0x83)
    wrong = one_byte_early(populate.data_out, 16)
    read = PopulateTokenList.unpack(wrong)
    assert read.ranges == (BlockRange(lba=0x12345600, blocks=0x400000),)
    assert PopulateTokenList(ranges=(BlockRange(lba=0x123456, blocks=0x4000),)).pack() != wrong


def ranges(made: Any) -> bytes:
    parts = [laid_out(16, {"0-7": r.lba, "8-11": r.blocks}) for r in made.ranges]
    return b"".join(parts)


@given(made=records(PopulateTokenList))
def test_a_populate_token_list_lies_where_the_table_says(made: Any) -> None:
    listed = ranges(made)
    header = laid_out(
        16,
        {
            "0-1": 14 + len(listed),
            "2.1": int(made.rtv),
            "2.0": int(made.immed),
            "4-7": made.inactivity_timeout,
            "8-11": made.rod_type,
            "14-15": len(listed),
        },
    )
    assert made.pack() == header + listed


@given(made=records(WriteUsingTokenList))
def test_a_write_using_token_list_lies_where_the_table_says(made: Any) -> None:
    listed = ranges(made)
    header = laid_out(
        536,
        {
            "0-1": 534 + len(listed),
            "2.1": int(made.del_tkn),
            "2.0": int(made.immed),
            "8-15": made.offset,
            "16-527": made.token,
            "534-535": len(listed),
        },
    )
    assert made.pack() == header + listed


@pytest.mark.parametrize("sample", samples.of("POPULATE TOKEN list"), ids=lambda s: s.name)
def test_a_populate_token_list_is_read_as_its_source_says(sample: samples.Sample) -> None:
    read = PopulateTokenList.unpack(sample.data)
    found = {
        "data length": PopulateTokenList.peek("data_length", sample.data),
        "RTV": read.rtv,
        "IMMED": read.immed,
        "inactivity timeout": read.inactivity_timeout,
        "ROD type": read.rod_type,
        "range list length": PopulateTokenList.peek("ranges_length", sample.data),
        "ranges": [[r.lba, r.blocks] for r in read.ranges],
    }
    assert {name: found[name] for name in sample.says} == sample.says
    assert read.pack() == sample.data


@pytest.mark.parametrize("sample", samples.of("WRITE USING TOKEN list"), ids=lambda s: s.name)
def test_a_write_using_token_list_is_read_as_its_source_says(sample: samples.Sample) -> None:
    read = WriteUsingTokenList.unpack(sample.data)
    found = {
        "data length": WriteUsingTokenList.peek("data_length", sample.data),
        "IMMED": read.immed,
        "DEL_TKN": read.del_tkn,
        "offset into ROD": read.offset,
        "token identifier": int.from_bytes(read.token[8:16], "big"),
        "ROD type": RodToken.unpack(read.token).rod_type,
        "range list length": WriteUsingTokenList.peek("ranges_length", sample.data),
        "ranges": [[r.lba, r.blocks] for r in read.ranges],
    }
    assert {name: found[name] for name in sample.says} == sample.says
    assert read.pack() == sample.data


def test_ranges_that_are_no_whole_number_of_descriptors_are_a_decode_error() -> None:
    packed = PopulateTokenList(ranges=(BlockRange(lba=1, blocks=1),)).pack()
    cut = b"\x00\x16" + packed[2:14] + b"\x00\x08" + packed[16:24]
    with pytest.raises(DecodeError, match="block device range descriptor 0 at byte 16"):
        PopulateTokenList.unpack(cut)


@given(of=st.sampled_from([GenericRod, ZeroRod, OtherRod]), data=st.data())
def test_a_token_lies_where_the_tables_say(of: type[Record], data: st.DataObject) -> None:
    rod: Any = data.draw(records(of))
    types = {GenericRod: 0x0080_0002, ZeroRod: 0xFFFF_0001, OtherRod: 0x0001_0001}
    packed = RodToken(rod_type=types[of], rod=rod).pack()
    places: Places = {"0-3": types[of], "4-5": rod.reserved_4, "6-7": len(packed) - 8}
    if isinstance(rod, GenericRod):
        places |= {
            "8-15": rod.identifier,
            "16-47": rod.creator,
            "48-63": rod.bytes_represented,
            "64-95": rod.reserved_64,
            "96-127": rod.device_specific,
            "128-255": rod.target_device,
        }
        assert packed == laid_out(256, places) + rod.extended_data
    else:
        assert packed == laid_out(8, places) + (rod.reserved_8 if isinstance(rod, ZeroRod) else rod.body)


@given(made=records(RodManagementToken))
def test_a_management_token_lies_where_the_table_says(made: Any) -> None:
    assert made.pack() == laid_out(
        96,
        {
            "0-3": made.rod_type,
            "4-5": made.reserved_4,
            "6-7": made.rod_token_length,
            "8-15": made.identifier,
            "16-47": made.creator,
            "48-63": made.bytes_represented,
            "64-95": made.type_specific,
        },
    )


@given(made=records(BlockTokenData))
def test_the_data_of_a_block_device_lie_where_the_table_says(made: Any) -> None:
    assert made.pack() == laid_out(
        32,
        {
            "0-3": made.block_length,
            "4.3-1": made.p_type,
            "4.0": int(made.prot_en),
            "5.7-4": made.p_i_exponent,
            "5.3-0": made.blocks_per_physical_exponent,
            "6.7": int(made.lbpme),
            "6.6": int(made.lbprz),
            "6.5-0": made.lowest_aligned_lba >> 8,
            "7": made.lowest_aligned_lba & 0xFF,
        },
    )


@given(
    rod_type=st.one_of(
        st.sampled_from([0x0001_0000, 0x0080_0000, 0x0080_0001, 0x0080_0002, 0xFFFF_0001, 0xFFFF_FFF0]),
        st.integers(0, 2**32 - 1),
    ),
    reserved=st.binary(min_size=2, max_size=2),
    rest=st.binary(min_size=504, max_size=504),
)
def test_no_bit_of_a_token_is_lost_between_reading_and_sending_it(
    rod_type: int, reserved: bytes, rest: bytes
) -> None:
    sent = rod_type.to_bytes(4, "big") + reserved + b"\x01\xf8" + rest
    assert RodToken.unpack(sent).pack() == sent


def test_the_zero_token_is_its_type_and_its_length_and_nothing_else() -> None:
    # SBC-4 4.28.4, table 31; ddpt and Windows' headers have the same bytes
    assert bytes.fromhex("ffff0001000001f8") + bytes(504) == ZERO_TOKEN
    assert samples.sample("ddpt_zero_rod_token").data == ZERO_TOKEN
    (windows,) = [s for s in samples.of("WRITE USING TOKEN list") if "zero" in s.name]
    assert WriteUsingTokenList.unpack(windows.data).token == ZERO_TOKEN
    made = RodToken(rod_type=token.BLOCK_DEVICE_ZERO, rod=ZeroRod())
    assert (made.pack(), RodToken.unpack(ZERO_TOKEN)) == (ZERO_TOKEN, made)


@pytest.mark.parametrize("name", ["ctl_rod_token", "ctl_rod_token_second"])
def test_a_token_of_freebsd_is_read_as_its_source_says(name: str) -> None:
    sample = samples.sample(name)
    read = RodToken.unpack(sample.data)
    rod = read.rod
    assert isinstance(rod, GenericRod)
    creator = IdentificationCscd.unpack(rod.creator)
    device = BlockTokenData.unpack(rod.device_specific)
    found = {
        "ROD type": read.rod_type,
        "ROD token length": len(sample.data) - 8,
        "copy manager ROD token identifier": int.from_bytes(rod.identifier, "big"),
        "creator": {
            "descriptor type": creator.descriptor_type,
            "peripheral device type": creator.peripheral_device_type,
            "code set": creator.code_set,
            "association": creator.association,
            "designator type": creator.designator_type,
            "designator": creator.value.hex(),
        },
        "bytes represented": rod.bytes_represented,
        "block size": device.block_length,
        "prot_en": device.prot_en,
        "p_type": device.p_type,
        "p_i_exponent": device.p_i_exponent,
        "lbpme": device.lbpme,
        "lbprz": device.lbprz,
        "blocks per physical block exponent": device.blocks_per_physical_exponent,
        "lowest aligned LBA": device.lowest_aligned_lba,
    }
    named = found.keys() & sample.says.keys()
    assert {name: found[name] for name in named} == {name: sample.says[name] for name in named}
    assert len(named) >= 9
    if told := sample.says.get("target descriptor"):
        target = Designator.unpack_from(rod.target_device)
        assert (target.designator_type, target.association) == (told["designator type"], told["association"])
        assert target.text == told["designator"]


def test_a_management_token_is_the_beginning_of_its_token() -> None:
    whole = samples.sample("ctl_rod_token").data
    first, _second = (samples.sample("ctl_all_rod_tokens").data[at : at + 96] for at in (8, 104))
    assert first == whole[:96]
    read = RodManagementToken.unpack(first)
    rod = RodToken.unpack(whole).rod
    assert isinstance(rod, GenericRod)
    assert (read.identifier, read.creator, read.bytes_represented) == (
        rod.identifier,
        rod.creator,
        rod.bytes_represented,
    )
    assert read.rod_token_length == 0x01F8


def inside(of: type[Record], data: bytes) -> list[type[Record]]:
    trace = Trace()
    of.trace(data, trace)
    return [entry.record for entry in trace.entries if isinstance(entry, Heading)]


def test_a_decoder_is_shown_the_structures_inside_a_token() -> None:
    seen = inside(WriteUsingTokenList, samples.sample("freebsd_write_using_token_list").data)
    assert {RodToken, GenericRod, IdentificationCscd, BlockTokenData, Designator} <= set(seen)


@pytest.mark.parametrize("length", [0x01F7, 0x01F9, 0, 0xFFFF])
def test_a_token_of_another_length_than_its_field_can_be_sent_but_not_looked_into(length: int) -> None:
    wrong = ZERO_TOKEN[:6] + length.to_bytes(2, "big") + ZERO_TOKEN[8:]
    made = WriteUsingTokenList(token=wrong, ranges=(BlockRange(lba=0, blocks=1),))
    assert WriteUsingTokenList.unpack(made.pack()).token == wrong
    assert RodToken not in inside(WriteUsingTokenList, made.pack())
    with pytest.raises(DecodeError):
        RodToken.unpack(wrong)


def test_a_token_that_is_not_512_bytes_is_refused_before_it_is_sent() -> None:
    with pytest.raises(EncodeError, match="takes exactly 512 bytes, got 511"):
        WriteUsingTokenList(token=ZERO_TOKEN[:-1], ranges=())


def test_a_token_too_short_for_its_type_is_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="GenericRod"):
        RodToken.unpack(bytes.fromhex("0001000000000008") + bytes(8))


def test_what_a_token_stands_for_and_how_long_it_lives_are_named() -> None:
    assert token.represented_name(1 << 30) == "1073741824 bytes"
    assert token.represented_name(2**128 - 1) == "unknown, or more than the field holds"
    assert (token.timeout_name(0), token.timeout_name(60)) == ("the copy manager's default", "60 s")
    named = [
        RodToken.row("rod_type").meaning(t) for t in (0x0001_0000, 0x0080_0001, 0xFFFF_0001, 0xFFFF_FFF0)
    ]
    assert named == [
        "access upon reference",
        "point in time copy, change vulnerable",
        "block device zero",
        "vendor specific",
    ]
