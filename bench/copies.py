"""Copies on a real target, side by side: boots the guest, then prints, writes and draws what came out.

Belongs here: the guest's run, and the order of what follows. The copies are `bench.contest`'s, what they are
worth is `bench.speed`'s. `python -m bench.copies [KIND...]` takes a quarter of an hour of two quiet
processors; with `--again` it only reads the last run's results. The page is written when no kind is left out.
"""

from __future__ import annotations

import json
import sys

from bench import speed, speed_page
from bench.contenders import KINDS
from tests.vm import boot

RESULTS = boot.ROOT / ".cache/bench/copies"
TIMEOUT = 3000.0  # seconds: a busy machine may need much more


def main(words: list[str]) -> int:
    """0 when every goal is met."""
    known = [kind.name for kind in KINDS]
    if strange := [word for word in words if word not in (*known, "--again")]:
        print(f"no kind of LUN is called {strange[0]!r}; there are: {', '.join(known)}")
        return 2
    if "--again" not in words:
        trouble = boot.why_not() or boot.execute(
            RESULTS, ["-m", "bench.contest", "{results}/results.json", *words], timeout=TIMEOUT
        )
        if trouble or (RESULTS / "exit").read_text().strip() != "0":
            print(f"no copies were compared: {trouble or 'the contest failed, see above'}")
            return 1
    kinds = speed.read(json.loads((RESULTS / "results.json").read_text()))
    goals = speed.goals(kinds)
    print(speed_page.terminal(kinds, goals))
    if [kind.name for kind in kinds] == known:
        (boot.ROOT / "docs/speed.md").write_text(speed_page.markdown(kinds, goals))
        speed_page.draw(kinds, boot.ROOT / "docs/speed.png")
    return 0 if all(goal.met for goal in goals) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
