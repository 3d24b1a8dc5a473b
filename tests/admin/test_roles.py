"""The groups of staff: each may do its own work and no more."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.urls import reverse

pytestmark = pytest.mark.django_db


@pytest.fixture
def roles(capsys):
    call_command("make_roles")


def member(role):
    user = get_user_model().objects.create_user(role, password="secret", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def rights():
    return {group.name: group.permissions.count() for group in Group.objects.all()}


def test_the_groups_are_made_once_and_get_their_rights_once(roles):
    made = rights()
    assert sorted(made) == ["Adviser", "Compliance", "Data protection", "Marketer", "Operations"]
    call_command("make_roles")
    assert rights() == made


RIGHTS = {
    "Marketer": {
        "profiles.export_lists": True,
        "profiles.see_personal": True,
        "products.change_strategy": True,
        "products.change_quote": False,
        "messaging.add_stop": True,
        "messaging.release_stop": False,
        "messaging.change_reply": True,
        "messaging.change_provider": False,
    },
    "Operations": {
        "messaging.add_stop": True,
        "messaging.release_stop": True,
        "messaging.change_provider": True,
        "products.change_quote": True,
        "products.change_payment": True,
        "profiles.export_lists": False,
        "profiles.change_client": False,
        "profiles.see_personal": False,
    },
    "Compliance": {
        "privacy.confirm_erasure": True,
        "privacy.add_erasure": False,
        "messaging.change_link": True,
        "messaging.add_stop": True,
        "messaging.release_stop": True,
        "products.change_strategy": False,
        "auth.change_user": False,
    },
    "Adviser": {
        "advisers.view_calltask": True,
        "advisers.take_calltask": True,
        "advisers.reassign_calltask": False,
        "profiles.see_personal": True,
        "profiles.view_client": False,
        "messaging.view_message": False,
        "profiles.export_lists": False,
    },
    "Data protection": {"privacy.add_erasure": True, "profiles.change_client": False},
}


def test_a_role_holds_its_own_rights(roles):
    for role, held in RIGHTS.items():
        mine = member(role)
        assert {right: mine.has_perm(right) for right in held} == held, role


def test_nobody_deletes_or_manages_staff(roles):
    for role in RIGHTS:
        rights = member(role).get_all_permissions()
        assert not [right for right in rights if ".delete_" in right or right.startswith("auth.")]


@pytest.mark.parametrize("role", RIGHTS)
def test_a_role_sees_its_start_page(client, roles, role):
    client.force_login(member(role))
    page = client.get(reverse("admin:index")).content.decode()
    assert "desk-figures" in page
    assert reverse("admin:auth_user_changelist") not in page
