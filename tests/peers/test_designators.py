"""sg_vpd and sg_inq read the designators of VPD page 83h as the records of `cdb` do: one by one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.vpd import Designator, DeviceIdentification
from tests.peers.agreement import Wrong, agree, still_wrong
from tests.peers.designator_words import ASSOCIATIONS, CODE_SETS, TYPES
from tests.peers.tool import SG_INQ, SG_VPD, Tool, dumped

if TYPE_CHECKING:
    from tests.peers.agreement import Fields

pytestmark = [SG_INQ.needed, SG_VPD.needed]
some = settings(max_examples=40, deadline=None)

TRANSPORTS = {
    "Fibre Channel Protocol for SCSI (FCP-5)": 0,
    "SCSI Parallel Interface (SPI-5)": 1,
    "Serial Storage Architecture SCSI-3 Protocol (SSA-S3P)": 2,
    "Serial Bus Protocol for IEEE 1394 (SBP-3)": 3,
    "SCSI RDMA Protocol (SRP)": 4,
    "Internet SCSI (iSCSI)": 5,
    "Serial Attached SCSI Protocol (SPL-4)": 6,
    "Automation/Drive Interface Transport (ADT-2)": 7,
    "AT Attachment Interface (ACS-2)": 8,
    "USB Attached SCSI (UAS-2)": 9,
    "SCSI over PCI Express (SOP)": 10,
    "PCIe": 11,
    "No specific protocol": 15,
}
VENDOR, T10, EUI_64, NAA, PORT, PORT_GROUP, UNIT_GROUP, MD5, NAME, PROTOCOL, UUID = range(11)
NUMBERS = (PORT, PORT_GROUP, UNIT_GROUP)

ASCII = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)


def of_bytes(*sizes: int, first: tuple[int, int] = (0, 0xFF)) -> st.SearchStrategy[bytes]:
    """Bytes of one of these sizes that do not begin with a printable character, the first within bounds."""
    return st.sampled_from(sizes).flatmap(
        lambda size: st.builds(
            lambda head, rest: bytes([head]) + rest,
            st.integers(*first),
            st.binary(min_size=size - 1, max_size=size - 1),
        )
    )


def naa(form: int, size: int) -> st.SearchStrategy[bytes]:
    """An NAA designator of a format."""
    return of_bytes(size, first=(form << 4, form << 4 | 0xF))


# What SPC-4 7.8.6 allows: the association and code set of each type, and its value.
ANY = st.integers(0, 2)
ALLOWED: dict[int, tuple[st.SearchStrategy[int], int, st.SearchStrategy[bytes]]] = {
    VENDOR: (ANY, 2, ASCII.map(str.encode)),
    T10: (ANY, 2, ASCII.map(lambda t: b"VENDOR  " + t.encode())),
    EUI_64: (ANY, 1, of_bytes(8, 12, 16)),
    NAA: (ANY, 1, st.one_of(naa(2, 8), naa(3, 8), naa(5, 8), naa(6, 16))),
    PORT: (st.just(1), 1, st.binary(min_size=2, max_size=2).map(lambda n: b"\0\0" + n)),
    PORT_GROUP: (st.just(1), 1, st.binary(min_size=2, max_size=2).map(lambda n: b"\0\0" + n)),
    UNIT_GROUP: (st.just(0), 1, st.binary(min_size=2, max_size=2).map(lambda n: b"\0\0" + n)),
    MD5: (st.just(0), 1, of_bytes(16)),
    NAME: (ANY, 3, ASCII.map(lambda t: (b"iqn." + t.encode()).ljust(28, b"\0"))),
    UUID: (ANY, 1, st.binary(min_size=16, max_size=16).map(lambda u: b"\x10\0" + u)),
}


@st.composite
def designators(draw: st.DrawFn) -> Designator:
    """A designator the standard allows."""
    kind = draw(st.sampled_from(sorted(ALLOWED)))
    association, code_set, value = ALLOWED[kind]
    where = draw(association)
    return Designator(
        protocol_identifier=draw(st.sampled_from(sorted(TRANSPORTS.values()))),
        piv=draw(st.booleans()),
        association=where,
        code_set=code_set,
        designator_type=kind,
        value=draw(value),
    )


def meant(of: Designator) -> str:
    """What is told of a value: its digits, its number, its text."""
    if of.designator_type in NUMBERS:
        return f"{int.from_bytes(of.value[2:], 'big')}"
    if of.designator_type == UUID:
        return of.value[2:].hex()
    if of.designator_type in (VENDOR, T10, NAME) and of.code_set in (2, 3):
        return of.value.rstrip(b"\0").decode()
    return of.value.hex()


def read(page: DeviceIdentification) -> Fields:
    """Our designators, in the tools' order of telling."""
    found: Fields = []
    for one in page.designators:
        found += [
            ("association", one.association),
            ("designator type", one.designator_type),
            ("code set", one.code_set),
            # It is valid only of a target port or device (SPC-4 7.8.6.1)
            ("transport", one.protocol_identifier if one.piv and one.association else None),
            ("value", meant(one)),
        ]
    return found


