# ruff: noqa: S608 (nothing but names of columns enters these texts)
"""The SQL by which a million clients are compared with what is stored, for the columns of one file.

Only what is plain is judged here. What weighs more than it says (an answer that differs, a time zone that
the client stated, a row that may be refused) is left to the exact resource.
"""

from collections.abc import Iterable

from apps.core.imports.columns import NOTHING
from apps.profiles.imports.clients import CONSENTS
from apps.profiles.imports.newcomers import ADDRESSES
from apps.profiles.imports.staged import ANSWERS, INTRICATE, LEFT, MATCHED, StagedClients, key_of
from apps.profiles.models import Channel, Client, Purpose
from apps.profiles.queries.core_ids import CYRILLIC, LATIN

QUIET = ("quiet_from", "quiet_until")
CHANNELS = tuple(Channel.values)

# One bit for each question, so that a client's answers are one number.
_ALL = (1 << len(CHANNELS)) - 1  # the bits of one purpose
_PLACES = {
    "purpose": {value: len(CHANNELS) * place for place, value in enumerate(Purpose.values)},
    "channel": {value: place for place, value in enumerate(CHANNELS)},
}


def _place(name: str) -> str:
    ways = (f"WHEN '{value}' THEN {place}" for value, place in _PLACES[name].items())
    return f"CASE {name} {' '.join(ways)} END"


_BIT = f"1 << ({_place('purpose')} + {_place('channel')})"
# How a file spells the channels of such bits.
_SPELLED = "ARRAY[{}]".format(
    ", ".join(
        f"'{' '.join(one for place, one in enumerate(CHANNELS) if bits >> place & 1) or NOTHING}'"
        for bits in range(_ALL + 1)
    )
)
_SUMMED = """
    bit_or(bit) AS answered, sum(bit) AS counted, bit_or(CASE WHEN granted THEN bit ELSE 0 END)
    AS granted, max(given_on) AS known_on, min(text_version) AS first_text,
    max(text_version) AS last_text
"""


