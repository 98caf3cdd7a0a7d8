"""ROD tokens of the disks of `xcopy-dev emu serve`, in the hands of other people's tools.

Expected are bytes on the units and what the tools, decoders that are not ours, make of the answers.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.lio.serving import SIZE, Images, Serving, needs, tool

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lio.serving import Disk

Ranges = tuple[tuple[int, int], ...]  # first block and number of blocks

POPULATE_TOKEN, WRITE_USING_TOKEN = "83 10", "83 11"  # operation code and service action
TOKEN_LENGTH = 512
TOKEN_AT = 38  # in what RECEIVE ROD TOKEN INFORMATION answers, where no sense data are in it
BEYOND = SIZE // 512  # the first block that is not there
# ddpt and ddptctl 0.97 write range descriptors one byte early: first block and number of blocks arrive
# multiplied by 256, so every figure they are given is.
DDPT = 256


class Told(NamedTuple):
    """What ddptctl prints of a token."""

    rod_type: str
    identifier: str
    creator: str
    length: int


@pytest.fixture
def tokens(tmp_path: Path) -> Path:
    """A file for ROD tokens."""
    return tmp_path / "tokens"


def packed_ranges(ranges: Ranges) -> bytes:
    """Block device range descriptors (SBC-4 table 105) with their length before them."""
    return struct.pack(">H", 16 * len(ranges)) + b"".join(struct.pack(">QI4x", *each) for each in ranges)


def send(disk: Disk, command: str, identifier: int, data: bytes, tmp_path: Path) -> str:
    """What sg_raw says of POPULATE TOKEN or WRITE USING TOKEN with a parameter list."""
    (tmp_path / "list").write_bytes(data)
    cdb = bytes.fromhex(command) + struct.pack(">4xIIxx", identifier, len(data))
    words = ("-s", str(len(data)), "-i", str(tmp_path / "list"))
    return tool("sg_raw", *words, disk.sg, *(f"{byte:02x}" for byte in cdb), good=False)


def populate(disk: Disk, identifier: int, ranges: Ranges, tmp_path: Path) -> str:
    after = bytes(12) + packed_ranges(ranges)  # from IMMED on: ROD type and timeout are the device's choice
    return send(disk, POPULATE_TOKEN, identifier, struct.pack(">H", len(after)) + after, tmp_path)


def write(
    disk: Disk, identifier: int, token: bytes, ranges: Ranges, tmp_path: Path, *, delete: bool = False
) -> str:
    after = struct.pack(">B5xQ", delete << 1, 0) + token + bytes(6) + packed_ranges(ranges)
    return send(disk, WRITE_USING_TOKEN, identifier, struct.pack(">H", len(after)) + after, tmp_path)


def information(disk: Disk, identifier: int, tmp_path: Path) -> bytes:
    """What RECEIVE ROD TOKEN INFORMATION answers."""
    cdb = bytes.fromhex("84 07") + struct.pack(">I4xIxx", identifier, 1024)
    answer = tmp_path / "answer"
    tool("sg_raw", "-r", "1024", "-o", str(answer), disk.sg, *(f"{byte:02x}" for byte in cdb))
    return answer.read_bytes()


def made(disk: Disk, identifier: int, ranges: Ranges, tmp_path: Path) -> bytes:
    """A token of those blocks."""
    said = populate(disk, identifier, ranges, tmp_path)
    assert "SCSI Status: Good" in said, said
    return information(disk, identifier, tmp_path)[TOKEN_AT:][:TOKEN_LENGTH]


def all_tokens(disk: Disk) -> set[Told]:
    """What `ddptctl --all_toks` lists."""
    said = tool("ddptctl", "--all_toks", disk.sg)
    found = re.findall(
        r"ROD type: (.*)\n\s+Copy manager ROD Token identifier: (\S+)\n"
        r"\s+Creator Logical Unit descriptor:\n(?:.*\n)*?\s+(0x\w{32})\n"
        r"\s+Number of bytes represented: (\d+)",
        said,
    )
    count = re.search(r"Number of managed ROD Token headers returned: (\d+)", said)
    assert len(found) == (int(count[1]) if count else 0), said
    assert count or "No management ROD Tokens reported" in said, said
    return {
        Told(rod_type, identifier, creator, int(length)) for rod_type, identifier, creator, length in found
    }


def naa(disk: Disk) -> str:
    """The unit's designator as sg_vpd prints it."""
    found = re.search(r"0x6[0-9a-f]{31}", tool("sg_vpd", "-p", "0x83", disk.sg))
    assert found
    return found[0]


