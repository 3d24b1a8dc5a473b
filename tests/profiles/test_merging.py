"""Two clients made one and two again: everything moves, nothing is lost, nobody is told too much."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction

from apps.events.actions import Fact, record
from apps.events.models import Event
from apps.landing.models import EmailSubscription
from apps.messaging.actions.links import make_link
from apps.messaging.models.content import Template
from apps.messaging.models.outbox import Notice
from apps.products.models.accounts import Account
from apps.products.models.deadlines import Deadline
from apps.products.models.holdings import Policy
from apps.products.models.instalments import CreditAccount
from apps.products.models.moves import MoveRule
from apps.profiles.actions.conflicts import Claim, hold_claims
from apps.profiles.actions.merging import (
    MergeError,
    confirm_merge,
    follow_merges,
    propose_merge,
    reject_merge,
    unmerge,
)
from apps.profiles.models import (
    Channel,
    Client,
    ConsentRecord,
    ContactPoint,
    Duplicate,
    Identifier,
    Merge,
    Purpose,
)
from apps.profiles.queries.consents import consents
from apps.profiles.queries.merging import came_since, preview
from apps.profiles.queries.references import references
from tests import factories

pytestmark = pytest.mark.django_db
AT = datetime(2020, 3, 2, 12, tzinfo=UTC)
WHY = "the same passport"


@pytest.fixture
def anna():
    return get_user_model().objects.create_user("anna")


@pytest.fixture
def bob():
    return get_user_model().objects.create_user("bob")


def bare(**fields):
    """Make a client of whom nothing but the name is known."""
    return Client.objects.create(first_name="Ada", last_name="Test", created_at=AT, **fields)


def core_id(client, value):
    return Identifier.objects.create(client=client, kind="core_id", value=value)


def propose(kept, dropped, by):
    seen = preview(kept, dropped).seen
    return propose_merge(kept.pk, dropped.pk, reason=WHY, by=by, seen=seen, at=AT)


def merged(kept, dropped, by, second):
    """Merge two clients, with a second person where one is needed."""
    merge = propose(kept, dropped, by)
    if merge.state == Merge.State.PROPOSED:
        assert confirm_merge(merge.pk, by=second, seen=preview(kept, dropped).seen, at=AT)
        merge.refresh_from_db()
    return merge


def everything(client):
    """Give a client a row in every table that knows clients."""
    strategy = factories.strategy()
    core_id(client, f"C-{client.pk}")
    policy = factories.policy(client, strategy)
    factories.account(client)
    CreditAccount.objects.create(
        client=client, number=f"K-{client.pk}", name="Card", currency="EUR", limit=100, used=40,
        reported_on=AT.date(), source="test",
    )  # fmt: skip
    point = client.contact_points.filter(channel=Channel.EMAIL).first()
    template = Template.objects.get(code="payment.paid")
    notice = Notice.objects.create(
        client=client, template=template, subject=f"policy:{policy.pk}", source="test",
        contact_point=point, dedupe_key=f"test:{client.pk}", created_at=AT,
    )  # fmt: skip
    link, _token = make_link(client, subject=f"policy:{policy.pk}", at=AT)
    EmailSubscription.objects.create(
        client=client, link=link, contact_point=point, token_hash=str(client.pk).encode()
    )
    record([Fact(client.pk, "test.happened", f"policy:{policy.pk}", AT, f"test:{client.pk}")])
    return notice


def owned(client):
    """Read what refers to a client, by table: the rows' ids."""
    return {
        f"{each.model.__name__}.{each.name}": sorted(
            each.model.objects.filter(**{each.attname: client.pk}).values_list("pk", flat=True)
        )
        for each in references(Client)
    }


def test_every_table_that_knows_clients_is_found_whatever_app_it_is_in():
    found = {each.model for each in references(Client)}
    assert {Policy, Account, CreditAccount, Deadline, MoveRule, Notice, Event, Identifier} <= found
    assert {ContactPoint, ConsentRecord, EmailSubscription, Client} <= found


def test_tables_of_what_clients_hold_say_what_of_it_is_money():
    holds = {
        reference.model
        for reference in references(Client)
        if reference.model._meta.app_label == "products"
    }
    without = {model.__name__ for model in holds if not hasattr(model, "MONEY")}
    assert without == {"Deadline", "HoldingMove", "MoveRule"} & {m.__name__ for m in holds}


