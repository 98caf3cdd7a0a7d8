"""Options that are one of a few words: given as the word or as its member, they are the member.

A word that is compared by identity would be taken for none of them, and the default for what was asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from xcopy.errors import UsageError

if TYPE_CHECKING:
    from enum import Enum


def settle_words(options: object, **kinds: type[Enum]) -> None:
    """Make members of these attributes of a frozen dataclass; `UsageError` for no such word."""
    for name, kind in kinds.items():
        given = getattr(options, name)
        try:
            object.__setattr__(options, name, kind(given))
        except ValueError:
            words = ", ".join(str(each.value) for each in kind)
            raise UsageError(f"{name}: {given!r} is none of {words}") from None
