"""The child processes that write letters: quick, bounded, replaced; only the culprit fails."""

import os
import threading

import pytest

from apps.messaging.scribes import BATCH, POOL, REASONS, Job, Scribes, letter

UNRULY = ("-m", "tests.messaging.unruly_scribe")
NOT_A_VALUE = {"huge": 2**80}


def greeting(name="Ann", source="Hello {{ name }}"):
    return letter({"body": source}, {}, {"name": name}, "en", "UTC")


def bodies(answers):
    return [answer.get("texts", {}).get("body") or answer["error"] for answer in answers]


@pytest.fixture
def unruly():
    pool = Scribes(UNRULY, count=1, patience=30)
    yield pool
    pool.end()


def test_letters_are_written_in_order_with_their_typed_values():
    jobs = [
        letter(
            {"subject": "{{ n }}", "body": "{{ sum | money: 'whole' }} {{ name }}"},
            {"html": "<b>{{ name }}</b>"},
            {"n": number, "sum": {"money": 100 * number, "currency": "USD"}, "name": "<Ann>"},
            "en",
            "UTC",
        )
        for number in range(BATCH + 1)
    ]
    texts = [answer["texts"] for answer in POOL.ask(jobs)]
    assert [text["subject"] for text in texts] == [f"{number}" for number in range(BATCH + 1)]
    assert texts[5] == {"subject": "5", "body": "$5 <Ann>", "html": "<b>&lt;Ann&gt;</b>"}


def test_a_letter_that_cannot_be_written_fails_alone():
    jobs = [
        greeting(),
        greeting(source="{{ missing }}"),
        greeting(source="{% if %}"),
        letter({"body": "x"}, {}, NOT_A_VALUE, "en", "UTC"),
        greeting("x" * 1_000_000),
        letter({"body": "{{ d }}"}, {}, {"d": {"date": "soon"}}, "en", "UTC"),
        greeting("Bob"),
    ]
    texts = bodies(POOL.ask(jobs))
    assert texts[0], texts[-1] == ("Hello Ann", "Hello Bob")
    assert [texts[3], texts[4]] == [REASONS["unreadable"], REASONS["large"]]
    assert all("Hello" not in text for text in texts[1:-1])


@pytest.mark.slow
def test_a_job_that_takes_too_much_fails_alone(unruly):
    def bad(deed):
        return Job(deed, (("body", deed),))

    jobs = [greeting("a"), bad("eat"), greeting("b"), bad("spin"), greeting("c"), bad("die")]
    texts = bodies(unruly.ask([*jobs, greeting("d"), *[bad("spin")] * 3, greeting("e")]))
    late, fat, struck = REASONS["time"], REASONS["memory"], REASONS["struck"]
    expected = ["Hello a", fat, "Hello b", late, "Hello c", late, "Hello d", late, late, struck]
    assert texts == [*expected, "Hello e"]


@pytest.mark.slow
def test_who_kills_a_child_is_found_by_one_more_however_many_were_written_before_him(unruly):
    dead, ask = [], unruly.told

    def told(jobs):
        got = ask(jobs)
        dead.extend([jobs] if len(got) < len(jobs) else [])
        return got

    unruly.told = told
    jobs = [greeting(str(n)) for n in range(20)]
    texts = bodies(unruly.ask([*jobs, Job("die", (("body", "x"),)), greeting("last")]))
    assert texts == [*(f"Hello {n}" for n in range(20)), REASONS["time"], "Hello last"]
    assert [len(asked) for asked in dead] == [22, 1]


@pytest.mark.slow
def test_a_job_that_no_alarm_reaches_is_ended_by_the_kernel(unruly):
    texts = bodies(unruly.ask([greeting("a"), Job("hang", (("body", "x"),)), greeting("b")]))
    assert texts == ["Hello a", REASONS["time"], "Hello b"]


@pytest.mark.slow
def test_a_child_that_says_nothing_is_replaced():
    pool = Scribes(UNRULY, count=1, patience=2)
    try:
        assert bodies(pool.ask([Job("wait", (("body", "x"),))])) == [REASONS["time"]]
        pool.patience = 60  # its first word may take a busy machine a while
        assert bodies(pool.ask([greeting()])) == ["Hello Ann"]
    finally:
        pool.end()


def test_the_child_knows_no_secret_and_writes_no_file():
    job = greeting()
    list(POOL.ask([job]))
    scribe = POOL.idle.get()
    try:
        with open(f"/proc/{scribe.process.pid}/environ") as environment:  # noqa: PTH123
            assert "SECRET" not in environment.read()
        with open(f"/proc/{scribe.process.pid}/limits") as limits:  # noqa: PTH123
            known = limits.read()
        assert "Max file size             0 " in known
    finally:
        POOL.idle.put(scribe)


def test_threads_share_the_children():
    seen = []
    threads = [
        threading.Thread(target=lambda n=n: seen.extend(bodies(POOL.ask([greeting(str(n))] * 20))))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == sorted(f"Hello {n}" for n in range(4) for _ in range(20))


def test_a_forked_process_starts_children_of_its_own():
    list(POOL.ask([greeting()]))
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, "".join(bodies(POOL.ask([greeting("fork")]))).encode())
        POOL.end()
        os._exit(0)
    os.close(writing)
    assert os.read(reading, 100) == b"Hello fork"
    os.close(reading)
    os.waitpid(child, 0)
    assert bodies(POOL.ask([greeting()])) == ["Hello Ann"]
