"""Test sends: a wording goes to our own people, marked as a test, and counts for nothing.

They take the way of every letter, the same words, provider, carrier and kill switch, and leave no
notice and no message behind: so no funnel, cap or archive of a client knows of them. Those of a
provider with a process of its own wait for that process, which is given each of them once.
"""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid4

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.messaging.actions.letters import Ready, Unwritten, write_all
from apps.messaging.actions.previews import message_of, sample_of
from apps.messaging.actions.providers import Pace, carrying, opened, working
from apps.messaging.channels import STANDING, Answer, Letter, Verdict
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.phrases import SeedAddress
from apps.messaging.models.providers import Provider
from apps.messaging.models.trials import SeedLetter

MARK = "[TEST]"
BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
BANNER = (
    "margin:0;padding:8px;background:#fde68a;color:#1c222b;text-align:center;font:bold 16px Arial"
)
MOST = 20  # addresses a test goes to; more is a campaign
REMEMBERED = timedelta(days=30)
LATE = timedelta(minutes=5)  # whoever asked looks no more, and has asked again
LOST = timedelta(minutes=5)  # longer than a message centre has for its answer
BRIEFLY = 2.0  # seconds that tests may hold up a client's messages

State = SeedLetter.State
STATES = {
    Verdict.SENT: State.SENT,
    Verdict.NEVER: State.FAILED,
    Verdict.AGAIN: State.FAILED,  # nobody waits for a test: he asks again
    Verdict.UNKNOWN: State.UNKNOWN,
}


class UntriedError(Exception):
    """Why no test can be sent, as a marketer reads it."""


@dataclass(frozen=True)
class Tried:
    """What became of a test at one address."""

    seed: SeedAddress
    answer: Answer | None = None  # None: its provider's own process takes it in a moment

    @property
    def is_sent(self) -> bool:
        return self.answer is not None and self.answer.verdict == Verdict.SENT


def send_test(version: TemplateVersion, *, at: datetime) -> list[Tried]:
    """Send a wording with sample figures to every address for tests of its channel.

    Raises UntriedError where there is none, sending is stopped, or the wording cannot be written.
    """
    seeds = list(
        SeedAddress.objects.filter(channel=version.channel, is_active=True).order_by("pk")[:MOST]
    )
    if not seeds:
        raise UntriedError(_("No address for tests of this channel is on the list."))
    provider = provider_for(version, at=at)
    letters = [marked(letter_of(version, at=at), seed) for seed in seeds]
    if provider.kind in STANDING:
        ask_for(letters, version, provider, at=at)
        return [Tried(seed) for seed in seeds]
    return list(handed_over(letters, seeds, provider))


def provider_for(version: TemplateVersion, *, at: datetime) -> Provider:
    """Choose the provider as it is chosen for clients. Raises UntriedError."""
    for each in carrying():
        if each.channel == version.channel and working(at=at, name=each.name):
            return each
    raise UntriedError(_("No provider carries this channel now, or sending is stopped."))


def letter_of(version: TemplateVersion, *, at: datetime) -> Letter:
    message = message_of(version, sample_of(version.template, None, version.language))
    message.pk = -1  # of no row; only to find its link by
    (result,) = write_all([message], {-1: f"{settings.PUBLIC_URL}/s/test"}, at=at)
    match result:
        case Unwritten(reason=reason):
            raise UntriedError(reason)
        case Ready(letter=letter):
            return letter


def marked(letter: Letter, seed: SeedAddress) -> Letter:
    """Address a letter to one of us and say that it is a test."""
    return replace(
        letter,
        key=uuid4(),
        to=seed.address,
        subject=f"{MARK} {letter.subject}" if letter.subject else "",
        text=f"{MARK} {letter.text}",
        html=marked_page(letter.html),
        may_unsubscribe=False,
        is_test=True,
    )


def marked_page(html: str) -> str:
    """Say above a page that it is a test, whatever its design."""
    if not html:
        return ""
    said = f'<p style="{BANNER}">{MARK}</p>'
    marked, count = BODY.subn(lambda found: found[0] + said, html, count=1)
    return marked if count else said + html


def handed_over(
    letters: Sequence[Letter], seeds: Sequence[SeedAddress], provider: Provider
) -> Iterator[Tried]:
    by_key = {letter.key: seed for letter, seed in zip(letters, seeds, strict=True)}
    with opened(provider) as carrier:
        for key, answer in carrier.send(iter(letters)):
            yield Tried(by_key[key], answer)


def ask_for(
    letters: Sequence[Letter], version: TemplateVersion, provider: Provider, *, at: datetime
) -> None:
    """Leave letters to the process of their provider; those of long ago are forgotten."""
    SeedLetter.objects.filter(asked_at__lt=at - REMEMBERED).delete()
    SeedLetter.objects.bulk_create(
        SeedLetter(
            version=version, provider=provider, key=letter.key, address=letter.to,
            text=letter.text, asked_at=at,
        )
        for letter in letters
    )  # fmt: skip


def carry_asked(name: str, *, at: datetime) -> int:
    """Hand over the tests that wait for this process; return how many were.

    Each is marked before it leaves, and goes out once at most: of one that a dying process had
    begun nobody knows.
    """
    due = SeedLetter.objects.filter(provider__name=name, state__in=[State.ASKED, State.HANDED])
    if not due.exists():
        return 0
    lost = due.filter(state=State.HANDED, handed_at__lt=at - LOST)
    lost.update(state=State.UNKNOWN, reason=_("Its process ended before it could note the answer."))
    late = due.filter(state=State.ASKED, asked_at__lt=at - LATE)
    late.update(state=State.FAILED, reason=_("Its provider's process did not take it in time."))
    count = 0
    for provider in working(at=at, name=name):
        with opened(provider) as carrier:
            for key, answer in carrier.send(begun(due.filter(state=State.ASKED), provider, at=at)):
                handed = SeedLetter.objects.filter(key=key, state=State.HANDED)
                handed.update(state=STATES[answer.verdict], reason=answer.reason[:500])
                count += 1
    return count


def begun(asked: QuerySet[SeedLetter], provider: Provider, *, at: datetime) -> Iterator[Letter]:
    """Yield the letters that are ours to hand over, at the provider's rate."""
    pace, until = Pace(provider), time.monotonic() + BRIEFLY
    for row in asked.order_by("pk")[:MOST]:
        if not pace.take(1, until=until):
            return
        if asked.filter(pk=row.pk).update(state=State.HANDED, handed_at=at):
            yield Letter(key=row.key, to=row.address, text=row.text, is_test=True)
