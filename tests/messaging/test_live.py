"""Outside production nobody is written to who is not on the test list."""

from uuid import uuid4

import pytest
from django.core.checks import run_checks

from apps.messaging.actions.providers import working
from apps.messaging.channels import Account, Letter, Verdict, connect
from apps.messaging.models.providers import Provider
from tests.factories import NOON


def sent(httpserver, addresses):
    httpserver.expect_request("/bottoken/sendMessage").respond_with_json(
        {"ok": True, "result": {"message_id": 5}}
    )
    letters = [Letter(key=uuid4(), to=to, text="Accrued.") for to in addresses]
    account = Account("bot", secret="token", options={"url": httpserver.url_for("")})
    with connect("telegram", account) as carrier:
        answers = dict(carrier.send(iter(letters)))
    return [answers[letter.key] for letter in letters]


@pytest.fixture
def outside(settings):
    settings.LIVE, settings.DEMO = False, False
    settings.TEST_RECIPIENTS = ["+447700900001", "*@issuer.example"]
    return settings


def test_only_the_test_list_is_written_to(httpserver, outside):
    addresses = ["+447700900002", "+447700900001", "Desk@Issuer.example", "a@issuer.example.org"]
    answers = sent(httpserver, addresses)
    assert [answer.verdict for answer in answers] == [
        Verdict.NEVER, Verdict.SENT, Verdict.SENT, Verdict.NEVER,
    ]  # fmt: skip
    assert "test list" in answers[0].reason
    assert [request.json["chat_id"] for request, _ in httpserver.log] == addresses[1:3]


def test_with_an_empty_list_nobody_is_written_to(httpserver, outside):
    outside.TEST_RECIPIENTS = []
    assert [answer.verdict for answer in sent(httpserver, ["a@issuer.example"])] == [Verdict.NEVER]
    assert not httpserver.log


def test_where_it_is_live_everybody_is(httpserver, outside):
    outside.LIVE = True
    assert [answer.verdict for answer in sent(httpserver, ["+447700900002"])] == [Verdict.SENT]


@pytest.mark.django_db
def test_a_live_installation_uses_only_providers_that_name_it(settings):
    Provider.objects.all().delete()
    for environment in ("", "staging", "production"):
        name = environment or "any"
        Provider.objects.create(name=name, channel="email", kind="smtp", environment=environment)
    used = lambda: {provider.name for provider in working(at=NOON)}  # noqa: E731
    settings.LIVE, settings.ENVIRONMENT = True, "production"
    assert used() == {"production"}
    settings.ENVIRONMENT = ""
    assert used() == set()
    settings.LIVE = False
    assert used() == {"any"}
    settings.ENVIRONMENT = "staging"
    assert used() == {"any", "staging"}


def test_an_installation_that_means_to_send_and_cannot_is_told(settings):
    def found(*, deploy=False):
        checks = run_checks(tags=["security"], include_deployment_checks=deploy)
        return {each.id for each in checks} & {"messaging.E001", "messaging.W001"}

    settings.LIVE, settings.ENVIRONMENT, settings.TEST_RECIPIENTS = True, "", []
    assert found() == {"messaging.E001"}
    settings.ENVIRONMENT = "production"
    assert found(deploy=True) == set()
    settings.LIVE = False
    assert (found(), found(deploy=True)) == (set(), {"messaging.W001"})
