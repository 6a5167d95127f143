"""Envoy's minor releases, and what came with which."""

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class EnvoyVersion:
    """A minor release of Envoy."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> "EnvoyVersion":
        """Read ``1.40``. Raises ValueError for anything else."""
        found = re.fullmatch(r"([0-9]{1,4})\.([0-9]{1,4})", text)
        if found is None:
            raise ValueError(f"{text!r} is not a version of Envoy such as {NEWEST}")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


OLDEST = EnvoyVersion(1, 36)
"""The oldest one that Colorfast is tested with."""

NEWEST = EnvoyVersion(1, 40)
"""The newest one that Colorfast is tested with."""

REROUTES = EnvoyVersion(1, 38)
"""The first one whose set_filter_state picks the route again."""

RUNS_CHAINS = EnvoyVersion(1, 38)
"""The first one whose match trees run several filters, one after the other."""

READS_BYTES = EnvoyVersion(1, 39)
"""The first one whose RE2 reads bytes, and whose routes match each line of a header by itself."""
