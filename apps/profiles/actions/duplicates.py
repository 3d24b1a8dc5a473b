"""Likely duplicates: found in sets where clients land, told apart by a person."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, transaction

from apps.profiles.models import Duplicate

# More clients at one address are an office or a broker's mailbox, more of one name and birthday are
# what a system fills in where it knows neither, and every pair of them is nothing that a person
# could decide: 1,000 of them would be 499,500 questions.
CROWD = 5

# Who shares nothing with anybody, as nearly everybody, is left out before anything is counted.
# Suggestions that no longer hold go; a pair that a person has decided on is never asked again.
SUGGEST = """
WITH named (id) AS MATERIALIZED (
    {select}
), own AS (
    SELECT DISTINCT channel, address
    FROM profiles_contactpoint AS point JOIN named ON named.id = client_id
    WHERE state <> 'removed' AND EXISTS (
        SELECT FROM profiles_contactpoint AS other
        WHERE other.channel = point.channel AND other.address = point.address
            AND other.client_id <> point.client_id AND other.state <> 'removed'
    )
), shared AS (
    SELECT channel, address FROM own JOIN profiles_contactpoint USING (channel, address)
    WHERE state <> 'removed'
    GROUP BY channel, address HAVING count(*) BETWEEN 2 AND %(crowd)s
), names AS (
    SELECT DISTINCT last_name, first_name, birth_on
    FROM named JOIN profiles_client AS client USING (id)
    WHERE last_name <> '' AND first_name <> '' AND birth_on IS NOT NULL AND EXISTS (
        SELECT FROM profiles_client AS other
        WHERE other.last_name = client.last_name AND other.first_name = client.first_name
            AND other.birth_on = client.birth_on AND other.id <> client.id
    )
), alike AS (
    SELECT last_name, first_name, birth_on
    FROM names JOIN profiles_client USING (last_name, first_name, birth_on)
    GROUP BY last_name, first_name, birth_on HAVING count(*) BETWEEN 2 AND %(crowd)s
), likely AS (
    SELECT point.client_id AS one, other.client_id AS two, channel AS what
    FROM shared
    JOIN profiles_contactpoint AS point USING (channel, address)
    JOIN profiles_contactpoint AS other USING (channel, address)
    WHERE point.client_id < other.client_id
        AND point.state <> 'removed' AND other.state <> 'removed'
    UNION
    SELECT one.id, two.id, 'name'
    FROM alike
    JOIN profiles_client AS one USING (last_name, first_name, birth_on)
    JOIN profiles_client AS two USING (last_name, first_name, birth_on)
    WHERE one.id < two.id
), pairs AS (
    SELECT one, two, jsonb_agg(DISTINCT what) AS shares
    FROM likely
    JOIN profiles_client AS first ON first.id = one
    JOIN profiles_client AS second ON second.id = two
    WHERE first.merged_into_id IS NULL AND second.merged_into_id IS NULL
        -- Two people of one household, as far as can be known.
        AND NOT (
            first.birth_on <> second.birth_on
            AND lower(first.first_name) <> lower(second.first_name)
            AND first.first_name <> '' AND second.first_name <> ''
        ) IS TRUE
    GROUP BY one, two
), gone AS (
    DELETE FROM profiles_duplicate
    WHERE state = 'open'
        AND (first_id IN (SELECT id FROM named) OR second_id IN (SELECT id FROM named))
        AND NOT EXISTS (SELECT FROM pairs WHERE one = first_id AND two = second_id)
)
INSERT INTO profiles_duplicate AS known (first_id, second_id, shares, state, found_at)
SELECT one, two, shares, 'open', %(at)s FROM pairs
ON CONFLICT (first_id, second_id) DO UPDATE SET shares = EXCLUDED.shares
WHERE known.state = 'open' AND known.shares <> EXCLUDED.shares
"""
GIVEN = "SELECT unnest(%(ids)s::bigint[])"


def suggest_duplicates(client_ids: Iterable[int], *, at: datetime) -> int:
    """Suggest who may be one with these clients; return how many suggestions are new or changed."""
    ids = list(client_ids)
    return suggest_selected(GIVEN, {"ids": ids}, at=at) if ids else 0


@transaction.atomic
def suggest_selected(select: str, params: Mapping[str, Any], *, at: datetime) -> int:
    """Suggest who may be one with the clients whose ids a SELECT yields; `suggest_duplicates` else."""
    with connection.cursor() as cursor:
        cursor.execute(SUGGEST.format(select=select), {**params, "crowd": CROWD, "at": at})
        return int(cursor.rowcount)


def tell_apart(duplicate_id: int, *, by: AbstractBaseUser, at: datetime) -> bool:
    """Remember that a pair is two people; False where somebody has decided on it."""
    asked = Duplicate.objects.filter(pk=duplicate_id, state=Duplicate.State.OPEN)
    return bool(asked.update(state=Duplicate.State.DIFFERENT, decided_by=by.pk, decided_at=at))
