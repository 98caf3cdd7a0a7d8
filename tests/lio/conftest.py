"""What the tests against the kernel's target share: its LUNs, what they hold, and the command."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.lio import luns as lio
from tests.lio import target_log
from tests.lio.media import Media

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of xcopy-dev: exit code, records of its --json output, words on stderr."""

    exit: int
    records: tuple[dict[str, Any], ...]
    said: str

    @property
    def done(self) -> dict[str, Any]:
        """The last record."""
        return self.records[-1]


@pytest.fixture(scope="session")
def luns() -> Iterator[dict[str, lio.Lun]]:
    """Every LUN of the table, by name, for the whole run."""
    if os.geteuid():
        raise RuntimeError("LIO is set up by root")
    with lio.luns() as made:
        target_log.switch(on=True)
        try:
            yield made
        finally:
            target_log.switch(on=False)


@pytest.fixture(scope="session")
def media() -> Media:
    """What the LUNs hold."""
    return Media()


@pytest.fixture
def xcopy_dev(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command in this process, with --json."""
    from xcopy.cli.main import main

    def run(*argv: str) -> Outcome:
        capsys.readouterr()
        code = main([*argv, "--json"])
        out, said = capsys.readouterr()
        return Outcome(code, tuple(json.loads(line) for line in out.splitlines()), said)

    return run
