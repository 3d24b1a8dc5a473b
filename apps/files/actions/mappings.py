"""What a person says once of a source's files, kept under a name."""

from collections.abc import Iterable

from django.utils.translation import gettext as _

from apps.core.imports.layout import Layout
from apps.files.models import Mapping


class MappingError(ValueError):
    """A mapping that cannot be kept; the text says why."""


def save_mapping(
    name: str, *, kind: str, layout: Layout, header: Iterable[str], is_complete: bool
) -> Mapping:
    """Keep a layout under a name, in place of what was kept there of the same kind.

    It is offered for the next file with the same names of columns. Raises MappingError.
    """
    mapping, _made = Mapping.objects.get_or_create(name=name, defaults={"kind": kind})
    if mapping.kind != kind:
        raise MappingError(_("“%s” is kept for files of another kind; choose another name.") % name)
    mapping.layout = layout.to_json()
    mapping.header = sorted(header)
    mapping.is_complete = is_complete
    mapping.save()
    return mapping
