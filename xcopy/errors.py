"""What can end a copy, or stop it before it begins. `cli.exit_codes` says which exit code each becomes."""

from __future__ import annotations


class XcopyError(Exception):
    """Root of every error this package raises on purpose: the thing, the reason, the way out."""


class UsageError(XcopyError):
    """What was asked cannot be meant: a bad range, a path that is not there, past the end."""


class UnsafeError(XcopyError):
    """Refused because data could be lost: in use, overlapping, read-only, changed under us."""


class UnsupportedError(XcopyError):
    """The storage or the node cannot do it, and no other means is allowed."""


class AccessError(XcopyError):
    """The device could not be opened or asked: no permission, gone, no answer."""


class Busy(AccessError):
    """The device had no time, again and again; what it was given before is not lost."""


class ReservedElsewhere(AccessError):
    """Another initiator has the device for itself: it answers nothing, and is not to be written."""


class NoThread(XcopyError):
    """The system gives no more threads, without which some things can be done and others not."""


class Interrupted(XcopyError):
    """The user ended it while nothing was in flight."""


class IoFailed(XcopyError):
    """A read or a write of blocks by the host failed; says which blocks and what the system said."""
