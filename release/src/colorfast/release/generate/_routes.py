"""The routes of a release at each of its steps: the lanes' routes, led to versions.

``colorfast.k8s`` writes the routes of a mesh whose lanes are what they are. While a release runs,
the baseline and the release's lane are versions that its steps move, so their destinations are
put in here. Everything else of those routes stays: names, other lanes, the default at the end.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import replace

from colorfast.k8s import Json, istio_routes, slug
from colorfast.policy import Mesh
from colorfast.release._model import Change
from colorfast.release._steps import WHOLE, ServiceRoutes, Step
from colorfast.release.generate._site import Site
from colorfast.release.generate._subsets import kept_name, named, with_subsets


def destination_rules(site: Site, routes: Mapping[str, ServiceRoutes]) -> Iterator[Json]:
    """The subsets of every service in *routes*."""
    found = {
        one["spec"]["host"]: one
        for one in istio_routes(site.release.policy, site.release.mesh)
        if one["kind"] == "DestinationRule"
    }
    for change in site.release.changes:
        if change.name in routes:
            base = routes[change.name].base[0][0]
            rule = with_subsets(site, change, found[change.service.host], base)
            if rule["spec"]["subsets"]:
                yield rule


def moved(site: Site, step: Step) -> Iterator[Json]:
    """What *step* writes of routes; for kinds of releases whose routes are ours."""
    if site.release.share == "entrance" and step.action in ("weigh", "undye"):
        here = _routes_after(site, step)
        yield from moving(site, {name: here[name] for name in step.services}, _drawn(site, step))
    else:
        yield from moving(site, {one.service: one for one in step.routes}, _drawn(site, step))


def moving(site: Site, routes: Mapping[str, ServiceRoutes], drawn: int = 0) -> Iterator[Json]:
    """What a step writes that moves routes; *drawn* parts of 10,000 get the lane at gateways.

    An EnvoyFilter is never among it, for open connections would keep the old one.
    """
    if site.release.mesh.fallback == "endpoints":
        yield from destination_rules(site, routes)
    yield from virtual_services(site, routes, drawn)


def _drawn(site: Site, step: Step) -> int:
    """What share of the requests the gateways draw at *step*, where routes do that."""
    if site.release.share != "entrance" or step.action == "undye":
        return 0
    drawn = 0
    for one in _until(site, step):
        if one.action in ("weigh", "undye"):
            drawn = one.weight or 0
    return drawn


def _routes_after(site: Site, step: Step) -> dict[str, ServiceRoutes]:
    routes = site.plan.routes_at(0)
    for one in _until(site, step):
        routes |= {each.service: each for each in one.routes}
    return routes


def _until(site: Site, step: Step) -> tuple[Step, ...]:
    """The steps to *step*, of the plan or of its rollback."""
    steps = site.plan.steps if step in site.plan.steps else site.plan.rollback
    return steps[: step.number]


def virtual_services(
    site: Site, routes: Mapping[str, ServiceRoutes], drawn: int = 0
) -> Iterator[Json]:
    """The routes to every service in *routes*, from the mesh and from its gateways."""
    mesh = _deployed(site, routes)
    changes = {one.service.host: one for one in site.release.changes if one.name in routes}
    for one in istio_routes(site.release.policy, mesh):
        change = _about(one, changes) if one["kind"] == "VirtualService" else None
        if change is not None:
            made = _led(site, change, routes[change.name], one)
            at_gateway = drawn and "gateways" in made["spec"]
            yield _drawing(site, change, made, drawn) if at_gateway else made


def _deployed(site: Site, routes: Mapping[str, ServiceRoutes]) -> Mesh:
    """The mesh as far as routes go: the lane is where a route for it is."""
    release = site.release
    services = tuple(
        replace(service, lanes=tuple(lane for lane in service.lanes if lane != release.lane))
        if service.name not in routes or routes[service.name].lane is None
        else service
        for service in release.mesh.services
    )
    return replace(release.mesh, services=services)


def _about(virtual_service: Json, changes: Mapping[str, Change]) -> Change | None:
    """The change that *virtual_service* routes to. Its last route is for everybody."""
    *_, rest = virtual_service["spec"]["http"]
    return changes.get(rest["route"][0]["destination"]["host"]) if "route" in rest else None


def _led(site: Site, change: Change, routes: ServiceRoutes, virtual_service: Json) -> Json:
    made = deepcopy(virtual_service)
    baseline = slug(site.release.policy.baseline)
    lane = None if site.release.lane is None else slug(site.release.lane)
    kept = {slug(one): kept_name(site, change, one) for one in change.service.lanes}
    for route in made["spec"]["http"]:
        (only,) = route.get("route") or (None,)
        if only is None:
            continue
        subset = only["destination"]["subset"]
        if subset == baseline:
            route["route"] = _shared(site, change, routes, only["destination"])
        elif subset == lane and routes.lane is not None:
            only["destination"]["subset"] = named(site, change, routes.lane, lane=True)
        else:
            only["destination"]["subset"] = kept[subset]
    return made


def _shared(site: Site, change: Change, routes: ServiceRoutes, to: Json) -> list[Json]:
    """One destination a version. A weight is written where there are two."""
    made = [
        {"destination": to | {"subset": named(site, change, version, lane=False)}}
        for version, _ in routes.base
    ]
    if len(made) == 1:
        return made
    return [
        one | {"weight": weight * 100 // WHOLE}
        for one, (_, weight) in zip(made, routes.base, strict=True)
    ]


def _drawing(site: Site, change: Change, virtual_service: Json, drawn: int) -> Json:
    """*virtual_service* with a share of everybody's requests put into the lane."""
    *lanes, rest = virtual_service["spec"]["http"]
    (base,) = rest["route"]
    subset = named(site, change, change.new, lane=True)
    lane = {"destination": base["destination"] | {"subset": subset}, "headers": dye(site)}
    weights = ((base, WHOLE - drawn), (lane, drawn))
    to = [one | {"weight": weight * 100 // WHOLE} for one, weight in weights if weight]
    spec = virtual_service["spec"] | {"http": [*lanes, rest | {"route": to}]}
    return virtual_service | {"spec": spec}


def dye(site: Site) -> Json:
    """What a destination does that puts its requests into the lane."""
    policy = site.release.policy
    member = f"{policy.member.key}={site.lane}"
    return {"request": {"set": {policy.header: site.lane}, "add": {"baggage": member}}}
