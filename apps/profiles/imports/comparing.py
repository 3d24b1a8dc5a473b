# ruff: noqa: S608 (nothing but names of columns enters these texts)
"""The SQL by which a million clients are compared with what is stored, for the columns of one file.

Only what is plain is judged here. What weighs more than it says (an answer that differs, a time zone that
the client stated, a row that may be refused) is left to the exact resource.
"""

from collections.abc import Iterable
from itertools import combinations

from apps.core.imports.columns import NOTHING
from apps.profiles.imports.clients import ADDRESSES, CONSENTS
from apps.profiles.imports.staged import ANSWERS, INTRICATE, MATCHED, StagedClients, key_of
from apps.profiles.models import Channel, Client, Purpose

QUIET = ("quiet_from", "quiet_until")
CHANNELS = tuple(Channel.values)

# One bit for each question, so that a client's answers are one number.
_BITS = "\n".join(
    f"WHEN purpose = '{purpose}' AND channel = '{channel}' THEN {1 << (4 * row + column)}"
    for row, purpose in enumerate(Purpose.values)
    for column, channel in enumerate(CHANNELS)
)
_SUMMED = """
    bit_or(bit) AS answered, sum(bit) AS counted, bit_or(CASE WHEN granted THEN bit ELSE 0 END)
    AS granted, max(given_on) AS known_on, min(text_version) AS first_text,
    max(text_version) AS last_text
"""