def test_sg_raw_makes_a_token_on_one_nexus_and_writes_by_it_on_another(
    serving: Serving, images: Images, tmp_path: Path
) -> None:
    token = made(serving.disk(0, nexus=0), 0x55, ((1000, 100), (5000, 33)), tmp_path)
    said = write(serving.disk(1, nexus=1), 0x56, token, ((7, 50), (2000, 83)), tmp_path)
    assert "SCSI Status: Good" in said, said
    images.assert_copied((1000, 7, 50), (1050, 2000, 50), (5000, 2050, 33))


def test_sg_raw_reads_what_became_of_both_commands(
    source: Disk, destination: Disk, images: Images, tmp_path: Path
) -> None:
    populate(source, 0x57, ((0, 21), (64, 3)), tmp_path)
    read = information(source, 0x57, tmp_path)
    token = read[TOKEN_AT:][:TOKEN_LENGTH]
    write(destination, 0x58, token, ((128, 24),), tmp_path)
    written = information(destination, 0x58, tmp_path)

    # Which service action, done without errors, units of the count are blocks, and the count.
    assert (read[4:6].hex(), read[15], read[16:24].hex()) == ("1001", 0xF1, "0000000000000018")
    assert (written[4:6].hex(), written[15], written[16:24].hex()) == ("1101", 0xF1, "0000000000000018")
    # One token of 512 bytes, point in time copy - default, of 12288 bytes.
    assert (len(read), read[:4].hex(), read[32:36].hex()) == (550, "00000222", "00000202")
    assert (token[:8].hex(), int.from_bytes(token[48:64], "big")) == ("00800000000001f8", 24 * 512)
    assert len(written) == 36
    images.assert_copied((0, 128, 21), (64, 149, 3))


def test_what_became_of_a_token_is_for_the_nexus_that_made_it(
    serving: Serving, images: Images, tmp_path: Path
) -> None:
    del images
    made(serving.disk(0, nexus=0), 0x59, ((0, 8),), tmp_path)
    words = ("84", "07", "00", "00", "00", "59", *["00"] * 6, "04", "00", "00", "00")
    said = tool("sg_raw", "-r", "1024", serving.disk(0, nexus=1).sg, *words, good=False)
    assert "Sense key: Illegal Request" in said
    assert "Additional sense: Invalid field in cdb" in said
    assert "Error in Command: byte 2" in said


@pytest.mark.parametrize("byte", [0, 8, 63, 200, 511])
def test_sg_raw_is_told_that_a_bit_of_a_token_is_wrong_and_nothing_is_written(
    source: Disk, destination: Disk, images: Images, tmp_path: Path, byte: int
) -> None:
    token = bytearray(made(source, 0x60, ((0, 8),), tmp_path))
    token[byte] ^= 0x01
    said = write(destination, 0x61, bytes(token), ((0, 8),), tmp_path)
    assert "Sense key: Illegal Request" in said, said
    assert "Additional sense: Invalid token operation, token corrupt" in said, said
    assert "Error in Data parameters: byte 16" in said, said
    images.assert_copied()


def test_a_token_that_was_deleted_writes_nothing_more(
    source: Disk, destination: Disk, images: Images, tmp_path: Path
) -> None:
    token = made(source, 0x62, ((300, 8),), tmp_path)
    assert "SCSI Status: Good" in write(destination, 0x63, token, ((0, 8),), tmp_path, delete=True)
    said = write(destination, 0x64, token, ((100, 8),), tmp_path)
    assert "Additional sense: Invalid token operation, token deleted" in said, said
    images.assert_copied((300, 0, 8))


def test_a_token_is_not_written_where_one_range_is_beyond_the_end(
    source: Disk, destination: Disk, images: Images, tmp_path: Path
) -> None:
    token = made(source, 0x65, ((0, 16),), tmp_path)
    said = write(destination, 0x66, token, ((0, 8), (BEYOND - 7, 8)), tmp_path)
    assert "Additional sense: Logical block address out of range" in said, said
    assert "Error in Data parameters: byte 552" in said, said  # the second range descriptor
    images.assert_copied()


