"""A LaneMesh as values: which services there are, in which lanes, and who calls whom."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

App: TypeAlias = Literal["aiohttp", "requests"]
"""Which sample application the local mesh runs for a service."""

APPS: tuple[App, ...] = get_args(App)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service and the versions of it that are deployed, one a lane."""

    name: str
    lanes: tuple[str, ...]
    calls: tuple[str, ...] = ()
    app: App = "aiohttp"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One version of one service, with a sidecar of its own."""

    service: Service
    lane: str

    @property
    def name(self) -> str:
        """Unique in the mesh: a service's name has no dot."""
        return f"{self.service.name}.{self.lane}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mesh:
    """Services behind a gateway, which sends every request to *entry*."""

    name: str
    entry: str
    services: tuple[Service, ...]

    def service(self, name: str) -> Service:
        """The service called *name*. Raises KeyError."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    @property
    def workloads(self) -> tuple[Workload, ...]:
        """Every version of every service."""
        return tuple(
            Workload(service=service, lane=lane)
            for service in self.services
            for lane in service.lanes
        )
