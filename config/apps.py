from django.contrib.admin import apps


class BackOfficeConfig(apps.AdminConfig):
    """Django's admin with our own site."""

    default_site = "apps.core.site.BackOffice"
