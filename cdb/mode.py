"""MODE SENSE and MODE SELECT: the parameters of a unit, page by page (SPC-4 6.11 to 6.14, 7.5).

The pages are those that say how a disk reports errors and caches; any other is bytes.
"""

from __future__ import annotations

from cdb.record import Record, const, data, flag, length, record, reserved, uint

ALL_PAGES, ALL_SUBPAGES = 0x3F, 0xFF
CACHING, CONTROL = 0x08, 0x0A
PAGE_CODE, SUBPAGE_FORMAT = 0x3F, 0x40  # of the first byte of a mode page
CURRENT, CHANGEABLE, DEFAULT, SAVED = 0b00, 0b01, 0b10, 0b11

PAGES = {0x01: "Read-Write Error Recovery", CACHING: "Caching", CONTROL: "Control", ALL_PAGES: "all pages"}
PAGE_CONTROLS = {
    CURRENT: "current values",
    CHANGEABLE: "which bits can be changed",
    DEFAULT: "default values",
    SAVED: "saved values",
}


@record
class ModeSense6(Record):
    """MODE SENSE(6) (SPC-4 6.13.1, table 196)."""

    operation_code = const(8, 0x1A)
    _byte1 = reserved(4)
    dbd: bool = flag(default=False, doc="no block descriptors")
    _byte1b = reserved(3)
    page_control: int = uint(2, default=CURRENT, label="PC", names=PAGE_CONTROLS)
    page_code: int = uint(6, names=PAGES)
    subpage_code: int = uint(8, default=0)
    allocation_length: int = uint(8)
    control: int = uint(8, default=0)


@record
class ModeSense10(Record):
    """MODE SENSE(10) (SPC-4 6.14, table 199)."""

    operation_code = const(8, 0x5A)
    _byte1 = reserved(3)
    llbaa: bool = flag(default=False, doc="long block descriptors are welcome")
    dbd: bool = flag(default=False, doc="no block descriptors")
    _byte1b = reserved(3)
    page_control: int = uint(2, default=CURRENT, label="PC", names=PAGE_CONTROLS)
    page_code: int = uint(6, names=PAGES)
    subpage_code: int = uint(8, default=0)
    _byte4 = reserved(24)
    allocation_length: int = uint(16)
    control: int = uint(8, default=0)


@record
class ModeSelect6(Record):
    """MODE SELECT(6) (SPC-4 6.11, table 194)."""

    operation_code = const(8, 0x15)
    _byte1 = reserved(3)
    pf: bool = flag(default=True, doc="the pages are those of the standard")
    _byte1b = reserved(3)
    sp: bool = flag(default=False, doc="save the pages")
    _byte2 = reserved(16)
    parameter_list_length: int = uint(8)
    control: int = uint(8, default=0)


@record
class ModeSelect10(Record):
    """MODE SELECT(10) (SPC-4 6.12, table 195)."""

    operation_code = const(8, 0x55)
    _byte1 = reserved(3)
    pf: bool = flag(default=True, doc="the pages are those of the standard")
    _byte1b = reserved(3)
    sp: bool = flag(default=False, doc="save the pages")
    _byte2 = reserved(40)
    parameter_list_length: int = uint(16)
    control: int = uint(8, default=0)


@record
class CachingPage(Record):
    """Caching mode page (SBC-4 6.5.6, table 238)."""

    ps: bool = flag(default=False, doc="can be saved")
    _spf = reserved(1, label="SPF (0b)")
    page_code = const(6, CACHING, names=PAGES)
    page_length = const(8, 0x12)
    ic: bool = flag(default=False)
    abpf: bool = flag(default=False)
    cap: bool = flag(default=False)
    disc: bool = flag(default=False)
    size_enable: bool = flag(default=False, label="SIZE")
    wce: bool = flag(default=False, doc="writes may wait in a volatile cache")
    mf: bool = flag(default=False)
    rcd: bool = flag(default=False, doc="reads come from the medium")
    demand_read_retention_priority: int = uint(4, default=0)
    write_retention_priority: int = uint(4, default=0)
    disable_prefetch_transfer_length: int = uint(16, default=0, label="DISABLE PRE-FETCH TRANSFER LENGTH")
    minimum_prefetch: int = uint(16, default=0, label="MINIMUM PRE-FETCH")
    maximum_prefetch: int = uint(16, default=0, label="MAXIMUM PRE-FETCH")
    maximum_prefetch_ceiling: int = uint(16, default=0, label="MAXIMUM PRE-FETCH CEILING")
    fsw: bool = flag(default=False)
    lbcss: bool = flag(default=False)
    dra: bool = flag(default=False, doc="no reading ahead")
    vendor_specific: int = uint(2, default=0)
    sync_prog: int = uint(2, default=0, label="SYNC_PROG")
    nv_dis: bool = flag(default=False, label="NV_DIS", doc="a non-volatile cache is switched off")
    cache_segments: int = uint(8, default=0, label="NUMBER OF CACHE SEGMENTS")
    cache_segment_size: int = uint(16, default=0)
    _byte16 = reserved(8)
    _byte17 = reserved(24, label="Obsolete")


