"""Which means may copy which bytes between two files, and why a cheaper one may not: the ladder.

A means is refused for this pair of files, never for another. Nothing here makes a call; what an errno means
is in `errnos`, and what is done with it in `file_job`.

OCFS2 checks a clone, and a copy_file_range(2), against blocks of 4 KiB and then remaps whole clusters, of up
to 1 MiB: what lies behind the range in its last cluster is overwritten, and success is reported (seen with
Linux 6.1; the code of 6.12 is the same). So on OCFS2 both calls only ever get whole clusters, whose size is
st_blksize. An overlay may lie on it, and says nothing of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import lcm
from typing import TYPE_CHECKING, Final

from xcopy.errnos import Means
from xcopy.errors import UnsupportedError, UsageError
from xcopy.sparse import Sparse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xcopy.plan import Request

# f_type of statfs(2): <linux/magic.h>, fs/ocfs2/ocfs2_fs.h, fs/smb/client, fs/xfs, fs/nfs; Lustre's own
OCFS2: Final = 0x7461636F
OVERLAY: Final = 0x794C7630
NFS: Final = 0x6969
FUSE: Final = 0x65735546
P9: Final = 0x01021997
CEPH: Final = 0x00C36400
LUSTRE: Final = 0x0BD00BD0
SMB: Final = frozenset({0xFF534D42, 0xFE534D42, 0x517B})
FILE_SYSTEMS: Final[Mapping[int, str]] = {
    OCFS2: "ocfs2",
    OVERLAY: "overlay",
    0xEF53: "ext4",
    0x58465342: "xfs",
    0x9123683E: "btrfs",
    0x01021994: "tmpfs",
    NFS: "nfs",
    0xFF534D42: "cifs",
    0xFE534D42: "smb",
    0x2FC12FC1: "zfs",
    FUSE: "fuse",
    P9: "9p",
    CEPH: "ceph",
    LUSTRE: "lustre",
    0x9FA0: "proc",
    0x62656572: "sysfs",
}
WHOLE_GRANULES: Final = frozenset({OCFS2, OVERLAY})
# files of somewhere else, with a device number of its own
SHOWS_OTHERS: Final = SMB | {OVERLAY, NFS, FUSE, P9, CEPH, LUSTRE}


class Reflink(StrEnum):
    """Whether the copy may share blocks with its source."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file or block device: what it is called, its size and block in bytes, its file system's f_type.

    `block` is the larger of the file system's block and st_blksize; of a device, its logical block. `copies`
    is how many bytes of a device the kernel has it copy at once, by `queue/copy_max_bytes`.
    """

    name: str
    size: int
    block: int
    system: int = 0
    device: bool = False
    copies: int = 0

    @property
    def system_name(self) -> str:
        """The file system, by name where it has one here."""
        if self.device:
            return "a block device"
        return FILE_SYSTEMS.get(self.system, f"file system {self.system:x}h")


class Ladder:
    """The means for one pair of files; `refused` has why one of them is not, or no longer, taken."""

    def __init__(
        self,
        source: FileFacts,
        destination: FileFacts,
        *,
        reflink: Reflink = Reflink.AUTO,
        sparse: Sparse = Sparse.AUTO,
        overlapping: bool = False,
    ) -> None:
        """Raises UsageError for wishes that exclude each other; `step` is what lengths are multiples of."""
        self.source, self.destination, self.reflink, self.sparse = source, destination, reflink, sparse
        self.granule = lcm(source.block, destination.block)
        self.whole_granules = not WHOLE_GRANULES.isdisjoint({source.system, destination.system})
        self.smb = not SMB.isdisjoint({source.system, destination.system})
        self.step = lcm(*(side.block for side in (source, destination) if side.device))
        self.overlapping = overlapping
        self.refused: dict[Means, str] = {}
        only = reflink is Reflink.ALWAYS
        if only and sparse is not Sparse.AUTO:
            raise UsageError(
                f"--reflink always and --sparse {sparse.value} exclude each other: a clone has its "
                "source's holes"
            )
        for means in (Means.CLONE, Means.KERNEL):
            if why := self._never(means):
                self.refused[means] = why
        if only:
            self.refused.setdefault(Means.KERNEL, "--reflink always")
            self.refused[Means.HOST] = "--reflink always"

    def _never(self, means: Means) -> str:
        """Why none of the bytes may go by this means, as far as is known before it is tried."""
        if self.reflink is Reflink.NEVER:
            return "--reflink never" + ("" if means is Means.CLONE else ": it may share blocks unasked")
        if self.source.device and self.destination.device:
            if means is Means.CLONE:
                return "a block device has no blocks to share"
            without = [side.name for side in (self.source, self.destination) if not side.copies]
            return f"this kernel has {without[0]} copy nothing by itself" if without else ""
        if self.source.device or self.destination.device:
            return "a block device has no blocks to share, and the kernel copies none between it and a file"
        if self.overlapping:
            return "source and destination overlap"
        if self.sparse is not Sparse.AUTO:
            return f"--sparse {self.sparse.value}: every byte has to be looked at"
        return ""

    @property
    def keeps_holes(self) -> bool:
        """Whether holes of the source are looked for, and become holes."""
        return self.sparse is not Sparse.NEVER and not (self.overlapping or self.step > 1)

    @property
    def zeros_to_holes(self) -> bool:
        """Whether zeros that are read become holes."""
        if self.overlapping or self.destination.device:
            return False
        return self.sparse is Sparse.ALWAYS or (self.source.device and self.sparse is Sparse.AUTO)

    def drop(self, means: Means, reason: str) -> None:
        """This means has said that it cannot."""
        self.refused.setdefault(means, reason)

    def choose(self, source: int, length: int, destination: int) -> tuple[Means, int] | None:
        """The means for the bytes from here, and how many of them it may be asked for; None for none.

        Clones take whole blocks, or end where both files do. What is left at either end goes by the host.
        """
        for means in (Means.CLONE, Means.KERNEL):
            if means in self.refused:
                continue
            if means is Means.KERNEL and not self.whole_granules:
                return means, length
            if (source - destination) % self.granule:
                continue
            head = min(-source % self.granule, length)
            if not head and (whole := length - length % self.granule):
                return means, whole
            if not head and means is Means.CLONE and self._closes(source, length, destination):
                return means, length
            return self._by_host(head or length)
        return self._by_host(length)

    def allows(self, means: Means, source: int, length: int, destination: int) -> bool:
        """Whether no other byte can come to harm by this call: the last look before it is made."""
        if means is Means.HOST or not self.whole_granules:
            return True
        return not any(number % self.granule for number in (source, length, destination))

    def _by_host(self, length: int) -> tuple[Means, int] | None:
        return None if Means.HOST in self.refused else (Means.HOST, length)

    def _closes(self, source: int, length: int, destination: int) -> bool:
        """Whether these are the last bytes of both files, so that no other byte shares their last block."""
        return (
            not self.whole_granules
            and source + length == self.source.size
            and destination + length >= self.destination.size
        )

    def insist(self, request: Request) -> None:
        """Only clones are allowed: `UnsupportedError` for a range that clones alone cannot copy."""
        if self.reflink is not Reflink.ALWAYS:
            return
        if why := self.refused.get(Means.CLONE):
            raise UnsupportedError(f"--reflink always, but {self.source.name} cannot be cloned: {why}")
        for each in request.ranges:
            source, destination, length = each.source_lba, each.destination_lba, each.blocks
            whole = not (source % self.granule or destination % self.granule)
            tail = length % self.granule
            at = length - tail
            if whole and (not tail or self._closes(source + at, tail, destination + at)):
                continue
            raise UnsupportedError(
                f"--reflink always, but bytes {source} to {source + length} of {self.source.name} cannot be "
                f"cloned to byte {destination} of {self.destination.name}: offsets and length have to be "
                f"whole blocks of {self.granule} bytes"
                + (
                    ", everywhere on this file system"
                    if self.whole_granules
                    else ", or both files end with them"
                )
            )

    def explain(self, request: Request) -> list[tuple[Means, str]]:
        """Each means, and why it is not taken; "" for one that will be, where a better one cannot."""
        reasons = [(means, self.refused.get(means, "")) for means in (Means.CLONE, Means.KERNEL, Means.HOST)]
        return [(means, why or self._unaligned(means, request)) for means, why in reasons]

    def _unaligned(self, means: Means, request: Request) -> str:
        """Why no range can go by this means, and the granule that none of them has."""
        if means is Means.HOST or (means is Means.KERNEL and not self.whole_granules) or not len(request):
            return ""
        if any(self._aligned(r.source_lba, r.blocks, r.destination_lba, means) for r in request.ranges):
            return ""
        return (
            f"no range has a whole block of {self.granule} bytes at the same place in a block on both sides"
        )

    def _aligned(self, source: int, length: int, destination: int, means: Means) -> bool:
        if (source - destination) % self.granule:
            return False
        head = -source % self.granule
        rest = length - head
        if rest >= self.granule:
            return True
        return means is Means.CLONE and rest > 0 and self._closes(source + head, rest, destination + head)
