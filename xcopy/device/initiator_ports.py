"""The names of this machine's own SCSI initiator ports, as sysfs has them: how a target speaks of us.

Fibre Channel, SAS, iSCSI, and the loopback of the kernel's own target, whose initiator only configfs names.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

# Where names are, and what is put before them: those of ports are written `naa.` and digits (SPC-4 7.6.4).
PLACES: Final = (
    ("class/fc_host/*/port_name", "naa."),
    ("class/sas_phy/*/sas_address", "naa."),
    ("class/iscsi_session/*/initiatorname", ""),
    ("kernel/config/target/loopback/*/tpgt_*/nexus", ""),
)


def own_ports(sysfs: str = "/sys") -> frozenset[str]:
    """`naa.` and 16 digits, or iSCSI names, in small letters; those that may be read."""
    return frozenset(
        before + name.removeprefix("0x")
        for pattern, before in PLACES
        for path in Path(sysfs).glob(pattern)
        if not _of_an_expander(path)
        for name in (_text(path),)
        if name
    )


def _of_an_expander(path: Path) -> bool:
    """phy-HOST:PHY is ours, phy-HOST:EXPANDER:PHY is not."""
    return path.parent.name.startswith("phy-") and path.parent.name.count(":") > 1


def _text(path: Path) -> str:
    try:
        return path.read_text().strip().lower()
    except OSError:
        return ""
