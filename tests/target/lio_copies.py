"""The EXTENDED COPY commands of the table: well formed, malformed, at a limit and one past it."""

from __future__ import annotations

from tests.target.lio_case import A_TO_B, LAST, UNITS, copy, named, segment

END = UNITS["a"].blocks
BIG_END = UNITS["big"].blocks
HUGE_END = UNITS["huge"].blocks
HIGHEST = (1 << 64) - 1
BIG = {"cscds": (named("big"), named("big")), "to": "big", "touched": ("big",)}
HUGE = {"cscds": (named("huge"), named("huge")), "to": "huge", "touched": ("huge",)}
BIG_4K = {"cscds": (named("big4k"), named("big4k")), "to": "big4k", "touched": ("big4k",)}

MOVED = (
    copy("one block, sent to the destination"),
    copy("one block, sent to the source", to="a"),
    copy("one block, sent to a third unit", to="k"),
    copy("sixteen blocks", segment(100, 200, 16)),
    copy("a whole unit", segment(0, 0, END)),
    copy("the last block to the first", segment(END - 1, 0, 1)),
    copy("the first block to the last", segment(0, END - 1, 1)),
    copy("the destination's descriptor first", segment(3, 5, 1, source=1, destination=0)),
    copy("within one unit, described once", segment(3, 5, 4, destination=0), cscds=(named("b"),)),
    copy("within one unit, described twice", segment(3, 50, 4), cscds=(named("b"), named("b"))),
    copy("within one unit, both ids the first of two descriptors", segment(3, 50, 4, destination=0), to="a"),
    copy("a range onto itself", segment(3, 3, 4, destination=0), cscds=(named("b"),)),
    copy("forward into its own range", segment(10, 13, 8, destination=0), cscds=(named("b"),)),
    copy("back into its own range", segment(13, 10, 8, destination=0), cscds=(named("b"),)),
    copy("blocks of 4096", segment(3, 40, 9, destination=0), cscds=(named("k"),), to="k"),
    copy(
        "from 512 to 4096, sent to the destination", segment(0, 0, 8), cscds=(named("a"), named("k")), to="k"
    ),
    copy("from 512 to 4096, sent to the source", segment(0, 0, 8), cscds=(named("a"), named("k")), to="a"),
    copy("from 4096 to 512, sent to the destination", segment(0, 0, 1), cscds=(named("k"), named("b"))),
    copy("from 4096 to 512, sent to the source", segment(0, 0, 1), cscds=(named("k"), named("b")), to="k"),
    copy("from 4096 to 512, both descriptors say 512", cscds=(named("k", block_length=512), named("b"))),
    copy("no blocks from 512 to 4096", segment(0, 0, 0), cscds=(named("a"), named("k")), to="k"),
    copy("no blocks", segment(3, 5, 0)),
    copy("no blocks, source address past the end", segment(END + 1, 5, 0)),
    copy("no blocks, destination address past the end", segment(3, END + 1, 0)),
    copy("no blocks, both addresses the highest there is", segment(HIGHEST, HIGHEST, 0)),
    copy("no blocks, from an unknown unit", segment(3, 5, 0), cscds=(named("nobody"), named("b"))),
    copy("no blocks, a CSCD id not supplied", segment(3, 5, 0, source=2)),
    copy("as many blocks as the count can say", segment(0, LAST, LAST), **BIG),
    copy("forward into its own range, several reads long", segment(0, 1, LAST), **BIG),
    copy("back into its own range, several reads long", segment(1, 0, LAST), **BIG),
    copy(
        "several reads long, the last past the end of the source", segment(BIG_END - LAST + 1, 0, LAST), **BIG
    ),
    copy(
        "several reads long, the last past the end of the destination",
        segment(0, BIG_END - LAST + 1, LAST),
        **BIG,
    ),
    copy("several reads long, destination at the end", segment(0, BIG_END - LAST, LAST), **BIG),
    copy("blocks of 4096, several reads long", segment(0, 600, 400), **BIG_4K),
    copy("blocks of 4096, forward into its own range, several reads long", segment(0, 1, 900), **BIG_4K),
    copy("blocks of 4096, several reads long, the last past the end", segment(0, 300, 725), **BIG_4K),
    copy("beyond 2^32 blocks", segment(3, HUGE_END - 9, 9, destination=0), **HUGE),
    copy(
        "from beyond 2^32 blocks",
        segment(HUGE_END - 9, 3, 9),
        cscds=(named("huge"), named("b")),
        touched=("huge",),
    ),
)

