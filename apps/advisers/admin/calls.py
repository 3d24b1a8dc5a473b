"""The queue of calls, and the page from which one call is made."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import MultipleChoicesDropdownFilter

from apps.advisers.actions.outcomes import OutcomeError, Said, keep_note, note_outcome
from apps.advisers.actions.taking import (
    TakingError,
    assign,
    give_back,
    is_leased,
    show_number,
    take,
    take_next,
)
from apps.advisers.admin.filters import DueFilter, HandFilter
from apps.advisers.admin.urgency import both_moments, local_time, urgency
from apps.advisers.models import QUEUED, CallTask
from apps.advisers.queries import Objection, objection_to, queue, zone_of
from apps.core import clock
from apps.core.admin.display import badge, column, list_url, page_url
from apps.core.admin.filters import MomentFilter
from apps.core.admin.pages import ReadOnlyPage

TAKE, REASSIGN = "advisers.take_calltask", "advisers.reassign_calltask"
STATES = {
    "open": "wait", "taken": "wait", "done": "good", "given_up": "bad", "expired": "bad",
    "withdrawn": "quiet",
}  # fmt: skip
# In the order in which they stand on the page, each with its tone.
OUTCOMES = {
    "reached": "good", "interested": "good", "not_interested": "quiet", "call_back": "wait",
    "no_answer": "wait", "wrong_number": "bad", "refused": "bad", "complaint": "bad",
}  # fmt: skip

Above = Callable[[CallTask, datetime], Objection | None]
Step = Callable[[HttpRequest, int, AbstractBaseUser], None]

_above: list[Above] = []


def asked_before_calls(ask: Above) -> Above:
    """Have the desk ask an app above before somebody calls, and when he opens the number."""
    _above.append(ask)
    return ask


def asking(at: datetime) -> Callable[[CallTask], Objection | None]:
    def ask(task: CallTask) -> Objection | None:
        if known := objection_to(task):
            return known
        return next((found for above in _above if (found := above(task, at))), None)

    return ask


class OutcomeForm(forms.Form):
    """What came of a call."""

    outcome = forms.ChoiceField(choices=CallTask.Outcome)
    note = forms.CharField(max_length=1_000, required=False)
    call_at = forms.DateTimeField(input_formats=["%Y-%m-%dT%H:%M"], required=False)


@admin.register(CallTask)
class CallTaskPage(ReadOnlyPage[CallTask]):
    change_form_template = "advisers/admin/call.html"
    list_before_template = "advisers/admin/queue.html"
    list_display = [
        "urgency", "client_name", "title", badge("state", _("state"), **STATES), "taken_by", "due_at",
        badge("outcome", _("outcome"), **OUTCOMES),
    ]  # fmt: skip
    list_display_links = ["urgency", "title"]
    list_select_related = ["client", "taken_by"]
    list_filter = [
        DueFilter,
        HandFilter,
        ("state", MultipleChoicesDropdownFilter),
        ("outcome", MultipleChoicesDropdownFilter),
        ("due_at", MomentFilter),
    ]
    search_fields = ["^client__last_name", "^client__first_name"]
    # What waits, the most urgent first; then what ended, the newest first; by an index.
    ordering = [F("ended_at").desc(nulls_first=True), *QUEUED, "pk"]
    fields = [
        ("state", "reason"), ("priority", "standing"), ("due_at", "expires_at"),
        ("taken_by", "taken_at"), ("leased_until", "tries"), ("outcome", "outcome_at"), "note",
        ("source", "about"), ("opened_at", "ended_at"),
    ]  # fmt: skip

    @column(_("urgency"), ordering="due_at")
    def urgency(self, task: CallTask) -> SafeString:
        return urgency(task, at=clock.now())

    @column(_("client"), ordering="client__last_name")
    def client_name(self, task: CallTask) -> str:
        return str(task.client)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("next/", wrap(self.next_view), name="advisers_calltask_next"),
            path("<int:pk>/step/<slug:name>/", wrap(self.step_view), name="advisers_calltask_step"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        at = clock.now()
        stands = queue(at=at)
        shown = {
            "queue": stands,
            "oldest": timesince(at - stands.oldest, at, depth=1) if stands.oldest else "–",
            "may_take": request.user.has_perm(TAKE),
            "overdue_url": list_url(CallTask, when="overdue"),
            "mine_url": list_url(CallTask, hand="mine", when="now"),
        }
        return super().changelist_view(request, shown | (extra_context or {}))

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        shown: dict[str, Any] = {}
        task = self.get_object(request, object_id)
        if task is not None:
            shown = {"call": call_of(request, task, at=clock.now())}
        page: HttpResponse = super().change_view(
            request, object_id, form_url, shown | (extra_context or {})
        )
        return page

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """Give an adviser the next call, or the one that he has in hand."""
        user = allowed(request, TAKE)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        at = clock.now()
        if (pk := take_next(by=user, at=at, ask=asking(at))) is None:
            messages.info(request, gettext("Nobody waits for a call just now."))
            return HttpResponseRedirect(list_url(CallTask))
        return HttpResponseRedirect(page_url(CallTask(pk=pk)))

    def step_view(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """Do one step of a call and show its page, or why it cannot be done."""
        if name not in STEPS or not CallTask.objects.filter(pk=pk).exists():
            raise Http404
        permission, step = STEPS[name]
        user = allowed(request, permission)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            step(request, pk, user)
        except (TakingError, OutcomeError) as refusal:
            messages.error(request, str(refusal))
        return HttpResponseRedirect(page_url(CallTask(pk=pk)))


def allowed(request: HttpRequest, permission: str) -> AbstractBaseUser:
    if not (isinstance(request.user, AbstractBaseUser) and request.user.has_perm(permission)):
        raise PermissionDenied
    return request.user


def take_one(_request: HttpRequest, pk: int, user: AbstractBaseUser) -> None:
    at = clock.now()
    take(pk, by=user, at=at, ask=asking(at))


def open_number(_request: HttpRequest, pk: int, user: AbstractBaseUser) -> None:
    at = clock.now()
    show_number(pk, by=user, at=at, ask=asking(at))


def put_back(request: HttpRequest, pk: int, user: AbstractBaseUser) -> None:
    if give_back(pk, by=user):
        messages.info(request, gettext("The call waits for others again."))


def note(request: HttpRequest, pk: int, user: AbstractBaseUser) -> None:
    task = CallTask.objects.select_related("client").get(pk=pk)
    form = OutcomeForm(request.POST)
    with timezone.override(zone_of(task.client)):
        is_good, said = form.is_valid(), form.cleaned_data
    if "note" in said:
        keep_note(pk, said["note"], by=user)
    if not is_good:
        raise OutcomeError(
            " ".join(map(str, form.errors.get("call_at", ())))
            or gettext("Say what came of the call; a note has 1,000 characters.")
        )
    note_outcome(
        pk,
        Said(said["outcome"], note=said["note"], call_at=said["call_at"]),
        by=user,
        at=clock.now(),
    )
    told = gettext("Noted: %(outcome)s.") % {"outcome": CallTask.Outcome(said["outcome"]).label}
    if said["outcome"] == CallTask.Outcome.CALL_BACK:
        told += " " + gettext("He is to be called on %(moment)s.") % {
            "moment": both_moments(said["call_at"], task.client)
        }
    messages.success(request, told)


def reassign(request: HttpRequest, pk: int, _user: AbstractBaseUser) -> None:
    to = advisers().filter(pk=as_number(request.POST.get("to"))).first()
    if to is None:
        raise TakingError(gettext("Choose who is to call."))
    assign(pk, to=to, at=clock.now())
    messages.success(request, gettext("%(name)s has this call now.") % {"name": to})


STEPS: dict[str, tuple[str, Step]] = {
    "take": (TAKE, take_one),
    "number": (TAKE, open_number),
    "back": (TAKE, put_back),
    "outcome": (TAKE, note),
    "assign": (REASSIGN, reassign),
}


def advisers() -> Any:
    """Return who may make calls."""
    staff: Any = get_user_model()
    may = staff.objects.with_perm(TAKE, include_superusers=False)
    return may.filter(is_active=True).order_by("username")


def as_number(said: str | None) -> int:
    return int(said) if said and said.isascii() and said.isdigit() else 0


def call_of(request: HttpRequest, task: CallTask, *, at: datetime) -> dict[str, Any]:
    """Gather what the page of a call shows to this user."""
    is_mine = task.state == CallTask.State.TAKEN and task.taken_by_id == request.user.pk
    waits = task.state in CallTask.UNFINISHED
    free = waits and not (task.state == CallTask.State.TAKEN and is_leased(task, at))
    may_take = request.user.has_perm(TAKE)
    is_shown = is_mine and task.shown_at is not None
    return {
        "task": task,
        "urgency": urgency(task, at=at),
        "waits": waits,
        "is_mine": is_mine,
        "may_take": may_take and free and not is_mine and task.call_after <= at,
        "not_before": (
            both_moments(task.call_after, task.client) if waits and task.call_after > at else ""
        ),
        "zone": zone_of(task.client),
        "is_his_zone": bool(task.client.time_zone),
        "number": task.contact_point.address if is_shown else "",
        "local": local_time(task, at),
        "outcomes": [
            (value, CallTask.Outcome(value).label, tone, key)
            for key, (value, tone) in enumerate(OUTCOMES.items(), 1)
        ],
        "colleagues": advisers() if waits and request.user.has_perm(REASSIGN) else [],
        "steps": {
            name: reverse("admin:advisers_calltask_step", args=[task.pk, name]) for name in STEPS
        },
        "next_url": reverse("admin:advisers_calltask_next"),
        "may_go_on": may_take,
    }
