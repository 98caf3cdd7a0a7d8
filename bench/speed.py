"""What the copies of a run are worth: rates, who was best, and whether the goals are met.

Belongs here: arithmetic over the results of `bench.contest`. Does not copy, and does not print.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.contenders import CP, DD, OURS, SG_XCOPY

if TYPE_CHECKING:
    from collections.abc import Iterable

HOST = "--method host"
SLOW = "delay"  # in the name of the slow kind


@dataclass(frozen=True, slots=True)
class Copied:
    """An entry of the contest: rates in MB/s, none when it copied wrong or not at all."""

    tool: str
    setting: str
    size: int
    rates: tuple[float, ...]
    trouble: str

    @property
    def title(self) -> str:
        """Tool and setting."""
        return f"{self.tool} {self.setting}".strip()

    @property
    def rate(self) -> float:
        """The median; 0 for none."""
        return statistics.median(self.rates) if self.rates else 0.0


@dataclass(frozen=True, slots=True)
class Tried:
    """A kind of LUN: what went into the rounds, and what was tried once to choose from."""

    name: str
    finals: tuple[Copied, ...]
    trials: dict[str, tuple[Copied, ...]]

    def best(self, tool: str, setting: str | None = None) -> Copied | None:
        """The fastest of a tool that copied right, over all settings or at one."""
        found = [c for c in self.finals if c.tool == tool and setting in (None, c.setting) and c.rates]
        return max(found, key=lambda c: c.rate, default=None)

    @property
    def fixed(self) -> Copied | None:
        """The fastest pair of the sweep, over the rounds."""
        swept = {copied.setting for copied in self.trials.get("sweep", ())}
        found = [c for c in self.finals if c.tool == OURS and c.setting in swept and c.rates]
        return max(found, key=lambda c: c.rate, default=None)

    @property
    def base(self) -> float:
        """MB/s of sg_xcopy at its best: what all is relative to."""
        best = self.best(SG_XCOPY)
        return best.rate if best else float("nan")


@dataclass(frozen=True, slots=True)
class Goal:
    """A ratio that is asked for, and the one that was found."""

    kind: str
    title: str
    ratio: float
    least: float

    @property
    def met(self) -> bool:
        """Whether it is reached; not when there is nothing to compare."""
        return self.ratio >= self.least


def read(results: dict[str, Any]) -> list[Tried]:
    """From the contest's JSON."""
    return [
        Tried(
            name=kind["kind"],
            finals=tuple(_copied(kind["finals"])),
            trials={name: tuple(_copied(records)) for name, records in kind["trials"].items()},
        )
        for kind in results["kinds"]
    ]


def _copied(records: Iterable[dict[str, Any]]) -> Iterable[Copied]:
    for record in records:
        rates = () if record["trouble"] else tuple(record["bytes"] / s / 1e6 for s in record["seconds"])
        yield Copied(record["tool"], record["setting"], record["bytes"], rates, record["trouble"])


def goals(kinds: Iterable[Tried]) -> list[Goal]:
    """What is asked of every kind of LUN."""
    found = []
    for kind in kinds:
        slow = SLOW in kind.name
        ours, host = kind.best(OURS, ""), kind.best(OURS, HOST)
        for title, mine, theirs, least in (
            ("offload against sg_xcopy at its best", ours, kind.best(SG_XCOPY), 20.0 if slow else 1.0),
            ("offload against the best fixed setting", ours, kind.fixed, 0.9),
            ("host copy against the best dd", host, kind.best(DD), 1.0),
            *([("host copy against dd bs=1M", host, kind.best(DD, "bs=1M"), 4.0)] if slow else []),
            ("host copy against cp", host, kind.best(CP), 1.0),
        ):
            ratio = mine.rate / theirs.rate if mine and theirs else 0.0
            found.append(Goal(kind.name, title, ratio, least))
    return found
