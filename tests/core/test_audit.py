"""The audit trail: what the triggers write, on whose behalf, and that nobody edits it."""

from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from apps.core import audit
from apps.core.models import Change
from apps.profiles.models import Client
from tests import factories

AT = datetime(2026, 3, 14, 9, 26, tzinfo=UTC)
TABLE = "profiles_client"

pytestmark = pytest.mark.django_db


def told(client, **filters):
    return list(Change.objects.of(TABLE, client.pk).filter(**filters).order_by("pk"))


def people(count):
    return Client.objects.bulk_create(Client(last_name=f"Test {n}") for n in range(count))


def test_rows_added_by_one_statement_are_one_line():
    rows = people(1000)
    (line,) = Change.objects.filter(table_name=TABLE)
    assert (line.kind, line.row_id, line.before, line.after) == ("added", None, None, None)
    assert [(run.lower, run.upper) for run in line.rows] == [(rows[0].pk, rows[-1].pk + 1)]
    assert told(rows[500]) == [line]


def test_added_rows_with_gaps_between_their_ids_are_told_without_the_gaps():
    client = people(1)[0]
    Client.objects.bulk_create(Client(pk=client.pk + n) for n in (10, 11, 20))
    line = Change.objects.filter(table_name=TABLE).latest("pk")
    assert [(run.lower - client.pk, run.upper - client.pk) for run in line.rows] == [
        (10, 12),
        (20, 21),
    ]
    assert not Change.objects.filter(table_name=TABLE, rows__holds=client.pk + 15).exists()


def test_a_change_is_told_by_the_columns_that_changed():
    client = factories.client(first_name="Test", last_name="Person")
    Client.objects.filter(pk=client.pk).update(last_name="Other", tier="", attributes={"a": 1})
    line = told(client, kind="changed")[0]
    assert line.before == {"last_name": "Person", "attributes": {}}
    assert line.after == {"last_name": "Other", "attributes": {"a": 1}}


def test_a_statement_that_changes_nothing_leaves_no_line():
    client = factories.client()
    Client.objects.filter(pk=client.pk).update(last_name=client.last_name)
    Client.objects.filter(pk=0).update(last_name="Nobody")
    Client.objects.filter(pk=0).delete()
    assert told(client, kind="changed") == []


def test_columns_that_only_the_product_writes_are_left_out():
    policy = factories.policy(factories.client(), factories.strategy())
    lines = Change.objects.of("products_policy", policy.pk).filter(kind="changed")
    type(policy).objects.filter(pk=policy.pk).update(is_untold=False)
    assert not lines.exists()
    type(policy).objects.filter(pk=policy.pk).update(is_untold=True, premium=7)
    assert lines.get().after == {"premium": 7}


def test_a_removed_row_is_told_with_all_that_it_held():
    client = factories.client(last_name="Person", consents=())
    pk = client.pk
    client.delete()
    line = Change.objects.get(table_name=TABLE, row_id=pk, kind="removed")
    assert line.before["last_name"] == "Person"
    assert line.after is None


def test_a_context_says_who_why_and_how(admin_user):
    with audit.context(by=admin_user, reason="He called", batch=7, channel="file", at=AT):
        client = factories.client()
    line = told(client)[0]
    assert (line.by, line.by_name, line.reason) == (admin_user, str(admin_user), "He called")
    assert (line.batch, line.channel, line.at) == (7, "file", AT)


def test_an_inner_context_keeps_what_it_leaves_open_and_ends_where_it_ends(admin_user):
    with audit.context(by=admin_user, channel="file"):
        with audit.context(batch=7):
            inner = factories.client()
        outer = factories.client()
    outside = factories.client()
    lines = [told(client)[0] for client in (inner, outer, outside)]
    assert [line.batch for line in lines] == [7, None, None]
    assert [line.by_id for line in lines] == [admin_user.pk, admin_user.pk, None]
    assert [line.channel for line in lines] == ["file", "file", ""]


def test_a_savepoint_that_was_rolled_back_does_not_take_the_context_with_it():
    with audit.context(batch=7):
        with transaction.atomic():
            factories.client()
            transaction.set_rollback(True)
        client = factories.client()
    assert told(client)[0].batch == 7


@pytest.mark.django_db(transaction=True)
def test_outside_of_a_transaction_every_statement_is_told_of():
    with audit.context(batch=7):
        client = factories.client()
        Client.objects.filter(pk=client.pk).update(last_name="Other")
    Client.objects.filter(pk=client.pk).update(last_name="Third")
    assert [line.batch for line in told(client)] == [7, 7, None]


def test_what_copy_brings_is_told_of():
    client, copied = factories.client(), "profiles_identifier (client_id, kind, value, created_at)"
    with (
        audit.context(batch=7),
        connection.cursor() as cursor,
        cursor.copy(f"COPY {copied} FROM STDIN") as copy,
    ):
        copy.write_row((client.pk, "contract", "T-1", AT))
    assert Change.objects.get(table_name="profiles_identifier").batch == 7


@pytest.mark.parametrize("change", [
    "UPDATE core_change SET reason = 'better'",
    "UPDATE core_change SET after = '{}'",
    "DELETE FROM core_change",
])  # fmt: skip
def test_nobody_edits_the_trail(change):
    factories.client()
    with pytest.raises(IntegrityError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(change)


@pytest.mark.parametrize(("change", "is_let"), [
    ("before = NULL, after = NULL, sealed_at = now()", True),
    ("before = NULL, after = NULL", False),
    ("reason = 'better', sealed_at = now()", False),
])  # fmt: skip
def test_sealing_takes_values_out_and_nothing_else(change, is_let):
    client = factories.client()
    Client.objects.filter(pk=client.pk).update(last_name="Other")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL tidings.sealing = 'on'")
        if is_let:
            cursor.execute(f"UPDATE core_change SET {change}")
            assert told(client, kind="changed")[0].after is None
        else:
            with pytest.raises(IntegrityError):
                cursor.execute(f"UPDATE core_change SET {change}")


def test_a_change_in_the_back_office_is_told_as_its_users(admin_client, admin_user):
    address = reverse("admin:profiles_client_add")
    page = admin_client.get(address)
    form = page.context["adminform"].form
    posted = {
        name: form.get_initial_for_field(field, name) or "" for name, field in form.fields.items()
    }
    posted |= {"last_name": "Person", "attributes": "{}"}
    for inline in page.context["inline_admin_formsets"]:
        posted |= {f"{inline.formset.prefix}-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
    assert admin_client.post(address, posted).status_code == 302
    line = told(Client.objects.get(last_name="Person"))[0]
    assert (line.by, line.channel) == (admin_user, "admin")
