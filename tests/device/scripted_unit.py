"""A disk of a few commands, written for these tests alone, and two ways to put it behind a transport:
a fake SG_IO that reads and fills the header as the kernel does, and a fake of the binding's module.
"""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from cdb.command import Status
from xcopy.device.sg import DXFER_FROM_DEV, DXFER_TO_DEV, SgIoHdr

BLOCK = 512
INQUIRY_DATA = bytes.fromhex("00 00 06 02 5b 00 00 00") + b"EXAMPLE SCRIPTED UNIT   0001" + bytes(60)
INVALID_OPERATION_CODE = bytes.fromhex("70 00 05 00000000 0a 00000000 20 00 00 000000")
DID_TIME_OUT, DRIVER_SENSE = 3, 8


@dataclass(frozen=True, slots=True)
class Answer:
    """What comes back for one command."""

    status: int = Status.GOOD
    data: bytes = b""
    sense: bytes = b""
    host_status: int = 0


class Unit:
    """4 MiB of blocks, or the next answer as told."""

    def __init__(self) -> None:
        self.blocks = bytearray(4 << 20)
        self.next: list[Answer] = []

    def answers(self, status: int, *, sense: bytes = b"", data: bytes = b"") -> None:
        self.next.append(Answer(status, data, sense))

    def is_silent(self) -> None:
        self.next.append(Answer(host_status=DID_TIME_OUT))

    def perform(self, cdb: bytes, data_out: bytes) -> Answer:
        if self.next:
            return self.next.pop(0)
        match cdb[0]:
            case 0x00:
                return Answer()
            case 0x12:
                return Answer(data=INQUIRY_DATA[: int.from_bytes(cdb[3:5], "big")])
            case 0x9E:
                return Answer(
                    data=(len(self.blocks) // BLOCK - 1).to_bytes(8, "big") + b"\0\0\2\0" + bytes(20)
                )
            case 0x88:
                at, blocks = int.from_bytes(cdb[2:10], "big"), int.from_bytes(cdb[10:14], "big")
                return Answer(data=bytes(self.blocks[at * BLOCK : (at + blocks) * BLOCK]))
            case 0x8A:
                at = int.from_bytes(cdb[2:10], "big") * BLOCK
                self.blocks[at : at + len(data_out)] = data_out
                return Answer()
        return Answer(Status.CHECK_CONDITION, sense=INVALID_OPERATION_CODE)

    def ioctl(self, fd: int, header: SgIoHdr) -> None:
        """SG_IO as /dev/sgN does it."""
        assert fd >= 0
        assert (header.interface_id, header.iovec_count, header.flags) == (ord("S"), 0, 0)
        outgoing = header.dxferp and header.dxfer_direction == DXFER_TO_DEV
        cdb = ctypes.string_at(header.cmdp, header.cmd_len)
        answer = self.perform(cdb, ctypes.string_at(header.dxferp, header.dxfer_len) if outgoing else b"")
        if header.dxfer_direction == DXFER_FROM_DEV:
            data = answer.data[: header.dxfer_len]
            ctypes.memmove(header.dxferp, data, len(data))
            header.resid = header.dxfer_len - len(data)
        sense = answer.sense[: header.mx_sb_len]
        ctypes.memmove(header.sbp, sense, len(sense))
        header.sb_len_wr = len(sense)
        header.status, header.host_status = answer.status, answer.host_status
        header.driver_status = DRIVER_SENSE if sense else 0
        header.duration = 7

    def module(self) -> ModuleType:
        """The binding's module: what cython-sgio 1.1.2 takes, returns and raises."""

        class CheckConditionError(Exception):
            def __init__(self, sense: bytes) -> None:
                self.sense = sense

        class UnspecifiedError(Exception):
            pass

        def execute(
            fid: Any, cdb: bytes, data_out: bytes, data_in: bytearray, max_sense_data_length: int = 32
        ) -> int:
            assert fid.fileno() >= 0
            assert isinstance(cdb, bytes)
            assert isinstance(data_out, bytes | bytearray)
            assert isinstance(data_in, bytearray)
            assert max_sense_data_length < 256
            answer = self.perform(cdb, bytes(data_out))
            if answer.status != Status.GOOD or answer.host_status:
                if answer.sense:
                    raise CheckConditionError(answer.sense[:max_sense_data_length])
                raise UnspecifiedError
            data = answer.data[: len(data_in)]
            data_in[: len(data)] = data
            return len(data_in) - len(data)

        module = ModuleType("sgio")
        module.__dict__.update(
            execute=execute, CheckConditionError=CheckConditionError, UnspecifiedError=UnspecifiedError
        )
        return module
