"""Where the emulated array's `lio` profile answers otherwise than the kernel's own target, and why it may.

Nothing else differs: what is not here is compared bit for bit.
"""

from __future__ import annotations

NAMES = "names of the unit: its serial number, its designators, its place in the target"
LIMITS = "limits of what holds the blocks: LIO's are those of a file, 8 MiB at once"

# Pages of which only the page code is compared: what follows, and so how long it is, is the unit's own.
OWN_PAGES = {
    **dict.fromkeys(("page 80h", "page 80h, room for 8", "page 80h, room for 4"), NAMES),
    **dict.fromkeys(("page 83h", "page 83h of a unit of 4096"), NAMES),
    **dict.fromkeys(("page 83h of a unit with third-party copy off", "page 83h, room for 24"), NAMES),
    "page 83h, room for 4": NAMES,
    **dict.fromkeys(("page B0h", "page B0h of a unit of 4096"), LIMITS),
    **dict.fromkeys(("page B0h, room for 64", "page B0h, room for 16", "page B0h, room for 4"), LIMITS),
}

CUT = (
    "what is transferred is not what the CDB says: Linux 6.1 reads all that was transferred as the list, the "
    "emulated array as much as the CDB says"
)
ROOM = (
    "what is transferred is not what the CDB says: Linux 6.1 ends a READ, a WRITE or a READ CAPACITY(10) "
    "so, and one without any transfer with GOOD; the emulated array moves what there is room for"
)
NO_CACHE = "LIO takes FUA and DPO of a unit with a write cache only, and its units have none unless told to"
OVERFLOW = "Linux 6.1 adds the two lengths in 32 bits, so that this sum is small and the next check refuses"
PMI = "the obsolete address of READ CAPACITY(10) is not looked at; LIO refuses it without the obsolete PMI"

UNMAP = "what LIO says of a unit that is not thin: WRITE SAME with UNMAP is a command it does not have"
FIXED = "LIO has no descriptor format to give to REQUEST SENSE"

# Cases that are answered otherwise.
DIFFERENT = {
    "no list by its length, though one is transferred": CUT,
    "length less than is transferred, the list cut by it": CUT,
    "segment list length FFFFFFFFh": OVERFLOW,
    "operating parameters, allocation length more than the room": ROOM,
    "READ CAPACITY(10), room for less": ROOM,
    "READ CAPACITY(10) with an address": PMI,
    "READ(16) with FUA": NO_CACHE,
    "READ(16) with DPO": NO_CACHE,
    "READ(16), room for less": ROOM,
    "READ(16), room for half a block": ROOM,
    "READ(16), room for more": ROOM,
    "READ(16), room for less, of a unit of 4096": ROOM,
    "READ(16), room for more, of a unit of 4096": ROOM,
    "WRITE(16) with FUA": NO_CACHE,
    "WRITE(16) with DPO": NO_CACHE,
    "WRITE(16), less is sent": ROOM,
    "WRITE(16), more is sent": ROOM,
    "WRITE(16), nothing is sent": ROOM,
    "WRITE(16), less is sent, to a unit of 4096": ROOM,
    "WRITE SAME(16) with UNMAP": UNMAP,
    "REQUEST SENSE in descriptor format": FIXED,
}
