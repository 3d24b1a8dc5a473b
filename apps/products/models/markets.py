"""Exchanges, shares and their closing prices."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from apps.core import clock
from apps.profiles.models import check_time_zone


class Exchange(models.Model):
    """A market whose sessions decide which days count."""

    code = models.CharField(_("code"), max_length=10, unique=True, help_text=_("MIC, like XNYS"))
    name = models.CharField(_("name"), max_length=100)
    time_zone = models.CharField(_("time zone"), max_length=64, validators=[check_time_zone])
    closes_at = models.TimeField(_("closes at"), help_text=_("Local time of the closing price."))
    # A copy of TradingDay.closes_at by ISO day, kept by a trigger: an exchange that comes along
    # with a share knows its half days without another query.
    half_days = models.JSONField(default=dict, editable=False)

    class Meta:
        verbose_name = _("exchange")
        verbose_name_plural = _("exchanges")

    def __str__(self) -> str:
        return self.code

    def close_of(self, day: date) -> datetime:
        """Return the moment from which a closing price of the day can be known."""
        early = self.half_days.get(day.isoformat())
        closes_at = time.fromisoformat(early) if early else self.closes_at
        return datetime.combine(day, closes_at, ZoneInfo(self.time_zone))


class TradingDay(models.Model):
    """A session of an exchange; a day without a row is no session."""

    class Origin(models.TextChoices):
        CALENDAR = "calendar", _("published calendar")
        FILE = "file", _("file")
        OVERRIDE = "override", _("a person")

    exchange = models.ForeignKey(
        Exchange, models.CASCADE, related_name="trading_days", verbose_name=_("exchange")
    )
    day = models.DateField(_("day"))
    closes_at = models.TimeField(
        _("closes at"), null=True, blank=True,
        help_text=_("Local time of the close on a half day. Empty: as always."),
    )  # fmt: skip
    origin = models.CharField(_("known from"), max_length=10, choices=Origin, default=Origin.FILE)

    class Meta:
        verbose_name = _("trading day")
        verbose_name_plural = _("trading days")
        constraints = [
            models.UniqueConstraint(
                fields=["exchange", "day"],
                name="trading_day_once",
                violation_error_message=_("This exchange already trades on that day."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.exchange} {self.day}"


class Underlying(models.Model):
    """What has a daily price: a share, a fund, an index, or a currency in terms of another."""

    class Kind(models.TextChoices):
        SHARE = "share", _("share")
        FUND = "fund", _("fund")
        INDEX = "index", _("index")
        CURRENCY_PAIR = "currency_pair", _("currency pair")

    kind = models.CharField(_("kind"), max_length=15, choices=Kind, default=Kind.SHARE)
    ticker = models.CharField(_("ticker"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=100)
    exchange = models.ForeignKey(
        Exchange, models.PROTECT, related_name="underlyings", verbose_name=_("exchange")
    )
    currency = models.CharField(_("currency"), max_length=3)
    isin = models.CharField(_("ISIN"), max_length=12, blank=True)
    jump_limit = models.DecimalField(
        _("largest believable move"), max_digits=6, decimal_places=4, null=True, blank=True,
        help_text=_(
            "A close that moves further is held for a second person: 0.4 is 40 %. "
            "Empty: as for all."
        ),
    )  # fmt: skip

    class Meta:
        verbose_name = _("underlying")
        verbose_name_plural = _("underlyings")
        ordering = ["ticker"]
        constraints = [
            models.CheckConstraint(
                name="underlying_jump_limit_positive",
                condition=Q(jump_limit__isnull=True) | Q(jump_limit__gt=0),
                violation_error_message=_("The largest believable move must be above zero."),
            )
        ]

    def __str__(self) -> str:
        return self.ticker


class Quote(models.Model):
    """The raw closing price of a share on one day, as traded, never adjusted.

    A held one waits for a second person. Held and current: the day has no other close. Held and not
    current: it would restate the confirmed close, which counts until somebody confirms the new one.
    """

    class State(models.TextChoices):
        CONFIRMED = "confirmed", _("confirmed")
        HELD = "held", _("held")
        REJECTED = "rejected", _("rejected")
        REPLACED = "replaced", _("replaced before it was confirmed")

    underlying = models.ForeignKey(
        Underlying, models.PROTECT, related_name="quotes", verbose_name=_("underlying")
    )
    day = models.DateField(_("day"))
    close = models.DecimalField(_("close"), max_digits=20, decimal_places=8)
    source = models.CharField(_("source"), max_length=100, help_text=_("File or feed."))
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.CONFIRMED)
    held_because = models.CharField(_("held because"), max_length=200, blank=True)
    received_at = models.DateTimeField(_("received"), default=clock.now)
    brought_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("brought by"), help_text=_("Who imported it; nobody for a feed."),
    )  # fmt: skip
    confirmed_at = models.DateTimeField(_("confirmed at"), null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("confirmed by"),
    )
    rejected_at = models.DateTimeField(_("rejected at"), null=True, blank=True)
    rejected_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        verbose_name=_("rejected by"),
    )  # fmt: skip
    version = models.PositiveSmallIntegerField(_("version"), default=1)
    is_current = models.BooleanField(_("current"), default=True)

    class Meta:
        verbose_name = _("quote")
        verbose_name_plural = _("quotes")
        constraints = [
            models.UniqueConstraint(
                fields=["underlying", "day"],
                condition=Q(is_current=True),
                name="quote_one_current_a_day",
                violation_error_message=_("There already is a close of this share for that day."),
            ),
            models.UniqueConstraint(fields=["underlying", "day", "version"], name="quote_version"),
            models.UniqueConstraint(
                fields=["underlying", "day"],
                condition=Q(state="held", is_current=False),
                name="quote_one_restatement_a_day",
                violation_error_message=_("A restatement of this close already waits."),
            ),
            models.CheckConstraint(
                name="quote_current_may_count",
                condition=Q(is_current=False) | Q(state__in=["confirmed", "held"]),
                violation_error_message=_(
                    "A rejected or replaced close cannot be the current one."
                ),
            ),
            models.CheckConstraint(
                name="quote_close_is_positive",
                condition=Q(close__gt=0),
                violation_error_message=_("A closing price must be above zero."),
            ),
            models.CheckConstraint(
                name="quote_held_has_reason",
                condition=~Q(state="held") | ~Q(held_because=""),
                violation_error_message=_("Say why the price is held."),
            ),
        ]
        indexes = [
            # the start page's "prices that wait for a second look"
            models.Index(fields=["day"], condition=Q(state="held"), name="quote_held")
        ]

    def __str__(self) -> str:
        return f"{self.underlying} {self.day}: {self.close.normalize():f}"


class CorporateAction(models.Model):
    """What a company did to its share, and so to every initial fixing from the ex-date on."""

    class Kind(models.TextChoices):
        SPLIT = "split", _("split")
        SPECIAL_DIVIDEND = "special_dividend", _("special dividend")

    underlying = models.ForeignKey(
        Underlying, models.PROTECT, related_name="corporate_actions", verbose_name=_("underlying")
    )
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    ex_on = models.DateField(_("ex-date"))
    ratio = models.DecimalField(
        _("ratio"), max_digits=18, decimal_places=10, null=True, blank=True,
        help_text=_("New shares for one old: 4 for a 4-for-1 split."),
    )  # fmt: skip
    amount = models.DecimalField(
        _("amount"), max_digits=20, decimal_places=8, null=True, blank=True,
        help_text=_("Special dividend a share, in the share's currency."),
    )  # fmt: skip
    source = models.CharField(_("source"), max_length=200)

    class Meta:
        verbose_name = _("corporate action")
        verbose_name_plural = _("corporate actions")
        constraints = [
            models.UniqueConstraint(
                fields=["underlying", "kind", "ex_on"],
                name="corporate_action_once",
                violation_error_message=_("This corporate action is already known."),
            ),
            models.CheckConstraint(
                name="corporate_action_split_has_ratio",
                condition=~Q(kind="split") | Q(ratio__isnull=False, ratio__gt=0),
                violation_error_message=_("A split needs its ratio, above zero."),
            ),
            models.CheckConstraint(
                name="corporate_action_dividend_has_amount",
                condition=~Q(kind="special_dividend") | Q(amount__isnull=False, amount__gt=0),
                violation_error_message=_("A special dividend needs its amount, above zero."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.underlying} {self.get_kind_display()} {self.ex_on}"
