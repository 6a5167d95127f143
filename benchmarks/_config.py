"""Listeners of the one Envoy: one a row.

Every route answers at once (``direct_response``), so nothing but the filter differs between the
rows: an upstream would cost Envoy more than most filters do, and would want a core that small
machines do not have. By then a dyed request has the lane header and so takes the route that says
200, for the route is picked again behind the filter; the other route of a dyeing row says 500. So
each measured request that was not dyed counts as failed. What an upstream gets, baggage included,
is looked at once before, through the path ``/echo``.
"""

from collections.abc import Sequence

from colorfast.envoy import Chain, ExtProcOptions, Json, ext_proc_chain, extproc_cluster
from colorfast.envoy.bootstrap import address, connection_manager, listener, virtual_host
from colorfast.policy import Policy

ECHO = "/echo"
"""The path of the upstream that answers with what it got."""

TIMEOUT = 5.0
"""Seconds that Envoy waits for a service: waiting must show as latency, not as a lost dye."""


def row_listener(name: str, filters: Chain, header: str, *, otherwise: int) -> Json:
    """Answers 200 to requests whose lane *header* says canary, and *otherwise* to others."""
    dyed = {"name": header, "string_match": {"exact": "canary"}}
    routes = [
        {"name": f"{name} echo", "match": {"path": ECHO}, "route": {"cluster": "echo"}},
        _direct(f"{name} dyed", {"prefix": "/", "headers": [dyed]}, 200),
        _direct(f"{name} otherwise", {"prefix": "/"}, otherwise),
    ]
    manager = connection_manager(name, [virtual_host(name, routes)], filters)
    return listener(name, "127.0.0.1:0", manager)


def service_cluster(options: ExtProcOptions, addresses: Sequence[str]) -> Json:
    """The cluster of a service, which may listen on several addresses."""
    config = extproc_cluster(options)
    endpoints = [{"endpoint": {"address": address(one)}} for one in addresses]
    config["load_assignment"]["endpoints"] = [{"lb_endpoints": endpoints}]
    return config


def bare_filter(policy: Policy, options: ExtProcOptions, *, forward_rules: bool) -> Chain:
    """The ext_proc filter and nothing else, the same for every server.

    Without *forward_rules* Envoy sends all headers. What ``colorfast compile`` writes has them, and
    filters around it that do without the service.
    """
    bare, *_ = ext_proc_chain(policy, options).filters
    config = dict(bare["typed_config"])
    if not forward_rules:
        del config["forward_rules"]
    return Chain(early=(), filters=({**bare, "typed_config": config},))


def _direct(name: str, match: Json, status: int) -> Json:
    return {"name": name, "match": match, "direct_response": {"status": status}}
