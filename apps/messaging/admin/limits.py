"""The size over which a sending needs approval: lowered by one person, raised by two."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from apps.core import clock
from apps.core.admin.display import badge, count, list_url, page_url
from apps.core.admin.pages import Page, deed
from apps.core.site import Concern, Line, concerns
from apps.messaging.actions.limits import LimitError, confirm_limit, decline_limit, set_limit
from apps.messaging.models.approvals import ApprovalLimit

SET = "messaging.add_approvallimit"
CONFIRM = "messaging.confirm_limit"
RAISED = {"asked": "wait", "set": "good", "declined": "quiet"}


def is_raise(row: ApprovalLimit) -> bool:
    return row.state == ApprovalLimit.State.ASKED


@deed(ApprovalLimit, _("Raise it"), permission=CONFIRM, icon="lock_open", offered=is_raise)
def raise_it(request: HttpRequest, row: ApprovalLimit) -> None:
    if not isinstance(request.user, AbstractBaseUser):
        return
    try:
        if confirm_limit(row.pk, by=request.user, at=clock.now()):
            said = gettext("From now on a sending to more than %s clients needs approval.")
            messages.success(request, said % count(row.clients))
    except LimitError as refusal:
        messages.error(request, str(refusal))


@deed(ApprovalLimit, _("Leave it as it is"), permission=SET, icon="block", offered=is_raise)
def leave_it(request: HttpRequest, row: ApprovalLimit) -> None:
    if not isinstance(request.user, AbstractBaseUser):
        return
    if decline_limit(row.pk, by=request.user, at=clock.now()):
        messages.info(request, gettext("The size stays as it is."))


@admin.register(ApprovalLimit)
class ApprovalLimitPage(Page[ApprovalLimit]):
    """Set, never changed: the newest holds, the older ones say who set what and why."""

    list_display = [
        "clients", badge("state", _("state"), **RAISED), "reason", "set_at", "set_by",
        "decided_at", "decided_by",
    ]  # fmt: skip
    list_select_related = ["set_by", "decided_by"]
    list_filter = [("state", ChoicesDropdownFilter)]
    ordering = ["-pk"]
    fields = ["clients", "reason"]

    def get_fields(self, request: HttpRequest, obj: ApprovalLimit | None = None) -> Any:
        return self.list_display if obj else self.fields

    def get_readonly_fields(self, request: HttpRequest, obj: ApprovalLimit | None = None) -> Any:
        return self.get_fields(request, obj) if obj else ()

    def has_change_permission(self, request: HttpRequest, row: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, row: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApprovalLimit, form: Any, change: Any) -> None:
        said = form.cleaned_data
        if isinstance(request.user, AbstractBaseUser):
            row = set_limit(said["clients"], reason=said["reason"], by=request.user, at=clock.now())
            obj.pk = row.pk
            if is_raise(row):
                messages.warning(request, gettext("Now a second person must raise it."))

    def log_addition(self, *args: Any, **kwargs: Any) -> Any:
        """Write no log of Django's own: the row itself says who set it, when and why."""


@concerns("messaging.view_approvallimit")
def raises_asked_for(_at: datetime) -> Iterable[Concern]:
    asked = ApprovalLimit.objects.filter(state=ApprovalLimit.State.ASKED)
    rows = list(asked.select_related("set_by").order_by("pk"))
    note = gettext("%(name)s asked for it; a second person decides.")
    yield Concern(
        title=_("A higher size that needs approval is asked for"),
        count=len(rows),
        url=list_url(ApprovalLimit, state__exact=ApprovalLimit.State.ASKED),
        lines=[
            Line(f"{count(row.clients)} · {row.reason}", note % {"name": row.set_by}, page_url(row))
            for row in rows[:5]
        ],
        icon="how_to_reg",
    )
