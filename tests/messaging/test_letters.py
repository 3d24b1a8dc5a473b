"""Letters: shared phrases in their places, disclaimers of the day, designs, charts, limits."""

from datetime import date, timedelta

import pytest

from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.letters import Ready, Unwritten, write_all
from apps.messaging.actions.pictures import chart
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.outbox import Message
from apps.messaging.models.phrases import Disclaimer, DisclaimerText, LeadIn, Snippet, SnippetText
from apps.messaging.scribes import POOL, design
from tests import factories
from tests.messaging.world import DAY, VALUES, by_email, by_sms, evaluated, fresh, planned

pytestmark = pytest.mark.django_db

LINK = "https://t.test/s/AbCdEfGhIjKlMnOpQrStUv"


def written(message, *, at=DAY):
    message = Message.objects.select_related(
        "notice__client", "notice__template", "contact_point", "wording"
    ).get(pk=message.pk)
    (result,) = write_all([message], {message.pk: LINK}, at=at)
    return result


def says(message, body, **fields):
    """Give a planned message a wording of the test's own."""
    TemplateVersion.objects.filter(pk=message.wording_id).update(body=body, **fields)
    return message


def snippet(name, body, language="en"):
    made, _ = Snippet.objects.get_or_create(name=name)
    return SnippetText.objects.create(snippet=made, language=language, body=body, state="published")


def disclaimer(*texts, **fields):
    made = Disclaimer.objects.create(name="Risk", **fields)
    for language, body, start, end in texts:
        DisclaimerText.objects.create(
            disclaimer=made, language=language, body=body, valid_from=start, valid_until=end
        )
    return made


def test_a_snippet_is_said_in_the_letters_language_by_either_of_its_names(settings):
    settings.ISSUER_NAME = "Ivolga"
    snippet("bye", "Yours, {{ issuer }}")
    (message,) = planned(by_sms())
    says(message, "{{ strategy }}. {{ snippet.bye }} {% render 'bye' %}")
    said = written(message).letter.text
    assert said == "US Technology. Yours, Ivolga Yours, Ivolga"


def test_a_snippet_that_nobody_published_stops_the_message():
    (message,) = planned(by_sms())
    result = written(says(message, "{{ snippet.bye }}"))
    assert isinstance(result, Unwritten)
    assert "bye" in result.reason


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        ("gold", "Own. Hello"),  # of the occasion before that of every occasion
        ("new", "General. Hello"),
        ("other", "Hello"),
        ("", "Hello"),
    ],
)
def test_a_segments_lead_in_comes_first(segment, text):
    for key, template, body in (
        ("gold", Template.objects.get(code="coupon.accrued"), "Own."),
        ("gold", None, "Wrong."),
        ("new", None, "General."),
    ):
        LeadIn.objects.create(
            segment=key, template=template, channel="sms", language="en", body=body
        )
    (message,) = planned(by_sms())
    message.notice.segment = segment
    message.notice.save()
    assert written(says(message, "Hello")).letter.text == text
    assert written(says(message, "Hello {{ lead_in }}")).letter.text.startswith("Hello")


YESTERDAY, TOMORROW = DAY.date() - timedelta(days=1), DAY.date() + timedelta(days=1)


@pytest.mark.parametrize(
    ("fields", "is_said"),
    [
        ({}, True),
        ({"product": "strategy"}, True),
        ({"product": "policy"}, False),
        ({"channels": ["sms"]}, True),
        ({"channels": ["email"]}, False),
    ],
)
def test_a_disclaimer_is_appended_where_it_belongs(fields, is_said):
    disclaimer(("en", "Risk of {{ strategy }}.", YESTERDAY, None), **fields)
    (message,) = planned(by_sms())
    said = written(says(message, "Hello")).letter.text
    assert said == ("Hello Risk of US Technology." if is_said else "Hello")


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([("en", "Old.", YESTERDAY, None), ("en", "New.", DAY.date(), None)], "Hello New."),
        ([("en", "Now.", YESTERDAY, DAY.date()), ("en", "Soon.", TOMORROW, None)], "Hello Now."),
        ([("en", "Gone.", YESTERDAY, YESTERDAY)], None),
        ([("ru", "Риск.", YESTERDAY, None)], None),
    ],
)
def test_without_words_of_the_day_a_message_does_not_go_out(texts, said):
    disclaimer(*texts)
    (message,) = planned(by_sms())
    result = written(says(message, "Hello"))
    if said is None:
        assert isinstance(result, Unwritten)
        assert "Risk" in result.reason
    else:
        assert result.letter.text == said


