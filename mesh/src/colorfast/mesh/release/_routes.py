"""The Envoys of a release: routes to versions, by lane or by weights."""

from collections.abc import Sequence
from dataclasses import dataclass

from colorfast.envoy import Json
from colorfast.envoy.bootstrap import refusal, route
from colorfast.mesh._configs import Plan
from colorfast.mesh._layout import GATEWAY
from colorfast.mesh.release._scenes import InForce
from colorfast.mesh.release._stage import is_refused
from colorfast.policy import Service, Workload
from colorfast.release import WHOLE, Release, ServiceRoutes


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasePlan(Plan):
    """The configuration of a mesh whose workloads are versions."""

    release: Release
    now: InForce

    def _routes(self, prefix: str, service: Service) -> list[Json]:
        """That of the release's lane first, then the base route for everybody else."""
        to = self._leading(service)
        name = f"{prefix}.{service.name}"
        targets = [_target(service, *one) for one in to.base]
        if prefix == GATEWAY and self.release.share == "entrance" and self.now.drawn:
            targets = self._drawing(service, to, targets)
        return [*self._of_lane(name, service, to), _shared(name, targets)]

    def _leading(self, service: Service) -> ServiceRoutes:
        """Where *service*'s routes lead; one outside of the release has its one version."""
        baseline = ServiceRoutes(service=service.name, base=((self.policy.baseline, WHOLE),))
        return self.now.routes.get(service.name, baseline)

    def _of_lane(self, name: str, service: Service, to: ServiceRoutes) -> list[Json]:
        lane, header = self.release.lane, self.policy.header
        if lane is None:
            return []
        if is_refused(self.release, service.name):
            text = f"{service.name} has no version for lane {lane}, which is strict\n"
            return [refusal(f"{name}.{lane}", text, header=header, lanes=lane)]
        if to.lane is None:
            return []
        return [route(f"{name}.{lane}", f"{service.name}.{to.lane}", headers={header: lane})]

    def _drawing(self, service: Service, to: ServiceRoutes, targets: Sequence[Json]) -> list[Json]:
        """*targets*, and one more that puts a share of everybody's requests into the lane."""
        lane, drawn = self.release.lane, self.now.drawn
        dye = [
            _header(self.policy.header, f"{lane}", "OVERWRITE_IF_EXISTS_OR_ADD"),
            # Behind what the dye wrote there: the last member is the one that counts.
            _header("baggage", f"{self.policy.member.key}={lane}", "APPEND_IF_EXISTS_OR_ADD"),
        ]
        version = to.lane or to.base[0][0]
        rest = [one | {"weight": one["weight"] * (WHOLE - drawn) // WHOLE} for one in targets]
        return [_target(service, version, drawn) | {"request_headers_to_add": dye}, *rest]

    def _clusters(self, service: Service) -> list[Json]:
        return [self._workload(Workload(service=service, lane=one)) for one in service.lanes]


def _target(service: Service, version: str, weight: int) -> Json:
    return {"name": f"{service.name}.{version}", "weight": weight}


def _shared(name: str, targets: Sequence[Json]) -> Json:
    """The route of everybody; each request is drawn for itself where there are two targets."""
    some = [one for one in targets if one["weight"]]
    made = route(name, some[0]["name"])
    if len(some) == 1 and "request_headers_to_add" not in some[0]:
        return made
    return made | {"route": {"weighted_clusters": {"clusters": some}, "timeout": "0s"}}


def _header(key: str, value: str, action: str) -> Json:
    return {"header": {"key": key, "value": value}, "append_action": action}
