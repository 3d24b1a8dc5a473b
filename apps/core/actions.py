"""Keys of the API: made, revoked, recognised; and answers kept for requests that come again."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection
from django.db.models import Case, F, Q, When
from django.utils.crypto import constant_time_compare
from django.utils.functional import Promise

from apps.core.models import ApiKey, KeptAnswer

SCOPES: dict[str, str | Promise] = {}  # what keys may do, as the apps say
MARK = "tdg_"  # tells secret scanners and people what was found
KEPT = timedelta(days=30)  # how long a request that is sent again gets its first answer


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
