"""A scripted conversation: what we expect to be asked, what we answer, and nothing left over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xcopy.conversation import Send, Step, converse

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from cdb.command import Reply


def play(
    conversation: Generator[Step, Any, Any], lines: Sequence[tuple[str, Reply | Exception | bool | None]]
) -> Any:
    """Hold the conversation; each line is a command's CDB in hex (or "wait") and the answer to it."""
    left = list(lines)

    def perform(step: Step) -> Any:
        asked = step.command.cdb.hex() if isinstance(step, Send) else "wait"
        assert left, f"asked for {asked} when the script had ended"
        expected, answer = left.pop(0)
        assert asked == expected.replace(" ", "")
        if asked == "wait" and answer is None:
            return True
        if isinstance(answer, Exception):
            raise answer
        return answer

    outcome = converse(conversation, perform)
    assert not left, f"never asked for: {left}"
    return outcome
