"""Who followed links: noted in a file at once, in the database within two seconds, judged there.

To follow a link costs no query. A web process appends a line to a file of its own, which outlives it;
a drain reads all files and keeps, with the rows, how far it came. A process holds its file by a lock,
so that a drain knows which files nobody will write to any more.

A GET never counts as a person: programs that look at messages follow links, and run the page's
scripts too. A gesture on the page does.
"""

import errno
import fcntl
import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DataError, connection, transaction
from psycopg.types.json import Jsonb

from apps.events.actions import Fact
from apps.events.actions import record as record_events
from apps.messaging.models.links import Link, SpoolFile

LARGEST = 8 * 2**20  # bytes of a file, then the next one is begun
OLDEST = 600  # seconds, likewise: what was read is not to lie about
AT_ONCE = 2**19  # bytes that a transaction takes up: about two thousand lines
AGENT_LENGTH = 200  # of the column; the rest of a browser's name tells nothing
SOON = timedelta(seconds=10)  # after sending: nobody reads that fast, a scanner does
VISIT = timedelta(hours=4)  # a gesture so long after a hit belongs to it
NAMED = frozenset({"head", "prefetch", "agent"})  # signs that no gesture outweighs

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """A request for a link; with a gesture, one that the page itself sent afterwards."""

    token_hash: bytes
    at: datetime
    agent: str = ""
    signs: Sequence[str] = ()
    gesture: str = ""
    campaign: Mapping[str, str] = field(default_factory=dict)
    message_key: str = ""  # of an e-mail whose image was asked for; then there is no link


# --- the file -------------------------------------------------------------------------------------


