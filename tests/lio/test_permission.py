"""A user who may not: one clear sentence, and nothing written."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.lio.test_refusals import assert_refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

NOBODY = 65534


@contextmanager
def as_nobody() -> Iterator[None]:
    """The effective user is nobody, who has no capability and no group that owns disks."""
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_a_user_without_permission_is_told_whose_it_is(
    luns: dict[str, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    source, destination = luns["ram0"], luns["ram1"]
    words = (f"{source.path}:0+2048", f"{destination.path}:0")
    assert xcopy_dev(*words, "--dry-run").exit == 0  # and all that is imported has been read by root
    with as_nobody():
        outcome = xcopy_dev(*words)
    assert_refused(outcome, 1, source.path, "root")
    assert media.wrong_byte(destination) is None
