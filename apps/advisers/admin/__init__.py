"""The advisers' desk."""

from apps.advisers.admin import calls, shown, start

__all__ = ["calls", "shown", "start"]
