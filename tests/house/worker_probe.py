"""The real Celery application and one task that tells which database session it had."""

from django.core.cache import cache
from django.db import connection

from config.celery import app


@app.task
def note_session(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (session,) = cursor.fetchone()
    cache.set(f"session:{number}", session, 600)
