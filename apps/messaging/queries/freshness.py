"""Which results are no longer, or not yet again, fit to be told; few are asked for many notices."""

from collections.abc import Collection

from django.db import connection

from apps.products.models.strategies import ObservationResult

# A close that the result rests on waits for a second person: it may turn out to be another one.
HELD = """
SELECT DISTINCT result.id
FROM products_observationresult AS result
JOIN products_observation AS observation ON observation.id = result.observation_id
JOIN products_basketmember AS member ON member.strategy_id = observation.strategy_id
JOIN products_quote AS quote ON quote.underlying_id = member.underlying_id
    AND quote.state = 'held' AND (
        quote.day = observation.valuation_on
        OR quote.day::text IN (
            SELECT used #>> '{}' FROM jsonb_path_query(result.levels, '$.*.day') AS used
        )
    )
WHERE result.id = ANY(%s)
"""
OUT_OF_DATE_CORRECTIONS = """
SELECT told.notice_id FROM messaging_correctedresult AS told
JOIN products_observationresult AS newer ON newer.supersedes_id = told.result_id
WHERE told.notice_id = ANY(%s)
"""


def superseded(result_ids: Collection[int]) -> set[int]:
    """Return which of these results were corrected since."""
    found = ObservationResult.objects.filter(pk__in=result_ids, superseded_by__isnull=False)
    return set(found.values_list("pk", flat=True))


def held(result_ids: Collection[int]) -> set[int]:
    """Return which of these results rest on a close that is in doubt just now."""
    with connection.cursor() as cursor:
        cursor.execute(HELD, [list(result_ids)])
        return {result for (result,) in cursor.fetchall()}


def out_of_date_corrections(notice_ids: Collection[int]) -> set[int]:
    """Return which of these notices correct something that was corrected once more."""
    if not notice_ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(OUT_OF_DATE_CORRECTIONS, [list(notice_ids)])
        return {notice for (notice,) in cursor.fetchall()}
