"""Bytes out of what tools print. Samples are what the named tool and version really printed."""

from __future__ import annotations

import pytest

from cdb.hexdump import Block, read_blocks

CDB = bytes.fromhex("8300 0000 0000 0000 0000 0000 006c 0000")
LISTED = bytes.fromhex(
    "01110040 00000000 0000001c 00000000"
    "e4000000 01030010 60014050 00000000 01234567 89abcde0 00000000 00000200"
    "e4000000 01030010 60014050 00000001 01234567 89abcde1 00000000 00000200"
    "02000018 00000001 00000040 00000000 00000000 00000000 00000000"
)
DESIGNATORS = bytes.fromhex(
    "0083004801030008 5000c5003011cb2b 61930008 5000c5003011cb29 61940004 00000001 61a30008 5000c5003011cb28"
    "03280018 6e61612e35303030433530303330313143423238 00000000"
)
PACKET = bytes.fromhex(
    "4500003c1c4640004006 00000a0000010a0000029c400cbc00000001000000015018020000000000"
    "666163652064656164203132203334206162 6364"
)


XXD = """\
00000000: 3c3d 3e3f 4041 4243 4445 4647 4849 4a4b  <=>?@ABCDEFGHIJK
00000010: 6162 6364 6566 3132 6162 6364 6566 3132  abcdef12abcdef12
00000020: 7879 7a                                  xyz
"""


def only(text: str) -> bytes:
    blocks = read_blocks(text.encode())
    assert len(blocks) == 1, blocks
    return blocks[0].data


# what people write


@pytest.mark.parametrize(
    "text",
    [
        "83 00 00 00 00 00 00 00 00 00 00 00 00 6c 00 00",
        "83 00 00 00 00 00 00 00  00 00 00 00 00 6C 00 00",
        "830000000000000000000000006C0000\n",
        "8300 0000 0000 0000 0000 0000 006c 0000",
        "0x830000000000000000000000006c0000",
        "83,00,00,00,00,00,00,00,00,00,00,00,00,6c,00,00",
        "83 0 0 0 0 0 0 0 0 0 0 0 0 6c 0 0",
        "0x83,0x00,0x0,0x0,0x00,0x00,0x00,0x00,0x00,0x00,0x00,0x00,0x00,0x6c,0x00,0x00",
        "83h 00h 00h 00h 00h 00h 00h 00h 00h 00h 00h 00h 00h 06ch 00h 00h",
        r"\x83\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x6c\x00\x00",
        r"""b'\x83\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x6c\x00\x00'""",
        '"\\x83\\x00\\x00\\x00\\x00\\x00\\x00\\x00" \\\r\n"\\x00\\x00\\x00\\x00\\x00\\x6c\\x00\\x00"\r\n',
        "83:00:00:00:00:00:00:00:00:00:00:00:00:6c:00:00",
        "    83:00:00:00:00:00:00:00:\n    00:00:00:00:00:6c:00:00\n",
        "83-00-00-00-00-00-00-00-00-00-00-00-00-6c-00-00",
        "{ 0x83, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x6c, 0x00, 0x00 };",
        "[83 00 00 00 00 00 00 00 00 00 00 00 00 6c 00 00]",
        "\ufeff83\u00a000 00 00 00 00 00 00 00 00 00 00 00\t6c 00 00",
    ],
)
def test_one_command_in_each_form_of_plain_hex(text: str) -> None:
    assert only(text) == CDB


def test_c_arrays_are_blocks_with_their_names() -> None:
    text = "uint8_t cdb[] = { 0x83, 0x00 };\nstatic u8 list[2] =\n{\n  0x01, /* id */\n  0x02, // flags\n};\n"
    assert read_blocks(text.encode()) == (
        Block(data=b"\x83\x00", label="cdb", line=1),
        Block(data=b"\x01\x02", label="", line=4),
    )


