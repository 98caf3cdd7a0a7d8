"""What this user may not do with two sides, and what is therefore not looked at or not certain.

By permissions alone; who uses a device is `safety`'s to find out. Nothing is opened here.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from xcopy.claim import UNCHECKED
from xcopy.errors import AccessError

if TYPE_CHECKING:
    from xcopy.api.endpoint import Endpoint

WAY_OUT = "run as root, or have it readable and writable for a group of yours (docs/privileges.md)"


def unchecked(source: Endpoint, destination: Endpoint, *, force: frozenset[str]) -> list[str]:
    """Warnings of what cannot be done for want of permission.

    `AccessError` where nobody could tell whether a side is in use, or whether this host holds newer blocks
    of it in a cache; where `force` has UNCHECKED that is a warning.
    """
    from xcopy.device.caches import nodes
    from xcopy.device.privileges import Capability, may

    warnings = []
    for side, mode, loss in (
        (source, os.R_OK, "what this host has written to it and not sent yet would not be copied"),
        (
            destination,
            os.R_OK | os.W_OK,
            "it cannot be held, so a use by a container or a kernel target is not seen and nobody is kept "
            "from using it meanwhile, and old blocks may stay in this host's cache",
        ),
    ):
        if side.node is None:
            continue
        closed = [
            path
            for path in nodes(side.node)
            if os.path.exists(path) and not os.access(path, mode, effective_ids=True)
        ]
        if not closed:
            continue
        said = f"no permission to open {', '.join(closed)}: {loss}"
        if UNCHECKED not in force:
            raise AccessError(f"{side.name}: {said}; {WAY_OUT}, or --force={UNCHECKED} copies all the same")
        warnings.append(f"--force={UNCHECKED}: {side.name}: {said}")
    if destination.node is not None and not may(Capability.SYS_PTRACE):
        warnings.append(
            f"without CAP_SYS_PTRACE it is not seen whether programs of other users have {destination.name} "
            "open for writing; only a mount, a holder or an exclusive user is"
        )
    if destination.node is not None and not may(Capability.SYS_ADMIN):
        warnings.append(
            f"without CAP_SYS_ADMIN the kernel may keep blocks of {destination.name} that a program has open "
            "in this host's cache, as they were before the copy"
        )
    return warnings


def forbidden(error: Exception) -> bool:
    """True for what failed for want of permission."""
    return isinstance(error.__cause__, PermissionError)
