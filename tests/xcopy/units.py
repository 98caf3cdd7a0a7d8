"""Units for tests of decisions, made of values alone."""

from __future__ import annotations

from typing import Any

from cdb.copy_results import OperatingParameters
from cdb.vpd import Designator
from xcopy.unit import LogicalUnit

NAA = ("60014050000000000123456789abcde0", "60014050000000010123456789abcde1")


def parameters(**changes: Any) -> OperatingParameters:
    """Those of LIO on Linux 6.1, but for `changes`."""
    values: dict[str, Any] = {
        "snlid": True,
        "maximum_cscd_count": 2,
        "maximum_segment_count": 1,
        "maximum_list_length": 1024,
        "maximum_segment_length": 256 * 2**20,
        "total_concurrent_copies": 1,
        "maximum_concurrent_copies": 1,
        "data_segment_granularity": 9,
        "implemented_types": (0x02, 0xE4),
    }
    return OperatingParameters(**{**values, **changes})


def unit(number: int = 0, **changes: Any) -> LogicalUnit:
    """Unit `number` of an array, 2^21 blocks of 512 bytes."""
    values: dict[str, Any] = {
        "name": f"unit{number}",
        "block_size": 512,
        "blocks": 2**21,
        "vendor": "ACME",
        "product": "ARRAY",
        "designators": (
            Designator(code_set=1, association=0, designator_type=3, value=bytes.fromhex(NAA[number])),
        ),
        "third_party_copy": True,
        "parameters": parameters(),
    }
    return LogicalUnit(**{**values, **changes})
