"""The issuer's site of the demo: a visitor hangs a notice and is shown it."""

import pytest

from apps.core import clock
from apps.demo.actions.issuer import SITE
from apps.demo.models import World
from apps.messaging.actions.links import make_link
from apps.messaging.models.outbox import Message
from tests.messaging.board import SECRET, someone
from tests.messaging.test_first_words import EVERYTHING
from tests.messaging.world import noticed

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(settings):
    settings.DEMO, settings.PROVIDER_SECRETS = True, {SITE: SECRET}
    at = clock.now()
    person = someone(time_zone="UTC", time_zone_source="stated")
    link, _token = make_link(person, subject="strategy:1", at=at)
    World.objects.create(
        pk=1, offset_seconds=0, reached_at=at, port=8000, links={"accrued": link.pk}
    )
    noticed(person, values=EVERYTHING)
    person.notices.update(state="done")
    # It is day for him, whenever this runs.
    hour = at.hour
    person.quiet_from, person.quiet_until = f"{(hour + 2) % 24}:00", f"{(hour + 3) % 24}:00"
    person.save()
    return person


@pytest.mark.parametrize("display", ["banner", "popup", "blocking"])
def test_each_form_can_be_seen(client, signed_in, display):
    assert client.post(f"/demo/issuer/{display}/")["Location"] == "/demo/issuer/"
    message = Message.objects.get(channel="in_app")
    assert (message.state, message.wording.display) == ("sent", display)
    assert "in_app.js" in client.get("/demo/issuer/").content.decode()
    token = client.get("/demo/issuer/token").json()["token"]
    asked = client.get(f"/in-app/{SITE}/notices", headers={"Authorization": f"Bearer {token}"})
    (shown,) = asked.json()["notices"]
    assert shown["key"] == str(message.key)
    assert shown["link"]


def test_there_is_no_such_site_outside_the_demo(client, signed_in, settings):
    settings.DEMO = False
    assert client.get("/demo/issuer/").status_code == 404
    assert client.get("/demo/issuer/token").status_code == 404
    assert client.post("/demo/issuer/banner/").status_code == 404


def test_the_page_opens_before_anything_is_loaded(client, settings):
    settings.DEMO = True
    assert client.get("/demo/issuer/").status_code == 200
    assert client.post("/demo/issuer/banner/").status_code == 404
