"""Whether what nobody wrote is copied: one word for the blocks of a thin unit and for the holes of a file."""

from __future__ import annotations

from enum import StrEnum


class Sparse(StrEnum):
    """AUTO keeps what has no storage without any, where that pays; ALWAYS all that can be; NEVER nothing.

    Of a unit: what the source says it has no storage for is zeroed on the destination where it pays; zeroed
    without exception, and with it zeros that the host reads; or copied. Of a file: holes stay holes, every
    run of zeros becomes one as well, or holes are filled.
    """

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"
