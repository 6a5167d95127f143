"""What a cluster has before we come: namespaces, workloads, gateways."""

from collections.abc import Iterator, Mapping
from typing import Any

from colorfast.k8s import Routes
from colorfast.k8s._objects import slug
from colorfast.policy import Gateway, Mesh, Service

Json = dict[str, Any]

GATEWAY_API = "gateway.networking.k8s.io/v1"
GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name"


def cluster_of(mesh: Mesh, routes: Routes, waypoints: str | None = None) -> list[Json]:
    """A Deployment for each lane of each service, and the gateways, by the API that *routes* are of.

    With *waypoints*, their name, each namespace with services is ambient and has one.
    """
    gateway = istio_gateway if routes == "istio" else gateway_api_gateway
    names = [*(one.namespace for one in mesh.services), *(one.namespace for one in mesh.gateways)]
    behind = dict.fromkeys(one.namespace for one in mesh.services) if waypoints else {}
    return [
        *(namespace(name, waypoints if name in behind else None) for name in dict.fromkeys(names)),
        *([gateway_class("istio-waypoint")] if waypoints else []),
        *(each for name in behind for each in waypoint(waypoints or "", name)),
        *([gateway_class("istio")] if routes == "gateway-api" else []),
        *(each for one in mesh.services for each in workloads(one)),
        *(each for one in mesh.gateways for each in gateway(one)),
    ]


def named(api: str, kind: str, name: str, namespace: str | None, **content: Any) -> Json:
    """An object."""
    metadata: Json = {"name": name}
    if namespace is not None:
        metadata["namespace"] = namespace
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **content}


def namespace(name: str, waypoint: str | None = None) -> Json:
    """A namespace whose pods get sidecars, or in the ambient mesh, its Services behind *waypoint*."""
    one = named("v1", "Namespace", name, None)
    ambient = {"istio.io/dataplane-mode": "ambient", "istio.io/use-waypoint": waypoint}
    one["metadata"]["labels"] = ambient if waypoint else {"istio-injection": "enabled"}
    return one


def workload(name: str, namespace: str, labels: Mapping[str, str], port: int) -> Json:
    """A Deployment of one pod."""
    container = {"name": "app", "image": "app", "ports": [{"containerPort": port}]}
    spec = {
        "selector": {"matchLabels": dict(labels)},
        "template": {"metadata": {"labels": dict(labels)}, "spec": {"containers": [container]}},
    }
    return named("apps/v1", "Deployment", name, namespace, spec=spec)


def service(name: str, namespace: str, selector: Mapping[str, str], port: int, what: str) -> Json:
    """A Service whose port speaks *what*."""
    ports = [{"name": what, "port": port, "protocol": "TCP", "targetPort": port}]
    return named(
        "v1", "Service", name, namespace, spec={"selector": dict(selector), "ports": ports}
    )


def workloads(one: Service) -> Iterator[Json]:
    """A service and its versions."""
    selector = dict(one.selector or (("app", one.name),))
    yield service(one.name, one.namespace, selector, one.port, one.protocol)
    for lane in one.lanes:
        yield workload(deployment(one, lane), one.namespace, dict(one.pods_of(lane)), one.port)


def deployment(one: Service, lane: str) -> str:
    """The Deployment of a version."""
    return slug(f"{one.name}-{lane}")


def istio_gateway(one: Gateway) -> Iterator[Json]:
    """An ingress gateway, and the Gateway that opens its port."""
    labels = dict(one.selector)
    yield workload(one.name, one.namespace, labels, 80)
    yield service(one.name, one.namespace, labels, 80, "http")
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": list(one.hosts)}
    spec = {"selector": labels, "servers": [server]}
    yield named("networking.istio.io/v1", "Gateway", one.name, one.namespace, spec=spec)


def gateway_class(name: str) -> Json:
    """One that Istio answers for."""
    controllers = {"istio": "gateway-controller", "istio-waypoint": "mesh-controller"}
    spec = {"controllerName": f"istio.io/{controllers[name]}"}
    return named(GATEWAY_API, "GatewayClass", name, None, spec=spec)


def gateway_api_gateway(one: Gateway) -> Iterator[Json]:
    """A Gateway, and what Istio deploys for it."""
    labels = {GATEWAY_NAME: one.name}
    yield workload(one.name, one.namespace, labels, 80)
    installed = service(f"{one.name}-istio", one.namespace, labels, 80, "http")
    installed["metadata"]["labels"] = labels
    yield installed
    everywhere = {"namespaces": {"from": "All"}}
    listeners = [
        {"name": f"http-{n}", "port": 80, "protocol": "HTTP", "hostname": host}
        | {"allowedRoutes": everywhere}
        for n, host in enumerate(one.hosts)
    ]
    spec = {"gatewayClassName": "istio", "listeners": listeners}
    yield named(GATEWAY_API, "Gateway", one.name, one.namespace, spec=spec)


def waypoint(name: str, namespace: str) -> Iterator[Json]:
    """A waypoint for the Services of *namespace*, which has to be ambient."""
    labels = {GATEWAY_NAME: name}
    yield workload(name, namespace, labels, 15008)
    installed = service(name, namespace, labels, 15008, "mesh")
    installed["metadata"]["labels"] = labels
    yield installed
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [listener]}
    host = f"{name}.{namespace}.svc.cluster.local"
    status = {"addresses": [{"type": "Hostname", "value": host}]}
    one = named(GATEWAY_API, "Gateway", name, namespace, spec=spec, status=status)
    one["metadata"]["labels"] = {"istio.io/waypoint-for": "service"}
    yield one


def authentication(namespace: str, waypoint: str | None = None) -> Iterator[Json]:
    """Policies that put filters of Istio's own into the proxies of *namespace*, or a waypoint."""
    api = "security.istio.io/v1"
    gateway = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": waypoint}
    where = {"targetRefs": [gateway]} if waypoint else {}
    rules: Json = {"jwtRules": [{"issuer": "someone", "jwks": '{"keys":[]}'}]}
    yield named(api, "RequestAuthentication", "tokens", namespace, spec=rules | where)
    operation = {"paths": ["/forbidden"], "ports": ["8080"]}
    nobody: Json = {"action": "DENY", "rules": [{"to": [{"operation": operation}]}]}
    yield named(api, "AuthorizationPolicy", "paths", namespace, spec=nobody | where)
