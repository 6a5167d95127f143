"""LaneMesh as it is written: the strict model of the file, shape by shape."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from colorfast.policy._mesh import App, Fallback, Protocol
from colorfast.policy._model import Envelope, LaneName, LanePattern, Model

_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"

DnsLabel = Annotated[str, StringConstraints(pattern=rf"^{_LABEL}$")]
"""A DNS label (RFC 1123): what services, namespaces and gateways are called by."""

Host = Annotated[str, StringConstraints(pattern=rf"^(\*\.)?{_LABEL}(\.{_LABEL})*$", max_length=253)]
"""A DNS name; a gateway's may start with ``*.``."""

Port = Annotated[int, Field(ge=1, le=65535)]

LabelKey = Annotated[
    str,
    StringConstraints(
        pattern=rf"^({_LABEL}(\.{_LABEL})*/)?[A-Za-z0-9]([A-Za-z0-9._-]{{0,61}}[A-Za-z0-9])?$"
    ),
]
LabelValue = Annotated[
    str, StringConstraints(pattern=r"^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$")
]
LabelMap = Annotated[dict[LabelKey, LabelValue], Field(min_length=1)]


def _lanes_shape(value: Any) -> str:
    return "map" if isinstance(value, dict) else "list"


Lanes = Annotated[
    Annotated[list[LaneName], Field(min_length=1), Tag("list")]
    | Annotated[dict[LaneName, LabelMap], Field(min_length=1), Tag("map")],
    Discriminator(_lanes_shape),
]
"""Lanes by name, or with the labels that tell their pods apart."""


class ServiceModel(Model):
    """One service: where it is deployed, and what it calls."""

    lanes: Lanes
    calls: list[str] = Field(default_factory=list)
    app: App = "aiohttp"
    namespace: DnsLabel | None = None
    port: Port = 80
    protocol: Protocol = "http"
    selector: LabelMap | None = None


class GatewayModel(Model):
    """A gateway that is there already."""

    name: DnsLabel
    namespace: DnsLabel = "istio-system"
    hosts: Annotated[list[Host], Field(min_length=1)]
    entry: str | None = None
    selector: LabelMap = Field(default_factory=lambda: {"istio": "ingressgateway"})


class ExternalModel(Model):
    """A host outside of the mesh."""

    host: Host
    port: Port = 80


class MeshSpec(Model):
    """A LaneMesh's ``spec``."""

    entry: str
    services: Annotated[dict[DnsLabel, ServiceModel], Field(min_length=1)]
    namespace: DnsLabel = "default"
    gateways: list[GatewayModel] = Field(default_factory=list)
    external: list[ExternalModel] = Field(default_factory=list)
    strict: list[LanePattern] = Field(default_factory=list)
    fallback: Fallback = "deployed"


class MeshEnvelope(Envelope):
    """A LaneMesh file whose ``spec`` is looked at apart."""

    kind: Literal["LaneMesh"]
