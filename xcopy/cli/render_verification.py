"""A verification in words and in JSON: what was compared, and where both sides differ."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from xcopy.cli.render_text import part_of
from xcopy.settings import size_text as size
from xcopy.verification import SAMPLE, SAMPLE_BYTES, WHOLE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xcopy.verification import Difference, Scope, Verified


def print_verified(verified: Verified) -> None:
    """How much of what was compared, and what came of it."""
    rate = f", {size(verified.compared / verified.elapsed)}/s" if verified.elapsed > 0 else ""
    verdict = "DIFFERENT" if verified.differing else "equal" if verified.equal else "equal so far"
    if verified.compared or not verified.total:
        done = part_of(verified.compared, verified.total)
        print(f"verified {done} in {verified.elapsed:.2f} s{rate}: {verdict}")
    if verified.scope.pieces:
        print(f"  {describe_scope(verified.scope)}; {verified.scope} chooses the same blocks again")


def print_differences(verified: Verified) -> None:
    """What differs, and why not all was compared, to standard error."""
    if verified.differing:
        blocks = f"{verified.differing} block{'s' * (verified.differing != 1)} of {verified.block_size} bytes"
        print(
            f"xcopy-dev: DIFFERENT: the destination has other bytes than the source in {blocks}",
            file=sys.stderr,
        )
        for each in verified.first:
            print(f"xcopy-dev: {describe_difference(each, verified.pairs)}", file=sys.stderr)
        if more := verified.differing - len(verified.first):
            print(f"xcopy-dev: and {more} more block{'s' * (more != 1)}", file=sys.stderr)
    if verified.stopped:
        done = part_of(verified.compared, verified.total) if verified.compared else "nothing"
        print(f"xcopy-dev: verification stopped: {verified.stopped}; {done} was compared", file=sys.stderr)


def describe_scope(scope: Scope) -> str:
    """What a verification compares."""
    return f"a sample of {scope.pieces} pieces of {size(SAMPLE_BYTES)}" if scope.pieces else "all of it"


def describe_difference(found: Difference, pairs: Sequence[tuple[str, str]]) -> str:
    """Both places, and the bytes from the first on that differs; units by name where there are several."""
    source, destination = (f" of {name}" for name in pairs[found.pair]) if len(pairs) > 1 else ("", "")
    return (
        f"source LBA {found.source_lba}{source} byte {found.source_byte}: {found.source.hex(' ')}; "
        f"destination LBA {found.destination_lba}{destination} byte {found.destination_byte}: "
        f"{found.destination.hex(' ')}"
    )


def verified_fields(verified: Verified) -> dict[str, Any]:
    """A verification as a JSON object; byte counts, and bytes of both sides in hex."""
    return {
        "scope": SAMPLE if verified.scope.pieces else WHOLE,
        "pieces": verified.scope.pieces or None,
        "seed": verified.scope.seed,
        "equal": verified.equal,
        "total": verified.total,
        "verified": verified.compared,
        "block_size": verified.block_size,
        "differing_blocks": verified.differing,
        "differences": [
            {**asdict(each), "source": each.source.hex(), "destination": each.destination.hex()}
            for each in verified.first
        ],
        "pairs": verified.pairs if len(verified.pairs) > 1 else None,
        "stopped": verified.stopped or None,
        "elapsed_s": round(verified.elapsed, 6),
    }
