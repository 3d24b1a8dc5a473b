"""One offer a client and local day: the one that counts most has it, the others say which it was.

The unique key holds whatever happens. Whoever plans offers is alone with it, so that two batches
neither wait for each other in a ring nor count the same days of a limit.
"""

from django.db.backends.utils import CursorWrapper

from apps.messaging.queries.offers import MAY_HAVE_LEFT

OFFERS = 0x0FFE25  # the advisory lock; any number that nobody else uses

HAS_OFFERS = "SELECT EXISTS (SELECT FROM messaging_asked WHERE is_offer)"
# Whoever was queued again may still have a day.
GIVE_BACK = """
DELETE FROM messaging_reservation
WHERE notice_id = ANY(ARRAY(SELECT notice_id FROM messaging_asked))
"""
# An offer that has not left makes way for one that counts more: its messages are held here, so
# that no sender takes them up meanwhile; one that a sender has stays, and has the day.
HOLD_RIVALS = """
SELECT notice_id FROM messaging_message WHERE notice_id = ANY(ARRAY(
    SELECT rival_id FROM messaging_decided
    WHERE rival_id IS NOT NULL AND is_offer AND channel IS NOT NULL
))
ORDER BY id
FOR UPDATE
"""
# Of this batch the first by priority takes the day. A day whose offer failed or was skipped is
# free, and so is one whose offer is displaced by this very statement.
RESERVE = f"""
WITH winner AS (
    SELECT DISTINCT ON (client_id, day) client_id, day, notice_id
    FROM messaging_decided
    WHERE is_offer AND channel IS NOT NULL
    ORDER BY client_id, day, priority DESC, notice_id
)
INSERT INTO messaging_reservation AS reservation (client_id, day, notice_id)
SELECT client_id, day, notice_id FROM winner ORDER BY client_id, day
ON CONFLICT (client_id, day) DO UPDATE SET notice_id = EXCLUDED.notice_id
WHERE NOT EXISTS (
    SELECT FROM messaging_message AS message
    WHERE message.notice_id = reservation.notice_id AND {MAY_HAVE_LEFT}
)
"""  # noqa: S608 (our own constant)
DISPLACED = """
SELECT decided.rival_id, decided.notice_id FROM messaging_decided AS decided
JOIN messaging_reservation AS reservation ON reservation.notice_id = decided.notice_id
WHERE decided.rival_id IS NOT NULL
"""
# Who did not get the day: what was asked after frequency gives way to it.
LOSE = """
UPDATE messaging_decided AS loser
SET channel = NULL,
    reason = CASE WHEN loser.reason IN ('', 'quiet', 'closed', 'no_address', 'no_wording')
        THEN 'day_taken' ELSE loser.reason END,
    inputs = loser.inputs || jsonb_build_object('by', taken.notice_id, 'channels', (
        SELECT jsonb_object_agg(key, CASE
            WHEN value IN ('', 'quiet', 'closed', 'no_address', 'no_wording') THEN 'day_taken'
            ELSE value
        END)
        FROM jsonb_each_text(loser.inputs -> 'channels')
    ))
FROM messaging_reservation AS taken
JOIN messaging_notice AS other ON other.id = taken.notice_id
WHERE taken.client_id = ANY(ARRAY(SELECT client_id FROM messaging_decided WHERE is_offer))
    AND loser.is_offer AND taken.client_id = loser.client_id AND taken.day = loser.day
    AND taken.notice_id <> loser.notice_id
    AND (other.priority >= loser.priority OR loser.channel IS NOT NULL)
"""


def hold_offers(cursor: CursorWrapper) -> bool:
    """Be alone with offers from here to the end of the transaction, if the batch has any."""
    cursor.execute(HAS_OFFERS)
    (has_offers,) = cursor.fetchone()
    if has_offers:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [OFFERS])
        cursor.execute(GIVE_BACK)
    return bool(has_offers)


def reserve_days(cursor: CursorWrapper) -> dict[int, int]:
    """Give each day to one offer; return which notices were displaced, and by which."""
    cursor.execute(HOLD_RIVALS)
    cursor.execute(RESERVE)
    cursor.execute(DISPLACED)
    displaced = dict(cursor.fetchall())
    cursor.execute(LOSE)
    return displaced
