"""Keys of the API are made in the back office, shown once, and revoked there."""

import re

import pytest
from django.urls import reverse

from apps.core.models import ApiKey

pytestmark = pytest.mark.django_db


def make(client, **fields):
    data = {"name": "vendor", "scopes": ["quotes:read"], **fields}
    return client.post(reverse("admin:core_apikey_add"), data)


def test_a_key_is_shown_once_and_works(admin_client, client):
    page = make(admin_client)
    (token,) = set(re.findall(r"tdg_[\w-]+", page.content.decode()))
    assert "no-store" in page["Cache-Control"]
    key = ApiKey.objects.get()
    assert (key.made_by.username, key.scopes) == ("admin", ["quotes:read"])
    answer = client.get("/api/v1/quotes", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    listed = admin_client.get(reverse("admin:core_apikey_changelist")).content.decode()
    opened = admin_client.get(reverse("admin:core_apikey_change", args=[key.pk])).content.decode()
    for shown in (listed, opened):
        assert token not in shown
        assert key.digest not in shown


@pytest.mark.parametrize("fields", [{"scopes": []}, {"scopes": ["all"]}, {"name": ""}])
def test_a_key_without_a_name_or_a_right_is_refused_in_the_form(admin_client, fields):
    assert make(admin_client, **fields).status_code == 200
    assert not ApiKey.objects.exists()


def test_a_key_is_revoked_on_its_page(admin_client):
    make(admin_client)
    key = ApiKey.objects.get()
    do = reverse("admin:core_apikey_do", args=[key.pk, "revoke"])
    admin_client.post(do)
    key.refresh_from_db()
    assert key.revoked_at is not None
    assert "nothing to do any more" in admin_client.post(do, follow=True).content.decode()
