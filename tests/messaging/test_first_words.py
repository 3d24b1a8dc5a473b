"""The seeded templates: complete, correct against their occasion's values, short enough."""

import re

import pytest

from apps.events.models import Listening
from apps.messaging import speech, wording
from apps.messaging.actions.content import check
from apps.messaging.actions.phrases import phrases_of
from apps.messaging.models.content import CATALOGUE, Template, TemplateVersion
from tests.messaging.world import DAY, VALUES

pytestmark = pytest.mark.django_db
EVERYTHING = {
    **VALUES,
    "on": {"date": "2020-09-28"},
    "tranche": "7",
    "policies": 2,
    "redemption": {"money": 1000_00, "currency": "USD"},
    "month": {"month": "2020-02-01"},
    "accrued": [{"money": 1250_00, "currency": "USD"}],
    "told": {"amount": {"money": 25_00, "currency": "USD"}},
    "correct": {"remembered": {"money": 25_00, "currency": "USD"}},
    "share": "IBM",
    "prices": [{"share": "IBM", "day": {"date": "2020-02-28"}}],
    "lines": [
        {
            "strategy": "US Technology",
            "observed_on": {"date": "2020-02-28"},
            "told": {"amount": {"money": 25_00, "currency": "USD"}},
            "correct": {"remembered": {"money": 25_00, "currency": "USD"}},
        }
    ],
    "what": "World Balanced",
    "by": {"percent": "0.123"},
    "falls": True,
    "since": {"date": "2020-03-31"},
    "others": 3,
    "moves": [{"what": "World Balanced", "by": {"percent": "0.123"}, "falls": True}],
    "is_tax": True,
    "day": {"date": "2020-12-31"},
    "days": 30,
    "year": "2020",
    "about": "Savings",
    "confirm_url": {"url": "https://news.example.com/confirm/0123456789012345678901/"},
    "name": "Ann",
    "issuer": "Ivolga",
    "link": {"url": "https://news.example.com/s/0123456789012345678901"},
}
# Without these every occasion may come: a strategy's last date, no tranche, no name known.
OPTIONAL = {
    "since",
    "others",
    "is_tax",
    "year",
    "about",
    "share",
    "prices",
    "tranche",
    "pays_on",
    "next_on",
    "worst",
    "worst_level",
    "redemption",
    "name",
}


def versions():
    return TemplateVersion.objects.filter(state="published").select_related("template")


def test_every_occasion_is_worded_in_both_languages_and_every_channel():
    have = {(v.template.code, v.channel, v.language) for v in versions() if v.variant == "plain"}
    codes = set(Template.objects.values_list("code", flat=True))
    channels, languages = ("sms", "email", "push", "messenger"), ("en", "ru")
    wanted = {(code, c, lang) for code in codes for c in channels for lang in languages}
    assert wanted - have == {
        ("email.confirm", c, lang) for c in channels if c != "email" for lang in languages
    }


def test_what_happens_in_products_is_listened_to():
    heard = set(Listening.objects.filter(listener="messaging").values_list("kind", flat=True))
    assert {kind for kind in heard if not kind.startswith("call.")} == {
        "coupon.accrued", "coupon.saved", "coupon.lost", "strategy.called", "strategy.matured",
        "result.corrected", "payment.paid", "payment.due", "policy.maturing",
        "holding.moved", "deadline.near",
    }  # fmt: skip


def test_no_wording_takes_a_value_that_its_occasion_does_not_have():
    for version in versions():
        version.clean()
    assert set(CATALOGUE) == set(Template.objects.values_list("code", flat=True))


def test_every_wording_can_be_written_with_all_values_and_with_the_fewest():
    fewest = {name: value for name, value in EVERYTHING.items() if name not in OPTIONAL}
    for version in versions():
        for values in (EVERYTHING, fewest):
            spoken = speech.spoken(values, version.language)
            text = wording.render(version.body, spoken)
            assert "  " not in text, text
            assert not re.search(r" [.,!]|\(\)|\.\.", text), text
            titled = version.channel in {"email", "in_app"}
            assert wording.render(version.subject, spoken).strip() or not titled


def test_a_russian_sms_takes_two_parts_at_most_and_an_english_one_too():
    for version in versions().filter(channel="sms"):
        strategy = {"en": "US Technology", "ru": "Технологии США"}[version.language]
        spoken = speech.spoken({**EVERYTHING, "strategy": strategy}, version.language)
        text = wording.plain_spaces(wording.render(version.body, spoken))
        assert wording.segments(text) <= 2, (len(text), text)


def test_each_message_ends_with_the_personal_link_or_says_why_not():
    for version in versions().exclude(template__code="email.confirm"):
        speaks_of_it = version.channel not in {"push", "in_app", "call"}
        assert version.body.endswith("{{ link }}") == speaks_of_it, version


def test_what_we_ship_may_be_published_and_says_no_sum_on_a_locked_screen():
    phrases = phrases_of({"en", "ru"}, day=DAY.date())
    for version in versions().exclude(channel__in=["sms", "email"]):
        check(version, phrases)
