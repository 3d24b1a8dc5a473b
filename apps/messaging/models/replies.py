"""What people answer to our messages."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.profiles.models import Channel, Client


class Reply(models.Model):
    """Words that came back to us, what we understood, and what became of them."""

    class Meaning(models.TextChoices):
        STOP = "stop", _("no more messages")
        START = "start", _("wants messages again")
        CALL = "call", _("asks for a call")
        COMPLAINT = "complaint", _("complains")
        TEXT = "text", _("something else")

    class State(models.TextChoices):
        OPEN = "open", _("waits for a person")
        SETTLED = "settled", _("settled")

    class Outcome(models.TextChoices):
        STOPPED = "stopped", _("the address is stopped")
        ANSWERED = "answered", _("answered")
        CALLED = "called", _("called back")
        PASSED_ON = "passed_on", _("passed on to the adviser")
        NOTHING = "nothing", _("nothing to do")

    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    sender = models.CharField(_("from"), max_length=254)
    client = models.ForeignKey(
        Client, models.PROTECT, null=True, blank=True, related_name="replies",
        verbose_name=_("client"),
        help_text=_("Empty where nobody, or more than one client, has this address."),
    )  # fmt: skip
    text = models.TextField(_("text"))
    provider = models.CharField(_("provider"), max_length=40)
    provider_id = models.CharField(_("provider's id"), max_length=120, blank=True)
    occurred_at = models.DateTimeField(_("written"), null=True, blank=True)
    received_at = models.DateTimeField(_("received"), default=clock.now)
    times = models.PositiveSmallIntegerField(
        _("times"), default=1, db_default=1, editable=False,
        help_text=_("How often the same words came within ten minutes, from him or by a repetition."),
    )  # fmt: skip
    again_at = models.DateTimeField(_("came last"), null=True, blank=True, editable=False)
    meaning = models.CharField(_("meaning"), max_length=10, choices=Meaning)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.OPEN)
    outcome = models.CharField(_("outcome"), max_length=10, choices=Outcome, blank=True)
    note = models.CharField(_("note"), max_length=500, blank=True)
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("settled by"), help_text=_("Empty: by the product itself."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("reply")
        verbose_name_plural = _("replies")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "provider_id"],
                condition=~Q(provider_id=""),
                name="reply_once",
                violation_error_message=_("This reply is here already."),
            ),
            models.CheckConstraint(
                name="reply_settled_has_outcome",
                condition=Q(state="open", outcome="", settled_at=None)
                | (Q(state="settled", settled_at__isnull=False) & ~Q(outcome="")),
                violation_error_message=_("Say what became of the reply."),
            ),
        ]
        indexes = [
            # the desk's "which wait for somebody?"
            models.Index(fields=["received_at"], condition=Q(state="open"), name="reply_open"),
            # "has he just said the same?"
            models.Index(fields=["sender", "received_at"], name="reply_of_sender"),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} № {self.pk}: {self.get_meaning_display()}"


class ReplyPart(models.Model):
    """A part of a long SMS, kept until the others have come or are waited for no longer."""

    provider = models.CharField(_("provider"), max_length=40)
    sender = models.CharField(_("from"), max_length=254)
    reference = models.PositiveIntegerField(_("reference"))
    count = models.PositiveSmallIntegerField(_("parts"))
    number = models.PositiveSmallIntegerField(_("part"))
    text = models.TextField(_("text"))
    received_at = models.DateTimeField(_("received"))
    joined_at = models.DateTimeField(
        _("joined"), null=True, blank=True,
        help_text=_("Kept a little longer, so that it is known when it comes again."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("part of a reply")
        verbose_name_plural = _("parts of replies")
        constraints = [
            models.UniqueConstraint(
                fields=["provider", "sender", "reference", "count", "number"],
                name="reply_part_once",
                violation_error_message=_("This part is here already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"
