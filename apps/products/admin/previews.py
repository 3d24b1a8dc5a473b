"""How the preview of a restatement reads: what would change, in words and by strategy."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.admin.display import moment, money, page_link, page_url
from apps.products import tasks
from apps.products.actions.restatement.foreseeing import progress, read
from apps.products.actions.restatement.preview import Foreseen, Preview
from apps.products.actions.restatement.replaying import Step
from apps.products.models.restatements import Foresight
from apps.products.models.strategies import ObservationResult

SHOWN = 50


def preview_said(preview: Preview) -> str:
    """Say in one line what would change: 3 strategies, 5 observations, 1,240 policies, −$12,300.00."""
    if not preview.changed:
        said = ngettext(
            "Nothing would change; %d strategy was looked at.",
            "Nothing would change; %d strategies were looked at.",
            preview.checked,
        )
        return said % preview.checked
    strategies, policies = len(preview.changed), preview.policies
    parts = [
        ngettext("%d strategy", "%d strategies", strategies) % strategies,
        ngettext("%d observation", "%d observations", preview.observations) % preview.observations,
        ngettext("%d policy", "%d policies", policies) % policies,
        *(signed(amount, currency) for currency, amount in sorted(preview.differences.items())),
    ]
    return ", ".join(parts)


def signed(amount: int, currency: str) -> str:
    """Write a difference with its sign."""
    sign = "+" if amount > 0 else "−" if amount < 0 else "±"
    return f"{sign}{money(abs(amount), currency)}"


def foresight_table(seen: Preview | Foresight) -> dict[str, Any]:
    """Return what was worked out, at once or aside, as a panel's table; else how far it is."""
    if isinstance(seen, Preview):
        return preview_table(seen)
    if seen.state == Foresight.State.DONE:
        table = preview_table(read(seen.found))
        note = _("As of %(moment)s.") % {"moment": moment(seen.begun_at)}
        return table | {"note": " · ".join(said for said in (table["note"], note) if said)}
    if seen.state == Foresight.State.ASKED:
        tasks.ring()
    return {
        "headers": [],
        "rows": [],
        "empty": how_far(seen),
        "more": _("Follow it"),
        "more_url": page_url(seen),
    }


def how_far(seen: Foresight) -> str:
    """Say how far the work is."""
    done, total = progress(seen)
    if seen.state == Foresight.State.FAILED:
        return _("This could not be worked out; the log says why.")
    if not total:
        return _("So much is worked out aside, which begins in a moment.")
    said = {"done": done, "total": total}
    return _("Being worked out: %(done)d of %(total)d strategies looked at.") % said


def preview_table(preview: Preview) -> dict[str, Any]:
    """Return the preview as a panel's table."""
    return {
        "said": preview_said(preview),
        "headers": [_("strategy"), _("observations"), _("policies"), _("difference")],
        "rows": [_changed(one) for one in preview.changed[:SHOWN]]
        + [_waiting(one) for one in preview.waiting[:SHOWN]],
        "empty": preview_said(preview),
        "note": preview_said(preview) if preview.changed else "",
    }


def _changed(one: Foreseen) -> list[object]:
    return [
        page_link(one.strategy),
        "; ".join(_step(step) for step in one.steps),
        one.policies,
        signed(one.difference, one.strategy.currency),
    ]


def _waiting(one: Foreseen) -> list[object]:
    return [page_link(one.strategy), _("waits: %(reason)s") % {"reason": one.waiting_for}, "–", "–"]


def _step(step: Step) -> str:
    return f"№ {step.observation.number}: {outcome(step.before)} → {outcome(step.after)}"


def outcome(result: ObservationResult) -> str:
    """Say an outcome with what it ended."""
    words = [str(result.get_outcome_display())]
    if result.called:
        words.append(_("called"))
    if result.matured:
        words.append(_("matured"))
    return ", ".join(words)
