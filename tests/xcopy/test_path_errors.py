"""What is the path's failure and what the unit's: by errno, host status, sense data."""

from __future__ import annotations

import errno

import pytest

from cdb.command import NotSent, Reply, Silence, Status, TransportError
from tests.cdb.independent import fixed_sense
from xcopy.errors import AccessError, IoFailed
from xcopy.path_errors import of_blocks, of_command, of_opening, of_reply


@pytest.mark.parametrize(
    "error",
    [
        NotSent("offline", errno=errno.ENODEV),
        NotSent("offline", errno=errno.ENXIO),
        Silence("removed under the command", errno=errno.ENODEV),
        Silence("DID_NO_CONNECT", host=0x01),
        Silence("DID_BUS_BUSY", host=0x02),
        NotSent("DID_BAD_TARGET", host=0x04),
        Silence("DID_TRANSPORT_DISRUPTED", host=0x0E),
        Silence("DID_TRANSPORT_FAILFAST", host=0x0F),
        Silence("DID_TRANSPORT_MARGINAL", host=0x14),
    ],
)
def test_a_command_that_the_path_failed(error: TransportError) -> None:
    assert of_command(error)


@pytest.mark.parametrize(
    "error",
    [
        Silence("nobody says why"),
        Silence("DID_TIME_OUT: who was slow is not known", host=0x03),
        Silence("DID_ERROR", host=0x07),
        Silence("DID_RESET", host=0x08),
        NotSent("not allowed", errno=errno.EPERM),
        NotSent("too many at once", errno=errno.EDOM),
        Silence("a signal", errno=errno.EINTR),
    ],
)
def test_a_command_that_failed_otherwise(error: TransportError) -> None:
    assert of_command(error) is None


@pytest.mark.parametrize("code", [0x0B, 0x0C, 0x12])
def test_a_port_that_does_not_lead_to_the_unit_now(code: int) -> None:
    assert of_reply(Reply(status=2, sense=fixed_sense(2, 0x04, code)))


@pytest.mark.parametrize(
    "reply",
    [
        Reply(),
        Reply(status=Status.BUSY),
        Reply(status=2),
        Reply(status=2, sense=fixed_sense(2, 0x04, 0x01)),  # becoming ready
        Reply(status=2, sense=fixed_sense(2, 0x04, 0x0A)),  # a transition is waited out
        Reply(status=2, sense=fixed_sense(5, 0x04, 0x0B)),
        Reply(status=2, sense=fixed_sense(6, 0x29, 0x00)),
        Reply(status=2, sense=fixed_sense(0xA, 0x0D, 0x02)),
        Reply(status=2, sense=bytes.fromhex("71 00 02 00 00 00 00 0a 00 00 00 00 04 0b 00 00 00 00")),
    ],
)
def test_an_answer_of_the_unit_s_own_or_about_an_earlier_command(reply: Reply) -> None:
    assert of_reply(reply) is None


def caused(by: int) -> tuple[AccessError, IoFailed]:
    made = AccessError("cannot be opened"), IoFailed("read failed")
    for error in made:
        error.__cause__ = OSError(by, "")
    return made


@pytest.mark.parametrize("number", [errno.ENODEV, errno.ENXIO, errno.ENOENT])
def test_a_node_whose_device_is_gone(number: int) -> None:
    assert of_opening(caused(number)[0])


@pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM, errno.EMFILE, errno.EBUSY])
def test_a_node_that_does_not_open_for_another_reason(number: int) -> None:
    assert of_opening(caused(number)[0]) is None


@pytest.mark.parametrize("number", [errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOLINK, errno.ETIMEDOUT])
def test_a_read_or_write_that_another_path_may_do(number: int) -> None:
    assert of_blocks(caused(number)[1])


@pytest.mark.parametrize(
    "number", [errno.ENODATA, errno.ENOSPC, errno.EREMOTEIO, errno.EBADE, errno.EILSEQ, errno.EINVAL]
)
def test_a_read_or_write_that_no_path_does(number: int) -> None:
    assert of_blocks(caused(number)[1]) is None


def test_what_has_no_cause_is_not_the_path_s() -> None:
    assert of_blocks(IoFailed("it ends there")) is None
    assert of_opening(AccessError("busy")) is None
