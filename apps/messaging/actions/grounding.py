"""What the decisions on a batch rest on: few things that many notices share, resolved by Python.

Hours, results, wordings, groups and limits, as parameters for the statements of `deciding`.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper

from apps.messaging.actions.choosing import published, tried, worded
from apps.messaging.models.content import Template
from apps.messaging.queries import freshness, offers
from apps.messaging.queries.channels import Carried, carried
from apps.messaging.queries.stops import standing_stops
from apps.messaging.queries.zones import quiet_hours
from apps.profiles.models import Channel


def grounds(cursor: CursorWrapper, *, at: datetime) -> dict[str, Any]:
    """Resolve all of it for the notices that were asked about."""
    known = carried()
    return {
        **hours(cursor, at),
        **results(cursor),
        **words(cursor, known),
        **limits(at),
        **channels(known),
    }


def hours(cursor: CursorWrapper, at: datetime) -> dict[str, Any]:
    """Have the pure core answer for each zone and pair of times among the batch."""
    cursor.execute("SELECT DISTINCT zone, phone, quiet_from, quiet_until FROM messaging_asked")
    combinations = cursor.fetchall()
    quiet = [quiet_hours(*each) for each in combinations]
    opens = [hours.opens(at) for hours in quiet]
    days = [
        hours.day(moment) if moment else None for hours, moment in zip(quiet, opens, strict=True)
    ]
    columns = [list(column) for column in zip(*combinations, strict=True)] or [[]] * 4
    names = ("hour_zones", "hour_phones", "hour_begins", "hour_ends")
    return {**dict(zip(names, columns, strict=True)), "hour_opens": opens, "hour_days": days}


def results(cursor: CursorWrapper) -> dict[str, list[int]]:
    cursor.execute(
        "SELECT DISTINCT result_id FROM messaging_asked WHERE result_id IS NOT NULL"
    )  # fmt: skip
    results = [result for (result,) in cursor.fetchall()]
    cursor.execute(
        "SELECT corrects.notice_id FROM messaging_correctedresult AS corrects"
        " JOIN messaging_asked USING (notice_id) WHERE messaging_asked.result_id IS NULL"
    )
    corrections = [notice for (notice,) in cursor.fetchall()]
    return {
        "superseded": list(freshness.superseded(results)),
        "held": list(freshness.held(results)),
        "corrected": list(freshness.out_of_date_corrections(corrections)),
    }


def words(cursor: CursorWrapper, channels: Carried) -> dict[str, list[Any]]:
    """Resolve which channels are tried, and which version speaks there, for each that is asked for."""
    cursor.execute(
        "SELECT DISTINCT template_id, language, variant, preferred, only_by FROM messaging_asked"
    )
    asked = cursor.fetchall()
    templates = Template.objects.in_bulk({template for template, *_rest in asked})
    wordings = published(templates)
    found: dict[str, list[Any]] = {"tried": [], "ids": [], "spoken": []}
    for template, language, variant, preferred, only in asked:
        every = [only] if only else tried(templates[template].channels, preferred, channels)
        spoken = {
            channel: worded(template, channel, language, variant, wordings=wordings)
            for channel in every
        }
        if any(spoken.values()):
            spoken = {channel: version for channel, version in spoken.items() if version}
        found["tried"].append(_array(list(spoken)))
        found["ids"].append(_array([str(each.pk) if each else None for each in spoken.values()]))
        found["spoken"].append(
            _array([each.language if each else None for each in spoken.values()])
        )
    keys = ("templates", "languages", "variants", "preferred", "only_by")
    columns = [list(column) for column in zip(*asked, strict=True)] or [[]] * len(keys)
    return {
        f"word_{key}": values for key, values in [*zip(keys, columns, strict=True), *found.items()]
    }


def _array(values: Sequence[str | None]) -> str:
    """Write numbers, languages or channels as an array of SQL."""
    return "{" + ",".join("NULL" if value is None else value for value in values) + "}"


def limits(at: datetime) -> dict[str, list[Any]]:
    groups = offers.groups(at=at)
    limits = [
        (tier, limit.offers, limit.days)
        for tier, tiers in offers.limits_by_tier().items()
        for limit in tiers
    ]
    return {
        "groups": [str(key) for key, _name, _below in groups],
        "group_names": [name for _key, name, _below in groups],
        "group_lots": [below for _key, _name, below in groups],
        "limit_tiers": [tier for tier, _most, _days in limits],
        "limit_offers": [most for _tier, most, _days in limits],
        "limit_days": [days for _tier, _most, days in limits],
    }


def channels(known: Carried) -> dict[str, list[str]]:
    stops = standing_stops()
    return {
        "stopped": [channel for channel in Channel.values if stops.cover(channel)],
        "with_schemes": list(known.schemes),
        "schemes": _named(known.schemes),
        "closed": _named(known.waiting),
    }


def _named(schemes: Mapping[str, Collection[str]]) -> list[str]:
    return [f"{channel}:{scheme}" for channel, names in schemes.items() for scheme in names]
