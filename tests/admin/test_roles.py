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
    call_command("make_roles")  # twice makes no second group and no more rights


def member(role):
    user = get_user_model().objects.create_user(role, password="secret", is_staff=True)
    user.groups.add(Group.objects.get(name=role))
    return user


def test_the_groups_are_made_once(roles):
    assert sorted(Group.objects.values_list("name", flat=True)) == [
        "Compliance", "Data protection", "Marketer", "Operations",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("role", "right", "held"),
    [
        ("Marketer", "profiles.export_lists", True),
        ("Marketer", "products.change_strategy", True),
        ("Marketer", "products.change_quote", False),
        ("Operations", "products.change_quote", True),
        ("Operations", "products.change_payment", True),
        ("Operations", "profiles.export_lists", False),
        ("Operations", "profiles.change_client", False),
        ("Marketer", "profiles.see_personal", True),
        ("Operations", "profiles.see_personal", False),
        ("Compliance", "privacy.confirm_erasure", True),
        ("Compliance", "privacy.add_erasure", False),
        ("Data protection", "privacy.add_erasure", True),
        ("Data protection", "profiles.change_client", False),
        ("Compliance", "messaging.change_link", True),
        ("Compliance", "products.change_strategy", False),
        ("Compliance", "auth.change_user", False),
    ],
)
def test_a_role_holds_its_own_rights(roles, role, right, held):
    assert member(role).has_perm(right) is held


def test_nobody_deletes_or_manages_staff(roles):
    for role in ("Marketer", "Operations", "Compliance", "Data protection"):
        rights = member(role).get_all_permissions()
        assert not [right for right in rights if ".delete_" in right or right.startswith("auth.")]


@pytest.mark.parametrize("role", ["Marketer", "Operations", "Compliance", "Data protection"])
def test_a_role_sees_its_start_page(client, roles, role):
    client.force_login(member(role))
    page = client.get(reverse("admin:index")).content.decode()
    assert "desk-figures" in page
    assert reverse("admin:auth_user_changelist") not in page
