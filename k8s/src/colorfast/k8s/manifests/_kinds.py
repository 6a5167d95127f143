"""Which kinds of objects are looked at; every other one is left out with a reason."""

from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """A kind with its API group, whatever the version: ``Kind.group``."""

    SERVICE = "Service."
    POD = "Pod."
    DEPLOYMENT = "Deployment.apps"
    STATEFUL_SET = "StatefulSet.apps"
    DAEMON_SET = "DaemonSet.apps"
    REPLICA_SET = "ReplicaSet.apps"
    CLONE_SET = "CloneSet.apps.kruise.io"
    VIRTUAL_SERVICE = "VirtualService.networking.istio.io"
    DESTINATION_RULE = "DestinationRule.networking.istio.io"
    GATEWAY = "Gateway.networking.istio.io"
    SERVICE_ENTRY = "ServiceEntry.networking.istio.io"
    ENVOY_FILTER = "EnvoyFilter.networking.istio.io"
    TRAFFIC_EXTENSION = "TrafficExtension.extensions.istio.io"
    HTTP_ROUTE = "HTTPRoute.gateway.networking.k8s.io"
    ARGO_ROLLOUT = "Rollout.argoproj.io"
    KRUISE_ROLLOUT = "Rollout.rollouts.kruise.io"
    TRAFFIC_ROUTING = "TrafficRouting.rollouts.kruise.io"
    FLAGGER_CANARY = "Canary.flagger.app"
    LANE_POLICY = "LanePolicy.colorfast.dev"
    LANE_MESH = "LaneMesh.colorfast.dev"
    LANE_RELEASE = "LaneRelease.colorfast.dev"
    KUSTOMIZATION = "Kustomization.kustomize.config.k8s.io"


WORKLOADS: Final = (
    Kind.POD,
    Kind.DEPLOYMENT,
    Kind.STATEFUL_SET,
    Kind.DAEMON_SET,
    Kind.REPLICA_SET,
    Kind.CLONE_SET,
    Kind.ARGO_ROLLOUT,
)
"""What has pods, and so labels that something can select."""


def kind_of(api_version: str, kind: str) -> Kind | None:
    """The kind that is looked at, or None."""
    group = api_version.rpartition("/")[0]
    name = f"{kind}.{group}"
    if name == _COMPONENT:
        return Kind.KUSTOMIZATION
    return _BY_NAME.get(name)


_COMPONENT: Final = "Component.kustomize.config.k8s.io"
"""A part of a kustomization, with patches of its own."""
_BY_NAME: Final = {str(kind): kind for kind in Kind}
