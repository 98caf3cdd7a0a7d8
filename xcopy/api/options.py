"""How units are to be copied or compared, in the words of whoever asks. Does not know what comes of it."""

from __future__ import annotations

from dataclasses import dataclass

from xcopy.comparison import Prefer
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

    @property
    def wanted(self) -> Wanted:
        """What of the shape of commands is fixed."""
        return Wanted(jobs=self.jobs, segment=self.segment, segments_per_command=self.segments_per_command)
