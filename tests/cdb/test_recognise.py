"""What some bytes are, from the bytes alone: every sample from outside, and what is too little to tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb.catalogue import COMMANDS, cdb_record, data_records, name_of, named, structures
from cdb.recognise import read_as, recognise
from tests.cdb.captured import commands
from tests.cdb.samples import Sample, samples

# What the structure of a sample is called in the catalogue.
NAMES = {
    "CSCD descriptor E4h": "identification-cscd",
    "EXTENDED COPY(LID1) list": "lid1-parameter-list",
    "EXTENDED COPY(LID4) list": "lid4-parameter-list",
    "GET LBA STATUS data": "lba-status-data",
    "POPULATE TOKEN list": "populate-token-list",
    "RECEIVE COPY FAILURE DETAILS(LID1) data": "failure-details",
    "RECEIVE COPY OPERATING PARAMETERS data": "operating-parameters",
    "RECEIVE COPY STATUS(LID1) data": "copy-status-lid1",
    "RECEIVE COPY STATUS(LID4) data": "copy-status-lid4",
    "RECEIVE ROD TOKEN INFORMATION data": "rod-token-information",
    "REPORT ALL ROD TOKENS data": "all-rod-tokens",
    "REPORT LUNS data": "lun-list",
    "REPORT SUPPORTED OPERATION CODES data, all_commands": "all-commands",
    "REPORT SUPPORTED OPERATION CODES data, one_command": "one-command",
    "ROD token": "rod-token",
    "UNMAP list": "unmap-parameter-list",
    "VPD page 8Fh": "third-party-copy",
    "VPD page B0h": "block-limits",
    "VPD page B2h": "logical-block-provisioning",
    "WRITE USING TOKEN list": "write-using-token-list",
    "segment descriptor 02h": "block-to-block",
    "segment descriptor 07h": "verify-cscd",
    "segment descriptor 0Ah": "block-offset-to-block-offset",
    "segment descriptor 14h": "register-key",
}
TOO_LITTLE = {
    "ctl_no_failure": "its length says that nothing follows, and the rest is zero",
    "ctl_rod_token_information_none": "a LID4 status of zeros fits as well",
    "infi_sense_medium_not_present": "17 of 18 bytes: cut short, and little else in it",
    "scst_failure_details": "its AVAILABLE DATA is one too large",
    "sg3_vpd_third_party_copy": "its PAGE LENGTH is four bytes too large",
}


def expected(sample: Sample) -> str:
    if sample.structure.startswith("sense, fixed"):
        return "fixed-sense"
    return "descriptor-sense" if sample.structure.startswith("sense") else NAMES.get(sample.structure, "")


FOUND = [s for s in samples() if expected(s) and s.name not in TOO_LITTLE]


@pytest.mark.parametrize("sample", FOUND, ids=lambda s: s.name)
def test_a_sample_from_outside_is_recognised_by_its_bytes_alone(sample: Sample) -> None:
    best = recognise(sample.data)[0]
    assert name_of(best.record) == expected(sample)
    assert not best.error


@pytest.mark.parametrize("name", ["scst_failure_details", "sg3_vpd_third_party_copy"])
def test_a_length_that_lies_is_said_and_what_is_there_is_read(name: str) -> None:
    sample = next(s for s in samples() if s.name == name)
    reading = read_as(named()[NAMES[sample.structure]], sample.data)
    assert "the structure would end at byte" in reading.error
    assert reading.end == len(sample.data)


def test_every_captured_command_is_known_by_its_operation_code_and_service_action() -> None:
    for vector in ("sgx_simple", "spt_xcopy_3seg", "copyres_params"):
        for captured in commands(vector):
            assert cdb_record(captured.cdb), captured.cdb.hex()


def test_the_data_of_a_known_command_is_what_that_command_has() -> None:
    (captured,) = commands("spt_xcopy_3seg", 0x83)
    assert [name_of(r) for r in data_records(captured.cdb)] == ["lid1-parameter-list"]


@pytest.mark.parametrize(
    ("cdb", "name"),
    [
        ("5e00000000000000ff00", "registered-keys"),
        ("5e03000000000000ff00", "full-status"),
        ("a30c0000000000000100000000", "all-commands"),
    ],
)
def test_where_the_cdb_decides_what_its_data_is_only_that_is_tried(cdb: str, name: str) -> None:
    whole = bytes.fromhex(cdb)[: cdb_size(cdb)]
    assert [name_of(r) for r in data_records(whole)] == [name]


def cdb_size(cdb: str) -> int:
    return {0x5E: 10, 0xA3: 12}[int(cdb[:2], 16)]


@pytest.mark.parametrize("zeros", [0, 1, 16, 36, 96])
def test_zeros_are_nothing(zeros: int) -> None:
    assert [r for r in recognise(bytes(zeros)) if name_of(r.record) != "test-unit-ready"] == []


@given(data=st.binary(max_size=200), label=st.sampled_from(["", "cdb", "sense"]), cdb=st.binary(max_size=16))
def test_whatever_the_bytes_an_answer_comes_back(data: bytes, label: str, cdb: bytes) -> None:
    for reading in recognise(data, label, cdb):
        assert 0 <= reading.end <= len(data)


def test_no_two_structures_have_one_name_and_every_group_has_members() -> None:
    records = {record for entry in COMMANDS for record in (entry.cdb, *entry.data)}
    assert records <= set(named().values())
    for group in ("cdb", "cscd", "segment", "sense", "vpd"):
        assert len(structures(group)) > 1


def test_no_two_commands_have_the_same_operation_code_and_service_action() -> None:
    codes = [
        tuple((row.name, row.default) for row in entry.cdb.rows if row.kind == "const") for entry in COMMANDS
    ]
    assert len(set(codes)) == len(codes)
