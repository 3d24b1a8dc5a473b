"""The demo's login to the back office."""

from django.contrib.auth import get_user_model
from django.db import transaction

LOGIN = PASSWORD = "demo"  # noqa: S105 (the demo listens on this machine alone)


@transaction.atomic
def give_login() -> None:
    """Make the demo's staff account, unless it is there."""
    accounts = get_user_model().objects
    if not accounts.filter(username=LOGIN).exists():
        accounts.create_superuser(LOGIN, f"{LOGIN}@example.com", PASSWORD)
