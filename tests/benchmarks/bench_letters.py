"""What it costs to write letters: CPU of this process and of the children, for each letter.

    python -m tests.benchmarks.bench_letters [letters]

A plain letter of 10 KB with 60 values, three of them the client's own, dressed as HTML, and an SMS. The limit of the same
run is Python's own `str.format` over ready strings. No database is asked.
"""

import os
import sys
import time
from datetime import UTC, date, datetime

from tests import embedded

WORDS = "Here is a sentence about what the strategy brought to you, and why, told at length: it is {}, as you can see on your own page. There is more of it there. "
FIGURES = 60
AT = datetime(2020, 3, 2, tzinfo=UTC)


def values(number):
    """Three sums are a client's own; the rest is what all holders of his strategy read."""
    own = {f"v{n}": {"money": number * 1_000 + n, "currency": "USD"} for n in range(3)}
    return own | {f"v{n}": {"percent": f"0.{n + 30}"} for n in range(3, FIGURES)}


def children():
    times = os.times()
    return times.children_user + times.children_system


def main(count):
    import django  # noqa: PLC0415

    django.setup()
    from apps.messaging.actions.letters import Ready, write_batch  # noqa: PLC0415
    from apps.messaging.actions.phrases import Phrases  # noqa: PLC0415
    from apps.messaging.models.content import Template, TemplateVersion  # noqa: PLC0415
    from apps.messaging.models.outbox import Message, Notice  # noqa: PLC0415
    from apps.messaging.scribes import BATCH, POOL  # noqa: PLC0415
    from apps.profiles.models import Client, ContactPoint  # noqa: PLC0415

    template = Template(code="bench", purpose="service")
    body = "\n\n".join(WORDS.format(f"{{{{ v{n} }}}}") for n in range(FIGURES))
    wordings = {
        "email": TemplateVersion(pk=1, template=template, channel="email", language="en",
                                 subject="News of {{ v0 }}", body=body),
        "sms": TemplateVersion(pk=2, template=template, channel="sms", language="en",
                               body="Your coupon of {{ v0 }} is accrued. {{ link }}"),
    }  # fmt: skip
    for channel, wording in wordings.items():
        messages = [
            Message(
                pk=number, channel=channel, language="en", wording=wording,
                contact_point=ContactPoint(address="a@example.com"),
                notice=Notice(
                    template=template, client=Client(first_name="Ann"), values=values(number)
                ),
            )
            for number in range(1, count + 1)
        ]  # fmt: skip
        links = {message.pk: f"https://t.test/s/{message.pk:022}" for message in messages}
        phrases = Phrases(date(2020, 3, 2))
        list(write_batch(messages[:BATCH], links, phrases, at=AT))  # read, warm
        begun, before = time.process_time(), time.perf_counter()
        size = 0
        for first in range(0, count, BATCH):
            for ready in write_batch(messages[first : first + BATCH], links, phrases, at=AT):
                assert isinstance(ready, Ready), ready
                size += len(ready.letter.text) + len(ready.letter.html)
        ours, wall = time.process_time() - begun, time.perf_counter() - before
        already = children()
        POOL.end()
        POOL.forget()
        theirs = children() - already
        print(
            f"{channel}: {size // count:,} characters; {ours / count * 1e6:.0f} µs here, at most "
            f"{theirs / (count + BATCH) * 1e6:.0f} µs in children (their start included), "
            f"{count / wall:,.0f} a second"
        )
    form = body.replace("{{ ", "{").replace(" }}", "}")
    ready = {f"v{n}": "$1,234.50" for n in range(FIGURES)}
    begun = time.process_time()
    for _ in range(count):
        form.format(**ready)
    print(
        f"limit: str.format of the same text {(time.process_time() - begun) / count * 1e6:.0f} µs"
    )


if __name__ == "__main__":
    if embedded.stack:
        embedded.stack.start()
    try:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5_000)
    finally:
        embedded.pytest_unconfigure()
