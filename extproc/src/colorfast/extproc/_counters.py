"""Plain numbers that the hot path adds to; ``_metrics`` turns them into Prometheus at a scrape."""

from bisect import bisect_left
from collections.abc import Callable  # noqa: TC003 (types are for running code, too)
from typing import Final, TypeAlias

BOUNDS: Final = (50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3)
"""Upper bounds of the duration histogram, in seconds."""

_LEAST = BOUNDS[0]

MessageKey: TypeAlias = tuple[str, str, str]
"""Station, phase, outcome."""

DecisionKey: TypeAlias = tuple[str, str, str]
"""Station, lane or its family (empty: undyed), rule (empty: none)."""


class Tally:
    """How often the same thing happened: one addition on the hot path, whatever it counts for."""

    __slots__ = ("decision", "message", "times")

    def __init__(self, message: MessageKey, decision: DecisionKey | None) -> None:
        self.message = message
        self.decision = decision
        self.times = 0


class Counters:
    """What one processor has done so far. Touched by its event loop's thread only."""

    __slots__ = (
        "_tallies",
        "broken_connections",
        "buckets",
        "duration_sum",
        "floods",
        "open_connections",
        "open_streams",
        "refused_values",
    )

    def __init__(self) -> None:
        self._tallies: dict[tuple[MessageKey, DecisionKey | None], Tally] = {}
        self.buckets = [0] * (len(BOUNDS) + 1)
        """Messages by duration, not cumulative; the last bucket has no bound."""
        self.duration_sum = 0.0
        self.refused_values = 0
        self.open_streams: Callable[[], int] = int
        """Asked for ``streams_active``: the transport knows."""
        self.open_connections: Callable[[], int] = int
        """Asked for ``connections_active``."""
        self.floods: dict[tuple[str], int] = {}
        """Connections that were ended for flooding, by what there was too much of."""
        self.broken_connections: dict[tuple[str], int] = {}
        """Connections that were ended because the peer broke HTTP/2, by the error's name."""

    @property
    def streams_active(self) -> int:
        """Calls of ext_proc that are open."""
        return self.open_streams()

    @property
    def connections_active(self) -> int:
        """Connections that are open; always 0 with the transport grpcio."""
        return self.open_connections()

    def tally(self, message: MessageKey, decision: DecisionKey | None = None) -> Tally:
        """Where messages that are counted under these keys are counted."""
        tally = self._tallies.get((message, decision))
        if tally is None:
            tally = self._tallies[message, decision] = Tally(message, decision)
        return tally

    @property
    def messages(self) -> dict[MessageKey, int]:
        """Messages answered or refused."""
        found: dict[MessageKey, int] = {}
        for one in self._tallies.values():
            if one.times:
                found[one.message] = found.get(one.message, 0) + one.times
        return found

    @property
    def decisions(self) -> dict[DecisionKey, int]:
        """Requests decided."""
        found: dict[DecisionKey, int] = {}
        for one in self._tallies.values():
            if one.times and one.decision is not None:
                found[one.decision] = found.get(one.decision, 0) + one.times
        return found

    def duration(self, seconds: float) -> None:
        """One message took *seconds*."""
        # Most take less than the first bound.
        self.buckets[0 if seconds <= _LEAST else bisect_left(BOUNDS, seconds)] += 1
        self.duration_sum += seconds
