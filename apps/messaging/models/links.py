"""Personal links and who followed them."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.models.outbox import Message
from apps.profiles.models import Client, ContactPoint


class Link(models.Model):
    """A client's personal link; the token itself is never stored, only its hash."""

    STAFF = "staff:"  # the subject of a link by which staff look begins so

    client = models.ForeignKey(
        Client, models.PROTECT, related_name="links", verbose_name=_("client")
    )
    message = models.OneToOneField(
        Message, models.PROTECT, null=True, blank=True, related_name="link",
        verbose_name=_("message"),
    )  # fmt: skip
    contact_point = models.ForeignKey(
        ContactPoint, models.PROTECT, null=True, blank=True, related_name="+", db_index=False,
        verbose_name=_("sent to"), help_text=_("Once it is another client's, it leads nowhere."),
    )  # fmt: skip
    subject = models.CharField(
        _("about"), max_length=60, blank=True, help_text=_("Like strategy:5; shown first.")
    )
    # What it is for, in words that a merge of clients leaves alone: a link once sent stays good.
    key = models.CharField(max_length=120, blank=True, editable=False)
    nonce = models.BinaryField(max_length=16)
    token_hash = models.BinaryField(max_length=32, unique=True)
    created_at = models.DateTimeField(_("created"), default=clock.now)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("personal link")
        verbose_name_plural = _("personal links")
        constraints = [
            models.UniqueConstraint(
                fields=["key"],
                condition=~Q(key="") & Q(revoked_at=None),
                name="link_once_a_purpose",
            )
        ]
        indexes = [
            # "which links went to this address?", asked where it goes to another client
            models.Index(
                fields=["contact_point"],
                condition=Q(contact_point__isnull=False),
                name="link_of_address",
            ),
            # "which links of staff are still open?"
            models.Index(
                fields=["created_at"],
                condition=Q(subject__startswith="staff:", revoked_at=None),
                name="link_of_staff",
            ),
        ]

    def __str__(self) -> str:
        return f"{_('link')} № {self.pk}"

    @property
    def is_for_staff(self) -> bool:
        """Staff look by it: what happens there is no doing of the client's."""
        return self.subject.startswith(self.STAFF)


class Hit(models.Model):
    """One request for a short link, by a person or by a machine that looks at messages."""

    class Verdict(models.TextChoices):
        HUMAN = "human", _("a person")
        MACHINE = "machine", _("a machine")

    class Gesture(models.TextChoices):
        POINTER = "pointer", _("moved or pressed a pointer")
        TOUCH = "touch", _("touched the screen")
        KEY = "key", _("pressed a key")
        SCROLL = "scroll", _("scrolled")
        PRESS = "press", _("pressed to see figures")

    link = models.ForeignKey(Link, models.CASCADE, related_name="hits", verbose_name=_("link"))
    occurred_at = models.DateTimeField(_("occurred"))
    verdict = models.CharField(
        _("verdict"), max_length=10, choices=Verdict,
        help_text=_("A machine, until somebody makes a gesture on the page."),
    )  # fmt: skip
    gesture = models.CharField(
        _("gesture"), max_length=10, choices=Gesture, blank=True, default="", db_default=""
    )
    signs = ArrayField(
        models.CharField(max_length=10), verbose_name=_("signs of a machine"), default=list,
        db_default=[], blank=True,
    )  # fmt: skip
    agent = models.CharField(_("program"), max_length=200, blank=True)
    campaign = models.JSONField(
        _("campaign"), default=dict, db_default={}, blank=True,
        help_text=_("What the address said of it: utm_source, utm_medium, utm_campaign …"),
    )  # fmt: skip

    class Meta:
        verbose_name = _("hit")
        verbose_name_plural = _("hits")
        indexes = [
            models.Index(fields=["link", "occurred_at"], name="hit_of_link"),
            # the start page's "how many pages were opened today?"
            BrinIndex(fields=["occurred_at"], name="hit_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.link_id} {self.occurred_at:%Y-%m-%d %H:%M}"


class Opening(models.Model):
    """An e-mail's image was asked for: by its reader, or by a program that looks at all images.

    Recorded and shown; nothing that Tidings does depends on it.
    """

    message = models.ForeignKey(
        Message, models.CASCADE, related_name="openings", verbose_name=_("message")
    )
    occurred_at = models.DateTimeField(_("occurred"))
    agent = models.CharField(_("program"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("opening")
        verbose_name_plural = _("openings")

    def __str__(self) -> str:
        return f"{self.message_id} {self.occurred_at:%Y-%m-%d %H:%M}"


class SpoolFile(models.Model):
    """How far a web process's notes of who followed links have been read."""

    name = models.CharField(max_length=120, unique=True)
    read = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("file of hits")
        verbose_name_plural = _("files of hits")

    def __str__(self) -> str:
        return self.name
