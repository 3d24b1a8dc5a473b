"""Who wants to be told of what happens by HTTP, and every message to them."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.webhooks import signing


class Endpoint(models.Model):
    """A system that is told of events by HTTP as they happen."""

    class State(models.TextChoices):
        ACTIVE = "active", _("active")
        PAUSED = "paused", _("paused by a person")
        GONE = "gone", _("switched off: it answered that it is gone")
        FAILING = "failing", _("switched off: it failed for days")

    name = models.CharField(_("name"), max_length=60, unique=True)
    url = models.CharField(
        _("address"), max_length=500, help_text=_("Like https://crm.example.com/tidings")
    )
    kinds = ArrayField(
        models.CharField(max_length=60),
        verbose_name=_("kinds of events"),
        help_text=_("One a line, like coupon.accrued."),
    )
    state = models.CharField(
        _("state"), max_length=8, choices=State, default=State.ACTIVE, editable=False
    )
    failing_since = models.DateTimeField(_("failing since"), null=True, blank=True, editable=False)
    quiet_until = models.DateTimeField(_("left alone until"), null=True, editable=False)
    heard_at = models.DateTimeField(_("last success"), null=True, blank=True, editable=False)
    made_at = models.DateTimeField(_("made"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        constraints = [
            models.CheckConstraint(
                name="endpoint_listens_to_something",
                condition=~Q(kinds=[]),
                violation_error_message=_("Name at least one kind of event."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def listener(self) -> str:
        return f"webhook:{self.pk}"

    @property
    def is_active(self) -> bool:
        return self.state == self.State.ACTIVE


class Secret(models.Model):
    """What the signatures of an endpoint are made with; the secret itself is derived, not stored."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="secrets")
    nonce = models.BinaryField(max_length=16)
    made_at = models.DateTimeField(default=clock.now)
    ends_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.endpoint} {self.made_at:%Y-%m-%d}"

    @property
    def text(self) -> str:
        """Return what the receiver verifies with: shown once to a person."""
        return signing.derive_secret(settings.LINK_KEY.encode(), bytes(self.nonce))


class Delivery(models.Model):
    """One message to one endpoint: a fact that it listens to, or a test."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        CLAIMED = "claimed", _("being sent")
        DELIVERED = "delivered", _("delivered")
        FAILED = "failed", _("given up")

    endpoint = models.ForeignKey(
        Endpoint, models.CASCADE, related_name="deliveries", verbose_name=_("webhook")
    )
    message_id = models.CharField(_("message id"), max_length=60, unique=True)
    event_id = models.BigIntegerField(_("event"), null=True)  # none: a test
    kind = models.CharField(_("kind"), max_length=60)
    body = models.TextField(_("body"))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    queued_at = models.DateTimeField(_("queued"))
    send_after = models.DateTimeField(_("next attempt"))
    leased_until = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True)

    class Meta:
        verbose_name = _("webhook message")
        verbose_name_plural = _("webhook messages")
        constraints = [
            models.UniqueConstraint(fields=["endpoint", "event_id"], name="delivery_once")
        ]
        indexes = [
            # "what is due for this endpoint?"
            models.Index(
                fields=["endpoint", "send_after"], condition=Q(state="queued"), name="delivery_due"
            ),
            # "whose sender died?"
            models.Index(
                fields=["leased_until"], condition=Q(state="claimed"), name="delivery_claimed"
            ),
            # "what is old enough to forget?"
            models.Index(fields=["queued_at"], name="delivery_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} → {self.endpoint}"


class Attempt(models.Model):
    """One try to deliver: what was answered, and how quickly."""

    delivery = models.ForeignKey(
        Delivery, models.CASCADE, related_name="tries", verbose_name=_("webhook message")
    )
    at = models.DateTimeField(_("at"))
    took_ms = models.PositiveIntegerField(_("milliseconds"))
    status = models.PositiveSmallIntegerField(_("status"), null=True)  # none: no answer
    answer = models.CharField(_("answer"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")

    def __str__(self) -> str:
        return f"{self.status or '–'} {self.at:%Y-%m-%d %H:%M:%S}"
