"""sg_copy_results reads what the RECEIVE COPY commands answer as the records of `cdb` do: field by field.

The tool takes its bytes from a device alone, so it is run around a fake one (fake_sg.c), which also keeps the
command it was sent: that is compared too.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cdb.copy_results import (
    OperatingParameters,
    ReceiveCopyDataLid1,
    ReceiveCopyFailureDetailsLid1,
    ReceiveCopyOperatingParameters,
    ReceiveCopyStatusLid1,
    descriptor_type_name,
)
from cdb.copy_status import CopyStatusLid1, FailureDetails, HeldDataLid1
from cdb.sense_key import COPY_ABORTED
from tests.cdb import samples
from tests.cdb.strategies import records
from tests.peers.agreement import Silent, Wrong, agree, fields, still_silent, still_wrong
from tests.peers.sense_text import read as sense_read
from tests.peers.sense_text import said as sense_said
from tests.peers.test_sense import KNOWN_WRONG as WRONG_OF_SENSE
from tests.peers.test_sense import MANY_UNITS, holding, of_progress, sense_data
from tests.peers.tool import SG_COPY_RESULTS, colon, dumped, number

if TYPE_CHECKING:
    from cdb.record import Record
    from tests.peers.agreement import Fields, Table

pytestmark = [
    SG_COPY_RESULTS.needed,
    pytest.mark.skipif(
        not shutil.which("gcc"), reason="gcc, which compiles the fake device, is not installed"
    ),
]
some = settings(max_examples=40, deadline=None)
SOURCE = Path(__file__).with_name("fake_sg.c")
ROOM = 1023  # characters, after which the tool cuts what it says of sense data
ALLOCATION = 520  # what the tool asks for unless told otherwise


@dataclass(frozen=True)
class Device:
    """A fake device in a directory."""

    home: Path

    def answer(self, data: bytes, *options: str) -> tuple[str, str, bytes]:
        """What the tool prints of an answer, what it complains of, and the command it sent for it."""
        (self.home / "answer").write_bytes(data)
        said = SG_COPY_RESULTS.run(
            *options,
            str(self.home / "device"),
            env={
                "LD_PRELOAD": str(self.home / "fake_sg.so"),
                "FAKE_SG_ANSWER": str(self.home / "answer"),
                "FAKE_SG_CDB": str(self.home / "cdb"),
            },
        )
        return said.out, said.err, (self.home / "cdb").read_bytes()


@pytest.fixture(scope="module")
def device(tmp_path_factory: pytest.TempPathFactory) -> Device:
    home = tmp_path_factory.mktemp("fake_sg")
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-O", "-o", home / "fake_sg.so", SOURCE, "-ldl"], check=True, timeout=60
    )
    (home / "device").touch()
    return Device(home)


def power(name: str) -> Any:
    """A field that is an exponent of two and is printed as the power."""
    return lambda r: 1 << getattr(r, name)


PARAMETERS: Table = {
    "Supports no list identifier (SNLID)": "snlid",
    "Maximum target descriptor count": "maximum_cscd_count",
    "Maximum segment descriptor count": "maximum_segment_count",
    "Maximum descriptor list length": "maximum_list_length",
    "Maximum segment length": "maximum_segment_length",
    "Maximum inline data length": "maximum_inline_data_length",
    "Held data limit": "held_data_limit",
    "Maximum stream device transfer size": "maximum_stream_transfer_size",
    "Total concurrent copies": "total_concurrent_copies",
    "Maximum concurrent copies": "maximum_concurrent_copies",
    "Data segment granularity": power("data_segment_granularity"),
    "Inline data granularity": power("inline_data_granularity"),
    "Held data granularity": power("held_data_granularity"),
}
STATUS: Table = {
    "Held data discarded": "hdd",
    "Copy manager status": lambda r: min(r.status, 3),
    "Segments processed": "segments_processed",
    "Transfer count units": "transfer_count_units",
    "Transfer count": "transfer_count",
}
STATUS_WORDS = {
    "Yes": 1,
    "No": 0,
    "Operation in progress": 0,
    "Operation completed without errors": 1,
    "Operation completed with errors": 2,
    "Unknown/Reserved": 3,
}
MANY: dict[str, Any] = {"snlid": True, "maximum_cscd_count": 2, "maximum_segment_count": 1}
MANY |= {"maximum_list_length": 92, "maximum_segment_length": 0, "implemented_types": ()}

KNOWN_WRONG = (
    Wrong(
        "Inline data granularity",
        "above 2^30 the exponent itself is printed, where the two other granularities say 2**n",
        OperatingParameters(inline_data_granularity=31, **MANY),
        when=lambda power: power >= 1 << 31,
    ),
)
# Codes the tool calls reserved: its table ends with SPC-3's EBh and 15h.
CALLED_RESERVED = {
    0x16: "image of block to block (SPC-4 6.4.6.21)",
    0x17: "SPC-5",
    0x18: "SPC-5",
    0x19: "SPC-5",
    0xBE: "populate a ROD from block ranges (SPC-4)",
    0xBF: "populate a ROD from one block range (SPC-4)",
    0xEC: "SPC-5",
    0xFE: "ROD CSCD descriptor (SPC-4)",
    0xFF: "CSCD descriptor extension (SPC-4)",
}
PLAIN: dict[str, Any] = {"segments_processed": 1, "transfer_count_units": 0, "transfer_count": 1}
SILENT = (
    Silent(
        "COPY COMMAND STATUS",
        "which reserved status it is",
        CopyStatusLid1(status=3, **PLAIN),
        CopyStatusLid1(status=0x60, **PLAIN),
    ),
)


def status_said(out: str) -> Fields:
    """The fields of a copy's status."""
    return [colon(line, STATUS_WORDS) for line in out.splitlines()[1:]]