PAST_THE_END = (
    copy("source ends at the end", segment(END - 4, 0, 4)),
    copy("source one block past the end", segment(END - 3, 0, 4)),
    copy("destination ends at the end", segment(0, END - 4, 4)),
    copy("destination one block past the end", segment(0, END - 3, 4)),
    copy("source address is the capacity", segment(END, 0, 1)),
    copy("destination address is the capacity", segment(0, END, 1)),
    copy("source address is the highest there is", segment(HIGHEST, 0, 1)),
    copy("destination address is the highest there is", segment(0, HIGHEST, 1)),
    copy("source address above 32 bits", segment(1 << 32, 0, 1)),
    copy("destination address above 32 bits", segment(0, 1 << 32, 1)),
    copy("source and destination past the end", segment(END, END, 1)),
    copy("all the count can say, from a small unit", segment(0, 0, LAST)),
    copy("past the end of a unit of more than 2^32 blocks", segment(0, HUGE_END, 1), **HUGE),
    copy(
        "past the end, sent to a unit of more than 2^32 blocks",
        segment(END, 0, 1),
        cscds=(named("a"), named("huge")),
        to="huge",
        touched=("huge",),
    ),
)

UNITS_NAMED = (
    copy("from an unknown unit", cscds=(named("nobody"), named("b"))),
    copy("to an unknown unit", cscds=(named("a"), named("nobody")), to="a"),
    copy("from and to unknown units", cscds=(named("nobody"), named("nobody"))),
    copy(
        "an unknown unit in a slot no segment uses",
        segment(3, 5, 1, source=0, destination=0),
        cscds=(named("b"), named("nobody")),
    ),
    copy("from a unit that only another nexus sees", cscds=(named("far"), named("b"))),
    copy("to a unit that only another nexus sees", cscds=(named("a"), named("far")), to="a"),
    copy("between units that only another nexus sees", cscds=(named("far"), named("far")), to="a"),
    copy("from units of this nexus, sent by another", to="far"),
    copy(
        "within a unit of another nexus, sent by that one",
        segment(3, 50, 4),
        cscds=(named("far"), named("far")),
        to="far",
    ),
    copy("from a unit with third-party copy off", cscds=(named("off"), named("b"))),
    copy("to a unit with third-party copy off", cscds=(named("a"), named("off")), to="a"),
    copy("sent to a unit with third-party copy off", to="off"),
    copy("sent to a unit with third-party copy off, a list too short", to="off", sent=3),
    copy("sent to a unit with third-party copy off, no list", to="off", length=0, sent=0),
)

COMMANDS = (
    copy("no list", length=0, sent=0),
    copy("no list by its length, though one is transferred", length=0),
    *(copy(f"a list of {n} bytes", sent=n) for n in (1, 2, 8, 15)),
    copy("the header alone, its lengths those of a whole list", sent=16),
    copy("a list cut inside the first descriptor", sent=40),
    copy("a list cut inside the second descriptor", sent=79),
    copy("a list cut before the segment", sent=80),
    copy("a list cut inside the segment", sent=90),
    copy("a list one byte short", sent=107),
    copy("length one more than is transferred", length=109),
    copy("length far more than is transferred", length=0xFFFFFFFF),
    copy("length one less than is transferred, the list whole", extra=b"\0", length=108),
    copy("length less than is transferred, the list cut by it", length=107),
    copy("one byte after the list", extra=b"\0"),
    copy("a hundred bytes after the list", extra=b"\xff" * 100),
    *(copy(f"service action {sa:02X}h", cdb={1: sa}) for sa in (0x01, 0x02, 0x10, 0x11, 0x1C, 0x1F)),
    copy("a reserved bit beside the service action", cdb={1: 0x80}),
    copy("all reserved bits beside the service action", cdb={1: 0xE0}),
    copy("a reserved byte of the CDB", cdb={2: 0x01}),
    copy("all reserved bytes of the CDB", cdb=dict.fromkeys((*range(2, 10), 14), 0xFF)),
    copy("NACA in the control byte", cdb={15: 0x04}),
    copy("vendor specific bits in the control byte", cdb={15: 0xC0}),
    copy("reserved bits in the control byte", cdb={15: 0x3B}),
)