@record
class ControlPage(Record):
    """Control mode page (SPC-4 7.5.8, table 457)."""

    ps: bool = flag(default=False, doc="can be saved")
    _spf = reserved(1, label="SPF (0b)")
    page_code = const(6, CONTROL, names=PAGES)
    page_length = const(8, 0x0A)
    tst: int = uint(3, default=0)
    tmf_only: bool = flag(default=False, label="TMF_ONLY")
    dpicz: bool = flag(default=False)
    d_sense: bool = flag(default=False, label="D_SENSE", doc="sense data in descriptor format")
    gltsd: bool = flag(default=False)
    rlec: bool = flag(default=False)
    queue_algorithm_modifier: int = uint(4, default=0)
    nuar: bool = flag(default=False, doc="no unit attention when a reservation is released")
    qerr: int = uint(2, default=0)
    _dque = reserved(1, label="Obsolete")
    vs: bool = flag(default=False)
    rac: bool = flag(default=False)
    ua_intlck_ctrl: int = uint(2, default=0, label="UA_INTLCK_CTRL")
    swp: bool = flag(default=False, doc="write protected by software")
    _byte4 = reserved(3, label="Obsolete")
    ato: bool = flag(default=False)
    tas: bool = flag(default=False, doc="commands aborted by others end with TASK ABORTED")
    atmpe: bool = flag(default=False)
    rwwp: bool = flag(default=False)
    _byte5 = reserved(1)
    autoload_mode: int = uint(3, default=0)
    _byte6 = reserved(16, label="Obsolete")
    busy_timeout_period: int = uint(16, default=0)
    self_test_completion_time: int = uint(16, default=0, label="EXTENDED SELF-TEST COMPLETION TIME")


def page_record(pages: bytes) -> type[Record] | None:
    """The record of the first mode page of some, None where it is not one of these."""
    code = pages[0] & (SUBPAGE_FORMAT | PAGE_CODE) if pages else None
    return {CACHING: CachingPage, CONTROL: ControlPage}.get(code) if code is not None else None


@record
class ModeParameters6(Record):
    """Mode parameter list of MODE SENSE(6) and MODE SELECT(6) (SPC-4 7.5.5, by way of libiscsi).

    The device-specific byte is that of block devices (SBC-4 6.5.1, by way of Linux).
    """

    mode_data_length: int = uint(8, default=0, doc="bytes that follow; 0 in MODE SELECT")
    medium_type: int = uint(8, default=0)
    wp: bool = flag(default=False, doc="write protected")
    _byte2 = reserved(2)
    dpofua: bool = flag(default=False, doc="DPO and FUA are heeded")
    _byte2b = reserved(4)
    block_descriptor_length = length(8, "block_descriptors")
    block_descriptors: bytes = data(default=b"")
    pages: bytes = data(default=b"", label="Mode pages", holds=page_record)


@record
class ModeParameters10(Record):
    """Mode parameter list of MODE SENSE(10) and MODE SELECT(10) (SPC-4 7.5.5, by way of libiscsi).

    The device-specific byte is that of block devices.
    """

    mode_data_length: int = uint(16, default=0, doc="bytes that follow; 0 in MODE SELECT")
    medium_type: int = uint(8, default=0)
    wp: bool = flag(default=False, doc="write protected")
    _byte3 = reserved(2)
    dpofua: bool = flag(default=False, doc="DPO and FUA are heeded")
    _byte3b = reserved(4)
    _byte4 = reserved(7)
    longlba: bool = flag(default=False, doc="block descriptors have 16 bytes, not 8")
    _byte5 = reserved(8)
    block_descriptor_length = length(16, "block_descriptors")
    block_descriptors: bytes = data(default=b"")
    pages: bytes = data(default=b"", label="Mode pages", holds=page_record)
