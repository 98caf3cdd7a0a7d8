"""SG_IO: what goes into the header, and what each way of failing means for "was it sent"."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
from typing import TYPE_CHECKING

import pytest

from cdb.command import Command, NoPassThrough, NotSent, Silence, Status, TransportError
from xcopy.device.sg import SG_IO, SgIoHdr, SgTransport, refusal, timeout_ms
from xcopy.errors import AccessError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NODE = "/dev/null"  # a character node that opens anywhere
TUR = Command(name="TEST UNIT READY", cdb=bytes(6))
READ = Command(name="READ(16)", cdb=b"\x88" + bytes(15), data_in=4096)


def sg(then: Callable[[SgIoHdr], None] = lambda _: None) -> SgTransport:
    """A transport whose every command ends as `then` fills the header."""
    return SgTransport(NODE, ioctl=lambda _fd, header: then(header))


def fails(number: int) -> Callable[[SgIoHdr], None]:
    def then(_header: SgIoHdr) -> None:
        raise OSError(number, os.strerror(number))

    return then


def host(status: int, *, driver: int = 0, said: int = 0) -> Callable[[SgIoHdr], None]:
    def then(header: SgIoHdr) -> None:
        header.host_status, header.driver_status, header.status = status, driver, said
        header.duration = 2500

    return then


class TestHeader:
    """<scsi/sg.h>: struct sg_io_hdr on a 64-bit kernel."""

    def test_it_has_the_kernels_size(self) -> None:
        assert ctypes.sizeof(SgIoHdr) == 88

    @pytest.mark.parametrize(
        ("field", "offset"),
        {
            "dxfer_len": 12,
            "dxferp": 16,
            "cmdp": 24,
            "sbp": 32,
            "timeout": 40,
            "usr_ptr": 56,
            "status": 64,
            "sb_len_wr": 67,
            "host_status": 68,
            "resid": 72,
            "info": 80,
        }.items(),
    )
    def test_a_field_is_where_the_kernel_looks_for_it(self, field: str, offset: int) -> None:
        assert getattr(SgIoHdr, field).offset == offset

    def test_the_request_number_is_the_kernels(self) -> None:
        assert SG_IO == 0x2285


class TestWhatIsSent:
    def seen(self, command: Command) -> SgIoHdr:
        headers: list[SgIoHdr] = []
        sg(headers.append).send(command)
        return headers[0]

    @pytest.mark.parametrize(
        ("command", "direction", "length"),
        [
            (TUR, -1, 0),
            (Command(name="out", cdb=bytes(6), data_out=b"abc"), -2, 3),
            (Command(name="in", cdb=bytes(6), data_in=9), -3, 9),
        ],
    )
    def test_direction_and_length(self, command: Command, direction: int, length: int) -> None:
        header = self.seen(command)

        assert (header.dxfer_direction, header.dxfer_len) == (direction, length)

    def test_room_for_the_longest_sense(self) -> None:
        assert self.seen(TUR).mx_sb_len == 252

    def test_page_aligned_memory_goes_out_from_where_it_is_however_long(self) -> None:
        memory = mmap.mmap(-1, 2 << 20)
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))

        header = self.seen(Command(name="out", cdb=bytes(6), data_out=memoryview(memory)))

        assert header.dxferp == address

    @pytest.mark.parametrize("length", [512, 100_000, 1 << 20])
    @pytest.mark.parametrize("make", [bytes, bytearray])
    def test_data_that_starts_inside_a_page_is_moved_to_where_one_begins(
        self, make: Callable[[bytes], bytes | bytearray], length: int
    ) -> None:
        # LIO's loopback takes 256 pages: 1 MiB from the middle of a page would be 257 (seen: EINVAL); and the
        # block of a WRITE SAME in one page alone (seen: INVALID FIELD IN CDB, whenever it lay in two).
        data = os.urandom(length)
        sent: list[bytes] = []

        def then(header: SgIoHdr) -> None:
            assert header.dxferp % 4096 == 0
            sent.append(ctypes.string_at(header.dxferp, header.dxfer_len))

        sg(then).send(Command(name="out", cdb=bytes(6), data_out=memoryview(make(b"x" + data))[1:]))

        assert sent == [data]

    @pytest.mark.parametrize("length", [4096, 4097, 8 << 20])
    def test_room_for_data_in_is_page_aligned(self, length: int) -> None:
        assert self.seen(Command(name="in", cdb=bytes(6), data_in=length)).dxferp % 4096 == 0

    @pytest.mark.parametrize("length", [0, 5, 256, 300])
    def test_a_cdb_of_no_possible_length_is_refused_before_anything_is_sent(self, length: int) -> None:
        with pytest.raises(ValueError, match=f"this one {length}"):
            sg(lambda _: pytest.fail("sent")).send(Command(name="x", cdb=bytes(length)))

    @pytest.mark.parametrize(
        ("seconds", "ms"),
        [
            (60.0, 60_000),
            (0.0001, 1),
            (1.0004, 1001),
            (12 * 3600, 43_200_000),
            (1e9, 2**32 - 1),
            (float("inf"), 2**32 - 1),
        ],
    )
    def test_timeout_in_milliseconds_never_0_and_never_wrapped(self, seconds: float, ms: int) -> None:
        assert timeout_ms(seconds) == ms


class TestWhatComesBack:
    def test_data_is_cut_by_the_residual(self) -> None:
        def then(header: SgIoHdr) -> None:
            ctypes.memset(header.dxferp, 0xAB, 4096)
            header.resid = 4000

        reply = sg(then).send(READ)

        assert (reply.data, reply.residual) == (b"\xab" * 96, 4000)

    @pytest.mark.parametrize(
        ("told", "kept", "length"), [(-5, 0, 4096), (5000, 4096, 0), (2**31 - 1, 4096, 0)]
    )
    def test_a_residual_that_cannot_be_is_taken_for_the_nearest_that_can(
        self, told: int, kept: int, length: int
    ) -> None:
        def then(header: SgIoHdr) -> None:
            header.resid = told

        reply = sg(then).send(READ)

        assert (reply.residual, len(reply.data)) == (kept, length)

    def test_what_a_driver_left_out_reads_as_zeros_not_as_the_answer_before(self) -> None:
        answers = iter([0xFF, None])

        def then(header: SgIoHdr) -> None:
            if fill := next(answers):
                ctypes.memset(header.dxferp, fill, 4096)

        transport = sg(then)
        transport.send(READ)

        assert transport.send(READ).data == bytes(4096)

    def test_duration_is_in_seconds(self) -> None:
        assert sg(host(0)).send(TUR).duration == 2.5

    def test_driver_sense_with_check_condition_is_an_answer(self) -> None:
        assert sg(host(0, driver=0x08, said=2)).send(TUR).status == Status.CHECK_CONDITION

    @pytest.mark.parametrize("status", [0x02, 0x08, 0x18, 0x28, 0x40, 0x7F])
    def test_a_status_byte_is_the_devices_answer_whatever_the_host_adds(self, status: int) -> None:
        # A guard check error comes with host status 5, RESERVATION CONFLICT with 11h on older kernels.
        assert sg(host(0x11, said=status)).send(TUR).status == status


class TestNoStatus:
    @pytest.mark.parametrize("code", [0x01, 0x02, 0x03, 0x05, 0x07, 0x08, 0x0E, 0x0F, 0x77])
    def test_a_host_status_with_no_status_is_silence(self, code: int) -> None:
        with pytest.raises(Silence, match=f"READ.*host status {code:#04x}.*after 2.5 s.*unknown"):
            sg(host(code)).send(READ)

    def test_a_timeout_is_named(self) -> None:
        with pytest.raises(Silence, match="DID_TIME_OUT"):
            sg(host(3)).send(READ)

    def test_a_target_that_is_not_there_got_nothing(self) -> None:
        with pytest.raises(NotSent, match="DID_BAD_TARGET"):
            sg(host(4)).send(READ)

    @pytest.mark.parametrize("driver", [0x06, 0x16, 0x04])
    def test_a_driver_status_other_than_sense_is_silence(self, driver: int) -> None:
        with pytest.raises(Silence, match=f"driver status {driver:#04x}"):
            sg(host(0, driver=driver)).send(READ)


class TestErrno:
    @pytest.mark.parametrize("number", [errno.ENOTTY, errno.EINVAL, errno.ENOSYS])
    def test_no_pass_through(self, number: int) -> None:
        with pytest.raises(NoPassThrough, match=f"{NODE} takes no SCSI commands.*{errno.errorcode[number]}"):
            sg(fails(number)).send(TUR)

    def test_the_kernel_itself_says_so_of_a_node_without_scsi(self) -> None:
        with pytest.raises(NoPassThrough, match="ENOTTY"):
            SgTransport(NODE).send(TUR)

    def test_einval_from_a_node_that_answered_before_is_this_commands_fault(self) -> None:
        answers = iter([None, errno.EINVAL])

        def then(header: SgIoHdr) -> None:
            if number := next(answers):
                fails(number)(header)

        transport = sg(then)
        transport.send(TUR)

        with pytest.raises(NotSent, match=r"READ.*EINVAL"):
            transport.send(READ)

    @pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOMEM])
    def test_a_long_transfer_is_named_as_what_may_be_wrong(self, number: int) -> None:
        long = Command(name="READ(16)", cdb=bytes(16), data_in=4 << 20)
        error = OSError(number, os.strerror(number))

        refused = refusal("/dev/x", long, error, is_sg=True, spoke_before=True)

        assert "4194304 bytes may be more than this node takes at once" in str(refused)

    @pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
    def test_no_permission_names_both_ways_out(self, number: int) -> None:
        with pytest.raises(NotSent, match=r"root.*CAP_SYS_RAWIO.*/dev/sgN"):
            sg(fails(number)).send(TUR)

    def test_a_full_descriptor_says_how_many_it_takes(self) -> None:
        with pytest.raises(NotSent, match="16 commands per open file"):
            sg(fails(errno.EDOM)).send(TUR)

    def test_a_signal_loses_the_answer_of_a_command_that_was_sent(self) -> None:
        with pytest.raises(Silence, match="signal"):
            sg(fails(errno.EINTR)).send(READ)

    @pytest.mark.parametrize(
        ("number", "is_sg", "kind"),
        [
            (errno.ENXIO, True, NotSent),
            (errno.ENXIO, False, NotSent),
            (errno.ENODEV, True, Silence),  # said also when the device goes away under a command
            (errno.ENODEV, False, NotSent),
            (errno.EIO, True, Silence),
            (errno.EIO, False, NotSent),  # longer than max_hw_sectors
            (errno.ENOMEM, True, NotSent),
            (errno.EFAULT, False, Silence),  # also when copying the answer back
            (errno.EUCLEAN, False, Silence),  # never seen: take the careful side
        ],
    )
    def test_what_each_kind_of_node_means_by_it(
        self, number: int, is_sg: bool, kind: type[TransportError]
    ) -> None:
        error = OSError(number, os.strerror(number))

        assert type(refusal("/dev/x", READ, error, is_sg=is_sg, spoke_before=True)) is kind


class TestOpening:
    def test_a_path_that_is_not_there(self) -> None:
        with pytest.raises(UsageError, match=r"/dev/no-such-disk: no such file; .*xcopy-dev list"):
            SgTransport("/dev/no-such-disk")

    @pytest.mark.parametrize("make", ["mkdir", "touch"])
    def test_what_is_no_device_node(self, tmp_path: Path, make: str) -> None:
        path = tmp_path / "x"
        getattr(path, make)()

        with pytest.raises(UsageError, match="x is not a device node; name a SCSI disk"):
            SgTransport(str(path))

    @pytest.mark.parametrize(
        ("number", "words"),
        [
            (errno.EACCES, "no permission.*root"),
            (errno.EBUSY, "busy.*fuser"),
            (errno.ENXIO, "gone or offline"),
            (errno.EMFILE, "Too many open files"),
        ],
    )
    def test_a_node_that_does_not_open(
        self, monkeypatch: pytest.MonkeyPatch, number: int, words: str
    ) -> None:
        def refuse(*_: object) -> int:
            raise OSError(number, os.strerror(number))

        monkeypatch.setattr(os, "open", refuse)

        with pytest.raises(AccessError, match=f"{NODE}: .*{words}"):
            SgTransport(NODE)

    @pytest.mark.parametrize(("read_only", "mode"), [(False, os.O_RDWR), (True, os.O_RDONLY)])
    def test_the_mode_it_is_opened_in(
        self, monkeypatch: pytest.MonkeyPatch, read_only: bool, mode: int
    ) -> None:
        flags: list[int] = []
        real = os.open
        monkeypatch.setattr(os, "open", lambda path, how: flags.append(how) or real(path, how))

        SgTransport(NODE, read_only=read_only).close()

        assert flags == [mode | os.O_NONBLOCK]

    def test_a_write_protected_disk_opens_read_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = os.open

        def protected(path: str, flags: int) -> int:
            if flags & os.O_RDWR:
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            return real(path, flags)

        monkeypatch.setattr(os, "open", protected)

        assert SgTransport(NODE, ioctl=lambda _fd, _header: None).send(TUR).good
