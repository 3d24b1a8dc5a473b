from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class EventsConfig(AppConfig):
    name = "apps.events"
    verbose_name = _("Timeline")

    def ready(self) -> None:
        from apps.events.imports import kinds  # noqa: F401, PLC0415 (the files there are)