def test_a_disclaimer_stands_small_under_a_plain_letter():
    disclaimer(("en", "Money <may> be lost.", YESTERDAY, None))
    (message,) = planned(by_email())
    letter = written(message).letter
    assert letter.text.endswith("\n\nMoney <may> be lost.")
    assert "Money &lt;may&gt; be lost.</p>" in letter.html
    assert letter.html.index("Money") > letter.html.index("Open my page")


def test_an_sms_of_too_many_parts_fails_with_a_reason():
    (message,) = planned(by_sms())
    Template.objects.filter(code="coupon.accrued").update(sms_parts=1)
    assert isinstance(written(says(message, "a" * 160)), Ready)
    result = written(says(message, "a" * 160 + "{{ amount }}"))
    assert result.reason == "The SMS would take 2 parts; its template allows 1."


@pytest.mark.parametrize(
    ("body", "kept"),
    [
        ("{{ link }}", "https://t.test/s/•••"),
        ("{{ link | upcase }}", "HTTPS://T.TEST/S/•••"),
        ("{{ link | truncate: 25 }}", "https://t.test/s/•••"),
        ("no address", "no address"),
    ],
)
def test_what_is_stored_opens_nothing_whatever_a_wording_does_to_the_address(body, kept):
    (message,) = planned(by_sms())
    result = written(says(message, body))
    assert result.body == kept


DESIGN = """<mjml><mj-body><mj-section><mj-column><mj-text>{{ strategy }}: {{ amount }}</mj-text>
{% if chart %}<mj-image src="{{ chart }}" alt="{{ chart_words }}"/>{% endif %}
<mj-text>{{ why }}</mj-text></mj-column></mj-section></mj-body></mjml>"""
LEVELS = {
    "IBM": {"name": "IBM", "level": "0.83", "barrier": "0.75", "met": True},
    "AAPL": {"name": "Apple", "level": "0.70", "barrier": "0.75", "met": False},
}


def test_a_design_goes_out_with_its_chart_and_the_same_in_words(inbox):
    made = next(POOL.ask([design(DESIGN, "en")]))["texts"]
    strategy = factories.strategy()
    result = evaluated(strategy, levels=LEVELS)
    (message,) = planned(by_email())
    message.notice.result = result
    message.notice.save()
    says(message, made["body"], html=made["html"])
    deliver_due(at=DAY, limit=10)
    (letter,) = inbox.letters
    text = letter.get_body(("plain",)).get_content()
    assert "US Technology: $25.00" in text
    assert "IBM 83% (barrier 75%), Apple 70% (barrier 75%)" in text
    (picture,) = (part for part in letter.walk() if part.get_content_type() == "image/png")
    assert picture["Content-ID"] == "<chart>"
    assert picture.get_content().startswith(b"\x89PNG")
    html = letter.get_body(("html",)).get_content()
    assert 'src="cid:chart"' in html
    assert 'alt="Shares on 28 February 2020, of their initial price: IBM 83%' in html
    assert fresh(message).state == "sent"


def test_one_picture_serves_all_holders_of_a_strategy():
    made = next(POOL.ask([design(DESIGN, "en")]))["texts"]
    result = evaluated(factories.strategy(), levels=LEVELS)
    messages = planned(by_email(), by_email())
    for message in messages:
        message.notice.result = result
        message.notice.save()
        says(message, made["body"], html=made["html"])
    chart.cache_clear()
    first, second = (written(message).letter.pictures for message in messages)
    assert first[0] is second[0]


def test_a_design_without_figures_to_draw_goes_out_without_a_chart():
    made = next(POOL.ask([design(DESIGN, "en")]))["texts"]
    (message,) = planned(by_email())
    letter = written(says(message, made["body"], html=made["html"])).letter
    assert "<img" not in letter.html
    assert letter.pictures == ()


def test_a_missing_value_fails_one_letter_and_the_rest_goes_on():
    first, second = planned(by_sms(first_name="Ann"), by_sms(first_name="Bob"))
    values = {**VALUES}
    del values["strategy"]
    first.notice.values = values
    first.notice.save()
    assert isinstance(written(first), Unwritten)
    assert isinstance(written(second), Ready)


def test_a_moment_is_told_by_the_clients_own_clock():
    (message,) = planned(by_sms(time_zone="Asia/Tokyo", time_zone_source="stated"))
    message.notice.values = {"when": {"moment": "2020-03-02T20:00:00+00:00"}}
    message.notice.save()
    said = written(says(message, "{{ when | date: 'day' }} {{ when | time }}")).letter.text
    assert said == "3 March 05:00"
    assert date(2020, 3, 2) == DAY.date()
