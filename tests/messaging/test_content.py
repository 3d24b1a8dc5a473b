"""Publishing a wording: checked first, in place of the old one, once."""

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.forms import modelform_factory
from django.urls import reverse

from apps.core.admin.display import page_url
from apps.messaging.actions.content import publish_snippet, publish_version, publish_versions
from apps.messaging.admin.content import TemplateForm
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.phrases import Disclaimer, Snippet, SnippetText
from apps.messaging.queries.reach import unworded
from tests import factories
from tests.messaging.world import DAY

pytestmark = pytest.mark.django_db

DESIGN = (
    "<mjml><mj-body><mj-section><mj-column><mj-text>{{ strategy }}</mj-text></mj-column>"
    "</mj-section></mj-body></mjml>"
)


def draft(body="{{ amount }} {{ link }}", code="coupon.accrued", **fields):
    return TemplateVersion.objects.create(
        template=Template.objects.get_or_create(code=code)[0],
        **{"channel": "sms", "language": "en", "number": 2, "body": body, **fields},
    )


def test_a_draft_replaces_the_wording_published_so_far():
    version = draft()
    (old,) = TemplateVersion.objects.filter(
        template=version.template, channel="sms", language="en", variant="plain", number=1
    )
    assert publish_version(version.pk, at=DAY)
    version.refresh_from_db()
    old.refresh_from_db()
    assert (version.state, old.state) == ("published", "retired")
    assert TemplateVersion.objects.filter(state="retired").count() == 1


def test_publishing_twice_changes_nothing():
    version = draft()
    assert publish_version(version.pk, at=DAY)
    assert not publish_version(version.pk, at=DAY)


@pytest.mark.parametrize(
    ("body", "field", "word"),
    [
        ("{{ amonut }}", "body", "amonut"),
        ("{{ amount", "body", "cannot be read"),
        ("{{ month }}", "body", "month"),
    ],
)
def test_a_wording_that_could_not_be_written_is_not_published(body, field, word):
    version = draft(body)
    with pytest.raises(ValidationError) as caught:
        publish_version(version.pk, at=DAY)
    assert word in caught.value.message_dict[field][0]
    version.refresh_from_db()
    assert version.state == "draft"


def test_an_sms_that_long_figures_make_too_long_is_not_published():
    version = draft("{{ strategy }}: {{ amount }} accrued. " + "More. " * 20)
    assert publish_version(version.pk, at=DAY)
    Template.objects.filter(code=version.template.code).update(sms_parts=1)
    version = draft(version.body, number=3)
    with pytest.raises(ValidationError, match="takes 2 parts, and its template allows 1"):
        publish_version(version.pk, at=DAY)
    assert publish_version(draft("{{ amount }} accrued.", number=4).pk, at=DAY)


def test_a_marketers_own_template_may_take_any_value_but_must_be_readable():
    assert publish_version(draft("{{ whatever }}", code="my.own").pk, at=DAY)
    with pytest.raises(ValidationError):
        publish_version(draft("{% if %}", code="my.own", number=3).pk, at=DAY)


@pytest.mark.parametrize(
    "body", ["{{ a | monney }}", "{% if b %}{{ a | upcase | monney }}{% endif %}"]
)
def test_a_filter_that_nobody_knows_is_refused_when_it_is_written(body):
    version = draft(body, code="my.own")
    with pytest.raises(ValidationError, match="There is no filter “monney”"):
        version.clean()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_who_publish_at_once_publish_once():
    version = draft()
    start = Barrier(4)

    def publish(_):
        start.wait()
        try:
            return publish_version(version.pk, at=DAY)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(publish, range(4))) == 1
    assert TemplateVersion.objects.filter(template=version.template, state="published").exists()


def test_a_state_that_a_strategy_can_reach_needs_its_words(settings):
    factories.strategy()  # with memory, never called
    TemplateVersion.objects.filter(channel="push").delete()
    accrued = draft("{{ strategy }}", channel="push")
    with pytest.raises(ValidationError) as caught:
        publish_version(accrued.pk, at=DAY)
    (reason,) = [text for text in caught.value.messages if "push" in text]
    assert "Coupon remembered" in reason
    assert "called" not in reason
    assert TemplateVersion.objects.get(pk=accrued.pk).state == "draft"


def test_drafts_of_all_states_are_published_together_or_not_at_all():
    factories.strategy()
    TemplateVersion.objects.filter(channel="push").delete()
    codes = ("coupon.accrued", "coupon.saved", "coupon.lost", "strategy.matured")
    drafts = [draft("{{ strategy }}", code, channel="push").pk for code in codes]
    with pytest.raises(ValidationError):
        publish_versions(drafts, at=DAY)
    assert not TemplateVersion.objects.filter(channel="push", state="published").exists()
    drafts.append(draft("{{ strategy }}", "result.corrected", channel="push").pk)
    assert publish_versions(drafts, at=DAY) == 5
    assert publish_versions(drafts, at=DAY) == 0


def test_the_start_page_names_states_that_a_strategy_reaches_without_words(admin_client):
    def titles():
        return admin_client.get(reverse("admin:index")).content.decode()

    assert "News without words" not in titles()
    TemplateVersion.objects.filter(
        template__code="coupon.saved", channel="email", language="en"
    ).update(state="retired")
    assert "News without words" not in titles()  # no strategy comes to it
    factories.strategy()
    assert "News without words" in titles()
    assert unworded() == {("email", "en"): ["coupon.saved"]}


