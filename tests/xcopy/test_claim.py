"""Every kind of use has a word of its own, and that overrides it alone."""

from __future__ import annotations

import pytest

from xcopy.claim import FORCIBLE, KINDS, Claim, allow, forced
from xcopy.errors import UnsafeError, UsageError

NO_FORCE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("claim", "told"),
    [
        (Claim("mounted", "/dev/sdb1", "/srv"), "/dev/sdb1 is mounted on /srv"),
        (Claim("swap", "/dev/sdb1"), "/dev/sdb1 is in use as swap"),
        (Claim("lvm", "/dev/sdb", "/dev/dm-0"), "/dev/sdb is held by /dev/dm-0"),
        (Claim("lvm", "/dev/sdb"), "/dev/sdb is a physical volume of LVM"),
        (Claim("md", "/dev/sdb"), "/dev/sdb is a member of an md array"),
        (Claim("holder", "/dev/sdb", "/dev/dm-0"), "/dev/sdb is held by /dev/dm-0"),
        (Claim("open", "/dev/sdb", "qemu (process 1)"), "/dev/sdb is open elsewhere (qemu (process 1))"),
        (
            Claim("open", "/dev/sdb"),
            "/dev/sdb is open exclusively elsewhere, by a kernel target or in a container",
        ),
        (Claim("read-only", "/dev/sdb"), "/dev/sdb is read-only"),
        (
            Claim("swap", "/dev/sdb", other_path=True),
            "/dev/sdb is in use as swap (another path to the same unit)",
        ),
    ],
)
def test_a_use_is_told_with_its_user(claim: Claim, told: str) -> None:
    assert str(claim) == told


@pytest.mark.parametrize("kind", [kind for kind in FORCIBLE if kind in KINDS])
def test_a_refusal_names_the_word_that_overrides_it_and_the_word_does(kind: str) -> None:
    claims = [Claim(kind, "/dev/sdb", "somebody")]
    others = frozenset(FORCIBLE) - {kind}
    with pytest.raises(UnsafeError, match=f"/dev/sdb is in use: .*; --force={kind} writes to it"):
        allow("/dev/sdb", claims, others)
    (warning,) = allow("/dev/sdb", claims, forced(kind))
    assert warning.startswith(f"--force={kind}: writing to /dev/sdb although ")


def test_every_word_that_overrides_can_be_given() -> None:
    assert forced(",".join(FORCIBLE)) == frozenset(FORCIBLE)


@pytest.mark.parametrize("kind", KINDS)
def test_every_refusal_says_what_to_do_instead(kind: str) -> None:
    claim = Claim(kind, "/dev/sdb", "somebody")
    with pytest.raises(UnsafeError) as refused:
        allow("/dev/sdb", [claim], NO_FORCE)
    assert claim.way_out in str(refused.value)


def test_nothing_overrides_read_only() -> None:
    claims = [Claim("read-only", "/dev/sdb"), Claim("swap", "/dev/sdb")]
    with pytest.raises(UnsafeError, match="no --force overrides that"):
        allow("/dev/sdb", claims, frozenset(KINDS))


def test_of_several_uses_all_words_are_named_and_only_what_is_not_overridden_is_told() -> None:
    claims = [Claim("swap", "/dev/sdb1"), Claim("mounted", "/dev/sdb2", "/srv")]
    with pytest.raises(UnsafeError, match=r"in use: /dev/sdb2 is mounted on /srv\. .*--force=mounted,swap "):
        allow("/dev/sdb", claims, forced("swap"))
    assert len(allow("/dev/sdb", claims, forced("swap,mounted"))) == 2


def test_an_unused_destination_needs_no_words() -> None:
    assert allow("/dev/sdb", [], NO_FORCE) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("all", "no such kind of use; there are mounted, swap"),
        ("mounted,", "--force=: no such kind"),
        ("Mounted", "no such kind"),
        ("swap,read-only", "nothing overrides that"),
    ],
)
def test_words_that_override_nothing_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        forced(text)
