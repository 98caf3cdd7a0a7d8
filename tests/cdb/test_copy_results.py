"""The 84h commands, and the operating parameters of copy managers.

Bytes from outside: commands captured from sg_copy_results, ddptctl and libiscsi's tests, commands as scsi-cdb
decodes them, and parameters worked out from the code of FreeBSD, Linux, SCST and tcmu-runner or printed by
infi.asi (fixtures/samples.json).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import copy_results
from cdb.errors import DecodeError
from tests.cdb import samples
from tests.cdb.captured import commands
from tests.cdb.independent import laid_out
from tests.cdb.strategies import records

if TYPE_CHECKING:
    from cdb.record import Record

    Places = dict[str, int | bytes]

CDBS: dict[type[Record], tuple[int, str]] = {  # service action, and where the list identifier lies
    copy_results.ReceiveCopyStatusLid1: (0x00, "2"),
    copy_results.ReceiveCopyDataLid1: (0x01, "2"),
    copy_results.ReceiveCopyOperatingParameters: (0x03, ""),
    copy_results.ReceiveCopyFailureDetailsLid1: (0x04, "2"),
    copy_results.ReceiveCopyStatusLid4: (0x05, "2-5"),
    copy_results.ReceiveCopyDataLid4: (0x06, "2-5"),
    copy_results.ReceiveRodTokenInformation: (0x07, "2-5"),
    copy_results.ReportAllRodTokens: (0x08, ""),
}


@pytest.mark.parametrize("of", CDBS, ids=lambda r: r.__name__)
@given(data=st.data())
def test_a_command_lies_where_its_table_says(of: type[Record], data: st.DataObject) -> None:
    made: Any = data.draw(records(of))
    action, identifier = CDBS[of]
    places: Places = {"0": 0x84, "1.4-0": action, "10-13": made.allocation_length, "15": made.control}
    if identifier:
        places[identifier] = made.list_identifier
    assert made.pack() == laid_out(16, places)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("copyres_status", copy_results.ReceiveCopyStatusLid1(list_identifier=66, allocation_length=520)),
        ("copyres_data", copy_results.ReceiveCopyDataLid1(list_identifier=66, allocation_length=520)),
        ("copyres_params", copy_results.ReceiveCopyOperatingParameters()),
        (
            "copyres_failed",
            copy_results.ReceiveCopyFailureDetailsLid1(list_identifier=66, allocation_length=520),
        ),
        (
            "ddptctl_rrti",
            copy_results.ReceiveRodTokenInformation(list_identifier=0x01020304, allocation_length=1024),
        ),
        ("ddptctl_all_toks", copy_results.ReportAllRodTokens(allocation_length=3080)),
        (
            "lisc_ReceiveCopyResults_OpParams",
            copy_results.ReceiveCopyOperatingParameters(allocation_length=1024),
        ),
    ],
)
def test_a_command_is_what_another_tool_sent(name: str, made: Record) -> None:
    (captured,) = commands(name)
    assert made.pack() == captured.cdb


@pytest.mark.parametrize(
    ("name", "of"),
    [
        ("cdb_receive_copy_data", copy_results.ReceiveCopyDataLid4),
        ("cdb_receive_copy_status", copy_results.ReceiveCopyStatusLid4),
        ("cdb_receive_rod_token_information", copy_results.ReceiveRodTokenInformation),
        ("cdb_report_all_rod_tokens", copy_results.ReportAllRodTokens),
    ],
)
def test_a_command_is_what_another_decoder_reads_in_it(name: str, of: type[Record]) -> None:
    sample = samples.sample(name)
    read: Any = of.unpack(sample.data)
    found = {field.replace("_", " "): getattr(read, field) for field in of.field_names()}
    assert found.items() <= sample.says.items()
    assert read.pack() == sample.data


OPERATING_PARAMETERS = {
    "SNLID": "snlid",
    "max CSCD count": "maximum_cscd_count",
    "max segment count": "maximum_segment_count",
    "max descriptor list length": "maximum_list_length",
    "max segment length": "maximum_segment_length",
    "max inline data length": "maximum_inline_data_length",
    "held data limit": "held_data_limit",
    "max stream transfer size": "maximum_stream_transfer_size",
    "total concurrent copies": "total_concurrent_copies",
    "max concurrent copies": "maximum_concurrent_copies",
    "data segment granularity log2": "data_segment_granularity",
    "inline granularity log2": "inline_data_granularity",
    "held data granularity log2": "held_data_granularity",
    "implemented": "implemented_types",
}


@pytest.mark.parametrize("sample", samples.of("RECEIVE COPY OPERATING PARAMETERS data"), ids=lambda s: s.name)
def test_the_operating_parameters_of_a_copy_manager_are_read(sample: samples.Sample) -> None:
    read = copy_results.OperatingParameters.unpack_from(sample.data)
    named = OPERATING_PARAMETERS.keys() & sample.says.keys()
    found = {name: getattr(read, OPERATING_PARAMETERS[name]) for name in named} | {
        "implemented": list(read.implemented_types)
    }
    assert found == {name: sample.says[name] for name in named}
    assert read.pack() == sample.data[: len(read.pack())]


@given(made=records(copy_results.OperatingParameters))
def test_operating_parameters_lie_where_the_table_says(made: Any) -> None:
    types = made.implemented_types
    header = laid_out(
        44,
        {
            "0-3": 40 + len(types),
            "4.0": int(made.snlid),
            "8-9": made.maximum_cscd_count,
            "10-11": made.maximum_segment_count,
            "12-15": made.maximum_list_length,
            "16-19": made.maximum_segment_length,
            "20-23": made.maximum_inline_data_length,
            "24-27": made.held_data_limit,
            "28-31": made.maximum_stream_transfer_size,
            "34-35": made.total_concurrent_copies,
            "36": made.maximum_concurrent_copies,
            "37": made.data_segment_granularity,
            "38": made.inline_data_granularity,
            "39": made.held_data_granularity,
            "43": len(types),
        },
    )
    assert made.pack() == header + bytes(types)


def test_operating_parameters_padded_to_the_allocation_are_read() -> None:
    sent = samples.sample("lio_operating_parameters").data  # Linux pads its answer so
    read = copy_results.OperatingParameters.unpack_from(sent.ljust(520, b"\0"))
    assert read == copy_results.OperatingParameters.unpack(sent)


@pytest.mark.parametrize("length", [0, 3, 43, 44, 45])
def test_operating_parameters_cut_short_are_a_decode_error(length: int) -> None:
    with pytest.raises(DecodeError):
        copy_results.OperatingParameters.unpack(samples.sample("lio_operating_parameters").data[:length])


def test_codes_are_named_as_the_tables_name_them() -> None:
    # SPC-4 6.4.4, table 130: C0h to DFh are the vendors', the codes on both sides are not given away
    types = {code: copy_results.descriptor_type_name(code) for code in (0x02, 0xE4, 0xBD, 0xC0, 0xDF, 0xED)}
    assert types == {
        0x02: "block to block",
        0xE4: "identification descriptor",
        0xBD: "",
        0xC0: "vendor specific",
        0xDF: "vendor specific",
        0xED: "",
    }
    granularities = [copy_results.power_of_two(exponent) for exponent in (0, 9, 63, 64)]
    assert granularities == ["1 byte", "512 bytes", f"{2**63} bytes", "out of all proportion"]
