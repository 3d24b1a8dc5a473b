"""The gate by sets: what `gate.decide` says of one wish, said by SQL of a whole batch of notices.

Quiet hours are few where clients are many: the pure core answers for each zone and pair of times
that occurs in a batch, and the answers are joined. The same goes for wordings, groups and limits.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.db.backends.utils import CursorWrapper

from apps.messaging.actions import grounding
from apps.messaging.gate import LOTS, Refusal
from apps.messaging.queries.offers import MAY_HAVE_LEFT
from apps.messaging.queries.zones import PREFIX
from apps.profiles.models import ContactPoint
from apps.profiles.queries.suppressions import suppressions

# What is asked about, and what was decided; empty between batches.
TABLES = """
CREATE TEMP TABLE IF NOT EXISTS messaging_asked (
    notice_id bigint, client_id bigint, template_id bigint, result_id bigint, meant_id bigint,
    variant text, priority int, deadline_at timestamptz, hold_out text, has_waited boolean,
    purpose text, is_offer boolean, is_urgent boolean, language text, preferred text, only_by text, tier text,
    quiet_from time, quiet_until time, zone text, phone text
) ON COMMIT DELETE ROWS;
CREATE TEMP TABLE IF NOT EXISTS messaging_decided (
    notice_id bigint, client_id bigint, is_offer boolean, priority int, has_waited boolean,
    send_at timestamptz, day date, rival_id bigint, channel text, point_id bigint,
    wording_id bigint, language text, reason text, inputs jsonb, is_strange boolean
) ON COMMIT DELETE ROWS;
DELETE FROM messaging_asked;
DELETE FROM messaging_decided;
"""
# Who is in the queue and no longer queued is taken out of it here: his notice is locked, as it is by
# whoever queues it again. The bounds stand twice for the optimizer, which cannot tell for itself
# that both tables need to be read no further.
ASK = f"""
WITH taken AS (
    SELECT notice.id, notice.client_id, notice.template_id, notice.result_id,
        notice.contact_point_id, notice.variant, notice.priority, notice.deadline_at,
        notice.hold_out, notice.ask_after, notice.state
    FROM messaging_queuednotice AS queued
    JOIN messaging_notice AS notice ON notice.id = queued.notice_id
    WHERE queued.notice_id > %(after)s AND queued.notice_id <= %(until)s
        AND notice.id > %(after)s AND notice.id <= %(until)s
        AND (notice.ask_after IS NULL OR notice.ask_after <= %(at)s OR notice.state <> 'queued')
    ORDER BY queued.notice_id LIMIT %(limit)s
    FOR NO KEY UPDATE OF notice SKIP LOCKED
), stale AS (
    DELETE FROM messaging_queuednotice
    WHERE notice_id = ANY(ARRAY(SELECT id FROM taken WHERE state <> 'queued'))
), asked AS (
INSERT INTO messaging_asked
SELECT notice.id, notice.client_id, notice.template_id, notice.result_id, notice.contact_point_id,
    notice.variant, notice.priority, notice.deadline_at, notice.hold_out,
    notice.ask_after IS NOT NULL, template.purpose, template.kind = 'offer',
    template.purpose = '' OR template.kind = 'security', client.language,
    client.preferred_channel,
    CASE WHEN notice.contact_point_id IS NULL THEN '' ELSE coalesce((
        SELECT meant.channel FROM profiles_contactpoint AS meant
        WHERE meant.id = notice.contact_point_id
    ), '') END, client.tier, client.quiet_from, client.quiet_until,
    CASE WHEN client.time_zone = ANY(%(zones)s) THEN client.time_zone ELSE '' END,
    CASE WHEN client.time_zone = ANY(%(zones)s) THEN '' ELSE coalesce((
        SELECT left(point.address, {PREFIX}) FROM profiles_contactpoint AS point
        WHERE point.client_id = client.id AND point.channel = 'sms' AND point.state <> 'removed'
        ORDER BY point.id DESC LIMIT 1
    ), '') END
FROM taken AS notice
JOIN messaging_template AS template ON template.id = notice.template_id
CROSS JOIN LATERAL (
    SELECT * FROM profiles_client WHERE id = notice.client_id OFFSET 0
) AS client
WHERE notice.state = 'queued'
)
SELECT count(*) FILTER (WHERE state = 'queued'), coalesce(min(id), 0), coalesce(max(id), 0)
FROM taken
"""  # noqa: S608 (our own constants, here and below)
# A suppressed address is known by a hash, made of what Python's lower() says of it; SQL's is sure
# to say the same of ASCII alone. What is not ASCII is asked for by Python, if anybody has such.
STRANGE = "point.address ~ '[^ -~]'"
STRANGERS = f"""
SELECT point.id FROM messaging_decided AS decided
JOIN profiles_contactpoint AS point ON point.client_id = decided.client_id AND {STRANGE}
WHERE decided.is_strange
"""  # noqa: S608
# An offer's rivals of the same client: those that are on their way or have left. One that failed or
# was skipped has given its day back; one that is still queued may have to make way.
TAKEN = f"""
    SELECT reservation.notice_id, reservation.day, other.priority,
        NOT EXISTS (
            SELECT FROM messaging_message AS message
            WHERE message.notice_id = other.id AND {MAY_HAVE_LEFT}
        ) AS is_movable
    FROM messaging_reservation AS reservation
    JOIN messaging_notice AS other ON other.id = reservation.notice_id
    WHERE asked.is_offer AND reservation.client_id = asked.client_id
        AND reservation.notice_id <> asked.notice_id
        AND EXISTS (
            SELECT FROM messaging_message AS message WHERE message.notice_id = other.id
                AND message.state NOT IN ('skipped', 'failed')
        )