def test_json_member_is_labelled() -> None:
    text = '{"cdb": "84030000000000000000000001000000", "in_len": 256}'.replace(", ", ",\n")
    assert read_blocks(text.encode())[0].label == "cdb"


# sg3_utils


def test_sg_xcopy_very_verbose_shows_command_and_parameter_list() -> None:
    """sg_xcopy 0.71 of sg3_utils 1.46, -vvvvv, from its first response on, shortened between."""
    text = """\
open /dev/sg0 with flags=0x802
    inquiry cdb: [12 00 00 00 24 00]
      duration=0 ms
    /dev/sg0: LIO-ORG   disk0             4.0   [pdt=0, 3pc=1]
    read capacity(10) cdb: [25 00 00 00 00 00 00 00 00 00]
    /dev/sg0: number of blocks=2097152 [0x200000], block size=512
    Receive copy operating parameters cdb: [84 03 00 00 00 00 00 00 00 00 00 00 01 00 00 00]
    Receive copy operating parameters: pass-through requested 256 bytes (data-in), got  got 48 bytes

Output response in hex:
 00     00 00 00 2c 01 00 00 00  00 02 00 0a 00 00 10 00
 10     01 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00
 20     00 00 00 00 00 00 00 01  00 00 00 04
 >> Receive copy operating parameters response:
    Support No List IDentifier (SNLID): 1
    Held data limit: 0 (list_id_usage: 2)
>> Unhandled target descriptor 0x8b
  >> using VPD identification for source /dev/sg0
    Desc 0: assoc 0 desig 3 len 16
Descriptor in hex (bs 512):
 00     e4 00 00 00 01 03 00 10  60 01 40 50 00 00 00 00
 10     01 23 45 67 89 ab cd e0  00 00 00 00 00 00 02 00
Start of loop, count=64, bpt=32768, lba_in=0, lba_out=0
    Extended copy(LID1) cdb: [83 00 00 00 00 00 00 00 00 00 00 00 00 6c 00 00]
    Extended copy(LID1) parameter list:
01 11 00 40 00 00 00 00  00 00 00 1c 00 00 00 00
e4 00 00 00 01 03 00 10  60 01 40 50 00 00 00 00
01 23 45 67 89 ab cd e0  00 00 00 00 00 00 02 00
e4 00 00 00 01 03 00 10  60 01 40 50 00 00 00 01
01 23 45 67 89 ab cd e1  00 00 00 00 00 00 02 00
02 00 00 18 00 00 00 01  00 00 00 40 00 00 00 00
00 00 00 00 00 00 00 00  00 00 00 00
      duration=0 ms
sg_xcopy: 64 blocks, 1 command
"""
    blocks = read_blocks(text.encode())
    assert [(b.line, b.label, len(b.data)) for b in blocks] == [
        (2, "inquiry cdb", 6),
        (5, "read capacity(10) cdb", 10),
        (7, "receive copy operating parameters cdb", 16),
        (11, "output response", 44),
        (21, "descriptor", 32),
        (24, "extended copy(lid1) cdb", 16),
        (26, "extended copy(lid1) parameter list", 108),
    ]
    assert (blocks[5].data, blocks[6].data) == (CDB, LISTED)


def test_sg_raw_command_line_and_messages() -> None:
    """sg_raw 1.46 with -vvv; the prompt and the redirection are the shell's."""
    text = """\
$ sudo sg_raw -vvv -r 64 /dev/sg0 84 3 0 0 0 0 0 0 0 0 0 0 2 8 0 0 2>&1 | tee log
open /dev/sg0 with flags=0x802
dxfer_buffer_in=0x55a64c81a000, length=64
    cdb to send: Receive copy operating parameters [84 03 00 00 00 00 00 00 00 00 00 00 02 08 00 00]
sense_buffer=0x7ffc3c1f5970, length=32
SCSI Status: Good\x20

Received 48 bytes of data:
 00     00 00 00 2c 01 00 00 00  00 02 00 0a 00 00 10 00    ...,............
 10     01 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00    ................
 20     00 00 00 00 00 00 00 01  00 00 00 04 02 e4 8b 02    ................
No errors, may also convey true
Attempt to decode cdb name: Receive copy operating parameters
"""
    blocks = read_blocks(text.encode())
    assert [(b.line, b.label, len(b.data)) for b in blocks] == [
        (1, "cdb", 16),
        (4, "receive copy operating parameters cdb", 16),
        (9, "received 48 bytes of data", 48),
    ]
    assert blocks[0].data == blocks[1].data