def value_said(lines: list[str]) -> str:
    """The value in the lines that follow a designator's header."""
    whole = "\n".join(lines)
    if vendor := re.match(r"vendor id: (.{8})\nvendor specific: (.*)", whole):
        return vendor[1] + vendor[2]
    if uuid := re.match(r"Locally assigned UUID: (.*)", whole):
        return uuid[1].replace("-", "")
    if text := re.match(r"(?:SCSI name string:\n|vendor specific: )(.*)", whole):
        return text[1].rstrip("\0")
    if number := re.match(r"\w+ \w+ \w+: (0x[0-9a-f]+)", whole):
        return str(int(number[1], 16))
    if digits := re.search(r"^\[?0x([0-9a-f]+)\]?$", whole, re.MULTILINE):
        return digits[1]
    return dumped(lines).hex()


def said(tool: Tool, page: DeviceIdentification) -> Fields:
    """The designators a tool prints."""
    options = ("--page=di_asis",) if tool is SG_VPD else ("--id",)
    out = tool.run(*options, "--raw", "--inhex=-", data=page.pack()).out
    found: Fields = []
    for block in re.split(r"\n(?=  \S)", out)[1:]:
        lines = [line.lstrip(" ") for line in block.splitlines()]
        association = re.match(r"(?:associated with the )?(.*?):?$", lines.pop(0) if tool is SG_VPD else "")
        transport = next((line for line in lines if line.startswith("transport: ")), None)
        header = next(line for line in lines if line.startswith("designator"))
        if tool is SG_INQ:
            where = next(line for line in lines if line.startswith("associated"))
            association = re.match(r"associated with the (.*)", where)
            lines = [line for line in lines[1:] if line != where]
        kind, code_set = re.findall(r": (.*?)(?:,  |$)", header)
        assert association
        found += [
            ("association", ASSOCIATIONS.index(association[1])),
            ("designator type", TYPES.index(kind)),
            ("code set", CODE_SETS.index(code_set)),
            ("transport", TRANSPORTS[transport.removeprefix("transport: ")] if transport else None),
            ("value", value_said([line for line in lines if line not in (transport, header)])),
        ]
    return found


@pytest.mark.parametrize("tool", [SG_INQ, SG_VPD], ids=str)
@given(found=st.lists(designators(), max_size=5))
@some
def test_every_designator_of_a_page(tool: Tool, found: list[Designator]) -> None:
    page = DeviceIdentification.unpack(DeviceIdentification(designators=tuple(found)).pack())
    agree(tool, read(page), said(tool, page))


def alone(kind: int, value: bytes, *, code_set: int = 1, association: int = 0) -> DeviceIdentification:
    """A page with one designator."""
    one = Designator(code_set=code_set, association=association, designator_type=kind, value=value)
    return DeviceIdentification(designators=(one,))


