"""What providers say in place of an answer: a refusal that cannot be read is still a refusal."""

import json
from datetime import timedelta

import httpx2
import pytest

from apps.messaging.channels import Verdict, calls, fcm, telegram, viber, whatsapp

RUBBISH = [None, True, -1, -(10**18), 10**30, 1.5, "", "x" * 500, "\0", [], {}, [[]], {"code": []}]
JUDGES = {
    "telegram": lambda reply: telegram.judge(reply, "42"),
    "viber": viber.judge,
    "whatsapp": whatsapp.judge,
    "fcm": fcm.judge,
}
SHAPES = [
    lambda what: {"error": {"code": what, "details": what, "status": what}},
    lambda what: {"error": what},
    lambda what: {"parameters": {"retry_after": what}, "description": what},
    lambda what: {"status": what, "message_token": what, "messages": [what], "result": what},
    lambda what: {"ok": True, "result": {"message_id": what}, "messages": [{"id": what}]},
]


@pytest.mark.parametrize("judge", JUDGES.values(), ids=JUDGES)
@pytest.mark.parametrize("shape", SHAPES)
def test_rubbish_is_no_success_and_no_crash(judge, shape):
    for what in RUBBISH:
        for status in (200, 400, 403, 429, 500):
            answer = judge(calls.Reply(status, json.dumps(shape(what)).encode()))
            assert answer.wait is None or answer.wait >= timedelta(0)
            assert len(answer.provider_id) <= 120
            assert answer.verdict != Verdict.UNKNOWN or status == 200


@pytest.mark.parametrize(
    ("said", "seconds"), [("5", 5), ("9" * 5_000, calls.LONGEST_WAIT), ("-5", None), ("soon", None)]
)
def test_a_wait_is_a_number_of_seconds_however_long_it_is_written(said, seconds):
    wait = calls.retry_after(httpx2.Response(429, headers={"Retry-After": said}))
    assert (wait and wait.total_seconds()) == seconds
