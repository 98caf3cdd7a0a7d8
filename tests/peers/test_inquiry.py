"""sg_inq and sg_vpd read standard INQUIRY data as the records of `cdb` do: field by field."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdb.inquiry import STANDARDS, VERSIONS, StandardInquiry, StandardInquiryTail, standard_name
from tests.peers.agreement import Silent, Wrong, agree, fields, still_silent, still_wrong
from tests.peers.tool import SG_INQ, SG_VPD, Tool

if TYPE_CHECKING:
    from tests.peers.agreement import Fields, Table

pytestmark = [SG_INQ.needed, SG_VPD.needed]
some = settings(max_examples=40, deadline=None)
READ_FILE = ("--raw", "--inhex=-")

FLAGS: Table = {
    "PQual": "peripheral_qualifier",
    "PDT": "peripheral_device_type",
    "RMB": "removable",
    "version": "version",
    "NormACA": "normaca",
    "HiSUP": "hisup",
    "Resp_data_format": "response_data_format",
    "SCCS": "sccs",
    "ACC": "acc",
    "TPGS": "tpgs",
    "3PC": "third_party_copy",
    "Protect": "protect",
    "EncServ": "encserv",
    "MultiP": "multip",
    "VS": "vs_6",
    "Addr16": "addr16",
    "WBus16": "wbus16",
    "Sync": "sync",
    "CmdQue": "cmdque",
}
NO_FIELD_OF_SPC4 = {  # obsolete or reserved there
    "LU_CONG", "hot_pluggable", "AERC", "TrmTsk", "BQue", "MChngr", "ACKREQQ", "RelAdr", "Linked", "TranDis",
}  # fmt: skip
TEXTS: Table = {
    "vendor identification": lambda r: r.t10_vendor.decode(),
    "product identification": lambda r: r.product.decode(),
    "product revision level": lambda r: r.revision.decode(),
}
SPI: Table = {"Clocking": "clocking", "QAS": "qas", "IUS": "ius"}
VERSION_WORDS = {"no conformance claimed": 0} | {name: code for code, name in VERSIONS.items() if code}

PLAIN: dict[str, Any] = {
    "third_party_copy": True,
    "t10_vendor": b"A" * 8,
    "product": b"B" * 16,
    "revision": b"1.00",
}
SPC6 = StandardInquiry(version=0x0D, additional_length=31, **PLAIN)
YOUNGER = {0x06C0, 0x06E0}  # SBC-5 and SPC-6: version descriptors that came after sg3-utils 1.46

KNOWN_WRONG = {
    SG_INQ: Wrong(
        "name of version",
        "VERSION is a byte; of 0Dh (SPC-6) sg_inq looks at the lower three bits, and says SPC-3",
        SPC6,
        when=lambda version: version > 7,
    ),
    SG_VPD: Wrong(
        "name of version",
        "0Dh was given to SPC-6 after sg3-utils 1.46, which calls it reserved",
        SPC6,
        when=lambda version: version > 7,
    ),
}
SILENT = (
    Silent(
        "VS of byte 6",
        "printed beside MULTIP alone, and of any port count it is the vendor's",
        StandardInquiry(version=6, additional_length=31, vs_6=False, **PLAIN),
        StandardInquiry(version=6, additional_length=31, vs_6=True, **PLAIN),
    ),
    Silent(
        "VS of byte 7",
        "not printed",
        StandardInquiry(version=6, additional_length=31, vs_7=False, **PLAIN),
        StandardInquiry(version=6, additional_length=31, vs_7=True, **PLAIN),
    ),
)


def read(record: StandardInquiry) -> Fields:
    """Our fields under the tools' labels."""
    found = [f for f in fields(record, FLAGS) if record.multip or f[0] != "VS"]
    return found + fields(record, TEXTS)


def said(tool: Tool, data: bytes) -> Fields:
    """The fields a tool prints, those apart that SPC-4 has not."""
    options = ("--page=sinq",) if tool is SG_VPD else ()
    text = tool.run(*options, *READ_FILE, data=data).out.partition("standard INQUIRY:")[2]
    text = re.sub(r"\[SPI:.*\]|(?<=version=....)  ?\[.*\]", "", text)
    before = re.split(r"Vendor.identification", text)[0]
    flags = [(k, int(v, 0)) for k, v in re.findall(r"(\w+)=(0x[0-9a-f]+|\d+)", before)]
    texts = re.findall(r"^ +(\w+[_ ]\w+(?:[_ ]\w+)?): (.*)$", text, re.MULTILINE)
    return [f for f in flags if f[0] not in NO_FIELD_OF_SPC4 and f[0] != "length"] + [
        (label.replace("_", " ").casefold(), value) for label, value in texts
    ]


def text(size: int) -> st.SearchStrategy[bytes]:
    """ASCII without control characters."""
    return st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=size, max_size=size).map(
        str.encode
    )


@st.composite
def standard_data(draw: st.DrawFn) -> bytes:
    """Any standard INQUIRY data of 36 bytes that sg_inq does not take for a VPD page."""
    head = draw(st.binary(min_size=8, max_size=8))
    version = draw(st.integers(3, 0xFF))
    return head[:2] + bytes([version]) + head[3:] + draw(text(28))


@pytest.mark.parametrize("tool", [SG_INQ, SG_VPD], ids=str)
@given(data=standard_data())
@some
def test_every_field(tool: Tool, data: bytes) -> None:
    agree(tool, read(StandardInquiry.unpack_from(data)), said(tool, data))


def test_every_field_has_a_label_or_is_one_nothing_is_said_of() -> None:
    compared = set(FLAGS.values()) | {"t10_vendor", "product", "revision"}
    apart = {"additional_length", "vs_7", "rest"}  # with tests of their own below
    assert set(StandardInquiry.field_names()) == compared | apart


