"""Staff without the right to see people read dots, on every page and in every file."""

from datetime import date

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.urls import reverse

from apps.core import masking
from apps.events.actions import Fact, record
from apps.messaging.models.outbox import Message
from apps.profiles.models import Client, ContactPoint
from tests.admin.scene import EVENING, world
from tests.admin.test_pages import OURS, address, by_label

KNOWN = {
    "first_name": "Zebulon", "last_name": "Quartermain", "phone": "+442079460199",
    "email": "zebulon.q@example.com", "core_id": "CORE-77123", "attribute": "collects barometers",
    "event": "asked about his sister Ottoline", "words": "Dear Zebulon Quartermain",
}  # fmt: skip

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def make_known(number=1):
    """Return a client of the scene whose every personal value is known."""
    client = world()[0]
    Client.objects.filter(pk=client.pk).update(
        first_name=KNOWN["first_name"], last_name=KNOWN["last_name"], birth_on=date(1971, 8, 23),
        attributes={"hobby": KNOWN["attribute"]},
    )  # fmt: skip
    points = ContactPoint.objects.filter(client=client)
    points.filter(channel="sms").update(address=KNOWN["phone"])
    points.filter(channel="email").update(address=KNOWN["email"])
    client.identifiers.filter(kind="core_id").update(
        value=KNOWN["core_id"] + ("" if number == 1 else f"-{number}")
    )
    client.notices.update(values={"name": KNOWN["first_name"]})
    Message.objects.filter(notice__client=client).update(body=KNOWN["words"])
    said = Fact(
        client.pk, "site.visited", "page:1", EVENING, f"test:{number}", {"note": KNOWN["event"]}
    )
    record([said])
    client.refresh_from_db()
    return client


@pytest.fixture
def person():
    return make_known()


def staff(*, sees):
    user = get_user_model().objects.create_user("staff", password="secret", is_staff=True)
    rights = Permission.objects.all()
    user.user_permissions.set(rights if sees else rights.exclude(codename="see_personal"))
    return user


def said(answer):
    text = answer.content.decode(errors="replace") if not answer.streaming else ""
    return [name for name, value in KNOWN.items() if value in text] + [
        "birth" for written in ("1971-08-23", "08/23/1971", "Aug. 23, 1971", "23 August 1971")
        if written in text
    ]  # fmt: skip


def pages_of(model):
    row = model._base_manager.order_by("pk").first()
    yield address(model, "changelist")
    if row is not None:
        yield address(model, "change", row.pk)
        if masking.masked_columns(model):
            yield address(model, "history", row.pk)


def test_no_page_tells_of_a_person(client, person, subtests):
    client.force_login(staff(sees=False))
    seen = 0
    for model in OURS:
        with subtests.test(by_label(model)):
            for page in pages_of(model):
                answer = client.get(page)
                assert answer.status_code == 200
                assert said(answer) == [], page
                seen += 1
    assert seen > 2 * len(OURS)
    assert said(client.get(reverse("admin:index"))) == []


def test_the_pages_would_have_told_who_may_see(client, person):
    """The other test proves nothing where the pages hold nothing."""
    client.force_login(staff(sees=True))
    masked = [model for model in OURS if masking.masked_columns(model)]
    told = {name for model in masked for page in pages_of(model) for name in said(client.get(page))}
    assert told == {*KNOWN, "birth"}


def test_files_are_masked_like_pages(client, person, subtests):
    client.force_login(staff(sees=False))
    for model in OURS:
        with subtests.test(by_label(model)):
            taken = client.post(address(model, "export"), {"format": "0", "resource": ""})
            assert taken["Content-Type"].startswith("text/csv")
            assert said(taken) == []


def test_nobody_is_found_by_a_masked_value(client, person, subtests):
    client.force_login(staff(sees=False))
    link = reverse("admin:profiles_client_change", args=[person.pk])
    for asked in (
        "q=Quartermain", "q=900199", "q=CORE-77123", "last_name__startswith=Q",
        "birth_on=1971-08-23", "contact_points__address__contains=900199",
    ):  # fmt: skip
        with subtests.test(asked):
            answer = client.get(f"{reverse('admin:profiles_client_changelist')}?{asked}")
            assert answer.status_code in {200, 302, 400}
            assert link not in answer.content.decode()


def test_autocompletes_neither_find_nor_name(client, person):
    client.force_login(staff(sees=False))
    about = {"app_label": "profiles", "model_name": "contactpoint", "field_name": "client"}
    names = client.get(reverse("admin:autocomplete"), {**about, "term": ""})
    assert f"№ {person.pk}" in [each["text"] for each in names.json()["results"]]
    assert (
        client.get(reverse("admin:autocomplete"), {**about, "term": "Quarter"}).json()["results"]
        == []
    )


def test_who_cannot_read_a_row_cannot_write_it(client, person):
    client.force_login(staff(sees=False))
    page = reverse("admin:profiles_client_change", args=[person.pk])
    assert "_save" not in client.get(page).content.decode()
    assert client.post(page, {"last_name": "Other"}).status_code == 403
    assert client.get(reverse("admin:profiles_client_add")).status_code == 403


def test_what_a_masked_page_loads_is_saved_as_it_was(person):
    reader = staff(sees=False)
    with masking.showing_to(reader):
        row = Client.objects.get(pk=person.pk)
        assert str(row) == f"№ {person.pk}"
    row.save()
    row.refresh_from_db()
    assert (row.first_name, row.last_name) == (KNOWN["first_name"], KNOWN["last_name"])


def test_every_page_of_ours_is_masked():
    """A page that is no Page of ours would be found by values that it does not show."""
    from apps.core.admin.pages import Page  # noqa: PLC0415 (registers with the site)

    for model, page in admin.site._registry.items():
        if masking.masked_columns(model):
            assert isinstance(page, Page), model
