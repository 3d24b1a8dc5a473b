"""Before messages are handed over: the gate is asked once more, and their letters are written."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.utils.translation import gettext as _

from apps.messaging.actions import links, outcomes
from apps.messaging.actions.asking import ask_again
from apps.messaging.actions.dressing import with_opening
from apps.messaging.actions.letters import Ready, wants_link, write_all
from apps.messaging.actions.outcomes import Outcome
from apps.messaging.actions.spreading import spread
from apps.messaging.models.archive import Sealed
from apps.messaging.models.outbox import Message


def look_again(
    messages: Sequence[Message], *, at: datetime, gone: datetime | None = None
) -> list[Message]:
    """Ask the gate once more, with what holds at this moment; put off or skip what it refuses.

    `gone` is when the last of them will have left: by then no quiet hours may have begun either.
    """
    answers = ask_again(messages, at=at, gone=gone or at)
    outcomes.record(answers.others, at=at)
    return answers.granted


def write_letters(messages: Sequence[Message], *, at: datetime) -> list[Ready]:
    """Write every letter; one that cannot be written fails alone."""
    spread(messages, at=at)
    written, failed = [], []
    made = links.links_for([message for message in messages if wants_link(message)], at=at)
    urls = {pk: links.short_url(links.token_of(link)) for pk, link in made.items()}
    for result in write_all(messages, urls, at=at):
        if isinstance(result, Ready):
            written.append(watched(result))
        else:
            failed.append(Outcome.failed(result.message, result.reason, at=at))
    other = said_otherwise(written)
    reason = _("By now it would say something else than what was handed over: it is not repeated.")
    failed += [Outcome.failed(ready.message, reason, at=at) for ready in other]
    outcomes.record(failed, at=at)
    return [ready for ready in written if ready not in other] if other else written


def said_otherwise(written: Sequence[Ready]) -> list[Ready]:
    """Find letters that may be out, or are sealed, in other words than they would say now.

    A provider takes one with a known key for the same letter: the client has the first words, and
    the archive must say so. A disclaimer may have changed between.
    """
    other = [
        ready
        for ready in written
        if (ready.message.subject or ready.message.body)
        and (ready.message.subject, ready.message.body) != (ready.subject, ready.body)
    ]
    if not other:
        return []
    pks = [ready.message.pk for ready in other]
    sealed = set(Sealed.objects.filter(message__in=pks).values_list("message", flat=True))
    return [ready for ready in other if ready.message.handed_at or ready.message.pk in sealed]


def watched(ready: Ready) -> Ready:
    """Have a client's letter tell that it was opened, where its template wants to know.

    Here and nowhere earlier: tests and previews are written like letters, and tell nobody.
    """
    letter = ready.letter
    if not (letter.html and ready.message.notice.template.counts_openings):
        return ready
    return replace(ready, letter=replace(letter, html=with_opening(letter.html, letter.key)))
