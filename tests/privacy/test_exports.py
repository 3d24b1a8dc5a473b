"""All that is known of a person: complete, recorded, and dropped again."""

import json
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from apps.privacy.actions import exports
from apps.privacy.actions.exports import ask_export
from apps.privacy.manifest.tables import TABLES
from apps.privacy.models import PersonExport
from apps.privacy.queries import person as queries
from apps.privacy.queries.trail import persons, rows_of
from apps.profiles.models import Client
from tests.admin.scene import EVENING
from tests.privacy.test_masking import KNOWN, make_known

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return make_known()


def test_an_export_holds_every_row_about_a_person_and_the_trail(person, admin_user):
    Client.objects.filter(pk=person.pk).update(tier="hnwi")
    export = ask_export(person.pk, reason="a letter", by=admin_user, at=EVENING)
    content = export.content
    written = json.dumps(content, ensure_ascii=False)
    assert [name for name, value in KNOWN.items() if value not in written] == []
    assert "1971-08-23" in written
    held = {part["table"]: len(part["rows"]) for part in content["tables"]}
    ids = persons(person.pk)
    for table in TABLES:
        if table.label != "privacy.PersonExport":
            assert held[table.label] == rows_of(table, ids).count(), table.label
    changed = [line for line in content["trail"] if line["kind"] == "changed"]
    assert {"before": {"tier": "affluent"}, "after": {"tier": "hnwi"}}.items() <= changed[0].items()


def test_an_export_tells_of_nobody_else(person):
    other = Client.objects.exclude(pk=person.pk).first()
    other.last_name = "Somebody-Else"
    other.save()
    assert "Somebody-Else" not in json.dumps(queries.gathered(person.pk), default=str)


def test_much_is_gathered_by_the_clock_and_dropped_after_a_week(person, monkeypatch):
    monkeypatch.setattr(exports, "AT_ONCE", 3)
    export = ask_export(person.pk, reason="a letter", by=None, at=EVENING)
    assert export.state == "queued"
    assert exports.gather_queued(at=EVENING) >= 1
    assert exports.gather_queued(at=EVENING) == 0  # twice
    assert exports.drop_old(at=EVENING + timedelta(days=6)) == 0
    assert exports.drop_old(at=EVENING + timedelta(days=8)) >= 1
    export.refresh_from_db()
    assert (export.state, export.content) == ("dropped", None)


def test_staff_ask_read_and_fetch_and_that_is_written_down(person, admin_client, admin_user):
    form = reverse("admin:privacy_personexport_add")
    answer = admin_client.post(form, {"client": person.pk, "reason": "a letter"})
    export = PersonExport.objects.latest("pk")
    assert answer.url == reverse("admin:privacy_person", args=[export.pk])
    assert KNOWN["phone"] in admin_client.get(answer.url).content.decode()
    file = admin_client.get(reverse("admin:privacy_person_file", args=[export.pk]))
    assert json.loads(file.content)["client"] == person.pk
    export.refresh_from_db()
    assert (export.asked_by, export.reason) == (admin_user, "a letter")
    assert (
        LogEntry.objects.filter(object_id=str(export.pk), change_message="taken out").count() == 2
    )
