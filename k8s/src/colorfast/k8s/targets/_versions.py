"""Versions of control planes: which Envoy they bring, and since when they can do something."""

import re
from typing import NamedTuple, Self

from colorfast.envoy import EnvoyVersion


class Version(NamedTuple):
    """A minor release, as ``1.30``."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """*text* as ``1.30``, ``1.30.2`` or ``v1.30``. Raises ValueError."""
        match = re.fullmatch(r"v?([0-9]{1,3})\.([0-9]{1,3})(?:\.[0-9A-Za-z.+-]*)?", text)
        if match is None:
            raise ValueError(f"{text!r} is not a version such as 1.30")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


NEWEST_ISTIO = Version(1, 31)
NEWEST_ENVOY_GATEWAY = Version(1, 6)

_AHEAD = 8
"""What Istio's minor is behind that of its proxy: 1.31 brings Envoy 1.39 and 1.30 brings 1.38."""


def envoy_of(istio: Version) -> EnvoyVersion:
    """The Envoy that an Istio release brings."""
    return EnvoyVersion(1, istio.minor + _AHEAD)
