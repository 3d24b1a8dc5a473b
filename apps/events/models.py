"""What happened to whom: an append-only timeline and the inboxes of those who listen."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.profiles.models import Client


class Event(models.Model):
    """One thing that happened to one client; never changed, kept in monthly partitions."""

    client = models.ForeignKey(
        Client,
        models.PROTECT,
        related_name="events",
        verbose_name=_("client"),
        db_index=False,
        # A foreign key would look at each of a million events once more; a trigger keeps every
        # client that has one.
        db_constraint=False,
    )
    kind = models.CharField(_("kind"), max_length=60, help_text=_("Like coupon.accrued"))
    subject = models.CharField(_("subject"), max_length=60, help_text=_("Like policy:42"))
    occurred_at = models.DateTimeField(_("occurred"))
    properties = models.JSONField(_("properties"), default=dict)
    source_key = models.CharField(
        _("source key"), max_length=120, help_text=_("The same key is never recorded twice.")
    )

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        # The table is made by hand in the migration: Django cannot partition.
        constraints = [
            models.UniqueConstraint(
                fields=["source_key", "occurred_at"], name="event_recorded_once"
            )
        ]
        indexes = [models.Index(fields=["client", "-occurred_at"], name="event_timeline")]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject}"


class Listening(models.Model):
    """Who wants to be told of which kind of event."""

    listener = models.CharField(max_length=30)
    kind = models.CharField(max_length=60)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "listener"], name="listening_once")]

    def __str__(self) -> str:
        return f"{self.listener} ← {self.kind}"


class Inbox(models.Model):
    """An event that a listener has not taken yet; the row is deleted when it has."""

    listener = models.CharField(max_length=30)
    kind = models.CharField(max_length=60)
    event = models.ForeignKey(Event, models.DO_NOTHING, db_constraint=False, related_name="+")
    occurred_at = models.DateTimeField()

    class Meta:
        verbose_name = _("waiting event")
        verbose_name_plural = _("waiting events")
        indexes = [models.Index(fields=["listener", "id"], name="inbox_of_listener")]

    def __str__(self) -> str:
        return f"{self.listener}: {self.kind} {self.event_id}"


class Arrival(models.Model):
    """What one request brought, safe on disk before it was answered; gone once it is on timelines."""

    events = models.JSONField(_("events"), help_text=_("As they were sent, numbers exactly so."))
    count = models.PositiveSmallIntegerField(_("events"))
    first_at = models.DateTimeField()  # between these moments its events occurred
    last_at = models.DateTimeField()
    sender = models.CharField(_("sender"), max_length=80)
    received_at = models.DateTimeField(_("received"))

    class Meta:
        verbose_name = _("arrival")
        verbose_name_plural = _("arrivals")

    def __str__(self) -> str:
        return f"{self.sender} × {self.count}"


class Stray(models.Model):
    """An event that stands on no timeline: nobody knows its client yet, or its id was used before."""

    class Reason(models.TextChoices):
        NO_CLIENT = "no_client", _("the client is not known yet")
        ID_USED = "id_used", _("its id was used for another moment")

    reason = models.CharField(_("reason"), max_length=12, choices=Reason)
    scheme = models.CharField(_("known by"), max_length=16)
    reference = models.CharField(_("client"), max_length=200)
    kind = models.CharField(_("kind"), max_length=60)
    subject = models.CharField(_("subject"), max_length=60, blank=True)
    occurred_at = models.DateTimeField(_("occurred"))
    properties = models.JSONField(_("properties"), default=dict)
    source_key = models.CharField(_("source key"), max_length=120)
    sender = models.CharField(_("sender"), max_length=80)
    received_at = models.DateTimeField(_("received"))

    class Meta:
        verbose_name = _("event kept aside")
        verbose_name_plural = _("events kept aside")
        constraints = [
            models.UniqueConstraint(fields=["source_key", "occurred_at"], name="stray_kept_once")
        ]
        indexes = [
            # "which of them wait for clients, and which are too old?"
            models.Index(fields=["reason", "received_at"], name="stray_by_age"),
            # "which wait for him who has just come?"
            models.Index(
                fields=["reference"], condition=Q(reason="no_client"), name="stray_waiting"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"
