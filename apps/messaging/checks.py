"""What `manage.py check` says of an installation that would write to nobody, or not as meant."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004

from apps.webhooks.signing import is_secret


@register(Tags.security)
def check_live(**_: Any) -> list[CheckMessage]:
    if settings.LIVE and not settings.ENVIRONMENT:
        hint = "Set ENVIRONMENT, and the same in the rows of the providers that it may use."
        return [Error("LIVE is set and ENVIRONMENT is not.", hint=hint, id="messaging.E001")]
    return []


@register(Tags.security)
def check_receipt_secrets(**_: Any) -> list[CheckMessage]:
    hint = "Write whsec_ and what `openssl rand -base64 32` says."
    return [
        Error(
            f"A secret of RECEIPT_SECRET_{name.upper().replace('-', '_')} cannot be read.",
            hint=hint,
            id="messaging.E002",
        )
        for name, secrets in settings.RECEIPT_SECRETS.items()
        if not all(is_secret(secret) for secret in secrets)
    ]


@register(Tags.security, deploy=True)
def check_deployed(**_: Any) -> list[CheckMessage]:
    if settings.LIVE or settings.TEST_RECIPIENTS:
        return []
    hint = "Set LIVE=1 where clients are to be written to, else TEST_RECIPIENTS."
    return [Warning("Nobody will be written to.", hint=hint, id="messaging.W001")]
