"""What messages say: templates in versions by channel, language and variant."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.phrasing import PHRASE
from apps.messaging.scribes import POOL, names
from apps.profiles.models import Channel, Purpose

# What each occasion has to say, by template code; a template of another code is not checked.
ALWAYS = {"name", "issuer", "link"}
OBSERVED = ALWAYS | {
    "strategy", "tranche", "policies", "amount", "remembered", "redemption", "observed_on",
    "pays_on", "next_on", "worst", "worst_level",
}  # fmt: skip
DATED = ALWAYS | {"strategy", "tranche", "policies", "on"}
ON_PAGES = {"chart", "chart_words", "why"}  # what every e-mail may show besides
CATALOGUE = {
    "coupon.accrued": OBSERVED,
    "coupon.saved": OBSERVED,
    "coupon.lost": OBSERVED,
    "strategy.called": OBSERVED,
    "strategy.matured": OBSERVED,
    "result.corrected": ALWAYS
    | {"strategy", "tranche", "observed_on", "told", "correct", "share", "prices", "lines"},
    "payment.paid": DATED | {"amount", "redemption"},
    "payment.due": DATED | {"amount"},
    "policy.maturing": DATED,
    "observation.near": DATED,
    "holding.moved": ALWAYS | {"what", "by", "falls", "since", "others", "moves", "day"},
    "deadline.near": ALWAYS | {"kind", "is_tax", "day", "days", "year", "about", "amount"},
    "digest.monthly": ALWAYS | {"month", "policies", "accrued", "remembered", "next_on"},
    "email.confirm": ALWAYS - {"link"} | {"confirm_url"},
}


class Variant(models.TextChoices):
    PLAIN = "plain", _("plain")
    GENTLE = "gentle", _("gentle, for a portfolio below its start")


class Kind(models.TextChoices):
    """What a message is to the client, and so which rules of the gate it is free of."""

    OFFER = "offer", _("offer")  # one a day, less by policy, none for who is held out
    SERVICE = "service", _("service")  # as often as there is something to say
    SECURITY = "security", _("security alert")  # at any hour, whatever he agreed to


class Display(models.TextChoices):
    """How the issuer's own site or app shows a notice."""

    BANNER = "banner", _("banner")
    POPUP = "popup", _("pop-up")
    BLOCKING = "blocking", _("blocking, until it is acknowledged")


class Template(models.Model):
    """One thing we say to clients, in every channel, language and variant that it has."""

    code = models.CharField(
        _("code"), max_length=60, unique=True, help_text=_("The kind of event it answers.")
    )
    name = models.CharField(_("name"), max_length=100)
    purpose = models.CharField(
        _("purpose"), max_length=16, choices=Purpose, blank=True,
        help_text=_("The consent it needs. Empty: an answer to what the client just asked for."),
    )  # fmt: skip
    kind = models.CharField(
        _("kind"), max_length=10, choices=Kind, default=Kind.SERVICE, db_default=Kind.SERVICE,
        help_text=_("Offers come once a day at most; a security alert comes at any hour."),
    )  # fmt: skip
    channels = ArrayField(
        models.CharField(max_length=16), verbose_name=_("channels"),
        default=list, db_default=[], blank=True,
        help_text=_("Those allowed, in the order in which they are tried. Empty: all but calls."),
    )  # fmt: skip
    sms_parts = models.PositiveSmallIntegerField(
        _("most parts of an SMS"), null=True, blank=True,
        help_text=_("A longer one, with the client's own figures, does not go out. Empty: any."),
    )  # fmt: skip
    counts_openings = models.BooleanField(
        _("opening picture"), default=False, db_default=False,
        help_text=_(
            "Its e-mails ask us for a picture of one point when they are opened. In many countries "
            "that needs the reader's consent. Nothing is decided by it."
        ),
    )  # fmt: skip

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(
                name="template_watches_no_security_alert",
                condition=~Q(kind="security") | Q(counts_openings=False),
                violation_error_message=_("A security alert carries no opening picture."),
            )
        ]

    def __str__(self) -> str:
        return gettext(self.name) if self.name else self.code  # the names that we ship are known


