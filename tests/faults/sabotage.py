"""Breaking one guard each: the checks must see it, else they check nothing."""

import itertools
import uuid
from dataclasses import replace

from apps.messaging.actions import asking, claims, deciding, handing, reserving
from tests.faults import carrier


def new_keys():
    """Give a letter another key each time it is handed over to whom keys matter."""
    letters = handing.Batch.letters

    def renamed(batch):
        for letter in letters(batch):
            key = uuid.uuid4() if batch.provider.settles == "key" else letter.key
            batch.taken[key] = batch.taken[letter.key]
            yield replace(letter, key=key)

    handing.Batch.letters = renamed


def deaf_look_up():
    """Ask the provider and believe that it never got anything."""
    carrier.Carrier.look_up = lambda _self, keys: zip(keys, itertools.repeat(None), strict=False)


def no_mark():
    """Hand over without a note that survives the sender."""
    handing.MARK = handing.MARK.replace("coalesce(message.handed_at, %(at)s)", "message.handed_at")


def no_lease():
    """Leave what a dead sender had claimed where it is."""
    claims.RELEASE = "SELECT %(at)s"


def one_look():
    """Look once whether a whole batch may leave, however long it takes to leave."""

    def letters(batch):
        handing.mark(list(batch.waiting), batch.provider, at=batch.at, watch=batch.watch)
        while batch.waiting:
            ready = batch.waiting.popleft()
            batch.taken[ready.letter.key] = ready.message
            yield ready.letter

    handing.Batch.letters = letters
    handing.Batch.may_leave = lambda _batch, _letter: True


def no_day():
    """Make offers without asking whether the client's day has another."""
    reserving.hold_offers = lambda _cursor: False
    asking.keeps_its_day = lambda *_about, **_at: True


def any_priority():
    """Let whoever comes later take the day, whatever counts more."""
    rule = "rival.priority < asked.priority"
    guarded = {name: sql for name, sql in vars(deciding).items() if rule in str(sql)}
    assert guarded
    for name, sql in guarded.items():
        setattr(deciding, name, sql.replace(rule, "TRUE"))


GUARDS = (new_keys, deaf_look_up, no_mark, no_lease, one_look, no_day, any_priority)
BY_NAME = {made.__name__: made for made in GUARDS}
