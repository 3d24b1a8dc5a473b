"""What people see when a page cannot be had: our own words, in their language, and nothing else."""

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.urls import path
from django.views.csrf import csrf_failure

SECRET = "wHaT-nObOdY-mUsT-rEaD"


def raising(error):
    def view(_request):
        raise error

    return view


urlpatterns = [
    path("400/", raising(SuspiciousOperation(SECRET))),
    path("403/", raising(PermissionDenied(SECRET))),
    path("404/", raising(Http404(SECRET))),
    path("500/", raising(ValueError(SECRET))),
    path("403/form/", csrf_failure),
]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize(
    ("address", "english", "russian"),
    [
        ("/400/", "This request cannot be understood", "Этот запрос не удалось понять"),
        ("/403/", "This page is not open to you", "Эта страница вам не открыта"),
        ("/403/form/", "The form was open for too long", "Форма была открыта слишком долго"),
        ("/404/", "There is no such page", "Такой страницы нет"),
        ("/nowhere", "There is no such page", "Такой страницы нет"),
        ("/500/", "Something went wrong on our side", "У нас что-то пошло не так"),
    ],
)
def test_a_page_that_cannot_be_had_says_so_and_leaks_nothing(client, address, english, russian):
    client.raise_request_exception = False
    for language, words in (("en", english), ("ru", russian)):
        answer = client.get(address, headers={"Accept-Language": language})
        text = answer.content.decode()
        assert str(answer.status_code) in address or answer.status_code == 404
        assert f"<h1>{words}</h1>" in text
        assert f'<html lang="{language}"' in text
        assert "landing/page.css" in text
        assert SECRET not in text
        assert "unsafe" not in answer["Content-Security-Policy"]


def test_a_strange_host_gets_a_page_of_ours(client):
    answer = client.get("/", headers={"Host": "evil.example"})
    assert answer.status_code == 400
    assert "evil.example" not in answer.content.decode()
    assert "This request cannot be understood" in answer.content.decode()
