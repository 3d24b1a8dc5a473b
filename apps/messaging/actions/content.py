"""Saving and publishing what messages say: read, checked and complete before any client sees it."""

from collections.abc import Iterable, Sequence, Set
from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.messaging.actions.letters import LINK
from apps.messaging.actions.phrases import Phrases, phrases_of
from apps.messaging.actions.previews import longest
from apps.messaging.models.content import Template, TemplateVersion, root
from apps.messaging.models.phrases import SnippetText
from apps.messaging.phrasing import DISCLAIMER, LEAD_IN
from apps.messaging.queries.reach import STATES, unworded
from apps.messaging.samples import SUMS
from apps.messaging.scribes import POOL, design, names
from apps.messaging.wording import WordingError
from apps.profiles.models import Channel

State = TemplateVersion.State


def prepare(version: TemplateVersion) -> None:
    """Compile a draft's design and write its plain text where it has none.

    Raises ValidationError where the design cannot be read.
    """
    version.html = ""
    if not version.mjml.strip():
        return
    if version.channel != Channel.EMAIL:
        raise ValidationError({"mjml": _("Only an e-mail has a design.")})
    answer = next(POOL.ask([design(version.mjml, version.language)]))
    if "error" in answer:
        raise ValidationError({"mjml": answer["error"]})
    version.html = answer["texts"]["html"]
    if not version.body.strip():
        version.body = answer["texts"]["body"]


@transaction.atomic
def begin_version(version_id: int, *, at: datetime) -> int:
    """Copy a wording into a draft with the next number, or find the one begun; return its id."""
    version = TemplateVersion.objects.get(pk=version_id)
    Template.objects.select_for_update().get(pk=version.template_id)  # two at once begin one draft
    same = TemplateVersion.objects.filter(
        template=version.template_id,
        channel=version.channel,
        language=version.language,
        variant=version.variant,
    ).order_by("-number")
    if begun := same.filter(state=State.DRAFT).first():
        return begun.pk
    last = same.values_list("number", flat=True)[0]
    version.pk, version.state, version.number, version.created_at = None, State.DRAFT, last + 1, at
    version.save(force_insert=True)
    return version.pk


@transaction.atomic
def publish_version(version_id: int, *, at: datetime) -> bool:
    """Publish a draft in place of the version published so far; False when it is no draft.

    Messages planned with the old wording keep it. Raises ValidationError where the wording could
    not be written, or leaves a state that its product can reach without words.
    """
    return publish_versions([version_id], at=at) == 1


@transaction.atomic
def publish_versions(version_ids: Iterable[int], *, at: datetime) -> int:
    """Publish drafts together, all or none: what each lacks alone another may bring."""
    drafts = TemplateVersion.objects.select_related("template").select_for_update(of=("self",))
    versions = list(drafts.filter(pk__in=version_ids, state=State.DRAFT).order_by("pk"))
    if not versions:
        return 0
    phrases = phrases_of({version.language for version in versions}, day=at.date())
    for version in versions:
        check(version, phrases)
        refuse_length(version, at=at)
        replace(version)
    if reasons := gaps(versions):
        raise ValidationError(reasons)
    return len(versions)


def replace(version: TemplateVersion) -> None:
    TemplateVersion.objects.filter(
        template=version.template_id,
        channel=version.channel,
        language=version.language,
        variant=version.variant,
        state=State.PUBLISHED,
    ).update(state=State.RETIRED)
    version.state = State.PUBLISHED
    version.save(update_fields=["state", "html", "body"])


def check(version: TemplateVersion, phrases: Phrases) -> None:
    """Refuse a wording that could not be written. Raises ValidationError."""
    prepare(version)
    version.clean()
    try:
        small = phrases.small_print(version, "")
        sources = phrases.assembled(version, {LEAD_IN: "", DISCLAIMER: small})
    except WordingError as error:
        raise ValidationError(str(error)) from error
    if not sources.body:
        raise ValidationError({"body": _("The wording says nothing.")})
    texts = {"subject": sources.subject, "body": sources.body, "small": sources.small}
    used = used_in(texts, {"mjml": sources.html})
    for field, taken in used.items():
        version.check_names(field if field in {"subject", "mjml"} else "body", taken)
    names_taken = {root(path) for taken in used.values() for path in taken}
    refuse_sums(version, names_taken)
    refuse_link(version, names_taken)


