"""The back office's common ground: how pages are built, how values read, and its own staff pages."""

from apps.core.admin import display, keys, pages, schedules, sign_ins, staff

__all__ = ["display", "keys", "pages", "schedules", "sign_ins", "staff"]
