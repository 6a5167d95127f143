"""The lane in a ``baggage`` header that is text, without taking the header apart.

``colorfast.lane.Member`` is the definition, over bytes; this answers one question of it, what the
last valid piece says, for the price of a few finds. Linear: the search goes from right to left,
from one piece that has the key in it to the one before, and tries each at its start only.
"""

import re
from collections.abc import Callable
from urllib.parse import unquote

from colorfast.propagator._settings import Settings

_OWS = " \t"

_MOST = 64
"""Pieces with the key in them that are tried: as many members as all must forward."""


def finder(settings: Settings) -> Callable[[str], str | None]:
    """A function that gives the lane which the last valid piece of a text names, or None."""
    key = settings.member
    assignment, size = f"{key}=", len(key) + 1
    admit = settings.lanes.admit
    ours = re.compile(rf"[ \t]*+{re.escape(key)}[ \t]*+=([^,;]*+)").match

    def find(text: str) -> str | None:
        at = text.rfind(key)
        if text.startswith(assignment, at) and (at == 0 or text[at - 1] == ","):
            # As nearly everybody writes it.
            end = text.find(",", at)
            lane = admit(text[at + size :] if end < 0 else text[at + size : end])
            if lane is not None:
                return lane
        left = _MOST
        while at >= 0 and left:
            start = text.rfind(",", 0, at) + 1
            piece = ours(text, start)
            if piece:
                value = piece[1]
                lane = admit(value) or _unusual(value.strip(_OWS), admit)
                if lane is not None:
                    return lane
            left -= 1
            at = text.rfind(key, 0, start)
        return None

    return find


def _unusual(value: str, admit: Callable[[str], str | None]) -> str | None:
    lane = admit(value)
    if lane is None and "%" in value:
        # No lane needs it, but W3C Baggage lets a sender encode what it likes, and
        # OpenTelemetry's own propagator decodes: both must come to the same lane.
        lane = admit(unquote(value))
    return lane