def test_all_that_refers_to_a_client_moves_and_all_of_it_goes_back(anna, bob):
    kept, dropped = factories.client(), factories.client()
    everything(kept)
    notice = everything(dropped)
    before = owned(kept), owned(dropped)
    merge = merged(kept, dropped, anna, bob)
    after, left = owned(kept), owned(dropped)
    assert after.pop("Client.merged_into") == [dropped.pk]
    before[0].pop("Client.merged_into"), before[1].pop("Client.merged_into")
    assert not any(left.values())
    assert after == {name: sorted(before[0][name] + before[1][name]) for name in after}
    notice.refresh_from_db()
    assert notice.client == notice.contact_point.client == kept
    dropped.refresh_from_db()
    assert (merge.state, dropped.merged_into) == ("merged", kept)

    assert came_since(merge) == []
    assert unmerge(merge.pk, by=anna, at=AT + timedelta(days=1))
    assert not unmerge(merge.pk, by=bob, at=AT + timedelta(days=1))
    again = owned(kept), owned(dropped)
    again[0].pop("Client.merged_into"), again[1].pop("Client.merged_into")
    assert again == before
    dropped.refresh_from_db()
    assert dropped.merged_into is None


def test_what_both_have_stays_once_and_as_forbidden_as_either(anna):
    kept, dropped = bare(), bare()
    for client, phone, email in ((kept, "valid", "unconfirmed"), (dropped, "bounced", "valid")):
        ContactPoint.objects.create(
            client=client, channel="sms", address="+447700900001", state=phone
        )
        ContactPoint.objects.create(
            client=client, channel="email", address="a@example.com", state=email
        )
    template = Template.objects.get(code="payment.paid")
    notice = Notice.objects.create(
        client=dropped, template=template, subject="x", source="test", dedupe_key="x",
        contact_point=dropped.contact_points.get(channel="email"),
    )  # fmt: skip
    merge = propose(kept, dropped, anna)
    states = dict(kept.contact_points.values_list("channel", "state"))
    assert states == {"sms": "bounced", "email": "valid"}
    assert set(dropped.contact_points.values_list("state", flat=True)) == {"removed"}
    notice.refresh_from_db()
    assert notice.contact_point == kept.contact_points.get(channel="email")

    unmerge(merge.pk, by=anna, at=AT)
    states = dict(kept.contact_points.values_list("channel", "state"))
    assert states == {"sms": "valid", "email": "unconfirmed"}
    states = dict(dropped.contact_points.values_list("channel", "state"))
    assert states == {"sms": "bounced", "email": "valid"}
    notice.refresh_from_db()
    assert notice.contact_point == dropped.contact_points.get(channel="email")


def test_an_address_that_bounced_since_comes_back_bounced(anna):
    kept, dropped = bare(), bare()
    for client in (kept, dropped):
        ContactPoint.objects.create(client=client, channel="sms", address="+447700900001")
    merge = propose(kept, dropped, anna)
    kept.contact_points.update(state="bounced")
    unmerge(merge.pk, by=anna, at=AT)
    assert set(ContactPoint.objects.values_list("state", flat=True)) == {"bounced"}


@pytest.mark.parametrize("side", ["kept", "dropped"])
def test_a_withdrawal_of_either_outlives_a_younger_consent_of_the_other(anna, side):
    kept, dropped = bare(), bare()
    withdrew, agreed = (kept, dropped) if side == "kept" else (dropped, kept)
    factories.consent(withdrew, Purpose.DIGEST, Channel.SMS, granted=False, at=AT - timedelta(9))
    factories.consent(agreed, Purpose.DIGEST, Channel.SMS, at=AT - timedelta(1))
    assert preview(kept, dropped).withdrawn == [("digest", "sms")]
    merge = propose(kept, dropped, anna)
    assert consents([kept.pk], Purpose.DIGEST) == set()
    unmerge(merge.pk, by=anna, at=AT)
    assert consents([kept.pk, dropped.pk], Purpose.DIGEST) == {(agreed.pk, Channel.SMS)}


