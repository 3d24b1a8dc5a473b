"""What we mean to tell clients, and each attempt to do so."""

import uuid

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Mod
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.models.content import Template, TemplateVersion, Variant
from apps.messaging.models.providers import Provider
from apps.messaging.models.sendings import Sending
from apps.products.models.strategies import ObservationResult
from apps.profiles.models import Channel, Client, ContactPoint

PRIORITY = 100  # of a notice of which nobody said anything else


class Notice(models.Model):
    """One intention to tell one client one thing; its key makes sure there is only one."""

    class State(models.TextChoices):
        DRAFTED = "drafted", _("waits for approval")
        QUEUED = "queued", _("queued")
        PLANNED = "planned", _("message planned")
        DONE = "done", _("told")
        SKIPPED = "skipped", _("not told")
        FAILED = "failed", _("failed")

    # The index of a client's news begins with the client and serves as his.
    client = models.ForeignKey(
        Client, models.PROTECT, related_name="notices", db_index=False, verbose_name=_("client")
    )
    template = models.ForeignKey(
        Template, models.PROTECT, related_name="notices", verbose_name=_("template")
    )
    variant = models.CharField(_("variant"), max_length=10, choices=Variant, default=Variant.PLAIN)
    subject = models.CharField(_("about"), max_length=60, help_text=_("Like strategy:5"))
    # Few look for it, and always among one client's notices: it needs no index of its own.
    result = models.ForeignKey(
        ObservationResult, models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("result"), help_text=_("Once it is superseded, the news is out of date."),
    )  # fmt: skip
    source = models.CharField(_("asked by"), max_length=60, help_text=_("Like event:17"))
    sending = models.ForeignKey(
        Sending, models.PROTECT, null=True, blank=True, related_name="notices",
        verbose_name=_("sending"), db_index=False,
    )  # fmt: skip
    contact_point = models.ForeignKey(
        ContactPoint, models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("only to"), help_text=_("Empty: the channel is chosen when planning."),
    )  # fmt: skip
    values = models.JSONField(
        _("values"), default=dict, help_text=_("What the template may say, as of the occasion.")
    )
    dedupe_key = models.CharField(_("key"), max_length=120)
    priority = models.PositiveSmallIntegerField(
        _("priority"), default=PRIORITY, db_default=PRIORITY,
        help_text=_("Of two offers for one day the one with the higher number goes."),
    )  # fmt: skip
    segment = models.CharField(
        _("segment"), max_length=40, blank=True, default="", db_default="",
        help_text=_("Whose lead-in the message begins with."),
    )  # fmt: skip
    hold_out = models.CharField(
        _("held out"), max_length=60, blank=True, default="", db_default="",
        help_text=_("The control group that the client is in: he is counted and not told."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    created_at = models.DateTimeField(_("created"), default=clock.now)
    deadline_at = models.DateTimeField(
        _("no later than"), null=True, blank=True, help_text=_("Afterwards it is old news.")
    )
    ask_after = models.DateTimeField(
        _("asked again"), null=True, blank=True, editable=False,
        help_text=_("It waits, for a stop to be released or a price to be confirmed."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("notice")
        verbose_name_plural = _("notices")
        constraints = [
            models.CheckConstraint(
                name="notice_refused_has_reason",
                condition=~Q(state__in=["skipped", "failed"]) | ~Q(reason=""),
                violation_error_message=_("Say why the client was not told."),
            ),
            models.UniqueConstraint(
                fields=["dedupe_key"],
                name="notice_once",
                violation_error_message=_("There already is a notice with this key."),
            ),
        ]
        # Half a page is left free, since all notices of a page are planned in one go: each then
        # finds room beside itself and no index is written. So no index but a BRIN may ask for
        # what planning changes; who waits is in models.queue.
        indexes = [
            # "is this address the only one of some notice?"; hardly any is
            models.Index(
                fields=["contact_point"],
                condition=Q(contact_point__isnull=False),
                name="notice_only_to",
            ),
            models.Index(fields=["client", "-created_at"], name="notice_of_client"),
            # the start page's "which could not be worded?", the list's "which wait for approval?";
            # of this kind alone an index may ask for the state and yet let it change in place
            BrinIndex(
                fields=["state", "created_at"],
                condition=Q(state__in=["drafted", "failed"]),
                name="notice_wants_somebody",
                pages_per_range=16,
                autosummarize=True,
            ),
            # "how many has this sending, and which of the share that its ramp lets out wait?"
            models.Index(
                "sending",
                Mod("id", 100),
                condition=Q(sending__isnull=False),
                name="notice_of_ramp",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.template} → {self.client}"


class Message(models.Model):
    """One attempt to tell a client in one channel, with every moment that it passed."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        HELD = "held", _("held with its sending")
        CLAIMED = "claimed", _("being sent")
        SENT = "sent", _("sent")
        DELIVERED = "delivered", _("delivered")
        SKIPPED = "skipped", _("not sent")
        FAILED = "failed", _("failed")
        UNKNOWN = "unknown", _("unknown whether sent")

    # A million are born in one go from rows that are there: a trigger on those keeps them.
    # The unique constraint begins with the notice and serves as its index.
    notice = models.ForeignKey(
        Notice, models.PROTECT, related_name="messages", db_constraint=False, db_index=False,
        verbose_name=_("notice"),
    )  # fmt: skip
    number = models.PositiveSmallIntegerField(
        _("attempt"), default=1, db_default=1,
        help_text=_("Of the notice: a later one follows when the one before did not arrive."),
    )  # fmt: skip
    step = models.PositiveSmallIntegerField(
        _("step"), null=True, blank=True, editable=False,
        help_text=_("Of the cascade; several devices are one. Empty: the attempt's own number."),
    )  # fmt: skip
    is_beside = models.BooleanField(
        _("beside others"), default=False, db_default=False,
        help_text=_("One of several that go out at once, until one is confirmed."),
    )  # fmt: skip
    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    contact_point = models.ForeignKey(
        ContactPoint, models.PROTECT, related_name="messages", db_constraint=False,
        verbose_name=_("to"),
    )  # fmt: skip
    # Few ask for one provider's messages, and always for those of some days.
    carried_by = models.ForeignKey(
        Provider, models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("carried by"), help_text=_("Empty until one takes it."),
    )  # fmt: skip
    language = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES)
    # Only drafts are ever deleted, and no message says a draft: nobody looks for them by it.
    wording = models.ForeignKey(
        TemplateVersion, models.PROTECT, related_name="messages", db_constraint=False,
        db_index=False, verbose_name=_("wording"),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    key = models.UUIDField(
        _("key"), default=uuid.uuid4, unique=True, editable=False,
        help_text=_("Given to the provider, so that a repeated call is not a second message."),
    )  # fmt: skip
    provider_id = models.CharField(_("provider's id"), max_length=120, blank=True)
    attempts = models.PositiveSmallIntegerField(
        _("claims"), default=0, db_default=0, help_text=_("How often a sender took it up.")
    )
    deferrals = models.PositiveSmallIntegerField(
        _("put off"), default=0, db_default=0,
        help_text=_("How often its provider said that it wants it later."),
    )  # fmt: skip
    parts = models.PositiveSmallIntegerField(
        _("parts"), null=True, blank=True, help_text=_("As which it is paid.")
    )
    cost = models.PositiveIntegerField(
        _("cost"), null=True, blank=True, help_text=_("In minor units of the provider's currency.")
    )
    queued_at = models.DateTimeField(_("queued"), default=clock.now)
    send_after = models.DateTimeField(_("not before"))
    leased_until = models.DateTimeField(_("leased until"), null=True, blank=True)
    handed_at = models.DateTimeField(
        _("handed over at"), null=True, blank=True,
        help_text=_("Set just before it goes to the provider; without it nothing has left."),
    )  # fmt: skip
    sent_at = models.DateTimeField(_("sent at"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered at"), null=True, blank=True)
    seen_at = models.DateTimeField(
        _("seen at"), null=True, blank=True, help_text=_("By a person: a gesture, not an open.")
    )
    follow_at = models.DateTimeField(
        _("look after it at"), null=True, blank=True, editable=False,
        help_text=_("Whether another channel must follow."),
    )  # fmt: skip
    ended_at = models.DateTimeField(_("given up at"), null=True, blank=True)
    subject = models.CharField(_("subject"), max_length=300, blank=True)
    body = models.TextField(
        _("text"), blank=True, help_text=_("As sent, with the personal link masked.")
    )

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        constraints = [
            models.UniqueConstraint(fields=["notice", "number"], name="message_numbered"),
            models.UniqueConstraint(
                fields=["notice"],
                condition=Q(state__in=["queued", "held", "claimed"], is_beside=False),
                name="message_one_under_way",
                violation_error_message=_("Another message of this notice is under way."),
            ),
            models.CheckConstraint(
                name="message_refused_has_reason",
                condition=~Q(state__in=["skipped", "failed", "unknown"]) | ~Q(reason=""),
                violation_error_message=_("Say why the message was not sent."),
            ),
            models.CheckConstraint(
                name="message_claimed_has_lease",
                condition=~Q(state="claimed") | Q(leased_until__isnull=False),
                violation_error_message=_("A message being sent has a lease."),
            ),
        ]
        indexes = [
            # the claim's "which messages are due?" and "whose sender died?"
            models.Index(
                fields=["channel", "send_after"], condition=Q(state="queued"), name="message_queued"
            ),
            # "which does a sending hold?" and "which must be looked after?"
            models.Index(fields=["id"], condition=Q(state="held"), name="message_held"),
            # "which need not go out, since another channel has reached him?"; few are second
            models.Index(
                fields=["notice"],
                condition=Q(state="queued") & (Q(number__gt=1) | Q(is_beside=True)),
                name="message_spared",
            ),
            models.Index(
                fields=["follow_at"], condition=Q(follow_at__isnull=False), name="message_followed"
            ),
            models.Index(
                fields=["leased_until"], condition=Q(state="claimed"), name="message_leased"
            ),
            # "which wait to go again to the provider that may have them?"; hardly any do, and
            # none else has a provider. No index may hold the moment of a mark: it would be a new
            # entry in all of them (but for blocks).
            models.Index(
                fields=["send_after"],
                condition=Q(state="queued", carried_by__isnull=False),
                name="message_repeated",
            ),
            # the start page's "which need somebody?" and "how many left today?"
            models.Index(
                fields=["-queued_at"],
                condition=Q(state__in=["failed", "unknown"]),
                name="message_broken",
            ),
            BrinIndex(fields=["sent_at"], name="message_sent"),
            # "what was handed over since?", asked by whoever seals it
            BrinIndex(fields=["handed_at"], name="message_handed"),
            # "of which message does this receipt speak?"
            models.Index(
                fields=["provider_id"], condition=~Q(provider_id=""), name="message_of_provider"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()} № {self.pk}"

    @property
    def at_step(self) -> int:
        return self.step or self.number


class Digest(models.Model):
    """The digest of one month: how far its notices have been queued."""

    month = models.DateField(_("month"), unique=True, help_text=_("Its first day."))
    cursor = models.BigIntegerField(_("queued up to client"), default=0)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    class Meta:
        verbose_name = _("digest")
        verbose_name_plural = _("digests")

    def __str__(self) -> str:
        return f"{self.month:%Y-%m}"
