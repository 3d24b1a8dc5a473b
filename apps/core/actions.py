"""Keys of the API with the answers kept for them, and attempts to sign in to the back office."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import Case, F, Q, When
from django.utils.crypto import constant_time_compare
from django.utils.functional import Promise

from apps.core.models import ApiKey, KeptAnswer, SignIn

SCOPES: dict[str, str | Promise] = {}  # what keys may do, as the apps say
MARK = "tdg_"  # tells secret scanners and people what was found
KEPT = timedelta(days=30)  # how long a request that is sent again gets its first answer
# Failures after which the next attempt waits until one of them is so old.
FAILURES = ((5, timedelta(minutes=15)), (50, timedelta(days=1)))
REMEMBERED = timedelta(days=180)  # how long a browser is known after its last sign-in


def make_key(
    name: str, scopes: Sequence[str], *, by: AbstractBaseUser | None, at: datetime
) -> tuple[ApiKey, str]:
    """Make a key; return it with the text that its system sends, which nobody sees again."""
    prefix = MARK + secrets.token_hex(5)
    token = f"{prefix}_{secrets.token_urlsafe(32)}"
    key = ApiKey.objects.create(
        name=name,
        prefix=prefix,
        digest=_digest(token),
        scopes=list(scopes),
        made_at=at,
        made_by_id=by.pk if by else None,
    )
    return key, token


def revoke_key(key_id: int, *, at: datetime) -> bool:
    """End a key at once; say whether it was still good."""
    good = ApiKey.objects.filter(pk=key_id, revoked_at__isnull=True)
    return bool(good.update(revoked_at=at))


def recognise_key(token: str, *, at: datetime) -> ApiKey | None:
    """Return the good key that a token is, and note the day of its last use."""
    prefix = token[: len(MARK) + 10]
    if not prefix.isascii() or not prefix.isprintable():
        return None
    key = ApiKey.objects.filter(prefix=prefix, revoked_at__isnull=True).first()
    if key is None or not constant_time_compare(key.digest, _digest(token)):
        return None
    unused = Q(last_used_on__isnull=True) | Q(last_used_on__lt=at.date())
    if key.last_used_on is None or key.last_used_on < at.date():
        ApiKey.objects.filter(unused, pk=key.pk).update(last_used_on=at.date())
    return key


def _digest(token: str) -> str:
    # 256 random bits need no slow hash: nobody guesses them.
    return sha256(token.encode()).hexdigest()


def count_sensitive(key: ApiKey, count: int, *, most: int, at: datetime) -> bool:
    """Count what a key changes on this day (UTC), unless it would be more than `most`: then False.

    Who else brings such changes by this key waits for the end of the transaction.
    """
    today = Case(When(sensitive_on=at.date(), then=F("sensitive")), default=0)
    counted = ApiKey.objects.alias(total=today + count).filter(pk=key.pk, total__lte=most)
    return bool(counted.update(sensitive=today + count, sensitive_on=at.date()))


def claim_answer(key: ApiKey, name: str) -> bool:
    """Take a sender's name for a request until the transaction ends; False: another one has it."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [f"answer:{key.pk}:{name}"]
        )
        claimed: bool = cursor.fetchone()[0]
    return claimed


def keep_answer(key: ApiKey, name: str, *, digest: str, body: str, at: datetime) -> None:
    """Keep what a request was answered, in the transaction of what it did."""
    KeptAnswer.objects.create(key=key, name=name, digest=digest, body=body, answered_at=at)


def forget_answers(*, at: datetime) -> int:
    """Delete the answers that are kept no longer; return how many went."""
    gone, _by_model = KeptAnswer.objects.filter(answered_at__lt=at - KEPT).delete()
    return gone


class WaitError(Exception):
    """Too many attempts to sign in failed; the next one may be made `until` then."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


@transaction.atomic
def begin_sign_in(username: str, device: str, *, at: datetime) -> int:
    """Note an attempt as failed before its password is looked at, so that many at once all count.

    Each name is counted apart, and each browser in which its owner has signed in before: whoever
    guesses elsewhere locks him out of none of those. Nobody's network address is looked at, which
    behind a proxy a whole office shares. Returns the attempt's id; raises WaitError.
    """
    name, mark = username.replace("\0", "")[:150], sha256(device.encode()).digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"sign-in:{name}"])
    tried = SignIn.objects.filter(username=name, at__gt=at - REMEMBERED)
    entered = tried.filter(device=mark, state=SignIn.State.ENTERED).order_by("-pk").first()
    failed = tried.filter(state=SignIn.State.FAILED).order_by("-at")
    if entered:
        counted = failed.filter(device=mark, pk__gt=entered.pk)
    else:
        counted = failed.filter(is_known=False)
    for most, within in FAILURES:
        if first := counted.filter(at__gt=at - within)[most - 1 : most].first():
            raise WaitError(first.at + within)
    made = SignIn.objects.create(username=name, device=mark, is_known=entered is not None, at=at)
    return made.pk


def note_sign_in(attempt: int) -> bool:
    """Note that an attempt was right after all; False where that is noted."""
    failed = SignIn.objects.filter(pk=attempt, state=SignIn.State.FAILED)
    return failed.update(state=SignIn.State.ENTERED) == 1


def forget_sign_ins(*, at: datetime) -> int:
    """Delete attempts by which no browser is known any more; return how many went."""
    gone, _by_model = SignIn.objects.filter(at__lt=at - REMEMBERED).delete()
    return gone
