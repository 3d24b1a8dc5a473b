"""Signing in to the back office, where whoever fails too often must wait."""

from math import ceil
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import ngettext
from unfold.forms import AuthenticationForm

from apps.core import clock
from apps.core.actions import WaitError, begin_sign_in, note_sign_in

BROWSER = "browser"  # the cookie by which one is known again


class SignInForm(AuthenticationForm):
    def clean(self) -> dict[str, Any]:
        username, password = (self.cleaned_data.get(name) for name in ("username", "password"))
        if not username or not password:
            return dict(super().clean())
        attempt = self.begin(username)
        said = dict(super().clean())
        note_sign_in(attempt)
        return said

    def begin(self, username: str) -> int:
        """Note the attempt. Raises ValidationError where there were too many."""
        at = clock.now()
        try:
            return begin_sign_in(username, self.request.COOKIES.get(BROWSER, ""), at=at)
        except WaitError as error:
            minutes = ceil((error.until - at).total_seconds() / 60)
            raise ValidationError(
                ngettext(
                    "Too many attempts with this name have failed. Try again in %d minute, or in a browser in which you have signed in before.",
                    "Too many attempts with this name have failed. Try again in %d minutes, or in a browser in which you have signed in before.",
                    minutes,
                )
                % minutes,
                code="too_many",
            ) from error
