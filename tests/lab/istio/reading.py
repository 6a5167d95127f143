"""Finding things in what Envoys are sent."""

import re
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final

Json = dict[str, Any]

_SECONDS: Final = re.compile(r"\d+(\.\d+)?s")
_DEFAULTS: Final = ("DEFAULT", "NONE", "STATIC")
"""Names of enums' first values, which JSON leaves out."""


TUNNELS: Final = ("connect_terminate", "connect_originate")
"""A waypoint's listeners for what requests come and go in."""


def managers(rendering: Json, *, tunnels: bool = False) -> Iterator[tuple[str, Json]]:
    """Every HTTP connection manager, with the name of its listener."""
    for listener in rendering["listeners"]:
        if listener["name"] in TUNNELS and not tunnels:
            continue
        last = listener.get("default_filter_chain")
        for chain in (*listener.get("filter_chains", ()), *([last] if last else ())):
            for one in chain["filters"]:
                if one.get("typed_config", {}).get("@type", "").endswith("HttpConnectionManager"):
                    yield listener["name"], one["typed_config"]


def filters(manager: Json) -> list[str]:
    """The names of its HTTP filters, in order."""
    return [one["name"] for one in manager["http_filters"]]


def routes_of(rendering: Json, domain: str) -> list[Json]:
    """The routes of *domain*, in order; called the same wherever they are found."""
    found = [
        host["routes"]
        for routes in (*rendering.get("routes", ()), *_inline(rendering))
        for host in routes.get("virtual_hosts", ())
        if domain in host["domains"]
    ]
    called = {tuple(route.get("name") for route in routes) for routes in found}
    assert len(called) == 1, (domain, called)
    first: list[Json] = found[0]
    return first


def _inline(rendering: Json) -> Iterator[Json]:
    """A waypoint has the routes of a Service in the Service's own chain, for all domains."""
    for _, manager in managers(rendering):
        routes = manager.get("route_config", {})
        kind, _, host = routes.get("name", "").rpartition("|")
        if kind.startswith("inbound-vip|"):
            hosts = [each | {"domains": [host]} for each in routes["virtual_hosts"]]
            yield routes | {"virtual_hosts": hosts}


def differences(got: Any, ours: Any, at: str = "") -> Iterator[str]:
    """Where *got*, the JSON of a message, does not say *ours*, which may name defaults too."""
    if isinstance(ours, dict) and isinstance(got or {}, dict):
        for key in sorted((got or {}).keys() | ours.keys()):
            yield from differences((got or {}).get(key), ours.get(key), f"{at}.{key}")
    elif isinstance(ours, list) and isinstance(got or [], list):
        for number, pair in enumerate(zip_longest(got or [], ours)):
            yield from differences(*pair, f"{at}[{number}]")
    elif not (got == ours or _same(got, ours)):
        yield f"{at}: {got!r} is not {ours!r}"


def _same(got: Any, ours: Any) -> bool:
    if got is None:
        return not ours or ours in _DEFAULTS
    if isinstance(ours, str) and _SECONDS.fullmatch(ours):
        return float(ours[:-1]) == float(got[:-1])
    return str(got) == str(ours)  # numbers of 64 bits are text in JSON
