"""What Unfold's pages lack for who does not see them."""

from django import template
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def with_main(page: SafeString) -> SafeString:
    """Name the part of a page that is its own, so that screen readers find it at once."""
    return SafeString(page.replace('<div id="main"', '<div id="main" role="main"', 1))
