"""Plain numbers that the hot path adds to; ``_metrics`` turns them into Prometheus at a scrape."""

from bisect import bisect_left
from typing import Final, TypeAlias

BOUNDS: Final = (50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3)
"""Upper bounds of the duration histogram, in seconds."""

MessageKey: TypeAlias = tuple[str, str, str]
"""Station, phase, outcome."""

DecisionKey: TypeAlias = tuple[str, str, str]
"""Station, lane or its family (empty: undyed), rule (empty: none)."""


class Counters:
    """What one processor has done so far. Touched by its event loop's thread only."""

    __slots__ = (
        "buckets",
        "decisions",
        "duration_sum",
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

    def message(self, key: MessageKey) -> None:
        """One message was answered, or refused."""
        self.messages[key] = self.messages.get(key, 0) + 1

    def decision(self, key: DecisionKey) -> None:
        """One request was decided."""
        self.decisions[key] = self.decisions.get(key, 0) + 1

    def duration(self, seconds: float) -> None:
        """One message took *seconds*."""
        self.buckets[bisect_left(BOUNDS, seconds)] += 1
        self.duration_sum += seconds
