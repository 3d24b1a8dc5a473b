"""What files are known to say, so that the same again need not be compared with seven tables."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class KnownRecord(models.Model):
    """The last record of a file that says of a client nothing but what is stored, as a digest.

    Triggers void it as soon as anything of him changes, see docs/decisions/010.
    """

    # No reference: it tells nothing by itself, and nothing hangs on it.
    client_id = models.BigIntegerField(_("client"), primary_key=True)
    digest = models.UUIDField(_("digest"), null=True)
    changes = models.IntegerField(_("changes"), help_text=_("How often it was voided or renewed."))

    class Meta:
        verbose_name = _("known record")
        verbose_name_plural = _("known records")

    def __str__(self) -> str:
        return str(self.client_id)
