"""The lane in a ``baggage`` header that is text, without taking the header apart.

``colorfast.lane.Member`` is the definition, over bytes; this answers one question of it, what the
last valid piece says, for the price of a few finds. Linear: the search goes from right to left,
white space is walked by index, and only a piece's start is ever matched.
"""

import re
from urllib.parse import unquote

from colorfast.propagator._settings import Settings

_OWS = " \t"

_MOST = 64
"""Pieces of ours that are looked at: the members that all must forward (W3C Baggage 3.3.2)."""


class Finder:
    """Finds the lane of *settings*' member."""

    __slots__ = ("_admit", "_key", "_value")

    def __init__(self, settings: Settings) -> None:
        self._key = settings.member
        self._admit = settings.lanes.admit
        pattern = re.escape(settings.member) + r"[ \t]*+=([^,;]*+)"
        self._value = re.compile(pattern).match

    def __call__(self, text: str) -> str | None:
        """The lane that the last valid piece of *text* names, or None."""
        at = text.rfind(self._key)
        left = _MOST
        while at >= 0 and left:
            if at == 0 or text[at - 1] == "," or _starts_piece(text, at):
                left -= 1
                match = self._value(text, at)
                lane = (self._admit(match[1]) or self._lane(match[1])) if match else None
                if lane is not None:
                    return lane
            at = text.rfind(self._key, 0, at)
        return None

    def _lane(self, value: str) -> str | None:
        lane = self._admit(value.strip(_OWS))
        if lane is None and "%" in value:
            # No lane needs it, but W3C Baggage lets a sender encode what it likes, and
            # OpenTelemetry's own propagator decodes: both must come to the same lane.
            lane = self._admit(unquote(value.strip(_OWS)))
        return lane


def _starts_piece(text: str, at: int) -> bool:
    at -= 1
    while at >= 0 and text[at] in _OWS:
        at -= 1
    return at < 0 or text[at] == ","
