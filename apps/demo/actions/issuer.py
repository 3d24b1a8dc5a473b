"""The issuer's site of the demo: a visitor hangs a notice there, by the way of every other."""

from datetime import datetime, timedelta
from secrets import token_hex

import jwt
from django.conf import settings

from apps.messaging.actions import in_app
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.notices import queue_notice
from apps.messaging.actions.planning import plan_messages
from apps.messaging.models.content import Display
from apps.messaging.models.outbox import Notice
from apps.messaging.models.providers import Provider
from apps.profiles.models import Channel, Client, ContactPoint
from apps.profiles.queries.core_ids import CORE_ID

SITE = "demo-site"  # the provider's name; `demo` invents its secret
TERMS = "demo-terms-1"
SIGNED_FOR = timedelta(minutes=10)
NEWS_FOR = timedelta(days=1)
# What is shown in which form, as it is worded for all.
SHOWS = {
    Display.BANNER: "coupon.accrued",
    Display.POPUP: "policy.maturing",
    Display.BLOCKING: "result.corrected",
}


def core_id_of(person: Client) -> str:
    return person.identifiers.filter(kind=CORE_ID).values_list("value", flat=True)[0]


def sign_in(person: Client, *, at: datetime) -> str:
    """Vouch for a client as the issuer's backend would."""
    now = int(at.timestamp())
    claims = {
        "aud": SITE, "sub": core_id_of(person), "iat": now,
        "exp": now + int(SIGNED_FOR.total_seconds()),
    }  # fmt: skip
    return jwt.encode(claims, settings.PROVIDER_SECRETS[SITE], algorithm="HS256")


def open_site(person: Client, *, at: datetime) -> ContactPoint:
    """Make the site a provider, unless it is one, and let the client be reached there."""
    site, _made = Provider.objects.get_or_create(
        name=SITE,
        defaults={
            "channel": Channel.IN_APP, "kind": in_app.KIND, "settles": Provider.Settles.KEY,
        },
    )  # fmt: skip
    known = {settings.PUBLIC_URL, settings.PUBLIC_URL.replace("127.0.0.1", "localhost")}
    site.options = {"origins": sorted(known), "consent": TERMS}
    site.save(update_fields=["options"])
    core_id = core_id_of(person)
    in_app.present(site, core_id, at=at)
    return ContactPoint.objects.get(client=person, channel=Channel.IN_APP, address=core_id)


def hang(person: Client, display: Display, *, at: datetime) -> Notice:
    """Tell the client something in this form, with figures of a notice that he had before."""
    point = open_site(person, at=at)
    had = Notice.objects.filter(client=person, template__code="coupon.accrued").latest("pk")
    ends_on = (at + timedelta(days=30)).date().isoformat()
    key = f"demo:{token_hex(8)}"
    queue_notice(
        person, SHOWS[display], values={**had.values, "on": {"date": ends_on}}, dedupe_key=key,
        at=at, contact_point=point, subject=had.subject, source="demo", deadline_at=at + NEWS_FOR,
    )  # fmt: skip
    plan_messages(at=at, limit=100)
    deliver_due(at=at, limit=100, provider=SITE)
    return Notice.objects.get(dedupe_key=key)
