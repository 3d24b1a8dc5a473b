import pytest
from django.core.cache import cache
from django.db import connection


@pytest.mark.django_db
def test_the_database_is_a_postgresql_of_our_own():
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int >= 150000")
        assert cursor.fetchone() == (True,)


def test_the_cache_is_a_real_broker():
    cache.set("word", "tidings", 5)
    assert cache.get("word") == "tidings"


def test_the_broker_is_empty_before_each_test():
    assert cache.get("word") is None