def parameters_said(out: str) -> Fields:
    """The fields of operating parameters, then the codes of the descriptors that are implemented."""
    said, _, listed = out.replace("Inline data not supported", "Maximum inline data length: 0").partition(
        "    Implemented descriptor list:\n"
    )
    found = [colon(line) for line in said.splitlines()[1:]]
    return found + [("code", number(code)) for code in re.findall(r"descriptor (0x\w+)", listed)]


def parameters_read(record: OperatingParameters) -> Fields:
    """Ours in the same order."""
    return fields(record, PARAMETERS) + [("code", code) for code in record.implemented_types]


@given(record=records(CopyStatusLid1), identifier=st.integers(0, 0xFF))
@some
def test_every_field_of_a_copys_status(device: Device, record: CopyStatusLid1, identifier: int) -> None:
    out, _, cdb = device.answer(record.pack(), "--status", f"--list_id={identifier}")
    agree(SG_COPY_RESULTS, fields(CopyStatusLid1.unpack(record.pack()), STATUS), status_said(out))
    asked = ReceiveCopyStatusLid1.unpack(cdb)
    assert (asked.list_identifier, asked.allocation_length) == (identifier, ALLOCATION)


@given(record=records(OperatingParameters), allocation=st.integers(64, 9999))
@some
def test_every_field_of_operating_parameters(
    device: Device, record: OperatingParameters, allocation: int
) -> None:
    out, _, cdb = device.answer(record.pack(), "--params", f"--xfer_len={allocation}")
    read = OperatingParameters.unpack(record.pack())
    agree(SG_COPY_RESULTS, parameters_read(read), parameters_said(out), KNOWN_WRONG)
    assert ReceiveCopyOperatingParameters.unpack(cdb).allocation_length == allocation


@given(status=st.integers(0, 0xFF), sense=sense_data(), identifier=st.integers(0, 0xFF))
@some
def test_every_field_of_failure_details(device: Device, status: int, sense: bytes, identifier: int) -> None:
    data = FailureDetails(status=status, sense=sense).pack()
    out, _, cdb = device.answer(data, "--failed", f"--list_id={identifier}")
    read = FailureDetails.unpack(data)
    _, told, text = out.split("\n", 2)
    assert colon(told) == ("Extended copy command status", read.status)
    assume(len(text) < ROOM)
    agree(
        SG_COPY_RESULTS,
        of_progress(sense_read(read.sense)),
        of_progress(sense_said(text)),
        WRONG_OF_SENSE,
    )
    asked = ReceiveCopyFailureDetailsLid1.unpack(cdb)
    assert (asked.list_identifier, asked.allocation_length) == (identifier, ALLOCATION)


@given(held=st.binary(max_size=64), identifier=st.integers(0, 0xFF))
@some
def test_held_data(device: Device, held: bytes, identifier: int) -> None:
    data = HeldDataLid1(held_data=held).pack()
    out, _, cdb = device.answer(data, "--receive", f"--list_id={identifier}")
    lines = [re.sub(r"^ *[0-9a-f]{2,}  +", "", line) for line in out.splitlines()]
    assert dumped(lines)[4 : 4 + len(held)] == HeldDataLid1.unpack(data).held_data
    assert ReceiveCopyDataLid1.unpack(cdb).list_identifier == identifier