def test_without_strategies_nothing_can_be_reached():
    assert publish_version(draft("{{ strategy }}", channel="push").pk, at=DAY)


def test_a_push_says_no_sums_unless_somebody_allows_it():
    version = draft("{{ amount }}", channel="push")
    with pytest.raises(ValidationError, match="locked screen"):
        publish_version(version.pk, at=DAY)
    TemplateVersion.objects.filter(pk=version.pk).update(shows_money=True)
    assert publish_version(version.pk, at=DAY)


def test_an_in_app_notice_leaves_the_link_to_its_button():
    shown = {"channel": "in_app", "display": "banner", "subject": "News"}
    with pytest.raises(ValidationError, match="button"):
        publish_version(draft("{{ strategy }} {{ link }}", **shown).pk, at=DAY)
    assert publish_version(draft("{{ strategy }}", **shown, number=3).pk, at=DAY)


@pytest.mark.parametrize(
    "fields",
    [
        {"channel": "in_app", "display": "banner"},
        {"channel": "in_app", "subject": "News"},
        {"channel": "sms", "display": "banner"},
    ],
)
def test_in_app_notices_alone_have_a_title_and_a_way_to_be_shown(fields):
    with pytest.raises(IntegrityError), transaction.atomic():
        draft("{{ strategy }}", **fields)


def test_a_wording_whose_disclaimer_has_no_words_is_not_published():
    Disclaimer.objects.create(name="Risk", channels=["sms"])
    with pytest.raises(ValidationError, match="Risk"):
        publish_version(draft().pk, at=DAY)
    Disclaimer.objects.update(is_required=False)
    assert publish_version(draft(number=3).pk, at=DAY)


def test_a_wording_asks_for_snippets_that_are_published():
    version = draft("{{ amount }} {{ snippet.bye }}")
    with pytest.raises(ValidationError, match="bye"):
        publish_version(version.pk, at=DAY)
    text = SnippetText.objects.create(
        snippet=Snippet.objects.create(name="bye"), language="en", body="Yours, {{ issuer }}"
    )
    assert publish_snippet(text.pk)
    assert not publish_snippet(text.pk)
    assert publish_version(version.pk, at=DAY)


@pytest.mark.parametrize("body", ["{{ snippet.other }}", "{% if %}", "{{ lead_in }}"])
def test_a_shared_text_stands_by_itself(body):
    text = SnippetText.objects.create(
        snippet=Snippet.objects.create(name="bye"), language="en", body=body
    )
    with pytest.raises(ValidationError):
        publish_snippet(text.pk)


def test_a_design_is_compiled_when_it_is_published_and_gives_the_plain_text():
    version = draft("", channel="email", subject="News", mjml=DESIGN)
    assert publish_version(version.pk, at=DAY)
    version.refresh_from_db()
    assert version.html.startswith("<!DOCTYPE html>")
    assert version.body == "{{ strategy }}"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"mjml": "<mjml>"}, "MJML"),
        ({"mjml": DESIGN.replace("strategy", "amonut")}, "amonut"),
        ({"mjml": DESIGN, "channel": "sms"}, "Only an e-mail"),
    ],
)
def test_a_design_that_could_not_be_sent_is_not_published(fields, said):
    version = draft("{{ strategy }}", **{"channel": "email", "subject": "News", **fields})
    with pytest.raises(ValidationError, match=said):
        publish_version(version.pk, at=DAY)


def channels_form(*args, **kwargs):
    return modelform_factory(Template, form=TemplateForm, fields=["channels"])(*args, **kwargs)


def test_a_template_is_told_in_the_channels_that_are_ticked_in_the_order_in_which_they_stand():
    form = channels_form({"channels": ["push", "sms"]}, instance=Template(channels=["email"]))
    assert form.is_valid()
    assert form.save(commit=False).channels == ["push", "sms"]
    assert channels_form({}).is_valid()
    shown = str(channels_form(instance=Template(channels=["push", "sms"]))["channels"])
    places = [shown.index(f'value="{each}"') for each in ("push", "sms", "email", "call")]
    assert places == sorted(places)
    assert len(re.findall(r"\bchecked(?=[ >])", shown)) == 2
    strange = channels_form({"channels": ["fax"]})
    assert strange.errors["channels"] == ["There is no channel called “fax”."]


def test_a_published_wording_is_written_anew_in_one_draft_however_often(admin_client):
    version = draft("{{ strategy }}: paid")
    publish_version(version.pk, at=DAY)
    write = reverse("admin:messaging_templateversion_do", args=[version.pk, "write_anew"])
    pages = {admin_client.post(write).url for _ in range(2)}
    begun = TemplateVersion.objects.get(state="draft")
    assert pages == {page_url(begun)}
    assert (begun.body, begun.number) == ("{{ strategy }}: paid", version.number + 1)
    said = admin_client.get(page_url(begun)).content.decode()
    assert "{{ amount }} · {{ issuer }}" in said  # what else it may name
    version.refresh_from_db()
    assert version.state == "published"
