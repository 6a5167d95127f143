"""What an operator chooses about a station in a cluster."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias, get_args

from colorfast.envoy import ExtProcOptions, Fallback, Station
from colorfast.k8s.targets._versions import (
    NEWEST_ENVOY_GATEWAY,
    NEWEST_ISTIO,
    Version,
    envoy_of,
)
from colorfast.policy import Labels

Place: TypeAlias = Literal["gateway", "sidecar", "waypoint"]
"""Where a station stands: a gateway dyes, the others carry."""

PLACES: tuple[Place, ...] = get_args(Place)

Backend: TypeAlias = Literal["extproc", "lua", "wasm", "native"]
"""What decides."""

BACKENDS: tuple[Backend, ...] = get_args(Backend)

STATION_AT: dict[Place, Station] = {"gateway": "dye", "sidecar": "carry", "waypoint": "carry"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Which proxies. Raises ValueError for what no control plane can say."""

    place: Place = "gateway"
    namespace: str = "istio-system"
    selector: Labels = ()
    """Labels of the proxies' pods; without them, and without *gateway*, all in the namespace."""
    gateway: str | None = None
    """The name of a Gateway of the Gateway API whose proxies are meant."""

    def __post_init__(self) -> None:
        if self.place == "waypoint" and self.gateway is None:
            raise ValueError("a waypoint is named by its Gateway: --gateway NAME")
        if self.gateway is not None and (self.selector or self.place == "sidecar"):
            raise ValueError("--gateway goes with a gateway or a waypoint, and without --selector")

    @property
    def station(self) -> Station:
        """What is done there."""
        return STATION_AT[self.place]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetOptions:
    """All that a target is made from, beside the policy."""

    placement: Placement = field(default_factory=Placement)
    backend: Backend = "extproc"
    fallback: Fallback | None = None
    service: str = "colorfast.colorfast.svc.cluster.local:50051"
    """Where the proxies find the service: ``host:port``."""
    image: str = "oci://registry.example.com/colorfast-wasm:latest"
    """Where the control plane finds the Wasm plugin: ``oci://``, ``https://`` or ``file://``."""
    message_timeout: float = 0.2
    istio: Version = NEWEST_ISTIO
    envoy_gateway: Version = NEWEST_ENVOY_GATEWAY

    @property
    def extproc(self) -> ExtProcOptions:
        """For the filter that asks the service."""
        return ExtProcOptions(
            station=self.placement.station,
            envoy=envoy_of(self.istio),
            target=self.service,
            message_timeout=self.message_timeout,
        )
