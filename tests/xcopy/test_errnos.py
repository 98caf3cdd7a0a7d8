"""What each errno means to a copy of files: a table that is written down here a second time, by hand."""

from __future__ import annotations

import errno

import pytest

from xcopy.errnos import Action, Means, action_for

NEXT = (errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV, errno.ENOTTY, errno.EINVAL)
STOP = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EROFS,
    errno.ESTALE,
    errno.EIO,
    errno.ETXTBSY,
    errno.EBADF,
    errno.EISDIR,
    errno.EOVERFLOW,
)
ASKED = (Means.CLONE, Means.KERNEL)


@pytest.mark.parametrize("means", ASKED)
@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("number", NEXT)
def test_the_next_means_is_taken_where_this_one_cannot(means: Means, before: int, number: int) -> None:
    assert action_for(means, number, before) is Action.NEXT


@pytest.mark.parametrize("means", ASKED)
@pytest.mark.parametrize("number", [errno.EPERM, errno.EACCES])
def test_no_permission_is_no_error_while_nothing_was_copied_by_this_means(means: Means, number: int) -> None:
    assert action_for(means, number, 0) is Action.NEXT
    assert action_for(means, number, 1) is Action.STOP


@pytest.mark.parametrize("means", list(Means))
@pytest.mark.parametrize("number", [*STOP, errno.ENOMEM, 9999])
def test_all_else_ends_the_copy(means: Means, number: int) -> None:
    assert action_for(means, number, 0) is Action.STOP


@pytest.mark.parametrize("number", [*NEXT, errno.EPERM, errno.EACCES, errno.EAGAIN])
def test_there_is_no_means_after_the_host(number: int) -> None:
    assert action_for(Means.HOST, number, 0) is Action.STOP


@pytest.mark.parametrize("means", [*ASKED, Means.HOST])
def test_an_interrupted_call_is_made_again(means: Means) -> None:
    assert action_for(means, errno.EINTR, 0) is Action.AGAIN


def test_a_source_that_is_dirty_is_written_first() -> None:
    assert action_for(Means.CLONE, errno.EAGAIN, 5) is Action.SETTLE


def test_an_input_output_error_is_a_refusal_where_smb_begins_to_copy_and_nowhere_else() -> None:
    assert action_for(Means.KERNEL, errno.EIO, 0, smb=True) is Action.NEXT
    assert action_for(Means.KERNEL, errno.EIO, 1, smb=True) is Action.STOP
    assert action_for(Means.KERNEL, errno.EIO, 0) is Action.STOP
    assert action_for(Means.CLONE, errno.EIO, 0, smb=True) is Action.STOP
    assert action_for(Means.HOST, errno.EIO, 0, smb=True) is Action.STOP
