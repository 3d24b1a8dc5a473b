"""The options of a provider: what its kind needs to know, checked before anything is sent."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _


class OptionsError(Exception):
    """A provider's options cannot be used; the text says why."""


def read_options(
    given: Mapping[str, Any],
    usual: Mapping[str, Any],
    allowed: Mapping[str, Callable[[Any], bool]],
) -> dict[str, Any]:
    """Fill in what is usual and check options one by one. Raises OptionsError."""
    if unknown := set(given) - set(usual):
        raise OptionsError(_("Nobody knows the option “%(name)s”.") % {"name": min(unknown)})
    options = {**usual, **given}
    for name, default in usual.items():
        if type(options[name]) is not type(default):
            said = {"name": name, "usual": json.dumps(default)}
            raise OptionsError(_("“%(name)s” is written like %(usual)s.") % said)
    for name, is_allowed in allowed.items():
        if not is_allowed(options[name]):
            said = {"name": name, "value": json.dumps(options[name])}
            raise OptionsError(_("“%(name)s” cannot be %(value)s.") % said)
    return options


def are_numbers(values: list[Any]) -> bool:
    return all(type(value) is int for value in values)
