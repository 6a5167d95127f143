"""How long to wait before a worker that has died is started again."""

from dataclasses import dataclass
from typing import Final

FIRST: Final = 0.1
"""Seconds before the second start in a row; each further one waits twice as long."""

LONGEST: Final = 5.0
"""Seconds that no wait is longer than."""

SETTLED: Final = 10.0
"""Seconds of life after which a death counts as the first one again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """*deaths* is how often in a row a worker has died before it was settled."""

    deaths: int = 0

    def after(self, lived: float) -> "Backoff":
        """The state after a death at the age of *lived* seconds."""
        return Backoff(deaths=1 if lived >= SETTLED else self.deaths + 1)

    @property
    def delay(self) -> float:
        """Seconds to wait now: none after one death, so that a single crash costs a start only."""
        if self.deaths <= 1:
            return 0.0
        # The exponent is bounded too: a worker may go on dying for months.
        return min(LONGEST, FIRST * 2.0 ** min(self.deaths - 2, 16))