@given(length=st.integers(0, 0xFF))
@some
def test_the_additional_length(length: int) -> None:
    record = StandardInquiry(version=6, additional_length=length, **PLAIN)
    out = SG_INQ.run(*READ_FILE, data=record.pack()).out
    assert f"length={record.additional_length + 5} " in out


@given(body=st.binary(min_size=22, max_size=22))
@some
def test_the_tail(body: bytes) -> None:
    record = StandardInquiry(version=6, additional_length=53, rest=bytes(20) + body, **PLAIN)
    out = SG_INQ.run(*READ_FILE, data=record.pack()).out
    spi = re.search(r"\[SPI: (.*)\]", out)
    assert spi
    theirs = [(k, int(v, 0)) for k, v in re.findall(r"(\w+)=(\w+)", spi[1])]
    agree(SG_INQ, fields(StandardInquiryTail.unpack_from(record.rest), SPI), theirs)


@given(vendor=text(20).filter(lambda t: t[:1] != b" "))
@some
def test_the_vendors_own_field(vendor: bytes) -> None:
    tail = StandardInquiryTail(vendor_specific=vendor)
    record = StandardInquiry(version=6, additional_length=91, rest=tail.pack()[:60], **PLAIN)
    out = SG_INQ.run("--vendor", *READ_FILE, data=record.pack()).out
    read_tail = StandardInquiryTail.unpack_from(StandardInquiry.unpack(record.pack()).rest)
    assert f" Vendor specific: {read_tail.vendor_specific.decode()}\n" in out


def version_descriptors(data: bytes) -> list[str]:
    """What sg_inq says of the version descriptors, one line each."""
    return (
        SG_INQ.run("--descriptors", *READ_FILE, data=data)
        .out.partition("Version descriptors:\n")[2]
        .splitlines()
    )


def with_descriptors(codes: list[int]) -> bytes:
    """Standard INQUIRY data with up to eight version descriptors."""
    listed: dict[str, Any] = {f"version_descriptor_{n}": code for n, code in enumerate(codes, 1)}
    tail = StandardInquiryTail(**listed)
    return StandardInquiry(version=6, additional_length=91, rest=tail.pack()[:60], **PLAIN).pack()


def test_the_standards_of_version_descriptors() -> None:
    codes = sorted(STANDARDS)
    lines = [
        line
        for at in range(0, len(codes), 8)
        for line in version_descriptors(with_descriptors(codes[at : at + 8]))
    ]
    named = {
        code: re.sub(r" \(no version claimed\)$", "", line.strip())
        for code, line in zip(codes, lines, strict=True)
    }
    known = {code: name for code, name in named.items() if not name.startswith("[unrecognised")}
    assert named.keys() - known.keys() <= YOUNGER
    assert known == {code: standard_name(code).removesuffix(", no version claimed") for code in known}


def test_where_version_descriptors_lie() -> None:
    codes = list(range(0xFF01, 0xFF09))  # numbers that are no standard's are printed as they are
    lines = version_descriptors(with_descriptors(codes))
    theirs = [int(line.rpartition(" ")[2].strip("]"), 16) for line in lines]
    record = StandardInquiry.unpack(with_descriptors(codes))
    assert tuple(theirs) == StandardInquiryTail.unpack_from(record.rest).version_descriptors


def name_of_version(tool: Tool, record: StandardInquiry) -> int | str:
    """The version that a tool's name of it stands for."""
    options = ("--page=sinq",) if tool is SG_VPD else ()
    found = re.search(r"version=\w+  ?\[(.*)\]", tool.run(*options, *READ_FILE, data=record.pack()).out)
    assert found
    return VERSION_WORDS.get(found[1], found[1])


@pytest.mark.parametrize("tool", [SG_INQ, SG_VPD], ids=str)
@pytest.mark.parametrize("version", [v for v in VERSIONS if v], ids=VERSIONS.get)
def test_the_names_of_versions(tool: Tool, version: int) -> None:
    record = StandardInquiry(version=version, additional_length=31, **PLAIN)
    ours, theirs = record.version, name_of_version(tool, record)
    agree(tool, [("name of version", ours)], [("name of version", theirs)], [KNOWN_WRONG[tool]])


@pytest.mark.parametrize(("tool", "entry"), KNOWN_WRONG.items(), ids=str)
def test_what_is_listed_as_wrong_is_wrong(tool: Tool, entry: Wrong) -> None:
    record: Any = entry.example
    theirs = name_of_version(tool, record)
    still_wrong(tool, entry, [(entry.field, record.version)], [(entry.field, theirs)])


@pytest.mark.parametrize("tool", [SG_INQ, SG_VPD], ids=str)
@pytest.mark.parametrize("entry", SILENT, ids=str)
def test_what_is_listed_as_unsaid_is_not_said(tool: Tool, entry: Silent) -> None:
    options = ("--page=sinq",) if tool is SG_VPD else ()
    one, other = (tool.run(*options, *READ_FILE, data=r.pack()).out for r in (entry.one, entry.other))
    still_silent(tool, entry, one, other)


def test_data_that_claim_no_standard_sg_inq_takes_for_a_vpd_page() -> None:
    """A disk of SPC-2 or before the standards: nothing but its version tells it from a VPD page."""
    record = StandardInquiry(version=2, additional_length=31, **PLAIN)
    out = SG_INQ.run(*READ_FILE, data=record.pack()).out
    if not SG_INQ.is_listed:
        pytest.skip(f"sg_inq {SG_INQ.version}: {out.splitlines()[:1]}")
    assert "standard INQUIRY" not in out
