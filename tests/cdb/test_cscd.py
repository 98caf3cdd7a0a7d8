"""CSCD descriptors lie byte for byte where T10's tables put them.

Bytes from outside exist for E4h alone: commands captured from other initiators (also in test_extended_copy)
and the bytes the tests of python-scsi expect. No tool or test that is public builds any other descriptor, so
those are compared with a second encoder only. Its byte numbers are worked out from the order of the rows in
SPC-4's tables 132 to 143 and 489 to 497, and agree with FreeBSD's scsi_all.h (header, E4h, parameters) and
with QNAP's tpc_def.h (header, E4h, E6h, EBh, FEh, the extension of EAh, parameters).
The width of E8h's DIRECTORY ID, 3 bytes, is that of Linux's SBP target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdb import cscd
from cdb.cscd_id import cscd_id_name
from cdb.errors import DecodeError, EncodeError
from cdb.extended_copy import Lid1ParameterList
from cdb.trace import Heading, Trace
from tests.cdb import samples
from tests.cdb.captured import commands
from tests.cdb.independent import laid_out
from tests.cdb.strategies import records

if TYPE_CHECKING:
    from collections.abc import Callable

    from cdb.record import Record

    Places = dict[str, int | bytes]


def head(c: Any, *, port: bool = True) -> Places:
    first = {
        "0": c.descriptor_type,
        "1.7-6": c.lu_id_type,
        "1.5": int(c.nul),
        "1.4-0": c.peripheral_device_type,
    }
    return {**first, "2-3": c.relative_initiator_port} if port else first


def at_28(p: Any) -> Places:
    if isinstance(p, cscd.BlockParameters):
        return {"28.2": int(p.pad), "29-31": p.block_length}
    if isinstance(p, cscd.StreamParameters):
        return {"28.2": int(p.pad), "28.0": int(p.fixed), "29-31": p.block_length}
    if isinstance(p, cscd.ProcessorParameters):
        return {"28.2": int(p.pad)}
    return {"28-31": p.parameters}


def designator(c: Any, at: int) -> Places:
    return {
        f"{at}.3-0": c.code_set,
        f"{at + 1}.5-4": c.association,
        f"{at + 1}.3-0": c.designator_type,
        f"{at + 3}": len(c.value),
        f"{at + 4}-{at + 23}": c.value.ljust(20, b"\0"),
    }


def unit(c: Any) -> Places:
    return {**head(c), "4-11": c.lu_identifier, **at_28(c.parameters)}


PLACES: dict[type[Record], tuple[int, Callable[[Any], Places]]] = {
    cscd.PortNameCscd: (32, lambda c: {**unit(c), "12-19": c.port_name}),
    cscd.PortIdCscd: (32, lambda c: {**unit(c), "21-23": c.port_id}),
    cscd.CheckedPortIdCscd: (32, lambda c: {**unit(c), "12-19": c.port_name, "21-23": c.port_id}),
    cscd.ParallelCscd: (32, lambda c: {**unit(c), "12": c.vendor_specific, "13": c.target_identifier}),
    cscd.IdentificationCscd: (32, lambda c: {**head(c), **designator(c, 4), **at_28(c.parameters)}),
    cscd.Ipv4Cscd: (
        32,
        lambda c: {**unit(c), "12-15": c.address, "22-23": c.port, "26-27": c.internet_protocol},
    ),
    cscd.AliasCscd: (32, lambda c: {**unit(c), "12-19": c.alias_value}),
    cscd.RdmaCscd: (32, lambda c: {**unit(c), "12-27": c.target_port}),
    cscd.Ieee1394Cscd: (32, lambda c: {**unit(c), "12-19": c.eui64, "20-22": c.directory_id}),
    cscd.SasCscd: (32, lambda c: {**unit(c), "12-19": c.sas_address}),
    cscd.Ipv6Cscd: (
        64,
        lambda c: {
            **unit(c), "12-27": c.address, "32": 0xFF, "36-37": c.port, "38-39": c.internet_protocol
        },
    ),
    cscd.IpCopyServiceCscd: (
        64,
        lambda c: {
            **head(c, port=False), "2.0": int(c.ipv6), "12-27": c.address, **at_28(c.parameters),
            "32": 0xFF, "36-37": c.port, "38-39": c.internet_protocol, **designator(c, 40),
        },
    ),
    cscd.MultipleDeviceCscd: (32, lambda c: {"0": 0xEC, "1-31": c.contents}),
    cscd.RodCscd: (
        32,
        lambda c: {
            **head(c), "4-5": c.producer_cscd, "8-11": c.rod_type, "12-15": c.token_lifetime,
            "16-19": c.token_inactivity_timeout, "22.0": int(c.r_token), "23.0": int(c.del_tkn),
            "24-27": c.token_offset, **at_28(c.parameters),
        },
    ),
    cscd.CscdExtension: (32, lambda c: {"0": 0xFF, "1-31": c.contents}),
    cscd.UnknownCscd: (32, lambda c: {"0": c.descriptor_type, "1-31": c.parameters}),
}  # fmt: skip


def test_every_descriptor_of_the_family_is_compared_with_the_second_encoder() -> None:
    assert {m.record for m in cscd.CSCDS.members.values()} | {cscd.UnknownCscd} == set(PLACES)


@pytest.mark.parametrize("of", PLACES, ids=lambda r: r.__name__)
@given(data=st.data())
def test_a_second_encoder_makes_the_same_bytes(of: type[Record], data: st.DataObject) -> None:
    made = data.draw(records(of))
    size, places = PLACES[of]
    assert made.pack() == laid_out(size, places(made))
    assert of.unpack(laid_out(size, places(made))) == made


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (0xE0, "FC N_Port_Name descriptor"),
        (0xE1, "FC N_Port_ID descriptor"),
        (0xE2, "FC N_Port_ID with name checking descriptor"),
        (0xE3, "parallel interface T_L descriptor"),
        (0xE4, "identification descriptor"),
        (0xE5, "IPv4 descriptor"),
        (0xE6, "alias descriptor"),
        (0xE7, "RDMA descriptor"),
        (0xE8, "IEEE 1394 EUI-64 descriptor"),
        (0xE9, "SAS descriptor"),
        (0xEA, "IPv6 descriptor"),
        (0xEB, "IP copy service descriptor"),
        (0xEC, "multiple device descriptor"),
        (0xED, ""),
        (0xFD, ""),
        (0xFE, "ROD descriptor"),
        (0xFF, "extension descriptor"),
    ],
)
def test_the_types_have_the_names_of_table_131(code: int, name: str) -> None:
    assert cscd.CSCDS.name_of(code) == name


def test_the_stream_descriptor_the_tests_of_python_scsi_expect_is_read_and_built_again() -> None:
    # tests/test_cdb_extended_copy_spc5.py: T10 vendor id "TrueNAS " + "test123", pad, fixed, 1024 bytes
    expected = bytes.fromhex(
        "e4010000" "0201000f" "547275654e41532074657374313233" "0000000000" "05000400"
    )  # fmt: skip
    read = cscd.IdentificationCscd.unpack(expected)
    assert read == cscd.IdentificationCscd(
        peripheral_device_type=1,
        code_set=2,
        association=0,
        designator_type=1,
        value=b"TrueNAS test123",
        parameters=cscd.StreamParameters(pad=True, fixed=True, block_length=1024),
    )
    assert read.pack() == expected


def test_the_padded_block_descriptor_the_tests_of_python_scsi_expect_is_read() -> None:
    # the same file: vendor specific designator DEADBEEFh, relative initiator port 42, pad
    read = cscd.IdentificationCscd.unpack(bytes.fromhex("e400002a00000004deadbeef" + 16 * "00" + "04000000"))
    assert (read.relative_initiator_port, read.value.hex()) == (42, "deadbeef")
    assert read.parameters == cscd.BlockParameters(pad=True, block_length=0)


@pytest.mark.parametrize("sample", samples.of("CSCD descriptor"), ids=lambda s: s.name)
def test_a_descriptor_from_outside_is_read_as_its_source_says_and_built_again(
    sample: samples.Sample,
) -> None:
    read = cscd.IdentificationCscd.unpack(sample.data)
    found = {
        "descriptor type": read.descriptor_type,
        "peripheral device type": read.peripheral_device_type,
        "relative initiator port": read.relative_initiator_port,
        "code set": read.code_set,
        "association": read.association,
        "designator type": read.designator_type,
        "designator length": len(read.value),
        "designator": read.value.hex(),
        "pad": getattr(read.parameters, "pad", None),
        "fixed": getattr(read.parameters, "fixed", None),
        "disk block length": getattr(read.parameters, "block_length", None),
        "stream block length": getattr(read.parameters, "block_length", None),
    }
    assert {name: found[name] for name in sample.says} == sample.says
    assert read.pack() == sample.data


def test_the_descriptors_sg_xcopy_sent_are_read() -> None:
    (captured,) = commands("sgx_simple", 0x83)
    for found in Lid1ParameterList.unpack(captured.data_out).cscds:
        assert isinstance(found, cscd.IdentificationCscd)
        assert found.parameters == cscd.BlockParameters(block_length=512)


def parameter_list(*descriptors: bytes) -> bytes:
    body = b"".join(descriptors)
    return bytes(2) + len(body).to_bytes(2, "big") + bytes(12) + body


def ipv6() -> bytes:
    return laid_out(64, {"0": 0xEA, "12-27": 1, "32": 0xFF, "36-37": 3260, "38-39": 6})


def test_a_descriptor_of_64_bytes_takes_up_two_ids() -> None:
    trace = Trace()
    Lid1ParameterList.trace(
        parameter_list(ipv6(), laid_out(32, {"0": 0xE9}), laid_out(32, {"0": 0xFE})), trace
    )
    headings = [(e.at, e.name) for e in trace.entries if isinstance(e, Heading) and e.depth == 1]
    assert headings == [(16, "CSCD descriptor 0"), (80, "CSCD descriptor 2"), (112, "CSCD descriptor 3")]


@pytest.mark.parametrize("code", [0xEA, 0xEB])
def test_a_descriptor_of_64_bytes_without_its_extension_is_named_with_the_byte(code: int) -> None:
    damaged = laid_out(64, {"0": code, "32": 0xE4})
    with pytest.raises(DecodeError, match="EXTENSION DESCRIPTOR TYPE CODE at byte 48 is 0xe4, expected 0xff"):
        Lid1ParameterList.unpack(parameter_list(damaged))


@pytest.mark.parametrize("code", [0xEA, 0xEB])
def test_a_descriptor_of_64_bytes_cut_in_half_is_a_decode_error(code: int) -> None:
    with pytest.raises(DecodeError, match="is cut off"):
        Lid1ParameterList.unpack(parameter_list(laid_out(32, {"0": code})))


@pytest.mark.parametrize("code", [0xC0, 0xDF, 0x02, 0xED, 0xFD])
def test_a_type_nobody_knows_is_kept_as_it_is(code: int) -> None:
    strange = bytes([code]) + bytes(range(31))
    read = Lid1ParameterList.unpack(parameter_list(strange))
    assert read.cscds == (cscd.UnknownCscd(descriptor_type=code, parameters=bytes(range(31))),)
    assert read.pack() == parameter_list(strange)


@pytest.mark.parametrize("device_type", range(32))
def test_the_device_type_says_what_the_last_four_bytes_are(device_type: int) -> None:
    read = cscd.SasCscd.unpack(laid_out(32, {"0": 0xE9, "1": device_type, "28-31": 0x05000200}))
    expected = {
        **dict.fromkeys((0, 4, 5, 7, 14), cscd.BlockParameters(pad=True, block_length=512)),
        1: cscd.StreamParameters(pad=True, fixed=True, block_length=512),
        3: cscd.ProcessorParameters(pad=True),
    }
    assert read.parameters == expected.get(
        device_type, cscd.OtherParameters(parameters=bytes.fromhex("05000200"))
    )


def test_the_parameters_of_another_device_type_are_refused() -> None:
    with pytest.raises(EncodeError, match="takes StreamParameters"):
        cscd.SasCscd(
            peripheral_device_type=1,
            lu_identifier=bytes(8),
            sas_address=bytes(8),
            parameters=cscd.BlockParameters(block_length=512),
        )


@pytest.mark.parametrize(("code", "at"), [(0xE4, 7), (0xEB, 43)])
def test_a_designator_longer_than_its_place_is_a_decode_error(code: int, at: int) -> None:
    damaged = bytearray(laid_out(64, {"0": code, "32": 0xFF}))
    damaged[at] = 21
    with pytest.raises(DecodeError, match="has room for 20 bytes, not 21"):
        cscd.CSCDS.record_of(code).unpack_from(damaged)


@pytest.mark.parametrize(
    ("of", "row", "value", "meaning"),
    [
        (cscd.Ipv4Cscd, "address", 0xC0000201, "192.0.2.1"),
        (cscd.Ipv6Cscd, "address", 0x20010DB8 << 96 | 1, "2001:db8::1"),
        (cscd.IpCopyServiceCscd, "address", 0xC0000201 << 96, "192.0.2.1"),
        (cscd.IpCopyServiceCscd, "address", 0x20010DB8 << 96 | 1, "2001:db8::1"),
        (cscd.RodCscd, "producer_cscd", 0xF800, "the logical unit a ROD token names"),
        (cscd.RodCscd, "rod_type", 0, "told by the ROD token"),
        (cscd.RodCscd, "rod_type", 0x00010000, "access upon reference"),
        (cscd.RodCscd, "rod_type", 0x0080FFFF, "point in time copy, any"),
        (cscd.RodCscd, "rod_type", 0x0000FFFF, "reserved"),
        (cscd.RodCscd, "rod_type", 0xFF000000, "device type specific"),
        (cscd.RodCscd, "rod_type", 0xFFFF0001, "block device zero"),
        (cscd.RodCscd, "rod_type", 0xFFFFFFF0, "vendor specific"),
        (cscd.RodCscd, "token_lifetime", 600, "600 s"),
        (cscd.RodCscd, "token_inactivity_timeout", 0, "no limit"),
        (cscd.AliasCscd, "lu_id_type", 1, "proxy token"),
        (cscd.AliasCscd, "peripheral_device_type", 3, "processor"),
    ],
)
def test_values_have_meanings(of: type[Record], row: str, value: int, meaning: str) -> None:
    assert of.row(row).meaning(value) == meaning


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0x0000, "CSCD descriptor 0"),
        (0x07FF, "CSCD descriptor 2047"),
        (0x0800, "reserved"),
        (0xC000, "null block device"),
        (0xC001, "null stream device"),
        (0xC002, "reserved"),
        (0xF800, "the logical unit a ROD token names"),
        (0xFFFF, "the logical unit the command was sent to"),
    ],
)
def test_ids_have_the_names_of_table_148(value: int, name: str) -> None:
    assert cscd_id_name(value) == name
