"""Large sendings: they wait for a second person, and every edit takes his word back."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Event

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.messaging.actions import sendings
from apps.messaging.actions.approvals import (
    ApprovalError,
    approve,
    ask_approval,
    look_at_edits,
    reject,
)
from apps.messaging.actions.content import publish_snippet, publish_version
from apps.messaging.actions.delivery import deliver_due
from apps.messaging.actions.limits import set_limit
from apps.messaging.models.approvals import Approval, ApprovalLimit
from apps.messaging.models.content import Template, TemplateVersion
from apps.messaging.models.outbox import Message, Notice
from apps.messaging.models.phrases import Disclaimer, LeadIn, Snippet
from apps.messaging.models.sendings import Sending
from apps.profiles.actions.merging import confirm_merge, propose_merge, unmerge
from apps.profiles.models import Merge
from apps.profiles.queries.merging import preview
from tests import factories
from tests.messaging.world import DAY, VALUES, by_sms, noticed, planned

pytestmark = pytest.mark.django_db
LIMIT = 2


@pytest.fixture
def marketer():
    return get_user_model().objects.create_user("marketer", is_staff=True)


@pytest.fixture
def officer():
    return get_user_model().objects.create_user("officer", is_staff=True)


@pytest.fixture
def sending():
    """One whose three messages are planned, where two are the most."""
    ApprovalLimit.objects.create(clients=LIMIT, reason="a test")
    made = Sending.objects.create(title="Spring", source="campaign:1")
    messages = planned(*(by_sms() for _ in range(LIMIT + 1)))
    Notice.objects.filter(messages__in=messages).update(sending=made)
    made.refresh_from_db()
    return made


@pytest.fixture
def approved(sending, marketer, officer):
    assert approve(ask_approval(sending.pk, by=marketer, at=DAY).pk, by=officer, at=DAY)
    sending.refresh_from_db()
    return sending


def delivered():
    sendings.let_go_on(at=DAY)
    while deliver_due(at=DAY, limit=10):
        pass
    return sorted(Message.objects.values_list("state", flat=True))


def state_of(sending):
    sending.refresh_from_db()
    return sending.state


def test_a_large_sending_goes_nowhere_until_a_second_person_approves(
    sending, marketer, officer, gateway
):
    assert (sending.state, sending.size) == ("waiting", 3)
    assert delivered() == ["held"] * 3
    asked = ask_approval(sending.pk, by=marketer, at=DAY)
    assert ask_approval(sending.pk, by=marketer, at=DAY) is None
    with pytest.raises(ApprovalError, match="second person"):
        approve(asked.pk, by=marketer, at=DAY)
    assert delivered() == ["held"] * 3
    assert gateway.requests == []
    assert [approve(asked.pk, by=officer, at=DAY) for _ in range(2)] == [True, False]
    assert reject(asked.pk, by=officer, at=DAY) is False
    assert delivered() == ["sent"] * 3
    assert state_of(sending) == "running"


def test_a_small_sending_needs_nobody_and_one_that_runs_is_not_asked_for(marketer, gateway):
    made = Sending.objects.create(title="Few", source="campaign:2")
    (message,) = planned(by_sms())
    Notice.objects.filter(pk=message.notice_id).update(sending=made)
    with pytest.raises(ApprovalError, match="no approval"):
        ask_approval(made.pk, by=marketer, at=DAY)
    assert delivered() == ["sent"]


def test_one_that_is_rejected_waits_and_may_be_asked_for_anew(sending, marketer, officer):
    asked = ask_approval(sending.pk, by=marketer, at=DAY)
    with pytest.raises(ApprovalError, match="somebody else"):
        reject(asked.pk, by=marketer, at=DAY)
    assert [reject(asked.pk, by=officer, at=DAY) for _ in range(2)] == [True, False]
    assert (state_of(sending), sending.reason) == ("waiting", "officer rejected it.")
    assert ask_approval(sending.pk, by=officer, at=DAY)


def publish(_sending):
    known = TemplateVersion.objects.get(
        template__code="coupon.accrued", channel="sms", language="en", variant="plain",
        state="published",
    )  # fmt: skip
    draft = TemplateVersion.objects.create(
        template=known.template, channel="sms", language="en", number=9, body="{{ link }} New"
    )
    assert publish_version(draft.pk, at=DAY)


def disclaim(_sending):
    Disclaimer.objects.create(name="Risk", is_required=False)


def lead(_sending):
    LeadIn.objects.create(segment="gold", channel="sms", language="en", body="For you:")


def add(sending):
    notice = noticed(by_sms(), key="late", at=DAY)
    Notice.objects.filter(pk=notice.pk).update(sending=sending)


def vary(sending):
    Notice.objects.filter(sending=sending).update(values=VALUES | {"strategy": "Another"})


def take_away(sending):
    other = Sending.objects.create(title="Other", source="campaign:2", state="paused", reason="-")
    Notice.objects.filter(pk=sending.notices.first().pk).update(sending=other)


@pytest.mark.parametrize(
    ("edit", "said"),
    [(publish, "says"), (disclaim, "says"), (lead, "says"), (add, "told"), (vary, "told"),
     (take_away, "told")],
)  # fmt: skip
def test_any_edit_halts_at_once_and_the_approval_is_void(approved, edit, said, gateway):
    Notice.objects.filter(sending=approved).update(segment="gold")
    ApprovalLimit.objects.create(clients=1, reason="a test")
    look_at_edits(at=DAY)
    marketer = get_user_model().objects.get(username="marketer")
    officer = get_user_model().objects.get(username="officer")
    approve(ask_approval(approved.pk, by=marketer, at=DAY).pk, by=officer, at=DAY)
    edit(approved)
    assert state_of(approved) == "waiting"
    assert "sent" not in delivered()
    assert [look_at_edits(at=DAY) for _ in range(2)] == [1, 0]
    assert state_of(approved) == "waiting"
    assert f"{said} " in approved.reason or f"is {said}" in approved.reason
    assert "officer approved it" in approved.reason
    assert "sent" not in delivered()
    assert approve(ask_approval(approved.pk, by=marketer, at=DAY).pk, by=officer, at=DAY)
    assert "sent" in delivered()


def test_what_was_edited_since_it_was_asked_for_cannot_be_approved(sending, marketer, officer):
    asked = ask_approval(sending.pk, by=marketer, at=DAY)
    add(sending)
    with pytest.raises(ApprovalError, match="edited"):
        approve(asked.pk, by=officer, at=DAY)
    assert look_at_edits(at=DAY) == 1
    assert approve(asked.pk, by=officer, at=DAY) is False
    assert "since marketer asked" in Approval.objects.get(pk=asked.pk).reason


def publish_phrase(name):
    snippet, _made = Snippet.objects.get_or_create(name=name)
    text = snippet.texts.create(language="en", number=snippet.texts.count() + 1, body="So")
    assert publish_snippet(text.pk)


def test_an_edit_of_what_it_does_not_say_does_not_even_halt_it(approved, gateway):
    publish_phrase("elsewhere")
    template = Template.objects.create(code="other", name="Other")
    for number, state in ((1, "published"), (2, "draft")):
        TemplateVersion.objects.create(
            template=template, channel="sms", language="en", body="Hi", number=number, state=state
        )
    Template.objects.filter(code="other").update(sms_parts=2)
    LeadIn.objects.create(segment="silver", channel="sms", language="en", body="For you:")
    Disclaimer.objects.create(name="Risk", template=template, is_required=False)
    Snippet.objects.update(name="nowhere")
    assert state_of(approved) == "running"
    assert look_at_edits(at=DAY) == 0
    assert delivered() == ["sent"] * 3


def test_an_edit_that_may_concern_it_halts_it_and_leaves_its_clients_unread(approved, gateway):
    Disclaimer.objects.create(name="Risk", channels=["push"], is_required=False)
    Disclaimer.objects.all().delete()
    assert (state_of(approved), approved.reason) == ("waiting", "edited")
    assert delivered() == ["held"] * 3
    with CaptureQueriesContext(connection) as asked:
        assert look_at_edits(at=DAY) == 0
    assert not [each for each in asked if "messaging_notice" in each["sql"]]
    assert state_of(approved) == "running"
    assert delivered() == ["sent"] * 3
    publish(approved)
    assert [look_at_edits(at=DAY) for _ in range(2)] == [0, 0]
    assert Approval.objects.get().state == "spent"
    TemplateVersion.objects.filter(number=9).update(state="retired")
    assert state_of(approved) == "running"


def test_a_snippet_that_its_text_takes_in_voids_it_however_it_changes(
    sending, marketer, officer, gateway
):
    publish_phrase("risk")
    version = Message.objects.first().wording
    TemplateVersion.objects.filter(pk=version.pk).update(body="{{ link }} {{ snippet.risk }}")
    for change in (
        partial(publish_phrase, "risk"),
        lambda: Snippet.objects.filter(name="risk").update(name="danger"),
        lambda: Snippet.objects.filter(name="danger").update(name="risk"),
    ):
        approve(ask_approval(sending.pk, by=marketer, at=DAY).pk, by=officer, at=DAY)
        assert state_of(sending) == "running"
        change()
        assert state_of(sending) == "waiting"
        assert look_at_edits(at=DAY) == 1


def test_one_that_was_paused_meanwhile_waits_instead_of_going_on(approved):
    sendings.pause_sending(approved.pk, "A look.")
    add(approved)
    assert state_of(approved) == "paused"
    assert [sendings.resume_sending(approved.pk) for _ in range(2)] == [True, False]
    assert state_of(approved) == "waiting"


def test_a_lower_limit_halts_what_is_under_way_and_over_it(approved, officer):
    other = Sending.objects.create(title="Two", source="campaign:2")
    for client in (by_sms(), by_sms()):
        notice = noticed(client, key=f"two:{client.pk}")
        Notice.objects.filter(pk=notice.pk).update(sending=other)
    assert state_of(other) == "running"
    set_limit(1, reason="A new rule.", by=officer, at=DAY)
    assert (state_of(other), state_of(approved)) == ("waiting", "running")


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_who_approves_while_somebody_adds_a_client_is_refused(sending, marketer, officer):
    asked = ask_approval(sending.pk, by=marketer, at=DAY)
    client = factories.client()
    added, asking = Event(), Event()

    def adding():
        try:
            with transaction.atomic():
                Notice.objects.create(
                    client=client, template=Template.objects.get(code="coupon.accrued"),
                    sending=sending, dedupe_key="late", created_at=DAY,
                )  # fmt: skip
                added.set()
                assert asking.wait(30)
        finally:
            connection.close()

    def approving():
        try:
            assert added.wait(30)
            asking.set()
            approve(asked.pk, by=officer, at=DAY)
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.submit(adding), pool.submit(approving)
        first.result()
        with pytest.raises(ApprovalError, match="edited"):
            second.result()
    assert state_of(sending) == "waiting"


def test_the_desk_shows_figures_and_texts_and_two_people_decide(sending, marketer, officer, client):
    for user, rights in (
        (marketer, ["view_sending", "change_sending", "view_approval", "see_personal"]),
        (officer, ["view_sending", "view_approval", "approve_sending"]),
    ):
        user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(marketer)
    do = reverse("admin:messaging_sending_do", args=[sending.pk, "ask"])
    page = client.post(do, follow=True).content.decode()
    assert "3 clients, 3 messages" in page
    assert "US Technology" in page
    asked = Approval.objects.get()
    give = reverse("admin:messaging_approval_do", args=[asked.pk, "give"])
    assert client.post(give).status_code == 403
    client.force_login(officer)
    assert "3 clients are told" in client.post(give, follow=True).content.decode()
    assert state_of(sending) == "running"


def merged(kept, dropped, *, at=DAY):
    """Merge two clients, with a second person where one is needed."""
    clerk, _made = get_user_model().objects.get_or_create(username="clerk")
    second, _made = get_user_model().objects.get_or_create(username="second")
    merge = propose_merge(
        kept.pk, dropped.pk, reason="The same.", by=clerk, seen=preview(kept, dropped).seen, at=at
    )
    if merge.state == "proposed":
        seen = preview(kept, dropped).seen
        assert confirm_merge(merge.pk, by=second, seen=seen, at=at)
    return merge


def let_go(approved):
    assert state_of(approved) == "waiting"
    assert look_at_edits(at=DAY) == 0
    assert state_of(approved) == "running"


def test_two_recipients_who_turn_out_to_be_one_person_leave_it_approved(approved, gateway):
    first, second, third = (notice.client for notice in approved.notices.order_by("pk"))
    other = by_sms()
    merge = merged(first, second)
    let_go(approved)
    for kept, dropped in ((other, first), (other, third)):
        kept.refresh_from_db()
        dropped.refresh_from_db()
        merged(kept, dropped)
        let_go(approved)
    assert set(approved.notices.values_list("client", flat=True)) == {other.pk}
    clerk = get_user_model().objects.get(username="clerk")
    later = Merge.objects.get(dropped=first)
    for each in (later, merge):
        assert unmerge(each.pk, by=clerk, at=DAY)
        let_go(approved)
    vary(approved)
    assert look_at_edits(at=DAY) == 1


def test_a_merge_among_those_told_already_is_no_edit_that_another_merge_brings_up(
    approved, gateway
):
    first, second, _third = (notice.client for notice in approved.notices.order_by("pk"))
    approved.notices.filter(client=first).update(state="done")
    merged(by_sms(), first)
    assert state_of(approved) == "running"
    merged(by_sms(), second)
    let_go(approved)


def test_an_older_merge_taken_back_gives_news_to_somebody_else_and_voids_it(
    sending, marketer, officer, gateway
):
    first = sending.notices.order_by("pk")[0].client
    merge = merged(by_sms(), first, at=DAY - timedelta(days=1))
    assert approve(ask_approval(sending.pk, by=marketer, at=DAY).pk, by=officer, at=DAY)
    assert unmerge(merge.pk, by=marketer, at=DAY)
    assert state_of(sending) == "waiting"
    assert look_at_edits(at=DAY) == 1
    assert "Who is told" in Approval.objects.get().reason
