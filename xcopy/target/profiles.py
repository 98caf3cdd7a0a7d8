"""The arrays there are to choose from: one `Profile` a kind, by name, each value with where it was seen.

Evidence: *measured* on the real thing, *read* in the source of the target, *documented* by a vendor or by
somebody who owns one, or *chosen* here so that a copy meets what it may meet. What a profile does not
mention is as the standard has it.
"""

from __future__ import annotations

from cdb.command import Reply, Status
from cdb.copy_results import OperatingParameters
from cdb.sense import UNIT_ATTENTION
from xcopy.target.copy_policy import CopyPolicy
from xcopy.target.faults import Fault, check
from xcopy.target.profile import CAPABLE, STRICT, Profile
from xcopy.target.rod_policy import CTL_RODS

DISKS = (0x02, 0xE4)  # block to block, and the units' own designators
UNLIMITED = 0

LIO_PARAMETERS = OperatingParameters(
    snlid=True,
    maximum_cscd_count=2,
    maximum_segment_count=1,
    maximum_list_length=1024,
    maximum_segment_length=256 << 20,
    data_segment_granularity=9,
    inline_data_granularity=9,
    held_data_granularity=9,
    implemented_types=(0x02, 0xE4),
    total_concurrent_copies=1,
    maximum_concurrent_copies=1,
)
LIO = Profile(  # measured on Linux 6.1: fixtures/lio_answers.json has 462 of its answers
    name="lio",
    description="Linux's own target (LIO), 6.1, units that are files",
    vendor=b"LIO-ORG ",
    product=b"FILEIO".ljust(16),
    revision=b"4.0 ",
    advertised=LIO_PARAMETERS,
    enforces=LIO_PARAMETERS.but(
        total_concurrent_copies=0, maximum_concurrent_copies=0, data_segment_granularity=0
    ),
    chunk_size=8 << 20,
    chunk_size_4096=1 << 20,
    retention=0.0,
    copies=CopyPolicy(
        linux=True,
        copy_out=frozenset({0x00}),
        copy_in=frozenset({0x03}),
        unknown_copy_out=(0x20, 0x00),
        results_always=True,
        parameters_room=54,
        pads_parameters=True,
        reset_aborts=False,
    ),
    has_third_party_page=False,
    ignores_reserved=True,
    reserved_looked_at=((0x84, 2),),  # a list identifier, whatever the service action
    bare_sense=True,
    first_attention=(0x3F, 0x0E),
    unknown_commands=frozenset({(0x9E, 0x12), (0xA3, 0x0C)}),
    fixed_sense_blocks=1 << 32,
    standard_inquiry=bytes.fromhex("000006025bb00002")
    + b"LIO-ORG FILEIO          4.0 ".ljust(50, b"\0")
    + bytes.fromhex("00a00c60046004c0").ljust(38, b"\0"),
    pages=(
        (0x86, bytes.fromhex("0086003c0007").ljust(64, b"\0")),
        (0xB1, bytes.fromhex("00b1003c").ljust(64, b"\0")),
        (0xB2, bytes.fromhex("00b2000400000000")),
        (0xB3, bytes.fromhex("00b3000c").ljust(16, b"\0")),
    ),
)

CTL_PARAMETERS = OperatingParameters(  # read
    snlid=True,
    maximum_cscd_count=64,
    maximum_segment_count=64,
    maximum_list_length=8192,
    maximum_segment_length=UNLIMITED,
    implemented_types=(0x02, 0x07, 0x14, 0xE4),
    total_concurrent_copies=255,
    maximum_concurrent_copies=255,
)
CTL = Profile(  # all of it read, none of it run
    name="ctl",
    description="FreeBSD's CAM target layer: takes 9 segments of the 64 it advertises; tokens by reference",
    vendor=b"FREEBSD ",
    product=b"CTLDISK".ljust(16),
    revision=b"0001",
    advertised=CTL_PARAMETERS,
    enforces=CTL_PARAMETERS.but(
        total_concurrent_copies=UNLIMITED,
        maximum_concurrent_copies=UNLIMITED,
    ),
    copies=CopyPolicy(
        segment_list_bytes=64 * 4,  # compared with the bytes of the list, as if a segment were 4
        lid4_first_cscd=0,
        immediate=False,  # IMMED is not looked at
        copy_out=frozenset({0x00, 0x01, 0x10, 0x11, 0x1C}),
        copy_in=frozenset({0x00, 0x03, 0x04, 0x05, 0x07, 0x08}),
        duplicate=(0x26, 0x00),
        identifiers_by_unit=True,
        reading_frees=True,  # whatever is read, also in part
        counts_running_segment=False,
        task_aborted=True,
        abort_waits=False,
        abort_of_finished=True,
    ),
    rods=CTL_RODS,
    special_cscd_ids=(0xFFFF,),
    unreachable=(0x08, 0x04),
)

