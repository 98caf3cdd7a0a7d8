"""What sg3_utils calls the codes of a designator; each name stands at its code."""

from __future__ import annotations

TYPES = (
    "vendor specific [0x0]",
    "T10 vendor identification",
    "EUI-64 based",
    "NAA",
    "Relative target port",
    "Target port group",
    "Logical unit group",
    "MD5 logical unit identifier",
    "SCSI name string",
    "Protocol specific port identifier",
    "UUID identifier",
    "Reserved [0xb]",
)
CODE_SETS = ("Reserved [0x0]", "Binary", "ASCII", "UTF-8", "Reserved [0x4]")
ASSOCIATIONS = ("Addressed logical unit", "Target port", "Target device that contains addressed lu")