"""  # noqa: S608
# Few rows each, that many notices share: made once, however often they are looked at.
SHARED = """
hours AS MATERIALIZED (
    SELECT * FROM unnest(
        %(hour_zones)s::text[], %(hour_phones)s::text[], %(hour_begins)s::time[],
        %(hour_ends)s::time[], %(hour_opens)s::timestamptz[], %(hour_days)s::date[]
    ) AS hours (zone, phone, quiet_from, quiet_until, opens, day)
), words AS MATERIALIZED (
    SELECT template_id, language, variant, preferred, only_by, tried::text[] AS tried,
        ids::bigint[] AS ids, spoken::text[] AS spoken,
        jsonb_build_object('channels', jsonb_build_object((tried::text[])[1], '')) AS alone
    FROM unnest(
        %(word_templates)s::bigint[], %(word_languages)s::text[], %(word_variants)s::text[],
        %(word_preferred)s::text[], %(word_only_by)s::text[], %(word_tried)s::text[],
        %(word_ids)s::text[], %(word_spoken)s::text[]
    ) AS words (template_id, language, variant, preferred, only_by, tried, ids, spoken)
), standing AS MATERIALIZED (
    SELECT * FROM unnest(%(groups)s::text[], %(group_names)s::text[], %(group_lots)s::int[])
        AS standing (id, name, below)
), allowed AS MATERIALIZED (
    SELECT * FROM unnest(%(limit_tiers)s::text[], %(limit_offers)s::int[], %(limit_days)s::int[])
        AS allowed (tier, most, days)
)
"""
# What is the same for all channels of a notice. Each has hours and words: outer joins only tell the
# optimizer that none gets lost, where it would expect next to none and look through all words once
# more for every notice.
NOTED = """
    SELECT asked.*,
        CASE WHEN asked.is_urgent THEN %(at)s ELSE hours.opens END AS send_at, hours.day,
        words.tried, words.ids AS word_ids, words.spoken, words.alone,
        asked.result_id = ANY(%(superseded)s) OR asked.notice_id = ANY(%(corrected)s)
            AS is_outdated,
        asked.result_id = ANY(%(held)s) AS is_held, {rivalry}
    FROM messaging_asked AS asked
    LEFT JOIN hours USING (zone, phone, quiet_from, quiet_until)
    LEFT JOIN words USING (template_id, language, variant, preferred, only_by)
    {rivals}
"""
# News know neither groups nor days nor limits: most of a batch is spared the looks.
NEWS = NOTED.format(
    rivalry="""
        asked.hold_out AS group_name, NULL::bigint AS rival_id, false AS is_taken,
        NULL::text AS most
    """,
    rivals="",
)
# The first limit or group that holds is named.
RIVALRY = """
        coalesce(nullif(asked.hold_out, ''), held_out.name, '') AS group_name,
        rival.notice_id AS rival_id,
        rival.notice_id IS NOT NULL
            AND NOT (rival.is_movable AND rival.priority < asked.priority) AS is_taken,
        too_often.most