def test_sg_raw_sense_data() -> None:
    """sg_raw 1.46 with -v, CHECK CONDITION."""
    text = """\
    cdb to send: [83 00 00 00 00 00 00 00 00 00 00 00 00 10 00 00]
SCSI Status: Check Condition\x20

Sense Information:
Fixed format, current; Sense key: Copy Aborted
Additional sense: Third party device failure
 Raw sense data (in hex), sb_len=18, embedded_len=18
        70 00 0a 00 00 00 00 0a  00 00 00 01 0d 01 00 00
        00 00

Copy aborted
"""
    assert read_blocks(text.encode())[1:] == (
        Block(data=bytes.fromhex("70000a000000000a000000010d0100000000"), label="raw sense data", line=8),
    )


def test_sg_vpd_with_addresses_and_text() -> None:
    """sg_vpd 1.63 of sg3_utils 1.46, -H."""
    text = """\
Device Identification VPD page:
 00     00 83 00 48 01 03 00 08  50 00 c5 00 30 11 cb 2b    ...H....P...0..+
 10     61 93 00 08 50 00 c5 00  30 11 cb 29 61 94 00 04    a...P...0..)a...
 20     00 00 00 01 61 a3 00 08  50 00 c5 00 30 11 cb 28    ....a...P...0..(
 30     03 28 00 18 6e 61 61 2e  35 30 30 30 43 35 30 30    .(..naa.5000C500
 40     33 30 31 31 43 42 32 38  00 00 00 00                3011CB28....
"""
    assert read_blocks(text.encode()) == (
        Block(data=DESIGNATORS, label="device identification vpd page", line=2),
    )


def test_sg_vpd_by_descriptor_starts_a_block_at_each_address_zero() -> None:
    """sg_vpd 1.63, third-party copy page, -HH: one dump for each descriptor, no blank line between."""
    text = """\
Third party copy VPD page:
 00     00 00 00 00 00 00 01 23  00 00 00 3c 00 00 00 1e
 10     00 00 00 99 88 77 66 55  00 00 00 44 55 66 77 88
 00     0d 00 00 03 00 12 00 83  02 10 11 84 01 07 00 00
 00     00 00 00 00 00 1c 00 40  00 01 22 33 00 99 88 77
 10     00 00 00 00 00 00 00 00  00 00 00 00
 00     02 02 e9 00
"""
    assert [(b.line, len(b.data)) for b in read_blocks(text.encode())] == [(2, 32), (4, 16), (5, 28), (7, 4)]


def test_addresses_of_more_than_two_digits() -> None:
    """As sg_copy_results 1.23, -p -H: the column keeps its width while the address grows."""
    rows = [
        f" {a:02x}".ljust(8) + "00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00" for a in range(0, 512, 16)
    ]
    assert rows[16] == " 100    00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00"
    assert only("\n".join([*rows, " 200    00 00 00 00 00 00 00 01"])) == bytes(519) + b"\x01"


def test_inhex_file_with_comments_and_blank_lines_is_one_block() -> None:
    """The beginning of a third-party copy page as the files in sg3_utils' inhex directory are written."""
    text = """\
#
# An example invocation:
#    sg_vpd --inhex=vpd_tpc.hex

00 8f 00 8c

00 00 00 20
00 00 00 1e 00 00 00 99  88 77 66 55 00 00 00 44

00 01 00 10
0d
00 00   # pad
72,6,18     7
 99
"""
    want = "008f008c 00000020 0000001e00000099 8877665500000044 00010010 0d 0000 72061807 99"
    assert read_blocks(text.encode()) == (Block(data=bytes.fromhex(want), label="", line=5),)


