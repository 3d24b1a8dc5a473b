"""The back office: Unfold's admin site with a content security policy of its own."""

from csp.constants import SELF, UNSAFE_EVAL, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.utils.translation import gettext_lazy as _
from unfold.sites import UnfoldAdminSite


class BackOffice(UnfoldAdminSite):
    site_title = _("Tidings")
    site_header = _("Tidings")

    def admin_view(self, view, cacheable=False):  # type: ignore[no-untyped-def] # noqa: FBT002
        # Unfold evaluates Alpine expressions and sets styles inline; every other page stays strict.
        relaxed = csp_replace(
            {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}
        )
        return relaxed(super().admin_view(view, cacheable))
