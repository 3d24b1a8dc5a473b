"""Every page: the back office and, by app, the pages of clients."""

from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
]
