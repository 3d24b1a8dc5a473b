"""A person declares a session disrupted, sees what moved, and takes a mistake back."""

from datetime import date

import pytest
from django.urls import reverse

from apps.products.models.disruptions import Disruption
from tests import factories

pytestmark = pytest.mark.django_db

FRI, MON = date(2020, 2, 28), date(2020, 3, 2)


def declare(client, **fields):
    share = factories.underlying("IBM")
    data = {
        "underlying": share.pk, "exchange": "", "day": FRI.isoformat(), "reason": "trading halted",
        **fields,
    }  # fmt: skip
    url = reverse("admin:products_disruption_add")
    return client.post(url, data, follow=True).content.decode()


def test_a_disruption_is_declared_and_withdrawn(admin_client, admin_user):
    strategy = factories.strategy(days=[FRI])
    factories.sessions(MON)
    declare(admin_client)
    disruption = Disruption.objects.get()
    assert (disruption.made_by, disruption.reason) == (admin_user, "trading halted")
    assert strategy.observations.get().valuation_on == MON
    page = reverse("admin:products_disruption_changelist")
    assert "trading halted" in admin_client.get(page).content.decode()
    chosen = {"action": "withdraw", "_selected_action": [disruption.pk]}
    assert (
        "1 disruption withdrawn." in admin_client.post(page, chosen, follow=True).content.decode()
    )
    assert strategy.observations.get().valuation_on == FRI


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"underlying": ""}, "Name a share or an exchange, one of them."),
        ({"reason": ""}, "This field is required."),
        ({"day": "2999-01-01"}, "choose a day until today"),
    ],
)
def test_a_disruption_that_makes_no_sense_is_refused_in_the_form(admin_client, fields, said):
    assert said in declare(admin_client, **fields)
    assert not Disruption.objects.exists()
