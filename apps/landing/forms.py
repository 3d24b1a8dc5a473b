"""What clients type on their pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.profiles.actions.spelling import normalise_email


class EmailForm(forms.Form):
    """An e-mail address at which the client wants to be told."""

    address = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        error_messages={
            "required": _("Write the address at which you want to be told."),
            "invalid": _("This is no e-mail address. Write it like name@example.com."),
        },
    )

    def clean_address(self) -> str:
        """Write the address as files and suppressions do, and refuse letters that only look right."""
        return normalise_email(self.cleaned_data["address"])
