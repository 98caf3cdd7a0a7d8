"""CSCD descriptor ids: which unit a segment, a ROD or a token speaks of (SPC-4 6.4.6.1, table 148)."""

from __future__ import annotations

SPECIAL_CSCD_IDS = {
    0xC000: "null block device",
    0xC001: "null stream device",
    0xF800: "the logical unit a ROD token names",
    0xFFFF: "the logical unit the command was sent to",
}


def cscd_id_name(value: int) -> str:
    """What a CSCD descriptor id stands for (SPC-4 6.4.6.1, table 148).

    F800h is right in a ROD CSCD descriptor alone; in a segment it is a unit that cannot be reached. See
    `cscd` for which descriptor of a list has which id.
    """
    return f"CSCD descriptor {value}" if value <= 0x07FF else SPECIAL_CSCD_IDS.get(value, "reserved")
