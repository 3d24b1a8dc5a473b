"""Reads about clients that join several tables. Who may be told what, many ask for."""

from apps.profiles.queries.consents import consent_history, consents

__all__ = ["consent_history", "consents"]