class Comparing(StagedClients):
    """What compares a file with these columns, statement by statement."""

    know = """
        INSERT INTO {verdicts} (number, fate, target)
        SELECT record.number, 'unchanged', known.client_id
        FROM {records} AS record JOIN profiles_knownrecord AS known USING (digest)
        WHERE record.faults IS NULL AND known.client_id NOT IN (
            SELECT kept_id FROM profiles_merge WHERE state = 'merged'
        )
    """
    # What is not known. The planner counts it: plans for one row would take hours for a million.
    take_left = f"""
        CREATE TEMP TABLE {LEFT} ON COMMIT DROP AS
        SELECT record.* FROM {{records}} AS record
        WHERE record.faults IS NULL AND NOT EXISTS (
            SELECT FROM {{verdicts}} AS verdict WHERE verdict.number = record.number
        )
    """

    @property
    def match(self) -> str:
        """Find whom the records mean, and how often what was known of him has changed by now."""
        return f"""
            CREATE TEMP TABLE {MATCHED} ON COMMIT DROP AS
            SELECT record.number, own.client_id, known.changes
            FROM {{records}} AS record
            JOIN profiles_identifier AS own
                ON own.kind = 'core_id' AND own.value = {self.cell("core_id")}
            LEFT JOIN profiles_knownrecord AS known USING (client_id)
            WHERE record.faults IS NULL
        """

    @property
    def answers(self) -> str:
        """Sum up what the matched clients answered last to each question, as bits."""
        return f"""
            CREATE TEMP TABLE {ANSWERS} ON COMMIT DROP AS
            SELECT client_id, {_SUMMED}
            FROM (
                SELECT client_id, granted, given_on, text_version, {_BIT} AS bit
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
                    client_id, granted, given_on, text_version, {_BIT} AS bit
                FROM several JOIN profiles_consentrecord USING (client_id)
                ORDER BY client_id, purpose, channel, recorded_at DESC, id DESC
            ) AS answer
            GROUP BY client_id
        """

    @property
    def judge(self) -> str:
        """Give each record its verdict; fate NULL where the exact resource must look.

        What is unchanged is told first, since nearly everything is.
        """
        return f"""
            INSERT INTO {{verdicts}} (number, fate, before, target)
            SELECT number, fate, CASE WHEN fate = 'changed' THEN {self._before} END, client_id
            FROM (
                SELECT record.*, client.id AS client_id, {self._client_columns},
                    CASE WHEN client.id IS NULL
                        THEN CASE WHEN ({self._intricate_new}) IS FALSE THEN 'new' END
                        WHEN {self._plainly_unchanged} THEN 'unchanged'
                        WHEN {self._intricate_known} THEN NULL
                        WHEN {self._same} THEN 'unchanged'
                        ELSE 'changed' END AS fate
                FROM {{records}} AS record
                LEFT JOIN {MATCHED} AS matched USING (number)
                LEFT JOIN profiles_client AS client ON client.id = matched.client_id
                {self._joined_points}
                LEFT JOIN {ANSWERS} AS answers ON answers.client_id = client.id
                WHERE record.faults IS NULL
                OFFSET 0
            ) AS record
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
        doubts = [self._erased, self._of_erased, self._looks_alike, self._without_text]
        if self.has("consent_on"):
            doubts.append(f"{self.cell('consent_on')} > %(last_day)s")
        if any(map(self.has, QUIET)):
            quiet = (f"coalesce({self.cell(name)}, '{getattr(Client(), name)}')" for name in QUIET)
            doubts.append(" = ".join(quiet))
        return _any(doubts)

    @property
    def _plainly_unchanged(self) -> str:
        plain = [self._same, f"NOT ({self._without_text})", f"NOT ({self._is_merged})"]
        if self.consents:
            plain.append(f"(NOT ({self._says_consents}) OR {self._answers_same})")
        return " AND ".join(plain)

    @property
    def _is_merged(self) -> str:
        """Whether a client stands for two: two ids of the core system may mean him."""
        kept = "SELECT kept_id FROM profiles_merge WHERE state = 'merged'"
        return f"client.merged_into_id IS NOT NULL OR client.id IN ({kept})"

    @property
    def _without_text(self) -> str:
        return f"{self.cell('consent_text')} IS NULL AND ({self._grants})"

    @property
    def _erased(self) -> str:
        """Whether a row names somebody who was erased; costs nothing where nobody ever was."""
        return _sealed(
            "core_id", self.cell("core_id"), "SELECT digest FROM profiles_erasedidentity"
        )

    @property
    def _of_erased(self) -> str:
        """Whether a row brings an address of somebody who was erased."""
        stopped = (
            "SELECT address_hash FROM profiles_suppression"
            " WHERE reason = 'erased' AND lifted_at IS NULL"
        )
        return _any(
            _sealed(str(ADDRESSES[name]), self.cell(name), stopped) for name in self.addresses
        )

    @property
    def _looks_alike(self) -> str:
        """Whether an id is that of a known client but for letters of another script."""
        latin = f"translate({self.cell('core_id')}, '{CYRILLIC}', '{LATIN}')"
        return (
            f"{latin} <> {self.cell('core_id')} AND EXISTS (SELECT FROM profiles_identifier AS twin"
            f" WHERE twin.kind = 'core_id' AND twin.value = {latin})"
        )

    @property
    def _grants(self) -> str:
        """Whether a row grants anything."""
        return _any(f"{self.cell(name)} <> '{NOTHING}'" for name in self.consents)

    @property
    def _intricate_known(self) -> str:
        """Whether a row may be refused, or weighs against what the client himself said."""
        doubts = [self._is_merged, self._erased, self._without_text]
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
            f"{text} IS NULL OR ({text} = answers.first_text AND {text} = answers.last_text)"
            f" OR {day} < answers.known_on OR NOT ({self._grants})"
        )
        for name in self.consents:
            place = _PLACES["purpose"][CONSENTS[name]]
            granted = f"({_SPELLED})[1 + (answers.granted >> {place} & {_ALL})]"
            # A dated `none` also answers what nobody asked.
            asked = f"{day} IS NULL OR {self.cell(name)} <> '{NOTHING}'"
            every = f"(answers.answered >> {place} & {_ALL}) = {_ALL}"
            same.append(
                f"{self.cell(name)} IS NULL OR {self.cell(name)} = {granted} AND ({asked} OR {every})"
            )
        return " AND ".join(f"({each})" for each in same)

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


def _sealed(kind: str, cell: str, digests: str) -> str:
    """Whether a cell is among what is kept as hashes alone, as `address_hash` makes them."""
    said = f"sha256(convert_to('{kind}:' || lower({cell}), 'UTF8'))"
    return f"EXISTS ({digests}) AND {said} IN ({digests})"


def _any(conditions: Iterable[str]) -> str:
    return " OR ".join(f"coalesce({each}, FALSE)" for each in conditions) or "FALSE"
