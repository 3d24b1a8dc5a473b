"""Which channels this installation has, and which addresses its providers write to."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from apps.messaging.models.providers import Provider
from apps.profiles.models import ContactPoint


@dataclass(frozen=True)
class Carried:
    """The channels that have a provider; in some it writes to addresses of certain schemes alone.

    A channel whose providers are all closed keeps what has no other way: that goes out later. Where
    some are open, an address that only a closed one writes to waits for it.
    """

    open: frozenset[str]
    closed: frozenset[str]
    schemes: Mapping[str, frozenset[str]]  # by channel, where not every address is carried
    waiting: Mapping[str, frozenset[str]]  # those besides that closed providers carry

    @property
    def known(self) -> frozenset[str]:
        return self.open | self.closed

    def reaches(self, point: ContactPoint) -> bool:
        scheme = point.address.partition(":")[0]
        return point.channel not in self.schemes or scheme in self.schemes[point.channel]

    def waits(self, point: ContactPoint) -> bool:
        """Say whether an address is carried once a provider is open again."""
        schemes = {point.address.partition(":")[0], ""}
        return not self.reaches(point) and not schemes.isdisjoint(
            self.waiting.get(point.channel, ())
        )


def carried() -> Carried:
    """Read what the providers carry; one query."""
    schemes: dict[tuple[str, bool], set[str]] = defaultdict(set)
    for channel, is_open, scheme in Provider.objects.order_by().values_list(
        "channel", "is_open", "scheme"
    ):
        schemes[channel, is_open].add(scheme)
    opened = {channel for channel, is_open in schemes if is_open}
    closed = {channel for channel, _is_open in schemes} - opened
    served = {channel: schemes[channel, channel in opened] for channel in opened | closed}
    limited = {channel: frozenset(names) for channel, names in served.items() if "" not in names}
    return Carried(
        frozenset(opened),
        frozenset(closed),
        limited,
        {channel: frozenset(schemes[channel, False]) - names for channel, names in limited.items()},
    )
