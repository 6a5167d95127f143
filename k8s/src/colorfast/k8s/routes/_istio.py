"""Lane routes for Istio's sidecars and gateways: VirtualServices and DestinationRules."""

from collections.abc import Iterator

from colorfast.k8s._objects import Json, slug
from colorfast.k8s.routes._backups import backups
from colorfast.k8s.routes._external import external_hosts
from colorfast.k8s.routes._plan import Plan, entrance, refusal, route_name
from colorfast.lane import is_family
from colorfast.policy import LaneRoute, Mesh, Policy, Service

API = "networking.istio.io/v1"
"""Since Istio 1.22; the fields are those of v1beta1."""


def istio_routes(policy: Policy, mesh: Mesh) -> tuple[Json, ...]:
    """All routes of *mesh*. Raises InvalidInput (CF224) when *policy* does not fit it: look first.

    Each service has one VirtualService, so that a release controller can own it, and a
    DestinationRule whose subsets are its lanes.
    """
    plan = Plan(policy=policy, mesh=mesh)
    return (
        *(_destination_rule(plan, service) for service in mesh.services),
        *(_virtual_service(plan, service) for service in mesh.services),
        *_entrances(plan),
        *backups(plan),
        *external_hosts(plan),
    )


def subset(lane: str) -> str:
    """The name of a lane's subset; Istio wants a DNS label."""
    return slug(lane)


def _destination_rule(plan: Plan, service: Service) -> Json:
    subsets = [
        {"name": subset(lane), "labels": dict(service.labels_of(lane))} for lane in service.lanes
    ]
    return plan.manifest(API, "DestinationRule", f"{service.name}-lanes", service.namespace) | {
        "spec": {"host": service.host, "subsets": subsets}
    }


def _virtual_service(plan: Plan, service: Service) -> Json:
    name = f"{service.name}-lanes"
    return plan.manifest(API, "VirtualService", name, service.namespace) | {
        "spec": {"hosts": [service.host], "http": _routes(plan, service, service.name)}
    }


def _entrances(plan: Plan) -> Iterator[Json]:
    for gateway in plan.mesh.gateways:
        entry = plan.mesh.entry_of(gateway)
        name = entrance(gateway, entry)
        yield plan.manifest(API, "VirtualService", name, entry.namespace) | {
            "spec": {
                "hosts": list(gateway.hosts),
                "gateways": [f"{gateway.namespace}/{gateway.name}"],
                "http": _routes(plan, entry, name),
            }
        }


def _routes(plan: Plan, service: Service, owner: str) -> list[Json]:
    """Exceptions first; the last route takes every other request, dyed or not."""
    exceptions = (_exception(plan, service, owner, each) for each in plan.lanes(service))
    baseline = plan.policy.baseline
    rest = {"name": route_name(owner, baseline), "route": [_to(service, baseline)]}
    return [*exceptions, rest]


def _exception(plan: Plan, service: Service, owner: str, lane: LaneRoute) -> Json:
    match = {"prefix": lane.lane[:-1]} if is_family(lane.lane) else {"exact": lane.lane}
    route: Json = {
        "name": route_name(owner, lane.lane),
        "match": [{"headers": {plan.policy.header: match}}],
    }
    if lane.targets:
        return route | {"route": [_to(service, lane.targets[0])]}
    return route | {"directResponse": {"status": 503, "body": {"string": refusal(service)}}}


def _to(service: Service, lane: str) -> Json:
    port = {"number": service.port}
    return {"destination": {"host": service.host, "subset": subset(lane), "port": port}}
