# ruff: noqa: S608 (nothing but names of columns enters these texts)
"""The SQL by which a million clients land, for the columns of one file; what was left out is not here."""

from collections.abc import Iterator
from dataclasses import dataclass

from apps.core.imports.columns import NOTHING
from apps.profiles.imports.clients import CONSENTS, FIELDS
from apps.profiles.imports.newcomers import ADDRESSES
from apps.profiles.imports.staged import CHANGED, INTRICATE, MATCHED, StagedClients
from apps.profiles.models import Channel, Client


@dataclass(frozen=True)
class Storing(StagedClients):
    """What lands a file with these columns, statement by statement."""

    all_new: bool = False  # every good record is a plain new client

    def additions(self) -> Iterator[str]:
        """Yield what lands the new clients; `base`, `at` and `source` are parameters."""
        yield from (self.add_clients, self.add_identifiers)
        if self.addresses:
            yield self.add_points
        if self.consents:
            yield self.add_answers
        yield self.know_new

    def changes(self) -> Iterator[str]:
        """Yield what lands the changes; `at` is a parameter."""
        yield from (self.take_changed, self.lock, self.know_changed)
        if self.fields or self.attributes:
            yield self.change_clients
        for name in self.addresses:
            yield from (self.remove_points(name), self.bring_points(name))

    @property
    def places(self) -> str:
        """Tell between which numbers of records the new clients stand, and whether all are new."""
        return f"""
            SELECT min(number), max(number), count(*) = (SELECT count(*) FROM {{verdicts}})
            FROM {{verdicts}}
            WHERE fate = 'new' AND number NOT IN (SELECT number FROM {INTRICATE})
        """

    @property
    def who_may_be_one(self) -> str:
        return f"""
            SELECT %(base)s::bigint + number FROM {self.staging.verdicts}
            WHERE fate = 'new' AND number NOT IN (SELECT number FROM {INTRICATE})
            UNION ALL SELECT id FROM {CHANGED} WHERE before ?| %(told)s
        """

    @property
    def lock(self) -> str:
        return f"""
            SELECT count(*) FROM (
                SELECT FROM profiles_client WHERE id IN (SELECT id FROM {CHANGED})
                ORDER BY id FOR NO KEY UPDATE
            ) AS locked
        """

    @property
    def _fresh(self) -> str:
        """The new clients in the file's order, their ids counted from `base` on."""
        if self.all_new:  # there they stand in this order
            return """(
                SELECT %(base)s::bigint + number AS id, * FROM {records} WHERE faults IS NULL
            ) AS record"""
        return f"""(
            SELECT %(base)s::bigint + record.number AS id, record.*
            FROM {{records}} AS record JOIN {{verdicts}} USING (number)
            WHERE fate = 'new' AND number NOT IN (SELECT number FROM {INTRICATE})
            ORDER BY number
        ) AS record"""

    @property
    def add_clients(self) -> str:
        stored = {
            name: f"coalesce({self.cell(name)}, {_default(name)})"
            if _default(name) != "NULL"
            else self.cell(name)
            for name in FIELDS
        }
        stored["time_zone_source"] = (
            f"CASE WHEN {self.cell('time_zone')} IS NULL THEN 'unknown' ELSE 'imported' END"
        )
        stored["attributes"] = self.said_attributes
        return f"""
            INSERT INTO profiles_client (id, {", ".join(stored)}, created_at)
            SELECT id, {", ".join(stored.values())}, %(at)s FROM {self._fresh}
        """

    @property
    def add_identifiers(self) -> str:
        return f"""
            INSERT INTO profiles_identifier (client_id, kind, value, created_at)
            SELECT id, 'core_id', {self.cell("core_id")}, %(at)s FROM {self._fresh}
        """

    @property
    def add_points(self) -> str:
        each = ", ".join(f"('{ADDRESSES[name]}', {self.cell(name)})" for name in self.addresses)
        return f"""
            INSERT INTO profiles_contactpoint (client_id, channel, address, state, created_at)
            SELECT record.id, said.channel, said.address, 'valid', %(at)s
            FROM {self._fresh}, LATERAL (VALUES {each}) AS said (channel, address)
            WHERE said.address IS NOT NULL
        """

    @property
    def add_answers(self) -> str:
        """Record what new clients granted, and by a dated `none` also what they refused."""
        each = ", ".join(f"('{CONSENTS[name]}', {self.cell(name)})" for name in self.consents)
        day, every = self.cell("consent_on"), ",".join(Channel.values)
        return f"""
            INSERT INTO profiles_consentrecord (client_id, purpose, channel, granted, text_version,
                source, given_on, recorded_at)
            SELECT record.id, said.purpose, channel, said.channels <> '{NOTHING}',
                coalesce({self.cell("consent_text")}, ''), %(source)s, {day}, %(at)s
            FROM {self._fresh}, LATERAL (VALUES {each}) AS said (purpose, channels),
                LATERAL unnest(CASE WHEN said.channels <> '{NOTHING}'
                    THEN string_to_array(said.channels, ' ')
                    WHEN {day} IS NOT NULL THEN '{{{{{every}}}}}'::text[] END) AS channel
            WHERE said.channels IS NOT NULL
        """

    @property
    def know_new(self) -> str:
        return f"""
            INSERT INTO profiles_knownrecord (client_id, digest, changes)
            SELECT id, digest, 0 FROM {self._fresh} WHERE digest IS NOT NULL
        """

    # Void where somebody changed the client since the comparison.
    know_changed = f"""
        UPDATE profiles_knownrecord AS known SET changes = known.changes + 1,
            digest = CASE WHEN known.changes = matched.changes THEN record.digest END
        FROM {CHANGED} AS record JOIN {MATCHED} AS matched USING (number)
        WHERE known.client_id = record.id
    """
    _unchanged = f"""
        {{verdicts}} JOIN {{records}} AS record USING (number)
            JOIN {MATCHED} AS matched USING (number)
        WHERE fate = 'unchanged' AND number NOT IN (SELECT number FROM {INTRICATE})
            AND record.digest IS NOT NULL
    """
    know_again = f"""
        UPDATE profiles_knownrecord AS known SET digest = said.digest
        FROM (SELECT client_id, changes, digest FROM {_unchanged}) AS said
        WHERE known.client_id = said.client_id AND known.digest IS NULL
            AND known.changes = said.changes
    """
    # Whoever voids what is not there yet inserts it: one of the two then finds it.
    know_more = f"""
        INSERT INTO profiles_knownrecord (client_id, digest, changes)
        SELECT client.id, said.digest, 0
        FROM (SELECT client_id, digest FROM {_unchanged} AND matched.changes IS NULL) AS said
            JOIN profiles_client AS client ON client.id = said.client_id
        FOR KEY SHARE OF client
        ON CONFLICT (client_id) DO NOTHING
    """

    @property
    def take_changed(self) -> str:
        return f"""
            CREATE TEMP TABLE {CHANGED} ON COMMIT DROP AS
            SELECT verdict.target AS id, verdict.before, record.*
            FROM {{records}} AS record JOIN {{verdicts}} AS verdict USING (number)
            WHERE fate = 'changed' AND number NOT IN (SELECT number FROM {INTRICATE})
        """

    @property
    def change_clients(self) -> str:
        """Change what the row says, unless the client stated his time zone a moment ago."""
        free = "client.time_zone_source <> 'stated'"
        changed = {
            name: f"coalesce({self.cell(name)}, client.{name})"
            for name in self.fields
            if name != "time_zone"
        }
        if self.has("time_zone"):
            zone = self.cell("time_zone")
            moves = f"{free} AND {zone} IS NOT NULL AND {zone} <> client.time_zone"
            changed["time_zone"] = f"CASE WHEN {moves} THEN {zone} ELSE client.time_zone END"
            changed["time_zone_source"] = (
                f"CASE WHEN {moves} THEN 'imported' ELSE client.time_zone_source END"
            )
        if self.attributes:
            changed["attributes"] = f"client.attributes || {self.said_attributes}"
        own = ", ".join(f"'{name}'" for name in (*self.fields, *self.attributes))
        return f"""
            UPDATE profiles_client AS client
            SET {", ".join(f"{name} = {value}" for name, value in changed.items())}
            FROM {CHANGED} AS record
            WHERE client.id = record.id AND record.before ?| ARRAY[{own}]
        """

    def remove_points(self, name: str) -> str:
        """Let go of the addresses in whose place a new one comes, unless the client confirmed them."""
        return f"""
            UPDATE profiles_contactpoint AS point SET state = 'removed'
            FROM {CHANGED} AS record
            WHERE point.client_id = record.id AND record.before ? '{name}'
                AND point.channel = '{ADDRESSES[name]}' AND point.address <> {self.cell(name)}
                AND point.verified_at IS NULL AND point.state IN ('valid', 'unconfirmed')
        """

    def bring_points(self, name: str) -> str:
        return f"""
            INSERT INTO profiles_contactpoint AS point
                (client_id, channel, address, state, created_at)
            SELECT record.id, '{ADDRESSES[name]}', {self.cell(name)}, 'valid', %(at)s
            FROM {CHANGED} AS record WHERE record.before ? '{name}'
            ON CONFLICT (client_id, channel, address) DO UPDATE SET state = 'valid'
            WHERE point.state = 'removed'
        """


def _default(name: str) -> str:
    value = getattr(Client(), name)
    return "NULL" if value is None else f"'{value}'"
