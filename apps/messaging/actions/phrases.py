"""Which shared phrases a message takes: snippets, the segment's lead-in, disclaimers of the day."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from django.utils.translation import gettext as _

from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.outbox import Notice
from apps.messaging.models.phrases import Disclaimer, DisclaimerText, LeadIn, SnippetText
from apps.messaging.phrasing import DISCLAIMER, LEAD_IN, assembled, places
from apps.messaging.wording import WordingError

NEXT = "\n\n"  # between paragraphs


@dataclass(frozen=True)
class Sources:
    """The templates of one letter with their phrases in them; the small print may stand apart."""

    subject: str
    body: str
    html: str
    small: str


@dataclass
class Phrases:
    """All shared phrases as of a day: few rows, read once for a batch of letters."""

    day: date
    snippets: dict[str, dict[str, str]] = field(default_factory=dict)  # by language and name
    lead_ins: dict[tuple[str, int | None, str, str], str] = field(default_factory=dict)
    disclaimers: Sequence[Disclaimer] = ()
    texts: dict[tuple[int, str], str] = field(default_factory=dict)
    made: dict[tuple[object, ...], Sources] = field(default_factory=dict)

    def sources(self, version: TemplateVersion, notice: Notice) -> Sources:
        """Return a version's templates for a notice, assembled once a batch. Raises WordingError."""
        about = notice.subject if self.disclaimers else ""
        key = (version.pk or id(version), about, notice.segment)
        if key not in self.made:
            lead_in = self.lead_in(version, notice.segment)
            small = self.small_print(version, notice.subject)
            self.made[key] = self.assembled(version, {LEAD_IN: lead_in, DISCLAIMER: small})
        return self.made[key]

    def assembled(self, version: TemplateVersion, own: Mapping[str, str]) -> Sources:
        snippets = self.snippets.get(version.language, {})
        body, html = version.body, version.html
        if own[LEAD_IN] and LEAD_IN not in places(body):
            body = f"{{{{ {LEAD_IN} }}}}{' ' if version.channel == 'sms' else NEXT}{body}"
        apart = DISCLAIMER not in places(body)
        return Sources(
            subject=assembled(version.subject, snippets, own),
            body=assembled(body, snippets, own),
            html=assembled(html, snippets, own, html=True),
            small=assembled(own[DISCLAIMER], snippets, {}) if apart else "",
        )

    def lead_in(self, version: TemplateVersion, segment: str) -> str:
        """Find the segment's own for the occasion, else for every occasion; else there is none."""
        if not segment:
            return ""
        rest = (version.channel, version.language)
        own = self.lead_ins.get((segment, version.template_id, *rest))
        return own or self.lead_ins.get((segment, None, *rest), "")

    def small_print(self, version: TemplateVersion, subject: str) -> str:
        """Join the disclaimers that belong to a message. Raises WordingError where one is missing."""
        asked = [each for each in self.disclaimers if belongs(each, version, subject)]
        found = [self.texts.get((each.pk, version.language), "") for each in asked]
        lacking = [
            each for each, text in zip(asked, found, strict=True) if not text and each.is_required
        ]
        if lacking:
            raise WordingError(self.lack(lacking[0], version))
        return NEXT.join(text for text in found if text)

    def lack(self, disclaimer: Disclaimer, version: TemplateVersion) -> str:
        return _(
            "The disclaimer “%(name)s” has no text in %(language)s that is valid on %(day)s."
        ) % {
            "name": disclaimer,
            "language": version.get_language_display(),
            "day": self.day.isoformat(),
        }


def belongs(disclaimer: Disclaimer, version: TemplateVersion, subject: str) -> bool:
    """Say whether a disclaimer goes with a message about something like "strategy:5".

    An empty subject is about anything: what may belong to it does.
    """
    kind, _colon, pk = subject.partition(":")
    return (
        (disclaimer.template_id in {None, version.template_id})
        and (not disclaimer.channels or version.channel in disclaimer.channels)
        and (not subject or disclaimer.product in {"", kind})
        and (
            not subject
            or disclaimer.strategy_id is None
            or (kind, pk) == ("strategy", str(disclaimer.strategy_id))
        )
    )


def phrases_of(languages: Iterable[str], *, day: date) -> Phrases:
    """Read the phrases of a day in some languages; a few small tables."""
    asked = set(languages)
    phrases = Phrases(day)
    for text in SnippetText.objects.filter(
        state=SnippetText.State.PUBLISHED, language__in=asked
    ).select_related("snippet"):
        phrases.snippets.setdefault(text.language, {})[text.snippet.name] = text.body
    for one in LeadIn.objects.filter(language__in=asked):
        phrases.lead_ins[one.segment, one.template_id, one.channel, one.language] = one.body
    phrases.disclaimers = list(Disclaimer.objects.order_by("pk"))
    if phrases.disclaimers:
        phrases.texts = valid_texts(asked, day)
    return phrases


def valid_texts(languages: set[str], day: date) -> dict[tuple[int, str], str]:
    """Return each disclaimer's words in each language: of those valid on the day the newest."""
    rows = DisclaimerText.objects.filter(language__in=languages, valid_from__lte=day)
    valid = rows.exclude(valid_until__lt=day).order_by("valid_from")
    return {(text.disclaimer_id, text.language): text.body for text in valid}
