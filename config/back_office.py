"""How the back office looks and how a marketer finds his way in it: Unfold's settings."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

Entry = tuple[str, str]  # a model's label and the symbol shown beside its name

# By the marketer's work, not by the code's apps; a group without a page one may see is left out.
GROUPS: list[tuple[Any, list[Entry]]] = [
    (
        _("Clients"),
        [
            ("profiles.Client", "group"),
            ("products.Policy", "contract"),
            ("products.Account", "savings"),
            ("products.CreditAccount", "credit_card"),
            ("products.Deadline", "alarm"),
            ("events.Event", "timeline"),
            ("events.Stray", "person_search"),
            ("profiles.ConsentRecord", "handshake"),
            ("profiles.Suppression", "block"),
            ("profiles.Duplicate", "group_search"),
            ("profiles.Conflict", "difference"),
            ("profiles.Merge", "merge"),
            ("landing.EmailSubscription", "mark_email_read"),
            ("landing.Visitor", "devices"),
        ],
    ),
    (
        _("Products"),
        [
            ("products.Strategy", "insights"),
            ("products.Observation", "event"),
            ("products.ObservationResult", "fact_check"),
            ("products.PolicyCoupon", "redeem"),
            ("products.Payment", "payments"),
            ("products.Restatement", "published_with_changes"),
            ("products.Foresight", "preview"),
            ("products.Correction", "difference"),
            ("products.PolicyChange", "history"),
            ("products.Fund", "pie_chart"),
            ("products.ModelPortfolio", "donut_small"),
            ("products.Transaction", "receipt_long"),
            ("products.Instalment", "event_repeat"),
        ],
    ),
    (
        _("Prices"),
        [
            ("products.Quote", "show_chart"),
            ("products.Underlying", "domain"),
            ("products.UnderlyingMove", "trending_down"),
            ("products.HoldingMove", "swap_vert"),
            ("products.MoveRule", "tune"),
            ("products.MoveDay", "today"),
            ("products.CorporateAction", "call_split"),
            ("products.Feed", "rss_feed"),
            ("products.Exchange", "account_balance"),
            ("products.TradingDay", "calendar_month"),
            ("products.CalendarOverride", "event_busy"),
            ("products.Disruption", "report"),
            ("products.ObservationMove", "event_repeat"),
        ],
    ),
    (
        _("Messages"),
        [
            ("messaging.Message", "sms"),
            ("messaging.Reply", "reply"),
            ("messaging.Invitation", "how_to_reg"),
            ("advisers.CallTask", "call"),
            ("messaging.Notice", "campaign"),
            ("messaging.Verdict", "gavel"),
            ("messaging.Receipt", "mark_chat_read"),
            ("messaging.Link", "link"),
            ("messaging.Hit", "ads_click"),
            ("messaging.Opening", "drafts"),
            ("messaging.NumberCheck", "sim_card"),
            ("messaging.Digest", "newspaper"),
            ("messaging.FrequencyPolicy", "speed"),
            ("messaging.HoldOut", "group_remove"),
            ("messaging.Sending", "send"),
            ("messaging.Approval", "how_to_reg"),
            ("messaging.Provider", "cell_tower"),
            ("messaging.CascadeStep", "stairs"),
            ("messaging.Stop", "pan_tool"),
            ("demo.Letter", "inbox"),
        ],
    ),
    (
        _("Content"),
        [
            ("messaging.Template", "edit_note"),
            ("messaging.TemplateVersion", "translate"),
            ("messaging.Snippet", "short_text"),
            ("messaging.Disclaimer", "gpp_maybe"),
            ("messaging.LeadIn", "format_quote"),
            ("messaging.SeedAddress", "forward_to_inbox"),
        ],
    ),
    (
        _("Data in"),
        [
            ("files.Batch", "upload_file"),
            ("files.Mapping", "view_column"),
            ("files.Folder", "folder_managed"),
        ],
    ),
    (
        _("Data protection"),
        [
            ("core.Change", "manage_search"),
            ("privacy.PersonExport", "person_search"),
            ("privacy.Erasure", "person_remove"),
        ],
    ),
    (
        _("Settings"),
        [
            ("products.Milestone", "flag"),
            ("auth.User", "badge"),
            ("auth.Group", "shield_person"),
            ("core.ApiKey", "key"),
            ("webhooks.Endpoint", "webhook"),
            ("webhooks.Delivery", "outbox"),
            ("django_celery_beat.PeriodicTask", "schedule"),
            ("django_celery_beat.IntervalSchedule", "timelapse"),
            ("django_celery_beat.CrontabSchedule", "event_repeat"),
        ],
    ),
]


def page(request: HttpRequest, label: str, icon: str) -> dict[str, Any] | None:
    """Return the sidebar's entry for a model, or None where the user has no such page."""
    model = apps.get_model(label)
    meta = model._meta
    names = (f"{meta.app_label}.{verb}_{meta.model_name}" for verb in ("view", "change"))
    if not (admin.site.is_registered(model) and any(map(request.user.has_perm, names))):
        return None
    return {
        "title": capfirst(meta.verbose_name_plural),
        "icon": icon,
        "link": reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist"),
    }


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the sidebar as this user may see it."""
    today = {"title": _("Today"), "icon": "wb_twilight", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"items": [today]}]
    for title, entries in GROUPS:
        pages = [page(request, label, icon) for label, icon in entries]
        if items := [item for item in pages if item]:
            groups.append({"title": title, "separator": True, "items": items})
    return groups


def environment(_request: HttpRequest) -> tuple[Any, str] | None:
    return (_("Demo"), "warning") if settings.DEMO else None


def logo(_request: HttpRequest) -> str:
    return static("core/logo.svg")


def style(_request: HttpRequest) -> str:
    return static("core/desk.css")


def blue(lightness: float, chroma: float) -> str:
    return f"oklch({lightness}% {chroma} 240)"


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Tidings"),
    "SITE_HEADER": _("Tidings"),
    "SITE_SUBHEADER": _("Back office"),
    "SITE_ICON": logo,
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": logo}],
    "SITE_URL": None,
    "SHOW_LANGUAGES": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "config.back_office.environment",
    "BORDER_RADIUS": "8px",
    "STYLES": [style],
    "COLORS": {
        "primary": {
            "50": blue(97.5, 0.012),
            "100": blue(94.5, 0.028),
            "200": blue(89.5, 0.052),
            "300": blue(81, 0.09),
            "400": blue(70, 0.12),
            "500": blue(60, 0.125),
            "600": blue(51, 0.115),
            "700": blue(45, 0.1),
            "800": blue(38, 0.085),
            "900": blue(33, 0.068),
            "950": blue(25, 0.05),
        }
    },
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "config.back_office.navigation",
    },
    "COMMAND": {
        "search_models": ["profiles.Client", "products.Policy", "products.Strategy"],
    },
}
