"""Webhooks in the back office: a secret shown once, addresses judged, everything done by buttons."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from apps.core import clock
from apps.events.models import Listening
from apps.webhooks.actions.endpoints import switch_off
from apps.webhooks.models import Attempt, Delivery, Endpoint
from tests.webhooks.conftest import AT
from tests.webhooks.test_sending import deliver, happen, queue

pytestmark = pytest.mark.django_db
ADD = "/admin/webhooks/endpoint/add/"


@pytest.fixture(autouse=True)
def monday(settings):
    settings.CLOCK_OFFSET = AT - clock.now()


def typed(**fields):
    return {"name": "Shop", "url": "http://127.0.0.1:9/x", "kinds": "order.placed\nb.c ", **fields}


def press(client, row, name, data=None):
    url = reverse(f"admin:webhooks_{row._meta.model_name}_do", args=[row.pk, name])
    return client.post(url, data or {}, follow=True)


def test_a_webhook_is_made_with_a_secret_that_is_shown_once(admin_client, at_home):
    page = admin_client.post(ADD, typed()).content.decode()
    made = Endpoint.objects.get()
    assert (made.kinds, made.secrets.count()) == (["b.c", "order.placed"], 1)
    assert made.secrets.get().text in page
    listening = Listening.objects.filter(listener=made.listener)
    assert sorted(listening.values_list("kind", flat=True)) == ["b.c", "order.placed"]
    again = admin_client.get(reverse("admin:webhooks_endpoint_change", args=[made.pk]))
    assert made.secrets.get().text not in again.content.decode()


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("url", "https://10.0.0.7/x", "no public address"),
        ("url", "http://93.184.216.34/x", "https:// addresses only"),
        ("url", "http://me:secret@127.0.0.1/x", "No name or password"),
        ("url", "ftp://127.0.0.1/x", "https:// addresses only"),
        ("kinds", "Order placed", "is no kind of event"),
    ],
)
def test_what_could_not_be_told_is_refused_with_the_reason(
    admin_client, at_home, field, text, says
):
    page = admin_client.post(ADD, typed(**{field: text})).content.decode()
    assert says in page
    assert not Endpoint.objects.exists()


def test_a_changed_webhook_listens_to_what_it_now_says(admin_client, receiver):
    address = reverse("admin:webhooks_endpoint_change", args=[receiver.endpoint.pk])
    admin_client.post(address, typed(url=receiver.endpoint.url, kinds="order.lost"))
    listening = Listening.objects.filter(listener=receiver.endpoint.listener)
    assert (receiver.again().name, [each.kind for each in listening]) == ("Shop", ["order.lost"])


def test_a_test_goes_out_and_its_answer_stands_in_the_log(admin_client, receiver):
    receiver.status, receiver.body = 400, b"who are you"
    press(admin_client, receiver.endpoint, "send_test")
    deliver(clock.now())
    for row in (receiver.endpoint, Delivery.objects.get()):
        address = reverse(f"admin:webhooks_{row._meta.model_name}_change", args=[row.pk])
        assert "who are you" in admin_client.get(address).content.decode()


def test_a_new_secret_is_shown_once_and_the_old_one_goes_on_for_a_day(admin_client, receiver):
    page = press(admin_client, receiver.endpoint, "rotate").content.decode()
    found = re.findall(r"whsec_[A-Za-z0-9+/=]{44}", page)
    assert len(found) == 1
    assert found[0] != receiver.secret
    assert "24 hours" in page


def test_a_webhook_is_paused_and_switched_on_again(admin_client, receiver):
    press(admin_client, receiver.endpoint, "pause")
    assert receiver.again().state == "paused"
    assert not Listening.objects.filter(listener=receiver.endpoint.listener).exists()
    press(admin_client, receiver.endpoint, "resume")
    assert receiver.again().is_active


def test_a_span_is_sent_again_from_its_form(admin_client, receiver):
    happen("a")
    queue()
    deliver()
    asked = press(admin_client, receiver.endpoint, "send_span").content.decode()
    assert 'name="first_0"' in asked
    span = {"first_0": "2020-03-01", "first_1": "00:00", "last_0": "2020-03-01", "last_1": "00:00"}
    assert (
        "It must end after it begins."
        in press(admin_client, receiver.endpoint, "send_span", span).content.decode()
    )
    page = press(admin_client, receiver.endpoint, "send_span", span | {"last_0": "2020-03-03"})
    assert "1 message goes out again." in page.content.decode()
    deliver(clock.now())
    assert len(receiver.received) == 2


def test_one_message_is_sent_again_by_its_button_and_many_from_the_list(admin_client, receiver):
    happen("a", "b")
    queue()
    deliver()
    press(admin_client, Delivery.objects.first(), "send_again")
    chosen = {
        "action": "send_again",
        "_selected_action": list(Delivery.objects.values_list("pk", flat=True)),
    }
    page = admin_client.post(reverse("admin:webhooks_delivery_changelist"), chosen, follow=True)
    assert "1 message goes out again." in page.content.decode()
    deliver(clock.now())
    assert (len(receiver.received), Attempt.objects.count()) == (4, 4)


def test_the_start_page_says_what_was_switched_off_and_what_fails(admin_client, receiver):
    start = reverse("admin:index")
    assert "Webhooks that" not in admin_client.get(start).content.decode()
    Endpoint.objects.update(failing_since=AT - timedelta(hours=1))
    assert "Webhooks that fail" in admin_client.get(start).content.decode()
    switch_off(receiver.endpoint.pk, Endpoint.State.FAILING)
    page = admin_client.get(start).content.decode()
    assert "Webhooks that were switched off" in page
    assert "it failed for days" in page


def test_who_may_only_look_changes_nothing(client, receiver, django_user_model):
    client.force_login(django_user_model.objects.create_user("other", is_staff=True))
    assert press(client, receiver.endpoint, "rotate").status_code == 403
    assert receiver.endpoint.secrets.count() == 1
