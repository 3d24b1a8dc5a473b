"""When a result was put right: stop what is not out yet, tell who knew nothing, draft corrections.

A correction is a notice in the state `drafted`: nothing of it goes out before a person, who did not
order the restatement, has approved it; then it takes the way of every notice.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.messaging.actions.routing import CORRECTED, LISTENER, NOTICES
from apps.messaging.models.corrections import CorrectionVerdict
from apps.messaging.models.outbox import Notice
from apps.messaging.models.queue import DraftedNotice
from apps.products.models.restatements import Restatement

Verdict = CorrectionVerdict.Verdict

# Only of restatements that are carried out as a whole: then one correction says everything.
TAKE = """
SELECT inbox.id, event.client_id, restatement.id
FROM events_inbox AS inbox
JOIN events_event AS event ON event.id = inbox.event_id AND event.occurred_at = inbox.occurred_at
JOIN products_restatement AS restatement
    ON restatement.id = (event.properties ->> 'restatement')::bigint AND restatement.state = 'done'
WHERE inbox.listener = %(listener)s AND inbox.kind = %(corrected)s
ORDER BY inbox.id LIMIT %(limit)s
FOR UPDATE OF inbox SKIP LOCKED
"""
# What of these clients' news is out of date and has not been told.
OUTDATED = """
SELECT notice.id FROM messaging_notice AS notice
WHERE notice.client_id = ANY(%(clients)s) AND notice.state IN ('drafted', 'queued', 'planned')
    AND (EXISTS (
        SELECT FROM products_observationresult AS newer
        WHERE newer.supersedes_id = notice.result_id
    ) OR EXISTS (
        SELECT FROM messaging_correctedresult AS corrects
        JOIN products_observationresult AS newer ON newer.supersedes_id = corrects.result_id
        WHERE corrects.notice_id = notice.id
    ))
"""
STOP_MESSAGES = f"""
UPDATE messaging_message SET state = 'skipped', reason = %(reason)s, ended_at = %(at)s
WHERE state = 'queued' AND notice_id IN ({OUTDATED})
"""  # noqa: S608 (our own constants, here and below)
# One whose message is being sent stays: nobody knows yet whether it is told.
STOP_NOTICES = f"""
UPDATE messaging_notice AS stopped SET state = 'skipped', reason = %(reason)s
WHERE stopped.id IN ({OUTDATED}) AND stopped.state IN ('drafted', 'queued', 'planned')
    AND NOT EXISTS (
        SELECT FROM messaging_message AS message
        WHERE message.notice_id = stopped.id AND message.state <> 'skipped'
    )
