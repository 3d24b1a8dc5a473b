"""Publishing a wording: checked first, in place of the old one, once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from apps.messaging.actions.content import publish_version
from apps.messaging.models.content import Template, TemplateVersion

pytestmark = pytest.mark.django_db


def draft(body="{{ amount }} {{ link }}", code="coupon.accrued", **fields):
    return TemplateVersion.objects.create(
        template=Template.objects.get_or_create(code=code)[0],
        **{"channel": "sms", "language": "en", "number": 2, "body": body, **fields},
    )


def test_a_draft_replaces_the_wording_published_so_far():
    version = draft()
    (old,) = TemplateVersion.objects.filter(
        template=version.template, channel="sms", language="en", variant="plain", number=1
    )
    assert publish_version(version.pk)
    version.refresh_from_db()
    old.refresh_from_db()
    assert (version.state, old.state) == ("published", "retired")
    assert TemplateVersion.objects.filter(state="retired").count() == 1


def test_publishing_twice_changes_nothing():
    version = draft()
    assert publish_version(version.pk)
    assert not publish_version(version.pk)


@pytest.mark.parametrize(
    ("body", "field", "word"),
    [
        ("{{ amonut }}", "body", "amonut"),
        ("{{ amount", "body", "cannot be read"),
        ("{{ month }}", "body", "month"),
    ],
)
def test_a_wording_that_could_not_be_written_is_not_published(body, field, word):
    version = draft(body)
    with pytest.raises(ValidationError) as caught:
        publish_version(version.pk)
    assert word in caught.value.message_dict[field][0]
    version.refresh_from_db()
    assert version.state == "draft"


def test_a_marketers_own_template_may_take_any_value_but_must_be_readable():
    assert publish_version(draft("{{ whatever }}", code="my.own").pk)
    with pytest.raises(ValidationError):
        publish_version(draft("{% if %}", code="my.own", number=3).pk)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_four_who_publish_at_once_publish_once():
    version = draft()
    start = Barrier(4)

    def publish(_):
        start.wait()
        try:
            return publish_version(version.pk)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(publish, range(4))) == 1
    assert TemplateVersion.objects.filter(template=version.template, state="published").exists()
