"""How units are to be copied or compared, in the words of whoever asks. Does not know what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from xcopy.comparison import Prefer
from xcopy.errors import UsageError
from xcopy.job import Method
from xcopy.limits import Wanted
from xcopy.sparse import Sparse
from xcopy.words import settle_words

INTERVAL = 5.0  # seconds between two records of a journal


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to copy; what is None is found out while copying.

    `jobs` are commands in flight, `segment` is bytes, `rate` bytes per second at the most; `timeout` in
    seconds per command, None to derive it from what a command moves. `force` has the kinds of use of the
    destination that are overridden (`xcopy.claim.FORCIBLE`). `freeze` is whether what is mounted of the
    source is frozen while blocks are copied. `journal` is the file of one that is begun, and
    `journal_interval` the seconds between two of its records. `verify` is what of the copy is read
    back and compared: "" for nothing, else as in `verification.scope_of`. `sparse`: see `Sparse`.
    """

    method: Method = Method.AUTO
    prefer: Prefer = Prefer.EITHER
    jobs: int | None = None
    segment: int | None = None
    segments_per_command: int | None = None
    rate: float | None = None
    timeout: float | None = None
    force: frozenset[str] = frozenset()
    freeze: bool = False
    transport: str = "sg"
    journal: str | None = None
    journal_interval: float = INTERVAL
    verify: str = ""
    sparse: Sparse = Sparse.AUTO

    def __post_init__(self) -> None:
        settle_words(self, method=Method, prefer=Prefer, sparse=Sparse)
        for name in ("jobs", "segment", "segments_per_command"):
            if (count := getattr(self, name)) is not None and not _is_count(count):
                raise UsageError(f"{name}: {count!r} is no whole number above 0")
        for name in ("rate", "timeout", "journal_interval"):
            if (number := getattr(self, name)) is not None and not _is_positive(number):
                raise UsageError(f"{name}: {number!r} is no number above 0")

    @property
    def wanted(self) -> Wanted:
        """What of the shape of commands is fixed."""
        return Wanted(jobs=self.jobs, segment=self.segment, segments_per_command=self.segments_per_command)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value > 0
