"""File systems that need modules or servers few machines have: the guest has them.

Python is slow there, so fewer examples are drawn of a property, the same in every run.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("guest", deadline=None, derandomize=True, max_examples=15)
settings.load_profile("guest")


@pytest.fixture(scope="session", autouse=True)
def _possible() -> None:
    """Never on a machine that somebody uses: a server is started, and modules are loaded."""
    if os.geteuid():
        pytest.skip("mounting needs root")
