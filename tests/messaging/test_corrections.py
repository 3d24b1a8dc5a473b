"""What was told of a result that turned out wrong: stopped, told rightly, or corrected by a person."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model

from apps.messaging.actions import claims, delivery, reaping
from apps.messaging.actions.corrections import (
    CorrectionError,
    approve_corrections,
    correct_news,
    reject_corrections,
)
from apps.messaging.actions.handing import mark
from apps.messaging.actions.planning import plan_messages
from apps.messaging.actions.preparing import look_again, write_letters
from apps.messaging.actions.routing import queue_notices
from apps.messaging.models.corrections import CorrectionVerdict
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.providers import Provider
from apps.products.actions.evaluation import evaluate_due
from apps.products.models.restatements import Restatement
from tests import factories
from tests.messaging.world import DAY, by_email, by_sms
from tests.products.observing import FIRST, closes, evening
from tests.products.restating import person, restated

pytestmark = pytest.mark.django_db
NEXT, AFTER = DAY + timedelta(days=1), DAY + timedelta(days=2)


@pytest.fixture
def strategy():
    return factories.strategy(name="US Technology")


def observed(strategy, *clients):
    """Evaluate the first observation, with a coupon for everybody, and queue the news."""
    for client in clients:
        factories.policy(client, strategy)
    closes(FIRST)
    assert evaluate_due(at=evening(FIRST))
    queue_notices(at=DAY, limit=100)


def told(at=DAY):
    plan_messages(at=at, limit=100)
    return delivery.deliver_due(at=at, limit=100)


def put_right(close="74", at=NEXT):
    assert restated("IBM", FIRST, close, at=at) == 1
    return correct_news(at=at, limit=100)


def verdicts():
    return list(Notice.objects.order_by("pk").values_list("template__code", "state"))


def another():
    return get_user_model().objects.create_user("third")


def test_news_that_is_not_out_yet_is_stopped_and_the_right_news_told_instead(strategy, gateway):
    observed(strategy, by_sms())
    plan_messages(at=DAY, limit=100)
    put_right()
    assert verdicts() == [("coupon.accrued", "skipped"), ("coupon.saved", "queued")]
    stopped = Message.objects.get()
    assert stopped.state == "skipped"
    assert "corrected" in stopped.reason
    assert told(AFTER) == 1
    assert len(gateway.texts) == 1
    assert "remembered" in gateway.texts[0]


def test_news_that_is_only_queued_is_stopped_too(strategy):
    observed(strategy, by_sms())
    put_right()
    assert verdicts() == [("coupon.accrued", "skipped"), ("coupon.saved", "queued")]


def test_the_gate_refuses_what_was_corrected_even_before_it_is_stopped(strategy, gateway):
    observed(strategy, by_sms())
    plan_messages(at=DAY, limit=100)
    restated("IBM", FIRST, "74", at=NEXT)
    assert delivery.deliver_due(at=NEXT, limit=100) == 1
    assert gateway.texts == []
    assert Message.objects.get().reason == "out_of_date"
    correct_news(at=NEXT, limit=100)
    assert verdicts() == [("coupon.accrued", "skipped"), ("coupon.saved", "queued")]


def test_a_letter_in_the_hands_of_its_sender_is_not_marked_once_it_is_corrected(strategy):
    observed(strategy, by_sms())
    plan_messages(at=DAY, limit=100)
    provider = Provider.objects.get(channel="sms")
    claimed = claims.loaded(claims.claim(provider, at=DAY, limit=100)[0])
    ready = write_letters(look_again(claimed, at=DAY), at=DAY)
    restated("IBM", FIRST, "74", at=NEXT)
    assert not mark(ready, provider, at=NEXT)
    # Nobody knows yet whether he was told: his correction waits.
    assert correct_news(at=NEXT, limit=100) == 0
    reaping.settle_expired(at=NEXT + timedelta(hours=1))
    assert correct_news(at=NEXT, limit=100) == 1
    assert verdicts() == [("coupon.accrued", "skipped"), ("coupon.saved", "queued")]


def test_who_was_told_gets_a_correction_that_waits_for_approval(strategy, gateway):
    client = by_sms()
    observed(strategy, client)
    assert told() == 1
    put_right()
    assert verdicts() == [("coupon.accrued", "done"), ("result.corrected", "drafted")]
    draft = Notice.objects.get(state="drafted")
    assert draft.values["told"] == {"amount": {"money": 25_00, "currency": "USD"}}
    assert draft.values["correct"] == {"remembered": {"money": 25_00, "currency": "USD"}}
    assert draft.values["prices"] == [{"share": "IBM", "day": {"date": "2020-02-28"}}]
    assert told(NEXT) == 0

    restatement = Restatement.objects.get()
    assert approve_corrections(restatement.pk, by=another(), at=AFTER) == 1
    assert told(AFTER) == 1
    assert gateway.texts[1].startswith(
        "US Technology, 28 February 2020: we told you a coupon of $25.00; correct is $25.00 "
        "remembered, because the price of IBM was corrected. http"
    )
    verdict = CorrectionVerdict.objects.get()
    assert (verdict.verdict, verdict.notices, verdict.by.username) == ("approved", 1, "third")


def test_the_letter_says_before_and_after_and_why(strategy, inbox):
    observed(strategy, by_email(language="ru"), by_email())
    assert told() == 2
    put_right()
    approve_corrections(Restatement.objects.get().pk, by=another(), at=AFTER)
    assert told(AFTER) == 2
    # Two connections to the mail server: which correction comes first is nobody's to say.
    russian, english = sorted(
        (" ".join(one.get_body(("plain",)).get_content().split()) for one in inbox.letters[2:]),
        key=lambda text: "We told you" in text,
    )
    assert "We told you: a coupon of $25.00. Correct is: no coupon, $25.00 remembered." in english
    assert "closing price of IBM for 28 February 2020 was corrected" in english
    assert "исправлена цена закрытия IBM за 28 февраля 2020" in russian
    assert "Верно: без купона, запомнено" in russian


def test_who_ordered_the_restatement_may_not_let_its_corrections_out(strategy, gateway):
    observed(strategy, by_sms())
    told()
    put_right()
    with pytest.raises(CorrectionError, match="somebody else"):
        approve_corrections(Restatement.objects.get().pk, by=person(), at=AFTER)
    assert Notice.objects.get(state="drafted")


def test_rejected_corrections_stay_with_their_reason(strategy, gateway):
    observed(strategy, by_sms())
    told()
    put_right()
    restatement = Restatement.objects.get()
    assert reject_corrections(restatement.pk, by=another(), at=AFTER) == 1
    assert approve_corrections(restatement.pk, by=person("fourth"), at=AFTER) == 0
    notice = Notice.objects.get(template__code="result.corrected")
    assert (notice.state, notice.reason) == ("skipped", "third rejected the correction.")


def test_a_client_gets_one_correction_for_all_that_a_restatement_changed(gateway):
    client = by_sms()
    one, other = factories.strategy(), factories.strategy()
    factories.policy(client, one)
    factories.policy(client, one)
    observed(other, client)
    assert told() == 2
    assert restated("IBM", FIRST, "74", at=NEXT) == 2
    # Three policies, three events, however they come.
    assert [correct_news(at=NEXT, limit=1) for _ in range(4)] == [1, 1, 1, 0]
    draft = Notice.objects.get(state="drafted")
    assert [line["told"]["amount"]["money"] for line in draft.values["lines"]] == [50_00, 25_00]
    assert draft.corrects.count() == 2


def test_a_second_restatement_takes_the_first_ones_draft_back(strategy, gateway):
    observed(strategy, by_sms())
    told()
    put_right("74")
    put_right("80", at=AFTER)
    # What he was told at first is right again: there is nothing to correct.
    assert verdicts() == [("coupon.accrued", "done"), ("result.corrected", "skipped")]


def test_a_second_restatement_corrects_what_the_first_correction_told(strategy, gateway):
    observed(strategy, by_sms())
    told()
    put_right("74")
    approve_corrections(Restatement.objects.get().pk, by=another(), at=NEXT)
    told(NEXT)
    put_right("80", at=AFTER)
    assert verdicts()[1:] == [("result.corrected", "done"), ("result.corrected", "drafted")]
    draft = Notice.objects.get(state="drafted")
    assert draft.values["told"] == {"remembered": {"money": 25_00, "currency": "USD"}}
    assert draft.values["correct"] == {"amount": {"money": 25_00, "currency": "USD"}}


def test_correcting_twice_changes_nothing(strategy, gateway):
    observed(strategy, by_sms())
    told()
    put_right()
    before = verdicts()
    assert correct_news(at=AFTER, limit=100) == 0
    assert verdicts() == before


def test_an_unfinished_restatement_tells_nobody_anything(strategy, gateway):
    observed(strategy, by_sms())
    told()
    restated("IBM", FIRST, "74", at=NEXT)
    Restatement.objects.update(state="queued")
    assert correct_news(at=NEXT, limit=100) == 0
    Restatement.objects.update(state="done")
    assert correct_news(at=NEXT, limit=100) == 1


def test_old_news_that_was_never_told_is_not_told_now(strategy):
    factories.policy(by_sms(), strategy)
    closes(FIRST)
    evaluate_due(at=evening(FIRST))
    late = DAY + timedelta(days=100)
    queue_notices(at=late, limit=100)
    plan_messages(at=late, limit=100)
    put_right(at=late)
    assert verdicts() == [("coupon.accrued", "skipped")]
