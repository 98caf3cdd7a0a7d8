"""REPORT SUPPORTED OPERATION CODES: which commands a unit takes, and which bits of them (SPC-4 6.35).

The names are those of commands of block devices (SPC-4, SBC-4, by way of sg3_utils): other device types give
some operation codes another meaning.
"""

from __future__ import annotations

from cdb.record import Record, choice, const, data, flag, items, length, record, reserved, uint

ALL_COMMANDS, ONE_OPERATION_CODE, ONE_SERVICE_ACTION = 0b000, 0b001, 0b010

REPORTING_OPTIONS = {
    ALL_COMMANDS: "all commands",
    ONE_OPERATION_CODE: "one command that has no service actions",
    ONE_SERVICE_ACTION: "one command that has service actions",
    0b011: "one command, with or without service actions",  # SPC-5, by way of sg3_utils
}
SUPPORT = {
    0b000: "not known now; ask again",
    0b001: "not supported",
    0b011: "supported as a standard says",
    0b101: "supported in a vendor's own way",
}
SEVERAL_UNITS = {  # MLU: SPC-5 and later, by way of sg3_utils
    0: "not told",
    1: "touches this logical unit alone",
    2: "touches several logical units",
    3: "touches every logical unit",
}

OPERATION_CODES = {
    0x00: "TEST UNIT READY",
    0x03: "REQUEST SENSE",
    0x04: "FORMAT UNIT",
    0x07: "REASSIGN BLOCKS",
    0x08: "READ(6)",
    0x0A: "WRITE(6)",
    0x12: "INQUIRY",
    0x15: "MODE SELECT(6)",
    0x16: "RESERVE(6)",
    0x17: "RELEASE(6)",
    0x1A: "MODE SENSE(6)",
    0x1B: "START STOP UNIT",
    0x1C: "RECEIVE DIAGNOSTIC RESULTS",
    0x1D: "SEND DIAGNOSTIC",
    0x1E: "PREVENT ALLOW MEDIUM REMOVAL",
    0x25: "READ CAPACITY(10)",
    0x28: "READ(10)",
    0x2A: "WRITE(10)",
    0x2E: "WRITE AND VERIFY(10)",
    0x2F: "VERIFY(10)",
    0x34: "PRE-FETCH(10)",
    0x35: "SYNCHRONIZE CACHE(10)",
    0x37: "READ DEFECT DATA(10)",
    0x38: "FORMAT WITH PRESET",
    0x3B: "WRITE BUFFER",
    0x3C: "READ BUFFER",
    0x3E: "READ LONG(10)",
    0x3F: "WRITE LONG(10)",
    0x41: "WRITE SAME(10)",
    0x42: "UNMAP",
    0x48: "SANITIZE",
    0x4C: "LOG SELECT",
    0x4D: "LOG SENSE",
    0x55: "MODE SELECT(10)",
    0x56: "RESERVE(10)",
    0x57: "RELEASE(10)",
    0x5A: "MODE SENSE(10)",
    0x5E: "PERSISTENT RESERVE IN",
    0x5F: "PERSISTENT RESERVE OUT",
    0x7F: "variable length command",
    0x83: "THIRD-PARTY COPY OUT",
    0x84: "THIRD-PARTY COPY IN",
    0x85: "ATA PASS-THROUGH(16)",
    0x86: "ACCESS CONTROL IN",
    0x87: "ACCESS CONTROL OUT",
    0x88: "READ(16)",
    0x89: "COMPARE AND WRITE",
    0x8A: "WRITE(16)",
    0x8B: "ORWRITE(16)",
    0x8C: "READ ATTRIBUTE",
    0x8D: "WRITE ATTRIBUTE",
    0x8E: "WRITE AND VERIFY(16)",
    0x8F: "VERIFY(16)",
    0x90: "PRE-FETCH(16)",
    0x91: "SYNCHRONIZE CACHE(16)",
    0x93: "WRITE SAME(16)",
    0x94: "ZBC OUT",
    0x95: "ZBC IN",
    0x9A: "WRITE STREAM(16)",
    0x9B: "READ BUFFER(16)",
    0x9C: "WRITE ATOMIC(16)",
    0x9D: "SERVICE ACTION BIDIRECTIONAL",
    0x9E: "SERVICE ACTION IN(16)",
    0x9F: "SERVICE ACTION OUT(16)",
    0xA0: "REPORT LUNS",
    0xA1: "ATA PASS-THROUGH(12)",
    0xA2: "SECURITY PROTOCOL IN",
    0xA3: "MAINTENANCE IN",
    0xA4: "MAINTENANCE OUT",
    0xA8: "READ(12)",
    0xAA: "WRITE(12)",
    0xAE: "WRITE AND VERIFY(12)",
    0xAF: "VERIFY(12)",
    0xB5: "SECURITY PROTOCOL OUT",
    0xB7: "READ DEFECT DATA(12)",
}

