from django.contrib.admin import apps


class BackOfficeConfig(apps.SimpleAdminConfig):
    """Django's admin with our own site, which brings its pages when somebody asks for them."""

    default_site = "apps.core.site.BackOffice"
