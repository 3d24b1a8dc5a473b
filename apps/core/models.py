"""The keys of systems that talk to the API, what they were answered, and the audit trail."""

from typing import Any

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Q
from django.db.models.fields.json import KeyTransform
from django.utils.translation import gettext_lazy as _

from apps.core import clock


class ApiKey(models.Model):
    """What another system may do here; the key itself is shown once and kept as a hash alone."""

    name = models.CharField(
        _("name"), max_length=60, unique=True, help_text=_("The system that uses it.")
    )
    prefix = models.CharField(_("begins with"), max_length=16, unique=True, editable=False)
    digest = models.CharField(max_length=64, editable=False)
    scopes = models.JSONField(_("may"), default=list)
    made_at = models.DateTimeField(_("made"), default=clock.now, editable=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False,
        related_name="+", verbose_name=_("made by"),
    )  # fmt: skip
    last_used_on = models.DateField(_("last used"), null=True, blank=True, editable=False)
    # How many changes it brought, on which day (UTC), of those that a second person sees in files.
    sensitive = models.PositiveIntegerField(default=0, db_default=0, editable=False)
    sensitive_on = models.DateField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints = [
            models.CheckConstraint(
                name="api_key_may_something",
                condition=~Q(scopes=[]),
                violation_error_message=_("Say what the key may do."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def may(self, scope: str) -> bool:
        allowed: list[Any] = self.scopes
        return scope in allowed


class KeptAnswer(models.Model):
    """What a request was answered that a system named, so that sent again it is not done again."""

    key = models.ForeignKey(ApiKey, models.CASCADE, related_name="+")
    name = models.CharField(max_length=255)  # the sender's own, the header Idempotency-Key
    digest = models.CharField(max_length=64)  # of method, address and body
    body = models.TextField()
    answered_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["key", "name"], name="kept_answer_once")]
        indexes = [
            # "what is older than thirty days?", every hour
            models.Index(fields=["answered_at"], name="kept_answer_age")
        ]

    def __str__(self) -> str:
        return self.name


class SignIn(models.Model):
    """One attempt to sign in to the back office; whoever fails too often waits."""

    class State(models.TextChoices):
        FAILED = "failed", _("failed")
        ENTERED = "entered", _("signed in")

    # As it was typed: a name that nobody has is guarded like any other, and staff may be renamed.
    username = models.CharField(_("name"), max_length=150)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.FAILED)
    is_known = models.BooleanField(
        _("known browser"), help_text=_("This person has signed in there before.")
    )
    device = models.BinaryField(max_length=32, editable=False)  # the hash of a browser's cookie
    at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("attempt to sign in")
        verbose_name_plural = _("attempts to sign in")
        indexes = [
            models.Index(fields=["username", "at"], name="sign_in_of_name"),
            # "what is older than half a year?", every hour
            models.Index(fields=["at"], name="sign_in_age"),
        ]

    def __str__(self) -> str:
        return f"{self.username}: {self.get_state_display()}"


class MultirangeField(models.Field[Any, Any]):
    """A set of ids, stored as PostgreSQL's int8multirange: a million in a row take 30 bytes."""

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        return "int8multirange"


@MultirangeField.register_lookup
class Holds(models.Lookup[int]):
    """`rows__holds=42`: 42 is one of them."""

    lookup_name = "holds"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, left_params = self.process_lhs(compiler, connection)
        return f"{left} @> %s::bigint", (*left_params, self.rhs)


@MultirangeField.register_lookup
class Meets(models.Lookup[Any]):
    """`rows__meets=[(3, 5), (9, 10)]`: one of 3, 4 and 9 is one of them."""

    lookup_name = "meets"
    prepare_rhs = False

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        left, left_params = self.process_lhs(compiler, connection)
        runs = ", ".join(f"[{first}, {behind})" for first, behind in self.rhs)
        return f"{left} && %s::int8multirange", (*left_params, f"{{{runs}}}")


class ChangeQuerySet(models.QuerySet["Change"]):
    def of(self, table: str, row_id: int) -> "ChangeQuerySet":
        """Return all that happened to one row of a table."""
        return self.filter(Q(row_id=row_id) | Q(rows__holds=row_id), table_name=table)


class Change(models.Model):
    """One line of the audit trail: rows that one statement added, or a row changed or removed.

    Written by triggers alone and never changed; erasure takes the values out and leaves the line.
    """

    class Kind(models.TextChoices):
        ADDED = "added", _("added")
        CHANGED = "changed", _("changed")
        REMOVED = "removed", _("removed")

    class Channel(models.TextChoices):
        ADMIN = "admin", _("back office")
        FILE = "file", _("file")
        API = "api", _("API")
        CLIENT = "client", _("client's page")
        TICK = "tick", _("the clock")
        COMMAND = "command", _("command line")

    table_name = models.CharField(_("table"), max_length=63)
    kind = models.CharField(_("kind"), max_length=7, choices=Kind)
    row_id = models.BigIntegerField(_("row"), null=True, help_text=_("Empty for added rows."))
    rows = MultirangeField(_("added rows"), null=True)
    before = models.JSONField(_("before"), null=True, help_text=_("Of the changed columns."))
    after = models.JSONField(_("after"), null=True)
    # The trail outlives the staff it tells of.
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.DO_NOTHING, null=True, db_constraint=False, db_index=False,
        related_name="+", verbose_name=_("by"),
    )  # fmt: skip
    by_name = models.CharField(_("by"), max_length=150)
    reason = models.CharField(_("why"), max_length=300)
    batch = models.BigIntegerField(_("batch"), null=True)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel)
    at = models.DateTimeField(_("when"))
    sealed_at = models.DateTimeField(
        _("sealed"), null=True, help_text=_("When erasure took the values out.")
    )

    objects = ChangeQuerySet.as_manager()

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("audit trail")
        indexes = [
            models.Index(
                fields=["table_name", "row_id"], condition=Q(row_id__isnull=False),
                name="change_of_row",
            ),
            models.Index(fields=["batch"], condition=Q(batch__isnull=False), name="change_of_batch"),
            # "what of this client's was removed?"
            models.Index(
                KeyTransform("client_id", "before"), condition=Q(kind="removed"),
                name="change_removed_of",
            ),
            # "what was done today?"; lines come in the order of time
            BrinIndex(fields=["at"], name="change_by_day"),
            # and change_added, a GiST index of added rows, which Django cannot write
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.table_name} {self.row_id or self.rows}: {self.get_kind_display()}"
