"""Log lines about peers that make no sense: one a minute at most, however many they are."""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Final

from colorfast.policy import ColorfastError

REPORT_EVERY: Final = 60.0
"""Seconds between two log lines."""

_LOG = logging.getLogger("colorfast.extproc")


class Reports:
    """Logs what it is told, spaced. *now* is a monotonic clock in seconds."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._quiet_until = float("-inf")
        self._unreported = 0

    def report(self, error: ColorfastError) -> None:
        """Log *error*, or count it for the next line."""
        now = self._now()
        if now < self._quiet_until:
            self._unreported += 1
            return
        more = f"; {self._unreported} more since the last such line" if self._unreported else ""
        _LOG.warning("%s: %s; %s%s", error.code, error.what, error.fix, more)
        self._quiet_until, self._unreported = now + REPORT_EVERY, 0
