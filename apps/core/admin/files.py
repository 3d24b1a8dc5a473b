"""Files in and out of a list: looked at before they land, whole or not at all; never a formula."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from import_export.admin import ImportMixin
from import_export.resources import ModelResource
from import_export.tmp_storages import CacheStorage
from unfold.contrib.import_export.forms import ImportForm

from apps.core import clock
from apps.core.imports.files import CsvFile, XlsxFile, guarded
from apps.core.imports.resource import FileResult

SHOWN = 100  # rows and faults of a file on one page; the counts above them tell of all


class GuardedResource(ModelResource):
    """The columns of a table as they are, in cells that no spreadsheet computes."""

    def export_field(self, field: Any, instance: Model, **kwargs: Any) -> Any:
        cell = super().export_field(field, instance, **kwargs)
        return guarded(cell) if isinstance(cell, str) else cell


class WaitingFile(CacheStorage):
    """A file between its preview and its confirmation; one that waited too long is empty."""

    def read(self) -> Any:
        return super().read() or b""


class Imported(ImportMixin):
    """Gives a page the import of files by a resource of ours."""

    import_export_change_list_template = "admin/import_export/change_list_import_export.html"
    import_template_name = "core/admin/import.html"
    import_form_class = ImportForm
    import_formats = [CsvFile, XlsxFile]
    tmp_storage_class = WaitingFile
    skip_admin_log = True  # rows are written in sets; the file gets one entry below

    def has_import_permission(self, request: HttpRequest) -> bool:
        meta = self.model._meta
        needed = [f"{meta.app_label}.{verb}_{meta.model_name}" for verb in ("add", "change")]
        return request.user.has_perms(needed)

    def get_import_data_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"at": clock.now(), "by": request.user}

    def get_import_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {"shown": SHOWN, "shown_slice": f":{SHOWN}"}

    def process_result(self, result: FileResult, request: HttpRequest) -> HttpResponse:
        """Tell what the file brought, or why nothing of it landed after all."""
        name = request.POST.get("original_file_name", "")
        report = result.report(name, dry_run=False)
        app, model = self.get_model_info()
        if report.faults:
            messages.error(request, _("Nothing of the file landed."))
            for line in report.lines[:10]:
                messages.error(request, line)
            return HttpResponseRedirect(reverse(f"admin:{app}_{model}_import"))
        LogEntry.objects.create(
            user_id=str(request.user.pk),
            content_type=ContentType.objects.get_for_model(self.model),
            object_repr=name[:200],
            action_flag=CHANGE,
            change_message=str(report),
            action_time=clock.now(),
        )
        messages.success(request, str(report))
        for remark in report.remarks[:10]:
            messages.warning(request, str(remark))
        return HttpResponseRedirect(reverse(f"admin:{app}_{model}_changelist"))
