"""The main job, told from the marketer's files to the client's own page."""

from datetime import UTC, datetime

import pytest

from apps.demo.models import Letter
from apps.events.models import Event
from apps.messaging.actions.hits import drain_hits
from apps.messaging.models.links import Hit
from apps.messaging.models.outbox import Message
from apps.products.actions.quotes import confirm_quotes
from apps.products.models.markets import Quote
from apps.products.models.strategies import Observation
from tests.flows import story

pytestmark = pytest.mark.django_db(transaction=True)
STRUCK = datetime(2019, 11, 29, 22, tzinfo=UTC)
FIRST = datetime(2020, 2, 28, 22, tzinfo=UTC)
SECOND = datetime(2020, 5, 29, 21, tzinfo=UTC)


def closes(day, **prices):
    return [{"ticker": ticker, "day": day, "close": close} for ticker, close in prices.items()]


@pytest.fixture
def files_in(mailbox):
    """Everything that a marketer brings on the strike date."""
    shares = [{"ticker": name, "name": name.title(), **story.NEW_YORK} for name in ("ABC", "XYZ")]
    story.bring("shares", shares, at=STRUCK)
    sessions = ("2019-11-29", "2020-02-28", "2020-03-06", "2020-05-29", "2020-06-05", "2020-11-30")
    story.bring("sessions", [{"exchange": "XNYS", "day": day} for day in sessions], at=STRUCK)
    story.bring(
        "strategies",
        [
            {
                "code": "duo-80",
                "name": "Duo 80",
                "currency": "USD",
                "denomination": 1000,
                "state": "published",
                "struck_on": "2019-11-29",
                "matures_on": "2020-11-30",
                "underlyings": "ABC 100; XYZ 50",
                "observations": "2020-02-28; 2020-05-29; 2020-11-30",
                "coupon_rate": "0.025",
                "coupon_barrier": "0.8",
                "memory": "yes",
            }
        ],
        at=STRUCK,
    )
    people = [
        ("C-1", "Ann", "+447700900001", "ann@example.com", "en", "sms", "sms email"),
        ("C-2", "Анна", "+447700900002", "anna@example.com", "ru", "email", "sms email"),
        ("C-3", "Silent", "+447700900003", "silent@example.com", "en", "sms", "none"),
    ]
    columns = (
        *("core_id", "first_name", "phone", "email", "language"),
        *("preferred_channel", "consent_service"),
    )
    story.bring(
        "clients",
        [
            {
                **dict(zip(columns, person, strict=True)),
                "last_name": "Example",
                "time_zone": "Europe/London",
                "consent_text": "1",
            }
            for person in people
        ],
        at=STRUCK,
    )
    story.bring(
        "policies",
        [
            {
                "number": f"P-{number}",
                "core_id": core_id,
                "strategy": "duo-80",
                "nominal": nominal,
                "premium": nominal,
                "currency": "USD",
                "starts_on": "2019-11-29",
                "ends_on": "2020-11-30",
            }
            # Ann has two policies of one strategy: one message, the sum of both.
            for number, (core_id, nominal) in enumerate(
                [("C-1", 10_000), ("C-1", 3_000), ("C-2", 20_000), ("C-3", 5_000)]
            )
        ],
        at=STRUCK,
    )
    story.bring("closes", closes("2019-11-29", ABC=100, XYZ=50), at=STRUCK)


def letter(channel):
    return Letter.objects.filter(channel=channel).order_by("-pk").first()


def test_an_accrued_coupon_reaches_the_clients_page(files_in, client):
    story.bring("closes", closes("2020-02-28", ABC=110, XYZ=40), at=FIRST)
    morning = FIRST.replace(day=29, hour=10)

    assert story.evaluate_and_tell(evening=FIRST, morning=morning) == 1

    assert sorted(Letter.objects.values_list("channel", "recipient")) == [
        ("email", "anna@example.com"),
        ("sms", "+447700900001"),
    ]
    said = letter("sms").text
    assert "$325.00" in said
    page, hidden = story.open_page(client, story.link_in(said))
    assert "ABC" in hidden or "Abc" in hidden
    assert "325.00" not in hidden
    assert "Ann" not in hidden
    shown = story.press_show(client, page)
    assert "Duo 80" in shown
    assert "Ann" in shown
    assert "250.00" in shown
    assert "75.00" in shown
    drain_hits()
    assert Hit.objects.get().verdict == Hit.Verdict.HUMAN
    assert set(Event.objects.values_list("kind", flat=True)) >= {"coupon.accrued", "link.opened"}


def test_a_saved_coupon_is_told_in_the_clients_language_and_paid_later(files_in, client):
    story.bring("closes", closes("2020-02-28", ABC=110, XYZ=39), at=FIRST)
    story.evaluate_and_tell(evening=FIRST, morning=FIRST.replace(day=29, hour=10))
    mail = letter("email")
    assert "Duo 80" in mail.text
    assert "Здравствуйте" in mail.text
    _page, hidden = story.open_page(client, story.link_in(mail.text))
    assert 'lang="ru"' in hidden

    story.bring("closes", closes("2020-05-29", ABC=120, XYZ=48), at=SECOND)
    story.evaluate_and_tell(evening=SECOND, morning=SECOND.replace(day=30, hour=10))
    assert "$650.00" in letter("sms").text


def test_without_consent_nobody_is_told_and_the_reason_stands(files_in):
    story.bring("closes", closes("2020-02-28", ABC=110, XYZ=40), at=FIRST)
    story.evaluate_and_tell(evening=FIRST, morning=FIRST.replace(day=29, hour=10))
    silent = Event.objects.get(client__first_name="Silent").client
    notice = silent.notices.get()
    assert notice.state == notice.State.SKIPPED
    assert "consent" in notice.reason
    assert not Message.objects.filter(notice__client=silent).exists()


def test_nobody_is_woken(files_in):
    story.bring("closes", closes("2020-02-28", ABC=110, XYZ=40), at=FIRST)
    story.evaluate_and_tell(evening=FIRST, morning=FIRST)  # 22:00 in London
    assert not Letter.objects.exists()


def test_a_missing_close_is_waited_for(files_in):
    story.bring("closes", closes("2020-02-28", ABC=110), at=FIRST)
    morning = FIRST.replace(day=29, hour=10)
    assert story.evaluate_and_tell(evening=FIRST, morning=morning) == 0
    assert not Letter.objects.exists()

    story.bring("closes", closes("2020-02-28", XYZ=40), at=morning)
    assert story.evaluate_and_tell(evening=morning, morning=morning) == 1
    assert Letter.objects.count() == 2


def test_a_close_that_jumped_is_believed_only_when_somebody_looked_at_it(files_in):
    story.bring("closes", closes("2020-02-28", ABC=110, XYZ=37), at=FIRST)
    morning = FIRST.replace(day=29, hour=10)
    assert story.evaluate_and_tell(evening=FIRST, morning=morning) == 0
    held = Quote.objects.get(state=Quote.State.HELD)
    waiting = Observation.objects.get(state=Observation.State.WAITING)
    assert "XYZ" in waiting.waiting_for

    confirm_quotes([held.pk], by=None, at=morning)
    assert story.evaluate_and_tell(evening=morning, morning=morning) == 1
    assert Letter.objects.count() == 2


def test_the_whole_story_twice_tells_nobody_twice(files_in):
    for _ in range(2):
        story.bring("closes", closes("2020-02-28", ABC=110, XYZ=40), at=FIRST)
        story.evaluate_and_tell(evening=FIRST, morning=FIRST.replace(day=29, hour=10))
    assert Letter.objects.count() == Message.objects.count() == 2