class Comparing(StagedClients):
    """What compares a file with these columns, statement by statement."""

    @property
    def match(self) -> str:
        return f"""
            CREATE TEMP TABLE {MATCHED} ON COMMIT DROP AS
            SELECT record.number, known.client_id
            FROM {{records}} AS record
            JOIN profiles_identifier AS known
                ON known.kind = 'core_id' AND known.value = {self.cell("core_id")}
            WHERE record.faults IS NULL
        """

    @property
    def answers(self) -> str:
        """Sum up what the matched clients answered last to each question, as bits."""
        return f"""
            CREATE TEMP TABLE {ANSWERS} ON COMMIT DROP AS
            SELECT client_id, {_SUMMED}
            FROM (
                SELECT client_id, granted, given_on, text_version, CASE {_BITS} END AS bit
                FROM {MATCHED} JOIN profiles_consentrecord USING (client_id)
            ) AS answer
            GROUP BY client_id
        """

    @property
    def answers_again(self) -> str:
        """Sum up anew where a question was answered more than once: the last answer counts."""
        return f"""
            WITH several AS (
                DELETE FROM {ANSWERS} WHERE counted <> answered RETURNING client_id
            )
            INSERT INTO {ANSWERS}
            SELECT client_id, {_SUMMED}
            FROM (
                SELECT DISTINCT ON (client_id, purpose, channel)
                    client_id, granted, given_on, text_version, CASE {_BITS} END AS bit
                FROM several JOIN profiles_consentrecord USING (client_id)
                ORDER BY client_id, purpose, channel, recorded_at DESC, id DESC
            ) AS answer
            GROUP BY client_id
        """

    @property
    def judge(self) -> str:
        """Give each record its verdict; fate NULL where the exact resource must look."""
        return f"""
            INSERT INTO {{verdicts}} (number, fate, before, target)
            SELECT number,
                CASE WHEN is_intricate THEN NULL WHEN client_id IS NULL THEN 'new'
                    WHEN before IS NULL THEN 'unchanged' ELSE 'changed' END,
                CASE WHEN NOT is_intricate THEN before END,
                client_id
            FROM (
                SELECT number, client_id, is_intricate,
                    CASE WHEN NOT is_same AND NOT is_intricate THEN {self._before} END AS before
                FROM (
                    SELECT record.*, client.id AS client_id, {self._client_columns},
                        (CASE WHEN client.id IS NULL THEN {self._intricate_new}
                            ELSE {self._intricate_known} END) IS NOT FALSE AS is_intricate,
                        client.id IS NULL OR ({self._same}) IS TRUE AS is_same
                    FROM {{records}} AS record
                    LEFT JOIN {MATCHED} AS matched USING (number)
                    LEFT JOIN profiles_client AS client ON client.id = matched.client_id
                    {self._joined_points}
                    LEFT JOIN {ANSWERS} AS answers ON answers.client_id = client.id
                    WHERE record.faults IS NULL
                    OFFSET 0
                ) AS record
                OFFSET 0
            ) AS judged
        """

    @property
    def judge_new(self) -> str:
        """Give each record its verdict where no client of the file is known."""
        return f"""
            INSERT INTO {{verdicts}} (number, fate)
            SELECT number, CASE WHEN ({self._intricate_new}) IS FALSE THEN 'new' END
            FROM {{records}} AS record
            WHERE record.faults IS NULL
        """

    @property
    def leave(self) -> str:
        return f"""
            CREATE TEMP TABLE {INTRICATE} ON COMMIT DROP AS
            SELECT number FROM {{verdicts}} WHERE fate IS NULL
        """

    @property
    def _client_columns(self) -> str:
        names = [*self.fields, "attributes"]
        points = [f"{name}.id AS {name}_id" for name in self.addresses]
        return ", ".join([f"client.{name}" for name in names] + points)

    @property
    def _joined_points(self) -> str:
        return "\n".join(
            f"LEFT JOIN profiles_contactpoint AS {name} ON {name}.client_id = matched.client_id"
            f" AND {name}.channel = '{ADDRESSES[name]}' AND {name}.state <> 'removed'"
            f" AND {name}.address = {self.cell(name)}"
            for name in self.addresses
        )

    @property
    def _intricate_new(self) -> str:
        """Whether a new client's row may be refused; `at` is a parameter."""
        doubts = [self._without_text]
        if self.has("consent_on"):
            doubts.append(f"{self.cell('consent_on')} > %(last_day)s")
        if any(map(self.has, QUIET)):
            quiet = (f"coalesce({self.cell(name)}, '{getattr(Client(), name)}')" for name in QUIET)
            doubts.append(" = ".join(quiet))
        return _any(doubts)

    @property
    def _without_text(self) -> str:
        return f"({self._grants}) AND {self.cell('consent_text')} IS NULL"

    @property
    def _grants(self) -> str:
        """Whether a row grants anything."""
        return _any(f"{self.cell(name)} <> '{NOTHING}'" for name in self.consents)

    @property
    def _intricate_known(self) -> str:
        """Whether a row may be refused, or weighs against what the client himself said."""
        # Two ids of the core system may mean a client into whom another one was merged.
        merged = "client.id IN (SELECT kept_id FROM profiles_merge WHERE state = 'merged')"
        doubts = ["client.merged_into_id IS NOT NULL", merged, self._without_text]
        if self.has("time_zone"):
            zone = self.cell("time_zone")
            doubts.append(f"client.time_zone_source = 'stated' AND {zone} <> client.time_zone")
        if any(map(self.has, QUIET)):
            quiet = (f"coalesce({self.cell(name)}, client.{name})" for name in QUIET)
            doubts.append(" = ".join(quiet))
        doubts += [
            f"{self.cell(name)} IS NOT NULL"
            f" AND jsonb_typeof(client.attributes -> {key_of(name)}) <> 'string'"
            for name in self.attributes
        ]
        if self.consents:
            doubts.append(f"({self._says_consents}) AND ({self._answers_same}) IS NOT TRUE")
        return _any(doubts)

    @property
    def _says_consents(self) -> str:
        return _any(f"{self.cell(name)} IS NOT NULL" for name in self.consents)

    @property
    def _answers_same(self) -> str:
        """Whether a row says of each question what was answered last, and of no later day."""
        day, text = self.cell("consent_on"), self.cell("consent_text")
        same = [f"{day} IS NULL OR {day} <= answers.known_on"]
        same.append(
            f"{text} IS NULL OR {day} < answers.known_on OR NOT ({self._grants})"
            f" OR ({text} = answers.first_text AND {text} = answers.last_text)"
        )
        for name in self.consents:
            row = Purpose.values.index(CONSENTS[name])
            mask = 15 << (4 * row)
            # A dated `none` also answers what nobody asked.
            asked = f"{day} IS NULL OR {self.cell(name)} <> '{NOTHING}'"
            same.append(
                f"{self.cell(name)} IS NULL OR (answers.granted & {mask}) = {self._bits(name, row)}"
                f" AND ({asked} OR (answers.answered & {mask}) = {mask})"
            )
        return " AND ".join(f"({each})" for each in same)

    def _bits(self, name: str, row: int) -> str:
        ways = " ".join(
            f"WHEN '{' '.join(some)}' THEN {sum(1 << CHANNELS.index(one) for one in some) << 4 * row}"
            for count in range(1, len(CHANNELS) + 1)
            for some in combinations(CHANNELS, count)
        )
        return f"CASE {self.cell(name)} {ways} ELSE 0 END"

    @property
    def _same(self) -> str:
        same = [
            f"({self.cell(name)} IS NULL OR {self.cell(name)} = client.{name})"
            for name in self.fields
        ]
        same += [
            f"({self.cell(name)} IS NULL OR client.attributes ->> {key_of(name)} = {self.cell(name)})"
            for name in self.attributes
        ]
        same += [f"({self.cell(name)} IS NULL OR {name}.id IS NOT NULL)" for name in self.addresses]
        return " AND ".join(same) or "TRUE"

    @property
    def _before(self) -> str:
        """Spell what is stored of each column that changes."""
        parts = []
        for name in self.fields:
            stored = f"record.{name}"
            spelled = f"nullif({stored}::text, '')"
            if name in QUIET:  # without seconds that are none
                spelled = f"regexp_replace({stored}::text, '^(.{{{{5}}}}):00$', '\\1')"
            parts.append((name, f"{self.cell(name)} IS DISTINCT FROM {stored}", spelled))
        for name in self.attributes:
            stored = f"record.attributes ->> {key_of(name)}"
            parts.append((name, f"{self.cell(name)} IS DISTINCT FROM {stored}", stored))
        for name in self.addresses:
            stored = (
                "(SELECT address FROM profiles_contactpoint AS point"
                f" WHERE point.client_id = record.client_id AND channel = '{ADDRESSES[name]}'"
                " AND state <> 'removed' ORDER BY id LIMIT 1)"
            )
            parts.append((name, f"{name}_id IS NULL", stored))
        return " || ".join(
            f"CASE WHEN {self.cell(name)} IS NOT NULL AND {differs}"
            f" THEN jsonb_build_object('{name}', {spelled}) ELSE '{{{{}}}}' END"
            for name, differs, spelled in parts
        ) or "NULL::jsonb"  # fmt: skip


def _any(conditions: Iterable[str]) -> str:
    return " OR ".join(f"coalesce({each}, FALSE)" for each in conditions) or "FALSE"