"""
RIVALS = f"""
    LEFT JOIN LATERAL (
        SELECT standing.name FROM standing
        WHERE asked.is_offer AND standing.below > (
            'x' || left(md5(standing.id || ':' || asked.client_id), 8)
        )::bit(32)::bigint %% {LOTS}
        LIMIT 1
    ) AS held_out ON true
    LEFT JOIN LATERAL (
        SELECT taken.* FROM ({TAKEN}) AS taken
        WHERE taken.day = CASE WHEN NOT asked.is_urgent THEN hours.day END
    ) AS rival ON true
    LEFT JOIN LATERAL (
        SELECT allowed.most || '/' || allowed.days AS most FROM allowed
        WHERE asked.is_offer AND allowed.tier IN ('', asked.tier) AND allowed.most <= (
            SELECT count(*) FROM ({TAKEN}) AS taken
            WHERE taken.day > hours.day - allowed.days AND taken.day < hours.day
        )
        LIMIT 1
    ) AS too_often ON true
"""  # noqa: S608
EITHER = NOTED.format(rivalry=RIVALRY, rivals=RIVALS)
# The address in a channel: valid and verified last, else the newest; one that may be written to goes
# first, then one that is carried now, and one that no provider carries is none. One that is not confirmed is good enough only for
# what is meant for it alone. Where consent is missing, none is looked for.
SCHEME = "point.channel || ':' || split_part(point.address, ':', 1)"
POINT = f"""
    SELECT point.id, point.state = 'valid' OR noted.meant_id IS NOT NULL
            AND point.state = 'unconfirmed' AS is_reachable,
        {STRANGE} AS is_strange,
        cardinality(%(closed)s::text[]) > 0 AND noted.meant_id IS NULL
            AND point.channel = ANY(%(with_schemes)s) AND {SCHEME} <> ALL(%(schemes)s)
            AS is_closed,
        point.id = ANY(%(suppressed)s) OR EXISTS (
            SELECT FROM profiles_suppression AS stop
            WHERE stop.lifted_at IS NULL
                AND stop.address_hash = sha256(
                    convert_to(point.channel || ':' || lower(point.address), 'UTF8'))
                AND (stop.client_id IS NULL OR stop.client_id = point.client_id)
        ) AS is_suppressed
    FROM profiles_contactpoint AS point
    WHERE (noted.is_urgent OR consent.granted) AND point.client_id = noted.client_id
        AND point.channel = CASE carried.channel WHEN 'call' THEN 'sms' ELSE carried.channel END
        AND CASE WHEN noted.meant_id IS NULL
            THEN point.state = 'valid' AND (
                point.channel <> ALL(%(with_schemes)s)
                OR {SCHEME} = ANY(%(schemes)s)
                OR ARRAY[{SCHEME}, point.channel || ':'] && %(closed)s::text[]
            ) ELSE point.id = noted.meant_id END
    ORDER BY is_suppressed, is_closed, point.verified_at DESC NULLS LAST, point.id DESC
    LIMIT 1
"""  # noqa: S608
CONSENT = """
    SELECT record.granted FROM profiles_consentrecord AS record
    WHERE record.client_id = noted.client_id AND record.purpose = noted.purpose
        AND record.channel = carried.channel AND NOT noted.is_urgent
    ORDER BY record.recorded_at DESC, record.id DESC LIMIT 1
"""
FIRST = """
    SELECT noted.tried[1], noted.tried[1] = ANY(%(stopped)s), 1, noted.word_ids[1],
        noted.spoken[1]
"""
EVERY = """
    SELECT channel, channel = ANY(%(stopped)s), place, word_id, language
    FROM unnest(noted.tried, noted.word_ids, noted.spoken)
        WITH ORDINALITY AS tried (channel, word_id, language, place)
"""
# The order of the checks is that of `gate.Refusal`.
ANSWERED = f"""
    SELECT carried.channel, carried.place, point.id AS point_id, point.is_strange,
        carried.wording_id, carried.language,
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
            WHEN point.is_closed THEN 'closed'
            WHEN point.is_reachable IS NOT TRUE THEN 'no_address'
            WHEN carried.wording_id IS NULL THEN 'no_wording'
            ELSE ''
        END AS code
    FROM ({{carried}}) AS carried (channel, is_stopped, place, wording_id, language)
    LEFT JOIN LATERAL ({CONSENT}) AS consent ON true
    LEFT JOIN LATERAL ({POINT}) AS point ON true
"""  # noqa: S608
# One pass over the channels: the least array is that of the first channel that will do, else of the
# reason that stands for all of them, as in `choosing.decisive`.
CHOSEN = f"""
    SELECT
        min(ARRAY[
            CASE code WHEN '' THEN 0 WHEN 'stopped' THEN 1 WHEN 'held' THEN 2 WHEN 'closed' THEN 3
                ELSE 99 - array_position(%(refusals)s, code) END,
            place, coalesce(array_position(%(refusals)s, code), 0), coalesce(point_id, 0)
        ]) AS first,
        jsonb_build_object('channels', jsonb_object_agg(channel, code)) AS channels,
        bool_or(is_strange) AS is_strange
    FROM ({ANSWERED.format(carried=EVERY)}) AS answered