def refuse_length(version: TemplateVersion, *, at: datetime) -> None:
    """Refuse an SMS that long figures make longer than its template allows: none would go out."""
    most = version.template.sms_parts
    if version.channel != Channel.SMS or not most:
        return
    needed = longest(version, at=at, with_people=False).parts
    if needed > most:
        said = {"needed": needed, "most": most}
        raise ValidationError(
            {
                "body": _("With long figures it takes %(needed)s parts, and its template allows %(most)s: shorten it, or allow more.")
                % said
            }
        )  # fmt: skip


def used_in(texts: dict[str, str], pages: dict[str, str]) -> dict[str, list[str]]:
    """Name the values that each text takes, read where it can do no harm."""
    job = names(
        {name: text for name, text in texts.items() if text},
        {name: text for name, text in pages.items() if text},
    )
    answer = next(POOL.ask([job]))
    if "error" in answer:
        raise ValidationError(answer["error"])
    used: dict[str, list[str]] = answer["used"]
    return used


def refuse_sums(version: TemplateVersion, taken: Set[str]) -> None:
    """Keep sums from locked screens, unless somebody said that they may stand there."""
    shown = sorted(taken & SUMS)
    if version.channel == Channel.PUSH and shown and not version.shows_money:
        raise ValidationError(
            _("A push is read on a locked screen, and this one says %(sums)s. Leave it out, or tick “sums on a locked screen”.")
            % {"sums": ", ".join(shown)}
        )  # fmt: skip


def refuse_link(version: TemplateVersion, taken: Set[str]) -> None:
    """Keep the personal link out of a text that is proof of what was read: it is a button there."""
    if version.channel == Channel.IN_APP and LINK in taken:
        raise ValidationError(
            {"body": _("Leave “link” out: an in-app notice has a button that opens the page.")}
        )
    if version.channel == Channel.CALL and LINK in taken:
        raise ValidationError(
            {"body": _("Leave “link” out: it is the client's own, and an adviser would read it.")}
        )


def gaps(versions: Sequence[TemplateVersion]) -> list[str]:
    """Say which states a product can reach have no words where these versions are published."""
    pairs = {
        (version.channel, version.language)
        for version in versions
        if version.template.code in STATES
    }
    if not pairs:
        return []
    titles = {each.code: str(each) for each in Template.objects.filter(code__in=STATES)}
    languages = dict(TemplateVersion._meta.get_field("language").flatchoices)
    return [
        _("%(states)s: no text for %(channel)s in %(language)s, though a strategy on offer can come to it. Publish the drafts together.")
        % {
            "states": ", ".join(f"“{titles.get(code, code)}”" for code in lacking),
            "channel": Channel(channel).label,
            "language": languages[language],
        }
        for (channel, language), lacking in unworded().items()
        if (channel, language) in pairs
    ]  # fmt: skip


@transaction.atomic
def publish_snippet(text_id: int) -> bool:
    """Publish a snippet's text in place of the one before; False when it is no draft.

    Raises ValidationError where it cannot be read, or asks for another snippet.
    """
    rows = SnippetText.objects.select_for_update()
    text = rows.filter(pk=text_id, state=SnippetText.State.DRAFT).first()
    if text is None:
        return False
    check_phrase(text.body)
    rows.filter(
        snippet=text.snippet_id, language=text.language, state=SnippetText.State.PUBLISHED
    ).update(state=SnippetText.State.RETIRED)
    text.state = SnippetText.State.PUBLISHED
    text.save(update_fields=["state"])
    return True


def check_phrase(body: str) -> None:
    """Refuse a shared phrase that cannot be read by itself. Raises ValidationError."""
    taken = used_in({"body": body}, {})["body"]
    inner = [path for path in taken if root(path) in {"snippet", LEAD_IN, DISCLAIMER}]
    if inner:
        raise ValidationError({"body": _("A shared text cannot hold another: %s.") % inner[0]})
