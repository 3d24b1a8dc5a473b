from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ProductsConfig(AppConfig):
    name = "apps.products"
    verbose_name = _("Products")

    def ready(self) -> None:
        from apps.products.imports import kinds  # noqa: F401, PLC0415 (the files there are)
