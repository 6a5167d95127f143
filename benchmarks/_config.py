"""The one Envoy's configuration: a listener a row.

Every route answers at once (``direct_response``), so nothing but the filter differs between the
rows: an upstream would cost Envoy more than most filters do, and would want a core that small
machines do not have. By then a dyed request has the lane header and so takes the route that says
200, for the route is picked again behind the filter; the other route of a dyeing row says 500. So
each measured request that was not dyed counts as failed. What an upstream gets, baggage included,
is looked at once before, through the path ``/echo``.
"""

from collections.abc import Mapping
from pathlib import Path

from colorfast.envoy import Chain, ExtProcOptions, Json, ext_proc_chain, extproc_cluster
from colorfast.envoy.bootstrap import (
    NO_CHAIN,
    bootstrap,
    cluster,
    connection_manager,
    listener,
    virtual_host,
)
from colorfast.policy import Policy

PLAIN, OURS, PEER = "no filter", "colorfast", "envoy-extproc-sdk"
"""The rows."""

ECHO = "/echo"
"""The path of the upstream that answers with what it got."""

_TIMEOUT = 5.0
"""Seconds that Envoy waits for a service: waiting must show as latency, not as a lost dye."""


def config(policy: Policy, services: Mapping[str, str], *, admin: Path, echo: Path) -> Json:
    """Rows for *services* (their addresses by name) and one for no filter.

    *admin* and *echo* are Unix sockets. Each listener has its row's name and a port of the system's
    choice.
    """
    listeners = [_listener(PLAIN, NO_CHAIN, policy, otherwise=200)]
    clusters = [cluster("echo", f"unix:{echo}")]
    for name, address in services.items():
        options = ExtProcOptions(target=address, cluster=name, message_timeout=_TIMEOUT)
        listeners.append(_listener(name, chain(name, policy, options), policy, otherwise=500))
        clusters.append(extproc_cluster(options))
    return bootstrap(admin=f"unix:{admin}", listeners=listeners, clusters=clusters)


def chain(name: str, policy: Policy, options: ExtProcOptions) -> Chain:
    """Ours is what ``colorfast compile`` writes: it strips what clients claim, service or not.

    The peer is spared that: it gets the same ext_proc filter, and nothing else.
    """
    whole = ext_proc_chain(policy, options)
    return whole if name == OURS else Chain(early=(), filters=whole.filters[:1])


def _listener(name: str, filters: Chain, policy: Policy, *, otherwise: int) -> Json:
    dyed = {"name": policy.header, "string_match": {"exact": "canary"}}
    routes = [
        {"name": f"{name} echo", "match": {"path": ECHO}, "route": {"cluster": "echo"}},
        _direct(f"{name} dyed", {"prefix": "/", "headers": [dyed]}, 200),
        _direct(f"{name} otherwise", {"prefix": "/"}, otherwise),
    ]
    manager = connection_manager(name, [virtual_host(name, routes)], filters)
    return listener(name, "127.0.0.1:0", manager)


def _direct(name: str, match: Json, status: int) -> Json:
    return {"name": name, "match": match, "direct_response": {"status": status}}