SCST_PARAMETERS = OperatingParameters(  # read
    snlid=True,
    maximum_cscd_count=5,
    maximum_segment_count=250,  # "as many as two pages hold", some hundreds
    maximum_list_length=65535,
    maximum_segment_length=256 << 20,
    data_segment_granularity=16,
    implemented_types=DISKS,
    total_concurrent_copies=65535,
    maximum_concurrent_copies=255,
)
SCST = Profile(  # read; its own layout of sense data is not emulated, nor that it waits 30 s for a busy unit
    name="scst",
    description="SCST: results for 5 seconds, a unit it does not know refused at once; no page 8Fh",
    vendor=b"SCST_FIO",
    product=b"disk".ljust(16),  # the name that the administrator gave
    advertised=SCST_PARAMETERS,
    enforces=SCST_PARAMETERS.but(data_segment_granularity=0),  # 64 KiB is advice
    chunk_size=512 << 10,
    retention=5.0,
    copies=CopyPolicy(
        trailing_bytes=False,
        checks_names=True,  # of all CSCD descriptors: INVALID FIELD IN PARAMETER LIST, not COPY ABORTED
        copy_out=frozenset({0x00}),
        copy_in=frozenset({0x00, 0x03, 0x04}),
        polling_frees=True,  # a status read while the copy runs is the last
        failure_details_excess=1,
    ),
    has_third_party_page=False,
    special_cscd_ids=(),
    unreachable=(0x00, 0x00),
)

TCMU_PARAMETERS = OperatingParameters(  # read
    snlid=True,
    maximum_cscd_count=2,
    maximum_segment_count=1,
    maximum_list_length=1024,
    maximum_segment_length=16 << 20,
    data_segment_granularity=9,
    inline_data_granularity=9,
    held_data_granularity=9,
    implemented_types=DISKS,
    total_concurrent_copies=1,
    maximum_concurrent_copies=1,
)
TCMU = Profile(  # read
    name="tcmu",
    description="tcmu-runner: copies within one unit only, without list identifiers",
    vendor=b"LIO-ORG ",
    product=b"TCMU device".ljust(16),
    revision=b"0002",
    version=0x05,  # SPC-3
    advertised=TCMU_PARAMETERS,
    enforces=TCMU_PARAMETERS.but(
        maximum_segment_length=UNLIMITED,
        data_segment_granularity=0,
        total_concurrent_copies=UNLIMITED,
        maximum_concurrent_copies=UNLIMITED,
    ),
    retention=0.0,
    copies=CopyPolicy(
        list_id_usages=frozenset({0b11}),
        same_unit_only=True,  # since CVE-2021-3139
        unit_identifiers=False,
        copy_out=frozenset({0x00}),
        unknown_copy_out=(0x20, 0x00),
        always_parameters=True,  # a bug: RECEIVE COPY STATUS is answered so, too
        forwards_failure=True,  # MEDIUM ERROR rather than COPY ABORTED
    ),
    has_third_party_page=False,
    special_cscd_ids=(),
    ignores_reserved=True,
    bare_sense=True,
)

