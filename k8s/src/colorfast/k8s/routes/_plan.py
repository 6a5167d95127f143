"""What every kind of route is made from, and what they call things."""

from dataclasses import dataclass

from colorfast.k8s._objects import Json, Origin, slug
from colorfast.policy import Gateway, LaneRoute, Mesh, Policy, Service, lane_routes

COMPONENT = "lane-routes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A policy and the mesh that it routes in."""

    policy: Policy
    mesh: Mesh

    def manifest(self, api_version: str, kind: str, name: str, namespace: str) -> Json:
        """An object without its content."""
        origin = Origin(part_of=self.mesh.name, digest=self.policy.digest)
        return origin.manifest(api_version, kind, name, namespace, COMPONENT)

    def lanes(self, service: Service) -> tuple[LaneRoute, ...]:
        """The lanes that lead elsewhere than to the baseline, in the order of their routes."""
        return lane_routes(self.policy, self.mesh, service)

    @property
    def entry(self) -> Service:
        """Where the gateways lead."""
        return self.mesh.service(self.mesh.entry)


def entrance(gateway: Gateway, service: Service) -> str:
    """The name of the object that leads from *gateway* to *service*."""
    return slug(f"{gateway.name}-{service.name}")


def route_name(owner: str, lane: str) -> str:
    """The name of a route: *owner* is the object that it is in, so no two have the same.

    Argo Rollouts, patches and access logs know a route by its name.
    """
    return f"{owner}.{slug(lane.replace('*', 'any'))}"


def refusal(service: Service) -> str:
    """What a request of a strict lane is told."""
    return f"{service.name} has no version for the lane of this request, which is strict\n"
