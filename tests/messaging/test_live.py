"""Outside production nobody is written to who is not on the test list."""

from uuid import uuid4

import pytest
from django.core.checks import run_checks

from apps.core import clock
from apps.core.recipients import may_be_written_to
from apps.landing.actions.subscriptions import ask_subscription
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.invitations import hook_secret, invite
from apps.messaging.actions.links import make_link
from apps.messaging.actions.planning import plan_messages
from apps.messaging.actions.providers import working
from apps.messaging.actions.trying import send_test
from apps.messaging.channels import REGISTRY, Account, Letter, Verdict, connect
from apps.messaging.channels.numbers import look_up
from apps.messaging.models.content import TemplateVersion
from apps.messaging.models.phrases import SeedAddress
from apps.messaging.models.providers import Provider
from apps.webhooks import channels as webhooks
from tests import factories
from tests.factories import NOON
from tests.messaging.world import DAY


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
    settings.LIVE = False
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


@pytest.mark.parametrize("kind", sorted(REGISTRY))
def test_no_kind_of_provider_knows_a_way_past_the_list(outside, kind):
    letters = [Letter(key=uuid4(), to=to, text="Hi") for to in ("+447700900002", "C-1", "{}", "")]
    with connect(kind, Account("x", secret="x")) as carrier:
        answers = dict(carrier.send(iter(letters)))
    # Without a session nothing is even taken.
    assert [answer.verdict for answer in answers.values()] == [Verdict.NEVER] * (
        0 if kind == "smpp" else 4
    )
    assert all("test list" in answer.reason for answer in answers.values())


@pytest.mark.parametrize("demo", [False, True])
def test_the_demos_setting_opens_no_way_to_clients_of_a_copied_database(outside, demo):
    outside.DEMO = demo
    assert not may_be_written_to("+447700900002")


@pytest.mark.parametrize(
    ("to", "listed"),
    [
        ("desk@issuer.example", True),
        ("ann@bank.example,desk@issuer.example", False),
        ("ann@bank.example desk@issuer.example", False),
        ("<ann@bank.example>@issuer.example", False),
        ("ann@bank.example@issuer.example", False),
        ("https://evil.example/?to=@issuer.example", False),
        ("https://crm.issuer.example/hooks", True),
        ("https://crm.issuer.example.evil/hooks", False),
        ('{"endpoint": "https://push.example/a"}', True),
        ('{"endpoint": "https://push.example/b", "to": "@issuer.example"}', False),
    ],
)
def test_an_address_that_only_ends_like_one_of_the_list_is_not_on_it(outside, to, listed):
    outside.TEST_RECIPIENTS += ["https://crm.issuer.example/*", '{"endpoint": *push.example/a"}']
    assert may_be_written_to(to) is listed


def test_numbers_outside_the_list_are_not_even_looked_up(httpserver, outside):
    outside.NUMBER_CHECK_URL = httpserver.url_for("/numbers")
    httpserver.expect_request("/numbers").respond_with_json({"results": []})
    assert look_up(["+447700900002"]) == []
    look_up(["+447700900002", "+447700900001"])
    assert [request.json["numbers"] for request, _ in httpserver.log] == [["+447700900001"]]


def test_a_webhook_is_called_outside_the_list_neither(httpserver, outside):
    url = httpserver.url_for("/hook")
    outside.WEBHOOK_NETWORKS = ["127.0.0.0/8"]
    httpserver.expect_request("/hook").respond_with_data("ok")
    for listed in ([], [url]):
        outside.TEST_RECIPIENTS = listed
        with webhooks.connect(url) as caller:
            answer = caller.post(b"{}", {})
        assert (answer.status, "test list" in answer.text) == (
            (200, False) if listed else (None, True)
        )
    assert len(httpserver.log) == 1


@pytest.mark.django_db
def test_a_bot_answers_outside_the_list_neither(client, outside):
    provider = Provider.objects.create(name="bot", channel="messenger", kind="telegram")
    person = factories.client()
    for listed in ([], ["4711"]):
        outside.TEST_RECIPIENTS = listed
        update = {
            "message": {
                "text": f"/start {invite(person.pk, provider, at=clock.now())}",
                "chat": {"id": 4711, "type": "private"},
                "from": {"id": 4711},
            }
        }
        answer = client.post(
            "/messengers/bot",
            update,
            content_type="application/json",
            headers={"X-Telegram-Bot-Api-Secret-Token": hook_secret(provider)},
        )
        assert bool(answer.json()) is bool(listed)


def tried(_inbox):
    SeedAddress.objects.create(name="us", channel="email", address="one@example.com")
    version = TemplateVersion.objects.filter(channel="email", state="published").first()
    assert not send_test(version, at=DAY)[0].is_sent


def asked(_inbox):
    link, _token = make_link(factories.client(), subject="", at=DAY)
    ask_subscription(link, "ann@example.com", at=DAY)
    plan_messages(at=DAY, limit=10)
    assert deliver_due(at=DAY, limit=10) == 1


@pytest.mark.django_db
@pytest.mark.parametrize("way", [tried, asked])
def test_a_test_and_a_confirmation_stay_inside_the_list_too(inbox, outside, way):
    way(inbox)
    assert inbox.letters == []


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
