"""Where a lane is kept: in OpenTelemetry's baggage, as the member, and nowhere else.

One place cannot disagree with itself: the lane header and the member that are sent, and what the
application reads or sets with ``opentelemetry.baggage``, are the same lane. Nothing here is ever
raised, and a context is never changed, only built anew.
"""

from collections.abc import Callable

from opentelemetry import baggage
from opentelemetry.context import Context, create_key

from colorfast.propagator._settings import Settings

BAGGAGE = next(iter(baggage.set_baggage("lane", "", Context())))
"""Where OpenTelemetry keeps baggage in a context, asked of its public functions: setting the
member and the rest by them copies the context twice, which is half of what an extract costs."""

REST = create_key("colorfast-rest")
"""Where ``baggage`` is kept as it came, for the others' members, when nobody else keeps them."""


def entries_of(context: Context) -> dict[str, object]:
    """The baggage of *context*; not to be changed."""
    entries = context.get(BAGGAGE)
    return entries if isinstance(entries, dict) else {}


def lane_of(context: Context, settings: Settings) -> str | None:
    """The lane of *context*, or None."""
    value = entries_of(context).get(settings.member)
    return None if value is None else lane_in(value, settings.lanes.admit)


def lane_in(value: object, admit: Callable[[str], str | None]) -> str | None:
    """The lane that a baggage *value* names. OpenTelemetry leaves properties at its end."""
    if not isinstance(value, str):
        return None
    return admit(value) or (admit(value.partition(";")[0].rstrip()) if ";" in value else None)


def with_lane(context: Context, lane: str | None, settings: Settings) -> Context:
    """*context* with *lane*, or without one for None; the same object if that changes nothing."""
    entries = entries_of(context)
    if lane is None:
        if settings.member not in entries:
            return context
        kept = {key: value for key, value in entries.items() if key != settings.member}
        return Context({**context, BAGGAGE: kept})
    if entries.get(settings.member) == lane:
        return context
    return Context({**context, BAGGAGE: {settings.member: lane, **entries, settings.member: lane}})


def without_arrivals(context: Context, settings: Settings) -> Context:
    """*context* without what an earlier request or message has left in it."""
    bare = with_lane(context, None, settings)
    if REST not in bare:
        return bare
    return Context({key: value for key, value in bare.items() if key != REST})