def test_ddptctl_lists_a_token_from_its_making_to_its_deletion_by_every_unit_and_nexus(
    serving: Serving, source: Disk, destination: Disk, images: Images, tokens: Path
) -> None:
    needs("ddptctl")
    before = all_tokens(source)
    assert f"transfer count of {8 * DDPT} " in tool("ddptctl", "--pt=4,8", f"--rtf={tokens}", source.sg)
    [told] = all_tokens(source) - before
    assert told.rod_type == "point in time copy - default [0x800000]"
    assert int(told.identifier, 16) == int.from_bytes(tokens.read_bytes()[8:16], "big")
    assert (told.creator, told.length) == (naa(source), 8 * DDPT * 512)
    assert all(told in all_tokens(disk) for disk in serving.disks)

    tool("ddptctl", "--wut=16,8", "--del_tkn", f"--rtf={tokens}", destination.sg)
    assert all(told not in all_tokens(disk) for disk in serving.disks)
    images.assert_copied((4 * DDPT, 16 * DDPT, 8 * DDPT))


def test_ddptctl_decodes_a_token(source: Disk, images: Images, tokens: Path) -> None:
    del images
    needs("ddptctl")
    tool("ddptctl", "--pt=4,8", "--rtype=pit-pers", f"--rtf={tokens}", source.sg)
    said = tool("ddptctl", "--info", f"--rtf={tokens}")
    for known in (
        "ROD type: point in time copy - persistent [0x800002]",
        "Number of bytes represented: 1048576 [0x100000]",
        "block size: 512 [0x200] bytes",
        "Logical block provisioning: lbpme=0, lbprz=0",
        naa(source),
    ):
        assert known in said


def test_ddptctl_polls_until_a_copy_in_the_background_is_done(
    source: Disk, destination: Disk, images: Images, tokens: Path
) -> None:
    needs("ddptctl")
    tool("ddptctl", "--pt=4,8", "--immed", "--list_id=70", source.sg)
    said = tool("ddptctl", "--poll", "--list_id=70", f"--rtf={tokens}", source.sg)
    assert f"transfer count of {8 * DDPT} " in said, said
    tool("ddptctl", "--wut=16,8", "--immed", "--list_id=71", f"--rtf={tokens}", destination.sg)
    said = tool("ddptctl", "--poll", "--list_id=71", destination.sg)
    assert f"transfer count of {8 * DDPT} " in said, said
    images.assert_copied((4 * DDPT, 16 * DDPT, 8 * DDPT))


def test_ddpt_copies_by_tokens(source: Disk, destination: Disk, images: Images) -> None:
    needs("ddpt")
    tool(
        "ddpt",
        "--odx",
        f"if={source.sg}",
        f"of={destination.sg}",
        "bs=512",
        "skip=4,8",
        "seek=16,8",
    )
    images.assert_copied((4 * DDPT, 16 * DDPT, 8 * DDPT))


def test_ddptctl_writes_from_a_file_of_tokens_that_ddpt_read_into(
    source: Disk, destination: Disk, images: Images, tokens: Path
) -> None:
    """ddpt itself does not: after the first command it counts 256 times the blocks it has asked for."""
    needs("ddpt")
    tool("ddpt", f"if={source.sg}", "bs=512", "skip=4,8", f"rtf={tokens}")
    assert len(tokens.read_bytes()) == TOKEN_LENGTH
    tool("ddptctl", "--wut=16,8", f"--rtf={tokens}", destination.sg)
    images.assert_copied((4 * DDPT, 16 * DDPT, 8 * DDPT))


def test_ddpt_writes_zeros_by_the_token_of_zeros(destination: Disk, images: Images) -> None:
    needs("ddpt")
    tool("ddpt", "if=/dev/null", "rtype=zero", "bs=512", f"of={destination.sg}", "seek=16,8")
    zeros, before = bytes(8 * DDPT * 512), b"\x5a" * (16 * DDPT * 512)
    assert images.destination.read_bytes() == (before + zeros).ljust(SIZE, b"\x5a")
