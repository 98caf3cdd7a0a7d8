"""The transports' conformance suite, on disks of a kernel target."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.device import conformance
from xcopy.device.sg import SgTransport
from xcopy.device.sgio_binding import SgioTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cdb.command import Transport
    from tests.lio.luns import Lun
    from tests.lio.media import Media


class OnDisk(conformance.WritableTransport):
    """What was overwritten is taken note of, for the tests that look at everything."""

    @pytest.fixture(autouse=True)
    def _noted(self, spare: Lun, media: Media) -> Iterator[None]:
        yield
        media.accept(spare)


class TestSgOnADisk(OnDisk):
    @pytest.fixture
    def opener(self, spare: Lun) -> Callable[[], Transport]:
        return lambda: SgTransport(spare.path)


class TestSgOnAnSgNode(OnDisk):
    @pytest.fixture
    def opener(self, spare: Lun) -> Callable[[], Transport]:
        return lambda: SgTransport(spare.sg)


class TestTheBindingOnADisk(OnDisk):
    @pytest.fixture
    def opener(self, spare: Lun) -> Callable[[], Transport]:
        return lambda: SgioTransport(spare.path)