"""  # noqa: S608
IN_FLIGHT = f"SELECT DISTINCT client_id FROM messaging_notice WHERE id IN ({OUTDATED})"  # noqa: S608
# What each client knows of an observation: the last result he was told of, or may have been.
KNOWN = """
knew AS (
    SELECT DISTINCT ON (told.client_id, told.observation_id) told.*
    FROM (
        SELECT notice.id, notice.client_id, result.id AS result_id, result.observation_id
        FROM asked
        JOIN messaging_notice AS notice USING (client_id)
        CROSS JOIN LATERAL (
            SELECT notice.result_id
            UNION ALL
            SELECT corrects.result_id FROM messaging_correctedresult AS corrects
            WHERE corrects.notice_id = notice.id
        ) AS spoken_of
        JOIN products_observationresult AS result ON result.id = spoken_of.result_id
        WHERE notice.state = 'done' OR notice.state = 'failed' AND EXISTS (
            SELECT FROM messaging_message AS message
            WHERE message.notice_id = notice.id AND message.state = 'unknown'
        )
    ) AS told
    ORDER BY told.client_id, told.observation_id, told.id DESC
)
"""
# What the restatement left standing: of what a later one has superseded, that one speaks.
CORRECTED_NOW = """
asked AS (
    SELECT DISTINCT client_id, restatement_id
    FROM unnest(%(clients)s::bigint[], %(restatements)s::bigint[])
        AS pair (client_id, restatement_id)
), corrected AS (
    SELECT asked.client_id, asked.restatement_id, result.id AS result_id, result.observation_id,
        result.outcome, result.called, result.matured
    FROM asked
    JOIN products_observationresult AS result USING (restatement_id)
    WHERE NOT EXISTS (
        SELECT FROM products_observationresult AS newer WHERE newer.supersedes_id = result.id
    ) AND EXISTS (
        SELECT FROM products_policy AS policy
        JOIN products_policycoupon AS coupon ON coupon.policy_id = policy.id
            AND coupon.result_id IN (result.id, result.supersedes_id)
        WHERE policy.client_id = asked.client_id
    )
)
"""
# Whoever was told nothing hears the right news, as if the wrong price had never been; as long as
# it still is news.
TELL = f"""
WITH {CORRECTED_NOW}, {KNOWN}, happened AS (
    SELECT corrected.client_id, corrected.result_id, %(at)s::timestamptz AS occurred_at,
        event.id AS event_id,
        CASE WHEN corrected.called THEN 'strategy.called'
            WHEN corrected.matured THEN 'strategy.matured'
            WHEN corrected.outcome = 'SAVED' THEN 'coupon.saved'
            WHEN corrected.outcome = 'LOST' THEN 'coupon.lost'
            WHEN corrected.outcome IN ('ACCRUED', 'PARTIAL', 'GUARANTEED') THEN 'coupon.accrued'
        END AS kind,
        'coupon:' || corrected.observation_id || ':' || corrected.client_id || ':'
            || corrected.result_id AS dedupe_key
    FROM corrected
    JOIN products_observation AS observation ON observation.id = corrected.observation_id
        AND observation.valuation_on > %(at)s::timestamptz - interval '45 days'
    LEFT JOIN knew USING (client_id, observation_id)
    CROSS JOIN LATERAL (
        SELECT min(event.id) AS id FROM events_event AS event
        WHERE event.client_id = corrected.client_id AND event.kind = %(corrected)s
            AND event.occurred_at >= observation.valuation_on
            AND (event.properties ->> 'result')::bigint = corrected.result_id
    ) AS event
    WHERE knew.id IS NULL AND event.id IS NOT NULL
)
{NOTICES}
"""  # noqa: S608
DRAFT = f"""
WITH {CORRECTED_NOW}, {KNOWN}, line AS (
    SELECT corrected.client_id, corrected.restatement_id, corrected.result_id,
        observation.valuation_on, strategy.id AS strategy_id,
        strategy.name, strategy.tranche, told.said AS told, correct.said AS correct,
        row_number() OVER (
            PARTITION BY corrected.client_id, corrected.restatement_id
            ORDER BY observation.valuation_on, strategy.id
        ) AS place
    FROM corrected
    JOIN knew USING (client_id, observation_id)
    JOIN products_observation AS observation ON observation.id = corrected.observation_id
    JOIN products_strategy AS strategy ON strategy.id = observation.strategy_id
    CROSS JOIN LATERAL ({{told}}) AS told
    CROSS JOIN LATERAL ({{correct}}) AS correct
    WHERE knew.result_id <> corrected.result_id AND told.said <> correct.said
), price AS (
    SELECT DISTINCT line.client_id, line.restatement_id, share.name, quote.day
    FROM line
    JOIN products_basketmember AS member ON member.strategy_id = line.strategy_id
    JOIN products_underlying AS share ON share.id = member.underlying_id
    JOIN products_quote AS quote ON quote.underlying_id = share.id
    JOIN products_restatement_quotes AS because ON because.quote_id = quote.id
        AND because.restatement_id = line.restatement_id
), why AS (
    SELECT client_id, restatement_id, min(name) AS share,
        jsonb_agg(jsonb_build_object('share', name, 'day', jsonb_build_object('date', day))
            ORDER BY day, name) AS prices
    FROM price GROUP BY 1, 2
), drafted AS (
    INSERT INTO messaging_notice (
        client_id, template_id, variant, subject, source, values, dedupe_key, state, reason,
        created_at
    )
    SELECT line.client_id, template.id, 'plain', 'strategy:' || line.strategy_id,
        'restatement:' || line.restatement_id,
        jsonb_strip_nulls(jsonb_build_object(
            'strategy', line.name, 'tranche', nullif(line.tranche, ''),
            'observed_on', jsonb_build_object('date', line.valuation_on),
            'told', line.told - 'outcome', 'correct', line.correct - 'outcome',
            'share', why.share, 'prices', why.prices,
            'lines', (
                SELECT jsonb_agg(jsonb_build_object(
                    'strategy', each.name,
                    'observed_on', jsonb_build_object('date', each.valuation_on),
                    'told', each.told - 'outcome', 'correct', each.correct - 'outcome'
                ) ORDER BY each.place)
                FROM line AS each
                WHERE (each.client_id, each.restatement_id)
                    = (line.client_id, line.restatement_id)
            )
        )),
        'restatement:' || line.restatement_id || ':' || line.client_id, 'drafted', '', %(at)s
    FROM line
    JOIN messaging_template AS template ON template.code = %(corrected)s
    LEFT JOIN why USING (client_id, restatement_id)
    WHERE line.place = 1
    ON CONFLICT (dedupe_key) DO NOTHING
    RETURNING id, client_id, source
)
INSERT INTO messaging_correctedresult (notice_id, result_id)
SELECT drafted.id, line.result_id
FROM drafted
JOIN line ON line.client_id = drafted.client_id
    AND drafted.source = 'restatement:' || line.restatement_id
