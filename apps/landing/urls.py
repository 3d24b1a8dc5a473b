"""Addresses of the clients' pages; every token is a secret of its own."""

from django.urls import path, re_path

from apps.landing.views import devices, hits, messengers, pages, unsubscribing

app_name = "landing"
urlpatterns = [
    re_path(r"^(?:s/)?(?P<token>[0-9A-Za-z]{22})$", hits.short_link, name="bare"),
    path("s/<slug:token>", hits.short_link, name="short"),
    path("p/<slug:token>/", pages.personal_page, name="page"),
    path("p/<slug:token>/gesture/", hits.gesture, name="gesture"),
    path("p/<slug:token>/show/", pages.show, name="show"),
    path("p/<slug:token>/hide/", pages.hide, name="hide"),
    path("p/<slug:token>/subscribe/", pages.subscribe, name="subscribe"),
    path("p/<slug:token>/chart/<int:strategy>/", pages.chart, name="chart"),
    path("p/<slug:token>/chart/<int:strategy>/table/", pages.chart_table, name="chart_table"),
    path("p/<slug:token>/messenger/", messengers.connect, name="messenger"),
    path("p/<slug:token>/devices/", devices.add, name="add_device"),
    path("p/<slug:token>/devices/remove/", devices.remove, name="remove_device"),
    path("p/worker.js", devices.worker, name="worker"),
    path("o/<uuid:key>.gif", hits.opening, name="opening"),
    path("e/<slug:token>", pages.confirm, name="confirm"),
    path("u/<slug:token>", unsubscribing.unsubscribing, name="unsubscribe"),
]
