"""Every back-office page opens, for whom it should; a longer list costs no more queries."""

import re

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.messaging.models.links import Link
from apps.messaging.models.outbox import Message, Notice
from apps.products.models.markets import Quote
from apps.products.models.strategies import Observation
from tests import factories
from tests.admin.scene import put_right, world
from tests.messaging.world import noticed

admin.autodiscover()
OURS = sorted(
    (model for model in admin.site._registry if model.__module__.startswith("apps.")),
    key=lambda model: model._meta.label,
)
EMPTY = {"demo.Letter", "demo.World"}  # written by the demo alone
SHARED = {  # what every world has in common
    "products.Exchange", "products.TradingDay", "products.Underlying", "products.Quote",
    "messaging.Template", "messaging.TemplateVersion", "messaging.Digest",
    "products.Milestone", "messaging.Snippet", "messaging.SnippetText", "messaging.Disclaimer",
    "messaging.LeadIn", "messaging.SeedAddress",
}  # fmt: skip


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def landmarks(page):
    """Count what every page has once: its name, its own part, and a title that is not empty."""
    text = page.content.decode()
    titles = re.findall(r"<title>\s*[^\s|][^<]*</title>", text)
    return text.count("<h1"), text.count('role="main"'), len(titles)


def by_label(model):
    return model._meta.label


def staff_who_may(*names):
    user = get_user_model().objects.create_user("staff", password="secret", is_staff=True)
    for name in names:
        app, codename = name.split(".")
        user.user_permissions.add(
            Permission.objects.get(codename=codename, content_type__app_label=app)
        )
    return user


@pytest.mark.slow
def test_forms_open_with_rows_in_them(admin_client, clients, subtests):
    """Lists are opened where their queries are counted, histories where they are masked."""
    put_right()
    for model in OURS:
        with subtests.test(by_label(model)):
            row = model._base_manager.order_by("-pk").first()
            assert row is not None or by_label(model) in EMPTY
            if row:
                page = admin_client.get(address(model, "change", row.pk))
                assert page.status_code == 200
                assert landmarks(page) == (1, 1, 1)
            added = admin_client.get(address(model, "add"))
            may_add = admin.site._registry[model].has_add_permission(added.wsgi_request)
            assert added.status_code == (200 if may_add else 403)


@pytest.mark.slow
def test_staff_without_rights_are_refused(client, db, subtests):
    client.force_login(staff_who_may())
    for model in OURS:
        for page in ("changelist", "export", "add"):
            with subtests.test(by_label(model), page=page):
                assert client.get(address(model, page)).status_code == 403


@pytest.mark.slow
def test_a_longer_list_costs_no_more_queries(admin_client, clients, subtests):
    def costs():
        for model in OURS:
            with CaptureQueriesContext(connection) as captured:
                page = admin_client.get(address(model, "changelist"))
            assert page.status_code == 200
            assert landmarks(page) == (1, 1, 1)
            yield model, model._base_manager.count(), len(captured)

    put_right()
    ContentType.objects.get_for_models(*OURS)  # these and the session are fetched once
    admin_client.get(reverse("admin:index"))
    before = list(costs())
    world(4)
    put_right()
    for (model, rows, queries), (_same, more, after) in zip(before, costs(), strict=True):
        with subtests.test(by_label(model)):
            assert more > rows or by_label(model) in EMPTY | SHARED
            assert after == queries


def test_lists_can_be_searched(admin_user, rf, clients, subtests):
    request = rf.get("/")
    request.user = admin_user
    for model in OURS:
        if admin.site._registry[model].search_fields:
            with subtests.test(by_label(model)):
                page = admin.site._registry[model]
                rows, _twice = page.get_search_results(request, model.objects.all(), "so-called")
                assert not rows.exists()


def test_filters_narrow_a_list(admin_client, clients):
    def shown(model, **filters):
        page = admin_client.get(address(model, "changelist"), filters)
        return [str(row) for row in page.context["cl"].result_list]

    assert shown(Observation, state__exact="waiting") == ["Lighthouse № 1"]
    assert len(shown(Message, state__exact="failed")) == 1
    assert [row[:4] for row in shown(Quote, state__exact="held")] == ["MSFT"]
    assert shown(Link, usable="no") == []
    assert len(shown(Link, usable="yes")) == len(clients)


def test_the_sidebar_shows_only_what_one_may_see(client, db):
    client.force_login(staff_who_may("messaging.view_message"))
    page = client.get(reverse("admin:index")).content.decode()
    assert reverse("admin:messaging_message_changelist") in page
    assert reverse("admin:profiles_client_changelist") not in page
    assert reverse("admin:auth_user_changelist") not in page


@pytest.mark.parametrize(
    "page",
    [
        "auth_user", "auth_group", "django_celery_beat_periodictask",
        "django_celery_beat_intervalschedule", "django_celery_beat_crontabschedule",
    ],
)  # fmt: skip
def test_settings_open(admin_client, page):
    assert admin_client.get(reverse(f"admin:{page}_changelist")).status_code == 200
    assert admin_client.get(reverse(f"admin:{page}_add")).status_code == 200


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"from_0": "2020-02-28"}, True),
        ({"to_0": "2020-02-28"}, True),
        ({"from_0": "2020-02-28", "from_1": "23:30:00"}, False),
        ({"to_0": "2020-02-27"}, False),
        ({"from_0": "nonsense"}, True),
        ({"from_0": "2020-02-30"}, True),
    ],
)
def test_moments_are_filtered_by_day_or_to_the_minute(admin_client, clients, said, found):
    filters = {f"queued_at_{name}": value for name, value in said.items()}
    page = admin_client.get(address(Message, "changelist"), filters)
    assert bool(page.context["cl"].result_count) is found


def test_a_notice_does_not_show_what_its_letter_is_yet_to_open(admin_client, db):
    url = {"url": "http://localhost:8000/e/sEcReT"}
    noticed(factories.client(), "email.confirm", values={"confirm_url": url})
    notice = Notice.objects.get()
    page = admin_client.get(address(Notice, "change", notice.pk)).content.decode()
    assert "http://localhost:8000/e/•••" in page
    assert "sEcReT" not in page


@pytest.mark.parametrize(
    "name",
    [
        "index", "messaging_templateversion_preview", "products_strategy_try", "files_batch_add",
        "privacy_register",
    ],
)  # fmt: skip
def test_a_page_of_our_own_has_one_name_and_one_main_part(admin_client, name):
    assert landmarks(admin_client.get(reverse(f"admin:{name}"))) == (1, 1, 1)
