"""Test sends: a wording goes to our own people, marked as a test, and counts for nothing.

They take the way of every letter, the same words, provider, carrier and kill switch, and leave no
notice and no message behind: so no funnel, cap or archive of a client knows of them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import uuid4

from django.conf import settings
from django.utils.translation import gettext as _

from apps.messaging.actions.letters import Ready, Unwritten, write_all
from apps.messaging.actions.previews import message_of, sample_of
from apps.messaging.actions.providers import carrying, opened, working
from apps.messaging.channels import STANDING, Answer, Letter, Verdict
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.phrases import SeedAddress
from apps.messaging.models.providers import Provider

MARK = "[TEST]"
BODY = re.compile(r"<body\b[^>]*>", re.IGNORECASE)
BANNER = (
    "margin:0;padding:8px;background:#fde68a;color:#1c222b;text-align:center;font:bold 16px Arial"
)
MOST = 20  # addresses a test goes to; more is a campaign


class UntriedError(Exception):
    """Why no test can be sent, as a marketer reads it."""


@dataclass(frozen=True)
class Tried:
    """What became of a test at one address."""

    seed: SeedAddress
    answer: Answer

    @property
    def is_sent(self) -> bool:
        return self.answer.verdict == Verdict.SENT


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
    return list(handed_over(letters, seeds, provider))


def provider_for(version: TemplateVersion, *, at: datetime) -> Provider:
    """Choose the provider as it is chosen for clients. Raises UntriedError."""
    found = [each for each in working(at=at) if each.channel == version.channel]
    if not found and any(
        each.kind in STANDING and each.channel == version.channel for each in carrying()
    ):
        raise UntriedError(
            _("The provider of this channel has a process of its own, which carries no tests. Preview it, or open another provider beside it.")
        )  # fmt: skip
    if not found:
        raise UntriedError(_("No provider carries this channel now, or sending is stopped."))
    return found[0]


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
