"""What the demo's pages show."""

from dataclasses import dataclass

from django.core.paginator import Page, Paginator
from django.db.models import Count, Min, Q, QuerySet
from django.utils.translation import gettext

from apps.demo.models import Letter, World
from apps.demo.world.strategies import STRATEGIES, TOUR
from apps.messaging.models.links import Link
from apps.messaging.models.outbox import Message
from apps.products.models.strategies import Observation, Strategy
from apps.profiles.models import Channel, Client, ContactPoint

LETTERS = 50  # of a channel on one page
FEW = 6


@dataclass(frozen=True)
class Offer:
    """A strategy of the demo with the reason why it is there."""

    strategy: Strategy
    shows: str


def world() -> World | None:
    return World.objects.first()


def letters(channel: str, *, about: str, page: str | int) -> Page[Letter]:
    """Return a channel's letters, newest first, to clients whose name or address has the text."""
    found = Letter.objects.filter(channel=channel)
    if about:
        named = Q(first_name__icontains=about) | Q(contact_points__address__icontains=about)
        points = ContactPoint.objects.filter(client__in=Client.objects.filter(named))
        found = found.filter(
            Q(recipient__icontains=about) | Q(recipient__in=points.values("address"))
        )
    return Paginator(found.order_by("-received_at", "-pk"), LETTERS).get_page(page)


def letters_by_channel() -> dict[str, int]:
    counted = Letter.objects.values_list("channel").annotate(count=Count("pk")).order_by()
    return dict(counted)


def shown_links(here: World) -> dict[str, Link]:
    """Return the personal links that the guided tour opens, by what they show."""
    found = Link.objects.select_related("client").in_bulk(here.links.values())
    return {kind: found[here.links[kind]] for kind in TOUR if here.links.get(kind) in found}


def signed_in(here: World | None) -> Client | None:
    """Return who is signed in on the issuer's site: the tour's client whose coupon was paid."""
    link = shown_links(here).get("accrued") if here else None
    return link.client if link else None


def hung(person: Client) -> QuerySet[Message]:
    """Return what hung for a client on the issuer's site lately, the newest first."""
    found = Message.objects.filter(notice__client=person, channel=Channel.IN_APP)
    return found.select_related("wording", "reaction").order_by("-pk")[:FEW]


def offers() -> list[Offer]:
    """Return the demo's strategies, each with its `next_on`, in the order of their term sheets."""
    ahead = Q(observations__state__in=Observation.OPEN)
    found = Strategy.objects.annotate(
        next_on=Min("observations__valuation_on", filter=ahead)
    ).in_bulk([sheet.code for sheet in STRATEGIES], field_name="code")
    return [
        Offer(found[sheet.code], gettext(sheet.shows))
        for sheet in STRATEGIES
        if sheet.code in found
    ]