"""  # noqa: S608
# What a result said to a client, all his policies together; a void one says nothing.
SAID = """
SELECT jsonb_strip_nulls(jsonb_build_object(
    'outcome', CASE WHEN result.called THEN 'CALLED' ELSE result.outcome END,
    'amount', CASE WHEN sum(coupon.amount) > 0 THEN jsonb_build_object(
        'money', sum(coupon.amount), 'currency', strategy.currency) END,
    'remembered', CASE WHEN sum(coupon.remembered) > 0 THEN jsonb_build_object(
        'money', sum(coupon.remembered), 'currency', strategy.currency) END,
    'redemption', CASE WHEN sum(coupon.redemption) > 0 THEN jsonb_build_object(
        'money', sum(coupon.redemption), 'currency', strategy.currency) END
)) AS said
FROM products_observationresult AS result
LEFT JOIN products_policycoupon AS coupon ON coupon.result_id = result.id
    AND coupon.policy_id IN (
        SELECT policy.id FROM products_policy AS policy
        WHERE policy.client_id = corrected.client_id AND policy.strategy_id = strategy.id
    )
WHERE result.id = {result}
GROUP BY result.id
"""


class CorrectionError(ValueError):
    """Corrections cannot be decided on so; the message says why."""


@transaction.atomic
def correct_news(*, at: datetime, limit: int) -> int:
    """Stop, tell and draft for the next corrected results; return how many left the inbox.

    A client to whom a message is just being sent waits for the next tick, when it is known whether
    he was told.
    """
    with connection.cursor() as cursor:
        cursor.execute(TAKE, {"listener": LISTENER, "corrected": CORRECTED, "limit": limit})
        taken = cursor.fetchall()
        _stop([client for _row, client, _restatement in taken], at)
        waiting = _in_flight([client for _row, client, _restatement in taken])
        ready = [row for row in taken if row[1] not in waiting]
        params: dict[str, Any] = {
            "clients": [client for _row, client, _restatement in ready],
            "restatements": [restatement for _row, _client, restatement in ready],
            "corrected": CORRECTED,
            "at": at,
        }
        cursor.execute(TELL, params)
        told, correct = (
            SAID.format(result="knew.result_id"),
            SAID.format(result="corrected.result_id"),
        )
        cursor.execute(DRAFT.format(told=told, correct=correct), params)
        done = [row for row, _client, _restatement in ready]
        cursor.execute("DELETE FROM events_inbox WHERE id = ANY(%s)", [done])
    return len(ready)


def drafts(restatement_id: int) -> QuerySet[Notice]:
    """Return the corrections of a restatement that wait for approval."""
    return Notice.objects.filter(
        pk__in=DraftedNotice.objects.values("pk"),
        source=f"restatement:{restatement_id}",
        state=Notice.State.DRAFTED,
    )


def approve_corrections(restatement_id: int, *, by: AbstractBaseUser, at: datetime) -> int:
    """Let the drafted corrections of a restatement go out; return how many."""
    return _decide(restatement_id, Verdict.APPROVED, {"state": Notice.State.QUEUED}, by, at)


def reject_corrections(restatement_id: int, *, by: AbstractBaseUser, at: datetime) -> int:
    """Keep the drafted corrections of a restatement back for good; return how many."""
    kept_back = {
        "state": Notice.State.SKIPPED,
        "reason": _("%(name)s rejected the correction.") % {"name": by.get_username()},
    }
    return _decide(restatement_id, Verdict.REJECTED, kept_back, by, at)


@transaction.atomic
def _decide(
    restatement_id: int,
    verdict: Verdict,
    becomes: Mapping[str, Any],
    by: AbstractBaseUser,
    at: datetime,
) -> int:
    if Restatement.objects.filter(pk=restatement_id, decided_by=by.pk).exists():
        raise CorrectionError(
            _(
                "You ordered this restatement: somebody else must decide what clients are told of it."
            )
        )
    count = drafts(restatement_id).update(**becomes)
    if count:
        CorrectionVerdict.objects.create(
            restatement_id=restatement_id, verdict=verdict, notices=count, by_id=by.pk, at=at
        )
    return count


def _stop(clients: Sequence[int], at: datetime) -> None:
    params: dict[str, Any] = {
        "clients": list(clients),
        "reason": _("Out of date: what it says was corrected."),
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(STOP_MESSAGES, params)
        cursor.execute(STOP_NOTICES, params)


def _in_flight(clients: Collection[int]) -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(IN_FLIGHT, {"clients": list(clients)})
        return {client for (client,) in cursor.fetchall()}
