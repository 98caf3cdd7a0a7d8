"""What is done with a command that was refused for its size though longer segments were copied before.

Such an end is not what the storage copies, and nothing is learnt from it of the others. It is cut off, then
where a granule that the storage did not tell may end: the largest power of two first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.plan import Piece

if TYPE_CHECKING:
    from collections.abc import Sequence


def odd_ends(left: Sequence[Piece], longest: int) -> tuple[Piece, ...]:
    """What to send of the segments that are `left` of a command, each for itself; none when it is no odd end.

    `longest` is how many blocks the longest segment had that was copied. One piece that is all of `left`
    cannot be cut: the storage does not copy it.
    """
    if all(each.blocks >= longest for each in left):
        return ()
    if len(left) == 1:
        (piece,) = left
        head = 1 << (piece.blocks.bit_length() - 1)
        if head == piece.blocks:
            return (piece,)
        return Piece(piece.start, head), Piece(piece.start + head, piece.blocks - head)
    parts: list[Piece] = []
    for each in left:
        if parts and min(parts[-1].blocks, each.blocks) >= longest:
            parts[-1] = Piece(parts[-1].start, each.end - parts[-1].start)
        else:
            parts.append(each)
    return tuple(parts)
