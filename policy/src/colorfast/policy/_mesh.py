"""A LaneMesh as values: which services there are, in which lanes, and who calls whom."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from colorfast.lane import LaneSet

App: TypeAlias = Literal["aiohttp", "requests"]
"""Which sample application the local mesh runs for a service."""

APPS: tuple[App, ...] = get_args(App)

Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Pod labels, in the order in which the file has them."""

Fallback: TypeAlias = Literal["deployed", "endpoints"]
"""What makes a hop leave a lane: it is not deployed there, or none of its pods is ready."""

Protocol: TypeAlias = Literal["http", "http2", "grpc"]
"""What a service speaks, as the name of its port tells Istio."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service and the versions of it that are deployed, one a lane."""

    name: str
    lanes: tuple[str, ...]
    calls: tuple[str, ...] = ()
    app: App = "aiohttp"
    namespace: str = "default"
    port: int = 80
    protocol: Protocol = "http"
    selector: Labels = ()
    """Labels of all its pods; when empty, ``app`` with the service's name."""
    lane_labels: tuple[tuple[str, Labels], ...] = ()
    """Labels that tell a lane's pods from the others; for a lane that is not named here,
    ``version`` with the lane's name."""
    position: tuple[int, int] = field(default=(0, 0), compare=False)
    """Line and column in the file."""

    @property
    def host(self) -> str:
        """The name that every namespace of a cluster knows it by."""
        return f"{self.name}.{self.namespace}.svc.cluster.local"

    def labels_of(self, lane: str) -> Labels:
        """The labels that tell the pods of *lane* from the service's other pods."""
        return dict(self.lane_labels).get(lane, (("version", lane),))

    def pods_of(self, lane: str) -> Labels:
        """The labels that select the pods of *lane* in its namespace."""
        return (*(self.selector or (("app", self.name),)), *self.labels_of(lane))


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """An entrance: a gateway that is there already, and which hosts of it are the mesh's."""

    name: str
    namespace: str
    hosts: tuple[str, ...]
    selector: Labels
    """Labels of its pods."""
    entry: str | None = None
    """The service that it sends requests to; None for that of the mesh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class External:
    """A host outside of the mesh; no lane is to be told to it."""

    host: str
    port: int = 80


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
    """Services behind gateways, which send requests to *entry* unless they name another."""

    name: str
    entry: str
    services: tuple[Service, ...]
    gateways: tuple[Gateway, ...] = ()
    external: tuple[External, ...] = ()
    strict: LaneSet = field(default_factory=lambda: LaneSet(()))
    """Lanes that a request never leaves: where one of them is not deployed, it gets a 503."""
    fallback: Fallback = "deployed"
    file: str = field(default="<mesh>", compare=False)
    strict_position: tuple[int, int] = field(default=(0, 0), compare=False)
    """Line and column of ``strict`` in the file."""

    def service(self, name: str) -> Service:
        """The service called *name*. Raises KeyError."""
        for service in self.services:
            if service.name == name:
                return service
        raise KeyError(name)

    def entry_of(self, gateway: Gateway) -> Service:
        """The service that *gateway* sends requests to."""
        return self.service(gateway.entry or self.entry)

    @property
    def entrances(self) -> tuple[str, ...]:
        """Every service that requests enter by, each once: *entry*, then those of gateways."""
        named = (gateway.entry for gateway in self.gateways if gateway.entry is not None)
        return tuple(dict.fromkeys((self.entry, *named)))

    @property
    def workloads(self) -> tuple[Workload, ...]:
        """Every version of every service."""
        return tuple(
            Workload(service=service, lane=lane)
            for service in self.services
            for lane in service.lanes
        )
