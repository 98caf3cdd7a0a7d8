"""Short reads and writes as long ones; the CDBs are written down from the layouts of both."""

from __future__ import annotations

import pytest

from cdb.command import Command, Reply
from xcopy.device.short_commands import LongCommands, lengthened


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("08 1f fffe 02 00", "88 00 00000000001ffffe 00000002 00 00"),
        ("08 00 0000 00 00", "88 00 0000000000000000 00000100 00 00"),
        ("0a e1 0203 01 40", "8a 00 0000000000010203 00000001 00 40"),
        ("28 08 00012345 00 0080 00", "88 08 0000000000012345 00000080 00 00"),
        ("28 00 ffffffff 1f ffff 04", "88 00 00000000ffffffff 0000ffff 1f 04"),
        ("2a 20 00000001 00 0000 00", "8a 20 0000000000000001 00000000 00 00"),
        ("a8 00 00000010 00010000 05 00", "88 00 0000000000000010 00010000 05 00"),
        ("aa 08 00000010 00000001 00 00", "8a 08 0000000000000010 00000001 00 00"),
        ("35 02 00000000 00 0000 00", "91 02 0000000000000000 00000000 00 00"),
    ],
)
def test_a_short_command_becomes_the_long_one(short: str, long: str) -> None:
    assert lengthened(bytes.fromhex(short)).hex(" ") == bytes.fromhex(long).hex(" ")


@pytest.mark.parametrize(
    "cdb",
    [
        "",
        "00 00 00 00 00 00",
        "12 00 00 00 24 00",
        "28 00 00 00",
        "25 00000000 00 0000 00 00",
        "88" + "00" * 15,
    ],
)
def test_any_other_command_stays_as_it_is(cdb: str) -> None:
    assert lengthened(bytes.fromhex(cdb)) == bytes.fromhex(cdb)


def test_the_data_goes_with_it() -> None:
    class Unit:
        def send(self, command: Command) -> Reply:
            assert (command.cdb[0], command.data_out, command.data_in) == (0x8A, b"x" * 512, 0)
            return Reply(residual=3)

        def close(self) -> None:
            pass

    write = Command(name="WRITE(10)", cdb=bytes.fromhex("2a00 00000000 00 0001 00"), data_out=b"x" * 512)
    assert LongCommands(Unit()).send(write).residual == 3
