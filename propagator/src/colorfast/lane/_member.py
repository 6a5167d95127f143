"""Read, write and strip one member of a W3C ``baggage`` header; everything else byte for byte.

Theory of operation. Baggage has no quoting (W3C Baggage section 3.3.1), so a comma always ends a
piece. The header's lines are one string joined by commas. A piece is *ours* when, after leading
white space, it is the key, optional white space and ``=``. What is not ours is never parsed, only
kept: foreign members may be malformed, and mending them is not our business.

One pattern finds our pieces. An attempt starts at a comma only (one is put in front, so that the
first piece has one too) and cannot leave its piece, and white space is matched possessively: the
work is linear for every input.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from colorfast.lane._names import OWS, TOKEN


class Reading(NamedTuple):
    """What one pass over a ``baggage`` value found."""

    values: tuple[bytes, ...]
    """The values of our pieces in order: raw bytes up to the first ``;``, trimmed of OWS."""
    rest: bytes
    """Every other piece, byte for byte, joined with ``,``, the whole trimmed of OWS."""
    pieces: int
    """How many pieces *rest* is made of, empty ones counted."""


@dataclass(frozen=True, slots=True)
class Member:
    """The baggage list-member that carries a lane. Keys are case-sensitive.

    Raises ValueError when *key* is not a token (W3C Baggage section 3.3.1.1).
    """

    key: str = "lane"
    _key: bytes = field(init=False, repr=False, compare=False)
    _find: Callable[[bytes], Iterator[re.Match[bytes]]] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        if not re.fullmatch(TOKEN, self.key):
            raise ValueError(f"{self.key!r} is not a token, so it cannot be a baggage key")
        key = self.key.encode()
        ours = rb",[ \t]*+" + re.escape(key) + rb"[ \t]*+=([^,;]*+)[^,]*+"
        object.__setattr__(self, "_key", key)
        object.__setattr__(self, "_find", re.compile(ours).finditer)

    def read(self, baggage: bytes) -> Reading:
        """Split *baggage* (all lines joined) into our values and the rest. Never raises."""
        if self._key not in baggage:
            return _foreign(baggage)
        text = b"," + baggage
        kept: list[bytes] = []
        values: list[bytes] = []
        position = 0
        for match in self._find(text):
            if match.start() > position:
                kept.append(text[position + 1 : match.start()])
            values.append(match[1].strip(OWS))
            position = match.end()
        if not values:
            return _foreign(baggage)
        if position < len(text):
            kept.append(text[position + 1 :])
        rest = b",".join(kept)
        return Reading(tuple(values), rest.strip(OWS), rest.count(b",") + 1 if kept else 0)

    def strip(self, baggage: bytes) -> bytes:
        """*baggage* without our pieces; the very same object when it has none of them."""
        reading = self.read(baggage)
        return reading.rest if reading.values else baggage

    def write(self, lane: str, rest: bytes = b"") -> bytes:
        """One line: *lane*, then *rest*. Ours comes first, so truncation by others spares it."""
        member = f"{self.key}={lane}".encode()
        return member + b"," + rest if rest else member


def join_lines(lines: Iterable[bytes]) -> bytes:
    """Several lines of one header as one value (RFC 9110 section 5.3, W3C Baggage section 3.1)."""
    return b",".join(lines)


def _foreign(baggage: bytes) -> Reading:
    return Reading((), baggage.strip(OWS), baggage.count(b",") + 1 if baggage else 0)
