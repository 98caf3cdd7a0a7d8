"""What every transport must do, whatever it travels on: `cdb.command.Transport` as tests.

A test module subclasses one of the three, each more demanding than the one before, and gives its fixtures.
`AnyTransport` reads only and is fit for any real disk; `WritableTransport` writes; `ScriptedTransport`
needs a device that answers to order. CDBs are spelled out: nothing here comes from this package's encoders.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Protocol

import pytest

from cdb.command import Command, NotSent, Reply, Silence, Status, Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UNIT_ATTENTION = 0x06
ILLEGAL_REQUEST, INVALID_OPERATION_CODE = 0x05, 0x20
# Fixed format sense (SPC-4 4.5.3): RECOVERED ERROR, ASC/ASCQ 5Dh/00h.
RECOVERED = bytes.fromhex("70 00 01 00000000 0a 00000000 5d 00 00 000000")

TEST_UNIT_READY = Command(name="TEST UNIT READY", cdb=bytes(6))
UNKNOWN = Command(name="operation code C1h", cdb=bytes.fromhex("c1 00 0000 00 00"))


def inquiry(length: int) -> Command:
    """INQUIRY, standard data."""
    return Command(name="INQUIRY", cdb=b"\x12\0\0" + length.to_bytes(2, "big") + b"\0", data_in=length)


def read_capacity() -> Command:
    """READ CAPACITY(16)."""
    return Command(name="READ CAPACITY(16)", cdb=bytes.fromhex("9e10" + "00" * 11 + "20 0000"), data_in=32)


def read(lba: int, blocks: int, block_size: int) -> Command:
    """READ(16)."""
    cdb = b"\x88\0" + lba.to_bytes(8, "big") + blocks.to_bytes(4, "big") + b"\0\0"
    return Command(name="READ(16)", cdb=cdb, data_in=blocks * block_size)


def write(lba: int, data: bytes | bytearray | memoryview, block_size: int) -> Command:
    """WRITE(16)."""
    blocks = len(data) // block_size
    cdb = b"\x8a\0" + lba.to_bytes(8, "big") + blocks.to_bytes(4, "big") + b"\0\0"
    return Command(name="WRITE(16)", cdb=cdb, data_out=data)


class Script(Protocol):
    """The other end: the next command, whatever it is, is answered so."""

    def answers(self, status: int, *, sense: bytes = b"", data: bytes = b"") -> None:
        """With a status, sense and data-in."""
        ...

    def is_silent(self) -> None:
        """Not at all."""
        ...


class AnyTransport:
    """What holds on any disk, and changes nothing on it. `opener` opens one more way to the same unit."""

    @pytest.fixture
    def transport(self, opener: Callable[[], Transport]) -> Iterator[Transport]:
        """An open transport whose unit attentions have been told."""
        opened = opener()
        for _ in range(8):
            if opened.send(TEST_UNIT_READY).good:
                break
        yield opened
        opened.close()

    def test_a_ready_unit_says_good_and_nothing_else(self, transport: Transport) -> None:
        reply = transport.send(TEST_UNIT_READY)

        assert (reply.status, reply.data, reply.sense, reply.residual) == (Status.GOOD, b"", b"", 0)

    def test_data_in_is_what_arrived_and_the_residual_is_the_rest(self, transport: Transport) -> None:
        reply = transport.send(inquiry(512))

        assert reply.good
        assert len(reply.data) == reply.data[4] + 5  # ADDITIONAL LENGTH (SPC-4 6.6.2)
        assert reply.residual == 512 - len(reply.data)

    def test_data_in_ends_where_the_asked_length_ends(self, transport: Transport) -> None:
        whole = transport.send(inquiry(512)).data

        reply = transport.send(inquiry(36))

        assert reply.data == whole[:36]
        assert reply.residual == 0

    def test_a_longer_answer_before_leaves_nothing_in_the_next(self, transport: Transport) -> None:
        transport.send(inquiry(512))

        assert transport.send(TEST_UNIT_READY).data == b""

    def test_check_condition_is_a_value_and_brings_its_sense(self, transport: Transport) -> None:
        reply = transport.send(UNKNOWN)

        assert reply.status == Status.CHECK_CONDITION
        assert reply.sense[0] & 0x7F == 0x70
        assert (reply.sense[2] & 0x0F, reply.sense[12]) == (ILLEGAL_REQUEST, INVALID_OPERATION_CODE)

    def test_a_command_after_a_failed_one_is_not_touched_by_it(self, transport: Transport) -> None:
        transport.send(UNKNOWN)

        reply = transport.send(TEST_UNIT_READY)

        assert (reply.status, reply.sense) == (Status.GOOD, b"")

    def test_closing_twice_is_closing_once(self, opener: Callable[[], Transport]) -> None:
        opened = opener()
        opened.close()

        opened.close()

    def test_what_is_sent_after_close_was_not_sent(self, opener: Callable[[], Transport]) -> None:
        opened = opener()
        opened.close()

        with pytest.raises(NotSent, match=r"TEST UNIT READY.*closed"):
            opened.send(TEST_UNIT_READY)


class WritableTransport(AnyTransport):
    """What holds on a disk whose first 2 MiB may be overwritten."""

    LENGTH = 512 << 10  # half of what LIO's loopback takes in one command

    @pytest.fixture
    def block_size(self, transport: Transport) -> int:
        """Bytes per block, from READ CAPACITY(16) bytes 8 to 11 (SBC-3)."""
        return int.from_bytes(transport.send(read_capacity()).data[8:12], "big")

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_data_out_arrives_whole_and_comes_back_whole(
        self, transport: Transport, block_size: int, kind: Callable[[bytes], bytes | bytearray | memoryview]
    ) -> None:
        data = os.urandom(self.LENGTH)

        written = transport.send(write(8, kind(data), block_size))
        back = transport.send(read(8, self.LENGTH // block_size, block_size))

        assert (written.status, written.residual) == (Status.GOOD, 0)
        assert back.data == data

    def test_part_of_a_writable_memory_is_sent_and_no_more_of_it(
        self, transport: Transport, block_size: int
    ) -> None:
        memory = bytearray(os.urandom(6 * block_size))
        before = transport.send(read(0, 6, block_size)).data

        transport.send(write(2, memoryview(memory)[block_size : 3 * block_size], block_size))

        expected = before[: 2 * block_size] + memory[block_size : 3 * block_size] + before[4 * block_size :]
        assert transport.send(read(0, 6, block_size)).data == expected

    def test_data_out_is_as_it_was_before(self, transport: Transport, block_size: int) -> None:
        memory = bytearray(os.urandom(4 * block_size))
        copy = bytes(memory)

        transport.send(write(0, memoryview(memory), block_size))

        assert memory == copy


class ScriptedTransport(WritableTransport):
    """What takes a device that answers to order: fixture `script`, the other end of the opened transports."""

    @pytest.mark.parametrize("status", [Status.BUSY, Status.RESERVATION_CONFLICT, Status.TASK_SET_FULL])
    def test_a_no_without_sense_is_a_value(self, transport: Transport, script: Script, status: int) -> None:
        script.answers(status)

        assert self.outcome(transport, TEST_UNIT_READY) == (status, b"")

    def test_good_with_sense_is_good_and_keeps_the_sense(self, transport: Transport, script: Script) -> None:
        script.answers(Status.GOOD, sense=RECOVERED)

        assert self.outcome(transport, TEST_UNIT_READY) == (Status.GOOD, RECOVERED)

    def test_sense_of_the_full_length_is_not_cut(self, transport: Transport, script: Script) -> None:
        sense = b"\x72\x05\x26\x00\0\0\0\xf4" + bytes(range(244))
        script.answers(Status.CHECK_CONDITION, sense=sense)

        assert self.outcome(transport, TEST_UNIT_READY) == (Status.CHECK_CONDITION, sense)

    def test_silence_is_an_exception(self, transport: Transport, script: Script) -> None:
        script.is_silent()

        with pytest.raises(Silence):
            transport.send(TEST_UNIT_READY)

    def test_a_command_after_silence_is_answered_as_ever(self, transport: Transport, script: Script) -> None:
        script.is_silent()
        with pytest.raises(Silence):
            transport.send(TEST_UNIT_READY)

        assert transport.send(TEST_UNIT_READY).good

    @staticmethod
    def outcome(transport: Transport, command: Command) -> tuple[int, bytes]:
        """Status and sense of the reply."""
        reply: Reply = transport.send(command)
        return reply.status, reply.sense
