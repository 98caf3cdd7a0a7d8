"""What is nearly bytes is refused by its line; what is prose is no byte."""

from __future__ import annotations

import pytest

from cdb.errors import DecodeError
from cdb.hexdump import LABELS, read_blocks
from tests.cdb.test_hexdump import CDB, XXD, only
from tests.lines_run import lines_run


def refused(text: str) -> str:
    with pytest.raises(DecodeError) as caught:
        read_blocks(text.encode())
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        ("# cdb\n\n83 00 00 zz\n", 3, "'zz' is not hex"),
        ("cdb: Extended copy 83 00 zz 00 00 00 00 00 00", 1, "'zz' is not hex"),
        ("cdb: 83 00 zz 00 00 00 00 00 00", 1, "'zz' is not hex"),
        ("sg_raw /dev/sg0 83 00 zz 00 00 00 00 00 00", 1, "'zz' is not hex"),
        ("00 01\n830 00\n", 2, "'830' has an odd number of digits"),
        ("8300f\n", 1, "'8300f' has an odd number of digits"),
        ("8", 1, "'8' is one digit"),
        ("8300 00\n83 0000\n", 2, "different lengths"),
        ("83 0x00", 1, "more than one form"),
        ("dead beef", 1, "words or bytes"),
        ("0x83000000, 0x0000006c", 1, "'0x83000000' is more than a byte"),
        ("3c3d3e3f40414243\n5a5b5c5d5ezz5f60\n", 2, "'5a5b5c5d5ezz5f60' is not hex"),
        ("00 01 02 03\n*\n04 05\n", 2, "od -v"),
        (XXD.replace("00000020", "00000030"), 3, "address 00000030 does not follow 32 (hex 20) bytes"),
        ("\n".join(XXD.splitlines()[1:]), 1, "the dump begins at address 00000010, not 0"),
        (XXD.replace("7879 7a", "7879 7b"), 3, "the text column does not agree"),
        (XXD.replace("7879 7a", "7879 7g"), 3, "'7g' is not hex"),
        (
            "00000000  83 00                                             |..|\n00000003\n",
            2,
            "00000003 does not follow",
        ),
        ("00000000  83 00                                             |..|\n*\n", 2, "how often"),
        (
            f"00000000  {CDB.hex(' ')}  |.............l..|\n*\n00000018\n",
            3,
            "does not follow 16 (hex 10) bytes and a '*'",
        ),
        (f"00000000  {CDB.hex(' ')}  |.............l..|\n*\nffffffffffffff00\n", 3, "does not follow"),
        (f"0000000 {bytes(16).hex(' ')}\n*\n0000160\n", 3, "octal or decimal"),
        ("0000000 3d3c 3f3e 4140\n0000006\n", 1, "hexdump -C"),
        ("0000000    3d3c    3f3e    4140\n0000006\n", 1, "hexdump -C"),
        ("0000000 036474 037476 040500\n0000006\n", 1, "hexdump -C"),
        ("00000000: 3f3e3d3c 43424140  <=>?@ABC\n", 1, "xxd -g 1"),
        ("00000000: 3d3c 3f3e 4140 4342  <=>?@ABC\n", 1, "the text column does not agree"),
        ("00000000: 3d3c 3f3e 4140 4342\n", 1, "may be swapped words"),
        ("00000000: 00111100 00111101  <=\n", 1, "not single bytes"),
    ],
)
def test_what_is_nearly_bytes_is_refused_by_line(text: str, line: int, why: str) -> None:
    message = refused(text)
    assert message.startswith(f"line {line}: ")
    assert why in message
    assert "understood: 83 00" in message


@pytest.mark.parametrize(
    "text", ["", " \n\t\n", "hello", "Add face to the dead", "sense: 512", "# 83 00", "zz", "٠٠ ٠١ ٠٢"]
)
def test_no_bytes_at_all_is_refused_with_the_forms(text: str) -> None:
    assert "understood: 83 00" in refused(text)


@pytest.mark.parametrize(
    "prose",
    [
        "add",
        "Sense key: 5, asc: 26",
        "12 of 20 bytes",
        "      0x5000c5003011cb2b",
        "      [0x60014050000000000123456789abcde0]",
        "2024-05-01 12:00:00 face",
        "  Descriptor type: Command specific: 0x3344556677bbccff",
        "64+0 records out",
    ],
)
def test_prose_around_a_dump_is_no_bytes(prose: str) -> None:
    assert only(f"{prose}\n83 00 00 00\n\n{prose}\n") == b"\x83\0\0\0"


def test_words_continue_a_hex_line_only() -> None:
    assert only("00112233\ndeadbeef\nface\n") == bytes.fromhex("00112233deadbeefface")


@pytest.mark.parametrize("text", [
    "0000: 00\n*\n7fff8: 00\n" * 2,
    "0000: 00\n*\nfffff: 00\n",
    "00000000 " * 250_001,
    "\x00" * 1_000_001,
    "0x" + "00" * 1_000_001,
], ids=["two dumps", "one dump", "a line", "binary", "a number"])  # fmt: skip
def test_more_than_a_million_bytes_are_refused_before_they_fill_memory(text: str) -> None:
    assert "more than 1000000 bytes in one input" in refused(text)


def test_of_many_gaps_in_a_row_only_the_first_may_open_the_text_column() -> None:
    def row(bytes_shown: int) -> int:
        text = "0000: " + "00  " * bytes_shown + "no column\n"
        return lines_run(lambda: refused(text))

    row(450)  # compiles what it looks for
    assert row(900) < 2.5 * row(450)  # four times as much where every gap is tried


def test_of_many_words_only_the_last_are_tried_as_a_label() -> None:
    found = LABELS.search("bytes " * 100 + ": 83 00")
    assert found is not None
    assert found[0].split() == ["bytes"] * 7 + [":"]