SERVICE_ACTIONS = {
    (0x5E, 0x00): "PERSISTENT RESERVE IN, READ KEYS",
    (0x5E, 0x01): "PERSISTENT RESERVE IN, READ RESERVATION",
    (0x5E, 0x02): "PERSISTENT RESERVE IN, REPORT CAPABILITIES",
    (0x5E, 0x03): "PERSISTENT RESERVE IN, READ FULL STATUS",
    (0x5F, 0x00): "PERSISTENT RESERVE OUT, REGISTER",
    (0x5F, 0x01): "PERSISTENT RESERVE OUT, RESERVE",
    (0x5F, 0x02): "PERSISTENT RESERVE OUT, RELEASE",
    (0x5F, 0x03): "PERSISTENT RESERVE OUT, CLEAR",
    (0x5F, 0x04): "PERSISTENT RESERVE OUT, PREEMPT",
    (0x5F, 0x05): "PERSISTENT RESERVE OUT, PREEMPT AND ABORT",
    (0x5F, 0x06): "PERSISTENT RESERVE OUT, REGISTER AND IGNORE EXISTING KEY",
    (0x5F, 0x07): "PERSISTENT RESERVE OUT, REGISTER AND MOVE",
    (0x5F, 0x08): "PERSISTENT RESERVE OUT, REPLACE LOST RESERVATION",
    (0x83, 0x00): "EXTENDED COPY(LID1)",
    (0x83, 0x01): "EXTENDED COPY(LID4)",
    (0x83, 0x10): "POPULATE TOKEN",
    (0x83, 0x11): "WRITE USING TOKEN",
    (0x83, 0x1C): "COPY OPERATION ABORT",
    (0x83, 0x1D): "COPY OPERATION CLOSE",  # not in SPC-4; by way of scsi-cdb
    (0x84, 0x00): "RECEIVE COPY STATUS(LID1)",
    (0x84, 0x01): "RECEIVE COPY DATA(LID1)",
    (0x84, 0x03): "RECEIVE COPY OPERATING PARAMETERS",
    (0x84, 0x04): "RECEIVE COPY FAILURE DETAILS(LID1)",
    (0x84, 0x05): "RECEIVE COPY STATUS(LID4)",
    (0x84, 0x06): "RECEIVE COPY DATA(LID4)",
    (0x84, 0x07): "RECEIVE ROD TOKEN INFORMATION",
    (0x84, 0x08): "REPORT ALL ROD TOKENS",
    (0x9E, 0x10): "READ CAPACITY(16)",
    (0x9E, 0x12): "GET LBA STATUS(16)",
    (0x9E, 0x13): "REPORT REFERRALS",
    (0xA3, 0x05): "REPORT IDENTIFYING INFORMATION",
    (0xA3, 0x0A): "REPORT TARGET PORT GROUPS",
    (0xA3, 0x0B): "REPORT ALIASES",
    (0xA3, 0x0C): "REPORT SUPPORTED OPERATION CODES",
    (0xA3, 0x0D): "REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS",
    (0xA3, 0x0E): "REPORT PRIORITY",
    (0xA3, 0x0F): "REPORT TIMESTAMP",
    (0xA4, 0x06): "SET IDENTIFYING INFORMATION",
    (0xA4, 0x0A): "SET TARGET PORT GROUPS",
    (0xA4, 0x0B): "CHANGE ALIASES",
    (0xA4, 0x0E): "SET PRIORITY",
    (0xA4, 0x0F): "SET TIMESTAMP",
}


def seconds(value: int) -> str:
    """A timeout in seconds, 0 for none."""
    return f"{value} s" if value else "not told"


