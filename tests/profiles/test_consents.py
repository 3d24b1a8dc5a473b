"""Consents by file: a file withdraws, but grants nothing that was withdrawn after it."""

from datetime import UTC, datetime

import pytest

from apps.profiles.actions.consents import Answer, record_consent
from apps.profiles.imports.clients import ClientResource
from apps.profiles.models import Channel, Client, ConsentRecord, Purpose
from apps.profiles.queries import consents
from tests.importing import import_file

pytestmark = pytest.mark.django_db

AT = datetime(2020, 3, 2, 12, tzinfo=UTC)
CONSENT = "core_id,consent_service,consent_text,consent_on"
HEADER = "core_id,phone,email,consent_service,consent_text"
ANNA = "C-1,+7 916 123-45-67,Anna@Example.com,sms email,v1"
BOB = "C-2,+12025550143,bob@example.com,none,"


def load(*lines: str, at=AT):
    content = "\n".join(lines).encode()
    return import_file(ClientResource, content, filename="clients.csv", at=at)


def test_a_file_withdraws_what_it_no_longer_names():
    load(HEADER, ANNA)
    report = load("core_id,consent_service,consent_text", "C-1,email,v1")
    anna = Client.objects.get()
    assert report.changed == 1
    assert consents([anna.pk], Purpose.SERVICE) == {(anna.pk, "email")}
    load("core_id,consent_service", "C-1,none")
    assert consents([anna.pk], Purpose.SERVICE) == set()


def test_another_text_is_another_answer_but_a_text_without_consent_is_none():
    load(HEADER, ANNA, BOB)
    assert load("core_id,consent_service,consent_text", "C-1,sms email,v2").changed == 1
    texts = ConsentRecord.objects.order_by("pk").values_list("channel", "text_version")
    assert sorted(texts) == [("email", "v1"), ("email", "v2"), ("sms", "v1"), ("sms", "v2")]
    assert load("core_id,consent_service,consent_text", "C-2,none,v9").unchanged == 1
    assert load("core_id,consent_text", "C-1,v9").unchanged == 1


def test_answers_to_different_texts_survive_a_change_of_something_else():
    load("core_id,consent_service,consent_text", "C-1,sms,v1")
    load("core_id,consent_service,consent_text", "C-1,sms email,v1")
    anna = Client.objects.get()
    record_consent(Answer(anna.pk, Purpose.SERVICE, Channel.EMAIL, True, "v2", "form"), at=AT)
    exported = ClientResource().export()
    assert load(*exported.export("csv").splitlines()).unchanged == 1
    load("core_id,last_name,consent_service,consent_text", "C-1,New,sms email,v2")
    assert ConsentRecord.objects.filter(text_version="v2").count() == 1


def test_a_file_never_grants_again_what_the_client_himself_withdrew():
    load(HEADER, ANNA)
    anna = Client.objects.get()
    stop = Answer(anna.pk, Purpose.SERVICE, Channel.SMS, granted=False, text_version="v1",
                  source="reply STOP")  # fmt: skip
    later = AT.replace(day=3)
    assert record_consent(stop, at=later)
    report = load(HEADER, ANNA, at=AT.replace(day=4))
    assert consents([anna.pk], Purpose.SERVICE) == {(anna.pk, "email")}
    assert [(said.line, said.column) for said in report.remarks] == [(2, "consent_service")]
    assert report.unchanged == 1


def test_consent_needs_the_version_of_its_text():
    report = load("core_id,consent_digest", "C-1,email")
    assert [(each.line, each.column) for each in report.faults] == [(2, "consent_text")]


def standing():
    pairs = consents(Client.objects.values_list("pk", flat=True), Purpose.SERVICE)
    return {channel for _client, channel in pairs}


def test_an_old_file_brought_in_again_grants_nothing_that_a_later_one_withdrew():
    load(HEADER, ANNA)
    load("core_id,consent_service", "C-1,none")
    report = load(HEADER, ANNA, at=AT.replace(year=2021))
    assert standing() == set()
    assert ConsentRecord.objects.count() == 4
    assert [(said.line, said.column) for said in report.remarks] == [(2, "consent_service")]
    assert "email sms" in report.remarks[0].reason
    assert report.unchanged == 1


def test_a_later_answer_grants_anew_what_a_file_withdrew_and_an_earlier_or_equal_one_does_not():
    load(CONSENT, "C-1,sms,v1,2020-01-10")
    load(CONSENT, "C-1,none,,2020-01-20")
    for stale in ("2020-01-10", "2020-01-20"):
        assert load(CONSENT, f"C-1,sms,v1,{stale}").unchanged == 1
        assert standing() == set()
    later = "C-1,sms,v1,2020-01-21"
    assert load(CONSENT, later).changed == 1
    assert load(CONSENT, later).unchanged == 1
    assert standing() == {"sms"}
    assert load(*ClientResource().export().export("csv").splitlines()).unchanged == 1


def test_a_withdrawal_without_a_day_counts_until_the_end_of_the_day_it_came_in():
    load(CONSENT, "C-1,sms,v1,")
    load(CONSENT, "C-1,none,,")
    load(CONSENT, "C-1,sms,v1,2020-03-03")  # 2 March, noon in London, is 3 March further east
    assert standing() == set()
    load(CONSENT, "C-1,sms,v1,2020-03-04", at=AT.replace(day=5))
    assert standing() == {"sms"}


def test_answers_that_come_in_disorder_count_in_their_own_order():
    load(CONSENT, "C-1,sms,v1,2020-01-01")
    load(CONSENT, "C-1,none,,2020-01-03")
    load(CONSENT, "C-1,none,,2020-01-09")
    load(CONSENT, "C-1,sms push,v1,2020-01-05")
    assert standing() == set()


def test_a_dated_refusal_of_somebody_never_asked_outlives_an_older_file():
    load(CONSENT, "C-1,none,,2020-01-09")
    load(CONSENT, "C-1,sms,v1,2020-01-05")
    assert standing() == set()


def test_no_date_grants_again_what_the_client_himself_withdrew():
    load(CONSENT, "C-1,sms,v1,2020-01-01")
    anna = Client.objects.get()
    stop = Answer(anna.pk, Purpose.SERVICE, Channel.SMS, False, "v1", "reply STOP")
    record_consent(stop, at=AT)
    later = AT.replace(month=6)
    load(CONSENT, "C-1,none,,2020-05-01", at=later)
    load(CONSENT, "C-1,sms,v1,2020-05-02", at=later)
    assert standing() == set()


def test_an_answer_of_tomorrow_is_refused():
    report = load(CONSENT, "C-1,sms,v1,2020-03-04")
    assert [(each.line, each.column) for each in report.faults] == [(2, "consent_on")]
    assert not Client.objects.exists()
