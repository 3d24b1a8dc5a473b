from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LandingConfig(AppConfig):
    name = "apps.landing"
    verbose_name = _("Personal pages")
