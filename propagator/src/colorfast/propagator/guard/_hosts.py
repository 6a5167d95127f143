"""Which hosts may get a lane."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

_INSIDE = (".svc", ".local", ".internal", ".localhost")
"""What names in clusters and on machines end in; ``.svc.cluster.local`` is one of them."""


class Hosts:
    """A list of hosts: exact names and addresses, ``*.suffix``, ``*``, and ``mesh``.

    ``mesh`` is what is inside by its looks: names without a dot, names that end in ``.svc``,
    ``.local``, ``.internal`` or ``.localhost``, loopback, private and link-local addresses.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        wanted = [plain(pattern) for pattern in patterns]
        self._all = "*" in wanted
        self._mesh = "mesh" in wanted
        self._exact = frozenset(wanted) - {"*", "mesh"}
        self._suffixes = tuple(pattern[1:] for pattern in wanted if pattern.startswith("*."))
        # Hosts come from redirects as well, so their number is not ours to choose.
        self.allow = lru_cache(maxsize=1024)(self._allow)

    def _allow(self, host: str) -> bool:
        """Whether *host*, a name or an address without a port, may get a lane."""
        name = plain(host)
        if self._all or name in self._exact or name.endswith(self._suffixes):
            return True
        return self._mesh and _looks_inside(name)


def plain(host: str) -> str:
    """*host* in the one way that it is compared: lower case, no brackets, no final dot."""
    return host.lower().removeprefix("[").removesuffix("]").removesuffix(".")


def _looks_inside(name: str) -> bool:
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return bool(name) and (name.endswith(_INSIDE) or not set(name) & {".", ":"})
    return address.is_private or address.is_loopback or address.is_link_local