class TemplateVersion(models.Model):
    """One wording of a template; once published it is never changed, only replaced."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        RETIRED = "retired", _("retired")

    template = models.ForeignKey(
        Template, models.PROTECT, related_name="versions", verbose_name=_("template")
    )
    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    language = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES)
    variant = models.CharField(_("variant"), max_length=10, choices=Variant, default=Variant.PLAIN)
    number = models.PositiveSmallIntegerField(_("version"), default=1)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    body = models.TextField(
        _("text"),
        blank=True,
        help_text=_(
            "Liquid: {{ amount }}. A missing value stops the message. "
            "For an e-mail with a design it may be empty: then it is made from the design."
        ),
    )
    mjml = models.TextField(
        _("design"), blank=True, default="", db_default="",
        help_text=_("MJML, for e-mails. Empty: the text in our own plain design."),
    )  # fmt: skip
    html = models.TextField(  # of the design, compiled when it is saved
        blank=True, default="", db_default="", editable=False
    )
    shows_money = models.BooleanField(
        _("sums on a locked screen"), default=False, db_default=False,
        help_text=_("A push is read by whoever sees the phone: tick this if it may say sums."),
    )  # fmt: skip
    display = models.CharField(
        _("shown as"), max_length=10, choices=Display, blank=True, default="", db_default="",
        help_text=_("Of an in-app notice. A blocking one leaves nothing else to do: use it rarely."),
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("template version")
        verbose_name_plural = _("template versions")
        constraints = [
            models.UniqueConstraint(
                fields=["template", "channel", "language", "variant", "number"],
                name="template_version_number",
                violation_error_message=_("This wording already has a version so numbered."),
            ),
            models.UniqueConstraint(
                fields=["template", "channel", "language", "variant"],
                condition=Q(state="published"),
                name="template_version_one_published",
                violation_error_message=_("Another version of this wording is published."),
            ),
            models.CheckConstraint(
                name="template_version_email_has_subject",
                condition=~Q(channel="email") | ~Q(subject=""),
                violation_error_message=_("An e-mail needs a subject."),
            ),
            models.CheckConstraint(
                name="template_version_in_app_has_title",
                condition=~Q(channel="in_app") | ~Q(subject="") & ~Q(display=""),
                violation_error_message=_(
                    "An in-app notice needs a subject as its title, and how it is shown."
                ),
            ),
            models.CheckConstraint(
                name="template_version_display_is_in_app",
                condition=Q(channel="in_app") | Q(display=""),
                violation_error_message=_("Only an in-app notice is shown as something."),
            ),
        ]

    def __str__(self) -> str:
        words = (
            self.get_channel_display(), self.get_language_display(), self.get_variant_display(),
        )  # fmt: skip
        return f"{self.template}: {', '.join(words)}, v{self.number}"

    def known(self) -> set[str]:
        """Name the values that the occasion has; nothing for an occasion of marketers' own."""
        names = CATALOGUE.get(self.template.code, set())
        return names | ON_PAGES if names and self.channel == Channel.EMAIL else names

    def clean(self) -> None:
        """Refuse a wording that could not be written: its syntax, or a value nobody gives it."""
        super().clean()
        if not self.body.strip() and not self.mjml.strip():
            raise ValidationError({"body": _("Say something, or give it a design.")})
        if self.template_id is not None:
            # Shared phrases are looked up when it is published; here they only stand in the way.
            sources = {name: PHRASE.sub("", getattr(self, name)) for name in ("subject", "body")}
            jobs = [names({name: source}, {}) for name, source in sources.items()]
            for name, answer in zip(sources, POOL.ask(jobs), strict=True):
                if "error" in answer:
                    raise ValidationError({name: answer["error"]})
                self.check_names(name, answer["used"][name])

    def check_names(self, field: str, taken: list[str]) -> None:
        """Refuse values that the occasion does not have. Raises ValidationError."""
        known = self.known()
        unknown = [path for path in taken if known and root(path) not in known]
        if unknown:
            raise ValidationError(
                {
                    field: _("This occasion has no %(unknown)s. It has %(known)s.")
                    % {"unknown": ", ".join(unknown), "known": ", ".join(sorted(known))}
                }
            )


def root(path: str) -> str:
    """Return the first name of a path like "shares[0].name"."""
    return path.partition("[")[0].partition(".")[0]