HEADERS = (
    copy("a header of zeros and nothing else", sent=16, header=dict.fromkeys(range(16), 0)),
    copy("no CSCD, one segment", cscds=()),
    copy("no CSCD, one segment of no blocks", segment(3, 5, 0), cscds=()),
    copy("two CSCDs, no segment", segment_length=0),
    copy("two CSCDs, no segment, nothing after them", segment_length=0, sent=80),
    copy("one CSCD, two used", cscds=(named("a"),)),
    *(copy(f"CSCD list length {n}", cscd_length=n) for n in (1, 16, 31, 33, 63, 65)),
    copy("CSCD list length 32 less, the second read as a segment", cscd_length=32),
    copy("a CSCD list of 65 bytes, the segment after it", cscds=(*A_TO_B, lambda _: b"\0")),
    copy("a CSCD list of 63 bytes, the segment after it", cscds=(named("a"), lambda n: named("b")(n)[:31])),
    copy("CSCD list length FFFFh", cscd_length=0xFFFF),
    copy("two CSCDs, at the limit", cscds=A_TO_B),
    copy("three CSCDs, one past the limit", cscds=(*A_TO_B, named("k"))),
    copy("three CSCDs, the third of a type unknown", cscds=(*A_TO_B, named("k", changed={0: 0xE5}))),
    copy("one segment, at the limit", segment(0, 0, 2)),
    copy("two segments, one past the limit", segment(0, 0, 2), segment(2, 2, 2)),
    copy("two segments, the second of a type unknown", segment(0, 0, 2), segment(2, 2, 2, type_code=0x03)),
    copy("two segments, the first of no blocks", segment(0, 0, 0), segment(2, 2, 2)),
    *(copy(f"segment list length {n}", segment_length=n) for n in (1, 4, 27)),
    copy("segment list length 29, a byte more transferred", segment_length=29, extra=b"\0"),
    copy("segment list length 29, nothing more transferred", segment_length=29),
    copy("segment list length FFFFFFFFh", segment_length=0xFFFFFFFF),
    copy("descriptors of 1024 bytes, at the limit", segment_length=960, extra=bytes(932)),
    copy("descriptors of 1025 bytes, one past the limit", segment_length=961, extra=bytes(933)),
    copy(
        "descriptors of 1024 bytes, most of them CSCDs", cscds=A_TO_B * 15, segment_length=64, extra=bytes(36)
    ),
    copy(
        "three CSCDs and descriptors past the limit",
        cscds=(*A_TO_B, named("k")),
        segment_length=961,
        extra=bytes(933),
    ),
    copy("one byte of inline data", inline=b"\0"),
    copy("a whole block of inline data", inline=bytes(512)),
    copy("inline data length without the data", header={15: 1}),
    copy("inline data length FFFFFFFFh", header=dict.fromkeys(range(12, 16), 0xFF)),
    *(
        copy(f"list id usage {usage:02b}b, id {list_id}", usage=usage, list_id=list_id)
        for usage in range(4)
        for list_id in (0, 7)
    ),
    copy("list id FFh", list_id=0xFF, usage=0),
    *(copy(f"priority {n}", header={1: 0x18 | n}) for n in (0, 7)),
    copy("sequential striped", header={1: 0x38}),
    copy("reserved bits of the header's second byte", header={1: 0xD8}),
    copy("a reserved byte of the header", header={4: 0x01}),
    copy("all reserved bytes of the header", header=dict.fromkeys(range(4, 8), 0xFF)),
)

