from datetime import UTC, datetime, timedelta

import pytest

from apps.demo.models import Letter, World
from apps.messaging.actions.links import make_link, token_of
from tests import factories

pytestmark = pytest.mark.django_db
NOON = datetime(2013, 2, 20, 12, tzinfo=UTC)


def letter(key, *, at=NOON, **fields):
    return Letter.objects.create(
        **{
            "channel": "sms",
            "sender": "Issuer",
            "recipient": "+447700900123",
            "text": "Paid: http://127.0.0.1:8000/s/abc",
            "key": key,
            "received_at": at,
            **fields,
        }
    )


def email(key, **fields):
    html = '<p style="color:red">Hello <script>alert(1)</script></p>'
    return letter(
        key,
        channel="email",
        **{"recipient": "client017@example.com", "subject": "News", "html": html, **fields},
    )


def test_the_mailbox_shows_letters_newest_first_with_links_to_click(client):
    letter("older", text="the older one", at=NOON - timedelta(days=1))
    letter("newer")
    page = client.get("/demo/mailbox/").content.decode()
    assert page.index("+447700900123") < page.index("the older one")
    assert '<a href="http://127.0.0.1:8000/s/abc"' in page


def test_the_mailbox_finds_an_address_by_a_part_of_it(client):
    letter("sms", text="to a phone")
    email("mail")
    page = client.get("/demo/mailbox/", {"about": "client017"}).content.decode()
    assert "client017@example.com" in page
    assert "to a phone" not in page


def test_the_mailbox_finds_all_that_a_client_was_sent_by_his_name_or_one_address(client):
    someone = factories.client(first_name="Client 018")
    phone, mail = someone.contact_points.order_by("channel").values_list("address", flat=True)[::-1]
    letter("sms", text="to his phone", recipient=phone)
    email("mail", subject="to his inbox", recipient=mail)
    letter("another", text="to another phone")
    for about in ("client 018", mail, phone):
        page = client.get("/demo/mailbox/", {"about": about}).content.decode()
        assert "to his phone" in page
        assert "to his inbox" in page
        assert "to another phone" not in page


def test_what_a_letter_says_is_never_markup_of_the_page(client):
    letter("evil", text="<script>alert(1)</script>")
    assert b"<script>" not in client.get("/demo/mailbox/").content


def test_an_emails_html_is_served_where_no_script_of_it_runs(client):
    mail = email("mail")
    shown = client.get(f"/demo/mailbox/{mail.pk}/")
    policy = dict(
        directive.strip().split(" ", 1)
        for directive in shown["Content-Security-Policy"].split(";")
        if directive.strip()
    )
    assert policy["default-src"] == policy["script-src"] == "'none'"
    assert policy["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"
    assert policy["style-src"] == "'unsafe-inline'"
    assert shown["X-Frame-Options"] == "SAMEORIGIN"
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in (
        client.get("/demo/mailbox/").content.decode()
    )


def test_many_letters_are_shown_page_by_page(client):
    Letter.objects.bulk_create(
        Letter(
            channel="sms", sender="I", recipient="+447700900001", text=f"n{n}.", key=f"{n}",
            received_at=NOON + timedelta(minutes=n),
        )
        for n in range(120)
    )  # fmt: skip
    first, third = (
        client.get("/demo/mailbox/", {"page": page}).content.decode() for page in (1, 3)
    )
    assert "n119." in first
    assert "n0." not in first
    assert "n0." in third
    assert 'rel="next"' in first
    assert 'rel="next"' not in third


def test_the_start_page_leads_to_the_three_clients_pages(client):
    someone = factories.client()
    link, token = make_link(someone, subject="strategy:1", at=NOON)
    World.objects.create(
        pk=1, offset_seconds=0, reached_at=NOON, port=8000, links={"saved": link.pk}
    )
    page = client.get("/").content.decode()
    assert f"/s/{token}" in page
    assert token == token_of(link)
    assert str(someone) in page
    assert "<kbd>demo</kbd>" in page


def test_the_start_page_opens_before_anything_is_loaded(client):
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("path", ["/", "/demo/mailbox/", "/demo/mailbox/1/"])
def test_outside_the_demo_there_are_no_such_pages(client, settings, path):
    settings.DEMO = False
    email("mail", pk=1)
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/demo/mailbox/"])
def test_the_pages_change_nothing_and_are_kept_nowhere(client, path):
    assert client.post(path).status_code == 405
    shown = client.get(path)
    assert "no-store" in shown["Cache-Control"]
    assert "'unsafe" not in shown["Content-Security-Policy"]
