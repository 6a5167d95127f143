"""Which versions of a service a lane leads to: what routes are made of, wherever they are."""

from collections.abc import Iterator
from dataclasses import dataclass

from colorfast.lane import is_family
from colorfast.policy._ir import Policy
from colorfast.policy._mesh import Mesh, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRoute:
    """Where the requests of one lane go at one service."""

    lane: str
    """A lane or, only in a route that refuses, a family."""
    targets: tuple[str, ...]
    """Deployed lanes in order: each serves when none of those before it has a ready pod.
    Empty: the request is refused."""


def lane_targets(policy: Policy, mesh: Mesh, service: Service, lane: str | None) -> tuple[str, ...]:
    """The deployed lanes that serve requests of *lane*, None being undyed, in order."""
    lane = policy.baseline if lane is None else lane
    if lane in mesh.strict:
        return (lane,) if lane in service.lanes else ()
    chain = tuple(each for each in policy.fallbacks(lane) if each in service.lanes)
    return chain if mesh.fallback == "endpoints" else chain[:1]


def lane_routes(policy: Policy, mesh: Mesh, service: Service) -> tuple[LaneRoute, ...]:
    """The lanes that lead elsewhere than to the baseline, exact names before families.

    A router tries them in this order and sends everything else to the baseline. Of a family such
    as ``pr-*`` only members that are deployed or have a parent can lead elsewhere; a strict family
    refuses all of its other members.
    """
    routes = (
        LaneRoute(lane=lane, targets=lane_targets(policy, mesh, service, lane))
        for lane in dict.fromkeys(_named(policy, mesh))
    )
    exceptions = [route for route in routes if route.targets != (policy.baseline,)]
    families = (pattern for pattern in mesh.strict.patterns if is_family(pattern))
    return (*exceptions, *(LaneRoute(lane=family, targets=()) for family in families))


def _named(policy: Policy, mesh: Mesh) -> Iterator[str]:
    yield from (pattern for pattern in policy.lanes.patterns if not is_family(pattern))
    for service in mesh.services:
        yield from service.lanes
    yield from (child for child, _ in policy.parents)
    yield from (pattern for pattern in mesh.strict.patterns if not is_family(pattern))
