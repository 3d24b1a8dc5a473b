"""Addresses of the clients' pages; every token is a secret of its own."""

from django.urls import path

from apps.landing import views

app_name = "landing"
urlpatterns = [
    path("s/<slug:token>", views.short_link, name="short"),
    path("p/<slug:token>/", views.personal_page, name="page"),
    path("p/<slug:token>/show/", views.show, name="show"),
    path("p/<slug:token>/hide/", views.hide, name="hide"),
    path("p/<slug:token>/subscribe/", views.subscribe, name="subscribe"),
    path("p/<slug:token>/chart/<int:strategy>/", views.chart, name="chart"),
    path("p/<slug:token>/chart/<int:strategy>/table/", views.chart_table, name="chart_table"),
    path("e/<slug:token>", views.confirm, name="confirm"),
]
