"""The start page, the log-in and who may see them."""

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client):
    user = get_user_model().objects.create_user("staff", password="secret", is_staff=True)
    client.force_login(user)
    return user


def directives(response):
    policy = response.headers["Content-Security-Policy"]
    return {part.split()[0]: part.split()[1:] for part in policy.split("; ") if part}


def test_the_start_page_is_calm_when_nothing_is_wrong(admin_client):
    assert "Nothing needs your attention" in admin_client.get("/admin/").content.decode()


def test_staff_without_rights_see_no_numbers(client, staff):
    page = client.get(reverse("admin:index")).content.decode()
    assert "You have no rights yet" in page
    assert "desk-figures" not in page
    assert "The coming 14 days" not in page


def test_strangers_are_sent_to_the_log_in(client):
    response = client.get(reverse("admin:index"))
    assert response.status_code == 302
    assert response.url.startswith(reverse("admin:login"))


@pytest.mark.parametrize("page", ["admin:login", "admin:index", "admin:password_change"])
def test_only_the_back_office_may_evaluate_expressions(admin_client, client, page):
    who = client if page == "admin:login" else admin_client
    assert "'unsafe-eval'" in directives(who.get(reverse(page)))["script-src"]
    assert "'unsafe-inline'" not in directives(who.get(reverse(page)))["script-src"]


def test_pages_outside_the_back_office_stay_strict(client):
    assert directives(client.get("/nowhere/"))["script-src"] == ["'self'"]


def test_logging_in_leads_to_the_start_page(client, django_user_model):
    django_user_model.objects.create_superuser("boss", password="secret")
    response = client.post(reverse("admin:login"), {"username": "boss", "password": "secret"})
    assert response.url == reverse("admin:index")


@pytest.mark.parametrize(("language", "word"), [("en", "Log in"), ("ru", "Войти")])
def test_staff_choose_their_language(client, language, word):
    client.post(reverse("set_language"), {"language": language, "next": reverse("admin:login")})
    assert word in client.get(reverse("admin:login")).content.decode()