UTF_8 = 3
KNOWN_WRONG = (
    Wrong(
        "value",
        "vendor specific bytes of code set binary are printed as text when they happen to be letters: "
        "the tool compares the code set with 1 and 2, where it means ASCII and UTF-8, 2 and 3",
        alone(VENDOR, b"letters"),
    ),
    Wrong(
        "value",
        "a vendor specific designator in UTF-8 is printed as a dump, for the same reason",
        alone(VENDOR, b"letters", code_set=UTF_8),
    ),
)


@pytest.mark.parametrize("entry", KNOWN_WRONG, ids=["binary", "UTF-8"])
def test_what_is_listed_as_wrong_is_wrong(entry: Wrong) -> None:
    page: Any = entry.example
    still_wrong(SG_VPD, entry, read(page), said(SG_VPD, page))
    agree(SG_INQ, read(page), said(SG_INQ, page))  # which has it right


EXTENSION = re.compile(r"Vendor Specific Extension Identifier: 0x([0-9a-f]+)")


def test_sg_inq_takes_six_bytes_for_the_extension_of_an_eui_64_where_there_are_five() -> None:
    """SPC-4 7.8.6.5: three bytes of company, five of extension; the sixth is of whatever comes behind."""
    page = alone(EUI_64, bytes.fromhex("0011223344556677"))
    out = SG_INQ.run("--id", "--raw", "--inhex=-", data=page.pack()).out
    found = EXTENSION.search(out)
    assert found
    assert "IEEE Company_id: 0x1122" in out
    if not SG_INQ.is_listed:
        pytest.skip(f"sg_inq {SG_INQ.version} says {found[1]}")
    assert int(found[1], 16) == 0x334455667700


EXPORTED = {  # the names udev knows designators by, and what ours say before the digits
    "NAA_EXT": "naa.",
    "NAA_LOCAL": "naa.",
    "NAA_REG": "naa.",
    "NAA_REGEXT": "naa.",
    "EUI64": "eui.",
    "UUID": "uuid.",
    "RELATIVE": "port ",
    "TARGET_PORT_GROUP": "port group ",
    "LOGICAL_UNIT_GROUP": "unit group ",
    "NAME": "",
    "VENDOR": "",
}
FORMATS = {"NAA_EXT": "2", "NAA_LOCAL": "3", "NAA_REG": "5", "NAA_REGEXT": "6"}
WHERE = {"LUN": 0, "PORT": 1, "TARGET": 2}


def plain(found: list[Designator]) -> list[Designator]:
    """Those whose text neither side has to escape, and that are not dumped."""
    return [d for d in found if d.designator_type not in (T10, MD5) and b"\\" not in d.value]


@given(found=st.lists(designators(), max_size=5).map(plain))
@some
def test_the_one_word_a_designator_is_listed_by(found: list[Designator]) -> None:
    page = DeviceIdentification(designators=tuple(found))
    out = SG_INQ.run("--export", "--id", "--raw", "--inhex=-", data=page.pack()).out
    theirs: Fields = []
    for where, kind, value in re.findall(r"SCSI_IDENT_(LUN|PORT|TARGET)_(\w+)=(.*)", out):
        assert value.startswith(FORMATS.get(kind, ""))
        if EXPORTED[kind].endswith(" "):
            value = str(int(value, 0))
        value = re.sub(r"\\x([0-9a-f]{2})", lambda c: chr(int(c[1], 16)), value)
        theirs += [("association", WHERE[where]), ("word", EXPORTED[kind] + value)]
    ours: Fields = []
    for one in found:
        ours += [("association", one.association), ("word", one.text)]
    agree(SG_INQ, ours, theirs)


def test_sg_inq_calls_every_other_format_of_naa_local() -> None:
    """SPC-4 table 602: 3h is locally assigned, 4h reserved."""
    (one,) = alone(NAA, bytes.fromhex("4001405000000000")).designators
    assert one.kind == "NAA reserved"
    page = DeviceIdentification(designators=(one,))
    out = SG_INQ.run("--export", "--id", "--raw", "--inhex=-", data=page.pack()).out
    if not SG_INQ.is_listed:
        pytest.skip(f"sg_inq {SG_INQ.version} says {out.strip()}")
    assert out.startswith("SCSI_IDENT_LUN_NAA_LOCAL=4001405000000000\n")
