"""The lane in a ``baggage`` header that is text, without taking the header apart.

``colorfast.lane.Member`` is the definition, over bytes; this answers one question of it, what the
last valid piece says, for the price of a few finds. Linear: the search goes from right to left,
from one piece that has the key in it to the one before, and tries each at its start only.
"""

import re
from urllib.parse import unquote

from colorfast.propagator._settings import Settings

_OWS = " \t"

_MOST = 64
"""Pieces with the key in them that are tried: as many members as all must forward."""


class Finder:
    """Finds the lane of *settings*' member."""

    __slots__ = ("_admit", "_key", "_ours")

    def __init__(self, settings: Settings) -> None:
        self._key = settings.member
        self._admit = settings.lanes.admit
        key = re.escape(settings.member)
        self._ours = re.compile(rf"[ \t]*+{key}[ \t]*+=([^,;]*+)").match

    def __call__(self, text: str) -> str | None:
        """The lane that the last valid piece of *text* names, or None."""
        at = text.rfind(self._key)
        left = _MOST
        while at >= 0 and left:
            start = text.rfind(",", 0, at) + 1
            ours = self._ours(text, start)
            if ours:
                lane = self._admit(ours[1]) or self._lane(ours[1].strip(_OWS))
                if lane is not None:
                    return lane
            left -= 1
            at = text.rfind(self._key, 0, start)
        return None

    def _lane(self, value: str) -> str | None:
        lane = self._admit(value)
        if lane is None and "%" in value:
            # No lane needs it, but W3C Baggage lets a sender encode what it likes, and
            # OpenTelemetry's own propagator decodes: both must come to the same lane.
            lane = self._admit(unquote(value))
        return lane
