"""Where copy managers differ in how they check lists, name copies, remember their results and end them.

The defaults are what the standard says, or where it leaves a choice what tells the initiator most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NO_DELAY_KNOWN = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyPolicy:
    """How one copy manager treats a copy from its list to its results.

    Of the list: `trailing_bytes` says that bytes behind it are not looked at; `segment_list_bytes` is what
    the segments may be long together, 0 for any length; `lid4_first_cscd` is the CSCD id of the first
    descriptor of a LID4 list, 1 by SPC-4 6.4.2, table 126, and 0 as FreeBSD counts; without `immediate` the
    IMMED bit is not looked at; with `linux` the checks and the copying are those of Linux's own target
    (`linux_copy`); `list_id_usages` are those that may be asked for; with `checks_names` every CSCD
    descriptor has to name a disk, and to fit it, whether it is used or not; with `same_unit_only` the unit
    that received the command is reached and no other; without `unit_identifiers` LU ID TYPE and NUL are not
    looked at, though the units are older than SPC-4; `copy_out` and `copy_in` are the service actions of 83h
    and 84h there are, None for all, and `unknown_copy_out` and `unknown_copy_in` the ASC and ASCQ of any
    other.

    Of copying: with `forwards_failure` what a unit answered is the answer, word for word; `order` is that in
    which the chunks of blocks from disk to disk are read and written, one of `block_order`.

    Of list identifiers: `duplicate` is the ASC and ASCQ where one is in use; `identifiers_by_unit` says that
    units do not know each other's; `too_many` is the ASC and ASCQ of a copy too many, None for TASK SET FULL.

    Of results: `results_kept` is of how many copies; without `keeps_discardable` none of a list id usage of
    10b are; with `reading_frees` whatever is read of a finished copy is the last, with `polling_frees`
    whatever is read of any copy; `counts_running_segment` says which segments are processed;
    `update_delay` is the milliseconds to wait before asking again; `failure_details_excess` is how many
    bytes too many AVAILABLE DATA tells; with `results_always` they are told by units without 3PC too.
    Operating parameters need an allocation length of `parameters_room`, none at all is TASK SET FULL where
    that is not 0, and with `pads_parameters` zeros fill the room; with `always_parameters` they are the
    answer to every service action of 84h.

    Of aborting: `task_aborted` is how an aborted command ends, CHECK CONDITION without; with `abort_waits`
    the answer comes when the copy has stopped; `abort_of_finished` is GOOD; without `reset_aborts` a reset
    waits for the copies to end by themselves.
    """

    trailing_bytes: bool = True
    segment_list_bytes: int = 0
    lid4_first_cscd: int = 1
    immediate: bool = True
    linux: bool = False
    list_id_usages: frozenset[int] = frozenset({0b00, 0b10, 0b11})
    checks_names: bool = False
    same_unit_only: bool = False
    unit_identifiers: bool = True
    forwards_failure: bool = False
    order: Literal["ascending", "descending", "read first"] = "ascending"
    copy_out: frozenset[int] | None = None
    copy_in: frozenset[int] | None = None
    unknown_copy_out: tuple[int, int] = (0x24, 0x00)
    unknown_copy_in: tuple[int, int] = (0x24, 0x00)

    duplicate: tuple[int, int] = (0x00, 0x16)
    identifiers_by_unit: bool = False
    too_many: tuple[int, int] | None = None

    results_kept: int = 64
    keeps_discardable: bool = True
    reading_frees: bool = False
    polling_frees: bool = False
    counts_running_segment: bool = True
    update_delay: int = NO_DELAY_KNOWN
    failure_details_excess: int = 0
    results_always: bool = False
    parameters_room: int = 0
    pads_parameters: bool = False
    always_parameters: bool = False

    task_aborted: bool = False
    abort_waits: bool = True
    abort_of_finished: bool = False
    reset_aborts: bool = True


STANDARD_COPIES = CopyPolicy()
