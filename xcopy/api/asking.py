"""A conversation held with one unit over one way to it, outside a copy."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from cdb.command import NoPassThrough, TransportError
from xcopy.conversation import Send, Wait, converse
from xcopy.device.clock import MonotonicClock
from xcopy.errors import AccessError, UnsupportedError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

    from cdb.command import Transport
    from xcopy.conversation import Step

Answer = TypeVar("Answer")


def carry_out(conversation: Generator[Step, Any, Answer], way: Transport, who: str) -> Answer:
    """Hold a conversation with one unit over an open transport; no answer is an `AccessError`."""
    clock = MonotonicClock()

    def perform(step: Step) -> object:
        if isinstance(step, Send):
            return way.send(step.command)
        assert isinstance(step, Wait)
        clock.sleep(step.seconds)
        return True

    try:
        return converse(conversation, perform)
    except NoPassThrough as error:
        raise UnsupportedError(f"{who} takes no SCSI commands: {error}") from error
    except TransportError as error:
        raise AccessError(f"{who} gave no answer: {error}") from error


def ask(open_way: Callable[[], Transport], conversation: Generator[Step, Any, Answer], who: str) -> Answer:
    """The same over a transport that is opened for it alone."""
    way = open_way()
    try:
        return carry_out(conversation, way, who)
    finally:
        way.close()
