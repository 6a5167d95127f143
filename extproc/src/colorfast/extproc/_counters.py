"""Plain numbers that the hot path adds to; ``_metrics`` turns them into Prometheus at a scrape."""

from bisect import bisect_left
from typing import Final, TypeAlias

BOUNDS: Final = (50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3)
"""Upper bounds of the duration histogram, in seconds."""

_LEAST = BOUNDS[0]

MessageKey: TypeAlias = tuple[str, str, str]
"""Station, phase, outcome."""

DecisionKey: TypeAlias = tuple[str, str, str]
"""Station, lane or its family (empty: undyed), rule (empty: none)."""


class Counters:
    """What one processor has done so far. Touched by its event loop's thread only."""

    __slots__ = (
        "broken_connections",
        "buckets",
        "connections_active",
        "decisions",
        "duration_sum",
        "floods",
        "messages",
        "refused_values",
        "streams_active",
    )

    def __init__(self) -> None:
        self.messages: dict[MessageKey, int] = {}
        self.decisions: dict[DecisionKey, int] = {}
        self.buckets = [0] * (len(BOUNDS) + 1)
        """Messages by duration, not cumulative; the last bucket has no bound."""
        self.duration_sum = 0.0
        self.refused_values = 0
        self.streams_active = 0
        self.connections_active = 0
        self.floods: dict[tuple[str], int] = {}
        """Connections that were ended for flooding, by what there was too much of."""
        self.broken_connections: dict[tuple[str], int] = {}
        """Connections that were ended because the peer broke HTTP/2, by the error's name."""

    def message(self, key: MessageKey) -> None:
        """One message was answered, or refused."""
        self.messages[key] = self.messages.get(key, 0) + 1

    def decision(self, key: DecisionKey) -> None:
        """One request was decided."""
        self.decisions[key] = self.decisions.get(key, 0) + 1

    def flood(self, kind: str) -> None:
        """One connection was ended for flooding."""
        self.floods[kind,] = self.floods.get((kind,), 0) + 1

    def broken(self, error: str) -> None:
        """One connection was ended because its peer broke HTTP/2."""
        self.broken_connections[error,] = self.broken_connections.get((error,), 0) + 1

    def duration(self, seconds: float) -> None:
        """One message took *seconds*."""
        # Most take less than the first bound.
        self.buckets[0 if seconds <= _LEAST else bisect_left(BOUNDS, seconds)] += 1
        self.duration_sum += seconds