class Spool:
    """This process's own file; a line is written by one call."""

    def __init__(self) -> None:
        self.fd, self.owner, self.size, self.folder, self.until = -1, 0, 0, "", 0.0
        self.lock = threading.Lock()

    def append(self, line: bytes) -> None:
        with self.lock:  # the number of a closed file may be another one's a moment later
            mine = self.owner == os.getpid() and self.folder == str(settings.HITS_DIR)
            if not mine or self.size > LARGEST or time.monotonic() > self.until:
                self._open()
            written = os.write(self.fd, line)
            self.size += written
            if written < len(line):
                self.until = 0.0  # the next line would hang on to the torn one: it begins a file
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _open(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd, self.owner = -1, 0
        folder = Path(settings.HITS_DIR)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{socket.gethostname()[:60]}-{os.getpid()}-{secrets.token_hex(6)}"
        unready = folder / f".{name}"
        self.fd = os.open(unready, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self.fd, fcntl.LOCK_EX)
        unready.rename(folder / name)  # seen by drains only now that it is held
        self.owner, self.size, self.folder = os.getpid(), 0, str(settings.HITS_DIR)
        self.until = time.monotonic() + OLDEST


_spool = Spool()


def note(seen: Seen) -> bool:
    """Write down what was seen; once this returns, a killed process loses nothing of it.

    False where the disk is full: a client gets to his page all the same.
    """
    row = [
        seen.token_hash.hex(),
        seen.at.timestamp(),
        seen.agent[:AGENT_LENGTH],
        list(seen.signs),
        seen.gesture,
        dict(seen.campaign),
        seen.message_key,
    ]
    try:
        _spool.append(json.dumps(row).encode() + b"\n")
    except OSError:
        logger.exception("A hit could not be noted.")
        return False
    return True


# --- the drain ------------------------------------------------------------------------------------


def drain_hits() -> int:
    """Bring what web processes noted into the database; return how many lines were read."""
    folder = Path(settings.HITS_DIR)
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    total = 0
    for file in files:
        if not file.name.startswith("."):
            while lines := _drain_some(file):
                total += lines
    return total


def _drain_some(file: Path) -> int:
    SpoolFile.objects.bulk_create([SpoolFile(name=file.name)], ignore_conflicts=True)
    with transaction.atomic():
        place = SpoolFile.objects.select_for_update(skip_locked=True).filter(name=file.name).first()
        if place is None:
            return 0
        try:
            with file.open("rb") as spool:
                over = _is_over(spool.fileno())
                spool.seek(place.read)
                whole = spool.read(AT_ONCE).rpartition(b"\n")[0]
        except FileNotFoundError:
            place.delete()
            return 0
        except OSError:
            logger.exception("A file of hits cannot be read.")
            return 0
        if not whole:
            if over:
                file.unlink(missing_ok=True)
            return 0
        lines = whole.split(b"\n")
        SpoolFile.objects.filter(pk=place.pk).update(read=place.read + len(whole) + 1)
        _record(list(_readable(lines)))
    return len(lines)


def _record(seen: Sequence[Seen]) -> None:
    """Keep what was seen; a line that no column holds is left out, and holds up none of the others."""
    try:
        record_seen(seen)
    except (DataError, ValueError):
        if len(seen) == 1:
            logger.warning("A noted hit cannot be kept.")
            return
        middle = len(seen) // 2
        _record(seen[:middle])
        _record(seen[middle:])


def _is_over(fd: int) -> bool:
    """Say whether the process that wrote a file has gone on to another or is no more."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _readable(lines: Iterable[bytes]) -> Iterator[Seen]:
    for line in lines:
        try:
            hashed, second, agent, signs, gesture, campaign, key = json.loads(line)
            moment = datetime.fromtimestamp(second, UTC)
            said = {name: _storable(value) for name, value in campaign.items()}
            yield Seen(bytes.fromhex(hashed), moment, _storable(agent), signs, gesture, said, key)
        except (ValueError, TypeError, OverflowError, AttributeError):
            # A full disk cut it short; the ones after it are whole.
            logger.warning("A noted hit cannot be read.")


def _storable(text: str) -> str:
    """Leave out what PostgreSQL holds in no text; whoever follows a link writes what he likes."""
    return text.replace("\0", "").encode(errors="replace").decode()


def forget_files() -> int:
    """Forget how far files were read that are gone; return how many."""
    folder = Path(settings.HITS_DIR)
    there = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    return SpoolFile.objects.exclude(name__in=there).delete()[0]


# --- the rows -------------------------------------------------------------------------------------

TOLD = """
SELECT message.id, message.sent_at FROM messaging_notice AS notice
JOIN messaging_message AS message ON message.notice_id = notice.id
WHERE notice.client_id = link.client_id AND notice.subject = link.subject
    AND message.contact_point_id = link.contact_point_id AND message.sent_at <= seen.at
ORDER BY message.sent_at DESC LIMIT 1
"""
HITS = f"""
INSERT INTO messaging_hit (link_id, occurred_at, verdict, gesture, signs, agent, campaign)
SELECT link.id, seen.at, 'machine', '',
    CASE WHEN told.sent_at > seen.at - %(soon)s THEN '{{soon}}'::varchar[] ELSE '{{}}' END
        || ARRAY(SELECT jsonb_array_elements_text(seen.signs))::varchar[] || '{{no_gesture}}'::varchar[],
    seen.agent, seen.campaign
FROM unnest(
    %(hashes)s::bytea[], %(moments)s::timestamptz[], %(agents)s::text[], %(signs)s::jsonb[],
    %(campaigns)s::jsonb[]
) AS seen (hash, at, agent, signs, campaign)
JOIN messaging_link AS link ON link.token_hash = seen.hash
LEFT JOIN LATERAL ({TOLD}) AS told ON true
"""  # noqa: S608 (our own)
# The hit that brought a gesture: the last of this link by this program, some hours ago at most.
MADE = """
SELECT seen.gesture, seen.at, link.id AS link_id, link.client_id, link.subject, seen.agent,
    hit.id AS hit_id
FROM unnest(%(hashes)s::bytea[], %(moments)s::timestamptz[], %(agents)s::text[], %(gestures)s::text[])
    AS seen (hash, at, agent, gesture)
JOIN messaging_link AS link ON link.token_hash = seen.hash
LEFT JOIN LATERAL (
    SELECT id FROM messaging_hit
    WHERE link_id = link.id AND agent = seen.agent
        AND occurred_at BETWEEN seen.at - %(visit)s AND seen.at
    ORDER BY occurred_at DESC, id DESC LIMIT 1
) AS hit ON true
ORDER BY seen.at
"""
PERSON = """
UPDATE messaging_hit SET verdict = 'human', gesture = %s, signs = array_remove(signs, 'no_gesture')
WHERE id = %s AND verdict = 'machine' RETURNING id
"""
DIRECT = """
INSERT INTO messaging_hit (link_id, occurred_at, verdict, gesture, signs, agent, campaign)
VALUES (%s, %s, 'human', %s, '{}', %s, '{}') RETURNING id
"""
# By whichever message to this address about this subject he came: the last one before.
READ = f"""
UPDATE messaging_message AS message SET seen_at = least(message.seen_at, seen.at)
FROM unnest(%(links)s::bigint[], %(moments)s::timestamptz[]) AS seen (link_id, at)
JOIN messaging_link AS link ON link.id = seen.link_id
CROSS JOIN LATERAL ({TOLD}) AS told
WHERE message.id = coalesce(link.message_id, told.id)
"""  # noqa: S608 (our own)
OPENED = """
INSERT INTO messaging_opening (message_id, occurred_at, agent)
SELECT message.id, seen.at, seen.agent
FROM unnest(%(keys)s::uuid[], %(moments)s::timestamptz[], %(agents)s::text[]) AS seen (key, at, agent)
JOIN messaging_message AS message ON message.key = seen.key
"""


@transaction.atomic
def record_seen(seen: Sequence[Seen]) -> None:
    """Keep what was seen; what speaks of no link and no message of ours is dropped."""
    hits = [each for each in seen if not each.gesture and not each.message_key]
    gestures = [each for each in seen if each.gesture and not NAMED.intersection(each.signs)]
    openings = [each for each in seen if each.message_key]
    with connection.cursor() as cursor:
        if hits:
            cursor.execute(HITS, _columns(hits) | {"soon": SOON})
        if openings:
            keys = {"keys": [each.message_key for each in openings]}
            cursor.execute(OPENED, _columns(openings) | keys)
    if gestures:
        _record_gestures(gestures)


def _columns(seen: Sequence[Seen]) -> dict[str, Any]:
    return {
        "hashes": [each.token_hash for each in seen],
        "moments": [each.at for each in seen],
        "agents": [each.agent for each in seen],
        "signs": [Jsonb(list(each.signs)) for each in seen],
        "campaigns": [Jsonb(dict(each.campaign)) for each in seen],
        "gestures": [each.gesture for each in seen],
    }


def _record_gestures(gestures: Sequence[Seen]) -> None:
    """Call hits a person's: of the first gesture after each; a page kept open is one visit."""
    told: list[Fact] = []
    visits: dict[tuple[int, str], datetime] = {}
    with connection.cursor() as cursor:
        cursor.execute(MADE, _columns(gestures) | {"visit": VISIT})
        for gesture, moment, link, client, subject, agent, hit in cursor.fetchall():
            if (link, agent) in visits:
                continue
            if hit is None:
                cursor.execute(DIRECT, [link, moment, gesture, agent])
            else:
                cursor.execute(PERSON, [gesture, hit])
            if found := cursor.fetchone():
                visits[link, agent] = moment
                if not subject.startswith(Link.STAFF):
                    told.append(_opened(found[0], link, client, subject, gesture, moment))
        links, moments = [link for link, _agent in visits], list(visits.values())
        cursor.execute(READ, {"links": links, "moments": moments})
    record_events(told)


def _opened(hit: int, link: int, client: int, subject: str, gesture: str, at: datetime) -> Fact:
    return Fact(
        client_id=client,
        kind="link.opened",
        subject=subject or f"link:{link}",
        occurred_at=at,
        source_key=f"hit:{hit}",
        properties={"link": link, "gesture": gesture},
    )
