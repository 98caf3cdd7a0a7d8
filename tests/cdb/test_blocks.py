"""Block commands: the bytes that other initiators send for them, and a second encoder.

The CDBs were written down as sg3-utils 1.46 sent them (sg_turs, sg_dd, sg_verify, sg_compare_and_write,
sg_write_same, sg_sync, sg_start, with the options quoted), those of ten and twelve bytes that sg3-utils
sends to block devices only as PYSCSI 2.1 builds them; the samples are those of scsi-cdb.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import blocks
from tests.cdb.independent import laid_out
from tests.cdb.samples import sample
from tests.cdb.strategies import records

if TYPE_CHECKING:
    from cdb.record import Record

SENT = {
    "sg_turs": ("000000000000", blocks.TestUnitReady()),
    "sg_dd skip=0x1ff000 count=3 dpo=1 fua=1": (
        "881800000000001ff000000000030000",
        blocks.Read16(lba=0x1FF000, transfer_length=3, dpo=True, fua=True),
    ),
    "sg_dd seek=77 count=2 oflag=fua,dpo": (
        "8a18000000000000004d000000020000",
        blocks.Write16(lba=77, transfer_length=2, dpo=True, fua=True),
    ),
    "sg_verify --lba=0x123456789 --vrprotect=2 --dpo": (
        "8f500000000123456789000000800000",
        blocks.Verify16(lba=0x123456789, verification_length=0x80, vrprotect=2, dpo=True),
    ),
    "sg_verify --lba=7 --count=1 --ndo=512": (
        "8f020000000000000007000000010000",
        blocks.Verify16(lba=7, verification_length=1, bytchk=1),
    ),
    "sg_compare_and_write --lba=0xabcdef0123 --num=1 --dpo --fua --grpnum=3 --wrprotect=1": (
        "8938000000abcdef0123000000010300",
        blocks.CompareAndWrite(lba=0xABCDEF0123, blocks=1, dpo=True, fua=True, group_number=3, wrprotect=1),
    ),
    "sg_write_same --lba=0x500000000 --num=0x80000 --unmap --anchor --grpnum=9 --wrprotect=3": (
        "93780000000500000000000800000900",
        blocks.WriteSame16(
            lba=0x500000000, blocks=0x80000, unmap=True, anchor=True, group_number=9, wrprotect=3
        ),
    ),
    "sg_write_same --lba=3 --num=4 --ndob": (
        "93010000000000000003000000040000",
        blocks.WriteSame16(lba=3, blocks=4, ndob=True),
    ),
    "sg_sync --16 --lba=0x1000 --count=0x20 --immed --group=1": (
        "91020000000000001000000000200100",
        blocks.SynchronizeCache16(lba=0x1000, blocks=0x20, immed=True, group_number=1),
    ),
    "sg_write_same --10 --lba=0x1234567 --num=0x102 --unmap --anchor --wrprotect=3 --grpnum=9": (
        "41780123456709010200",
        blocks.WriteSame10(lba=0x1234567, blocks=0x102, unmap=True, anchor=True, group_number=9, wrprotect=3),
    ),
    "sg_verify --lba=0x1234567 --count=0x80 --dpo --vrprotect=5": (
        "2fb00123456700008000",
        blocks.Verify10(lba=0x1234567, verification_length=0x80, dpo=True, vrprotect=5),
    ),
    "sg_start --start": ("1b0000000100", blocks.StartStopUnit(start=True)),
    "sg_start --stop --immed": ("1b0100000000", blocks.StartStopUnit(immed=True)),
    "sg_start --eject": ("1b0000000200", blocks.StartStopUnit(loej=True)),
    "sg_start --pc=3 --mod=1 --noflush": (
        "1b0000013400",
        blocks.StartStopUnit(power_condition=3, power_condition_modifier=1, no_flush=True),
    ),
    "PYSCSI Read10": (
        "285c0123456713008900",
        blocks.Read10(
            lba=0x1234567, transfer_length=0x89, rdprotect=2, dpo=True, fua=True, rarc=True, group_number=19
        ),
    ),
    "PYSCSI Read12": (
        "a85c0123456700089abc1300",
        blocks.Read12(
            lba=0x1234567,
            transfer_length=0x89ABC,
            rdprotect=2,
            dpo=True,
            fua=True,
            rarc=True,
            group_number=19,
        ),
    ),
    "PYSCSI Write10": (
        "2a580123456713000200",
        blocks.Write10(lba=0x1234567, transfer_length=2, wrprotect=2, dpo=True, fua=True, group_number=19),
    ),
    "PYSCSI Write12": (
        "aa5801234567000000021300",
        blocks.Write12(lba=0x1234567, transfer_length=2, wrprotect=2, dpo=True, fua=True, group_number=19),
    ),
    "sg_sync --lba=0x10 --count=5 --immed --group=7": (
        "35020000001007000500",
        blocks.SynchronizeCache10(lba=0x10, blocks=5, immed=True, group_number=7),
    ),
}

EVERY_BIT = {
    "cdb_verify_16": blocks.Verify16(
        lba=0xDEADBEEFDEADBEEF,
        verification_length=0x12345678,
        vrprotect=7,
        dpo=True,
        bytchk=3,
        group_number=63,
        control=255,
    ),
    "cdb_compare_and_write": blocks.CompareAndWrite(
        lba=0xDEADBEEFDEADBEEF,
        blocks=255,
        wrprotect=7,
        dpo=True,
        fua=True,
        group_number=63,
        control=255,
    ),
    "cdb_write_same_16": blocks.WriteSame16(
        lba=0xDEADBEEFDEADBEEF,
        blocks=0x12345678,
        wrprotect=7,
        anchor=True,
        unmap=True,
        ndob=True,
        group_number=63,
        control=255,
    ),
}


@pytest.mark.parametrize("sent", SENT)
def test_a_command_is_what_others_send(sent: str) -> None:
    hexadecimal, ours = SENT[sent]
    assert ours.pack().hex() == hexadecimal
    assert type(ours).unpack(bytes.fromhex(hexadecimal)) == ours


@pytest.mark.parametrize("name", EVERY_BIT)
def test_a_sample_with_every_bit_set_is_read_and_built(name: str) -> None:
    assert EVERY_BIT[name].pack() == sample(name).data
    assert type(EVERY_BIT[name]).unpack(sample(name).data) == EVERY_BIT[name]


@given(records(blocks.Read16))
def test_a_second_encoder_builds_the_same_read(made: blocks.Read16) -> None:
    assert made.pack() == laid_out(
        16,
        {
            "0": 0x88,
            "1.7-5": made.rdprotect,
            "1.4": made.dpo,
            "1.3": made.fua,
            "1.2": made.rarc,
            "1.0": made.dld2,
            "2-9": made.lba,
            "10-13": made.transfer_length,
            "14.7": made.dld1,
            "14.6": made.dld0,
            "14.5-0": made.group_number,
            "15": made.control,
        },
    )


READ_BITS = {"1.7-5": "rdprotect", "1.4": "dpo", "1.3": "fua", "1.2": "rarc"}
WRITE_BITS = {"1.7-5": "wrprotect", "1.4": "dpo", "1.3": "fua"}
VERIFY_BITS = {"1.7-5": "vrprotect", "1.4": "dpo", "1.2-1": "bytchk"}
SAME_BITS = {"1.7-5": "wrprotect", "1.4": "anchor", "1.3": "unmap"}
IN_TEN = {"2-5": "lba", "6.5-0": "group_number", "9": "control"}
IN_TWELVE = {"2-5": "lba", "6-9": "transfer_length", "10.5-0": "group_number", "11": "control"}
SHORT = {
    blocks.Read10: (10, 0x28, READ_BITS | IN_TEN | {"7-8": "transfer_length"}),
    blocks.Read12: (12, 0xA8, READ_BITS | IN_TWELVE),
    blocks.Write10: (10, 0x2A, WRITE_BITS | IN_TEN | {"7-8": "transfer_length"}),
    blocks.Write12: (12, 0xAA, WRITE_BITS | IN_TWELVE),
    blocks.Verify10: (10, 0x2F, VERIFY_BITS | IN_TEN | {"7-8": "verification_length"}),
    blocks.WriteSame10: (10, 0x41, SAME_BITS | IN_TEN | {"7-8": "blocks"}),
    blocks.StartStopUnit: (
        6,
        0x1B,
        {
            "1.0": "immed",
            "3.3-0": "power_condition_modifier",
            "4.7-4": "power_condition",
            "4.2": "no_flush",
            "4.1": "loej",
            "4.0": "start",
            "5": "control",
        },
    ),
}


@given(st.sampled_from(sorted(SHORT, key=lambda r: r.__name__)).flatmap(records))
def test_a_second_encoder_builds_the_same_short_command(made: Record) -> None:
    size, opcode, places = SHORT[type(made)]
    assert made.pack() == laid_out(
        size, {"0": opcode, **{place: getattr(made, name) for place, name in places.items()}}
    )


@given(records(blocks.Write16))
def test_a_second_encoder_builds_the_same_write(made: blocks.Write16) -> None:
    assert made.pack() == laid_out(
        16,
        {
            "0": 0x8A,
            "1.7-5": made.wrprotect,
            "1.4": made.dpo,
            "1.3": made.fua,
            "1.0": made.dld2,
            "2-9": made.lba,
            "10-13": made.transfer_length,
            "14.7": made.dld1,
            "14.6": made.dld0,
            "14.5-0": made.group_number,
            "15": made.control,
        },
    )


@given(records(blocks.Verify16))
def test_a_second_encoder_builds_the_same_verify(made: blocks.Verify16) -> None:
    assert made.pack() == laid_out(
        16,
        {
            "0": 0x8F,
            "1.7-5": made.vrprotect,
            "1.4": made.dpo,
            "1.2-1": made.bytchk,
            "2-9": made.lba,
            "10-13": made.verification_length,
            "14.5-0": made.group_number,
            "15": made.control,
        },
    )


@given(records(blocks.CompareAndWrite))
def test_a_second_encoder_builds_the_same_compare_and_write(made: blocks.CompareAndWrite) -> None:
    assert made.pack() == laid_out(
        16,
        {
            "0": 0x89,
            "1.7-5": made.wrprotect,
            "1.4": made.dpo,
            "1.3": made.fua,
            "2-9": made.lba,
            "13": made.blocks,
            "14.5-0": made.group_number,
            "15": made.control,
        },
    )


@given(records(blocks.WriteSame16))
def test_a_second_encoder_builds_the_same_write_same(made: blocks.WriteSame16) -> None:
    assert made.pack() == laid_out(
        16,
        {
            "0": 0x93,
            "1.7-5": made.wrprotect,
            "1.4": made.anchor,
            "1.3": made.unmap,
            "1.0": made.ndob,
            "2-9": made.lba,
            "10-13": made.blocks,
            "14.5-0": made.group_number,
            "15": made.control,
        },
    )


@given(records(blocks.SynchronizeCache10))
def test_a_second_encoder_builds_the_same_flush_of_ten_bytes(made: blocks.SynchronizeCache10) -> None:
    assert made.pack() == laid_out(
        10,
        {
            "0": 0x35,
            "1.1": made.immed,
            "2-5": made.lba,
            "6.5-0": made.group_number,
            "7-8": made.blocks,
            "9": made.control,
        },
    )


@given(records(blocks.SynchronizeCache16))
def test_a_second_encoder_builds_the_same_flush_of_sixteen_bytes(made: blocks.SynchronizeCache16) -> None:
    assert made.pack() == laid_out(
        16,
        {
            "0": 0x91,
            "1.1": made.immed,
            "2-9": made.lba,
            "10-13": made.blocks,
            "14.5-0": made.group_number,
            "15": made.control,
        },
    )


@given(records(blocks.TestUnitReady))
def test_a_second_encoder_builds_the_same_test_unit_ready(made: blocks.TestUnitReady) -> None:
    assert made.pack() == laid_out(6, {"5": made.control})


@pytest.mark.parametrize(
    ("of", "obsolete"),
    [
        (blocks.Read16, "88020000000000000000000000000000"),  # FUA_NV of SBC-2
        (blocks.SynchronizeCache10, "35050000000000000000"),  # SYNC_NV and RELADR
    ],
)
def test_obsolete_bits_that_an_old_initiator_sets_are_ignored(of: type[Record], obsolete: str) -> None:
    sent = bytes.fromhex(obsolete)
    assert of.unpack(sent) == of.unpack(bytes([sent[0]]).ljust(len(sent), b"\0"))