CSCDS = (
    *(
        copy(f"source of CSCD type {code:02X}h", cscds=(named("a", changed={0: code}), named("b")))
        for code in (0x00, 0x02, 0xE0, 0xE1, 0xE2, 0xE3, 0xE5, 0xE6, 0xE7, 0xEA, 0xEB, 0xFE, 0xFF)
    ),
    copy("destination of CSCD type E5h", cscds=(named("a"), named("b", changed={0: 0xE5}))),
    copy(
        "a slot no segment uses of CSCD type E5h",
        segment(3, 5, 1, source=0, destination=0),
        cscds=(named("b"), named("a", changed={0: 0xE5})),
    ),
    *(copy(f"code set {n}", cscds=(named("a", changed={4: n}), named("b"))) for n in (0, 2, 3, 0x0F)),
    copy("a protocol identifier beside the code set", cscds=(named("a", changed={4: 0x51}), named("b"))),
    copy("PIV", cscds=(named("a", changed={5: 0x83}), named("b"))),
    copy("a reserved bit beside the association", cscds=(named("a", changed={5: 0x43}), named("b"))),
    *(copy(f"association {n}", cscds=(named("a", changed={5: n << 4 | 3}), named("b"))) for n in (1, 2, 3)),
    *(
        copy(f"designator type {n}", cscds=(named("a", changed={5: n}), named("b")))
        for n in (0, 1, 2, 4, 8, 0x0F)
    ),
    copy("a reserved byte before the designator length", cscds=(named("a", changed={6: 0xFF}), named("b"))),
    *(
        copy(f"designator length {n}", cscds=(named("a", length=n), named("b")))
        for n in (0, 8, 15, 17, 20, 24, 255)
    ),
    *(
        copy(
            f"NAA {n:X}h in 16 bytes",
            cscds=(named("a", designator=lambda d, n=n: bytes([n << 4 | d[0] & 15]) + d[1:]), named("b")),
        )
        for n in (0, 2, 3, 5, 7)
    ),
    copy(
        "NAA 5 in 8 bytes",
        cscds=(named("a", designator=lambda _: bytes.fromhex("5001405000000001")), named("b")),
    ),
    copy(
        "one digit of the designator wrong",
        cscds=(named("a", designator=lambda d: d[:-1] + bytes([d[-1] ^ 1])), named("b")),
    ),
    copy(
        "bytes after the designator",
        cscds=(named("a", changed=dict.fromkeys(range(24, 28), 0xFF)), named("b")),
    ),
    *(copy(f"LU ID TYPE {n}", cscds=(named("a", changed={1: n << 6}), named("b"))) for n in (1, 2, 3)),
    copy("NUL of the source", cscds=(named("a", changed={1: 0x20}), named("b"))),
    copy("NUL of the destination", cscds=(named("a"), named("b", changed={1: 0x20}))),
    *(
        copy(f"peripheral device type {n:02X}h", cscds=(named("a", changed={1: n}), named("b")))
        for n in (1, 5, 0x1F)
    ),
    copy("a relative initiator port", cscds=(named("a", changed={2: 0xFF, 3: 0xFF}), named("b"))),
    *(
        copy(f"source block length {n}", cscds=(named("a", block_length=n), named("b")))
        for n in (0, 1, 513, 4096, 0xFFFFFF)
    ),
    *(
        copy(f"destination block length {n}", cscds=(named("a"), named("b", block_length=n)))
        for n in (0, 4096)
    ),
    copy(
        "the pad bit of both descriptors",
        cscds=(named("a", changed={28: 0x04}), named("b", changed={28: 0x04})),
    ),
    copy("a reserved byte among the device parameters", cscds=(named("a", changed={28: 0xFB}), named("b"))),
    copy(
        "a wrong designator type in a slot no segment uses",
        segment(3, 5, 1, source=0, destination=0),
        cscds=(named("b"), named("a", changed={5: 2})),
    ),
    copy(
        "a wrong association in a slot no segment uses",
        segment(3, 5, 1, source=0, destination=0),
        cscds=(named("b"), named("a", changed={5: 0x13})),
    ),
    copy(
        "a wrong block length in a slot no segment uses",
        segment(3, 5, 1, source=0, destination=0),
        cscds=(named("b"), named("a", block_length=7)),
    ),
    copy(
        "no unit is the one it was sent to, of two whose ids do not count",
        segment(3, 5, 1, source=0, destination=0),
        cscds=(named("a"), named("b")),
    ),
)

