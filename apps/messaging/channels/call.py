"""Calls by people: what is handed over becomes a task in the advisers' queue.

No service outside takes part. The message's key is the task's, so that a letter that is handed over
again still is one task; what came of the call is told by events.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.utils.translation import gettext as _

from apps.advisers.actions.opening import Wish, open_task
from apps.messaging.channels import Account, Answer, Letter, Verdict

OPTIONS = {"replies_at_once": False}  # replies that ask for a call need nobody to pass them on


class Desk:
    """The advisers' queue."""

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        for letter in letters:
            yield letter.key, take(letter)


def take(letter: Letter) -> Answer:
    """Open the letter's task, or find it open."""
    if (case := letter.case) is None:
        return Answer(Verdict.NEVER, reason=_("Nobody knows whom to call."))
    open_task(
        Wish(
            key=str(letter.key),
            client=case.client,
            contact_point=case.contact_point,
            title=letter.subject or case.title,
            script=letter.text,
            language=letter.language,
            purpose=case.purpose,
            source=f"message:{case.message}",
            about=case.about,
            priority=case.priority,
            expires_at=case.deadline,
        ),
        at=case.at,
    )
    return Answer(Verdict.SENT, provider_id=str(letter.key))


@contextmanager
def connect(_account: Account) -> Iterator[Desk]:
    yield Desk()
