"""The gate by sets: what `gate.decide` says of one wish, said by SQL of a whole batch of notices.

Quiet hours are few where clients are many: the pure core answers for each zone and pair of times
that occurs in a batch, and the answers are joined. The same goes for wordings, groups and limits.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django.db.backends.utils import CursorWrapper

from apps.messaging.actions.choosing import CHANNELS, published, worded
from apps.messaging.gate import LOTS
from apps.messaging.queries import freshness, offers
from apps.messaging.queries.stops import standing_stops
from apps.messaging.queries.zones import PREFIX, quiet_hours
from apps.profiles.models import ContactPoint
from apps.profiles.queries.suppressions import suppressions

# What is asked about, and what was decided; empty between batches.
TABLES = """
CREATE TEMP TABLE IF NOT EXISTS messaging_asked (
    notice_id bigint, client_id bigint, template_id bigint, result_id bigint, meant_id bigint,
    variant text, priority int, deadline_at timestamptz, hold_out text, has_waited boolean,
    purpose text, is_offer boolean, is_urgent boolean, language text, preferred text, tier text,
    quiet_from time, quiet_until time, zone text, phone text
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS messaging_decided (
    notice_id bigint, client_id bigint, is_offer boolean, priority int, has_waited boolean,
    send_at timestamptz, day date, rival_id bigint, channel text, point_id bigint,
    wording_id bigint, language text, reason text, channels jsonb, grounds jsonb,
    is_strange boolean
) ON COMMIT DELETE ROWS;
DELETE FROM messaging_asked;
DELETE FROM messaging_decided;
"""
ASK = f"""
INSERT INTO messaging_asked
SELECT notice.id, notice.client_id, notice.template_id, notice.result_id, notice.contact_point_id,
    notice.variant, notice.priority, notice.deadline_at, notice.hold_out,
    notice.ask_after IS NOT NULL, template.purpose, template.kind = 'offer',
    template.purpose = '' OR template.kind = 'security', client.language,
    client.preferred_channel, client.tier, client.quiet_from, client.quiet_until,
    CASE WHEN client.time_zone = ANY(%(zones)s) THEN client.time_zone ELSE '' END,
    coalesce(phone.address, '')
FROM (
    SELECT * FROM messaging_notice
    WHERE state = 'queued' AND id > %(after)s AND id <= %(until)s
        AND (ask_after IS NULL OR ask_after <= %(at)s)
    ORDER BY id LIMIT %(limit)s
    FOR NO KEY UPDATE SKIP LOCKED
) AS notice
JOIN messaging_template AS template ON template.id = notice.template_id
JOIN profiles_client AS client ON client.id = notice.client_id
LEFT JOIN LATERAL (
    SELECT left(point.address, {PREFIX}) AS address FROM profiles_contactpoint AS point
    WHERE point.client_id = client.id AND point.channel = 'sms' AND point.state <> 'removed'
        AND NOT client.time_zone = ANY(%(zones)s)
    ORDER BY point.id DESC LIMIT 1
) AS phone ON true
"""  # noqa: S608 (our own constants, here and below)
# A suppressed address is known by a hash, made of what Python's lower() says of it; SQL's is sure
# to say the same of ASCII alone. What is not ASCII is asked for by Python, if anybody has such.
STRANGE = "point.address ~ '[^ -~]'"
STRANGERS = f"""
SELECT point.id FROM messaging_decided AS decided
JOIN profiles_contactpoint AS point ON point.client_id = decided.client_id AND {STRANGE}
WHERE decided.is_strange
"""  # noqa: S608
POINTS = f"""
point AS (
    SELECT DISTINCT ON (asked.notice_id, point.channel) asked.notice_id, point.channel, point.id,
        point.client_id = asked.client_id AND (
            point.state = 'valid' OR asked.meant_id IS NOT NULL AND point.state = 'unconfirmed'
        ) AS is_reachable,
        stop.is_there IS NOT NULL OR point.id = ANY(%(suppressed)s) AS is_suppressed,
        {STRANGE} AS is_strange
    FROM messaging_asked AS asked
    JOIN profiles_contactpoint AS point ON CASE WHEN asked.meant_id IS NULL
        THEN point.state = 'valid' ELSE point.id = asked.meant_id END
        AND point.client_id = asked.client_id
    LEFT JOIN LATERAL (
        SELECT true AS is_there FROM profiles_suppression AS stop
        WHERE stop.lifted_at IS NULL
            AND stop.address_hash = sha256(
                convert_to(point.channel || ':' || lower(point.address), 'UTF8'))
            AND (stop.client_id IS NULL OR stop.client_id = point.client_id)
        LIMIT 1
    ) AS stop ON true
    ORDER BY asked.notice_id, point.channel, is_suppressed, point.verified_at DESC NULLS LAST,
        point.id DESC
)
"""  # noqa: S608
# What is the same for all channels of a notice. The first limit or group that holds is named.
NOTED = f"""
noted AS MATERIALIZED (
    SELECT asked.*,
        CASE WHEN asked.is_urgent THEN %(at)s ELSE hours.opens END AS send_at, hours.day,
        asked.result_id = ANY(%(superseded)s) OR asked.notice_id = ANY(%(corrected)s)
            AS is_outdated,
        asked.result_id = ANY(%(held)s) AS is_held,
        coalesce(nullif(asked.hold_out, ''), held_out.name, '') AS group_name,
        rival.notice_id AS rival_id,
        rival.notice_id IS NOT NULL
            AND NOT (rival.is_movable AND rival.priority < asked.priority) AS is_taken,
        too_often.most
    FROM messaging_asked AS asked
    JOIN unnest(
        %(hour_zones)s::text[], %(hour_phones)s::text[], %(hour_begins)s::time[],
        %(hour_ends)s::time[], %(hour_opens)s::timestamptz[], %(hour_days)s::date[]
    ) AS hours (zone, phone, quiet_from, quiet_until, opens, day)
        USING (zone, phone, quiet_from, quiet_until)
    LEFT JOIN LATERAL (
        SELECT standing.name
        FROM unnest(%(groups)s::bigint[], %(group_names)s::text[], %(group_lots)s::int[])
            AS standing (id, name, below)
        WHERE asked.is_offer AND standing.below > (
            'x' || left(md5(standing.id || ':' || asked.client_id), 8)
        )::bit(32)::bigint %% {LOTS}
        ORDER BY standing.id LIMIT 1
    ) AS held_out ON true
    LEFT JOIN LATERAL (
        SELECT taken.* FROM ({{taken}}) AS taken
        WHERE taken.day = CASE WHEN asked.is_urgent THEN NULL ELSE hours.day END
    ) AS rival ON true
    LEFT JOIN LATERAL (
        SELECT allowed.most || '/' || allowed.days AS most
        FROM unnest(%(limit_tiers)s::text[], %(limit_offers)s::int[], %(limit_days)s::int[])
            AS allowed (tier, most, days)
        WHERE asked.is_offer AND allowed.tier IN ('', asked.tier) AND allowed.most <= (
            SELECT count(*) FROM ({{taken}}) AS taken
            WHERE taken.day > hours.day - allowed.days AND taken.day < hours.day
        )
        LIMIT 1
    ) AS too_often ON true
)
"""  # noqa: S608
TAKEN = """
    SELECT reservation.notice_id, reservation.day, other.priority,
        bool_and(message.state IN ('queued', 'held', 'skipped', 'failed')) AS is_movable
    FROM messaging_reservation AS reservation
    JOIN messaging_notice AS other ON other.id = reservation.notice_id
    JOIN messaging_message AS message ON message.notice_id = other.id
    WHERE asked.is_offer AND reservation.client_id = asked.client_id
        AND reservation.notice_id <> asked.notice_id
    GROUP BY 1, 2, 3
    HAVING bool_or(message.state NOT IN ('skipped', 'failed'))
"""
# The order of the checks is that of `gate.Refusal`.
ANSWERED = """
answered AS (
    SELECT noted.notice_id, carried.channel, point.id AS point_id, wording.id AS wording_id,
        wording.language, point.is_strange,
        row_number() OVER (
            PARTITION BY noted.notice_id
            ORDER BY carried.channel <> noted.preferred, carried.place
        ) AS place,
        CASE
            WHEN carried.is_stopped THEN
                CASE WHEN noted.deadline_at < %(at)s THEN 'too_late' ELSE 'stopped' END
            WHEN NOT noted.is_urgent AND consent.granted IS NOT TRUE THEN 'no_consent'
            WHEN point.is_suppressed THEN 'suppressed'
            WHEN noted.is_outdated THEN 'out_of_date'
            WHEN noted.is_held THEN
                CASE WHEN noted.deadline_at < %(at)s THEN 'too_late' ELSE 'held' END
            WHEN noted.deadline_at < coalesce(noted.send_at, %(at)s) THEN 'too_late'
            WHEN noted.group_name <> '' AND NOT noted.is_urgent THEN 'held_out'
            WHEN noted.is_taken THEN 'day_taken'
            WHEN noted.most IS NOT NULL THEN 'too_often'
            WHEN noted.send_at IS NULL THEN 'quiet'
            WHEN point.is_reachable IS NOT TRUE THEN 'no_address'
            WHEN wording.id IS NULL THEN 'no_wording'
            ELSE ''
        END AS code
    FROM noted
    JOIN LATERAL (
        SELECT * FROM unnest(%(channels)s::text[], %(stopped)s::boolean[])
            WITH ORDINALITY AS ours (channel, is_stopped, place)
        WHERE noted.meant_id IS NULL
        UNION ALL
        SELECT meant.channel, %(all_stopped)s OR meant.channel = ANY(%(stops)s), 1
        FROM profiles_contactpoint AS meant WHERE meant.id = noted.meant_id
    ) AS carried ON true
    LEFT JOIN point ON point.notice_id = noted.notice_id AND point.channel = carried.channel
    LEFT JOIN LATERAL (
        SELECT record.granted FROM profiles_consentrecord AS record
        WHERE record.client_id = noted.client_id AND record.purpose = noted.purpose
            AND record.channel = carried.channel AND NOT noted.is_urgent
        ORDER BY record.recorded_at DESC, record.id DESC LIMIT 1
    ) AS consent ON true
    LEFT JOIN unnest(
        %(word_templates)s::bigint[], %(word_channels)s::text[], %(word_languages)s::text[],
        %(word_variants)s::text[], %(word_ids)s::bigint[], %(word_spoken)s::text[]
    ) AS wording (template_id, channel, asked_language, variant, id, language)
        ON wording.template_id = noted.template_id AND wording.channel = carried.channel
        AND wording.asked_language = noted.language AND wording.variant = noted.variant
)
"""
DECIDE = f"""
WITH {POINTS}, {NOTED.format(taken=TAKEN)}, {ANSWERED}, chosen AS (
    SELECT notice_id,
        min(place) FILTER (WHERE code = '') AS place,
        CASE
            WHEN bool_or(code = '') THEN ''
            WHEN bool_or(code = 'stopped') THEN 'stopped'
            WHEN bool_or(code = 'held') THEN 'held'
            WHEN bool_or(code = 'no_wording') THEN 'no_wording'
            ELSE min(code) FILTER (WHERE place = 1)
        END AS reason,
        jsonb_object_agg(channel, code) AS channels, bool_or(is_strange) AS is_strange
    FROM answered GROUP BY notice_id
)
INSERT INTO messaging_decided
SELECT noted.notice_id, noted.client_id, noted.is_offer, noted.priority, noted.has_waited,
    noted.send_at, noted.day, noted.rival_id, best.channel, best.point_id, best.wording_id,
    best.language, chosen.reason, chosen.channels,
    jsonb_strip_nulls(jsonb_build_object(
        'until', CASE WHEN noted.send_at > %(at)s THEN noted.send_at END,
        'zone', CASE WHEN noted.send_at > %(at)s OR noted.send_at IS NULL
            THEN coalesce(nullif(noted.zone, ''), nullif(noted.phone, ''), '?') END,
        'group', nullif(noted.group_name, ''),
        'by', CASE WHEN noted.is_taken THEN noted.rival_id END,
        'most', noted.most
    )),
    chosen.is_strange
FROM noted
JOIN chosen USING (notice_id)
LEFT JOIN answered AS best ON best.notice_id = chosen.notice_id AND best.place = chosen.place
"""  # noqa: S608


@dataclass(frozen=True)
class Batch:
    """How many notices were asked about, and the last of them."""

    size: int
    last: int


def ask(cursor: CursorWrapper, *, at: datetime, limit: int, after: int, until: int) -> Batch:
    """Take the next queued notices that nobody else has taken."""
    cursor.execute(TABLES)
    cursor.execute(
        ASK,
        {"at": at, "limit": limit, "after": after, "until": until, "zones": _zones()},
    )
    cursor.execute("ANALYZE messaging_asked")
    cursor.execute("SELECT count(*), coalesce(max(notice_id), 0) FROM messaging_asked")
    return Batch(*cursor.fetchone())


def decide(cursor: CursorWrapper, *, at: datetime) -> None:
    """Ask the gate about every notice that was taken, in every channel."""
    grounds = {
        "at": at,
        **_hours(cursor, at),
        **_results(cursor),
        **_words(cursor),
        **_limits(at),
        **_channels(),
    }
    cursor.execute(DECIDE, {**grounds, "suppressed": []})
    if strangers := _suppressed_strangers(cursor):
        cursor.execute("DELETE FROM messaging_decided")
        cursor.execute(DECIDE, {**grounds, "suppressed": strangers})


def _zones() -> list[str]:
    return sorted(available_timezones())


def _hours(cursor: CursorWrapper, at: datetime) -> dict[str, Any]:
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


def _results(cursor: CursorWrapper) -> dict[str, list[int]]:
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


def _words(cursor: CursorWrapper) -> dict[str, list[Any]]:
    """Resolve which version speaks for each template, channel, language and variant asked for."""
    cursor.execute("SELECT DISTINCT template_id, language, variant FROM messaging_asked")
    asked = cursor.fetchall()
    wordings = published({template for template, _language, _variant in asked})
    channels = {channel for _template, channel, _language, _variant in wordings}
    rows = [
        (template, channel, language, variant, version.pk, version.language)
        for template, language, variant in asked
        for channel in channels
        if (version := worded(template, channel, language, variant, wordings=wordings))
    ]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * 6
    names = ("templates", "channels", "languages", "variants", "ids", "spoken")
    return {f"word_{name}": column for name, column in zip(names, columns, strict=True)}


def _limits(at: datetime) -> dict[str, list[Any]]:
    groups = offers.groups(at=at)
    limits = [
        (tier, limit.offers, limit.days)
        for tier, tiers in offers.limits_by_tier().items()
        for limit in tiers
    ]
    return {
        "groups": [key for key, _name, _below in groups],
        "group_names": [name for _key, name, _below in groups],
        "group_lots": [below for _key, _name, below in groups],
        "limit_tiers": [tier for tier, _most, _days in limits],
        "limit_offers": [most for _tier, most, _days in limits],
        "limit_days": [days for _tier, _most, days in limits],
    }


def _channels() -> dict[str, Any]:
    stops = standing_stops()
    return {
        "channels": [str(channel) for channel in CHANNELS],
        "stopped": [stops.cover(channel) for channel in CHANNELS],
        "all_stopped": stops.everything,
        "stops": sorted(stops.channels),
    }


def _suppressed_strangers(cursor: CursorWrapper) -> list[int]:
    cursor.execute(STRANGERS)
    points = ContactPoint.objects.filter(pk__in=[point for (point,) in cursor.fetchall()])
    return list(suppressions(points))
