"""Where the records of a large file wait between reading and landing: two unlogged tables."""

from dataclasses import dataclass

from psycopg import sql

# What becomes of a record that was compared; a record that only the reader saw has none of these.
NEW, CHANGED, UNCHANGED, REJECTED, HELD = "new", "changed", "unchanged", "rejected", "held"


@dataclass(frozen=True)
class Staging:
    """The tables of one batch.

    `records` (number int, line int, faults jsonb, passed bool, digest uuid, c0 text, c1 text, …):
    one row a record of the file. A cell is in the spelling of its column (`column.write`), or NULL where it
    says nothing. `faults` is NULL for a record that is good so far, else [[code, column, sentence,
    value], …]; such a record is neither compared nor landed. Of one that is `passed` over, such as
    a line of totals, they say why. Records with one `digest` say the same of the same columns; NULL
    for kinds that do not ask.

    `verdicts` (number int, fate text, before jsonb, faults jsonb, target bigint): what comparing
    makes of each good record: NEW, CHANGED (`before`: the stored spelling of each column that
    changes, null where there was nothing), UNCHANGED or REJECTED (with its faults). `target` is the
    primary key of the stored row, for landing's own use.
    """

    batch: int
    columns: tuple[str, ...]  # of the file, in its order
    landing: bool = False  # the verdicts of the landing, beside those of the preview

    @property
    def records(self) -> str:
        return f"files_records_{self.batch}"

    @property
    def verdicts(self) -> str:
        return f"files_{'landing' if self.landing else 'verdicts'}_{self.batch}"

    def cell(self, column: str) -> str:
        """Return the name that a column of the file has in `records`; ValueError without it."""
        return f"c{self.columns.index(column)}"

    def query(self, text: str, **names: str) -> sql.Composed:
        """Return our own SQL with {records}, {verdicts} and other names put in."""
        found = {"records": self.records, "verdicts": self.verdicts, **names}
        return sql.SQL(text).format(
            **{name: sql.Identifier(value) for name, value in found.items()}
        )
