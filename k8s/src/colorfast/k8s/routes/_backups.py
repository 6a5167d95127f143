"""``fallback: endpoints``: a lane without a ready pod falls back, where plain Istio answers 503.

Istio sends a request to a subset whether or not anything is ready in it. Envoy's aggregate cluster
is the first of several clusters that has a healthy endpoint: an EnvoyFilter adds one for each list
of subsets, and makes the lane routes lead to it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from colorfast.k8s._objects import Json, slug
from colorfast.k8s.routes._plan import Plan, entrance, route_name
from colorfast.policy import Labels, Service

_MESSAGE = "type.googleapis.com/envoy.extensions.clusters.aggregate.v3.ClusterConfig"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Proxies:
    """Proxies that get the same patches."""

    name: str
    namespace: str
    context: str
    """Istio's name of what a patch applies to."""
    selector: Labels
    """Labels of their pods; empty means all in the namespace."""


def backups(plan: Plan) -> Iterator[Json]:
    """One EnvoyFilter for each gateway, and one for the callers in each namespace."""
    for proxies, routes in _places(plan):
        patches = _patches(plan, proxies, routes)
        if not patches:
            continue
        spec: Json = {"configPatches": patches}
        if proxies.selector:
            spec = {"workloadSelector": {"labels": dict(proxies.selector)}} | spec
        api = "networking.istio.io/v1alpha3"
        yield plan.manifest(api, "EnvoyFilter", proxies.name, proxies.namespace) | {"spec": spec}


def _places(plan: Plan) -> Iterator[tuple[_Proxies, Sequence[tuple[str, Service]]]]:
    """Proxies, and the routes that they have: whose object they are in, and where they lead."""
    # A Gateway may be there several times, with hosts that lead to different services.
    entries: dict[_Proxies, list[tuple[str, Service]]] = {}
    for gateway in plan.mesh.gateways:
        proxies = _Proxies(
            name=slug(f"{gateway.name}-lane-backups"),
            namespace=gateway.namespace,
            context="GATEWAY",
            selector=gateway.selector,
        )
        entry = plan.mesh.entry_of(gateway)
        entries.setdefault(proxies, []).append((entrance(gateway, entry), entry))
    yield from entries.items()
    for namespace in dict.fromkeys(service.namespace for service in plan.mesh.services):
        callers = [each for each in plan.mesh.services if each.namespace == namespace]
        called = dict.fromkeys(name for caller in callers for name in caller.calls)
        proxies = _Proxies(
            name=slug(f"{plan.mesh.name}-lane-backups"),
            namespace=namespace,
            context="SIDECAR_OUTBOUND",
            selector=(),
        )
        yield proxies, [(name, plan.mesh.service(name)) for name in called]


def _patches(plan: Plan, proxies: _Proxies, routes: Sequence[tuple[str, Service]]) -> list[Json]:
    clusters: dict[str, Json] = {}
    merges = []
    for owner, service in routes:
        for lane in plan.lanes(service):
            if len(lane.targets) > 1:
                name = _cluster_name(service, lane.targets)
                clusters[name] = _aggregate(name, service, lane.targets)
                merges.append(_lead(proxies.context, route_name(owner, lane.lane), name))
    adds = [_add(proxies.context, cluster) for cluster in clusters.values()]
    return [*adds, *merges]


def _cluster_name(service: Service, targets: tuple[str, ...]) -> str:
    return f"colorfast|{service.port}|{','.join(targets)}|{service.host}"


def _aggregate(name: str, service: Service, targets: tuple[str, ...]) -> Json:
    # The names that Istio gives to the clusters of subsets.
    clusters = [f"outbound|{service.port}|{slug(lane)}|{service.host}" for lane in targets]
    return {
        "name": name,
        "connect_timeout": "1s",
        "lb_policy": "CLUSTER_PROVIDED",
        "cluster_type": {
            "name": "envoy.clusters.aggregate",
            "typed_config": {"@type": _MESSAGE, "clusters": clusters},
        },
    }


def _add(context: str, cluster: Json) -> Json:
    return {
        "applyTo": "CLUSTER",
        "match": {"context": context},
        "patch": {"operation": "ADD", "value": cluster},
    }


def _lead(context: str, route: str, cluster: str) -> Json:
    return {
        "applyTo": "HTTP_ROUTE",
        "match": {
            "context": context,
            "routeConfiguration": {"vhost": {"route": {"name": route}}},
        },
        "patch": {"operation": "MERGE", "value": {"route": {"cluster": cluster}}},
    }
