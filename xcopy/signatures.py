"""What a device holds, by the magic numbers of file systems, partition tables and volume managers.

Belongs here: the table, where to look, and which of what is found a copy would destroy. Reads nothing itself:
`Look.windows` says what to read. Offsets and magic numbers are those of libblkid (util-linux,
libblkid/src/superblocks and libblkid/src/partitions) where a row names no other source.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

GAP: Final = 1 << 16  # bytes: what lies closer together than this is read at once
KIB: Final = 1 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """`magic` at byte `at`, and `count - 1` times more every `step` bytes, from the start of a device.

    With `back`, `at` counts from as many bytes before the end, rounded down to whole `round`. `label` is
    where its name is, from the magic number on, and how long. `kind` is that of `xcopy.claim` where it is a
    use by itself. A `table` speaks for its own bytes alone, all others for all of the device.
    """

    what: str
    magic: bytes
    at: int = 0
    step: int = 0
    count: int = 1
    back: int = 0
    round: int = 1
    label: tuple[int, int] | None = None
    kind: str = ""
    table: bool = False
    boots: bool = False  # its first 512 bytes end like a boot record

    def places(self, size: int) -> Iterator[int]:
        """Where it may be on a device of so many bytes."""
        first = self.at + (size // self.round * self.round - self.back if self.back else 0)
        for number in range(self.count):
            place = first + number * self.step
            if 0 <= place <= size - len(self.magic):
                yield place


BOOT_RECORD: Final = Signature(  # UEFI 2.10 table 5.1
    what="a partition table (MBR) or boot record", magic=b"\x55\xaa", at=510, table=True, boots=True
)
_GPT: Final = "a partition table (GPT)"  # UEFI 2.10 5.3.1: in the second block, and a copy in the last one
_GPT_COPY: Final = "the backup of a partition table (GPT)"
_EXT: Final = "an ext2, ext3 or ext4 file system"
_FAT: Final = "a FAT file system"
_STRATIS: Final = b"!Stra0tis\x86\xff\x02^Arh"
_MD: Final = b"\xfc\x4e\x2b\xa9"

SIGNATURES: Final = (
    BOOT_RECORD,
    Signature(what=_GPT, magic=b"EFI PART", at=512, table=True, boots=True),
    Signature(what=_GPT, magic=b"EFI PART", at=4096, table=True, boots=True),
    Signature(what=_GPT_COPY, magic=b"EFI PART", back=512, table=True),
    Signature(what=_GPT_COPY, magic=b"EFI PART", back=4096, table=True),
    Signature(
        what="a physical volume of LVM",
        magic=b"LVM2 001",
        at=24,
        step=512,
        count=4,
        label=(8, 32),
        kind="lvm",
    ),
    Signature(what="a member of an md array", magic=_MD, label=(32, 32), kind="md"),
    Signature(what="a member of an md array", magic=_MD, at=4096, label=(32, 32), kind="md"),
    Signature(
        what="a member of an md array", magic=_MD, back=0x2000, round=0x1000, label=(32, 32), kind="md"
    ),
    Signature(what="a member of an md array", magic=_MD, back=0x10000, round=0x10000, kind="md"),
    Signature(what="a member of an md array", magic=_MD[::-1], back=0x10000, round=0x10000, kind="md"),
    Signature(what=_EXT, magic=b"\x53\xef", at=1080, label=(64, 16)),
    Signature(what="an XFS file system", magic=b"XFSB", label=(108, 12)),
    Signature(what="a btrfs file system", magic=b"_BHRfS_M", at=64 * KIB + 64, label=(0x12B - 64, 256)),
    *(Signature(what="swap space", magic=b"SWAPSPACE2", at=page * KIB - 10) for page in (4, 8, 16, 32, 64)),
    Signature(what="an encrypted volume (LUKS)", magic=b"LUKS\xba\xbe"),
    Signature(what="an encrypted volume (LUKS)", magic=b"SKUL\xba\xbe", at=16 * KIB),
    Signature(what="an encrypted volume (BitLocker)", magic=b"-FVE-FS-", at=3, boots=True),
    Signature(what=_FAT, magic=b"FAT1", at=0x36, boots=True),
    Signature(what=_FAT, magic=b"FAT     ", at=0x36, boots=True),
    Signature(what=_FAT, magic=b"FAT32   ", at=0x52, boots=True),
    Signature(what="an exFAT file system", magic=b"EXFAT   ", at=3, boots=True),
    Signature(what="an NTFS file system", magic=b"NTFS    ", at=3, boots=True),
    Signature(what="an ISO 9660 file system", magic=b"CD001", at=32 * KIB + 1),
    Signature(what="an OCFS2 file system", magic=b"OCFSV2", at=KIB),
    Signature(what="an OCFS2 file system", magic=b"OCFSV2", at=2 * KIB),
    Signature(what="an OCFS2 file system", magic=b"OCFSV2", at=4 * KIB),
    Signature(what="an OCFS2 file system", magic=b"OCFSV2", at=8 * KIB),
    Signature(what="a GFS or GFS2 file system", magic=b"\x01\x16\x19\x70", at=64 * KIB),
    Signature(what="a disk of Oracle ASM", magic=b"ORCLDISK", at=32, label=(8, 24)),
    Signature(what="an extent of VMFS", magic=b"\x0d\xd0\x01\xc0", at=1024 * KIB),
    Signature(what="a VMFS file system", magic=b"\x5e\xf1\xab\x2f", at=2048 * KIB, label=(29, 128)),
    Signature(
        what="a member of a ZFS pool", magic=b"\x0c\xb1\xba" + bytes(5), at=128 * KIB, step=KIB, count=128
    ),
    Signature(what="a device of Ceph (BlueStore)", magic=b"bluestore block device"),
    Signature(what="an F2FS file system", magic=b"\x10\x20\xf5\xf2", at=KIB),
    Signature(what="a device of VDO", magic=b"dmvdo001"),
    Signature(what="a device with dm-integrity", magic=b"integrt\0"),
    Signature(what="a member of a Stratis pool", magic=_STRATIS, at=512 + 4),
    Signature(what="a member of a Stratis pool", magic=_STRATIS, at=9 * 512 + 4),
    *(
        Signature(what="a device of DRBD", magic=b"\x83\x74\x02" + last, at=60, back=4096)
        for last in (b"\x6b", b"\x6c", b"\x6d")
    ),
    Signature(
        what="a bcachefs file system",
        magic=bytes.fromhex("c68573f666ce90a9d96a60cf803df7ef"),
        at=4096 + 24,
        label=(48, 32),
    ),
    Signature(
        what="a device of bcache",
        magic=bytes.fromhex("c68573f64e1a45ca8265f57f48ba6d81"),
        at=4096 + 24,
        label=(48, 32),
    ),
)


@dataclass(frozen=True, slots=True)
class Look:
    """A device to look at: `size` bytes from byte `start` of what was named; `divided` into partitions.

    Of what begins where a copy begins nobody knows where it ends: it is `endless`.
    """

    name: str
    start: int
    size: int
    divided: bool = False
    endless: bool = False

    def places(self) -> Iterator[tuple[Signature, int]]:
        """Every signature, and each place on the device where it may be."""
        for signature in SIGNATURES:
            if not (self.endless and signature.back):
                for place in signature.places(self.size):
                    yield signature, place

    def windows(self, grain: int) -> Iterator[tuple[int, int]]:
        """What has to be read, as offset and length, both whole multiples of `grain` bytes; by offset."""
        last = self.size // grain * grain
        wanted = sorted(
            (place // grain * grain, min(-(-end // grain) * grain, last))
            for signature, place in self.places()
            for end in (place + max(len(signature.magic), sum(signature.label or ())),)
            if place // grain * grain < last
        )
        first = end = -1
        for low, high in wanted:
            if low - end > GAP and end > first:
                yield self.start + first, end - first
            if low - end > GAP or first < 0:
                first, end = low, high
            end = max(end, high)
        if end > first >= 0:
            yield self.start + first, end - first


@dataclass(frozen=True, slots=True)
class Found:
    """A signature on a device, and its name where it has one."""

    signature: Signature
    device: str
    label: str = ""

    def __str__(self) -> str:
        return f"{self.device}: {self.signature.what}" + (f' "{self.label}"' if self.label else "")


def destroyed(
    look: Look, pieces: Iterable[tuple[int, bytes]], writes: Callable[[int, int], bool]
) -> tuple[Found, ...]:
    """What a copy destroys of what these pieces show; they come with their offsets.

    `writes` says whether anything from one byte up to another is written to. What is on a device suffers
    from a write to any part of it; a table, and what is on a device that has partitions, only from one to
    itself.
    """
    read = list(pieces)
    touched = writes(look.start, look.start + look.size)
    found: dict[str, Found] = {}
    for signature, place in look.places():
        at = look.start + place
        magic, label = _shown(read, at, signature)
        own = signature.table or look.divided
        if magic and (writes(at, at + len(signature.magic)) if own else touched):
            one = Found(signature, look.name, label)
            found.setdefault(str(one), one)
    if any(each.signature.boots and each.signature is not BOOT_RECORD for each in found.values()):
        found.pop(str(Found(BOOT_RECORD, look.name)), None)
    return tuple(found.values())


def _shown(pieces: list[tuple[int, bytes]], at: int, signature: Signature) -> tuple[bool, str]:
    """Whether the magic number is at this byte, and the name that goes with it."""
    for offset, data in pieces:
        here = at - offset
        if here >= 0 and data[here : here + len(signature.magic)] == signature.magic:
            return True, _text(data, here, signature.label)
    return False, ""


def _text(data: bytes, here: int, label: tuple[int, int] | None) -> str:
    """A name up to its first zero byte; only what can be shown."""
    if label is None:
        return ""
    raw = data[here + label[0] : here + sum(label)].split(b"\0")[0].decode("utf-8", "replace").strip()
    return raw if raw.isprintable() else ""
