"""Uses of a unit that speak against writing to it: their kinds, and which of them may be overridden.

Belongs here: the words. Every kind has one of its own, which `--force` takes; what overrides one kind
overrides no other. Does not know how a use is found out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from xcopy.errors import UnsafeError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Kind:
    """How a kind of use is told, with `{device}` and `{by}`, and what ends it.

    `alone` is how it is told where nobody knows by whom. `exclusive` uses keep others from opening the device
    exclusively; what has no `override` is never written to.
    """

    told: str
    way_out: str
    alone: str = ""
    exclusive: bool = False
    override: bool = True


KINDS: Final = {
    "mounted": Kind("{device} is mounted on {by}", "unmount it", exclusive=True),
    "swap": Kind("{device} is in use as swap", "swapoff {device}", exclusive=True),
    "lvm": Kind(
        "{device} is held by {by}",
        "deactivate the volume (lvchange -an), or take the disk out of its group (vgreduce, pvremove)",
        alone="{device} is a physical volume of LVM",
        exclusive=True,
    ),
    "md": Kind(
        "{device} is held by {by}",
        "stop the array (mdadm --stop), or take the disk out of it (mdadm --zero-superblock)",
        alone="{device} is a member of an md array",
        exclusive=True,
    ),
    "holder": Kind("{device} is held by {by}", "remove what holds it (`lsblk {device}`)", exclusive=True),
    "open": Kind(
        "{device} is open elsewhere ({by})",
        "end what has it open (`fuser -v {device}`)",
        alone="{device} is open exclusively elsewhere, by a kernel target or in a container",
    ),
    "reserved": Kind("{device} is reserved by {by}", "have the reservation released there"),
    "own-reservation": Kind(
        "{device} is reserved by this machine itself ({by}), and storage that copies in nobody's name (LIO) "
        "cannot write to it then",
        "release the reservation (sg_persist --out --release), or override this and copy by --method host",
    ),
    "read-only": Kind("{device} is read-only", "make it writable", override=False),
}
UNCHECKED: Final = "unchecked"  # no use: what this user may not look at
FORCIBLE: Final = (*(name for name, kind in KINDS.items() if kind.override), UNCHECKED)


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of a device: which of KINDS, and by whom (mount point, holder, process, reservation)."""

    kind: str
    device: str
    by: str = ""
    other_path: bool = False  # the device is another path to the unit that was asked about

    def __str__(self) -> str:
        kind = KINDS[self.kind]
        told = kind.told if self.by or not kind.alone else kind.alone
        sentence = told.format(device=self.device, by=self.by)
        return sentence + (" (another path to the same unit)" if self.other_path else "")

    @property
    def way_out(self) -> str:
        """What ends this use."""
        return KINDS[self.kind].way_out.format(device=self.device)


def forced(text: str) -> frozenset[str]:
    """The kinds in `KIND[,KIND...]`; `UsageError` for an unknown one, or one that nothing overrides."""
    found = frozenset(text.split(","))
    for word in sorted(found):
        if word in FORCIBLE:
            continue
        if word in KINDS:
            raise UsageError(f"--force={word}: nothing overrides that; {KINDS[word].way_out}")
        raise UsageError(f"--force={word}: no such kind of use; there are {', '.join(FORCIBLE)}")
    return found


def allow(name: str, claims: Sequence[Claim], force: frozenset[str]) -> list[str]:
    """What to warn of where every use of a destination is overridden; else `UnsafeError` with all of them."""
    final = [claim for claim in claims if not KINDS[claim.kind].override]
    if final:
        raise UnsafeError(
            f"{name} is not to be written to: {_sentences(final)}: nothing can be copied onto it; "
            f"{_ways_out(final)}, no --force overrides that"
        )
    against = [claim for claim in claims if claim.kind not in force]
    if against:
        words = ",".join(kind for kind in KINDS if any(claim.kind == kind for claim in claims))
        raise UnsafeError(
            f"{name} is in use: {_sentences(against)}. To end that, {_ways_out(against)}; "
            f"--force={words} writes to it all the same, beneath its user"
        )
    return [f"--force={claim.kind}: writing to {name} although {claim}" for claim in claims]


def _sentences(claims: Sequence[Claim]) -> str:
    return "; ".join(map(str, claims))


def _ways_out(claims: Sequence[Claim]) -> str:
    return "; ".join(dict.fromkeys(claim.way_out for claim in claims))
