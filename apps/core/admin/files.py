"""Files out of a list: never a formula."""

from typing import Any

from django.db.models import Model
from import_export.resources import ModelResource

from apps.core.imports.files import guarded


class GuardedResource(ModelResource):
    """The columns of a table as they are, in cells that no spreadsheet computes."""

    def export_field(self, field: Any, instance: Model, **kwargs: Any) -> Any:
        cell = super().export_field(field, instance, **kwargs)
        return guarded(cell) if isinstance(cell, str) else cell
