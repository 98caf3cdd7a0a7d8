"""Workers: signals stay with the main thread."""

from __future__ import annotations

import queue
import signal
import threading

import pytest

from xcopy.device import worker
from xcopy.errors import NoThread

DEADLINE = 10.0
# The kernel lets nobody block these two.
BLOCKABLE = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}


def test_every_signal_is_blocked_in_a_worker() -> None:
    masks: queue.Queue[set[signal.Signals]] = queue.Queue()

    worker.start(lambda: masks.put(signal.pthread_sigmask(signal.SIG_BLOCK, [])), "probe")

    assert set(masks.get(timeout=DEADLINE)) == BLOCKABLE


def test_the_mask_of_the_starting_thread_is_as_it_was() -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR2])
    try:
        mine = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        worker.start(lambda: None, "probe")
        assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == mine
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_the_mask_is_put_back_when_a_thread_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])

    with pytest.raises(NoThread, match=r"can't start new thread: .* \(ulimit -u\)"):
        worker.start(lambda: None, "probe")

    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


def test_a_worker_never_keeps_the_program_alive_and_bears_its_name() -> None:
    done: queue.Queue[None] = queue.Queue()

    thread = worker.start(lambda: done.put(None), "copy 3")

    assert (thread.daemon, thread.name) == (True, "copy 3")
    done.get(timeout=DEADLINE)
