"""What the kernel lets this process do besides what file permissions say: its effective capabilities."""

from __future__ import annotations

from enum import IntEnum
from pathlib import Path


class Capability(IntEnum):
    """Those that matter here, by their bits (include/uapi/linux/capability.h)."""

    SYS_RAWIO = 17  # EXTENDED COPY on /dev/sdX; not on /dev/sgN
    SYS_PTRACE = 19  # what programs of other users have open
    SYS_ADMIN = 21  # BLKFLSBUF, and the tables of device-mapper


def may(capability: Capability, *, proc: str = "/proc") -> bool:
    """True when this process has it now, by `CapEff` of proc_pid_status(5); also where nobody knows."""
    try:
        lines = (Path(proc) / "self/status").read_text().splitlines()
    except OSError:
        return True
    found = next((line.split()[1] for line in lines if line.startswith("CapEff:")), None)
    return found is None or bool(int(found, 16) >> capability & 1)
