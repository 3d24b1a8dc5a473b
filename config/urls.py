"""Every page: the back office, the API and, by app, the pages of clients."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from config.api import api

urlpatterns = [
    path("i18n/", include("django.conf.urls.i18n")),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("", include("apps.messaging.urls")),
    path("", include("apps.landing.urls")),
]
if settings.DEMO:
    urlpatterns.append(path("", include("apps.demo.urls")))
