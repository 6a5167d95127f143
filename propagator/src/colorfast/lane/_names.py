"""What a lane may be called, and the closed set of lanes that a policy admits."""

import re
from dataclasses import dataclass, field

MAX_LANE_LENGTH = 63
"""Characters in the longest lane name: as many as a DNS label and a Kubernetes label value hold."""

LANE_NAME = r"[a-z0-9](?:[a-z0-9._-]{0,61}[a-z0-9])?"
"""The grammar of a lane name, as a regular expression that RE2 and Python read alike.

Every name is also a legal HTTP field value, baggage value, label value and metric label.
"""

TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 (RFC 9110 calls it a token)
"""RFC 9110 section 5.6.2 ``token``: header names and baggage keys."""

OWS = b" \t"
"""RFC 9110 section 5.6.3 optional white space."""

_LANE_NAME = re.compile(LANE_NAME)
_FAMILY = re.compile(r"(?:[a-z0-9][a-z0-9._-]{0,61})?\*")


def is_lane_name(name: str) -> bool:
    """Whether *name* may name a lane."""
    return _LANE_NAME.fullmatch(name) is not None


def is_family(pattern: str) -> bool:
    """Whether *pattern* is a family of lanes: a prefix and a trailing ``*``, as ``pr-*``."""
    return _FAMILY.fullmatch(pattern) is not None


def lanes_regex(pattern: str) -> str:
    """A regular expression, for RE2 too, that fully matches the lanes which *pattern* admits."""
    if not is_family(pattern):
        return re.escape(pattern)
    prefix = pattern[:-1]
    if not prefix:
        return LANE_NAME
    # What the prefix leaves of the longest name; the last character is a letter or digit.
    tail = f"[a-z0-9._-]{{0,{MAX_LANE_LENGTH - len(prefix) - 1}}}[a-z0-9]"
    return re.escape(prefix) + (f"(?:{tail})?" if prefix[-1].isalnum() else tail)


@dataclass(frozen=True, slots=True)
class LaneSet:
    """A closed set of lanes: names, and families such as ``pr-*``.

    Raises ValueError for a pattern that is neither.
    """

    patterns: tuple[str, ...]
    _names: dict[bytes, str] = field(init=False, repr=False, compare=False, hash=False)
    _families: tuple[tuple[str, str], ...] = field(
        init=False, repr=False, compare=False, hash=False
    )

    def __post_init__(self) -> None:
        families = [p for p in self.patterns if is_family(p)]
        names = [p for p in self.patterns if not is_family(p)]
        for name in names:
            if not is_lane_name(name):
                raise ValueError(f"{name!r} is neither a lane name nor a family such as 'pr-*'")
        object.__setattr__(self, "_names", {name.encode(): name for name in names})
        object.__setattr__(self, "_families", tuple((p[:-1], p) for p in families))

    def __contains__(self, lane: str) -> bool:
        return self.admit(lane.encode("utf-8", "surrogateescape")) is not None

    def admit(self, value: bytes) -> str | None:
        """The lane that *value* names, or None when it names none of this set.

        *value* is taken raw, as it stood on the wire: no decoding, no trimming.
        """
        name = self._names.get(value)
        if name is not None or not self._families or len(value) > MAX_LANE_LENGTH:
            return name
        text = value.decode("latin-1")
        if self.pattern_of(text) is not None and is_lane_name(text):
            return text
        return None

    def pattern_of(self, lane: str) -> str | None:
        """The entry of *patterns* that admits *lane*: a label set that no client can grow."""
        if lane.encode("latin-1", "replace") in self._names:
            return lane
        for prefix, pattern in self._families:
            if lane.startswith(prefix):
                return pattern
        return None
