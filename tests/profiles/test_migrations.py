"""What a migration does to rows that a published version has stored."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.db import connection

from apps.profiles.models import ContactPoint, Identifier
from tests import factories

pytestmark = pytest.mark.django_db


def test_addresses_among_the_identifiers_become_contact_points_once():
    client = factories.client()
    known = client.contact_points.get(channel="email")
    for kind, value in (
        ("email", known.address),
        ("email", "by@hand.example"),
        ("phone", "no phone"),
        ("core_id", "C-1"),
    ):
        Identifier.objects.create(client=client, kind=kind, value=value)
    migration = import_module("apps.profiles.migrations.0005_addresses_live_once")
    for _again in range(2):
        migration.move_addresses(None, SimpleNamespace(connection=connection))
    assert [each.kind for each in Identifier.objects.all()] == ["core_id"]
    emails = ContactPoint.objects.filter(channel="email").order_by("pk")
    assert [(each.address, each.state) for each in emails] == [
        (known.address, "valid"),
        ("by@hand.example", "unconfirmed"),
    ]
