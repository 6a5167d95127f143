"""Which version of a service a lane leads to."""

from colorfast.lane import is_family
from colorfast.policy import Mesh, Policy, Service


def target_lane(policy: Policy, service: Service, lane: str | None) -> str:
    """The deployed lane that requests of *lane* reach: itself, a parent's, or the baseline."""
    chain = policy.fallbacks(policy.baseline if lane is None else lane)
    return next(candidate for candidate in chain if candidate in service.lanes)


def exceptions(policy: Policy, mesh: Mesh, service: Service) -> tuple[tuple[str, str], ...]:
    """(lane, deployed lane) of the lanes that lead elsewhere than to the baseline.

    Of a family such as ``pr-*`` only members that are deployed or have a parent can do that.
    """
    named = [pattern for pattern in policy.lanes.patterns if not is_family(pattern)]
    deployed = [lane for any_service in mesh.services for lane in any_service.lanes]
    children = [child for child, _ in policy.parents]
    pairs = (
        (lane, target_lane(policy, service, lane))
        for lane in dict.fromkeys([*named, *deployed, *children])
    )
    return tuple((lane, target) for lane, target in pairs if target != policy.baseline)


def path_of(policy: Policy, mesh: Mesh, lane: str | None) -> str:
    """The path of a request of *lane*, as the sample apps tell it."""
    return _path_from(policy, mesh, mesh.service(mesh.entry), lane)


def _path_from(policy: Policy, mesh: Mesh, service: Service, lane: str | None) -> str:
    hop = f"-> {service.name}(version: {target_lane(policy, service, lane)})"
    onwards = (_path_from(policy, mesh, mesh.service(name), lane) for name in service.calls)
    return " ".join((hop, *onwards))
