"""Foreign keys obey the same layers as imports: a string reference hides from import-linter."""

import tomllib
from pathlib import Path

import pytest
from django.apps import apps

PYPROJECT = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
LAYERS = next(
    contract["layers"]
    for contract in PYPROJECT["tool"]["importlinter"]["contracts"]
    if contract["name"].startswith("Apps:")
)
HEIGHTS = {
    app.strip(): height for height, layer in enumerate(reversed(LAYERS)) for app in layer.split("|")
}


def relations(app):
    for model in apps.get_app_config(app).get_models(include_auto_created=True):
        for field in model._meta.get_fields():
            if field.is_relation and not field.auto_created and field.related_model:
                yield field, field.related_model._meta.app_label


def test_every_app_of_ours_has_its_layer():
    ours = {config.label for config in apps.get_app_configs() if config.name.startswith("apps.")}
    assert ours == set(HEIGHTS)


@pytest.mark.parametrize("app", HEIGHTS)
def test_foreign_keys_point_down(app):
    upward = [
        f"{field} → {target}"
        for field, target in relations(app)
        if target in HEIGHTS and target != app and HEIGHTS[target] >= HEIGHTS[app]
    ]
    assert upward == []
