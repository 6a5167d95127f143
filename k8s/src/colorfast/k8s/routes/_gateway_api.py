"""Lane routes in the Gateway API: HTTPRoutes, and a Service for each lane.

For ambient meshes, whose waypoints evaluate HTTPRoutes of a Service (GAMMA, GEP-1324), and for any
gateway that implements the API. There are no subsets here, so a lane's pods have a Service.
"""

from collections.abc import Iterator

from colorfast.k8s._objects import Json, slug
from colorfast.k8s.routes._external import external_hosts
from colorfast.k8s.routes._plan import Plan, entrance, route_name
from colorfast.lane import is_family, lanes_regex
from colorfast.policy import LaneRoute, Mesh, Policy, Service

_API = "gateway.networking.k8s.io/v1"


def gateway_api_routes(policy: Policy, mesh: Mesh) -> tuple[Json, ...]:
    """All routes of *mesh*; *policy* must fit it (``check_fit``).

    ``fallback: endpoints`` cannot be said in the Gateway API; it is as ``deployed`` here.
    """
    plan = Plan(policy=policy, mesh=mesh)
    return (
        *(each for service in mesh.services for each in _services(plan, service)),
        *(_mesh_route(plan, service) for service in mesh.services),
        *_entrances(plan),
        *external_hosts(plan),
    )


def _services(plan: Plan, service: Service) -> Iterator[Json]:
    for lane in service.lanes:
        yield _service(plan, service, _backend(service, lane), dict(service.pods_of(lane)))
    if any(not lane.targets for lane in plan.lanes(service)):
        # The API has no answer of its own to give. A Service that selects nothing has no
        # endpoints, and for that every implementation answers 503.
        yield _service(plan, service, _nowhere(service), None)


def _service(plan: Plan, service: Service, name: str, selector: dict[str, str] | None) -> Json:
    port = {"name": service.protocol, "port": service.port, "protocol": "TCP"}
    spec: Json = {"ports": [port]}
    if selector is not None:
        spec = {"selector": selector} | spec
    return plan.manifest("v1", "Service", name, service.namespace) | {"spec": spec}


def _backend(service: Service, lane: str) -> str:
    return slug(f"{service.name}-{lane}")


def _nowhere(service: Service) -> str:
    return slug(f"{service.name}-refused")


def _mesh_route(plan: Plan, service: Service) -> Json:
    parent = {"group": "", "kind": "Service", "name": service.name, "port": service.port}
    return _http_route(plan, service, f"{service.name}-lanes", {"parentRefs": [parent]})


def _entrances(plan: Plan) -> Iterator[Json]:
    for gateway in plan.mesh.gateways:
        parent = {"name": gateway.name, "namespace": gateway.namespace}
        start = {"parentRefs": [parent], "hostnames": list(gateway.hosts)}
        entry = plan.mesh.entry_of(gateway)
        yield _http_route(plan, entry, entrance(gateway, entry), start)


def _http_route(plan: Plan, service: Service, name: str, start: Json) -> Json:
    exceptions = [_exception(plan, service, name, lane) for lane in plan.lanes(service)]
    baseline = plan.policy.baseline
    rest = _rule(route_name(name, baseline), service, _backend(service, baseline))
    return plan.manifest(_API, "HTTPRoute", name, service.namespace) | {
        "spec": start | {"rules": [*exceptions, rest]}
    }


def _exception(plan: Plan, service: Service, owner: str, lane: LaneRoute) -> Json:
    header: Json = {"name": plan.policy.header, "value": lane.lane}
    if is_family(lane.lane):
        header = {
            "type": "RegularExpression",
            "name": plan.policy.header,
            "value": lanes_regex(lane.lane),
        }
    target = _backend(service, lane.targets[0]) if lane.targets else _nowhere(service)
    rule = _rule(route_name(owner, lane.lane), service, target)
    return {"name": rule["name"], "matches": [{"headers": [header]}]} | rule


def _rule(name: str, service: Service, backend: str) -> Json:
    return {"name": name, "backendRefs": [{"name": backend, "port": service.port}]}
