"""Flood guards: frames that cost us and bring a client nothing, counted.

Theory of operation. Each kind of unproductive frame has an allowance for an interval. An honest
client stays far below it, except for frames that come with answers, such as updates of windows: so
every answer raises the allowance by ``EARNED``. Time is looked at only when an allowance is used
up, so a guard costs an addition. What counts as useful is an answer, never a byte received.
"""

from collections.abc import Callable, Mapping
from typing import Final

from colorfast.extproc.http2._errors import Flood, FloodFault
from colorfast.extproc.http2._limits import Limits

EARNED: Final = 4
"""Unproductive frames that one answer pays for."""


class Guards:
    """The counts of one connection. *now* is a monotonic clock in seconds."""

    def __init__(self, limits: Limits, now: Callable[[], float]) -> None:
        self.answers = 0
        """Answers sent so far; whoever sends one adds it."""
        self._allowances: Mapping[Flood, int] = limits.allowances
        self._interval = limits.interval
        self._now = now
        self._counts = dict.fromkeys(Flood, 0)
        self._since = dict.fromkeys(Flood, now())
        self._answers_then = dict.fromkeys(Flood, 0)

    def spend(self, flood: Flood) -> None:
        """One more frame of the kind *flood*. Raises FloodFault."""
        counts = self._counts
        counts[flood] += 1
        if counts[flood] > self._allowances[flood]:
            self._judge(flood)

    def _judge(self, flood: Flood) -> None:
        now = self._now()
        earned = EARNED * (self.answers - self._answers_then[flood])
        late = now - self._since[flood] >= self._interval
        if not late and self._counts[flood] > self._allowances[flood] + earned:
            raise FloodFault(flood, f"too many unproductive frames: {flood}")
        if late:
            self._since[flood] = now
            self._answers_then[flood] = self.answers
            self._counts[flood] = 0
