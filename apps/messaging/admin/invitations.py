"""Accounts in messengers that nobody vouches for: a person looks at what is known and confirms one."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.widgets import UnfoldAdminTextInputWidget

from apps.core import clock
from apps.core.admin.display import column, linked, list_url, moment, page_url, pill
from apps.core.admin.pages import Page, panel
from apps.core.site import COUNTED, Concern, Line, concerns
from apps.messaging.actions.invitations import ProofError, address_of, confirm
from apps.messaging.models.invitations import Invitation
from apps.messaging.models.replies import Reply
from apps.profiles.models import Channel, ContactPoint

SHOWN = 5
LATELY = timedelta(days=30)  # who came longer ago is no news of today's


def waits(row: Invitation) -> bool:
    return bool(row.account) and row.proven_at is None


class ProofForm(forms.ModelForm[Invitation]):
    class Meta:
        model = Invitation
        fields = ["proof"]
        widgets = {"proof": UnfoldAdminTextInputWidget}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "proof" in self.fields:
            self.fields["proof"].required = True


@admin.register(Invitation)
class InvitationPage(Page[Invitation]):
    """Saving it is the confirmation: who did so, when and how he knew is kept."""

    form = ProofForm
    list_display = [
        "used_at", linked("client", _("client"), "last_name"), "provider", "stands", "proven_by",
    ]  # fmt: skip
    list_select_related = ["client", "provider", "proven_by"]
    list_filter = [("proven_at", admin.EmptyFieldListFilter), ("provider", RelatedDropdownFilter)]
    search_fields = ["^client__last_name", "^client__first_name"]
    ordering = ["-pk"]
    readonly_fields = [
        "client", "provider", "account", "made_at", "used_at", "proven_at", "proven_by",
    ]  # fmt: skip
    fields = [
        ("client", "provider"), "account", ("made_at", "used_at"), "proof",
        ("proven_at", "proven_by"),
    ]  # fmt: skip

    @column(_("state"), ordering="proven_at")
    def stands(self, row: Invitation) -> str:
        if row.proven_at:
            return pill(gettext("proven"), "good")
        return pill(gettext("waits for proof"), "wait") if row.account else pill(gettext("invited"))

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, row: Invitation | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, row: Invitation | None = None) -> bool:
        return (row is None or waits(row)) and super().has_change_permission(request, row)

    def save_model(self, request: HttpRequest, row: Invitation, form: Any, change: Any) -> None:
        if not isinstance(request.user, AbstractBaseUser):
            return
        try:
            proof = form.cleaned_data["proof"]
            if confirm(row.pk, proof=proof, by=request.user, at=clock.now()):
                messages.success(request, gettext("From now on he is told there as well."))
            else:
                messages.warning(request, gettext("Somebody was quicker."))
        except ProofError as refusal:
            messages.error(request, str(refusal))


@panel(Invitation, _("What is known"), permission="messaging.view_invitation", wide=True, order=10)
def known(_request: HttpRequest, row: Invitation) -> dict[str, Any]:
    """Show by which way the account came, and by what else he is known: the two must agree."""
    rows: list[list[object]] = [
        [gettext("the button on his own page"), gettext("a key used once"), moment(row.used_at)]
    ]
    points = ContactPoint.objects.filter(client=row.client_id, state=ContactPoint.State.VALID)
    rows += [
        [point.get_channel_display(), point.address, moment(point.verified_at)]
        for point in points.filter(channel__in=[Channel.SMS, Channel.EMAIL]).order_by("pk")
    ]
    written = Reply.objects.filter(
        channel=Channel.MESSENGER, sender=address_of(row.provider, row.account)
    )
    rows += [
        [gettext("the account wrote"), reply.text, moment(reply.received_at)]
        for reply in written.order_by("-pk")[:SHOWN]
        if row.account
    ]
    return {
        "headers": [_("known by"), _("what"), _("when")],
        "rows": rows,
        "empty": "",
        "note": _("Ask him by a way that we had known before, not by the account itself."),
    }


@concerns("messaging.view_invitation")
def accounts_unproven(at: datetime) -> Iterable[Concern]:
    """Telegram vouches for its people itself, within the half hour; the others wait for a person."""
    rows = (
        Invitation.objects.filter(proven_at=None, used_at__gt=at - LATELY)
        .exclude(account="")
        .exclude(provider__kind="telegram")
        .select_related("client", "provider")
        .order_by("-pk")
    )
    yield Concern(
        title=_("Messenger accounts that wait for proof"),
        count=rows[: COUNTED + 1].count(),
        url=list_url(Invitation, proven_at__isempty=1),
        lines=[Line(str(row.client), row.provider.name, page_url(row)) for row in rows[:SHOWN]],
        icon="how_to_reg",
    )
