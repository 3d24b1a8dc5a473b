"""Approving large sendings: asked for by one person, given by another, void on any edit.

The database halts a sending in the transaction in which it grows over the limit, or in which a text
is edited that it may take in; the one gives the sending another edition, the other another edition of
its text. What was approved is one of each, with the hash of who is told and of what is said: an edit
that changes neither lets it go on; any other makes the approval void, and a person must ask anew.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from apps.messaging.actions.claims import loaded
from apps.messaging.actions.phrases import belongs
from apps.messaging.actions.previews import Shown, shown
from apps.messaging.models.approvals import Approval
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.phrases import Disclaimer, DisclaimerText, LeadIn, SnippetText
from apps.messaging.models.providers import Provider
from apps.messaging.models.sendings import Sending
from apps.messaging.phrasing import snippets_in
from apps.messaging.queries.audiences import Planned, audience, is_open, planned
from apps.profiles.models import Channel

State = Approval.State
IN_FORCE = (State.ASKED, State.APPROVED)
SHOWN = 6  # wordings of which the first message is shown
Scope = Mapping[str, Any]


class ApprovalError(Exception):
    """Why a sending cannot be approved like this; the text is for people."""


def ask_approval(sending_id: int, *, by: AbstractBaseUser, at: datetime) -> Approval | None:
    """Ask for a second person's approval of a sending as it is now; None where it was asked already.

    Raises ApprovalError where the sending waits for none.
    """
    sending = Sending.objects.get(pk=sending_id)
    if sending.state != Sending.State.WAITING:
        raise ApprovalError(_("This sending waits for no approval."))
    told, waiting = audience(sending_id, since=at), planned(sending_id)
    scope: dict[str, Any] = {
        "templates": told.templates,
        "segments": told.segments,
        "wordings": sorted({row.wording for row in waiting}),
    }
    scope["snippets"] = sorted(snippets(scope))
    asked = Approval(
        sending=sending,
        edition=sending.edition,  # read before the rest: what is edited meanwhile makes it void
        text_edition=sending.text_edition,
        content=hash_of(scope),
        audience=told.digest,
        scope=scope,
        clients=told.clients,
        figures=figures(waiting, at=at),
        asked_at=at,
        asked_by_id=by.pk,
    )
    try:
        with transaction.atomic():
            asked.save(force_insert=True)
    except IntegrityError:
        return None
    return asked


@transaction.atomic
def approve(approval_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Let a sending go out as it was when approval was asked for; False where that is decided.

    Raises ApprovalError for the person who asked, and where anything was edited since.
    """
    asked = Approval.objects.filter(pk=approval_id, state=State.ASKED)
    row = asked.first()
    if row is None:
        return False
    refuse_own(row, by, _("You asked for this approval: a second person must give it."))
    waiting = Sending.objects.filter(
        pk=row.sending_id, state=Sending.State.WAITING, **editions(row)
    )
    if not waiting.update(state=Sending.State.RUNNING, reason=""):
        if asked.exists():
            raise ApprovalError(
                _("Something was edited since this was asked for. Look at it and ask anew.")
            )
        return False
    given = asked.update(state=State.APPROVED, decided_at=at, decided_by=by.pk)
    if not given:  # withdrawn at this very moment
        transaction.set_rollback(True)
    return given == 1


