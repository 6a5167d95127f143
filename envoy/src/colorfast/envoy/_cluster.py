"""The cluster that leads to the Colorfast service."""

from colorfast.envoy import bootstrap
from colorfast.envoy._options import ExtProcOptions
from colorfast.envoy._types import Json
from colorfast.envoy._upstream_tls import transport_socket

_SERVICE = "envoy.service.ext_proc.v3.ExternalProcessor"


def extproc_cluster(options: ExtProcOptions) -> Json:
    """An ``envoy.config.cluster.v3.Cluster`` for ``options.target`` and ``options.endpoints``.

    Raises ValueError when one of them is neither ``unix:/path`` nor ``host:port``, or when a name
    to be resolved stands beside a Unix socket: Envoy resolves all of a cluster, or none.
    """
    config = bootstrap.cluster(
        options.cluster,
        options.target,
        *options.endpoints,
        connect_timeout=options.connect_timeout,
    )
    keepalive = {"interval": "10s", "timeout": "2s"}
    http2 = {
        # Finds out that the service's node is gone. Otherwise every request would wait for its
        # message timeout until TCP gives up, a quarter of an hour later.
        "connection_keepalive": keepalive,
    }
    config["typed_extension_protocol_options"] = bootstrap.http_options(
        {"explicit_http_config": {"http2_protocol_options": http2}}
    )
    if options.tls is not None:
        config["transport_socket"] = transport_socket(options.tls)
    # Envoy's default of 1,024 would cut a burst: what is above it passes undyed. The service
    # answers in well under a millisecond, so a high limit is never a long queue.
    limit = options.max_requests
    thresholds = {"max_requests": limit, "max_pending_requests": limit}
    if options.tries_again:
        # The default of 3 at a time would be used up at once.
        thresholds["max_retries"] = limit
    config["circuit_breakers"] = {"thresholds": [thresholds]}
    if options.health_check:
        config["health_checks"] = [_health_check()]
        # With one unhealthy host Envoy would "panic" and use it all the same.
        config["common_lb_config"] = {"healthy_panic_threshold": {"value": 0}}
    return config


def _health_check() -> Json:
    return {
        # The service's own NOT_SERVING (it drains) must stop new requests within a second.
        "interval": "1s",
        # Without it the first check of an idle Envoy would come a minute later.
        "no_traffic_interval": "1s",
        "timeout": "0.5s",
        # One answer lost under load is no outage, two in a row are.
        "unhealthy_threshold": 2,
        # Back at once: requests pass undyed until then.
        "healthy_threshold": 1,
        "grpc_health_check": {"service_name": _SERVICE},
    }
