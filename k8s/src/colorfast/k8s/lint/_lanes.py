"""Rules about lanes: who selects their pods, and what of them leaves the mesh."""

from collections.abc import Iterator
from dataclasses import dataclass

from colorfast.k8s.lint._index import Index, Labels
from colorfast.k8s.lint._model import Destination, Route, ServiceName, service_name
from colorfast.k8s.lint._rule import Hit
from colorfast.k8s.manifests import Kind, Manifest, Node


def baseline_is_apart(index: Index) -> Iterator[Hit]:
    """What the default route leads to selects no pods of a lane."""
    swapped = _moved_by_controllers(index)
    reported: set[tuple[int, int, str]] = set()
    for owner, base, lane in _pairs(index):
        if {base.service.host, lane.service.host} & swapped:
            continue
        ours, theirs = _selection(index, base, owner), _selection(index, lane, owner)
        if ours is None or theirs is None or ours.host != theirs.host:
            continue
        pods = ours.labels <= theirs.labels
        both = ours.labels | theirs.labels
        workload = index.workload_with(base.service.namespace, both)
        if not pods and (workload is None or not ours.whole):
            continue
        key = (*ours.node.at, ours.owner.file)
        if key not in reported:
            reported.add(key)
            whose = f"of {workload.owner.title}" if workload else f"of {_called(lane)}"
            yield Hit(
                owner=ours.owner,
                node=ours.node,
                what=f"{_called(base)}, where the default route leads, also selects the pods "
                f"{whose}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Selection:
    """Labels of the pods behind a destination.

    *host* tells selections apart that cannot be compared; *whole*: the Service's own labels are
    among them.
    """

    owner: Manifest
    node: Node
    labels: Labels
    host: str
    whole: bool


def _pairs(index: Index) -> Iterator[tuple[Manifest, Destination, Destination]]:
    """Where a default route leads, and where a route by header does instead."""
    for owner, routes in index.routes_by_owner.items():
        defaults = [one for route in routes if not _by_header(route) for one in route.destinations]
        for route in routes:
            for lane in route.destinations if _by_header(route) else ():
                if not any(_same(lane, base) for base in defaults):
                    yield from ((owner, base, lane) for base in defaults)


def _by_header(route: Route) -> bool:
    return any(entry.headers for entry in route.entries)


def _same(one: Destination, other: Destination) -> bool:
    return one.service.same(other.service) and one.subset == other.subset


def _selection(index: Index, to: Destination, route: Manifest) -> _Selection | None:
    service = next(
        (one for one in index.services(to.service) if one.namespace == to.service.namespace), None
    )
    selector = service.spec["selector"] if service else None
    own = selector.labels if selector is not None else frozenset[tuple[str, str]]()
    host = f"/{service.namespace}" if service else f"{to.service.host}/{to.service.namespace}"
    if to.subset:
        found = _subset(index, to)
        if found is None:
            return None
        rule, node = found
        labels = node["labels"]
        at = labels if labels.present else node
        return _Selection(
            owner=rule, node=at, labels=own | labels.labels, host=host, whole=bool(own)
        )
    if service is None or selector is None:
        return _Selection(owner=route, node=to.node, labels=own, host=host, whole=False)
    if not own:
        return None
    return _Selection(owner=service, node=selector, labels=own, host=host, whole=True)


def _subset(index: Index, to: Destination) -> tuple[Manifest, Node] | None:
    for rule in index.rules_by_service.get(to.service, ()):
        for node in rule.spec["subsets"].items:
            if node["name"].text == to.subset:
                return rule, node
    return None


def _called(to: Destination) -> str:
    return f"subset {to.subset} of {to.service.host}" if to.subset else to.service.host


def _moved_by_controllers(index: Index) -> set[str]:
    """Services whose pods a release controller tells apart by labels that it adds itself."""
    found = set[str]()
    for rollout in index.all(Kind.ARGO_ROLLOUT):
        canary = rollout.spec["strategy"]["canary"]
        found |= {canary["canaryService"].text, canary["stableService"].text}
        name = canary["trafficRouting"]["istio"]["destinationRule"]["name"].text
        for rule in index.all(Kind.DESTINATION_RULE):
            if rule.name == name:
                found.add(service_name(rule.spec["host"].text, rule.namespace).host)
    for one in index.all(Kind.KRUISE_ROLLOUT, Kind.TRAFFIC_ROUTING):
        routings = (*one.spec["objectRef"].items, *_kruise(one)["trafficRoutings"].items)
        found |= {name for ref in routings for name in _with_canary(ref["service"].text)}
    return found - {""}


def _kruise(one: Manifest) -> Node:
    return one.spec["strategy"]["canary"]


def _with_canary(service: str) -> tuple[str, str]:
    return service, f"{service}-canary"


_READABLE = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB"})
"""Protocols whose headers a sidecar sees, and so can remove."""


def baggage_stays_inside(index: Index) -> Iterator[Hit]:
    """What goes to hosts outside of the mesh has no baggage."""
    if not index.has_dye:
        return
    for entry in index.all(Kind.SERVICE_ENTRY):
        protocols = {port["protocol"].text.upper() for port in entry.spec["ports"].items}
        if entry.spec["location"].text == "MESH_INTERNAL" or not protocols & _READABLE:
            continue
        for host in entry.spec["hosts"].items:
            routes = [route for route in index.routes if _is_for(route.owner, host.text)]
            if not routes:
                what = f"no VirtualService for {host.text} is given that would remove baggage"
                yield Hit(owner=entry, node=host, what=what, note=True)
            for route in routes:
                if route.destinations and not _removes_baggage(route):
                    what = f"baggage goes to {host.text}, which is outside of the mesh"
                    yield Hit(owner=route.owner, node=route.node, what=what)


def _is_for(owner: Manifest, host: str) -> bool:
    if owner.kind is not Kind.VIRTUAL_SERVICE:
        return False
    for node in owner.spec["hosts"].items:
        name = node.text
        if name == host or (name.startswith("*") and host.endswith(name[1:]) and len(name) > 1):
            return True
        if "." not in name and service_name(name, owner.namespace) == ServiceName(host, ""):
            return True
    return False


def _removes_baggage(route: Route) -> bool:
    return _without(route.node) or all(_without(one.node) for one in route.destinations)


def _without(node: Node) -> bool:
    request = node["headers"]["request"]
    removed = {one.text.lower() for one in request["remove"].items}
    overwritten = {name.lower() for name in request["set"].members}
    return "baggage" in removed | overwritten