SMALL_PARAMETERS = OperatingParameters(  # documented: the array in sg_copy_results' manual page
    snlid=False,
    maximum_cscd_count=2,
    maximum_segment_count=1,
    maximum_list_length=92,  # 2 CSCD descriptors and one segment
    maximum_segment_length=33_553_920,  # 65535 blocks of 512
    data_segment_granularity=20,  # chosen: documented are arrays with alignment of 1 and of 4 MiB
    implemented_types=DISKS,
    total_concurrent_copies=0,  # shipped so: not told, and not "none"
    maximum_concurrent_copies=255,
)
ARRAY_SMALL = Profile(
    name="array-small",
    description="a midrange array: one segment a command, whole MiB only, wants list identifiers",
    advertised=SMALL_PARAMETERS,
    copies=CopyPolicy(copy_out=frozenset({0x00}), copy_in=frozenset({0x00, 0x03, 0x04})),
    has_third_party_page=False,
    special_cscd_ids=(),
)

ASYNC_PARAMETERS = OperatingParameters(
    snlid=True,
    maximum_cscd_count=2,
    maximum_segment_count=16,  # documented: several segments a command by a claim rule (VMAX)
    maximum_list_length=1024,
    maximum_segment_length=16 << 20,  # documented: the most VMware asks for
    implemented_types=DISKS,
    total_concurrent_copies=64,
    maximum_concurrent_copies=64,
)
ARRAY_ASYNC = Profile(  # documented of VMAX and PowerMax: acknowledged first, slow when a reserve is used up
    name="array-async",
    description="a big array: acknowledges 256 MiB before they have moved, then slows down to 32 MiB/s",
    advertised=ASYNC_PARAMETERS,
    has_third_party_page=False,
    latency=0.001,  # chosen, like the next two
    bandwidth=32 << 20,
    ahead=256 << 20,
)

LIAR_PARAMETERS = OperatingParameters(
    snlid=True,
    maximum_cscd_count=8,
    maximum_segment_count=64,
    maximum_list_length=4096,
    maximum_segment_length=1 << 20,
    implemented_types=(0x02, 0x0A, 0x0D, 0x14, 0x16, 0xE4),
    total_concurrent_copies=16,
    maximum_concurrent_copies=16,
)
LIAR = Profile(
    name="liar",
    description="advertises what it refuses: 64 segments and takes 9, any length and takes whole 64 KiB",
    advertised=LIAR_PARAMETERS,
    enforces=LIAR_PARAMETERS.but(
        maximum_segment_count=9,  # read: CTL advertises 64
        data_segment_granularity=16,  # documented: arrays with an alignment that they do not tell
        implemented_types=DISKS,
    ),
    page_parameters=LIAR_PARAMETERS.but(maximum_segment_count=128),  # page 8Fh says something else again
)

SLOW = Profile(  # chosen; documented are latencies a hundred times the usual, and copies in pieces of a track
    name="slow",
    description="20 ms before every answer, and copies at 64 MiB/s",
    advertised=CAPABLE.but(implemented_types=DISKS),
    latency=0.02,
    bandwidth=64 << 20,
)

EXTENDED_COPY = 0x83
FLAKY = Profile(  # chosen: three answers that are to be followed by another try
    name="flaky",
    description="of 7 EXTENDED COPYs one finds it BUSY, one its TASK SET FULL, one a UNIT ATTENTION",
    advertised=CAPABLE.but(implemented_types=DISKS),
    faults=(
        Fault(then=Reply(status=Status.BUSY), opcode=EXTENDED_COPY, nth=1, times=None, every=7),
        Fault(then=Reply(status=Status.TASK_SET_FULL), opcode=EXTENDED_COPY, nth=3, times=None, every=7),
        # REPORTED LUNS DATA HAS CHANGED: measured on LIO at every new LUN
        Fault(then=check(UNIT_ATTENTION, 0x3F, 0x0E), opcode=EXTENDED_COPY, nth=5, times=None, every=7),
    ),
)

PROFILES: dict[str, Profile] = {
    profile.name: profile
    for profile in (STRICT, LIO, CTL, SCST, TCMU, ARRAY_SMALL, ARRAY_ASYNC, LIAR, SLOW, FLAKY)
}
