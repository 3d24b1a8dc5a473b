"""Filters that Unfold does not have, or not so."""

from datetime import datetime, time
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_time
from unfold.contrib.filters.admin import RangeDateTimeFilter


class MomentFilter(RangeDateTimeFilter):
    """From a moment to a moment in the page's time zone; a day without a time is the whole day.

    Unfold's own compares with moments of no zone, and ignores a day without a time.
    """

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for end, lookup, missing in (("from", "gte", time.min), ("to", "lte", time.max)):
            moment = self.moment(end, missing)
            if moment is not None:
                queryset = queryset.filter(**{f"{self.field_path}__{lookup}": moment})
        return queryset

    def moment(self, end: str, missing: time) -> datetime | None:
        """Return one end of the range; None where nothing sensible is said."""
        said = [self.used_parameters.get(f"{self.field_path}_{end}_{part}") or "" for part in "01"]
        try:
            day, hour = parse_date(said[0]), parse_time(said[1])
        except ValueError:
            return None
        return None if day is None else timezone.make_aware(datetime.combine(day, hour or missing))
