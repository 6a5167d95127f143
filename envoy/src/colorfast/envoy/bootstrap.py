"""Small builders for whole Envoy configurations: listeners, routes, clusters, a bootstrap.

For the local mesh, the backends of ``colorfast test`` and the tests; a control plane has its own.
Each function returns one message of Envoy's v3 API as plain data.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import ip_address
from typing import Literal, TypeAlias

from colorfast.envoy._order import Chain
from colorfast.envoy._types import Json, duration, extension, typed

Protocol: TypeAlias = Literal["http1", "http2", "as-downstream"]
"""What an upstream is spoken to with; the last is whatever the client used."""

NO_CHAIN = Chain(early=(), filters=())
"""A connection manager without filters."""


def bootstrap(*, admin: str, listeners: Iterable[Json], clusters: Iterable[Json]) -> Json:
    """A static configuration whose admin endpoint is at *admin*: ``unix:/path``, ``host:port``."""
    return {
        "admin": {"address": address(admin)},
        "static_resources": {"listeners": list(listeners), "clusters": list(clusters)},
    }


def dump(config: Json) -> str:
    """*config* as text for ``envoy --config-path``: JSON, the same bytes every time."""
    return json.dumps(config, indent=1) + "\n"


def address(target: str) -> Json:
    """*target*, ``unix:/path`` or ``host:port`` (``[v6]:port``), as an ``Address``.

    Raises ValueError for anything else.
    """
    if target.startswith("unix:"):
        return {"pipe": {"path": target.removeprefix("unix:")}}
    host, port = host_and_port(target)
    return {"socket_address": {"address": host, "port_value": port}}


def listener(name: str, target: str, manager: Json) -> Json:
    """A listener at *target* whose connections *manager* handles."""
    return {
        "name": name,
        "address": address(target),
        "filter_chains": [{"filters": [manager]}],
    }


def connection_manager(
    name: str, hosts: Sequence[Json], chain: Chain = NO_CHAIN, *, edge: bool = False
) -> Json:
    """An HttpConnectionManager for HTTP/1.1 and HTTP/2 with *chain* in front of the router.

    *edge* takes the client's address from the connection, not from what the client says.
    """
    router = extension(
        "envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router"
    )
    package = "envoy.extensions.filters.network.http_connection_manager.v3"
    return extension(
        "envoy.filters.network.http_connection_manager",
        f"{package}.HttpConnectionManager",
        stat_prefix=name,
        use_remote_address=edge,
        early_header_mutation_extensions=list(chain.early),
        route_config={"name": name, "virtual_hosts": list(hosts)},
        http_filters=[*chain.filters, router],
    )


def virtual_host(name: str, routes: Iterable[Json], *, domains: Sequence[str] = ("*",)) -> Json:
    """The routes of some host names; routes are tried in order."""
    return {"name": name, "domains": list(domains), "routes": list(routes)}


def route(name: str, cluster: str, *, headers: Mapping[str, str] | None = None) -> Json:
    """Requests whose *headers* have exactly these values go to *cluster*.

    *name* must be unique in the configuration. There is no timeout: streams may last.
    """
    match: Json = {"prefix": "/"}
    if headers:
        match["headers"] = [
            {"name": header, "string_match": {"exact": value}} for header, value in headers.items()
        ]
    return {"name": name, "match": match, "route": {"cluster": cluster, "timeout": "0s"}}


def refusal(name: str, body: str, *, header: str, lanes: str) -> Json:
    """Requests whose *header* is of *lanes*, a lane or a family such as ``pr-*``, get a 503."""
    family = lanes.endswith("*")
    value = {"prefix": lanes[:-1]} if family else {"exact": lanes}
    return {
        "name": name,
        "match": {"prefix": "/", "headers": [{"name": header, "string_match": value}]},
        "direct_response": {"status": 503, "body": {"inline_string": body}},
    }


def cluster(
    name: str,
    target: str,
    *more: str,
    protocol: Protocol = "http1",
    connect_timeout: float = 0.5,
    watched: bool = False,
) -> Json:
    """An upstream at *target* and *more*: ``unix:/path`` or ``host:port``.

    *watched* looks each second whether it accepts connections. Raises ValueError for what is no
    address, and for a name to be resolved beside a Unix socket.
    """
    targets = (target, *more)
    literal = all(map(_is_literal, targets))
    if not literal and any(one.startswith("unix:") for one in targets):
        raise ValueError("a cluster is of Unix sockets, or of names to be resolved, not of both")
    config: Json = {
        "name": name,
        "type": "STATIC" if literal else "STRICT_DNS",
        "connect_timeout": duration(connect_timeout),
        "load_assignment": {"cluster_name": name, "endpoints": [_locality(targets)]},
    }
    if protocol != "http1":
        config["typed_extension_protocol_options"] = http_options(_PROTOCOLS[protocol])
    if watched:
        config["health_checks"] = [_accepts_connections()]
    return config


def aggregate(name: str, clusters: Iterable[str]) -> Json:
    """An upstream that is the first of *clusters* with a healthy endpoint."""
    message = "envoy.extensions.clusters.aggregate.v3.ClusterConfig"
    config = typed(message, clusters=list(clusters))
    return {
        "name": name,
        "connect_timeout": duration(0.5),
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {"name": "envoy.clusters.aggregate", "typed_config": config},
    }


def _accepts_connections() -> Json:
    return {
        "interval": "1s",
        "no_traffic_interval": "1s",
        "timeout": "0.5s",
        "unhealthy_threshold": 1,
        "healthy_threshold": 1,
        "tcp_health_check": {},
    }


def http_options(config: Json) -> Json:
    """How HTTP is spoken with an upstream, for ``typed_extension_protocol_options``."""
    message = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return {message: typed(message, **config)}


_PROTOCOLS: Mapping[str, Json] = {
    "http2": {"explicit_http_config": {"http2_protocol_options": {}}},
    "as-downstream": {
        "use_downstream_protocol_config": {
            "http_protocol_options": {},
            "http2_protocol_options": {},
        }
    },
}


def _locality(targets: Iterable[str]) -> Json:
    return {"lb_endpoints": [{"endpoint": {"address": address(one)}} for one in targets]}


def _is_literal(target: str) -> bool:
    if target.startswith("unix:"):
        return True
    try:
        ip_address(host_and_port(target)[0])
    except ValueError:
        return False
    return True


def host_and_port(target: str) -> tuple[str, int]:
    """*target*, ``host:port`` or ``[v6]:port``, in two. Raises ValueError for anything else."""
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([^:\[\]]+)):([0-9]{1,5})", target)
    if match is None or int(match[3]) >= 1 << 16:
        raise ValueError(f"{target!r} is neither 'unix:/path' nor 'host:port'")
    return match[1] or match[2], int(match[3])
