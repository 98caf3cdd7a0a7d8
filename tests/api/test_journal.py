"""What of a copy is written into its journal, and what of that is taken back."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from tests.api.test_safety import side as endpoint
from xcopy.api.journal import NOT_KEPT, kept, restored, side
from xcopy.api.options import Options
from xcopy.comparison import Prefer
from xcopy.errors import UnsafeError, UsageError
from xcopy.job import Method
from xcopy.sparse import Sparse

OPTIONS = Options(
    method=Method.HOST,
    prefer=Prefer.SPEED,
    jobs=7,
    segment=1 << 20,
    segments_per_command=2,
    rate=5e6,
    timeout=90.0,
    force=frozenset({"mounted"}),
    freeze=True,
    transport="sgio",
    journal="file",
    journal_interval=2.5,
    verify="sample:5:7",
    sparse=Sparse.ALWAYS,
)


def test_every_option_is_another_than_its_default_here() -> None:
    assert not [f.name for f in fields(Options) if getattr(OPTIONS, f.name) == getattr(Options(), f.name)]


def test_every_option_but_those_of_one_run_is_kept_and_comes_back() -> None:
    values = json.loads(json.dumps(kept(OPTIONS)))
    back = restored("file", Options(), values)
    assert back == {f.name: getattr(OPTIONS, f.name) for f in fields(Options) if f.name not in NOT_KEPT}
    assert {"force", "freeze", "journal"} == NOT_KEPT


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"more": 1}, "other options [(]more"),
        ({"method": "magic"}, "another version of this program: 'magic'"),
    ],
)
def test_options_of_another_version_are_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        restored("file", Options(), {**kept(OPTIONS), **changes})


def test_an_option_that_is_missing_is_refused() -> None:
    values = kept(OPTIONS)
    del values["jobs"]
    with pytest.raises(UsageError, match="jobs"):
        restored("file", Options(), values)


def test_a_unit_that_nobody_can_tell_from_others_gets_no_journal() -> None:
    with pytest.raises(UnsafeError, match="neither a designator nor a serial number"):
        side(endpoint(None, designators=(), serial=""))


def test_a_unit_without_a_designator_goes_by_its_serial_number() -> None:
    named = side(endpoint(None, designators=(), serial="S1", vendor="V", product="P"))
    assert named.names == (f"-1:{b'V/P/S1'.hex()}",)