def test_c_style_output_of_sg_decode_sense() -> None:
    """sg_decode_sense 1.21, -H -w."""
    text = """\
0x72,0x01,0x03,0x02,0x80,0x00,0x00,0x4c,0x00,0x0a,0x80,0x00,0x11,0x22,0x33,0x44,
0x55,0x66,0x77,0xbb,0x01,0x0a,0x00,0x00,0x33,0x44,0x55,0x66,0x77,0xbb,0xcc,0xff,
"""
    want = "72010302 8000004c 000a8000 11223344 556677bb 010a0000 33445566 77bbccff"
    assert only(text) == bytes.fromhex(want)


# the kernel


def test_dmesg_command_is_found_and_sense_text_is_not_bytes() -> None:
    """From a public report; the host's name is changed."""
    text = """\
May 13 06:25:17 n kernel: sd 1:0:1:0: [sdb] tag#3336 FAILED Result: hostbyte=DID_OK driverbyte=DRIVER_SENSE
May 13 06:25:17 n kernel: sd 1:0:1:0: [sdb] tag#3336 Sense Key : Illegal Request [current]\x20
May 13 06:25:17 n kernel: sd 1:0:1:0: [sdb] tag#3336 Add. Sense: Unaligned write command
May 13 06:25:17 n kernel: sd 1:0:1:0: [sdb] tag#3336 CDB: Read(10) 28 00 42 c0 0e 00 00 01 00 00
May 13 06:25:17 n kernel: print_req_error: I/O error, dev sdb, sector 1119882752 flags 80700
"""
    want = bytes.fromhex("280042c00e0000010000")
    assert read_blocks(text.encode()) == (Block(data=want, label="read(10) cdb", line=4),)


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("[12345.678901] sd 0:0:0:0: [sda] tag#0 CDB: Extended copy {}", "extended copy cdb"),
        ("[12345.678901] sd 0:0:0:0: [sda] tag#0 CDB: opcode=0x83, sa=0x1f {}", "cdb"),
        ("[Mon May 13 06:25:17 2024] sd 0:0:0:0: [sda] CDB:\n[  134.7] cdb[0]=0x83: {}", "cdb"),
        ("kernel: sd 5:0:0:0: [sdb] tag#0 CDB: Extended copy {}", "extended copy cdb"),
        (
            "\x1b[32m[ 1.5] \x1b[0m\x1b[33msd 0:0:0:0\x1b[0m: [sda] tag#0 CDB: Extended copy {}",
            "extended copy cdb",
        ),
    ],
)
def test_dmesg_prefixes(text: str, label: str) -> None:
    (block,) = read_blocks(text.format(CDB.hex(" ")).encode())
    assert (block.label, block.data) == (label, CDB)


def test_dmesg_long_command_has_addresses_in_its_label() -> None:
    """As the kernel's scsi_logging.c prints commands of more than 16 bytes."""
    lines = [
        "[1.0] sd 2:0:0:0: [sdc] tag#1 CDB: Read(32)",
        "[1.1] sd 2:0:0:0: [sdc] tag#1 CDB[00]: 7f 00 00 00 00 00 00 18 00 09 00 00 00 00 00 00",
        "[1.1] sd 2:0:0:0: [sdc] tag#1 CDB[10]: 00 00 00 01 00 00 00 00 00 00 00 00 00 00 00 08",
    ]
    want = "7f00000000000018000900000000000000000001000000000000000000000008"
    assert only("\n".join(lines)) == bytes.fromhex(want)


