"""Threads that sit in the blocking ioctl. Belongs here: how one starts. Does not know what it runs."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from xcopy.errors import NoThread

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY_SIGNAL = signal.valid_signals()


def start(target: Callable[[], None], name: str) -> threading.Thread:
    """Start a daemon thread in which every signal is blocked from its first instruction.

    On /dev/sgN a signal ends the wait for a command that goes on without us; so the mask is set here,
    inherited by the thread, and put back: there is no moment in which the thread could be hit.
    Daemon: a command under way must not keep an interrupted program from ending. Raises `NoThread`; what a
    signal handler raises meanwhile is raised when the thread is there.
    """
    thread = threading.Thread(target=target, name=name, daemon=True)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, EVERY_SIGNAL)
    try:
        thread.start()
    except RuntimeError as error:
        raise NoThread(f"{error}: end other programs, or raise the limit of processes (ulimit -u)") from error
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return thread
