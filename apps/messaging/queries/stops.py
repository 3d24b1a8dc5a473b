"""What the kill switch stops just now."""

from dataclasses import dataclass

from apps.messaging.models.stops import Stop


@dataclass(frozen=True)
class Stops:
    """The stops that stand: for everything, or for some channels."""

    everything: bool
    channels: frozenset[str]

    def cover(self, channel: str) -> bool:
        return self.everything or channel in self.channels


def standing_stops() -> Stops:
    """Read the stops that stand; one query.

    This installation speaks for one issuer: a stop of an issuer is of all, and outlasts a new
    spelling of its name in the settings.
    """
    stops = list(Stop.objects.filter(released_at=None).values_list("scope", "value"))
    ours = {Stop.Scope.GLOBAL, Stop.Scope.ISSUER}
    return Stops(
        everything=any(scope in ours for scope, _value in stops),
        channels=frozenset(value for scope, value in stops if scope == Stop.Scope.CHANNEL),
    )