def test_what_one_lacks_the_other_fills_in_and_takes_back(anna):
    kept = bare(attributes={"branch": "North"})
    dropped = bare(
        birth_on=date(1980, 5, 6), time_zone="Asia/Omsk", time_zone_source="stated", tier="small",
        quiet_from=time(9), quiet_until=time(20), attributes={"branch": "South", "pet": "cat"},
        language="ru",
    )  # fmt: skip
    merge = propose(kept, dropped, anna)
    kept.refresh_from_db()
    assert (kept.birth_on, kept.time_zone, kept.tier) == (date(1980, 5, 6), "Asia/Omsk", "small")
    assert (kept.time_zone_source, kept.quiet_from, kept.quiet_until) == (
        "stated",
        time(9),
        time(20),
    )
    assert kept.attributes == {"branch": "North", "pet": "cat"}
    assert kept.language == "en"
    Client.objects.filter(pk=kept.pk).update(tier="affluent")
    unmerge(merge.pk, by=anna, at=AT)
    kept.refresh_from_db()
    assert (kept.birth_on, kept.time_zone, kept.tier) == (None, "", "affluent")
    assert (kept.quiet_from, kept.quiet_until) == (time(21), time(9))
    assert kept.attributes == {"branch": "North"}


def test_money_of_two_is_mixed_by_two_people_alone(anna, bob):
    kept, dropped = bare(), bare()
    for client in (kept, dropped):
        factories.policy(client, factories.strategy())
    look = preview(kept, dropped)
    assert (look.mixes_money, look.needs_second) == (True, True)
    assert look.money == ({"USD": 1000_00}, {"USD": 1000_00})
    merge = propose(kept, dropped, anna)
    assert merge.state == Merge.State.PROPOSED
    assert dropped.policies.count() == 1
    with pytest.raises(MergeError, match="second person"):
        confirm_merge(merge.pk, by=anna, seen=look.seen, at=AT)
    assert confirm_merge(merge.pk, by=bob, seen=look.seen, at=AT)
    assert not confirm_merge(merge.pk, by=bob, seen=look.seen, at=AT)
    assert kept.policies.count() == 2


def test_two_hard_facts_speak_for_a_second_person(anna):
    kept, dropped = bare(), bare()
    for client in (kept, dropped):
        factories.policy(client, factories.strategy())
        core_id(client, f"C-{client.pk}")
    Identifier.objects.create(client=dropped, kind="contract", value="K-1")
    claims = [Claim(kept.pk, "contract", "K-1", "file:a.csv")]
    hold_claims(claims, at=AT)
    assert preview(kept, dropped).needs_second
    hold_claims([Claim(dropped.pk, "core_id", f"C-{kept.pk}", "file:b.csv")], at=AT)
    assert len(preview(kept, dropped).facts) == 2
    assert propose(kept, dropped, anna).state == Merge.State.MERGED


def test_money_is_not_told_at_a_new_address_on_one_persons_word(anna):
    holder, subscriber = bare(), bare()
    factories.policy(holder, factories.strategy())
    assert not preview(holder, subscriber).needs_second
    ContactPoint.objects.create(client=subscriber, channel="email", address="who@example.com")
    look = preview(holder, subscriber)
    assert (look.mixes_money, look.tells_of_money_elsewhere) == (False, True)
    ContactPoint.objects.create(client=holder, channel="email", address="who@example.com")
    assert not preview(holder, subscriber).needs_second


def test_what_the_preview_showed_is_merged_or_nothing(anna, bob):
    kept, dropped = bare(), bare()
    seen = preview(kept, dropped).seen
    factories.policy(dropped, factories.strategy())
    with pytest.raises(MergeError, match="has changed since you looked"):
        propose_merge(kept.pk, dropped.pk, reason=WHY, by=anna, seen=seen, at=AT)
    factories.policy(kept, factories.strategy())
    merge = propose(kept, dropped, anna)
    seen = preview(kept, dropped).seen
    factories.policy(kept, factories.strategy())
    with pytest.raises(MergeError, match="has changed since you looked"):
        confirm_merge(merge.pk, by=bob, seen=seen, at=AT)
    assert reject_merge(merge.pk, by=bob, at=AT)
    assert not reject_merge(merge.pk, by=bob, at=AT)
    assert Merge.objects.get().state == Merge.State.REJECTED


