"""Both sides read and compared on real units: a copy is found equal, and a block that changed is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.lio.luns import MIB

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.lio.conftest import Outcome
    from tests.lio.luns import Lun
    from tests.lio.media import Media

LBA, TO = 1237, 2011
PAIRS = {"512": ("ram0", "file1"), "4096": ("ram4k", "file4k")}


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest, luns: dict[str, Lun], media: Media) -> tuple[Lun, Lun]:
    """A source with 4 MiB of new data, and a destination."""
    source, destination = (luns[name] for name in PAIRS[request.param])
    media.renew(source, LBA, 4 * MIB // source.block_size)
    return source, destination


def words(pair: tuple[Lun, Lun]) -> tuple[str, str]:
    source, destination = pair
    return f"{source.path}:{LBA}+{4 * MIB // source.block_size}", f"{destination.path}:{TO}"


def found(outcome: Outcome) -> dict[str, Any]:
    verification: dict[str, Any] = outcome.done["verification"]
    return verification


def test_what_the_target_copied_is_read_back_and_equal(
    pair: tuple[Lun, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    outcome = xcopy_dev(*words(pair), "--verify")
    media.copied(pair[0], LBA, pair[1], TO, 4 * MIB)
    assert outcome.exit == 0, outcome.said
    assert outcome.done["bytes"]["offload"] == 4 * MIB
    assert found(outcome)["equal"]
    assert media.wrong_byte(pair[1]) is None


def test_one_block_that_changed_since_is_named_and_nothing_is_written(
    pair: tuple[Lun, Lun], media: Media, xcopy_dev: Callable[..., Outcome]
) -> None:
    source, destination = pair
    assert xcopy_dev(*words(pair)).exit == 0
    media.copied(source, LBA, destination, TO, 4 * MIB)
    media.renew(destination, TO + 605, 1)
    outcome = xcopy_dev(*words(pair), "--verify-only")
    assert outcome.exit == 5, outcome.said
    assert [each["destination_lba"] for each in found(outcome)["differences"]] == [TO + 605]
    assert media.wrong_byte(destination) is None
    assert media.wrong_byte(source) is None
