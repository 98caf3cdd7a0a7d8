"""The initiator port of a nexus as the standard names it: an iSCSI name of this project's own.

The name can be turned back into the nexus; no real initiator has one like it.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from cdb.transport_id import ISCSI, IscsiPort, TransportId

PREFIX = "iqn.2001-04.invalid.xcopy-dev:"  # .invalid is nobody's domain (RFC 2606)
PLAIN = ":.-"  # besides letters and digits
UNIT = 4  # a TransportID is a multiple of so many bytes, and has at least `LEAST` behind its length
LEAST = 20


def transport_id(nexus: str) -> TransportId:
    """The TransportID of a nexus' initiator port (SPC-4 7.6.4.6)."""
    name = (PREFIX + quote(nexus, safe=PLAIN)).encode("ascii") + b"\0"
    padded = max(-(-len(name) // UNIT) * UNIT, LEAST)
    return TransportId(protocol_identifier=ISCSI, port=IscsiPort(iscsi_name=name.ljust(padded, b"\0")))


def nexus_of(found: TransportId) -> str | None:
    """The nexus whose initiator port has that TransportID, None where it is nobody's."""
    if not isinstance(found.port, IscsiPort) or found.format_code:
        return None
    name = found.port.iscsi_name.partition(b"\0")[0].decode("ascii", "replace")
    return unquote(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