@record
class ReportSupportedOperationCodes(Record):
    """REPORT SUPPORTED OPERATION CODES (SPC-4 6.35.1, table 291)."""

    operation_code = const(8, 0xA3)
    _byte1 = reserved(3)
    service_action = const(5, 0x0C)
    rctd: bool = flag(default=False, doc="with command timeouts descriptors")
    _byte2 = reserved(4)
    reporting_options: int = uint(3, default=ALL_COMMANDS, names=REPORTING_OPTIONS)
    requested_operation_code: int = uint(8, default=0, names=OPERATION_CODES)
    requested_service_action: int = uint(16, default=0)
    allocation_length: int = uint(32)
    _byte10 = reserved(8)
    control: int = uint(8, default=0)


@record
class CommandTimeouts(Record):
    """Command timeouts descriptor (SPC-4 6.35.4.1, table 297).

    In seconds; `command_specific` means something for WRITE BUFFER only.
    """

    descriptor_length = const(16, 0x000A, label="DESCRIPTOR LENGTH")
    _byte2 = reserved(8)
    command_specific: int = uint(8, default=0)
    nominal: int = uint(32, label="NOMINAL COMMAND PROCESSING TIMEOUT", names=seconds)
    recommended: int = uint(32, label="RECOMMENDED COMMAND TIMEOUT", names=seconds)


@record
class CommandDescriptor(Record):
    """Command descriptor of all_commands (SPC-4 6.35.2, table 294).

    `service_action` counts only with `servactv`; `timeouts` is there with `ctdp`. RWCDLP, MLU and CDLP
    are of SPC-5 and later (by way of sg3_utils).
    """

    operation_code: int = uint(8, names=OPERATION_CODES)
    _byte1 = reserved(8)
    service_action: int = uint(16, default=0)
    _byte4 = reserved(8)
    _byte5 = reserved(1)
    rwcdlp: bool = flag(default=False)
    mlu: int = uint(2, default=0, names=SEVERAL_UNITS)
    cdlp: int = uint(2, default=0)
    ctdp: bool = flag(default=False, doc="command timeouts descriptor is there")
    servactv: bool = flag(default=False, doc="SERVICE ACTION is valid")
    cdb_length: int = uint(16, label="CDB LENGTH")
    timeouts: CommandTimeouts | None = choice(
        "ctdp", {1: CommandTimeouts}, default=None, label="Command timeouts descriptor"
    )

    @property
    def text(self) -> str:
        """The command's name, or its numbers where it has none here."""
        code, action = self.operation_code, self.service_action
        if self.servactv:
            return SERVICE_ACTIONS.get((code, action), f"{code:02X}h, service action {action:02X}h")
        return OPERATION_CODES.get(code, f"{code:02X}h")


@record
class AllCommands(Record):
    """REPORT SUPPORTED OPERATION CODES all_commands data (SPC-4 6.35.2, table 293)."""

    command_data_length = length(32, "commands")
    commands: tuple[CommandDescriptor, ...] = items(CommandDescriptor, label="command descriptor")


@record
class OneCommand(Record):
    """REPORT SUPPORTED OPERATION CODES one_command data (SPC-4 6.35.3, table 295).

    Where `support` is 000b or 001b nothing behind byte 1 means anything, and a CDB SIZE that counts bytes
    which are not there is an error all the same: `peek` such an answer.
    `usage` has the operation code, the service action where it lies in the CDB, and elsewhere a one for
    every bit of the CDB that is looked at. RWCDLP, MLU and CDLP are of SPC-5 and later.
    """

    _byte0 = reserved(7)
    rwcdlp: bool = flag(default=False)
    ctdp: bool = flag(default=False, doc="command timeouts descriptor is there")
    mlu: int = uint(2, default=0, names=SEVERAL_UNITS)
    cdlp: int = uint(2, default=0)
    support: int = uint(3, names=SUPPORT)
    cdb_size = length(16, "usage", label="CDB SIZE")
    usage: bytes = data(default=b"", label="CDB USAGE DATA")
    timeouts: CommandTimeouts | None = choice(
        "ctdp", {1: CommandTimeouts}, default=None, label="Command timeouts descriptor"
    )