SEGMENTS = (
    *(
        copy(f"segment type {code:02X}h", segment(3, 5, 1, type_code=code))
        for code in (
            0x00,
            0x01,
            0x03,
            0x04,
            0x05,
            0x06,
            0x07,
            0x08,
            0x09,
            0x0A,
            0x0B,
            0x0C,
            0x0D,
            0x0E,
            0x0F,
            0x10,
            0x11,
            0x12,
            0x13,
            0x14,
            0x15,
            0x16,
            0xBE,
            0xBF,
            0xE4,
            0xFF,
        )
    ),
    *(
        copy(f"segment descriptor length {n:04X}h", segment(3, 5, 1, length=n))
        for n in (0, 0x17, 0x19, 0x118, 0xFFFF)
    ),
    *(
        copy(f"source CSCD id {n:04X}h", segment(3, 5, 1, source=n))
        for n in (2, 0x7FF, 0x800, 0xBFFF, 0xC000, 0xF800, 0xFFFE, 0xFFFF)
    ),
    *(
        copy(f"destination CSCD id {n:04X}h", segment(3, 5, 1, destination=n))
        for n in (2, 0x7FF, 0x800, 0xBFFF, 0xC000, 0xF800, 0xFFFE, 0xFFFF)
    ),
    copy("both CSCD ids FFFFh", segment(3, 50, 1, source=0xFFFF, destination=0xFFFF)),
    copy("both CSCD ids FFFFh, no blocks", segment(3, 50, 0, source=0xFFFF, destination=0xFFFF)),
    copy("DC", segment(3, 5, 2, flags=0x02)),
    copy("CAT", segment(3, 5, 2, flags=0x01)),
    copy("DC and CAT", segment(3, 5, 2, flags=0x03)),
    copy("a reserved flag of the segment", segment(3, 5, 2, flags=0x80)),
    copy("all flags of the segment", segment(3, 5, 2, flags=0xFF)),
    copy("a reserved byte of the segment", segment(3, 5, 2)[:8] + b"\xff\xff" + segment(3, 5, 2)[10:]),
)

TWO_WRONG = (
    copy(
        "CSCD type and segment type both unknown",
        segment(3, 5, 1, type_code=3),
        cscds=(named("a", changed={0: 0xE5}), named("b")),
    ),
    copy(
        "an unknown CSCD type after a wrong designator type",
        cscds=(named("a", changed={5: 1}), named("b", changed={0: 0xE5})),
    ),
    copy(
        "an unknown CSCD type before a wrong designator type",
        cscds=(named("a", changed={0: 0xE5}), named("b", changed={5: 1})),
    ),
    copy("three CSCDs and two segments", segment(0, 0, 1), segment(1, 1, 1), cscds=(*A_TO_B, named("k"))),
    copy("three CSCDs and inline data", cscds=(*A_TO_B, named("k")), inline=b"\0"),
    copy(
        "two segments and a wrong designator type",
        segment(0, 0, 1),
        segment(1, 1, 1),
        cscds=(named("a", changed={5: 1}), named("b")),
    ),
    copy(
        "an unknown segment type and an unknown unit",
        segment(3, 5, 1, type_code=3),
        cscds=(named("nobody"), named("b")),
    ),
    copy("an unknown segment type and a CSCD id not supplied", segment(3, 5, 1, type_code=3, source=9)),
    copy(
        "a wrong segment length and an unknown unit",
        segment(3, 5, 1, length=0),
        cscds=(named("nobody"), named("b")),
    ),
    copy("a wrong segment length and an unknown type", segment(3, 5, 1, length=0, type_code=3)),
    copy(
        "an unknown unit and an address past the end", segment(3, END, 1), cscds=(named("nobody"), named("b"))
    ),
    copy("a CSCD id not supplied and one above 7FFh", segment(3, 5, 1, source=2, destination=0x800)),
    copy(
        "different block sizes and an address past the end",
        segment(END, 0, 8),
        cscds=(named("a"), named("k")),
        to="k",
    ),
    copy("an unknown unit, sent to a unit not named", cscds=(named("nobody"), named("b")), to="k"),
    copy(
        "an unknown CSCD type, sent to a unit with third-party copy off",
        cscds=(named("a", changed={0: 0xE5}), named("b")),
        to="off",
    ),
    copy(
        "an unknown segment type, sent to a unit of more than 2^32 blocks",
        segment(3, 5, 1, type_code=3),
        to="huge",
        touched=("huge",),
    ),
)
