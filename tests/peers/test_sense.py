"""sg_decode_sense reads sense data as the records of `cdb` do: field by field, descriptor by descriptor.

What `Sense` makes of samples is beside it in tests/cdb/test_sense_samples.py, the names of additional sense
codes are in tests/cdb/test_asc.py; here are the fields of the structures, over any values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from cdb import sense_block as block
from cdb import sense_descriptors as d
from cdb import sense_key as k
from cdb.sense_format import DescriptorSense, FixedSense
from tests.cdb import samples
from tests.cdb.strategies import records
from tests.cdb.test_asc import OF_THIRD_PARTY_COPY
from tests.peers.agreement import Silent, Wrong, agree, still_silent, still_wrong
from tests.peers.sense_text import read, said
from tests.peers.tool import SG_DECODE_SENSE

if TYPE_CHECKING:
    from cdb.record import Record
    from tests.peers.agreement import Fields

pytestmark = SG_DECODE_SENSE.needed
some = settings(max_examples=60, deadline=None)

NONE = k.CommandInformation()
ROOM = 2047  # characters, after which the tool cuts what it says
OWN_READING = (0x0E, 0x0F, 0xDE)  # of SPC-5, and of the tool's author; `cdb` has no records of them


def printed(data: bytes) -> str:
    """What sg_decode_sense prints."""
    return SG_DECODE_SENSE.run(*data.hex(" ").split()).out


def holding(key: int, *descriptors: Record) -> DescriptorSense:
    """Sense data of a key, with descriptors."""
    listed: Any = d.LISTS.get(key, d.OtherDescriptors)
    return DescriptorSense(sense_key=key, descriptors=listed(descriptors=descriptors))


def forwarded(source: int, status: int) -> DescriptorSense:
    """COPY ABORTED, because of what a device answered."""
    return holding(k.COPY_ABORTED, d.ForwardedSense(source=source, status=status))


def copy_stopped(**fields: Any) -> FixedSense:
    """COPY ABORTED in fixed format."""
    specific = k.SegmentPointerSpecific()
    values = {"command_specific": k.CopyInformation(), "specific": specific, **fields}
    return FixedSense(sense_key=k.COPY_ABORTED, **values)


MANY_UNITS = (d.ReplaceableUnit(code=0x80),) * 50

KNOWN_WRONG = (
    Wrong(
        "SKSV",
        "sense-key-specific bytes are printed though SKSV says that they are not valid",
        holding(k.COPY_ABORTED, d.SegmentPointerDescriptor(specific=k.SegmentPointerSpecific(byte=7))),
        when=lambda valid: not valid,
    ),
    Wrong(
        "sense data source",
        "SPC-4 5.17.7.4 gives 1 to the copy source; the tool says destination device 0",
        forwarded(1, 2),
        when=lambda role: role == "source",
    ),
    Wrong(
        "sense data source",
        "0 is of no source that is known; the tool says source device",
        forwarded(0, 2),
        when=lambda role: role == "unknown",
    ),
    Wrong(
        "forwarded status",
        "bits 7 and 0 of a status are cleared before it is printed, and a reserved status becomes another",
        forwarded(2, 0x83),
        when=lambda status: status & 0x81,
    ),
    Wrong(
        "hundredths of another",
        "a stray 02 stands between the point and the hundredths: the format is %d.02%d%%",
        holding(k.NOT_READY, d.AnotherProgress(sense_key=2, additional_sense=0x0404, indication=32_868)),
    ),
    Wrong(
        "long enough",
        "a descriptor 0Dh of the 22 bytes that its fields take is refused: the tool wants 28",
        holding(k.MEDIUM_ERROR, block.DirectAccess(information=7)),
    ),
)
ROUNDING = Wrong(
    "hundredths",
    "the remainder is divided by 656, where a hundredth of a per cent is 655.36: some are one too few",
    holding(k.NOT_READY, d.ProgressDescriptor(specific=k.Progress(sksv=True, indication=32_401))),
)
SILENT = (
    Silent(
        "COMMAND-SPECIFIC INFORMATION",
        "not printed in fixed format, so neither is the segment a copy stopped in",
        copy_stopped(command_specific=k.CopyInformation(segment=1)),
        copy_stopped(command_specific=k.CopyInformation(segment=2, source=18)),
    ),
    Silent(
        "Additional sense bytes",
        "status and sense embedded in fixed format are not looked at",
        copy_stopped(additional=bytes.fromhex("02 70 00 03 00 00 00 00 0a")),
        copy_stopped(additional=bytes.fromhex("02 70 00 07 00 00 00 00 0a")),
    ),
    Silent(
        "SENSE KEY SPECIFIC of other sense keys",
        "not printed in fixed format",
        FixedSense(sense_key=7, command_specific=NONE, specific=k.OtherSpecific(sksv=True, value=1)),
        FixedSense(sense_key=7, command_specific=NONE, specific=k.OtherSpecific(sksv=True, value=2)),
    ),
    Silent(
        "the last descriptors",
        "what is said of sense data is cut after 2047 characters",
        holding(k.COPY_ABORTED, *MANY_UNITS, d.ReplaceableUnit(code=1)),
        holding(k.COPY_ABORTED, *MANY_UNITS, d.ReplaceableUnit(code=2)),
    ),
)


def of_progress(ours: Fields) -> Fields:
    """Without the hundredths of a progress indication, whose rounding has a test of its own."""
    return [field for field in ours if field[0] != "hundredths"]


def check(data: bytes) -> None:
    """Field by field, what it prints and what we read."""
    text = printed(data)
    if len(text) >= ROOM:
        reject()
    agree(SG_DECODE_SENSE, of_progress(read(data)), of_progress(said(text)), KNOWN_WRONG)


# Codes that either side has a name of, and three that have none; tests/cdb/test_asc.py has the whole list.
CODES = st.sampled_from([*(asc << 8 | ascq for asc, ascq in OF_THIRD_PARTY_COPY), 0x8001, 0x2680, 0x0F7F])
FIXED = st.builds(
    lambda s, code: FixedSense(**{**s.values(), "additional_sense": code}), records(FixedSense), CODES
)


@given(sense=FIXED)
@some
def test_every_field_of_fixed_format(sense: FixedSense) -> None:
    check(sense.pack())


@st.composite
def descriptor_sense(draw: st.DrawFn) -> DescriptorSense:
    """Any descriptor format sense data; what is forwarded is sense data too."""
    key = draw(st.integers(0, 0xF))
    family = d.LISTS.get(key, d.OtherDescriptors).row("descriptors").family
    assert family
    forward = st.builds(
        d.ForwardedSense,
        fsdt=st.booleans(),
        source=st.integers(0, 0xF),
        status=st.integers(0, 0xFF),
        sense=st.one_of(st.just(b""), FIXED.map(lambda s: s.pack())),
    )
    known = [records(m.record) for m in family.members.values() if m.record is not d.ForwardedSense]
    taken = {*family.members, *OWN_READING}
    unknown: Any = records(d.UnknownDescriptor).filter(lambda u: u.descriptor_type not in taken)
    listed = draw(st.lists(st.one_of(*known, forward, unknown), max_size=3))
    sense = holding(key, *listed)
    return DescriptorSense(
        sense_key=key,
        response_code=draw(st.sampled_from((0x72, 0x73))),
        additional_sense=draw(CODES),
        sdat_ovfl=draw(st.booleans()),
        descriptors=sense.descriptors,
    )


def sense_data() -> st.SearchStrategy[bytes]:
    """Sense data of either format."""
    return st.one_of(FIXED, descriptor_sense()).map(lambda sense: sense.pack())


@given(sense=descriptor_sense())
@some
def test_every_field_of_every_descriptor(sense: DescriptorSense) -> None:
    check(sense.pack())


@pytest.mark.parametrize("sample", samples.of("sense"), ids=lambda s: s.name)
def test_sense_data_from_outside(sample: samples.Sample) -> None:
    check(sample.data)


def test_the_types_of_descriptors_that_have_a_name_are_the_same() -> None:
    taken = d.OtherDescriptors.row("descriptors").family
    assert taken
    codes = [code for code in range(0x80) if code not in taken.members]
    said_of = {
        code: printed(holding(7, d.UnknownDescriptor(descriptor_type=code, value=bytes(6))).pack())
        for code in codes
    }
    nameless = [code for code in codes if f"Descriptor type: Unknown [{code:#x}]" in said_of[code]]
    assert nameless == [code for code in codes if d.descriptor_name(code) == "reserved"]


@given(indication=st.integers(0, 0xFFFF))
@some
def test_the_hundredths_of_a_progress_are_ours_or_one_fewer(indication: int) -> None:
    sense = holding(k.NOT_READY, d.ProgressDescriptor(specific=k.Progress(sksv=True, indication=indication)))
    ours, theirs = dict(read(sense.pack())), dict(said(printed(sense.pack())))
    assert ours["hundredths"] - theirs["hundredths"] in (0, 1)
    assert ours["per cent"] == theirs["per cent"]


@pytest.mark.parametrize("entry", [*KNOWN_WRONG, ROUNDING], ids=str)
def test_what_is_listed_as_wrong_is_wrong(entry: Wrong) -> None:
    data = entry.example.pack()
    still_wrong(SG_DECODE_SENSE, entry, read(data), said(printed(data)))


@pytest.mark.parametrize("entry", SILENT, ids=str)
def test_what_is_listed_as_unsaid_is_not_said(entry: Silent) -> None:
    still_silent(SG_DECODE_SENSE, entry, printed(entry.one.pack()), printed(entry.other.pack()))
