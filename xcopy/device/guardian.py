"""The program that freezes file systems, and thaws them when whoever started it is done, dead, or stuck.

A process of its own, in a session of its own: what kills the copy does not reach it, and the end of its
standard input, which the kernel closes with the last thread of a killed process, tells it to thaw. So does
silence there: then the copy is suspended, or waits for somebody who waits for what is frozen. Run as a file,
with seconds of silence and the descriptors of open directories as arguments; it imports nothing of this
package and writes to no file system.

On standard output: `frozen`, or `no INDEX ERRNO` when nothing is left frozen; at the end `thawed`, `late`
when it did not wait for the end, or `lost INDEX ERRNO` for the last one that could not be thawed.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import signal
import sys

FIFREEZE = 0xC0045877  # _IOWR('X', 119, int), <linux/fs.h>
FITHAW = 0xC0045878
DEAF = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT", "SIGTSTP", "SIGPIPE", "SIGUSR1", "SIGUSR2")


def main(patience: float, directories: list[int]) -> None:
    """Freeze, wait, thaw: the last that was frozen first."""
    for name in DEAF:
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    with contextlib.suppress(OSError):  # not root, or no /proc
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("-1000")  # the copy is killed before its guardian
    os.chdir("/")
    frozen: list[int] = []
    try:
        for index, fd in enumerate(directories):
            try:
                fcntl.ioctl(fd, FIFREEZE, 0)
            except OSError as error:
                say(f"no {index} {error.errno}")
                return
            frozen.append(fd)
        say("frozen")
        end = "late"
        while select.select([0], [], [], patience)[0]:
            if not os.read(0, 4096):
                end = "thawed"
                break
    finally:
        lost = thaw(frozen)
    say(lost or end)


def thaw(frozen: list[int]) -> str:
    """Thaw all of them, whatever becomes of one."""
    lost = ""
    for index in reversed(range(len(frozen))):
        try:
            fcntl.ioctl(frozen[index], FITHAW, 0)
        except OSError as error:
            lost = f"lost {index} {error.errno or errno.EIO}"
    return lost


def say(what: str) -> None:
    """Nobody may be there to hear it."""
    with contextlib.suppress(OSError):
        os.write(1, f"{what}\n".encode())


if __name__ == "__main__":
    main(float(sys.argv[1]), [int(each) for each in sys.argv[2:]])
