"""Why the database would not take rows, in the words of its constraints."""

from django.apps import apps
from django.db import DataError, IntegrityError
from django.utils.translation import gettext as _


def refusal(error: IntegrityError | DataError) -> str:
    """Say why the database refused, in the words of the constraint if it has some."""
    diagnosis = getattr(error.__cause__, "diag", None)
    name = getattr(diagnosis, "constraint_name", None)
    detail = getattr(diagnosis, "message_detail", None) or ""
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if name and constraint.name == name:
                return f"{constraint.violation_error_message} {detail}".strip()
    return _("The database refused the file: %(error)s") % {"error": str(error).strip()}
