"""A second person's word on a large sending: what exactly he said it of, and until when it holds."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.models.sendings import Sending


class ApprovalLimit(models.Model):
    """How many notices a sending may have that nobody else need approve; the newest set row holds.

    The database itself refuses a higher one that one person alone has set.
    """

    class State(models.TextChoices):
        ASKED = "asked", _("waits for a second person")
        SET = "set", _("set")
        DECLINED = "declined", _("declined")

    clients = models.PositiveIntegerField(
        _("clients"), help_text=_("A sending to more waits until a second person approves it.")
    )
    reason = models.CharField(_("because"), max_length=300)
    state = models.CharField(
        _("state"), max_length=8, choices=State, default=State.SET, db_default=State.SET,
        editable=False,
    )  # fmt: skip
    set_at = models.DateTimeField(_("set at"), default=clock.now, editable=False)
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+",
        verbose_name=_("set by"), editable=False,
    )  # fmt: skip
    # Who raises it only asks: another person confirms it, or declines.
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("decided by"), editable=False,
    )  # fmt: skip

    class Meta:
        verbose_name = _("size that needs approval")
        verbose_name_plural = _("sizes that need approval")
        permissions = [("confirm_limit", _("Can raise the size that needs approval"))]
        constraints = [
            models.CheckConstraint(
                name="approval_limit_raised_by_two",
                condition=~Q(state="set") | Q(decided_by=None) | ~Q(decided_by=F("set_by")),
                violation_error_message=_("A second person must raise it."),
            )
        ]

    def __str__(self) -> str:
        return str(self.clients)


class Approval(models.Model):
    """Asked for by one person and given by another; bound to what is said and to who is told."""

    class State(models.TextChoices):
        ASKED = "asked", _("asked for")
        APPROVED = "approved", _("approved")
        REJECTED = "rejected", _("rejected")
        VOID = "void", _("void")
        SPENT = "spent", _("used up")  # all that it allowed is out

    sending = models.ForeignKey(
        Sending, models.PROTECT, related_name="approvals", verbose_name=_("sending")
    )
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.ASKED)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    edition = models.PositiveBigIntegerField(_("edition"))
    text_edition = models.PositiveBigIntegerField(_("edition of the text"), default=0, db_default=0)
    content = models.BinaryField(
        max_length=32, help_text=_("The hash of the wordings and of what they take in.")
    )
    audience = models.BinaryField(
        max_length=32, help_text=_("The hash of every client with what he is to be told.")
    )
    scope = models.JSONField(
        _("scope"),
        default=dict,
        help_text=_("Templates, segments, planned wordings, and the snippets that they take in."),
    )
    figures = models.JSONField(
        _("figures"), default=list, help_text=_("By wording, as the approver was shown them.")
    )
    clients = models.PositiveIntegerField(_("clients"))
    asked_at = models.DateTimeField(_("asked at"), default=clock.now)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("asked by")
    )
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("decided by"),
    )  # fmt: skip
    void_at = models.DateTimeField(_("void since"), null=True, blank=True)

    class Meta:
        verbose_name = _("approval of a sending")
        verbose_name_plural = _("approvals of sendings")
        permissions = [("approve_sending", _("Can approve large sendings"))]
        constraints = [
            models.UniqueConstraint(
                fields=["sending"],
                condition=Q(state__in=["asked", "approved"]),
                name="approval_one_in_force",
                violation_error_message=_("Approval is asked for already."),
            ),
            models.CheckConstraint(
                name="approval_by_two",
                condition=Q(decided_by=None) | ~Q(decided_by=F("asked_by")),
                violation_error_message=_("A second person must approve it."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.sending} № {self.pk}"
