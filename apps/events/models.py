"""What happened to whom: an append-only timeline and the inboxes of those who listen."""

from django.db import models
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
