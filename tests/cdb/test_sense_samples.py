"""Sense data from outside: what their sources say of them, and what sg_decode_sense says."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest

from cdb.asc import SENSE_KEYS
from cdb.sense import DeviceSense, FieldPointer, Sense
from tests.cdb import samples
from tests.cdb.independent import fixed_sense


def expected(says: dict[str, Any]) -> dict[str, Any]:
    """What a sample's source says, in the attributes of `Sense`."""
    key = says["sense key"]
    found: dict[str, Any] = {
        "key": key if isinstance(key, int) else SENSE_KEYS.index(key.upper()),
        "asc": says["asc"],
        "ascq": says["ascq"],
    }
    if "segment" in says:
        found["segment"] = says["segment"]
    if "deferred" in says:
        found["deferred"] = bool(says["deferred"])
    if says.get("valid", "information" in says) and "information" in says:
        found["information"] = says["information"]
    if says.get("valid") == 0:
        found["information"] = None
    if pointer := says.get("segment pointer") or says.get("field pointer"):
        where = says if isinstance(pointer, int) else pointer
        found["pointer"] = FieldPointer(
            sksv=True,
            command=bool(where.get("C/D")),
            segment=bool(where.get("SD")),
            bpv=bool(where.get("BPV")),
            bit=where.get("bit pointer", 0),
            byte=where["field pointer"],
        )
    if "embedded sense" in says:
        found["devices"] = (
            DeviceSense(
                role="source" if says["source offset"] else "destination",
                status=says["embedded status"],
                sense=bytes.fromhex(says["embedded sense"]),
            ),
        )
    return found


@pytest.mark.parametrize("sample", samples.of("sense"), ids=lambda s: s.name)
def test_what_a_samples_source_says_of_it(sample: samples.Sample) -> None:
    sense = Sense.unpack(sample.data)
    wanted = expected(sample.says)
    assert {name: getattr(sense, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    "sample", samples.of("sense, descriptor format, with forwarded"), ids=lambda s: s.name
)
def test_the_sense_a_samples_source_says_was_forwarded(sample: samples.Sample) -> None:
    says = sample.says["0Ch"]
    (device,) = Sense.unpack(sample.data).devices
    inner = Sense.unpack(device.sense)
    roles = {1: "source", 2: "destination", 7: "destination 6"}
    assert device.role == roles[says["sense data source"]]
    assert (device.status, device.truncated) == (2, bool(says["FSDT"]))
    wanted = expected({**says["forwarded"], "field pointer": None})
    assert {name: getattr(inner, name) for name in wanted} == wanted


POINTER = re.compile(
    r"(start of segment descriptor|parameter list|data parameters|command)[:,] byte (\d+)(?: bit (\d))?"
)


def sg_decode_sense(data: bytes) -> str:
    argv = ["sg_decode_sense", *(f"{byte:02x}" for byte in data)]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=10).stdout.casefold()


MORE = {
    "field pointer with bit, residual": "f00005000000010a00000000260000 8c0054",
    "field pointer into the CDB": "70000500000000 0a0000000024 0000cf0001",
    "segment pointer into the list": "70000a000000000a00000002260a00 880054",
    "segment pointer into the segment": "720a260d00000014 010a000000000005 00000000 02060000a0000a00",
    "deferred, fixed": "710003000000000a000000000c0000000000",
    "deferred, descriptors": "7301170000000000",
    "LIO's 18 bytes": "70000a000000000a000000000d0200000000",
    "LIO's descriptor format": "720a0d0200000000",
    "copy target busy": "720a0d0100000004 0c028108",
    "14 bytes": "7000050000000006000000002400",
}


@pytest.mark.skipif(
    not shutil.which("sg_decode_sense"), reason="sg_decode_sense (sg3-utils) is not installed"
)
class TestAgainstSgDecodeSense:
    """The same bytes, its words and ours. Where it is known to be wrong, by name:

    * the text calls the source of a copy "destination device 0" and destination n "device n-1" (1.46):
      5.17.7.4 gives SOURCE 1h to the copy source and 2h to the copy destination;
    * status and sense embedded in fixed format are not looked at, nor COMMAND-SPECIFIC INFORMATION there;
    * descriptor 0Dh is refused at the 22 bytes of SBC-4 table 20: it wants the 30 of a draft;
    * the remainder of a progress of another condition is printed as if it were decimals.
    """

    @pytest.mark.parametrize(
        "data",
        [s.data for s in samples.of("sense")] + [bytes.fromhex(h) for h in MORE.values()],
        ids=[s.name for s in samples.of("sense")] + list(MORE),
    )
    def test_they_say_the_same(self, data: bytes) -> None:
        theirs, ours = sg_decode_sense(data), Sense.unpack(data)
        theirs, _, _ = theirs.partition("forwarded sense data")
        assert f"sense key: {SENSE_KEYS[ours.key].casefold()}" in theirs
        assert (
            f"additional sense: {str(ours).split(', ', 1)[1].rpartition(' (')[0].casefold()}"[:40] in theirs
        )
        assert ("<<<deferred>>>" in theirs) == ours.deferred
        if ours.information is not None and "info fld" in theirs:
            assert f"info fld=0x{ours.information:x} " in theirs
        elif ours.information is not None and "descriptor type: information" in theirs:
            assert f"information: 0x{ours.information:016x}" in theirs
        where = POINTER.search(theirs)
        assert (where is None) == (ours.pointer is None)
        if where and ours.pointer:
            assert int(where[2]) == ours.pointer.byte
            assert (int(where[3]) if where[3] else None) == (ours.pointer.bit if ours.pointer.bpv else None)
            assert ours.pointer.segment == (where[1] == "start of segment descriptor")
            assert ours.pointer.command == (where[1] == "command")

    def test_it_calls_the_source_of_a_copy_a_destination(self) -> None:
        data = bytes.fromhex("720a0d0100000004 0c028108")
        assert "destination device 0" in sg_decode_sense(data)
        assert "the source device answered status 08h (BUSY)" in str(Sense.unpack(data))

    def test_it_does_not_look_at_embedded_sense(self) -> None:
        inner = fixed_sense(0x7, 0x27, 0x00)
        data = fixed_sense(0xA, 0x0D, 0x01, specific=bytes([0, 18, 0, 0]), tail=b"\x02" + inner)
        assert "write protected" not in sg_decode_sense(data)
        assert "WRITE PROTECTED" in str(Sense.unpack(data))

    def test_it_refuses_the_direct_access_descriptor_at_its_standard_length(self) -> None:
        data = bytes.fromhex("7203110000000018 0d16800080000345 0000001122334455 0000000000000001")
        assert "descriptor too short" in sg_decode_sense(data)
        assert Sense.unpack(data).information == 0x1122334455