"""  # noqa: S608
SAME = """
    noted.notice_id, noted.client_id, noted.is_offer, noted.priority, noted.has_waited,
    noted.send_at, noted.day, noted.rival_id
"""
# Most have no more to say than what became of the channels.
INPUTS = """
    CASE WHEN noted.send_at = %(at)s AND noted.group_name = '' AND NOT noted.is_taken
        AND noted.most IS NULL THEN {channels} ELSE {channels} || jsonb_strip_nulls(jsonb_build_object(
            'until', CASE WHEN noted.send_at > %(at)s THEN noted.send_at END,
            'zone', CASE WHEN noted.send_at > %(at)s OR noted.send_at IS NULL
                THEN coalesce(nullif(noted.zone, ''), nullif(noted.phone, ''), '?') END,
            'group', nullif(noted.group_name, ''),
            'by', CASE WHEN noted.is_taken THEN noted.rival_id END,
            'most', noted.most
        )) END
"""
# Most get what they are told by the first channel: nothing has to be gathered for them.
DECIDE_FIRST = f"""
WITH {SHARED}, noted AS ({{noted}})
INSERT INTO messaging_decided
SELECT {SAME}, first.channel, first.point_id, first.wording_id, first.language, first.code,
    {INPUTS.format(channels="noted.alone")}, first.is_strange
FROM noted
CROSS JOIN LATERAL ({ANSWERED.format(carried=FIRST)}) AS first
WHERE first.code = ''
"""  # noqa: S608
FIRST_OF_NEWS = DECIDE_FIRST.format(noted=f"{NEWS} WHERE NOT asked.is_offer")
FIRST_OF_OFFERS = DECIDE_FIRST.format(noted=f"{EITHER} WHERE asked.is_offer")
DECIDE_OTHERS = f"""
WITH {SHARED}, noted AS (
    {EITHER} WHERE asked.notice_id NOT IN (SELECT notice_id FROM messaging_decided)
)
INSERT INTO messaging_decided
SELECT {SAME},
    CASE WHEN first[1] = 0 THEN noted.tried[first[2]] END, CASE WHEN first[1] = 0 THEN first[4] END,
    CASE WHEN first[1] = 0 THEN noted.word_ids[first[2]] END, noted.spoken[first[2]],
    coalesce((%(refusals)s::text[])[first[3]], ''),
    {INPUTS.format(channels="chosen.channels")}, chosen.is_strange
FROM noted
CROSS JOIN LATERAL ({CHOSEN}) AS chosen
"""  # noqa: S608


@dataclass(frozen=True)
class Batch:
    """How many notices were asked about, and which were the first and the last in the queue."""

    size: int
    first: int
    last: int


def ask(cursor: CursorWrapper, *, at: datetime, limit: int, after: int, until: int) -> Batch:
    """Take the next queued notices that nobody else has taken."""
    cursor.execute(TABLES)
    cursor.execute(
        ASK,
        {"at": at, "limit": limit, "after": after, "until": until, "zones": _zones()},
    )
    batch = Batch(*cursor.fetchone())
    cursor.execute("ANALYZE messaging_asked (notice_id, client_id)")
    return batch


REFUSALS = list(map(str, Refusal))


def decide(cursor: CursorWrapper, *, at: datetime) -> None:
    """Ask the gate about every notice that was taken, in every channel."""
    known = {"at": at, "refusals": REFUSALS, **grounding.grounds(cursor, at=at)}
    _decide(cursor, {**known, "suppressed": []})
    if strangers := _suppressed_strangers(cursor):
        cursor.execute("DELETE FROM messaging_decided")
        _decide(cursor, {**known, "suppressed": strangers})


def _decide(cursor: CursorWrapper, known: dict[str, Any]) -> None:
    """Try the first channel of each; the others are asked where that one will not do."""
    cursor.execute(FIRST_OF_NEWS, known)
    cursor.execute(FIRST_OF_OFFERS, known)
    cursor.execute(DECIDE_OTHERS, known)


@cache
def _zones() -> list[str]:
    """Read the names once: it opens every file of the time zone database."""
    return sorted(available_timezones())


def _suppressed_strangers(cursor: CursorWrapper) -> list[int]:
    cursor.execute(STRANGERS)
    points = ContactPoint.objects.filter(pk__in=[point for (point,) in cursor.fetchall()])
    return list(suppressions(points))
