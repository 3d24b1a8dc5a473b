"""Files out of a list: never a formula."""

from typing import Any

from django.db.models import Model
from import_export.formats import base_formats
from import_export.resources import ModelResource

from apps.core.imports.files import guarded


class GuardedResource(ModelResource):
    """The columns of a table as they are, in cells that no spreadsheet computes."""

    def export_field(self, field: Any, instance: Model, **kwargs: Any) -> Any:
        cell = super().export_field(field, instance, **kwargs)
        return guarded(cell) if isinstance(cell, str) else cell


class CsvFile(base_formats.CSV):
    """The format of our exports."""

    def is_binary(self) -> bool:
        return True

    def export_data(self, dataset: Any, **kwargs: Any) -> bytes:
        # With the mark, spreadsheets open the file as UTF-8.
        return str(super().export_data(dataset, **kwargs)).encode("utf-8-sig")
