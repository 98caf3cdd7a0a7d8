"""Sense data as sg3_utils prints it and as `cdb` reads it, under the same labels and in the same order.

Belongs here: what a line says, and which of our fields it stands for. Every line has to be known: one that is
not is an error of the test, never passed over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from cdb import sense_block as block
from cdb import sense_descriptors as d
from cdb import sense_key as k
from cdb.asc import additional_sense_name
from cdb.command import Status
from cdb.sense_format import FixedSense, sense_record
from cdb.vpd import Designator
from tests.peers.designator_words import ASSOCIATIONS, CODE_SETS, TYPES

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.peers.agreement import Fields

KEYS = (
    "No Sense", "Recovered Error", "Not Ready", "Medium Error", "Hardware Error", "Illegal Request",
    "Unit Attention", "Data Protect", "Blank Check", "Vendor specific(9)", "Copy Aborted", "Aborted Command",
    "Equal", "Volume Overflow", "Miscompare", "Completed",
)  # fmt: skip
STATES = {
    "active/optimized": 0,
    "active/non optimized": 1,
    "standby": 2,
    "unavailable": 3,
    "offline": 14,
    "transitioning between states": 15,
}
STATUSES = {status.name.replace("_", " ").casefold(): status.value for status in Status} | {
    "intermediate (obsolete)": 0x10,
    "intermediate-condition met (obsolete)": 0x14,
    "command terminated (obsolete)": 0x22,
}
OSD = {
    "OSD object identification": 6,
    "OSD response integrity check value": 7,
    "OSD attribute identification": 8,
}
REASONS = (
    "Unknown",
    "resend this and further commands to:",
    "resend this command to:",
    "new subsiduary lu added to this administrative lu:",
    "administrative lu associated with a preferred binding:",
)
DIRECT_ACCESS_LENGTH = 28  # below it the tool does not read descriptor 0Dh, whose fields end after 22


def _status(words: str) -> int:
    unknown = re.match(r"Unknown status \[(0x\w+)\]", words)
    return int(unknown[1], 16) if unknown else STATUSES[words.casefold()]


def _role(words: str) -> str:
    """A device by our name of it, taking theirs to be counted from 1."""
    if found := re.match(r"Extended copy command destination device (\d+)", words):
        return "destination" if found[1] == "1" else f"destination {found[1]}"
    if found := re.match(r"unknown \[(\d+)\]", words):
        return f"reserved {found[1]}"
    return {"Extended copy command source device": "source"}[words]


def _where(found: re.Match[str]) -> Fields:
    return [
        ("pointer from", found["base"].casefold()),
        ("field pointer", int(found["byte"])),
        ("bit pointer", int(found["bit"]) if found["bit"] else None),
    ]


def _ata(found: re.Match[str]) -> Fields:
    names = ("extend", "error", "count", "lba", "device", "status")
    return [(f"ATA {name}", int(value, 0)) for name, value in zip(names, found.groups(), strict=True)]


POINTER = r"(?:Error in|Relative to start of) (?P<base>.+?)[:,] byte (?P<byte>\d+)(?: bit (?P<bit>\d))?"
LINES: dict[str, Callable[[re.Match[str]], Fields]] = {
    r"(Fixed|Descriptor) format, (current|<<<deferred>>>); Sense key: (.+)": lambda m: [
        ("format", m[1]),
        ("deferred", m[2] != "current"),
        ("sense key", KEYS.index(m[3])),
    ],
    r"<<<Sense data overflow \(SDAT_OVFL\)>>>": lambda _: [("SDAT_OVFL", 1)],
    r"Additional sense: (.*)": lambda m: [("additional sense", m[1].casefold())],
    r"(?:vendor specific )?ASC=(\w\w), (?:vendor specific qualification )?ASCQ=(\w\w) \(hex\)": lambda m: [
        ("additional sense", f"{m[1]}/{m[2]}")
    ],
    # fixed format
    r"(?:(Valid=0, )?Info fld=0x(\w+) \[\d+\])? *(FMK)? *(EOM)? *(ILI)? *": lambda m: [
        *([("valid", not m[1]), ("information", int(m[2], 16))] if m[2] else []),
        *([("flags", [bool(flag) for flag in m.groups()[2:]])] if any(m.groups()[2:]) else []),
    ],
    r"Field replaceable unit code: (\d+)": lambda m: [("field replaceable unit", int(m[1]))],
    r"Sense Key Specific: " + POINTER: _where,
    r"Segment pointer: " + POINTER: _where,
    r"Actual retry count: 0x(\w+)": lambda m: [("retry count", int(m[1], 16))],
    r"Progress indication: (\d+)\.(\d+)%": lambda m: [("per cent", int(m[1])), ("hundredths", int(m[2]))],
    r"Unit attention condition queue: overflow flag is (\d)": lambda m: [("overflow", int(m[1]))],
    r"Sense_key: (0x\w) unexpected": lambda m: [("specific of key", int(m[1], 16))],
    # descriptors
    r"Descriptor type: Information: (Valid=0 \(-> vendor specific\) )?0x(\w+)": lambda m: [
        ("valid", not m[1]),
        ("information", int(m[2], 16)),
    ],
    r"Descriptor type: Command specific: 0x(\w+)": lambda m: [("command specific", int(m[1], 16))],
    r"Descriptor type: Sense key specific: (?:Field|Segment) pointer:": lambda _: [("SKSV", 1)],
    POINTER: _where,
    r"Descriptor type: Sense key specific: Actual retry count: (\d+)": lambda m: [
        ("SKSV", 1),
        ("retry count", int(m[1])),
    ],
    r"Descriptor type: Sense key specific: Progress indication: (\d+)\.(\d+)%": lambda m: [
        ("SKSV", 1),
        ("per cent", int(m[1])),
        ("hundredths", int(m[2])),
    ],
    r"Descriptor type: Sense key specific: Unit attention condition queue:": lambda _: [("SKSV", 1)],
    r"overflow flag is (\d)": lambda m: [("overflow", int(m[1]))],
    r"Descriptor type: Sense key specific: Sense_key: (0x\w) unexpected": lambda m: [
        ("specific of key", int(m[1], 16))
    ],
    r"Descriptor type: Field replaceable unit code: (0x\w+)": lambda m: [
        ("field replaceable unit", int(m[1], 16))
    ],
    r"Descriptor type: Stream commands: (FILEMARK)?(End Of Medium \(EOM\))?(Incorrect .*)?": lambda m: [
        ("stream commands", [bool(flag) for flag in m.groups()])
    ],
    r"Descriptor type: Block commands: Incorrect Length Indicator \(ILI\) (\w+)": lambda m: [
        ("block commands", m[1] == "set")
    ],
    r"Descriptor type: ATA Status Return: extend=(\d) error=(\w+) "
    r"count=(\w+) lba=(\w+) device=(\w+) status=(\w+) ?": _ata,
    r"Descriptor type: Another progress indication: (\d+)\.(\d+)% "
    r"\[sense_key=(\w+) asc,ascq=(\w+),(\w+)\]": lambda m: [
        ("per cent", int(m[1])),
        ("hundredths of another", int(m[2])),
        ("another sense key", int(m[3], 16)),
        ("another additional sense", int(m[4], 16) << 8 | int(m[5], 16)),
    ],
    r"Descriptor type: User data segment referral: ": lambda _: [("descriptor", 0x0B)],
    r"Not all referrals: (\d)": lambda m: [("not all referrals", int(m[1]))],
    r"Descriptor (\d+)": lambda m: [("referral", int(m[1]))],
    r"first uds LBA: 0x(\w+)": lambda m: [("first LBA", int(m[1], 16))],
    r"last uds LBA:  0x(\w+)": lambda m: [("last LBA", int(m[1], 16))],
    r"tpg: (\d+)  state: (?:unknown: (0x\w+)|(.*))": lambda m: [
        ("target port group", int(m[1])),
        ("state", int(m[2], 16) if m[2] else STATES[m[3]]),
    ],
    r"Descriptor type: Forwarded sense data": lambda _: [("descriptor", 0x0C)],
    r"FSDT: (\w+)": lambda m: [("FSDT", m[1] == "set")],
    r"Sense data source: +(.*)": lambda m: [("sense data source", _role(m[1]))],
    r"Forwarded status: (.*)": lambda m: [("forwarded status", _status(m[1]))],
    r"(v+|\^+)": lambda m: [("forwarded sense", m[1][0] == "v")],
    r"Descriptor type: Direct-access block device": lambda _: [("descriptor", 0x0D)],
    r">> descriptor too short": lambda _: [("long enough", False)],
    r"ILI \(incorrect length indication\) set": lambda _: [("ILI", 1)],
    r"Sense key specific: Actual retry count: (\d+)": lambda m: [("retry count", int(m[1]))],
    r"Field replaceable unit code: (0x\w+)": lambda m: [("field replaceable unit", int(m[1], 16))],
    r"Information: 0x(\w+)": lambda m: [("information", int(m[1], 16))],
    r"Command specific: 0x(\w+)": lambda m: [("command specific", int(m[1], 16))],
    r"Descriptor type: Device designation": lambda _: [("descriptor", 0x0E)],
    r"Usage reason: (.*)": lambda m: [("usage reason", REASONS.index(m[1]))],
    r"(Addressed logical unit|Target port|Target device that contains addressed lu):": lambda m: [
        ("association", ASSOCIATIONS.index(m[1]))
    ],
    r"designator type: (.+),  code set: (.+)": lambda m: [
        ("designator type", TYPES.index(m[1])),
        ("code set", CODE_SETS.index(m[2])),
    ],
    r"0x(\w+)": lambda m: [("designator", m[1])],
    r"Descriptor type: (?:Unknown|Vendor specific) \[(0x\w+)\]": lambda m: [("descriptor", int(m[1], 16))],
    r"Descriptor type: (OSD .*)": lambda m: [("descriptor", OSD[m[1]])],
    r"((?:[0-9a-f]{2} )+)": lambda m: [("bytes", m[1].replace(" ", ""))],
}


def said(text: str) -> Fields:
    """The fields of sense data as printed, whatever stands before every line."""
    joined = re.sub(r" ?\n +(?=count=|\[sense_key=)", " ", text)
    found: Fields = []
    for line in joined.splitlines():
        if not line.strip():
            continue
        for form, meaning in LINES.items():
            if match := re.fullmatch(form, line.lstrip()):
                more = meaning(match)
                break
        else:
            raise AssertionError(f"a line nobody knows: {line!r}")
        if more and found and more[0][0] == found[-1][0] == "bytes":
            found[-1] = ("bytes", found[-1][1] + more[0][1])
        else:
            found += more
    return found


def _percent(indication: int) -> Fields:
    hundredths = indication * 10_000 // 65_536
    return [("per cent", hundredths // 100), ("hundredths", hundredths % 100)]


def _specific(specific: Any) -> Fields:
    match specific:
        case k.FieldPointerSpecific():
            base = "command" if specific.command else "data parameters"
        case k.SegmentPointerSpecific():
            base = "segment descriptor" if specific.segment else "parameter list"
        case k.RetryCount():
            return [("retry count", specific.count)]
        case k.Progress():
            return _percent(specific.indication)
        case k.AttentionOverflow():
            return [("overflow", specific.overflow)]
        case _:
            raise AssertionError(f"no line for {specific}")
    bit = specific.bit if specific.bpv else None
    return [("pointer from", base), ("field pointer", specific.byte), ("bit pointer", bit)]


def _fixed(sense: FixedSense) -> Fields:
    found: Fields = []
    if sense.valid or sense.information:
        found += [("valid", sense.valid), ("information", sense.information)]
    if any(flags := [sense.filemark, sense.eom, sense.ili]):
        found.append(("flags", flags))
    if sense.fru:
        found.append(("field replaceable unit", sense.fru))
    specific: Any = sense.specific
    if not specific.sksv:
        return found
    if isinstance(specific, k.OtherSpecific):
        return [*found, ("specific of key", sense.sense_key)]
    return found + _specific(specific)


def _ata_read(one: d.AtaStatusReturn) -> Fields:
    low = one.lba_23_16 << 16 | one.lba_15_8 << 8 | one.lba_7_0
    high = one.lba_47_40 << 40 | one.lba_39_32 << 32 | one.lba_31_24 << 24
    return [
        ("ATA extend", one.extend),
        ("ATA error", one.error),
        ("ATA count", one.count if one.extend else one.count & 0xFF),
        ("ATA lba", high | low if one.extend else low),
        ("ATA device", one.device),
        ("ATA status", one.status),
    ]


def _referrals(one: block.Referrals) -> Fields:
    found: Fields = [("descriptor", 0x0B), ("not all referrals", one.not_all_r)]
    for number, referral in enumerate(one.referrals, 1):
        found += [("referral", number), ("first LBA", referral.first_lba), ("last LBA", referral.last_lba)]
        for group in referral.groups:
            found += [("target port group", group.group), ("state", group.access_state)]
    return found


def _direct_access(key: int, one: block.DirectAccess, size: int) -> Fields:
    if size < DIRECT_ACCESS_LENGTH:
        return [("descriptor", 0x0D), ("long enough", True), ("bytes", one.pack()[2:].hex())]
    specific: Any = k.SPECIFICS.get(key, k.OtherSpecific).unpack(one.specific)
    return [
        ("descriptor", 0x0D),
        *([("ILI", 1)] if one.ili else []),
        *(_specific(specific) if specific.sksv else []),
        ("field replaceable unit", one.code),
        *([("information", one.information)] if one.valid else []),
        ("command specific", one.command_specific),
    ]


def _designation(value: bytes) -> Fields:
    named = Designator.unpack(value[2:])
    return [
        ("descriptor", 0x0E),
        ("usage reason", value[1]),
        ("association", named.association),
        ("designator type", named.designator_type),
        ("code set", named.code_set),
        ("designator", named.value.hex()),
    ]


def _descriptor(key: int, one: Any, size: int) -> Fields:
    """A descriptor with so many bytes behind its length."""
    rest = one.pack()[2:].hex()
    match one:
        case d.Information():
            return [("valid", one.valid), ("information", one.value)]
        case d.CommandSpecific():
            return [("command specific", one.value)]
        case d.CopySpecific():
            return [("command specific", one.segment << 32 | one.right_aligned)]
        case d.OtherSpecificDescriptor():
            return [("specific of key", key), ("bytes", rest)]
        case d.ReplaceableUnit():
            return [("field replaceable unit", one.code)]
        case d.StreamCommands():
            return [("stream commands", [one.filemark, one.eom, one.ili])]
        case block.BlockCommands():
            return [("block commands", one.ili)]
        case d.AtaStatusReturn():
            return _ata_read(one)
        case d.AnotherProgress():
            (_, whole), (_, part) = _percent(one.indication)
            return [
                ("per cent", whole),
                ("hundredths of another", part),
                ("another sense key", one.sense_key),
                ("another additional sense", one.additional_sense),
            ]
        case block.Referrals():
            return _referrals(one)
        case d.ForwardedSense():
            role = d.SOURCE_ROLES.get(one.source, "unknown" if not one.source else f"reserved {one.source}")
            inner: Fields = []
            if one.sense:
                inner = [("forwarded sense", True), *read(one.sense), ("forwarded sense", False)]
            return [
                ("descriptor", 0x0C),
                ("FSDT", one.fsdt),
                ("sense data source", role),
                ("forwarded status", one.status),
                *inner,
            ]
        case block.DirectAccess():
            return _direct_access(key, one, size)
        case d.UnknownDescriptor(descriptor_type=0x0E):
            return _designation(one.value)
        case d.UnknownDescriptor():
            return [("descriptor", one.descriptor_type), *([("bytes", rest)] if rest else [])]
        case _:  # the others are sense-key-specific
            return [("SKSV", one.specific.sksv), *_specific(one.specific)]


def read(data: bytes) -> Fields:
    """The same fields as our records have them."""
    record = sense_record(data)
    assert record
    told = min(data[7], len(data) - 8)  # the end of what is there, where more is told
    sense: Any = record.unpack(data[:7] + bytes([told]) + data[8:])
    code, qualifier = sense.additional_sense >> 8, sense.additional_sense & 0xFF
    name = additional_sense_name(code, qualifier)
    if re.match(r"ASC/|VENDOR|ASC \w\wh, VENDOR", name):
        name = f"{code:02x}/{qualifier:02x}"
    found: Fields = [
        ("format", "Fixed" if record is FixedSense else "Descriptor"),
        ("deferred", bool(sense.response_code & 1)),
        ("sense key", sense.sense_key),
        *([("SDAT_OVFL", 1)] if sense.sdat_ovfl else []),
        ("additional sense", name.casefold()),
    ]
    if isinstance(sense, FixedSense):
        return found + _fixed(sense)
    at = 8
    for one in sense.descriptors.descriptors:
        found += _descriptor(sense.sense_key, one, data[at + 1])
        at += 2 + data[at + 1]
    return found
