"""Who the clients are, how they may be reached and what they agreed to."""

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex, HashIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from apps.core import clock

# A file brings a million clients with six rows each; the clients are kept for them by a trigger,
# see docs/decisions/004. Whoever adds one such row holds its client by a lock.
BORN: dict[str, Any] = {"db_constraint": False}
NEVER = datetime(
    1970, 1, 1, tzinfo=UTC
)  # stands for no moment at all where an index has to sort it


def check_time_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(
            _("“%(name)s” is no time zone; write it like Europe/Moscow."), params={"name": name}
        )


def check_attributes(attributes: object) -> None:
    if not isinstance(attributes, dict):
        raise ValidationError(_('Write the attributes as an object: {"name": "value"}.'))


class Channel(models.TextChoices):
    SMS = "sms", _("SMS")
    EMAIL = "email", _("e-mail")
    PUSH = "push", _("push")
    MESSENGER = "messenger", _("messenger")
    IN_APP = "in_app", _("in-app notice")
    CALL = "call", _("call")


# A call goes to the number that SMS go to: it has no addresses of its own.
ADDRESSED = [choice for choice in Channel.choices if choice[0] != Channel.CALL]


def address_channel(channel: str) -> str:
    """Return under which channel the addresses stand at which another one reaches clients."""
    return str(Channel.SMS) if channel == Channel.CALL else channel


class Client(models.Model):
    """A person who holds our products: one profile, whatever number of contracts and addresses."""

    class TimeZoneSource(models.TextChoices):
        UNKNOWN = "unknown", _("unknown")
        STATED = "stated", _("stated by the client")
        IMPORTED = "imported", _("imported from the core system")
        PHONE = "phone", _("derived from the phone number")
        OBSERVED = "observed", _("observed in a browser")

    class Tier(models.TextChoices):
        HNWI = "hnwi", _("HNWI")
        AFFLUENT = "affluent", _("affluent")
        MASS_AFFLUENT = "mass_affluent", _("mass affluent")
        SMALL = "small", _("small")

    first_name = models.CharField(_("first name"), max_length=100, blank=True)
    last_name = models.CharField(_("last name"), max_length=100, blank=True)
    birth_on = models.DateField(_("date of birth"), null=True, blank=True)
    tier = models.CharField(_("tier"), max_length=16, choices=Tier, blank=True)
    language = models.CharField(
        _("language"), max_length=8, choices=settings.LANGUAGES, default="en"
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        blank=True,
        validators=[check_time_zone],
        help_text=_(
            "Like Europe/Moscow. Empty: he is told when it is day in all of his phone's country."
        ),
    )
    time_zone_source = models.CharField(
        _("time zone known from"),
        max_length=16,
        choices=TimeZoneSource,
        default=TimeZoneSource.UNKNOWN,
    )
    quiet_from = models.TimeField(
        _("quiet from"),
        default=time(21),
        help_text=_("Local time from which the client is left alone."),
    )
    quiet_until = models.TimeField(
        _("quiet until"), default=time(9), help_text=_("Local time from which he may be told.")
    )
    preferred_channel = models.CharField(
        _("preferred channel"), max_length=16, choices=Channel, blank=True
    )
    attributes = models.JSONField(
        _("attributes"),
        default=dict,
        blank=True,
        validators=[check_attributes],
        help_text=_("What the issuer adds, as names and values."),
    )
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)
    # Always the client who stands today: a later merge moves this reference like any other.
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, editable=False, db_index=False,
        related_name="merged_from", verbose_name=_("merged into"),
        help_text=_("Empty, unless this turned out to be a client we knew already."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("client")
        verbose_name_plural = _("clients")
        # Seeing a list is one right, carrying it out of the house another.
        permissions = [
            ("export_lists", _("Can take lists out as files")),
            ("see_personal", _("Can see names, addresses and birthdays of clients")),
        ]
        constraints = [
            models.CheckConstraint(
                name="client_time_zone_has_source",
                condition=Q(time_zone="", time_zone_source="unknown")
                | (~Q(time_zone="") & ~Q(time_zone_source="unknown")),
                violation_error_message=_("Say where the time zone is known from, or empty both."),
            ),
            models.CheckConstraint(
                name="client_quiet_hours_leave_room",
                condition=~Q(quiet_from=F("quiet_until")),
                violation_error_message=_("Quiet hours must begin and end at different times."),
            ),
        ]
        indexes = [
            models.Index(fields=["last_name", "first_name"], name="client_by_name"),
            # "who was merged into these?"; hardly anybody was
            models.Index(
                fields=["merged_into"],
                condition=Q(merged_into__isnull=False),
                name="client_merged",
            ),
            # and client_last_name and client_first_name, by how names begin, which Django cannot write
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.first_name, self.last_name))) or f"№ {self.pk}"