def test_a_merge_needs_a_reason_and_two_clients_that_stand(anna):
    kept, dropped, third = bare(), bare(), bare()
    with pytest.raises(MergeError, match="Say how you know"):
        propose_merge(
            kept.pk, dropped.pk, reason=" ", by=anna, seen=preview(kept, dropped).seen, at=AT
        )
    with pytest.raises(MergeError, match="two clients"):
        propose(kept, kept, anna)
    propose(kept, dropped, anna)
    with pytest.raises(MergeError, match="was merged into another client already"):
        propose(third, dropped, anna)


def test_a_merge_of_the_merged_is_taken_back_in_order(anna):
    one, two, three = bare(), bare(), bare()
    core_id(one, "C-1")
    first = propose(two, one, anna)
    second = propose(three, two, anna)
    assert Identifier.objects.get().client == three
    one.refresh_from_db()
    assert one.merged_into == three  # in one step, however often they were merged
    with pytest.raises(MergeError, match="Take that merge back first"):
        unmerge(first.pk, by=anna, at=AT)
    unmerge(second.pk, by=anna, at=AT)
    unmerge(first.pk, by=anna, at=AT)
    assert Identifier.objects.get().client == one


def test_what_came_since_stays_with_who_stayed_and_is_counted(anna):
    kept, dropped = bare(), bare()
    core_id(dropped, "C-1")
    merge = propose(kept, dropped, anna)
    Identifier.objects.create(client=kept, kind="contract", value="K-9")
    assert [(since.name, since.came) for since in came_since(merge)] == [("identifiers", 1)]
    unmerge(merge.pk, by=anna, at=AT)
    assert kept.identifiers.get().value == "K-9"
    assert dropped.identifiers.get().value == "C-1"


def test_what_reaches_the_merged_client_late_follows_him_and_goes_back_with_him(anna):
    kept, dropped = bare(), bare()
    for client in (kept, dropped):
        ContactPoint.objects.create(client=client, channel="sms", address="+447700900001")
    merge = propose(kept, dropped, anna)
    assert follow_merges(at=AT) == 0
    core_id(dropped, "C-late")
    assert follow_merges(at=AT) == 1
    assert follow_merges(at=AT) == 0
    assert Identifier.objects.get().client == kept
    merge.refresh_from_db()
    assert came_since(merge) == []
    unmerge(merge.pk, by=anna, at=AT)
    assert Identifier.objects.get().client == dropped


def test_different_people_stay_different_and_a_merge_taken_back_is_not_suggested_again(anna):
    kept, dropped, other = bare(), bare(), bare()
    Duplicate.objects.create(first=dropped, second=other, state="different")
    merge = propose(kept, dropped, anna)
    pairs = {(one.first_id, one.second_id): one.state for one in Duplicate.objects.all()}
    assert pairs[kept.pk, other.pk] == "different"
    assert pairs[kept.pk, dropped.pk] == "merged"
    unmerge(merge.pk, by=anna, at=AT)
    assert Duplicate.objects.get(first=kept, second=dropped).state == "different"


def test_rows_that_are_only_added_go_nowhere_without_a_merge(anna):
    kept, dropped, third = bare(), bare(), bare()
    factories.consent(dropped, Purpose.DIGEST, Channel.SMS)
    record([Fact(dropped.pk, "test.happened", "x", AT, "x")])
    merge = propose(kept, dropped, anna)
    unmerge(merge.pk, by=anna, at=AT)
    for table in ("profiles_consentrecord", "events_event"):
        for change in (f"client_id = {kept.pk}", f"client_id = {third.pk}"):
            refuses(f"UPDATE {table} SET {change} WHERE client_id = {dropped.pk}")
    propose(kept, dropped, anna)
    refuses("UPDATE profiles_consentrecord SET granted = false")


def refuses(statement):
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_every_unique_key_with_a_client_is_one_that_merging_understands():
    for model in apps.get_models():
        for constraint in model._meta.constraints:
            if getattr(constraint, "contains_expressions", False):
                fields = {name for each in constraint.expressions for name in str(each).split("'")}
                clients = {each.name for each in references(Client) if each.model is model}
                assert not fields & clients, f"{constraint.name} names a client in an expression"
