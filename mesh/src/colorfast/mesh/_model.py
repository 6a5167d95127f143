"""A LaneMesh: which services there are, in which lanes, and who calls whom."""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from colorfast.lane import is_lane_name

App: TypeAlias = Literal["aiohttp", "requests"]
"""Which sample application a service is."""

APPS: tuple[App, ...] = ("aiohttp", "requests")

_DNS_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service and the versions of it that are deployed, one a lane.

    Raises ValueError when a name is not valid.
    """

    name: str
    lanes: tuple[str, ...]
    calls: tuple[str, ...] = ()
    app: App = "aiohttp"

    def __post_init__(self) -> None:
        if not _DNS_LABEL.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot be a host name, so no service has it")
        if not self.lanes or len(set(self.lanes)) < len(self.lanes):
            raise ValueError(f"{self.name} must be deployed in one lane or more, once in each")
        for lane in self.lanes:
            if not is_lane_name(lane):
                raise ValueError(f"{lane!r} is not a lane name")
        if self.app not in APPS:
            raise ValueError(f"there is no sample app {self.app!r}, only {' and '.join(APPS)}")


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
    """Services behind a gateway, which sends every request to *entry*.

    Raises ValueError when a service is missing, named twice, or calls itself in the end.
    """

    name: str
    entry: str
    services: tuple[Service, ...]

    def __post_init__(self) -> None:
        names = [service.name for service in self.services]
        if len(set(names)) < len(names):
            raise ValueError("a service is there twice")
        for name in (self.entry, *(call for service in self.services for call in service.calls)):
            if name not in names:
                raise ValueError(f"there is no service {name!r}")
        for name in names:
            self._walk(name, ())

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

    def _walk(self, name: str, above: tuple[str, ...]) -> None:
        if name in above:
            raise ValueError(f"the calls {' -> '.join((*above, name))} never end")
        for call in self.service(name).calls:
            self._walk(call, (*above, name))
