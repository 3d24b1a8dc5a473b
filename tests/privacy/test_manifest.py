"""The register of personal data: complete, and true to the tables."""

import pytest
from django.apps import apps
from django.urls import reverse

from apps.privacy.manifest.tables import SCATTERED, TABLES, WITHOUT_CLIENTS
from apps.privacy.queries.trail import model_of, rows_of

HOLDING = {table.label: table for table in [*TABLES, *SCATTERED]}
FREE = {f"{app}.{name}" for app, names in WITHOUT_CLIENTS.items() for name in names.split()}
MODELS = apps.get_models(include_auto_created=True)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_every_field_of_every_table_is_classified(model):
    """Red here? Say in apps/privacy/manifest/tables.py what the table holds of a person."""
    label = model._meta.label
    assert (label in HOLDING) != (label in FREE), "nobody has said whether it holds personal data"
    if label in HOLDING:
        fields = {field.name for field in model._meta.concrete_fields}
        assert set(HOLDING[label].fields) == fields


def test_the_register_names_no_table_that_is_gone():
    assert {*HOLDING, *FREE} <= {model._meta.label for model in MODELS}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.label)
def test_every_path_leads_to_clients(db, table):
    assert list(rows_of(table, [1])) == []


def test_what_refers_to_a_table_comes_before_it():
    """Erasure deletes in this order: a row that is still referred to could not go."""
    order = {table.label: place for place, table in enumerate(TABLES)}
    for table in TABLES:
        for field in model_of(table)._meta.concrete_fields:
            target = field.related_model and field.related_model._meta.label
            if target in order and target != table.label and not table.label.startswith("privacy"):
                assert order[table.label] < order[target] or target in LATER, (table.label, target)


# Of what stays where it is, the order does not matter.
LATER = {"messaging.Message", "products.Payment"}


def test_the_register_opens_for_who_may_read_it(admin_client, client, db):
    address = reverse("admin:privacy_register")
    page = admin_client.get(address).content.decode()
    assert "Performance of the contract" in page
    assert client.get(address).status_code == 302
