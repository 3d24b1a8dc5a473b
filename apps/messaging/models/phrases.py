"""What is said in many templates: snippets, disclaimers with their dates, lead-ins of segments."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.messaging.models.content import Template
from apps.products.models.strategies import Strategy
from apps.profiles.models import Channel

NAME = RegexValidator(r"^[a-z][a-z0-9_]*$", _("Small letters, digits and _ only, like risk_note."))


class Snippet(models.Model):
    """A piece of text that templates share: {{ snippet.name }}."""

    name = models.CharField(
        _("name"), max_length=40, unique=True, validators=[NAME],
        help_text=_("As templates call it: {{ snippet.name }}."),
    )  # fmt: skip
    about = models.CharField(_("what it is for"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("snippet")
        verbose_name_plural = _("snippets")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SnippetText(models.Model):
    """One version of a snippet in one language; the published one is said."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        RETIRED = "retired", _("retired")

    snippet = models.ForeignKey(
        Snippet, models.PROTECT, related_name="texts", verbose_name=_("snippet")
    )
    language = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES)
    number = models.PositiveSmallIntegerField(_("version"), default=1)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    body = models.TextField(
        _("text"), max_length=5_000, help_text=_("Liquid, as in a template; no other snippet.")
    )
    created_at = models.DateTimeField(_("created"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("text of a snippet")
        verbose_name_plural = _("texts of snippets")
        ordering = ["snippet", "language", "-number"]
        constraints = [
            models.UniqueConstraint(
                fields=["snippet", "language", "number"],
                name="snippet_text_number",
                violation_error_message=_("This snippet already has a version so numbered."),
            ),
            models.UniqueConstraint(
                fields=["snippet", "language"],
                condition=Q(state="published"),
                name="snippet_text_one_published",
                violation_error_message=_("Another version of this snippet is published."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.snippet} {self.language} v{self.number}"


class Product(models.TextChoices):
    """What a message may be about; as its subject begins."""

    STRATEGY = "strategy", _("coupon strategies")
    POLICY = "policy", _("policies")
    ACCOUNT = "account", _("accounts and portfolios")


class Disclaimer(models.Model):
    """What must be said with certain messages; it is appended by itself, or nothing goes out."""

    name = models.CharField(_("name"), max_length=80, unique=True)
    product = models.CharField(
        _("product"), max_length=10, choices=Product, blank=True, help_text=_("Empty: any.")
    )
    strategy = models.ForeignKey(
        Strategy, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("strategy"), help_text=_("Empty: any."),
    )  # fmt: skip
    template = models.ForeignKey(
        Template, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("occasion"), help_text=_("Like “Coupon accrued”. Empty: any."),
    )  # fmt: skip
    channels = ArrayField(
        models.CharField(max_length=16, choices=Channel), verbose_name=_("channels"),
        default=list, blank=True, help_text=_("Empty: all. In an SMS every part costs."),
    )  # fmt: skip
    is_required = models.BooleanField(
        _("required"),
        default=True,
        help_text=_("Without a valid text such messages do not go out."),
    )

    class Meta:
        verbose_name = _("disclaimer")
        verbose_name_plural = _("disclaimers")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class DisclaimerText(models.Model):
    """A disclaimer's words in one language, and the days on which they hold."""

    disclaimer = models.ForeignKey(
        Disclaimer, models.PROTECT, related_name="texts", verbose_name=_("disclaimer")
    )
    language = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES)
    body = models.TextField(_("text"), max_length=3_000)
    valid_from = models.DateField(_("valid from"))
    valid_until = models.DateField(
        _("valid until"), null=True, blank=True, help_text=_("The last day. Empty: for good.")
    )

    class Meta:
        verbose_name = _("text of a disclaimer")
        verbose_name_plural = _("texts of disclaimers")
        ordering = ["disclaimer", "language", "-valid_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["disclaimer", "language", "valid_from"],
                name="disclaimer_text_from",
                violation_error_message=_("There already is a text valid from this day."),
            ),
            models.CheckConstraint(
                name="disclaimer_text_ends_after_start",
                condition=Q(valid_until__isnull=True) | Q(valid_until__gte=F("valid_from")),
                violation_error_message=_("It cannot end before it begins."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.disclaimer} {self.language} {self.valid_from}"


class LeadIn(models.Model):
    """The first words of a message for clients of one segment."""

    segment = models.CharField(
        _("segment"), max_length=40, help_text=_("Its key, as the notice carries it.")
    )
    template = models.ForeignKey(
        Template, models.PROTECT, null=True, blank=True, related_name="+",
        verbose_name=_("occasion"), help_text=_("Empty: every one that has no lead-in of its own."),
    )  # fmt: skip
    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    language = models.CharField(_("language"), max_length=8, choices=settings.LANGUAGES)
    body = models.TextField(
        _("text"), max_length=1_000,
        help_text=_("Goes where the template says {{ lead_in }}, else before its first word."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("lead-in")
        verbose_name_plural = _("lead-ins")
        ordering = ["segment", "template", "channel", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["segment", "template", "channel", "language"],
                nulls_distinct=False,
                name="lead_in_once",
                violation_error_message=_("The segment already has a lead-in here."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.segment} {self.channel}/{self.language}"


class SeedAddress(models.Model):
    """An address of our own people: test sends go to such and to nobody else."""

    name = models.CharField(_("name"), max_length=80)
    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    address = models.CharField(_("address"), max_length=254)
    is_active = models.BooleanField(_("in use"), default=True)

    class Meta:
        verbose_name = _("address for tests")
        verbose_name_plural = _("addresses for tests")
        ordering = ["channel", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["channel", "address"],
                name="seed_address_once",
                violation_error_message=_("This address is on the list already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.channel})"
