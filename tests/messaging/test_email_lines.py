"""Letters over lines: a group of commands at a time, and a last look before one is given away."""

from uuid import uuid4

import pytest

from apps.messaging.actions import claims, handing, providers
from apps.messaging.actions.delivery import deliver_due, give_back
from apps.messaging.actions.handing import Batch
from apps.messaging.actions.preparing import look_again, write_letters
from apps.messaging.actions.unsubscribing import unsubscribe
from apps.messaging.channels import Letter, Letters
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from tests.messaging.world import DAY, by_email, fresh, planned
from tests.peers import smtp

pytestmark = pytest.mark.django_db


@pytest.fixture
def sink(settings):
    with smtp.sink() as running:
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
        yield running


def one_line():
    Provider.objects.filter(channel="email").update(window=1)


def to(message):
    return message.contact_point.address


def test_the_next_letters_envelope_goes_with_a_letter_and_each_has_its_own_answer(sink):
    one_line()
    messages = planned(*(by_email() for _ in range(6)))
    said = {1: ("RCPT", "550 nobody"), 2: (".", "452 no room"), 4: (".", "550 not this")}
    for place, (stage, answer) in said.items():
        sink.refusals[stage, to(messages[place])] = answer
    deliver_due(at=DAY, limit=10)
    states = ["sent", "failed", "queued", "sent", "failed", "sent"]
    assert [fresh(message).state for message in messages] == states
    assert {address for _at, address in sink.taken} == {to(messages[n]) for n in (0, 3, 5)}


def test_what_may_leave_is_asked_when_nothing_is_waited_for_any_more(sink):
    one_line()
    done = []
    letters = [Letter(uuid4(), f"{name}@example.com", "Hello") for name in "abc"]

    def taken():  # as the provider's rate lets them out, which may take seconds
        for letter in letters:
            done.append(f"take {letter.to[0]}")
            yield letter

    def may_leave(letter):
        done.append(f"look at {letter.to[0]}")
        return True

    with providers.opened(Provider.objects.get(channel="email")) as carrier:
        assert len(list(carrier.send(Letters(taken(), may_leave)))) == 3
    assert done == ["take a", "take b", "look at a", "take c", "look at b", "look at c"]


def test_who_hangs_up_on_a_letter_was_only_offered_the_next(sink):
    one_line()
    messages = planned(*(by_email() for _ in range(3)))
    sink.refusals[".", to(messages[0])] = None
    deliver_due(at=DAY, limit=10)
    assert [fresh(message).state for message in messages] == ["unknown", "queued", "queued"]
    assert fresh(messages[1]).handed_at is None


def test_a_letter_that_waited_long_for_its_server_is_looked_at_once_more(sink, monkeypatch):
    one_line()
    planned(*(by_email() for _ in range(3)))
    provider = Provider.objects.get(channel="email")
    taken, _ = claims.claim(provider, at=DAY, limit=10)
    batch = Batch(write_letters(look_again(claims.loaded(taken), at=DAY), at=DAY), provider, at=DAY)
    first, stopped, last = (ready.message for ready in batch.waiting)

    def long_after(letter):
        if letter.key == stopped.key:
            unsubscribe(Message.objects.get(pk=stopped.pk), at=DAY)
            monkeypatch.setattr(handing, "FRESH", 0)  # as if the server had taken so long
        leaves = batch.may_leave(letter)
        monkeypatch.undo()
        return leaves

    with providers.opened(provider) as carrier:
        answered = [key for key, _ in carrier.send(Letters(batch.letters(), long_after))]
    assert answered == [first.key, last.key]
    assert [address for _at, address in sink.taken] == [to(first), to(last)]
    give_back(batch, at=DAY)
    ended = fresh(stopped)
    assert (ended.state, ended.reason, ended.handed_at) == ("skipped", "no_consent", None)