@transaction.atomic
def reject(approval_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Keep a sending back: it waits until somebody asks anew; False where it is decided.

    Raises ApprovalError for the person who asked.
    """
    asked = Approval.objects.filter(pk=approval_id, state=State.ASKED)
    row = asked.first()
    if row is None:
        return False
    refuse_own(row, by, _("You asked for this approval: somebody else decides on it."))
    reason = _("%(name)s rejected it.") % {"name": by.get_username()}
    if not asked.update(state=State.REJECTED, decided_at=at, decided_by=by.pk, reason=reason):
        return False
    Sending.objects.filter(pk=row.sending_id, state=Sending.State.WAITING).update(reason=reason)
    return True


def refuse_own(row: Approval, by: AbstractBaseUser, why: str) -> None:
    if row.asked_by_id == by.pk:
        raise ApprovalError(why)


def editions(row: Approval | Sending) -> dict[str, int]:
    return {"edition": row.edition, "text_edition": row.text_edition}


def look_at_edits(*, at: datetime) -> int:
    """Void the approvals whose sendings say or reach anything else by now; return how many.

    Sendings of which nothing approved has changed go on; first those whose clients need not be read.
    """
    same = Q(edition=F("sending__edition"), text_edition=F("sending__text_edition"))
    edited = Approval.objects.filter(Q(state__in=IN_FORCE) & ~same)
    rows = list(edited.select_related("sending", "asked_by", "decided_by").order_by("pk"))
    rows.sort(key=lambda row: row.edition != row.sending.edition)
    return sum(look_at(row, at=at) for row in rows)


@transaction.atomic
def look_at(row: Approval, *, at: datetime) -> bool:
    """Say whether the approval is void now. Whoever edits at this moment is looked at next time."""
    now = editions(row.sending)
    ours = Sending.objects.filter(pk=row.sending_id, **now)
    changed = what_changed(row)
    if not changed:
        if noted(row, **now) and row.state == State.APPROVED:
            run_on(ours)
    elif row.state == State.APPROVED and not is_open(row.sending_id):
        if noted(row, state=State.SPENT):
            run_on(ours)
    elif noted(row, state=State.VOID, reason=changed, void_at=at):
        ours.filter(state=Sending.State.WAITING).update(reason=changed)
        return True
    return False


def noted(row: Approval, **fields: Any) -> bool:
    """Note what became of an approval that nobody has decided on meanwhile."""
    return Approval.objects.filter(pk=row.pk, state=row.state).update(**fields) == 1


def run_on(sending: Any) -> None:
    """Let a sending go on that was halted to be looked at; another edit meanwhile halts it still."""
    sending.filter(state=Sending.State.WAITING).update(state=Sending.State.RUNNING, reason="")


def what_changed(row: Approval) -> str:
    """Say what makes an approval void; empty where nothing does."""
    said = {"name": (row.decided_by or row.asked_by).get_username()}
    is_reworded = row.text_edition != row.sending.text_edition
    if is_reworded and hash_of(row.scope) != bytes(row.content):
        if row.state == State.ASKED:
            return _("What it says was edited since %(name)s asked for approval.") % said
        return _("What it says was edited since %(name)s approved it.") % said
    is_readdressed = row.edition != row.sending.edition
    if is_readdressed and (
        audience(row.sending_id, since=row.asked_at).digest != bytes(row.audience)
    ):
        if row.state == State.ASKED:
            return _("Who is told was edited since %(name)s asked for approval.") % said
        return _("Who is told was edited since %(name)s approved it.") % said
    return ""


def hash_of(scope: Scope) -> bytes:
    """Hash what a sending says: its wordings and every phrase that they may take in."""
    lines = [list(line) for line in content(scope)]
    return sha256(json.dumps(lines, ensure_ascii=False, default=str).encode()).digest()


def content(scope: Scope) -> Iterator[tuple[object, ...]]:
    """Yield all that a sending's messages may say, in an order that is always the same.

    The wordings that are published, and those which messages that have not left keep; a disclaimer
    with its days, so that one which follows another at midnight is approved with it.
    """
    versions, phrases = wordings_and_phrases(scope)
    for version in versions:
        template = version.template
        yield (
            "template", template.pk, template.purpose, template.kind, template.sms_parts,
            template.channels, template.counts_openings,
        )  # fmt: skip
        yield "wording", version.pk, version.number, version.subject, version.body, version.html
    yield from phrases
    named = SnippetText.objects.filter(
        state=SnippetText.State.PUBLISHED,
        language__in={version.language for version in versions},
        snippet__name__in=named_in(versions, phrases),
    )
    for row in named.order_by("snippet__name", "language").values_list(
        "snippet__name", "language", "number", "body"
    ):
        yield "snippet", *row


def snippets(scope: Scope) -> set[str]:
    """Name the snippets that a sending's messages ask for, published or not."""
    return named_in(*wordings_and_phrases(scope))


def wordings_and_phrases(scope: Scope) -> tuple[list[TemplateVersion], list[tuple[object, ...]]]:
    asked = Q(template__in=scope["templates"], state=TemplateVersion.State.PUBLISHED)
    versions = list(
        TemplateVersion.objects.filter(asked | Q(pk__in=scope["wordings"]))
        .select_related("template")
        .order_by("pk")
    )
    languages = {version.language for version in versions}
    return versions, [*lead_ins(scope, languages), *disclaimers(versions, languages)]


def named_in(
    versions: Sequence[TemplateVersion], phrases: Sequence[tuple[object, ...]]
) -> set[str]:
    sources = [str(text) for line in phrases for text in line]
    for version in versions:
        sources += [version.subject, version.body, version.html]
    return snippets_in(*sources)


def lead_ins(scope: Scope, languages: set[str]) -> list[tuple[object, ...]]:
    fitting = Q(template__in=scope["templates"]) | Q(template=None)
    rows = LeadIn.objects.filter(fitting, segment__in=scope["segments"], language__in=languages)
    named = rows.order_by("pk").values_list("segment", "template", "channel", "language", "body")
    return [("lead-in", *row) for row in named]


def disclaimers(
    versions: Sequence[TemplateVersion], languages: set[str]
) -> list[tuple[object, ...]]:
    found = [
        each
        for each in Disclaimer.objects.order_by("pk")
        if any(belongs(each, version, "") for version in versions)
    ]
    texts = DisclaimerText.objects.filter(disclaimer__in=found, language__in=languages)
    return [
        (
            "disclaimer",
            each.pk,
            each.product,
            each.strategy_id,
            each.template_id,
            each.channels,
            each.is_required,
        )
        for each in found
    ] + [
        ("disclaimer text", *row)
        for row in texts.order_by("pk").values_list(
            "disclaimer", "language", "valid_from", "valid_until", "body"
        )
    ]


def figures(rows: Sequence[Planned], *, at: datetime) -> list[dict[str, Any]]:
    """Count what goes out by wording, with what it is likely to cost: the first one's parts each."""
    firsts = {one.version.pk: one for one in first_ones(rows, at=at)}
    made = []
    for row in rows:
        provider = Provider.objects.filter(channel=row.channel, is_open=True).first()
        parts = max(1, firsts[row.wording].parts) if row.wording in firsts else 1
        made.append(
            {
                "channel": row.channel,
                "language": row.language,
                "wording": row.wording,
                "count": row.count,
                "first": row.first,
                "parts": parts,
                "cost": row.count * parts * provider.cost if provider else 0,
                "currency": provider.currency if provider else "",
            }
        )
    return made


def first_ones(rows: Sequence[Planned], *, at: datetime) -> list[Shown]:
    """Write the first message of each wording, as its client would read it."""
    messages = loaded([row.first for row in rows[:SHOWN]])
    for message in messages:
        if message.channel == Channel.PUSH:
            message.contact_point_id = None  # type: ignore[assignment] # shown on no device
    return shown(messages, at=at, samples=[False] * len(messages))
