"""What restatements changed, policy by policy: read from the results, never copied."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.products.models.holdings import Policy
from apps.products.models.restatements import Restatement
from apps.products.models.strategies import Observation, ObservationResult


class Correction(models.Model):
    """One policy's coupon and capital at one observation, before and after a restatement.

    A view over results and their coupons; only what came out otherwise is in it.
    """

    key = models.CharField(max_length=50, primary_key=True)
    restatement = models.ForeignKey(
        Restatement, models.DO_NOTHING, related_name="corrections", verbose_name=_("restatement")
    )
    observation = models.ForeignKey(
        Observation, models.DO_NOTHING, related_name="+", verbose_name=_("observation")
    )
    result = models.ForeignKey(
        ObservationResult, models.DO_NOTHING, related_name="+", verbose_name=_("result")
    )
    policy = models.ForeignKey(
        Policy, models.DO_NOTHING, related_name="corrections", verbose_name=_("policy")
    )
    outcome_before = models.CharField(
        _("outcome before"), max_length=10, choices=ObservationResult.Outcome
    )
    outcome = models.CharField(_("outcome"), max_length=10, choices=ObservationResult.Outcome)
    amount_before = models.BigIntegerField(_("coupon before"))
    amount = models.BigIntegerField(_("coupon"))
    remembered_before = models.BigIntegerField(_("remembered before"))
    remembered = models.BigIntegerField(_("remembered"))
    capital_before = models.BigIntegerField(
        _("capital before"), help_text=_("What the end paid back, a residual too.")
    )
    capital = models.BigIntegerField(_("capital"))
    difference = models.BigIntegerField(
        _("difference"), help_text=_("What the client gets more, or less, in all.")
    )

    class Meta:
        managed = False
        db_table = "products_correction"
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")

    def __str__(self) -> str:
        return f"{self.policy} / {self.observation}"
