"""After a test with real transactions the database is what the migrations made of it.

Django would truncate every table and make all rights anew: a quarter of a second, and wordings and
listeners that migrations brought are gone. Here only what is not as it was is deleted or put back.
"""

from django.db import connection
from django.test import TransactionTestCase

# As a replica the session is held up neither by foreign keys nor by tables that only grow: it needs
# a role that may say so, such as the one that owns the embedded servers.
INSTALL = """
CREATE SCHEMA pristine;
CREATE TABLE pristine.tables (name text, seeded numeric);

CREATE FUNCTION pristine.sum_of(name text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
    found numeric;
BEGIN
    EXECUTE format('SELECT sum(hashtextextended(t::text, 0)) FROM public.%I AS t', name) INTO found;
    RETURN found;
END $$;

CREATE FUNCTION pristine.keep(names text[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    found record;
BEGIN
    INSERT INTO pristine.tables SELECT name, pristine.sum_of(name) FROM unnest(names) AS name;
    FOR found IN SELECT * FROM pristine.tables WHERE seeded IS NOT NULL LOOP
        EXECUTE format('CREATE TABLE pristine.%1$I AS TABLE public.%1$I', found.name);
    END LOOP;
END $$;

CREATE FUNCTION pristine.put_back() RETURNS void LANGUAGE plpgsql
SET session_replication_role = replica AS $$
DECLARE
    found record;
    changed boolean;
BEGIN
    FOR found IN SELECT * FROM pristine.tables LOOP
        IF found.seeded IS NULL THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM public.%I)', found.name) INTO changed;
        ELSE
            changed := pristine.sum_of(found.name) IS DISTINCT FROM found.seeded;
        END IF;
        IF changed THEN
            EXECUTE format('DELETE FROM public.%I', found.name);
        END IF;
        IF changed AND found.seeded IS NOT NULL THEN
            EXECUTE format(
                'INSERT INTO public.%1$I OVERRIDING SYSTEM VALUE TABLE pristine.%1$I', found.name
            );
        END IF;
    END LOOP;
END $$;
"""


def install() -> None:
    """Keep what the tables hold now, and let it be put back after each test that commits."""
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    with connection.cursor() as cursor:
        cursor.execute(INSTALL)
        cursor.execute("SELECT pristine.keep(%s)", [names])
    TransactionTestCase._fixture_teardown = put_back  # type: ignore[method-assign]


def put_back(_case: TransactionTestCase) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pristine.put_back()")
