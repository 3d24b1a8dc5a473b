from django.apps import AppConfig
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.messaging.scribes import POOL


class MessagingConfig(AppConfig):
    name = "apps.messaging"
    verbose_name = _("Messaging")

    def ready(self) -> None:
        from apps.messaging import checks  # noqa: F401, PLC0415 (registers them)

        POOL.speak = gettext
