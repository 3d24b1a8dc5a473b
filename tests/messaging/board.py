"""The issuer's site as tests make it: who vouches for whom there, and what hangs there."""

import json
from hashlib import sha256

import jwt

from apps.core import clock
from apps.messaging.actions import in_app
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.outbox import Message
from apps.messaging.models.providers import Provider
from apps.profiles.models import ContactPoint, Identifier
from tests import factories
from tests.messaging.world import DAY, fresh, noticed

SECRET = "a secret of the site that nobody can guess"
SITE = "https://issuer.example"


def make_site(settings, origin=SITE):
    settings.CLOCK_OFFSET = DAY - clock.now()  # nobody's quiet hours
    settings.PROVIDER_SECRETS = {"site": SECRET}
    return Provider.objects.create(
        name="site", channel="in_app", kind="in_app", settles="key",
        options={"origins": [origin], "consent": "app-terms-3"},
    )  # fmt: skip


def someone(core_id="C-1", **fields):
    made = factories.client(consents=(), **fields)
    Identifier.objects.create(client=made, kind="core_id", value=core_id)
    return made


def soon(seconds):
    return int(clock.now().timestamp()) + seconds


def token(core_id="C-1", *, key=SECRET, algorithm="HS256", **claims):
    said = {"aud": "site", "sub": core_id, "iat": soon(0), "exp": soon(600), **claims}
    kept = {name: value for name, value in said.items() if value is not None}
    return jwt.encode(kept, key, algorithm=algorithm)


def hung(
    person, display="blocking", code="coupon.accrued", *,
    state="sent", title="News", text="", **options,
):  # fmt: skip
    """Hang a notice for somebody who uses the site, as one that was sent there."""
    at = clock.now()
    core_id = person.identifiers.get(kind="core_id").value
    in_app.present(Provider.objects.get(name="site"), core_id, at=at)
    point = ContactPoint.objects.get(client=person, channel="in_app")
    wording, _made = TemplateVersion.objects.get_or_create(
        template=Template.objects.get(code=code), channel="in_app", language=person.language,
        variant="gentle", number=9, state="published", display=display, subject="{{ strategy }}",
        body="Hello {{ name }},\nit paid {{ amount }}.",
    )  # fmt: skip
    words = {"subject": title, "body": text or f"A {display}."} if state == "sent" else {}
    return Message.objects.create(
        notice=noticed(person, code, at=at, contact_point=point, **options),
        channel="in_app", contact_point=point, language=person.language, wording=wording,
        queued_at=at, send_after=at, state=state, sent_at=at, **words,
    )  # fmt: skip


def get(client, bearer=None, **headers):
    signed = {"Authorization": f"Bearer {token() if bearer is None else bearer}"}
    return client.get("/in-app/site/notices", headers={**signed, "Origin": SITE, **headers})


def post(client, path, body=None, bearer=None, **headers):
    signed = {"Authorization": f"Bearer {token() if bearer is None else bearer}"}
    return client.post(
        f"/in-app/site/{path}", json.dumps(body) if body else "",
        content_type="application/json", headers={**signed, "Origin": SITE, **headers},
    )  # fmt: skip


def sent(person, *args, **options):
    """Send a notice the whole way."""
    message = hung(person, *args, state="queued", **options)
    deliver_due(at=clock.now(), limit=10)
    return fresh(message)


def digest_of(message):
    return sha256(f"{message.subject}\n\n{message.body}".encode()).hexdigest()
