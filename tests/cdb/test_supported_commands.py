"""REPORT SUPPORTED OPERATION CODES: what sg_opcodes 1.46 sends and reads, and a second encoder."""

from __future__ import annotations

import pytest
from hypothesis import given

from cdb.errors import DecodeError
from cdb.supported_commands import (
    ALL_COMMANDS,
    ONE_OPERATION_CODE,
    ONE_SERVICE_ACTION,
    AllCommands,
    CommandDescriptor,
    CommandTimeouts,
    OneCommand,
    ReportSupportedOperationCodes,
)
from tests.cdb.independent import laid_out
from tests.cdb.samples import sample
from tests.cdb.strategies import records

# sg3_utils, inhex/opcodes.hex: the kernel's scsi_debug.
SCSI_DEBUG = bytes.fromhex(
    "000001a01200000000000006a00000000000000c030000000000000600000000000000065a0000000000000a1a00000000000006"
    "550000000000000a15000000000000064d0000000000000a250000000000000a8800000000000010280000000000000a"
    "0800000000000006a80000000000000c8a000000000000102a0000000000000a0a00000000000006aa0000000000000c"
    "1b000000000000069e000010000100109e000012000100109f00001200010010a300000a0001000ca300000c0001000c"
    "a300000d0001000c8f000000000000102f0000000000000a7f000009000100207f00000b000100207f00001100010020"
    "560000000000000a1600000000000006570000000000000a17000000000000061e000000000000060100000000000006"
    "1d00000200000006420000000000000a3b0000000000000a410000000000000a9300000000000010350000000000000a"
    "91000000000000108900000000000010340000000000000a900000000000001094000003000100109400000100010010"
    "940000020001001094000004000100109500000000010010950000060001 0010"
)
# Laid out by SPC-4 tables 293 to 297, and read by sg_opcodes as the tests say.
WITH_TIMEOUTS = bytes.fromhex(
    "00000038"
    "1200000000000006"
    "8300001100030010000a00050000001e00000078"
    "9e00001000010010"
    "0000000000020006000a00050000001e00000078"
)
WRITE_SAME = bytes.fromhex("0083001093f9ffffffffffffffffffffffff3f07000a00000000000a0000003c")


@pytest.mark.parametrize(
    ("sent", "command"),
    [
        ("a30c00000000000020000000", ReportSupportedOperationCodes(allocation_length=0x2000)),
        ("a30c80000000000020000000", ReportSupportedOperationCodes(rctd=True, allocation_length=0x2000)),
        (
            "a30c01930000000020000000",  # --opcode=0x93
            ReportSupportedOperationCodes(
                reporting_options=ONE_OPERATION_CODE,
                requested_operation_code=0x93,
                allocation_length=0x2000,
            ),
        ),
        (
            "a30c829e0012000020000000",  # --opcode=0x9e,0x12 --rctd
            ReportSupportedOperationCodes(
                rctd=True,
                reporting_options=ONE_SERVICE_ACTION,
                requested_operation_code=0x9E,
                requested_service_action=0x12,
                allocation_length=0x2000,
            ),
        ),
    ],
)
def test_the_commands_are_those_sg_opcodes_sends(sent: str, command: ReportSupportedOperationCodes) -> None:
    assert command.pack().hex() == sent
    assert ReportSupportedOperationCodes.unpack(bytes.fromhex(sent)) == command


def test_a_sample_command_with_every_bit_is_read_and_built() -> None:
    expected = ReportSupportedOperationCodes(
        rctd=True,
        reporting_options=7,
        requested_operation_code=43,
        requested_service_action=65261,
        allocation_length=0xDEADBEEF,
        control=255,
    )
    assert (
        ReportSupportedOperationCodes.unpack(sample("cdb_report_supported_operation_codes").data) == expected
    )
    assert expected.pack() == sample("cdb_report_supported_operation_codes").data


def test_the_commands_of_scsi_debug_are_read_and_built_byte_for_byte() -> None:
    read = AllCommands.unpack(SCSI_DEBUG)
    assert len(read.commands) == 0x1A0 // 8
    assert read.commands[0] == CommandDescriptor(operation_code=0x12, cdb_length=6)
    assert [c.text for c in read.commands if c.servactv][:3] == [
        "READ CAPACITY(16)",
        "GET LBA STATUS(16)",
        "9Fh, service action 12h",
    ]
    assert {"UNMAP", "COMPARE AND WRITE", "WRITE SAME(16)"} <= {c.text for c in read.commands}
    assert read.pack() == SCSI_DEBUG


def test_a_command_that_other_decoders_know_is_named_as_they_name_it() -> None:
    close = sample("cdb_copy_operation_close")
    action = close.data[1] & 0x1F
    told = CommandDescriptor(
        operation_code=close.data[0], service_action=action, servactv=True, cdb_length=16
    )
    assert f"CDB {told.text}" == close.structure


