"""What is taken off a request to a host that may not get the lane."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from colorfast.lane import Member
from colorfast.propagator._carriers import as_text
from colorfast.propagator._log import once
from colorfast.propagator._rest import decode, encode
from colorfast.propagator._settings import Settings
from colorfast.propagator.guard._hosts import Hosts

Pairs = Iterable[tuple[Any, Any]]


class Guard:
    """Keeps the lane of *settings* back from every host that *hosts* does not allow."""

    def __init__(self, hosts: Hosts, settings: Settings) -> None:
        self._allow = hosts.allow
        self._header = settings.header
        self._member = Member(settings.member)
        self._names = (settings.header, "baggage")

    def allows(self, host: object) -> bool:
        """Whether *host* (text or bytes) may get the lane."""
        return self._allow(as_text(host))

    def kept(self, host: object, headers: Pairs) -> list[tuple[Any, Any]]:
        """*headers* as *host* may get them."""
        pairs = list(headers)
        cleaned = [pair for pair in map(self._clean, pairs) if pair is not None]
        if cleaned != pairs:
            self._tell(host)
        return cleaned

    def kept_mapping(self, host: object, headers: Mapping[Any, Any]) -> Mapping[Any, Any]:
        """The same for a mapping; a new dict when something is taken off."""
        if not any(as_text(name).lower() in self._names for name in headers):
            return headers
        items: dict[Any, Any] = {}
        for name, value in self.kept(host, headers.items()):
            # The mappings of clients give one pair for each line; of ours there is one.
            items[name] = f"{items[name]}, {value}" if name in items else value
        return items

    def _clean(self, pair: tuple[Any, Any]) -> tuple[Any, Any] | None:
        name = as_text(pair[0]).lower()
        if name == self._header:
            return None
        if name != "baggage":
            return pair
        value = pair[1] if isinstance(pair[1], bytes) else encode(as_text(pair[1]))
        rest = self._member.strip(value)
        if rest is value:
            return pair
        if not rest:
            return None
        return pair[0], rest if isinstance(pair[1], bytes) else decode(rest)

    def _tell(self, host: object) -> None:
        what = (
            f"the lane is kept back from {as_text(host):.253}, which COLORFAST_HOSTS does not name"
        )
        once(logging.WARNING, "CF703", what)
