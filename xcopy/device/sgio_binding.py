"""The python-sgio binding (PyPI `cython-sgio`, module `sgio`) as a transport: asked for, never the default.

Belongs here: what the binding returns and raises, as `Reply` and `TransportError`. Its limits:
it holds Python's lock for the whole command, so it serves one at a time (`WINDOW`) and Ctrl-C waits for it;
its timeout is 30 minutes whatever the command asks; BUSY, RESERVATION CONFLICT, TASK SET FULL and every
error of the host adapter look alike, so all are `Silence`; sense that comes with GOOD is dropped, and so is
data that comes with CHECK CONDITION.
"""

from __future__ import annotations

import importlib
import os
import time
from typing import TYPE_CHECKING, Any, Final

from cdb.command import SENSE_LENGTH, Command, NotSent, Reply, Silence, Status
from xcopy.device.sg import check_fits, open_node, refusal
from xcopy.errors import UnsupportedError

if TYPE_CHECKING:
    from io import FileIO

WINDOW: Final = 1
TIMEOUT: Final = 30 * 60.0  # seconds, built into the binding


class SgioTransport:
    """One open SCSI node, commands sent by `sgio.execute`; see the module's limits.

    Raises `UnsupportedError` where the binding is not installed, else as `SgTransport` does.
    """

    def __init__(self, path: str, *, read_only: bool = False) -> None:
        self._path = path
        self._sgio = _binding()
        fd, self._is_sg = open_node(path, read_only=read_only)
        self._file: FileIO = os.fdopen(fd, "rb" if read_only else "rb+", buffering=0)
        self._answered = False

    def send(self, command: Command) -> Reply:
        """Send and wait up to 30 minutes; `command.timeout` is not available here."""
        if self._file.closed:
            raise NotSent(f"{self._path}: {command.name} not sent: the device is closed")
        check_fits(command)
        room = bytearray(command.data_in)
        outgoing = memoryview(command.data_out).tobytes()  # the binding takes no memoryview
        start = time.monotonic()
        try:
            left = self._sgio.execute(self._file, bytes(command.cdb), outgoing, room, SENSE_LENGTH)
        except self._sgio.CheckConditionError as error:
            self._answered = True
            return Reply(
                status=Status.CHECK_CONDITION,
                sense=bytes(error.sense),
                residual=len(outgoing) or len(room),
                duration=time.monotonic() - start,
            )
        except self._sgio.UnspecifiedError as error:
            self._answered = True
            raise Silence(
                f"{self._path}: {command.name} failed after {time.monotonic() - start:.1f} s and the sgio "
                "binding does not tell how: BUSY, RESERVATION CONFLICT, a timeout and an error of the host "
                "adapter look alike to it; --transport sg does tell"
            ) from error
        except OSError as error:
            raise refusal(
                self._path, command, error, is_sg=self._is_sg, spoke_before=self._answered
            ) from error
        self._answered = True
        residual = max(0, min(left, len(outgoing) or len(room)))
        return Reply(
            data=bytes(room[: len(room) - residual]) if room else b"",
            residual=residual,
            duration=time.monotonic() - start,
        )

    def close(self) -> None:
        """Let go of the device; a second call does nothing."""
        self._file.close()


def _binding() -> Any:
    """The module `sgio`, if it is the SCSI one: an unrelated project has that name on PyPI."""
    try:
        module = importlib.import_module("sgio")
    except ImportError as error:
        raise UnsupportedError(
            "--transport sgio needs the python-sgio binding, which is not installed: "
            "pip install xcopy-dev[sgio] (it needs a C compiler), or use --transport sg"
        ) from error
    if not all(hasattr(module, name) for name in ("execute", "CheckConditionError", "UnspecifiedError")):
        raise UnsupportedError(
            "the installed module `sgio` is not the python-sgio binding but another project of that name: "
            "pip uninstall sgio; pip install xcopy-dev[sgio]"
        )
    return module