def test_timeouts_are_where_the_descriptor_says_they_are() -> None:
    read = AllCommands.unpack(WITH_TIMEOUTS)
    times = CommandTimeouts(command_specific=5, nominal=30, recommended=120)
    assert [(c.text, c.cdb_length, c.timeouts) for c in read.commands] == [
        ("INQUIRY", 6, None),
        ("WRITE USING TOKEN", 16, times),
        ("READ CAPACITY(16)", 16, None),
        ("TEST UNIT READY", 6, times),
    ]
    assert read.pack() == WITH_TIMEOUTS


def test_one_command_has_its_usage_map_and_its_timeouts() -> None:
    read = OneCommand.unpack(WRITE_SAME)
    assert OneCommand.row("support").meaning(read.support) == "supported as a standard says"
    assert read.usage.hex() == "93f9ffffffffffffffffffffffff3f07"
    assert read.timeouts == CommandTimeouts(nominal=10, recommended=60)
    assert read.pack() == WRITE_SAME


def test_the_usage_map_that_the_standard_prints_is_kept() -> None:
    # SPC-4 6.35.3, the example of REPORT SUPPORTED OPERATION CODES itself.
    usage = bytes.fromhex("a30c87ffffffffffffff0007")
    assert OneCommand.unpack(bytes.fromhex("0003000c") + usage) == OneCommand(support=3, usage=usage)


def test_a_command_that_is_not_supported_has_nothing_more() -> None:
    assert OneCommand.unpack(bytes.fromhex("00010000")) == OneCommand(support=1)


def test_a_command_without_a_name_has_its_numbers() -> None:
    assert CommandDescriptor(operation_code=0xC1, cdb_length=12).text == "C1h"


@pytest.mark.parametrize("size", [5, 11, 12, 31])
def test_a_list_cut_short_is_a_decode_error(size: int) -> None:
    with pytest.raises(DecodeError, match="command descriptor at byte 4 takes up 56 bytes"):
        AllCommands.unpack(WITH_TIMEOUTS[:size])


def test_timeouts_of_another_length_are_a_decode_error() -> None:
    with pytest.raises(DecodeError, match="DESCRIPTOR LENGTH at byte 20 is 0xb, expected 0xa"):
        OneCommand.unpack(WRITE_SAME[:20] + b"\0\x0b" + WRITE_SAME[22:])


def timeouts(made: CommandTimeouts | None) -> bytes:
    if made is None:
        return b""
    return laid_out(
        12,
        {"0-1": 10, "3": made.command_specific, "4-7": made.nominal, "8-11": made.recommended},
    )


@given(records(AllCommands))
def test_a_second_encoder_builds_the_same_list(made: AllCommands) -> None:
    body = b"".join(
        laid_out(
            8,
            {
                "0": c.operation_code,
                "2-3": c.service_action,
                "5.6": c.rwcdlp,
                "5.5-4": c.mlu,
                "5.3-2": c.cdlp,
                "5.1": c.ctdp,
                "5.0": c.servactv,
                "6-7": c.cdb_length,
            },
        )
        + timeouts(c.timeouts)
        for c in made.commands
    )
    assert made.pack() == len(body).to_bytes(4, "big") + body


@given(records(OneCommand))
def test_a_second_encoder_builds_the_same_command_data(made: OneCommand) -> None:
    head = laid_out(
        4,
        {
            "0.0": made.rwcdlp,
            "1.7": made.ctdp,
            "1.6-5": made.mlu,
            "1.4-3": made.cdlp,
            "1.2-0": made.support,
            "2-3": len(made.usage),
        },
    )
    assert made.pack() == head + made.usage + timeouts(made.timeouts)


@given(records(ReportSupportedOperationCodes))
def test_a_second_encoder_builds_the_same_command(made: ReportSupportedOperationCodes) -> None:
    assert made.pack() == laid_out(
        12,
        {
            "0": 0xA3,
            "1.4-0": 0x0C,
            "2.7": made.rctd,
            "2.2-0": made.reporting_options,
            "3": made.requested_operation_code,
            "4-5": made.requested_service_action,
            "6-9": made.allocation_length,
            "11": made.control,
        },
    )


def test_all_commands_are_asked_for_unless_something_else_is_said() -> None:
    assert ReportSupportedOperationCodes(allocation_length=4).reporting_options == ALL_COMMANDS


@pytest.mark.parametrize("answer", ["0001", "0001ffff", "00010000"])
def test_an_answer_that_ends_behind_its_support_can_be_asked_for_that(answer: str) -> None:
    # SPC-4 6.35.3, table 296: of a command that is not supported all data after byte 1 is undefined
    assert OneCommand.peek("support", bytes.fromhex(answer)) == 0b001
