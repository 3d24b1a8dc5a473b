"""The options of a provider: what its kind needs to know, checked before anything is sent."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import import_module
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from apps.messaging.channels import REGISTRY, Answer, Letter, Verdict


class OptionsError(Exception):
    """A provider's options cannot be used; the text says why."""


class Misset:
    """Stands for a provider whose options cannot be used: it says so of one letter."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def send(self, letters: Iterable[Letter]) -> Iterator[tuple[UUID, Answer]]:
        for letter in letters:
            yield letter.key, Answer(Verdict.AGAIN, reason=self.reason)
            return


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


def check_options(kind: str, given: object) -> None:
    """Refuse options with which a provider of a kind could not be used. Raises OptionsError.

    A module says by `OPTIONS` which it knows, as they usually are, and by `ALLOWED` what they may be.
    """
    if not isinstance(given, Mapping):
        raise OptionsError(_('Options are written like {"name": "value"}.'))
    module = import_module(REGISTRY[kind])
    read_options(given, getattr(module, "OPTIONS", {}), getattr(module, "ALLOWED", {}))


def are_numbers(values: list[Any]) -> bool:
    return all(type(value) is int for value in values)
