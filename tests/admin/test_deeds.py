"""What staff can do from the pages: confirm, evaluate, publish, revoke; twice, and without rights."""

import csv
from datetime import UTC, date, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from apps.core import clock
from apps.core.admin.display import page_url
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.links import Link
from apps.products.models.holdings import Policy, PolicyCoupon
from apps.products.models.markets import Quote
from apps.products.models.strategies import Observation, ObservationResult, Strategy
from apps.profiles.models import Client, ContactPoint
from tests import factories
from tests.admin.scene import wording
from tests.admin.test_pages import address, staff_who_may

pytestmark = pytest.mark.django_db


def said(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def choose(client, model, action, *rows):
    return client.post(
        address(model, "changelist"),
        {"action": action, "_selected_action": [row.pk for row in rows]},
    )


def do(client, row, deed):
    return client.post(address(type(row), "do", row.pk, deed))


@pytest.fixture(autouse=True)
def evening(settings):
    """Put the clock on the evening of the scene's first observation."""
    settings.CLOCK_OFFSET = datetime(2020, 2, 28, 23, 30, tzinfo=UTC) - clock.now()


def test_confirming_quotes_twice_confirms_them_once(admin_client, admin_user, clients):
    held = Quote.objects.get(state="held")
    assert "1 quote confirmed" in said(choose(admin_client, Quote, "confirm", held))
    held.refresh_from_db()
    assert (held.state, held.confirmed_by) == ("confirmed", admin_user)
    again = said(choose(admin_client, Quote, "confirm", held))
    assert "0 quotes confirmed" in again
    assert "was not held any more" in again


def test_seeing_quotes_is_no_right_to_confirm_them(client, clients):
    client.force_login(staff_who_may("products.view_quote"))
    choose(client, Quote, "confirm", Quote.objects.get(state="held"))
    assert Quote.objects.filter(state="held").exists()


def test_evaluating_tells_what_is_missing_and_then_does_it_once(admin_client, clients):
    waits = Observation.objects.get(state="waiting")
    assert "MSFT" in said(do(admin_client, waits.strategy, "evaluate_strategy"))
    choose(admin_client, Quote, "confirm", Quote.objects.get(state="held"))
    results = ObservationResult.objects.filter(observation=waits)
    assert "1 observation evaluated" in said(
        choose(admin_client, Observation, "evaluate_now", waits)
    )
    assert "nothing" in said(do(admin_client, waits, "evaluate_one")).lower()
    assert results.count() == 1


def test_evaluating_needs_its_right_and_a_post(client, admin_client, clients):
    waits = Observation.objects.get(state="waiting")
    assert admin_client.get(address(Observation, "do", waits.pk, "evaluate_one")).status_code == 405
    client.force_login(staff_who_may("products.view_observation"))
    assert do(client, waits, "evaluate_one").status_code == 403
    assert "Evaluate now" not in client.get(page_url(waits)).content.decode()


def test_publishing_twice_publishes_once(admin_client, db):
    draft = factories.strategy(state="draft", struck_on=date(2020, 2, 27))
    factories.sessions(date(2020, 2, 27))
    for day in range(300):
        factories.sessions(date(2020, 2, 28) + timedelta(days=day))
    assert "is published" in said(do(admin_client, draft, "publish"))
    assert "nothing to do any more" in said(do(admin_client, draft, "publish"))
    draft.refresh_from_db()
    assert draft.state == Strategy.State.PUBLISHED


def test_a_strategy_that_cannot_be_published_says_why(admin_client, db):
    draft = factories.strategy(state="draft", fixings=())
    assert said(do(admin_client, draft, "publish"))
    draft.refresh_from_db()
    assert draft.state == Strategy.State.DRAFT


def test_published_terms_cannot_be_changed(admin_client, db):
    strategy = factories.strategy()
    page = admin_client.get(page_url(strategy)).content.decode()
    assert "2.5%" in page
    assert 'name="coupon_rate"' not in page
    assert admin_client.post(page_url(strategy), {"name": "Else"}).status_code == 403


def test_drafts_show_plain_numbers(admin_client, db):
    draft = factories.strategy(state="draft")
    page = admin_client.get(page_url(draft)).content.decode()
    assert 'value="0.025"' in page
    assert 'value="100"' in page  # an initial fixing
    assert "0E-8" not in page


def test_revoking_a_link_twice_revokes_it_once(admin_client, clients):
    link = Link.objects.first()
    do(admin_client, link, "revoke")
    revoked = Link.objects.get(pk=link.pk).revoked_at
    assert revoked
    do(admin_client, link, "revoke")
    assert Link.objects.get(pk=link.pk).revoked_at == revoked


def test_an_unknown_deed_and_an_unknown_row_are_not_found(admin_client, clients):
    assert do(admin_client, clients[0], "nonsense").status_code == 404
    assert admin_client.post(address(Client, "do", 0, "nonsense")).status_code == 404


def test_the_clients_page_tells_everything_in_words(admin_client, clients):
    page = admin_client.get(page_url(clients[0])).content.decode()
    assert "Coupon accrued: $25.00" in page
    assert "Followed his link" in page
    assert "the number does not exist" in page
    assert "Harbour 2020-1" in page
    assert "news about own contracts · SMS" in page


def test_panels_hide_what_one_may_not_see(client, clients):
    client.force_login(staff_who_may("profiles.view_client"))
    page = client.get(page_url(clients[0])).content.decode()
    assert "Coupon accrued" not in page
    assert "the number does not exist" not in page


def exported(client, model):
    response = client.post(address(model, "export"), {"format": "0", "resource": ""})
    assert response["Content-Type"] == "text/csv", response.content.decode()
    return list(csv.DictReader(StringIO(response.content.decode("utf-8-sig"))))


def test_exported_cells_are_never_formulas(admin_client, db):
    person = factories.client(first_name='=HYPERLINK("http://example.com")', last_name="@cmd")
    ContactPoint.objects.filter(client=person, channel="email").update(address="+1|x@example.com")
    taken_in = exported(admin_client, Client)  # by the importers' resource
    as_it_is = exported(admin_client, ContactPoint)  # by the table's own columns
    cells = [cell for row in taken_in + as_it_is for cell in row.values()]
    assert "'@cmd" in cells
    assert "'+1|x@example.com" in cells
    assert not [cell for cell in cells if cell.startswith(("=", "@", "+"))]


def test_taking_a_list_out_needs_a_right_of_its_own(client, clients):
    client.force_login(staff_who_may("products.view_quote"))
    assert client.get(address(Quote, "changelist")).status_code == 200
    assert client.get(address(Quote, "export")).status_code == 403


def test_secrets_of_links_are_never_exported(admin_client, clients):
    assert not {"nonce", "token_hash"} & set(exported(admin_client, Link)[0])


def test_the_start_page_tells_what_needs_attention(
    admin_client, clients, django_assert_max_num_queries
):
    admin_client.get(reverse("admin:index"))
    with django_assert_max_num_queries(83):
        page = admin_client.get(reverse("admin:index")).content.decode()
    assert "MSFT: close of 28 Feb 2020 is held" in page
    assert "SMS: the number does not exist" in page
    assert "$50.00" in page
    assert "by 2 clients" in page


def test_publishing_a_wording_twice_publishes_it_once(admin_client, db):
    before = wording()
    draft = TemplateVersion.objects.create(
        template=before.template, channel="sms", language="en", number=before.number + 1,
        body="Your coupon is paid.",
    )  # fmt: skip
    assert "published" in said(do(admin_client, draft, "publish"))
    assert "nothing to do any more" in said(do(admin_client, draft, "publish"))
    before.refresh_from_db()
    assert before.state == "retired"


def test_a_wording_that_could_not_be_written_is_refused(admin_client, db):
    before = wording()
    draft = TemplateVersion.objects.create(
        template=before.template, channel="sms", language="en", number=before.number + 1,
        body="{% if %}",
    )  # fmt: skip
    assert said(do(admin_client, draft, "publish"))
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_every_link_of_the_start_page_leads_to_what_it_counts(admin_client, clients, subtests):
    today = admin_client.get(reverse("admin:index")).context
    assert len(today["concerns"]) >= 10
    for concern in today["concerns"]:
        with subtests.test(str(concern.title)):
            assert admin_client.get(concern.url).context["cl"].result_count == concern.count
            # Without lines where naming one would show a person.
            assert {admin_client.get(line.url).status_code for line in concern.lines} <= {200}
    for figure in today["figures"]:
        if figure.url:
            with subtests.test(str(figure.label)):
                assert admin_client.get(figure.url).status_code == 200


def policy_form(policy, **changes):
    names = ("number", "starts_on", "ends_on", "state")
    return {
        **{name: getattr(policy, name) for name in names},
        "nominal": "1000.00",
        "premium": "1000.00",
        "client": policy.client_id,
        "strategy": policy.strategy_id,
        "plans-TOTAL_FORMS": "0",
        "plans-INITIAL_FORMS": "0",
        **changes,
    }


def test_a_policy_with_coupons_keeps_what_they_were_counted_on(admin_client, clients):
    policy = PolicyCoupon.objects.first().policy
    other = Strategy.objects.exclude(pk=policy.strategy_id).first()
    form = policy_form(
        policy, nominal="5000", strategy=other.pk, state="applied", premium="1000.50"
    )
    assert admin_client.post(page_url(policy), form).status_code == 302
    strategy = policy.strategy
    policy.refresh_from_db()
    assert (policy.nominal, policy.strategy) == (1000_00, strategy)
    assert (policy.state, policy.premium) == (Policy.State.ACTIVE, 1000_50)


def test_a_nominal_that_is_no_whole_number_of_notes_is_refused(admin_client, clients):
    policy = Policy.objects.filter(coupons=None).first()
    page = admin_client.post(page_url(policy), policy_form(policy, nominal="150.01"))
    assert "no multiple of one note, 100.00" in page.content.decode()
    policy.refresh_from_db()
    assert policy.nominal == 1000_00
