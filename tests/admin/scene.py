"""A small world with a row in every list of the back office; call it again for more rows."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.contrib.auth import get_user_model

from apps.core import clock
from apps.core.actions import begin_sign_in, make_key
from apps.events.actions import Fact, record
from apps.events.models import Stray
from apps.files.models import Batch, Folder, Mapping, Record
from apps.landing.actions.joining import note_visit
from apps.landing.models import EmailSubscription
from apps.messaging.actions import inbound, receipts
from apps.messaging.actions.hits import Seen, record_seen
from apps.messaging.actions.links import make_link
from apps.messaging.actions.passing_on import ask_for_call
from apps.messaging.models.approvals import Approval, ApprovalLimit
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.frequency import FrequencyPolicy, HoldOut
from apps.messaging.models.invitations import Invitation
from apps.messaging.models.numbers import NumberCheck
from apps.messaging.models.outbox import Digest, Message, Notice
from apps.messaging.models.phrases import (
    Disclaimer,
    DisclaimerText,
    LeadIn,
    SeedAddress,
    Snippet,
    SnippetText,
)
from apps.messaging.models.providers import Provider
from apps.messaging.models.sendings import CascadeStep, Sending
from apps.messaging.models.stops import Stop
from apps.messaging.models.verdicts import Verdict
from apps.privacy.models import Erasure, PersonExport
from apps.products.actions.evaluation import evaluate_due
from apps.products.actions.restatement import restate_due
from apps.products.actions.restatement.ordering import propose_terms
from apps.products.models.accounts import Account
from apps.products.models.calendars import CalendarOverride, ObservationMove
from apps.products.models.deadlines import Deadline
from apps.products.models.disruptions import Disruption
from apps.products.models.feeds import Feed
from apps.products.models.funds import Fund, ModelPortfolio
from apps.products.models.holdings import Payment
from apps.products.models.instalments import CreditAccount, Instalment
from apps.products.models.lifecycle import PolicyChange
from apps.products.models.markets import CorporateAction, Quote
from apps.products.models.moves import HoldingMove, MoveDay, MoveRule, UnderlyingMove
from apps.products.models.restatements import Foresight, Restatement
from apps.products.models.strategies import Observation, Strategy
from apps.profiles.actions.conflicts import Claim, hold_claims
from apps.profiles.actions.suppressions import suppress
from apps.profiles.models import Client, Duplicate, Identifier, Merge
from apps.webhooks.actions.endpoints import register_endpoint
from apps.webhooks.actions.outbox import queue_test
from apps.webhooks.models import Attempt
from tests import factories

FIRST = date(2020, 1, 31)
EVENING = datetime(2020, 2, 28, 23, tzinfo=UTC)  # after the close of the first observation


def people(count: int) -> list[Client]:
    made = []
    for _ in range(count):
        client = factories.client(
            tier="affluent", time_zone="Asia/Dubai", time_zone_source="stated"
        )
        Identifier.objects.create(client=client, kind="core_id", value=f"core-{client.pk}")
        made.append(client)
    return made


def wording(code: str = "coupon.accrued") -> TemplateVersion:
    template = Template.objects.get_or_create(
        code=code, defaults={"name": "Coupon accrued", "purpose": "service"}
    )[0]
    known = TemplateVersion.objects.filter(
        template=template, channel="sms", language="en", variant="plain"
    ).first()
    return known or TemplateVersion.objects.create(
        template=template, channel="sms", language="en", body="Paid", state="published"
    )


def told(client: Client, *, state: str = "sent", reason: str = "") -> Message:
    text = wording()
    notice = Notice.objects.create(
        client=client, template=text.template, subject="strategy:1", source="event:1",
        dedupe_key=f"test:{client.pk}:{Notice.objects.count()}", state="done", created_at=EVENING,
    )  # fmt: skip
    return Message.objects.create(
        notice=notice, channel="sms", contact_point=client.contact_points.get(channel="sms"),
        language="en", wording=text, state=state, reason=reason, queued_at=EVENING,
        send_after=EVENING, sent_at=EVENING if state == "sent" else None, body="Paid",
    )  # fmt: skip


def decided(message: Message) -> None:
    """What the gate says of a message, and the limits, groups and stops that it goes by."""
    number = Verdict.objects.count()
    Verdict.objects.create(
        notice=message.notice, outcome="granted", channel="sms", at=EVENING,
        inputs={"channels": {"sms": "", "email": "no_consent"}},
    )  # fmt: skip
    FrequencyPolicy.objects.create(offers=1, days=number + 7)
    HoldOut.objects.create(name=f"Spring {number}", percent=5)
    Stop.objects.create(scope="channel", value=f"channel {number}", reason="a wrong price")
    sending = Sending.objects.create(title=f"Spring {number}", source=f"campaign:{number}")
    boss, _made = get_user_model().objects.get_or_create(username="asks")
    Approval.objects.create(
        sending=sending, edition=number, content=bytes(32), audience=bytes(32), clients=2,
        asked_by=boss,
    )  # fmt: skip
    ApprovalLimit.objects.create(clients=1000 - number, reason="a rule")
    Invitation.objects.create(
        client=message.notice.client, provider=Provider.objects.first(), used_at=EVENING,
        token_hash=number.to_bytes(32, "big"), account=f"account-{number}",
    )  # fmt: skip
    Provider.objects.create(name=f"centre-{number}", channel="sms", kind="smpp", is_open=False,
                            reason="a trial")  # fmt: skip
    CascadeStep.objects.create(
        template=message.notice.template, number=number + 2, within=timedelta(hours=2)
    )


def belongings(client: Client) -> Account:
    """An account with a booking, an instalment product with its plan, and a deadline."""
    day = EVENING.date()
    account = factories.account(client)
    factories.booked(account, "buy", date(2020, 1, 6), 1000_00, "10")
    credit = CreditAccount.objects.create(
        client=client, number=f"I-{client.pk}", name="Kitchen", currency="USD", limit=5000_00,
        used=1800_00, reported_on=day, source="test",
    )  # fmt: skip
    Instalment.objects.create(account=credit, number=1, due_on=day, amount=600_00)
    Deadline.objects.create(
        client=client, reference=f"D-{client.pk}", kind="tax_deduction", day=date(2099, 12, 31)
    )
    MoveRule.objects.create(client=client)
    return account


def moved(account: Account) -> None:
    """A fund in a model portfolio, and moves of the market on a day of their own."""
    share = factories.underlying(f"FUND{account.pk}", kind="fund")
    Fund.objects.create(underlying=share, aim="balanced")
    portfolio = ModelPortfolio.objects.create(
        code=f"calm-{account.pk}", name="Calm", currency="USD"
    )
    portfolio.weights.create(underlying=share, weight=1)
    day = date(2000, 1, 1) + timedelta(days=account.pk)
    MoveDay.objects.create(day=day, begun_at=EVENING, ended_at=EVENING)
    for underlying in (share, None):
        HoldingMove.objects.create(
            account=account, underlying=underlying, basis="purchase", since=day, falls=True,
            rung=1, rate="-0.1", day=day, noticed_at=EVENING,
        )  # fmt: skip
    UnderlyingMove.objects.create(
        underlying=share, day=day, before_on=day, rate="-0.1", noticed_at=EVENING
    )


def bring_file() -> None:
    """A file that waits for a word, from a folder and with a mapping of its own."""
    number = Mapping.objects.count()
    mapping = Mapping.objects.create(name=f"Core system {number}", kind="clients")
    folder = Folder.objects.create(path=f"core/{number}", kind="clients", mapping=mapping)
    batch = Batch.objects.create(
        kind="clients", filename="clients.csv", sha256="0" * 64, size=1, origin="folder",
        folder=folder, mapping=mapping, state="checked", records=2, new=1, rejected=1,
        received_at=clock.now(),
    )  # fmt: skip
    Record.objects.create(
        batch=batch, number=2, line=3, fate="rejected", code="empty",
        faults=[["empty", "core_id", "This cell must not be empty.", ""]],
    )  # fmt: skip


def put_right() -> None:
    """Restate the newest evaluated strategy, whose coupon was written down wrong."""
    strategy = Strategy.objects.filter(name="Harbour").latest("pk")
    Strategy.objects.filter(pk=strategy.pk).update(coupon_rate=Decimal("0.03"))
    proposed = propose_terms(
        strategy.pk, since=EVENING.date(), reason="3 % was agreed", at=EVENING, by=None
    )
    Restatement.objects.filter(pk=proposed.pk).update(state="queued")
    Foresight.objects.create(restatement=proposed, state="failed", asked_at=EVENING)
    restate_due(at=EVENING)


def who_is_who(kept: Client, dropped: Client) -> None:
    """A question, a contradiction, a proposed merge and an address that nobody writes to."""
    Duplicate.objects.create(first=kept, second=dropped, shares=["sms"], found_at=EVENING)
    claim = Claim(kept.pk, "core_id", f"core-{dropped.pk}", "file:clients.csv", 7, {"core_id": "x"})
    hold_claims([claim], at=EVENING)
    Merge.objects.create(kept=kept, dropped=dropped, reason="one passport", proposed_at=EVENING)
    suppress(
        "sms", f"+447700{kept.pk:06d}", reason="stop", source="inbound SMS", client=kept, at=EVENING
    )


def overheard(client: Client) -> None:
    """A webhook that was called, and an event of somebody unknown."""
    endpoint, _secret = register_endpoint(
        f"CRM {client.pk}", "https://crm.example.com/", ["order.placed"], at=EVENING
    )
    delivery = queue_test(endpoint, at=EVENING)
    Attempt.objects.create(delivery=delivery, at=EVENING, took_ms=7, status=500, answer="no")
    Stray.objects.create(
        reason="no_client", scheme="core_id", reference="nobody", kind="order.placed",
        occurred_at=EVENING, received_at=EVENING, source_key=f"given:{client.pk}", sender="api:shop",
    )  # fmt: skip


def phrased() -> None:
    """Make one of each phrase that templates share."""
    template = Template.objects.first()
    snippet = Snippet.objects.get_or_create(name="bye")[0]
    SnippetText.objects.get_or_create(snippet=snippet, language="en", body="Yours")
    risk = Disclaimer.objects.get_or_create(name="Risk", product="account")[0]
    DisclaimerText.objects.get_or_create(
        disclaimer=risk, language="en", defaults={"body": "Risk", "valid_from": date(2020, 1, 1)}
    )
    LeadIn.objects.get_or_create(
        segment="gold", template=template, channel="sms", language="en", body="Dear friend,"
    )
    SeedAddress.objects.get_or_create(name="Desk", channel="email", address="desk@example.com")


def world(clients: int = 2) -> list[Client]:
    """One strategy evaluated, one waiting, one draft; each client holds both, is told of one."""
    made = people(clients)
    paid = factories.strategy(name="Harbour", tranche="2020-1")
    waits = factories.strategy(name="Lighthouse", fixings=(("AAPL", "100"), ("MSFT", "50")))
    factories.strategy(name="Draft", state="draft")
    for ticker, close in (("AAPL", "97.25"), ("IBM", "120")):
        if not Quote.objects.filter(underlying__ticker=ticker, day=date(2020, 2, 28)).exists():
            factories.quote(ticker, date(2020, 2, 28), close)
    held = Quote.objects.filter(underlying__ticker="MSFT").first() or factories.quote(
        "MSFT", date(2020, 2, 28), "80", state="held", held_because="jump of +60.0 % against 27 Feb",
        confirmed_at=None,
    )  # fmt: skip
    CorporateAction.objects.get_or_create(
        underlying=held.underlying, kind="split", ex_on=date(2020, 6, 1) + timedelta(days=paid.pk),
        defaults={"ratio": Decimal(2), "source": "test"},
    )  # fmt: skip
    make_key(f"vendor {paid.pk}", ["quotes:write"], by=None, at=EVENING)
    begin_sign_in(f"boss {paid.pk}", "a browser", at=EVENING)
    Feed.objects.create(name=f"Closes {paid.pk}", exchange=held.underlying.exchange)
    late = paid.observations.get(number=2)
    ObservationMove.objects.create(
        observation=late, from_on=late.valuation_on, to_on=date(2020, 6, 2), because="storm"
    )
    CalendarOverride.objects.create(
        exchange=held.underlying.exchange, day=date(2020, 6, 2), kind="open", reason="storm over"
    )
    Disruption.objects.create(
        underlying=held.underlying, day=date(2020, 6, 1) + timedelta(days=paid.pk), reason="halted"
    )
    for client in made:
        policy = factories.policy(client, paid)
        factories.policy(client, waits)
        Payment.objects.create(policy=policy, kind="premium", amount=1000_00, due_on=FIRST)
        PolicyChange.objects.create(
            policy=policy, kind="top_up", effective_on=FIRST, nominal_before=900_00,
            nominal_after=1000_00, made_at=EVENING,
        )  # fmt: skip
        account = belongings(client)
    moved(account)
    evaluate_due(at=EVENING)
    for client in made:
        message = told(client)
        decided(message)
        link, _token = make_link(client, subject="strategy:1", at=EVENING, message=message)
        seen = Seen(bytes(link.token_hash), EVENING, "test")
        opening = Seen(b"", EVENING, "test", message_key=str(message.key))
        record_seen([seen, replace(seen, gesture="key"), opening])
        came_back(client, message)
        EmailSubscription.objects.create(
            client=client, link=link, contact_point=client.contact_points.get(channel="email"),
            token_hash=client.pk.to_bytes(32, "big"),
        )  # fmt: skip
        record(
            [Fact(client.pk, "profile.imported", f"client:{client.pk}", EVENING, f"i:{client.pk}")]
        )
    if len(made) > 1:
        who_is_who(*made[:2])
    note_visit(f"browser {link.pk}", "shown", link=link, at=EVENING)
    overheard(made[0])
    bring_file()
    told(made[0], state="failed", reason="the number does not exist")
    for client in made:
        Erasure.objects.create(client=client, reason="a letter", asked_at=EVENING)
        PersonExport.objects.create(client=client, reason="a letter", asked_at=EVENING)
    Digest.objects.get_or_create(month=date(2020, 2, 1))
    phrased()
    assert Observation.objects.filter(state="waiting").exists()
    return made


def came_back(client, message):
    """Let a provider tell of a message, and the client answer it."""
    receipts.receive("sms-gateway", [receipts.Word("delivered", key=message.key)], at=EVENING)
    phone = client.contact_points.get(channel="sms").address
    inbound.receive("sms-gateway", "sms", [inbound.Said(phone, "call me")], at=EVENING)
    ask_for_call(client.replies.get(), at=EVENING)
    NumberCheck.objects.create(
        contact_point=message.contact_point, state="valid", asked_at=EVENING, cost=2
    )
