import logging
import os
import re
import signal
import subprocess
import sys
from io import StringIO
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.utils import ConnectionHandler

from apps.core import processes
from config.servers import wait_for
from config.settings import cache_location, celery_broker, postgres
from tests.house.worker_probe import note_session

ROOT = Path(__file__).parents[2]


@pytest.mark.django_db
def test_the_database_is_a_real_postgresql():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int >= 150000")
        assert cursor.fetchone() == (True,)


def test_the_cache_is_a_real_broker():
    cache.set("word", "tidings", 60)
    assert cache.get("word") == "tidings"


def test_no_test_finds_what_another_left_in_the_cache():
    assert cache.get("word") is None


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgresql://anna:p%40ss%2Fword@db.example:6432/tidings?sslmode=require",
            {
                "USER": "anna",
                "PASSWORD": "p@ss/word",
                "HOST": "db.example",
                "PORT": "6432",
                "NAME": "tidings",
                "OPTIONS": {"sslmode": "require"},
            },
        ),
        (
            "postgres://%2Fvar%2Frun%2FPostgres/tidings",
            {"HOST": "/var/run/Postgres", "NAME": "tidings", "USER": "", "OPTIONS": {}},
        ),
        (
            "postgresql://postgres@/tidings?host=/srv/var/run",
            {"HOST": "/srv/var/run", "USER": "postgres", "PORT": "", "NAME": "tidings"},
        ),
        ("postgresql://[::1]/tidings", {"HOST": "::1"}),
    ],
)
def test_a_database_url_is_read_as_postgresql_reads_it(url, expected):
    database = postgres(url)
    assert {name: database[name] for name in expected} == expected


@pytest.mark.parametrize(
    "url", ["mysql://db/tidings", "host=db dbname=tidings", "postgresql://db/tidings?no_option=1"]
)
def test_a_wrong_database_url_is_refused_with_its_name(url):
    with pytest.raises(ImproperlyConfigured, match="DATABASE_URL"):
        postgres(url)


@pytest.mark.parametrize(
    ("url", "broker"),
    [
        ("unix:///srv/run/redis.sock?db=0", "redis+socket:///srv/run/redis.sock?virtual_host=0"),
        ("redis://cache.example:6379/1", "redis://cache.example:6379/1"),
    ],
)
def test_celery_gets_the_broker_s_address_in_its_own_spelling(url, broker):
    assert celery_broker(url) == broker


@pytest.mark.parametrize(
    ("url", "cache"),
    [
        ("unix:///srv/run/redis.sock?db=0", "unix:///srv/run/redis.sock?db=1"),
        ("redis://broker/0", "redis://broker/1"),
        ("rediss://:secret@broker.example:6379/9", "rediss://:secret@broker.example:6379/10"),
    ],
)
def test_the_cache_has_a_redis_database_of_its_own(url, cache):
    assert cache_location(url) == cache


def test_a_redis_url_without_its_database_is_refused():
    with pytest.raises(ImproperlyConfigured, match="REDIS_URL"):
        cache_location("redis://broker.example:6379")


def test_clearing_the_cache_leaves_the_queue_alone(queue):
    queue.lpush("celery", "a task")
    cache.clear()
    assert queue.llen("celery") == 1


@pytest.mark.django_db
@pytest.mark.parametrize("pool", ["0", "2"])
def test_a_dropped_database_session_costs_the_next_request_no_error(monkeypatch, pool):
    monkeypatch.setenv("DB_POOL", pool)
    database = ConnectionHandler({"default": postgres(settings.DATABASE_URL)})["default"]
    try:
        session = session_of(database)
        database.close_if_unusable_or_obsolete()  # what Django does after each request …
        drop(session)
        database.close_if_unusable_or_obsolete()  # … and before
        assert session_of(database) != session
    finally:
        database.close()
        database.close_pool()


def session_of(database):
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()[0]


def drop(*sessions):
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid, 60000) FROM unnest(%s) pid", [[*sessions]])


@pytest.mark.slow
def test_a_worker_keeps_its_sessions_and_survives_their_loss(tmp_path):
    command = [
        *(sys.executable, "-m", "celery", "--app", "tests.house.worker_probe", "--skip-checks"),
        *(
            "worker",
            "--concurrency",
            "2",
            "--without-mingle",
            "--without-gossip",
            "--loglevel",
            "info",
        ),
    ]
    worker = processes.start(processes.bound(command), cwd=ROOT, log=tmp_path / "worker.log")
    try:
        before = sessions_of(note_session, range(20))
        assert len(before) <= 2
        drop(*before)
        after = sessions_of(note_session, range(20, 40))
        assert len(after) <= 2
        assert not before & after
    finally:
        processes.stop([(worker, signal.SIGTERM)], grace=15)


def sessions_of(task, numbers):
    for number in numbers:
        task.delay(number)
    keys = [f"session:{number}" for number in numbers]
    assert wait_for(lambda: len(cache.get_many(keys)) == len(keys), 60)
    return set(cache.get_many(keys).values())


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "import config.wsgi"],
        ["-m", "celery", "--app", "config", "--skip-checks", "worker", "--pool", "solo"],
    ],
)
def test_who_signs_links_refuses_to_start_without_a_secret(arguments):
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "SECRET_KEY": "", "LINK_KEY": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode
    assert "SECRET_KEY" in done.stderr


@pytest.mark.parametrize("page", ["/p/{}/show/", "/p/{}/hide/", "/p/{}/subscribe/"])
def test_the_log_never_tells_what_opens_a_clients_page(client, monkeypatch, page):
    written = StringIO()
    for handler in logging.root.handlers:
        if type(handler) is logging.StreamHandler:  # the one of the settings, not pytest's
            monkeypatch.setattr(handler, "stream", written)
    assert client.get(page.format("tOkEn_of-22-characters")).status_code == 405
    assert f"Method Not Allowed (GET): {page.format('•••')}" in written.getvalue()
    assert "tOkEn" not in written.getvalue()


def test_the_example_lists_every_variable_that_the_settings_read_and_no_other():
    read = r"""(?:environ\.get|env_flag|env_list)\(\s*"([A-Z_]+)"""
    settings_py = (ROOT / "config" / "settings.py").read_text()
    example = (ROOT / ".env.example").read_text()
    listed = re.findall(r"^#?([A-Z_]+)=", example, re.MULTILINE)
    assert sorted(listed) == sorted(set(re.findall(read, settings_py)))
