"""What Django itself can tell about the house."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).parents[2]


@pytest.mark.django_db
def test_every_change_of_a_model_has_its_migration():
    call_command("makemigrations", check=True, dry_run=True)


@pytest.mark.slow
def test_a_production_environment_passes_the_deployment_checks():
    production = {
        "DATABASE_URL": "postgresql://tidings@db.example/tidings",
        "REDIS_URL": "redis://broker.example/0",
        "SECRET_KEY": "a long one, for the checks alone; nothing is ever signed with this key 0123",
        "ALLOWED_HOSTS": "tidings.example",
        "PUBLIC_URL": "https://tidings.example",
        "LIVE": "1",
        "ENVIRONMENT": "production",
    }
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=kept | production,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