READ: dict[str, tuple[str, Any]] = {
    "RECEIVE COPY OPERATING PARAMETERS": ("--params", OperatingParameters),
    "RECEIVE COPY STATUS(LID1)": ("--status", CopyStatusLid1),
}


@pytest.mark.parametrize(
    "sample",
    samples.of("RECEIVE COPY OPERATING") + samples.of("RECEIVE COPY STATUS(LID1)"),
    ids=lambda s: s.name,
)
def test_an_answer_from_outside(device: Device, sample: samples.Sample) -> None:
    option, of = READ[sample.structure.removesuffix(" data")]
    out, *_ = device.answer(sample.data, option)
    read = of.unpack_from(sample.data)
    if of is CopyStatusLid1:
        agree(SG_COPY_RESULTS, fields(read, STATUS), status_said(out))
    else:
        agree(SG_COPY_RESULTS, parameters_read(read), parameters_said(out))


@pytest.mark.parametrize("sample", samples.of("RECEIVE COPY FAILURE DETAILS"), ids=lambda s: s.name)
def test_failure_details_from_outside(device: Device, sample: samples.Sample) -> None:
    out, err, _ = device.answer(sample.data, "--failed")
    read = FailureDetails.unpack_from(sample.data + b"\0")  # SCST counts a byte that is not there
    if not read.sense:
        assert "no segment details" in err
        assert not out
        return
    _, told, text = out.split("\n", 2)
    assert colon(told) == ("Extended copy command status", read.status)
    agree(SG_COPY_RESULTS, sense_read(read.sense), sense_said(text))


def test_the_codes_that_have_a_name(device: Device) -> None:
    named = set()
    for start in (0, 128):
        codes = tuple(range(start, start + 128))
        out, *_ = device.answer(OperatingParameters(**MANY | {"implemented_types": codes}).pack(), "--params")
        lines = re.findall(r"descriptor (0x\w+)(?:: (.*))?", out)
        assert [int(code, 16) for code, _ in lines] == list(codes)
        named |= {int(code, 16) for code, name in lines if name not in ("", "Reserved")}
    ours = {code for code in range(256) if descriptor_type_name(code) not in ("", "vendor specific")}
    assert named <= ours
    if SG_COPY_RESULTS.is_listed:
        assert ours - named == set(CALLED_RESERVED)


@pytest.mark.parametrize("entry", KNOWN_WRONG, ids=str)
def test_what_is_listed_as_wrong_is_wrong(device: Device, entry: Wrong) -> None:
    record: Any = entry.example
    out, *_ = device.answer(record.pack(), "--params")
    still_wrong(SG_COPY_RESULTS, entry, parameters_read(record), parameters_said(out))


@pytest.mark.parametrize("entry", SILENT, ids=str)
def test_what_is_listed_as_unsaid_is_not_said(device: Device, entry: Silent) -> None:
    one, other = (device.answer(record.pack(), "--status")[0] for record in (entry.one, entry.other))
    still_silent(SG_COPY_RESULTS, entry, one, other)


def test_what_is_said_of_sense_data_is_cut(device: Device) -> None:
    sense = holding(COPY_ABORTED, *MANY_UNITS).pack()
    out, *_ = device.answer(FailureDetails(status=2, sense=sense).pack(), "--failed")
    text = out.split("\n", 2)[2]
    if not SG_COPY_RESULTS.is_listed:
        pytest.skip(f"sg_copy_results {SG_COPY_RESULTS.version} says {len(text)} characters")
    assert len(text) == ROOM


def test_every_field_has_a_label() -> None:
    def compared(table: Table) -> set[str]:
        return {what for what in table.values() if isinstance(what, str)}

    rest: dict[type[Record], set[str]] = {
        CopyStatusLid1: set(CopyStatusLid1.field_names()) - compared(STATUS),
        OperatingParameters: set(OperatingParameters.field_names()) - compared(PARAMETERS),
    }
    assert rest == {
        CopyStatusLid1: {"status"},  # in words
        OperatingParameters: {
            "data_segment_granularity", "inline_data_granularity", "held_data_granularity",  # as powers
            "implemented_types",  # in a list
        },
    }  # fmt: skip