def test_dmesg_sense_bytes_without_address() -> None:
    lines = [
        "[1.0] sd 2:0:0:0: [sdc] tag#1 72 05 26 00 00 00 00 0c 02 06 00 00 cf 00 03 00",
        "[1.0] sd 2:0:0:0: [sdc] tag#1 00 00",
    ]
    assert only("\n".join(lines)) == bytes.fromhex("72052600 0000000c 02060000 cf000300 0000")


# packets


def test_tcpdump_with_text_shows_a_space_as_a_dot() -> None:
    """tcpdump 4.99.3, -X; two packets are two blocks."""
    text = """\
22:13:20.000000 IP 10.0.0.1.40000 > 10.0.0.2.3260: Flags [P.], seq 1:21, ack 1, win 512, length 20
\t0x0000:  4500 003c 1c46 4000 4006 0000 0a00 0001  E..<.F@.@.......
\t0x0010:  0a00 0002 9c40 0cbc 0000 0001 0000 0001  .....@..........
\t0x0020:  5018 0200 0000 0000 6661 6365 2064 6561  P.......face.dea
\t0x0030:  6420 3132 2033 3420 6162 6364            d.12.34.abcd
22:13:20.000000 IP 10.0.0.1.40000 > 10.0.0.2.3260: Flags [P.], seq 0:17, ack 1, win 512, length 17
\t0x0000:  4500 0039 1c46 4000 4006 0000 0a00 0001  E..9.F@.@.......
\t0x0010:  0a00 0002 9c40 0cbc 0000 0001 0000 0001  .....@..........
\t0x0020:  5018 0200 0000 0000 6661 6365 2064 6561  P.......face.dea
\t0x0030:  6420 3132 2033 3420 61                   d.12.34.a
"""
    assert [b.data for b in read_blocks(text.encode())] == [PACKET, PACKET[:3] + b"\x39" + PACKET[4:57]]


def test_tcpdump_without_text() -> None:
    """tcpdump 4.99.3, -x."""
    text = """\
\t0x0000:  4500 003c 1c46 4000 4006 0000 0a00 0001
\t0x0010:  0a00 0002 9c40 0cbc 0000 0001 0000 0001
\t0x0020:  5018 0200 0000 0000 6661 6365 2064 6561
\t0x0030:  6420 3132 2033 3420 6162 6364
"""
    assert only(text) == PACKET


TSHARK = """\
0000  45 00 00 3c 1c 46 40 00 40 06 00 00 0a 00 00 01   E..<.F@.@.......
0010  0a 00 00 02 9c 40 0c bc 00 00 00 01 00 00 00 01   .....@..........
0020  50 18 02 00 00 00 00 00 66 61 63 65 20 64 65 61   P.......face dea
0030  64 20 31 32 20 33 34 20 61 62 63 64               d 12 34 abcd
"""


def test_tshark_hex() -> None:
    """tshark 4.0.17, -x."""
    assert only(TSHARK) == PACKET


def test_wireshark_copy_as_hex_dump() -> None:
    """Wireshark's data_printer.cpp puts three spaces after the address where tshark puts two."""
    assert only("\n".join(f"{r[:4]} {r[4:]}" for r in TSHARK.splitlines())) == PACKET


def test_a_command_and_a_parameter_list_are_two_labelled_blocks() -> None:
    text = f"""\
    Extended copy cdb: {CDB.hex(" ")}
Parameter list in hex (length 24):
 00     01 11 00 40 00 00 00 00  00 00 00 1c 00 00 00 00    ...@............
 10     e4 00 00 00 01 03 00 10                             ........
"""
    assert read_blocks(text.encode()) == (
        Block(data=CDB, label="extended copy cdb", line=1),
        Block(data=LISTED[:24], label="parameter list", line=3),
    )


@pytest.mark.parametrize("content", [CDB, b"\xff\xfe", b"83 00\x00", b"\x7f83"])
def test_binary_is_one_block_as_it_is(content: bytes) -> None:
    assert read_blocks(content) == (Block(data=content, label="", line=0),)
