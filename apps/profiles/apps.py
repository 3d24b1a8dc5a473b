from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProfilesConfig(AppConfig):
    name = "apps.profiles"
    verbose_name = _("Clients")

    def ready(self) -> None:
        from apps.profiles.imports import kinds  # noqa: F401, PLC0415 (the files there are)
