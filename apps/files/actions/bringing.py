"""A file from its bytes to its end in one call, for shells that wait for it."""

import io
from datetime import datetime
from typing import Any

from apps.files.actions.receiving import receive
from apps.files.actions.working import work
from apps.files.models import Batch


def bring(content: bytes, *, kind: str, filename: str, at: datetime, **options: Any) -> Batch:
    """Receive a file and check it, or land it where it is `confirmed`; the batch says what came of it.

    The options are those of `receive`.
    """
    options = {"origin": Batch.Origin.COMMAND, **options}
    batch = receive(io.BytesIO(content), kind=kind, filename=filename, at=at, **options)
    Batch.objects.filter(pk=batch.pk).update(state=Batch.State.CHECKING)
    work(batch.pk, at=at)
    batch.refresh_from_db()
    return batch