class Identifier(models.Model):
    """A value by which another system knows one client; phones and e-mails are contact points."""

    class Kind(models.TextChoices):
        CORE_ID = "core_id", _("core system id")
        CONTRACT = "contract", _("contract number")
        COOKIE = "cookie", _("cookie")

    HARD = (Kind.CORE_ID, Kind.CONTRACT)  # these alone prove that two records are one person

    client = models.ForeignKey(
        Client, models.CASCADE, related_name="identifiers", verbose_name=_("client"), **BORN
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind)
    value = models.CharField(_("value"), max_length=200)
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("identifier")
        verbose_name_plural = _("identifiers")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "value"],
                name="identifier_names_one_client",
                violation_error_message=_("Another client already has this identifier."),
            ),
            models.CheckConstraint(
                name="identifier_has_value",
                condition=~Q(value=""),
                violation_error_message=_("An identifier needs a value."),
            ),
        ]
        # "who has come lately?"; they come in the order of time
        indexes = [BrinIndex(fields=["created_at"], name="identifier_lately")]

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


class ContactPoint(models.Model):
    """An address in one channel at which a client may be reached."""

    class State(models.TextChoices):
        UNCONFIRMED = "unconfirmed", _("not confirmed")
        VALID = "valid", _("valid")
        UNREACHABLE = "unreachable", _("unreachable")
        BOUNCED = "bounced", _("bounced")
        REMOVED = "removed", _("removed")

    # The unique constraint begins with the client and serves as his index.
    client = models.ForeignKey(
        Client,
        models.CASCADE,
        related_name="contact_points",
        verbose_name=_("client"),
        db_index=False,
        **BORN,
    )
    channel = models.CharField(_("channel"), max_length=16, choices=ADDRESSED)
    address = models.CharField(
        _("address"), max_length=254, help_text=_("Phone as +79161234567, e-mail as name@host.")
    )
    state = models.CharField(_("state"), max_length=16, choices=State, default=State.VALID)
    verified_at = models.DateTimeField(_("verified"), null=True, blank=True)
    checked_at = models.DateTimeField(_("last checked"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("contact point")
        verbose_name_plural = _("contact points")
        constraints = [
            models.UniqueConstraint(
                fields=["client", "channel", "address"],
                name="contact_point_once_per_client",
                violation_error_message=_("The client already has this address."),
            ),
            models.CheckConstraint(
                name="contact_point_sms_is_e164",
                condition=~Q(channel="sms") | Q(address__regex=r"^\+[1-9][0-9]{6,14}$"),
                violation_error_message=_("Write the phone number like +79161234567."),
            ),
            models.CheckConstraint(
                name="contact_point_email_has_at",
                condition=~Q(channel="email") | Q(address__regex=r"^[^@\s]+@[^@\s]+$"),
                violation_error_message=_("Write the e-mail address like name@example.com."),
            ),
        ]
        indexes = [
            # "whose address is this?"; to fill it costs half of what a sorted one does
            HashIndex(
                fields=["address"], name="contact_point_address", condition=~Q(state="removed")
            ),
            # "which phones are due for a check?", those never looked up first
            models.Index(
                Coalesce("checked_at", Value(NEVER)), "id",
                condition=Q(channel="sms", state="valid"),
                name="contact_point_to_check",
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.address


class Purpose(models.TextChoices):
    SERVICE = "service", _("news about own contracts")
    DIGEST = "digest", _("monthly digest")
    MARKETING = "marketing", _("offers")


class ConsentRecord(models.Model):
    """One answer of a client to one question; the latest answer counts, none is ever changed."""

    # The index of current answers begins with the client and serves as his.
    client = models.ForeignKey(
        Client,
        models.PROTECT,
        related_name="consents",
        verbose_name=_("client"),
        db_index=False,
        **BORN,
    )
    purpose = models.CharField(_("purpose"), max_length=16, choices=Purpose)
    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    granted = models.BooleanField(_("granted"), help_text=_("Unticked: withdrawn."))
    text_version = models.CharField(
        _("version of the text"), max_length=50, help_text=_("Which wording the client saw.")
    )
    source = models.CharField(_("source"), max_length=100, help_text=_("Form, call, contract …"))
    given_on = models.DateField(
        _("given on"),
        null=True,
        blank=True,
        help_text=_("When the client gave this answer, where a file said so."),
    )
    recorded_at = models.DateTimeField(_("recorded"), default=clock.now)

    class Meta:
        verbose_name = _("consent record")
        verbose_name_plural = _("consent records")
        indexes = [
            # "the latest answer of these clients for this purpose and channel"
            models.Index(
                "client", "purpose", "channel", F("recorded_at").desc(), F("id").desc(),
                name="consent_current",
            )
        ]  # fmt: skip

    def __str__(self) -> str:
        verb = _("granted") if self.granted else _("withdrawn")
        return f"{self.get_purpose_display()} / {self.get_channel_display()}: {verb}"
