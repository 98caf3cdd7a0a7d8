"""The results as people see them: a table on the terminal, the page docs/speed.md, the plot docs/speed.png.

Belongs here: words, columns, bars. Every figure comes from `bench.speed`.
"""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

from bench.contenders import OURS

if TYPE_CHECKING:
    from pathlib import Path

    from bench.speed import Copied, Goal, Tried

HEAD = """\
# Speed

How long a copy takes between two LUNs of the Linux kernel's own target (LIO), by `xcopy-dev` and by the tools
that are there already, each at the best of its own settings. Made by

    make bench

which boots a stock kernel in a VM (software emulation, no KVM), lets every tool copy in turn (A B C, A B C,
A B C), and compares every copy with its source, byte for byte, in the same run. **Ratios within one table
mean something; MB/s under emulation do not**, and two runs differ: least and most are shown.

* *ramdisk*, *fileio*, *fileio, 4096*: LIO's back ends, the last with blocks of 4096 bytes. A copy there is
  work for the processor, and the same two processors run the target and the tool.
* *dm-delay, 2 ms*: a block device that answers late. LIO moves 124 KiB at a time for a command there, so what
  counts is how many commands are in flight.
* `sg_xcopy` sends one EXTENDED COPY at a time; its bpt is the best of three, tried first. `ddpt --xcopy`
  sends each command for the same first blocks: a copy of more than 65535 blocks is wrong, and has no speed.
* `dd` has iflag=direct and oflag=direct. `cp` goes through the page cache, and ends when all is written back.
* Every tool is timed from its start to its end, `xcopy-dev` without the start of Python: within that time it
  probes both units, empties page caches, and has the destination make the data durable.
* The fixed settings of `xcopy-dev` are the two best of a sweep; without any option it has to find its own.

![Rates relative to sg_xcopy](speed.png)
"""


def terminal(kinds: list[Tried], goals: list[Goal]) -> str:
    """Tables for a terminal."""
    lines = []
    for kind in kinds:
        lines.append(f"\n{kind.name:<86}{'MiB':>6}{'MB/s':>9}{'least':>9}{'most':>9}{'ratio':>8}")
        for copied in kind.finals:
            title = f"    {copied.title:<82}{copied.size >> 20:>6}"
            if copied.rates:
                span = f"{copied.rate:>9.1f}{min(copied.rates):>9.1f}{max(copied.rates):>9.1f}"
                lines.append(f"{title}{span}{copied.rate / kind.base:>8.2f}")
            else:
                lines.append(f"{title}  {short(copied)}")
    lines.append(f"\n{'goal':<86}{'ratio':>9}{'least':>9}")
    for goal in goals:
        said = "met" if goal.met else "NOT MET"
        title = f"{goal.kind}: {goal.title}"
        lines.append(f"    {title:<82}{goal.ratio:>9.2f}{goal.least:>9.2f}  {said}")
    return "\n".join(lines)


def markdown(kinds: list[Tried], goals: list[Goal]) -> str:
    """The page."""
    lines = [HEAD]
    for kind in kinds:
        lines += [f"## {kind.name}\n", "| copy | MiB | MB/s, median | least to most | times sg_xcopy |"]
        lines.append("|---|---:|---:|---:|---:|")
        for copied in kind.finals:
            start = f"| `{copied.title}` | {copied.size >> 20} |"
            if copied.rates:
                span = f"{min(copied.rates):.1f} to {max(copied.rates):.1f}"
                lines.append(f"{start} {copied.rate:.1f} | {span} | {copied.rate / kind.base:.2f} |")
            else:
                lines.append(f"{start} {short(copied)} | | |")
        lines.append("")
        for name, records in kind.trials.items():
            tried = [f"{c.setting} {c.rate:.0f}" if c.rates else f"{c.setting} failed" for c in records]
            lines.append(f"Tried once, MB/s, {name}: {'; '.join(tried)}.\n")
    lines += ["## Goals\n", "| LUNs | ratio | found | at least | |", "|---|---|---:|---:|---|"]
    for goal in goals:
        said = "met" if goal.met else "**not met**"
        lines.append(f"| {goal.kind} | {goal.title} | {goal.ratio:.2f} | {goal.least:.2f} | {said} |")
    return "\n".join(lines) + "\n"


def short(copied: Copied) -> str:
    """Why there is no speed, in few words."""
    return "wrong data" if copied.trouble.startswith("WRONG DATA") else "failed"


def draw(kinds: list[Tried], path: Path) -> None:
    """Bars for each kind of LUN, relative to sg_xcopy, with the least and the most as whiskers."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot, ticker

    figure, axes = pyplot.subplots(
        len(kinds), 1, figsize=(9, 0.4 + sum(1.0 + 0.27 * len(k.finals) for k in kinds)),
        gridspec_kw={"height_ratios": [2 + len(k.finals) for k in kinds]}, squeeze=False,
    )  # fmt: skip
    for axis, kind in zip(axes[:, 0], kinds, strict=True):
        finals = list(reversed(kind.finals))
        for place, copied in enumerate(finals):
            said = f"{copied.rate / kind.base:.2f}" if copied.rates else short(copied)
            axis.text(1.01, place, said, transform=axis.get_yaxis_transform(), va="center", fontsize=8)
            if copied.rates:
                ratio, low, high = (
                    each / kind.base for each in (copied.rate, min(copied.rates), max(copied.rates))
                )
                colour = "tab:blue" if copied.tool == OURS else "0.65"
                axis.barh(place, ratio - 1, left=1, color=colour, height=0.7)
                span = [[ratio - low], [high - ratio]]
                axis.errorbar(ratio, place, xerr=span, color="black", capsize=2, linewidth=0.8)
        axis.set_xscale("log")
        axis.axvline(1, color="black", linewidth=0.8)
        axis.set_yticks(range(len(finals)), [fill(copied.title, 44) for copied in finals], fontsize=8)
        axis.set_title(f"{kind.name}: times sg_xcopy at its best", fontsize=9, loc="left")
        axis.xaxis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
        axis.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:g}"))
        axis.xaxis.set_minor_locator(ticker.NullLocator())
        axis.tick_params(axis="x", labelsize=8)
        axis.margins(y=0.03)
    figure.tight_layout()
    figure.savefig(path, dpi=110, metadata={"Software": None})
    pyplot.close(figure)
